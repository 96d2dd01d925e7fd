"""Upgrade documents: what a version upgrade does, step by step, in a text that people, the portal and the host read alike.

    upgrade nextcloud
    title Nextcloud 30 to 31
    needs restore-test 30 days
    replaces old-worker.service

    check space
      expect ^ok$
      run
        test "$(df --output=avail -k /var | tail -n 1)" -gt 5000000 && echo ok

    step maintenance-mode
      about People see the maintenance page from here on.
      timeout 300
      run
        occ maintenance:mode --on
      undo
        occ maintenance:mode --off

The host splits it by the same rules (`retainer-host`, word `start UUID upgrade`); its sha256 is what staging proves, an approval
signs and the host's administrator allows, so there is one text and no second rendering of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from maintenance.parsers.values import UnexpectedOutput

LONGEST = 262_144
DEFAULT_TIMEOUT_S = 600
LONGEST_TIMEOUT_S = 6 * 3600
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,59}")
_NEEDS = re.compile(r"restore-test (\d{1,3}) days")
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]*\.(service|socket|timer)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]| $")


@dataclass(slots=True)
class Step:
    """One step.

    Args:
        check: it changes nothing and is asked before the first step that does.
        timeout_s: seconds after which it is killed and has failed.
        expect: an extended regular expression (grep -E) that a line of its output must match; empty asks for exit status 0 alone.
        run, undo: POSIX shell, run by root with `sh -eu`; no undo: it can't be taken back.
    """

    name: str
    check: bool
    line: int
    about: str = ""
    timeout_s: int = DEFAULT_TIMEOUT_S
    expect: str = ""
    run: str = ""
    undo: str = ""


@dataclass(slots=True)
class Document:
    """A whole document.

    Args:
        upgrade: what is upgraded: `nextcloud`, `postgresql`.
        restore_test_days: how old the newest restore test of a system may be; None: not asked for.
        replaces: units that may be gone or changed afterwards; every other difference is a regression.
    """

    upgrade: str = ""
    title: str = ""
    restore_test_days: int | None = None
    replaces: tuple[str, ...] = ()
    steps: list[Step] = field(default_factory=list)

    @property
    def longest_s(self) -> int:
        """Seconds after which every step was ended by its timeout."""
        return sum(step.timeout_s for step in self.steps)

    @property
    def for_good(self) -> list[Step]:
        """Steps that change something and can't be taken back."""
        return [step for step in self.steps if not step.check and not step.undo]


def parse_document(text: str) -> Document:
    """Read a document.

    Raises:
        UnexpectedOutput: with the number of the line that is wrong, and what is.
    """
    if len(text.encode()) > LONGEST:
        raise UnexpectedOutput("upgrade document", 0, f"longer than {LONGEST} bytes")
    document, part = Document(), ""
    for number, line in enumerate(text.split("\n"), 1):
        if _CONTROL.search(line):
            raise UnexpectedOutput("upgrade document", number, "a tab or another control character, or a space at its end")
        if line.startswith("    ") and part:
            _add(document.steps[-1], part, line[4:])
        elif not line.strip(" "):
            if part:
                _add(document.steps[-1], part, "")
        elif line.startswith("#"):
            part = ""
        elif line.startswith("  "):
            part = _of_a_step(document, number, line[2:])
        else:
            part = ""
            _of_the_document(document, number, line)
    _whole(document)
    return document


def _of_the_document(document: Document, number: int, line: str) -> None:
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    if word in {"check", "step"}:
        if not _NAME.fullmatch(rest):
            raise UnexpectedOutput("upgrade document", number, f"{rest}: a name is small letters, digits, dots and dashes")
        if any(step.name == rest for step in document.steps):
            raise UnexpectedOutput("upgrade document", number, f"{rest}: two steps of one name")
        if word == "check" and any(not step.check for step in document.steps):
            raise UnexpectedOutput("upgrade document", number, f"{rest}: checks come before the first step")
        document.steps.append(Step(rest, check=word == "check", line=number))
    elif document.steps:
        raise UnexpectedOutput("upgrade document", number, f"{line}: expected a step; lines of a step begin with two spaces")
    elif word == "upgrade" and _NAME.fullmatch(rest) and not document.upgrade:
        document.upgrade = rest
    elif word == "title" and rest and not document.title:
        document.title = rest
    elif word == "needs" and (found := _NEEDS.fullmatch(rest)):
        document.restore_test_days = int(found[1])
    elif word == "replaces" and _UNIT.fullmatch(rest):
        document.replaces += (rest,)
    else:
        raise UnexpectedOutput(
            "upgrade document", number, f"{line}: expected upgrade, title, “needs restore-test N days”, replaces, check or step"
        )


def _of_a_step(document: Document, number: int, line: str) -> str:
    """A line within a step; returns the part that it opens, empty where none."""
    word, _, rest = line.partition(" ")
    if not document.steps or word.strip() != word or not word:
        raise UnexpectedOutput("upgrade document", number, f"{line}: what a step runs is indented by four spaces, below “  run”")
    step = document.steps[-1]
    if word in {"run", "undo"} and not rest:
        if getattr(step, word):
            raise UnexpectedOutput("upgrade document", number, f"{word} twice in {step.name}")
        if word == "undo" and step.check:
            raise UnexpectedOutput("upgrade document", number, f"{step.name} is a check: there is nothing to undo")
        return word
    if word == "about" and rest:
        step.about = rest
    elif word == "timeout" and rest.isascii() and rest.isdigit() and 1 <= int(rest) <= LONGEST_TIMEOUT_S:
        step.timeout_s = int(rest)
    elif word == "expect" and rest:
        try:
            re.compile(rest)
        except re.error as error:
            raise UnexpectedOutput("upgrade document", number, f"{rest}: {error}") from error
        step.expect = rest
    else:
        raise UnexpectedOutput("upgrade document", number, f"{line}: expected about, timeout (1 to 21600 seconds), expect, run or undo")
    return ""


def _add(step: Step, part: str, line: str) -> None:
    setattr(step, part, f"{getattr(step, part)}{line}\n")


def _whole(document: Document) -> None:
    for step in document.steps:
        step.run, step.undo = step.run.strip("\n"), step.undo.strip("\n")
        if not step.run:
            raise UnexpectedOutput("upgrade document", step.line, f"{step.name} runs nothing")
    for word in ("upgrade", "title"):
        if not getattr(document, word):
            raise UnexpectedOutput("upgrade document", 1, f"the line “{word} …” is missing")
    if not any(not step.check for step in document.steps):
        raise UnexpectedOutput("upgrade document", 1, "it has no step")


def names(steps: Sequence[Step]) -> str:
    """The names of steps as a list in words."""
    return ", ".join(step.name for step in steps)
