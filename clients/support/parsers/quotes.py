"""What somebody wrote, and what their program quoted of earlier mails."""

import re

# Stands above what is quoted in our own mails, in both languages.
MARK = "-- reply above this line / bitte oberhalb dieser Zeile antworten --"
# A line after which all is quoted: programs write it in the language of who answers.
_BEGINS = re.compile(
    r"^\s*(?:"
    r"-{2,}\s*(?:original message|ursprüngliche nachricht|originalnachricht|weitergeleitete nachricht|forwarded message)\s*-{2,}"
    r"|_{20,}"
    r"|(?:on|am|le|el|il|op)\b.{5,300}\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef)\b.{0,200}:"
    r"|.{2,200}\b(?:schrieb am|wrote on)\b.{4,100}:"
    r")\s*$",
    re.IGNORECASE,
)
# Outlook begins with the quoted mail's head.
_HEAD = re.compile(r"^\s*\*?(?:from|von|de)\s*:\*?\s*\S.*$", re.IGNORECASE)
_HEAD_NEXT = re.compile(r"^\s*\*?(?:sent|gesendet|date|datum|to|an|subject|betreff|envoyé|à)\s*:", re.IGNORECASE)


def fold(text: str) -> tuple[str, str]:
    """What was written, and what was quoted. Who answers between the lines loses nothing: then all of it counts as written."""
    lines = text.replace("\r\n", "\n").split("\n")
    at = next((number for number in range(len(lines)) if _quote_begins(lines, number)), None)
    if at is None:
        at = _quoted_tail(lines)
    own = "\n".join(lines[:at]).strip()
    quoted = "\n".join(lines[at:]).strip()
    if not own and quoted:
        return text.strip(), ""  # nothing but a quotation: somebody answered within it, or forwarded it
    return own, quoted


def _quote_begins(lines: list[str], number: int) -> bool:
    line = lines[number]
    if MARK in line or _BEGINS.match(line):
        return not _answers_below(lines, number + 1)
    # a line that programs break in two
    if number + 1 < len(lines) and line.strip() and _BEGINS.match(f"{line.rstrip()} {lines[number + 1].strip()}"):
        return not _answers_below(lines, number + 2)
    return bool(_HEAD.match(line)) and any(_HEAD_NEXT.match(following) for following in lines[number + 1 : number + 4])


def _answers_below(lines: list[str], start: int) -> bool:
    """Whether somebody wrote between quoted lines: a line of their own after some that begin with `>`."""
    rest = [line for line in lines[start:] if line.strip()]
    marked = [number for number, line in enumerate(rest) if line.lstrip().startswith(">")]
    return bool(marked) and any(not line.lstrip().startswith(">") for line in rest[marked[0] : marked[-1]])


def _quoted_tail(lines: list[str]) -> int:
    """Where the last lines are all quoted: their beginning; else the end."""
    at = len(lines)
    while at > 0 and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith(">")):
        at -= 1
    return at if any(line.lstrip().startswith(">") for line in lines[at:]) else len(lines)
