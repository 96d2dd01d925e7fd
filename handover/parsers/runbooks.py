"""Runbooks: Markdown that a person follows by hand, and whose steps a machine can run.

    # Restart a service
    Who: operator
    Parameter service: the unit | nginx.service

    When and why.

    ## Look at it
    ```sh check
    systemctl status "$service" --no-pager
    ```

    ## Restart it
    ```sh run timeout=60 expect=^active$
    systemctl restart "$service"
    systemctl is-active "$service"
    ```
    ```sh undo
    systemctl start "$service"
    ```

A `check` changes nothing and is asked first; of a `run` a line of its output must match what is expected. What stands for a parameter
is the value of one system; the steps are the same everywhere, which is why their sha256 says what may be rehearsed on a host.
"""

import hashlib
import re
import shlex
from dataclasses import dataclass, field

LONGEST = 100_000
_PARAMETER = re.compile(r"Parameter ([a-z][a-z0-9_]{0,30}): ([^|\n]{1,200})(?:\| ?(.*))?$")
_FENCE = re.compile(r"```sh (check|run|undo)((?: \w+=\S+)*)$")
# What a value may hold: nothing that a shell, wherever it is put in, could take for more than a word.
VALUE = re.compile(r"[]A-Za-z0-9@%+=:,./_ *\[-]{0,400}")
_WHO = {"operator", "client", "anybody"}


class UnreadableRunbook(Exception):
    """What is wrong, with the line."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What differs between systems."""

    name: str
    words: str
    default: str = ""


@dataclass(slots=True)
class Step:
    """One step: what a person reads and what is run.

    Args:
        check: it changes nothing.
        expect: an extended regular expression that a line of its output must match; empty asks for exit status 0 alone.
    """

    title: str
    about: str = ""
    check: bool = False
    run: str = ""
    undo: str = ""
    timeout_s: int = 120
    expect: str = ""


@dataclass(frozen=True, slots=True)
class Runbook:
    """A runbook as it was read."""

    title: str
    who: str
    about: str
    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...] = field(default=())


def parse_runbook(text: str) -> Runbook:
    """Read a runbook.

    Raises:
        UnreadableRunbook: no title, an unknown head, a fence outside a step, a step with nothing to run, a parameter nobody named.
    """
    if len(text) > LONGEST:
        raise UnreadableRunbook("A runbook has at most 100,000 characters.")
    reader = _Reader()
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        reader.line(line, number)
    if reader.fence:
        raise UnreadableRunbook("The last step is not closed with ```.")
    book = Runbook(reader.title, reader.who, "\n".join(reader.about).strip(), tuple(reader.parameters), tuple(reader.steps))
    _demand(book)
    return book


class _Reader:
    """What was read so far, line by line: the head up to the first step, then steps; inside of a fence everything is the step's."""

    def __init__(self) -> None:
        self.title, self.who, self.fence = "", "operator", ""
        self.about: list[str] = []
        self.parameters: list[Parameter] = []
        self.steps: list[Step] = []
        self._script: list[str] = []

    def line(self, line: str, number: int) -> None:
        if self.fence:
            self._inside(line, number)
        elif line.startswith("```"):
            self._open(line, number)
        elif line.startswith("# "):
            self.title = line[2:].strip()
        elif line.startswith("## "):
            self.steps.append(Step(title=line[3:].strip()))
        elif self.steps:
            self.steps[-1].about += line + "\n"
        else:
            self._head(line, number)

    def _inside(self, line: str, number: int) -> None:
        if line.rstrip() == "```":
            _put(self.steps, self.fence, self._script, number)
            self.fence, self._script = "", []
        else:
            self._script.append(line)

    def _open(self, line: str, number: int) -> None:
        found = _FENCE.match(line.rstrip())
        if found is None:
            raise UnreadableRunbook(f"Line {number}: a step is ```sh check, ```sh run or ```sh undo.")
        if not self.steps:
            raise UnreadableRunbook(f"Line {number}: steps stand below a heading of two signs (## …).")
        self.fence = found[0]

    def _head(self, line: str, number: int) -> None:
        if found := re.fullmatch(r"Who: (\w+)", line.strip()):
            self.who = found[1]
        elif line.startswith("Parameter "):
            self.parameters.append(_parameter(line, number))
        else:
            self.about.append(line)


def _parameter(line: str, number: int) -> Parameter:
    found = _PARAMETER.match(line.rstrip())
    if found is None:
        raise UnreadableRunbook(f"Line {number}: write Parameter name: what it is | usual value")
    return Parameter(found[1], found[2].strip(), (found[3] or "").strip())


def _put(steps: list[Step], fence: str, lines: list[str], number: int) -> None:
    found = _FENCE.match(fence)
    assert found is not None  # noqa: S101  # the fence was opened by it
    step, kind, script = steps[-1], found[1], "\n".join(lines).strip("\n")
    if any(ord(sign) < 32 and sign not in "\n\t" for sign in script):
        raise UnreadableRunbook(f"Line {number}: steps hold no control characters.")
    for word in found[2].split():
        name, _, value = word.partition("=")
        if name == "timeout" and value.isdigit() and 1 <= int(value) <= 3600:
            step.timeout_s = int(value)
        elif name == "expect":
            step.expect = value
        else:
            raise UnreadableRunbook(f"Line {number}: a step takes timeout=SECONDS (1 to 3600) and expect=PATTERN (without spaces).")
    if kind == "undo":
        step.undo = script
    elif step.run:
        raise UnreadableRunbook(f"Line {number}: one thing to run below each heading.")
    else:
        step.run, step.check = script, kind == "check"


def _demand(book: Runbook) -> None:
    if not book.title:
        raise UnreadableRunbook("A runbook begins with a title (# …).")
    if book.who not in _WHO:
        raise UnreadableRunbook("Who: is operator, client or anybody.")
    if not any(step.run for step in book.steps):
        raise UnreadableRunbook("There is no step to run (```sh run).")
    if len({one.name for one in book.parameters}) < len(book.parameters):
        raise UnreadableRunbook("Two parameters have one name.")
    seen_run = False
    for step in book.steps:
        if step.undo and not step.run:
            raise UnreadableRunbook(f"“{step.title}” takes back what it does not do.")
        if step.check and step.undo:
            raise UnreadableRunbook(f"“{step.title}” is a check: there is nothing to take back.")
        seen_run = seen_run or bool(step.run and not step.check)
    # the host's splitter begins a step with the word at a line's start: its own lines are indented, so nothing else can begin one
    if any(re.search(r"[^\x20-\x7e\n\t]", f"{step.run}{step.undo}{step.expect}") for step in book.steps):
        raise UnreadableRunbook("Steps are plain ASCII, so that every shell reads them alike.")


def document_of(book: Runbook) -> str:
    """The steps as the host runs them (`retainer-host start … runbook`); the same on every system, whatever the parameters are."""
    lines = ["upgrade runbook", ""]
    for number, step in enumerate((one for one in book.steps if one.run), start=1):
        lines += [f"{'check' if step.check else 'step'} {number:02}", f"  timeout {step.timeout_s}"]
        lines += [f"  expect {step.expect}"] if step.expect else []
        lines += ["  run", *(f"    {line}" if line else "" for line in step.run.split("\n"))]
        lines += ["  undo", *(f"    {line}" if line else "" for line in step.undo.split("\n"))] if step.undo else []
        lines.append("")
    return "\n".join(lines)


def sha256_of(book: Runbook) -> str:
    """What an administrator allows."""
    return hashlib.sha256(document_of(book).encode()).hexdigest()


def script_of(book: Runbook, values: dict[str, str]) -> str:
    """The runbook as one POSIX shell script that needs nothing else: each step with its expectation, and `undo` for taking it back."""
    lines = ["#!/bin/sh", f"# {_comment(book.title)}", *(f"# {_comment(line)}" for line in book.about.splitlines())]
    lines += [
        "#",
        "# sh SCRIPT              shows the steps and changes nothing",
        "# sh SCRIPT run          runs them, each after the one before held",
    ]
    lines += [
        "# sh SCRIPT undo         takes them back, the last one first",
        "# Parameters are taken from the environment: name=value sh SCRIPT run",
        "set -eu",
    ]
    lines += [f': "${{{one.name}:={_inside(values.get(one.name, one.default))}}}"  # {_comment(one.words)}' for one in book.parameters]
    lines += [f"export {one.name}" for one in book.parameters]
    lines.append(_FRAME)
    steps = [step for step in book.steps if step.run]
    for number, step in enumerate(steps, start=1):
        lines += _function(f"run_{number}", step.run)
        lines += _function(f"undo_{number}", step.undo) if step.undo else []
    lines += ["case ${1:-show} in", "show)"]
    lines += [f"  show {number} {shlex.quote(_comment(step.title))}" for number, step in enumerate(steps, start=1)]
    lines += ["  ;;", "run)"]
    lines += [
        f"  step {number} {shlex.quote(_comment(step.title))} {shlex.quote(step.expect)}" for number, step in enumerate(steps, start=1)
    ]
    lines += ['  echo "All steps held."', "  ;;", "undo)"]
    lines += [
        f"  undo {number} {shlex.quote(_comment(step.title))}"
        for number, step in reversed(list(enumerate(steps, start=1)))
        if step.undo
    ]
    lines += ["  :", "  ;;", '*) echo "show, run or undo" >&2; exit 64 ;;', "esac", ""]
    return "\n".join(lines)


_FRAME = """show() { printf '%s. %s\\n' "$1" "$2"; }
step() {
  printf '\\n%s. %s\\n' "$1" "$2"
  output=$("run_$1" 2>&1) && code=0 || code=$?
  printf '%s\\n' "$output"
  [ "$code" -eq 0 ] || { echo "Step $1 failed (exit status $code). Take back what was done: sh $0 undo" >&2; exit 1; }
  [ -z "$3" ] || printf '%s\\n' "$output" | grep -qE -- "$3" || { echo "Step $1 did not show what was expected: $3" >&2; exit 1; }
}
undo() { printf '\\nundo %s. %s\\n' "$1" "$2"; "undo_$1"; }"""


def _function(name: str, script: str) -> list[str]:
    """A step as a function: a shell of its own that gets its lines as one word, so that no command in it reads them as its input."""
    return [f"{name}() {{ sh -eu -c \"$(cat <<'RUNBOOK_STEP'", script, "RUNBOOK_STEP", ')" </dev/null; }']


def _comment(text: str) -> str:
    return " ".join(text.split())


def _inside(value: str) -> str:
    """A value inside ${name:=…} within double quotes; what could end it is refused before (`VALUE`)."""
    if not VALUE.fullmatch(value):
        raise UnreadableRunbook(f"“{value[:60]}” has signs that a value of a runbook may not have.")
    return value
