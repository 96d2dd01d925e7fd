"""What looks like a secret in a text, and how secrets that are known may be written down.

Two different questions. Masking is generous: a word too many behind dots harms nobody. Looking for secrets that are known is exact, in
each form in which programs write them (plain, base64 at any alignment, percent-encoded, JSON, HTML, hexadecimal).
"""

import base64
import html
import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

MASK = "•••"
# Shorter ones would be found everywhere; they are told as not looked for.
SHORTEST = 6

_WORDS = "pass(?:word|wd|phrase|code)?|pwd|secret|token|api_?key|private_?key|credential|auth_?key|access_?key|salt|dsn|seed"
_NAME = rf"[\w.\-\[\]'\"]*(?:{_WORDS})[\w.\-\]'\"]*"
# Names that speak of a secret's place or rules, not of the secret.
_NOT_A_SECRET = re.compile(
    r"authentication|_?file$|_?path$|prompt|policy|_min|_max|expir|length|_type$|timeout|passive|passwd_?conf|passthrough|password_?query|bypass|compass|passdb|"
    r"secrets?dir|tokens$|_pass_header|proxy_pass|passenger|ssl_certificate_key|fastcgi_pass|uwsgi_pass|limit_pass",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(
    r"(?i)(?:yes|no|true|false|on|off|none|null|nil|ask|required|optional|sufficient|\d{1,3}|x|\*|!|md5|sha\d*|scram-sha-256|•+.*)$"
)
_ASSIGNED = re.compile(
    rf"(?P<name>{_NAME})(?P<between>\s*(?:=>|:=|=|:)\s*)(?P<value>\"(?:[^\"\\\n]|\\.)+\"|'(?:[^'\\\n]|\\.)+'|[^\s,;\"'<>)}}\]]+)",
    re.IGNORECASE,
)
_FLAG = re.compile(rf"(?<!\S)(?P<name>--?{_NAME})(?P<between>\s+)(?P<value>\"[^\"\n]+\"|'[^'\n]+'|[^\s\"'-][^\s\"']*)", re.IGNORECASE)
_ALONE = re.compile(
    r"(?im)^(?P<name>\s*(?:password|passwd|secret|requirepass|masterauth|pass|token))(?P<between>[ \t]+)(?P<value>\S+)[ \t]*;?[ \t]*$"
)
# as in PHP: a name and its value, each in quotes, with a comma between them
_CALLED = re.compile(rf"(?P<name>['\"(]{_NAME}['\"]?)(?P<between>\s*[,(]\s*)(?P<value>\"[^\"\n]+\"|'[^'\n]+')", re.IGNORECASE)
_WHOLE = (
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.DOTALL),
    re.compile(r"(?<=://)[^/\s:@\"']*:[^/\s@\"']+(?=@)"),
    re.compile(r"(?i)(?<=authorization: )\S+(?: \S+)?"),
    re.compile(r"(?i)(?<=\bbearer )[A-Za-z0-9._~+/-]{8,}=*"),
    re.compile(r"\$(?:y|gy|7|6|5|2[aby]|1|apr1|argon2id?)\$[./A-Za-z0-9$,=+-]{12,}"),
    re.compile(r"\{(?:SHA|SSHA|SSHA256|SSHA512|SHA512|CRYPT|BLF-CRYPT|PLAIN|ARGON2ID?)\}\S+"),
    re.compile(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{16,}|AKIA[A-Z0-9]{12,}|sk_(?:live|test)_\w{12,}|xox[abprs]-[\w-]{10,}|rtn_[\w-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]+)"
    ),
    re.compile(r"(?i)(?<=identified by )(['\"])(?:(?!\1).)+\1"),
    re.compile(r"(?i)(?<=\s-u )[^\s:]+:\S+|(?<=\s-u\s)[^\s:]+:\S+"),
)
_WORD = re.compile(r"(?<![\w/+:.-])[A-Za-z0-9+/_=-]{24,}(?![\w/+.-])")


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with its secrets masked, and how many were."""

    text: str
    count: int


def mask_text(text: str, *, known: Iterable[str] = (), guess: bool = True) -> Masked:
    """The text with everything masked that is a secret by what stands before it, by its shape, or because it is known.

    Args:
        known: values of which each known form is masked.
        guess: mask long words, too, that look as if a machine had drawn them.
    """
    first = mask_known(text, known=known)
    text, count = first.text, first.count

    def hide(_: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return MASK

    def hide_value(found: re.Match[str]) -> str:
        nonlocal count
        value = found["value"].strip("\"'")
        if _NOT_A_SECRET.search(found["name"].strip("'\"[] \t")) or _NO_VALUE.match(value) or value.startswith(("$", "{{", "%{")):
            return found[0]
        count += 1
        mark = found["value"][0] if found["value"][0] in "\"'" else ""
        return f"{found['name']}{found['between']}{mark}{MASK}{mark}"

    for shape in _WHOLE:
        text = shape.sub(hide, text)
    for shape in (_ASSIGNED, _FLAG, _CALLED, _ALONE):
        text = shape.sub(hide_value, text)
    if guess:
        text = _WORD.sub(lambda found: hide(found) if _drawn(found[0]) else found[0], text)
    return Masked(text, count)


def mask_known(text: str, *, known: Iterable[str]) -> Masked:
    """The text in which only known secrets are masked, in each of their forms, the longest first."""
    count = 0
    for form in sorted({form for value in known for form in forms_of(value)}, key=len, reverse=True):
        if form in text:
            count += text.count(form)
            text = text.replace(form, MASK)
    return Masked(text, count)


def _drawn(word: str) -> bool:
    """Whether a word looks as if a machine had drawn it: all three kinds of signs, and little order."""
    kinds = [any(one.islower() for one in word), any(one.isupper() for one in word), any(one.isdigit() for one in word)]
    return all(kinds) and "/" not in word and _bits(word) > 3.9


def _bits(word: str) -> float:
    """Shannon's entropy of its signs, in bits a sign."""
    return -sum(n / len(word) * math.log2(n / len(word)) for n in Counter(word).values())


def pieces_of(value: str) -> list[str]:
    """What of a secret is looked for: the whole of it, and each long line where it has several, as a key has."""
    whole = value.strip()
    lines = [line.strip() for line in whole.splitlines()]
    long = [line for line in lines if len(line) >= 20 and not line.startswith("-----")] if len(lines) > 1 else []
    return [piece for piece in [whole, *long] if len(piece) >= SHORTEST]


def forms_of(value: str) -> set[str]:
    """All ways in which a secret may be written into a text; empty where it is too short to be looked for."""
    found: set[str] = set()
    for piece in pieces_of(value):
        raw = piece.encode()
        found |= {
            piece,
            quote(piece, safe=""),
            quote(piece),
            quote_plus(piece),
            quote(piece, safe="").replace("%", "%25"),
            html.escape(piece),
            html.escape(piece, quote=False),
            piece.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
            json.dumps(piece)[1:-1],
            json.dumps(piece, ensure_ascii=False)[1:-1],
            json.dumps(html.escape(piece))[1:-1],
            raw.hex(),
            raw.hex().upper(),
            piece.replace("<", "\\u003c"),
            piece.replace("'", "'\\''"),
        }
        found |= {re.sub(r"%[0-9A-F]{2}", lambda one: one[0].lower(), quote(piece, safe=""))}
        found |= _base64_forms(raw)
    return {form for form in found if len(form) >= SHORTEST}


def _base64_forms(raw: bytes) -> set[str]:
    """What of the value stays the same in base64 whatever stands before and after it, in both alphabets; none of a short one."""
    found: set[str] = set()
    for before in range(3):
        padded = b"\0" * before + raw
        first = -(-before * 8 // 6)
        last = len(padded) * 8 // 6
        middle = base64.b64encode(padded)[first:last].decode()
        if len(middle) >= 8:
            found |= {middle, middle.replace("+", "-").replace("/", "_")}
    return found
