"""What a host said about an account or a path (retainer-watch ask), as sentences that an operator can answer with."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

# More mails than these in a queue, or less room than this, is worth a word.
MANY_MAILS = 50
LITTLE_KIB = 102_400
_PORTS = {"143": "IMAP with STARTTLS", "993": "IMAP over TLS", "587": "sending mail (submission)", "465": "sending mail over TLS"}


class UnreadableAnswer(ValueError):
    """The answer has no end: it was cut."""


def sentences(text: str, *, today: date) -> list[str]:
    """The answer in words, what explains most first.

    Raises:
        UnreadableAnswer: it was cut.
    """
    lines = [line.split("\t") for line in text.splitlines() if line]
    if ["end"] not in lines:
        raise UnreadableAnswer("the answer has no end")
    found = [sentence for line in lines for sentence in _sentence(line, today)]
    # what is wrong stands before what is as it should be
    return [words for bad, words in sorted(found, key=lambda one: not one[0])]


def _sentence(line: list[str], today: date) -> Iterator[tuple[bool, str]]:
    word, *rest = line
    say = _WORDS.get(word)
    if say is not None:
        yield from say([*rest, "", ""], today)


def _account(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    if rest[1] == "missing":
        yield True, f"There is no account “{rest[0]}” on this system."


def _groups(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    yield False, f"Its groups: {rest[0]}."


def _locked(_rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    yield True, "Its password is locked: nobody can sign in with it."


def _must_change(_rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    yield True, "Its password must be changed at the next sign-in."


def _changed(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    yield False, f"The password was last changed on {_day(rest[0])}."


def _expires(rest: list[str], today: date) -> Iterator[tuple[bool, str]]:
    yield _until("The password", "expired", rest[0], today)


def _account_ends(rest: list[str], today: date) -> Iterator[tuple[bool, str]]:
    yield _until("The account", "ended", rest[0], today)


def _failures(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    if rest[0] not in {"", "0"}:
        yield True, f"{rest[0]} sign-ins failed of late: it may be locked for a while."


def _mailbox(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    missing = rest[1] == "missing"
    yield missing, f"There is no mailbox “{rest[0]}”." if missing else f"The mailbox “{rest[0]}” exists."


def _quota(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    if rest[0].isdigit():
        yield int(rest[0]) >= 90, f"The mailbox is {rest[0]} % full."


def _port(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    if rest[1] == "silent":
        yield True, f"Nothing answers on port {rest[0]} ({_PORTS.get(rest[0], 'unknown')})."


def _shown(rest: list[str], today: date) -> Iterator[tuple[bool, str]]:
    if rest[1]:
        yield _until(f"The certificate on port {rest[0]}", "ended", rest[1], today)


def _queue(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    if rest[0].isdigit():
        yield int(rest[0]) > MANY_MAILS, f"{rest[0]} mails wait to be sent."


def _step(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    path, facts = rest[0], rest[1].split(maxsplit=2)
    if rest[1] == "missing":
        yield True, f"“{path}” does not exist."
    elif len(facts) == 3:
        yield False, f"“{path}” belongs to {facts[1]}, group {facts[2]} ({facts[0]})."


def _refused(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    yield True, f"The account may not enter “{rest[0]}”."


def _may(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    right, yes = {"r": "read", "w": "change"}.get(rest[0], rest[0]), rest[1] == "yes"
    yield rest[0] == "r" and not yes, f"The account may {'' if yes else 'not '}{right} it."


def _free(rest: list[str], _: date) -> Iterator[tuple[bool, str]]:
    if rest[0].isdigit():
        yield int(rest[0]) < LITTLE_KIB, f"{int(rest[0]) / 1024 / 1024:.1f} GiB are free there."


_WORDS: dict[str, Callable[[list[str], date], Iterator[tuple[bool, str]]]] = {
    "account": _account, "groups": _groups, "locked": _locked, "must-change": _must_change, "changed": _changed, "expires": _expires,
    "account-ends": _account_ends, "failures": _failures, "mailbox": _mailbox, "quota": _quota, "port": _port, "shown": _shown,
    "queue": _queue, "step": _step, "refused": _refused, "may": _may, "free": _free,
}  # fmt: skip


def _until(what: str, over: str, seconds: str, today: date) -> tuple[bool, str]:
    gone = _date(seconds) <= today
    return gone, f"{what} {over} on {_day(seconds)}." if gone else f"{what} is valid until {_day(seconds)}."


def _date(seconds: str) -> date:
    return datetime.fromtimestamp(int(seconds), UTC).date()


def _day(seconds: str) -> str:
    day = _date(seconds)
    return f"{day.day} {day:%B %Y}"
