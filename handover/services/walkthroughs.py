"""Walkthroughs: tours that the portal records, recordings and videos that people bring."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from clients.models import System
from handover.choices import WalkthroughKind
from handover.models import Walkthrough
from handover.parsers import casts
from handover.parsers.casts import Cast
from handover.parsers.secrets import mask_text
from handover.services import documents
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

LONGEST_CAST = 8 * 1024 * 1024
LARGEST_VIDEO_B = 4 * 1024**3
# Kept: a browser plays these by itself, and nothing in them is run.
VIDEOS = {b"\x1aE\xdf\xa3": ("video/webm", ".webm"), b"ftyp": ("video/mp4", ".mp4")}


def folder() -> Path:
    """Where videos lie."""
    place = Path(settings.WALKTHROUGHS)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def path_of(row: Walkthrough) -> Path:
    """A video's file."""
    return folder() / Path(row.file_name).name


def keep_tour(*, system: System, answer: str, known: Sequence[str], actor: Actor, now: datetime) -> Walkthrough:
    """Keep what a host's tour showed as its recording, with its secrets masked; the one before is of the past.

    Raises:
        UnreadableCast: the answer is not a tour.
    """
    cast, chapters = casts.tour_of(answer, title=f"A tour of {system.name}")
    return _keep(system, WalkthroughKind.TOUR, cast, known=known, words=dict(chapters), actor=actor, now=now)


def upload_cast(*, system: System, title: str, text: str, actor: Actor, now: datetime) -> Walkthrough:
    """Keep a recording that somebody made with asciinema (version 2), with its secrets masked and what was typed blindly left out.

    Raises:
        PortalError: no title, too long, or no recording.
    """
    actor.require(Permission.OPERATE)
    if not title.strip():
        raise PortalError("Give the recording a title.")
    if len(text) > LONGEST_CAST:
        raise PortalError("A recording of a terminal has at most 8 MiB.")
    try:
        cast = casts.parse_cast(text)
    except casts.UnreadableCast as error:
        raise PortalError(str(error), hint="Bring a file that `asciinema rec` wrote.") from error
    if not cast.events:
        raise PortalError("Nothing was recorded.")
    cast = Cast(cast.width, cast.height, title.strip(), cast.began_at, cast.events)
    known = documents.known_secrets(system.client_id)
    return _keep(system, WalkthroughKind.LIVE, cast, known=known, words={}, actor=actor, now=now)


def keep_live(*, system: System, cast: Cast, words: dict[str, str], known: Sequence[str], actor: Actor, now: datetime) -> Walkthrough:
    """Keep what a live terminal showed, with its secrets masked.

    Args:
        words: what is said in a chapter, by its title.
    """
    return _keep(system, WalkthroughKind.LIVE, cast, known=known, words=words, actor=actor, now=now)


def _keep(
    system: System, kind: str, cast: Cast, *, known: Sequence[str], words: dict[str, str], actor: Actor, now: datetime
) -> Walkthrough:
    masked = 0

    def mask(text: str) -> tuple[str, int]:
        nonlocal masked
        hidden = mask_text(text, known=known)
        masked = max(masked, hidden.count)
        return hidden.text, hidden.count

    cast = casts.masked(cast, mask)
    text = casts.write_cast(cast)
    chapters = [{"at": at, "title": title, "words": words.get(title, "")} for at, title in cast.chapters]
    with transaction.atomic():
        if kind == WalkthroughKind.TOUR:
            Walkthrough.objects.filter(system=system, kind=kind, ended_at=None).update(ended_at=now)
        row = Walkthrough.objects.create(
            client_id=system.client_id,
            system=system,
            kind=kind,
            title=cast.title[:200],
            cast=text,
            chapters=chapters,
            seconds=cast.seconds,
            masked=masked,
            size_b=len(text.encode()),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            made_at=now,
            actor_label=actor.label,
        )
        audit.record(
            action="handover.walkthrough", actor=actor, subject=row, client_id=row.client_id, now=now, kind=kind, masked=masked
        )
    return row


def upload_video(*, system: System, title: str, pieces: Iterable[bytes], actor: Actor, now: datetime) -> Walkthrough:
    """Keep a video as a file, piece by piece. What is said in it nobody checks but its maker: a page says so.

    Raises:
        PortalError: no title, neither WebM nor MP4, or more than 4 GiB.
    """
    actor.require(Permission.OPERATE)
    if not title.strip():
        raise PortalError("Give the video a title.")
    half = folder() / f".{secrets.token_hex(12)}"
    size, digest, kind = 0, hashlib.sha256(), ("", "")
    try:
        with half.open("wb") as file:
            for piece in pieces:
                if size == 0:
                    kind = _video_kind(piece)
                size += len(piece)
                if size > LARGEST_VIDEO_B:
                    raise PortalError("A video has at most 4 GiB.")
                digest.update(piece)
                file.write(piece)
        if size == 0:
            raise PortalError("Choose a file.")
        name = f"{secrets.token_hex(16)}{kind[1]}"
        half.rename(folder() / name)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    with transaction.atomic():
        row = Walkthrough.objects.create(
            client_id=system.client_id,
            system=system,
            kind=WalkthroughKind.VIDEO,
            title=title.strip()[:200],
            file_name=name,
            content_type=kind[0],
            size_b=size,
            sha256=digest.hexdigest(),
            made_at=now,
            actor_label=actor.label,
        )
        audit.record(action="handover.walkthrough", actor=actor, subject=row, client_id=row.client_id, now=now, kind="video")
    return row


def _video_kind(head: bytes) -> tuple[str, str]:
    if head.startswith(b"\x1aE\xdf\xa3"):
        return VIDEOS[b"\x1aE\xdf\xa3"]
    if head[4:8] == b"ftyp":
        return VIDEOS[b"ftyp"]
    raise PortalError("This is neither WebM nor MP4.", hint="Convert it first; other kinds are not played everywhere.")


@transaction.atomic
def end(*, walkthrough: Walkthrough, actor: Actor, now: datetime) -> None:
    """Take a walkthrough out; it is not in packages any more.

    Raises:
        PortalError: somebody did already.
    """
    actor.require(Permission.OPERATE)
    if not Walkthrough.objects.filter(pk=walkthrough.pk, ended_at=None).update(ended_at=now):
        raise PortalError("It was taken out already.")
    audit.record(action="handover.walkthrough_end", actor=actor, subject=walkthrough, client_id=walkthrough.client_id, now=now)


def lines_of(row: Walkthrough) -> list[dict[str, Any]]:
    """Chapters for a page, with their narration."""
    return [
        {"at": one["at"], "clock": f"{int(one['at']) // 60}:{int(one['at']) % 60:02}", "title": one["title"], "words": one["words"]}
        for one in row.chapters
    ]
