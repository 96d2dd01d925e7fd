"""Files that come with a message: looked at for their size and name, kept as they are, and never rendered."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from clients.support.errors import BadFile
from clients.support.models import Attachment, Message

LARGEST_B = 10 * 1024 * 1024
# A mail may bring more: it is there already.
LARGEST_OF_MAIL_B = 40 * 1024 * 1024
MOST = 10
# What opens by itself on somebody's desk and runs.
_RUNS = (
    ".exe",
    ".com",
    ".scr",
    ".bat",
    ".cmd",
    ".ps1",
    ".vbs",
    ".vbe",
    ".js",
    ".jse",
    ".wsf",
    ".hta",
    ".msi",
    ".jar",
    ".lnk",
    ".reg",
    ".iso",
)


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file before it is kept."""

    name: str
    content_type: str
    content: bytes


def check(files: Sequence[NewFile]) -> None:
    """Whether files that somebody chose in the page are taken.

    Raises:
        BadFile: too many, too large, empty, or one that would run.
    """
    if len(files) > MOST:
        raise BadFile(_("These are more than %(most)d files.") % {"most": MOST}, hint=_("Send the others with another message."))
    for file in files:
        if not file.content:
            raise BadFile(_("“%(name)s” is empty.") % {"name": file.name})
        if runs(file.name):
            raise BadFile(
                _("“%(name)s” is a program, and programs are not taken.") % {"name": file.name},
                hint=_("A picture of the screen or the text of the message is enough."),
            )
    if sum(len(file.content) for file in files) > LARGEST_B:
        raise BadFile(
            _("The files are larger than %(size)d MB together.") % {"size": LARGEST_B // 1024 // 1024},
            hint=_("Put them where you share files and send us the link."),
        )


def runs(name: str) -> bool:
    """Whether a file of this name would run where somebody opens it."""
    return name.lower().rstrip(". ").endswith(_RUNS)


def keep(message: Message, files: Sequence[NewFile]) -> None:
    """Keep files with their message."""
    Attachment.objects.bulk_create(
        [
            Attachment(
                client_id=message.client_id, message=message, name=file.name[-200:], content_type=file.content_type[:100],
                size_b=len(file.content), sha256=hashlib.sha256(file.content).hexdigest(), content=file.content,
            )
            for file in files
        ]
    )  # fmt: skip
