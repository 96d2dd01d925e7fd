"""A mail as it arrived, as what a ticket needs of it. Nothing in here raises for a broken mail: what can't be read is said."""

import email
import re
from dataclasses import dataclass, field
from email.message import Message
from email.policy import default as policy
from email.utils import getaddresses, parseaddr

from clients.support.parsers.html import text_of
from clients.support.parsers.quotes import fold

_IDS = re.compile(r"<[^<>\s]{1,400}>")
# What a server sends by itself (RFC 3834), Exchange's and others' own words for it.
_AUTOMATIC = ("x-autoreply", "x-autorespond", "x-auto-response-suppress-by")
_BULK = {"bulk", "junk", "list", "auto_reply"}
_REPORTS = {"delivery-status", "disposition-notification"}
TNEF = "application/ms-tnef"


@dataclass(frozen=True, slots=True)
class File:
    """A part that is a file."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """What a mail says.

    Args:
        sender, sender_name: the address in From, in lower case, and the name beside it.
        recipients: all addresses that it went to, as far as it says so, in lower case.
        answers: Message-IDs that it names (In-Reply-To and References), the nearest first.
        text, quoted: what was written, and what was quoted of earlier mails.
        automatic: no person wrote it: an out-of-office answer, a list.
        bounced: Message-IDs of mails that it says could not be delivered; only of a delivery report.
        is_report: a delivery report or a read receipt.
        problems: what could not be read, as sentences.
    """

    message_id: str
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    subject: str
    answers: tuple[str, ...]
    text: str
    quoted: str
    files: tuple[File, ...]
    automatic: bool
    is_report: bool
    bounced: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())


def parse(raw: bytes) -> ParsedMail:
    """Read a mail. Broken ones as far as they can be read; `problems` says what could not."""
    message = email.message_from_bytes(raw, policy=policy)
    problems: list[str] = []
    bodies, files = _parts(message, problems)
    own, quoted = fold("\n\n".join(bodies))
    name, address = parseaddr(_header(message, "from"))
    report = message.get_content_type() == "multipart/report" or message.get_content_subtype() in _REPORTS
    return ParsedMail(
        message_id=next(iter(_IDS.findall(_header(message, "message-id"))), ""),
        sender=address.lower()[:254],
        sender_name=name[:200],
        recipients=_recipients(message),
        subject=" ".join(_header(message, "subject").split())[:500],
        answers=_answers(message),
        text=own,
        quoted=quoted,
        files=tuple(files),
        automatic=_is_automatic(message),
        is_report=report,
        bounced=tuple(_bounced(message)) if report else (),
        problems=tuple(dict.fromkeys(problems)),
    )


def _header(message: Message, name: str) -> str:
    """A header's text; what the standard library can't decode it leaves as it is."""
    try:
        return str(message.get(name, "") or "")
    except (ValueError, LookupError, IndexError, TypeError, AttributeError):
        # the parser of structured headers gives up on some that spammers write
        return next((str(value) for key, value in message.raw_items() if key.lower() == name), "")


def _recipients(message: Message) -> tuple[str, ...]:
    found = [_header(message, name) for name in ("to", "cc", "delivered-to", "x-original-to", "envelope-to")]
    return tuple(dict.fromkeys(address.lower() for _, address in getaddresses(found) if "@" in address))


def _answers(message: Message) -> tuple[str, ...]:
    ids = [*_IDS.findall(_header(message, "in-reply-to")), *reversed(_IDS.findall(_header(message, "references")))]
    return tuple(dict.fromkeys(ids))[:50]


def _is_automatic(message: Message) -> bool:
    if _header(message, "auto-submitted").split(";")[0].strip().lower() not in {"", "no"}:
        return True
    if _header(message, "precedence").strip().lower() in _BULK or any(message.get(name) is not None for name in _AUTOMATIC):
        return True
    return message.get("list-id") is not None or _header(message, "return-path").strip() == "<>"


def _bounced(message: Message) -> list[str]:
    """The Message-IDs in the parts of a report that repeat the mail, or its head."""
    found = []
    for part in message.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers"}:
            inner = part.get_payload()
            text = "\n".join(str(one) for one in inner) if isinstance(inner, list) else str(inner)
            found += re.findall(r"^message-id:\s*(<[^<>\s]{1,400}>)", text, re.IGNORECASE | re.MULTILINE)
    return found


def _parts(message: Message, problems: list[str]) -> tuple[list[str], list[File]]:
    """The texts that are the mail itself, and its files. Of a text in plain and in HTML the plain one counts."""
    bodies: list[str] = []
    files: list[File] = []
    plain_there = any(_is_body(part) and part.get_content_type() == "text/plain" for part in message.walk())
    for part in message.walk():
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            continue
        if part.get_content_type() == "message/rfc822":
            files.append(File(_name(part, "message.eml"), "message/rfc822", _inner(part)))
        elif _inside_of_message(part, message):
            continue
        elif _is_body(part):
            kind = part.get_content_type()
            if kind == "text/plain" or not plain_there:
                text = _text(part, problems)
                bodies.append(text_of(text) if kind == "text/html" else text)
        else:
            content = part.get_payload(decode=True)
            files.append(File(_name(part, "file"), part.get_content_type(), content if isinstance(content, bytes) else b""))
            if part.get_content_type() == TNEF or _name(part, "").lower() == "winmail.dat":
                problems.append(
                    "It holds a winmail.dat, in which Outlook packs files for other Outlooks; it is kept as it is. "
                    "Please send the files once more as plain text or HTML mail."
                )
    # some of them show when a part is decoded
    problems += [f"The mail is broken here: {type(defect).__name__}." for part in message.walk() for defect in part.defects]
    return [body for body in bodies if body.strip()], files


def _inside_of_message(part: Message, whole: Message) -> bool:
    """Whether a part belongs to a mail that was attached whole: that one is a file."""
    for outer in whole.walk():
        if outer.get_content_type() == "message/rfc822" and outer is not part:
            inner = outer.get_payload()
            wrapped = [one for one in inner if isinstance(one, Message)] if isinstance(inner, list) else []
            if any(part is one for whole_mail in wrapped for one in whole_mail.walk()):
                return True
    return False


def _inner(part: Message) -> bytes:
    inner = part.get_payload()
    return b"".join(one.as_bytes() for one in inner if isinstance(one, Message)) if isinstance(inner, list) else str(inner).encode()


def _is_body(part: Message) -> bool:
    return (
        part.get_content_type() in {"text/plain", "text/html"}
        and part.get_content_disposition() != "attachment"
        and not part.get_filename()
    )


def _text(part: Message, problems: list[str]) -> str:
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else str(raw or "").encode("utf-8", "replace")
    charset = part.get_content_charset() or "utf-8"
    for name in (charset, "utf-8", "windows-1252"):
        try:
            text = content.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
        if name != charset:
            problems.append(f"Its text says that it is in “{charset}”, which it is not; it was read as {name}.")
        return text.replace("\r\n", "\n").replace("\x00", "")
    problems.append(f"Its text is in “{charset}”, which can't be read whole.")
    return content.decode("utf-8", "replace").replace("\x00", "")


def _name(part: Message, otherwise: str) -> str:
    try:
        name = part.get_filename() or otherwise
    except (ValueError, LookupError, TypeError, AttributeError):
        name = otherwise
    name = re.sub(r"[\x00-\x1f\x7f/\\]", "_", name).strip(". ")
    return name[-200:] or "file"
