"""Packages: asked for, agreed to, fetched by the client's owner, gone after a while. What makes them is making.py."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from clients.models import Client
from handover.choices import PROTECTED, Form, PackageState
from handover.errors import PackageBusy
from handover.models import Download, Package, Transfer
from handover.services import receiving, zipping
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.queue import nudge

logger = logging.getLogger(__name__)

ACTOR = Actor.portal("handover")
KEPT = timedelta(days=30)
DOWNLOADS = 3
# A transfer that broke goes on for so long, and so long the file stays after the last download that is allowed. In the database: the
# rule transfer_of_a_download.
TRANSFER_FOR = timedelta(days=1)


def folder() -> Path:
    """Where packages lie."""
    place = Path(settings.PACKAGES)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def path_of(package: Package) -> Path:
    """A package's zip."""
    return folder() / f"{package.uuid}.zip"


def ask(
    *,
    client: Client,
    with_credentials: bool = True,
    plain_forms: Sequence[str] = (),
    plain_reason: str = "",
    actor: Actor,
    now: datetime,
) -> Package:
    """Ask for a package. One with plain credentials waits for a second person.

    Raises:
        PackageBusy: one is being made (constraint one_open_package_per_client).
        PortalError: credentials are wanted and nobody chose how they are encrypted; plain forms without a reason.
    """
    if not actor.may(Permission.RECEIVE_HANDOVER, client.pk):
        actor.require(Permission.OPERATE)
    plain = [Form(form) for form in plain_forms if form not in PROTECTED]
    if plain and not plain_reason.strip():
        raise PortalError("Say why credentials must be readable by whoever has the file: the reason is kept.")
    if plain and not actor.sees_all_clients:
        raise PortalError("Plain credentials are asked for by us, so that a second person can agree.")
    if with_credentials and receiving.current(client.pk) is None:
        raise PortalError(
            "Nobody at the client has chosen yet how their credentials are to be encrypted.",
            hint="Their owner chooses a passphrase or a key; until then a package can be made without credentials.",
        )
    try:
        with transaction.atomic():
            package = Package.objects.create(
                client=client,
                state=PackageState.ASKED if plain else PackageState.QUEUED,
                with_credentials=with_credentials,
                plain_forms=plain if with_credentials else [],
                plain_reason=plain_reason.strip()[:1000] if plain else "",
                asked_by_id=actor.user_id,
                asked_label=actor.label,
                asked_at=now,
                downloads_left=DOWNLOADS,
            )
            audit.record(
                action="package.ask", actor=actor, subject=package, client_id=client.pk, now=now, plain=[str(form) for form in plain]
            )
            if not plain:
                nudge("handover.make_package", client_id=client.pk, package_id=package.pk)
    except IntegrityError as error:
        if constraint_name(error) != "one_open_package_per_client":
            raise
        raise PackageBusy("A package of this client is being made.", hint="Wait for it, or take it back.") from error
    return package


def approve(*, package: Package, actor: Actor, now: datetime) -> None:
    """Agree to plain credentials: somebody else than who asked, who may approve.

    Raises:
        PortalError: not a second person, or it does not wait for one.
    """
    actor.require(Permission.APPROVE)
    if actor.user_id is None or actor.user_id == package.asked_by_id:
        raise PortalError("Somebody else has to agree than who asked.")
    with transaction.atomic():
        if not Package.objects.filter(pk=package.pk, state=PackageState.ASKED).update(
            state=PackageState.QUEUED, approved_by=actor.user_id
        ):
            raise PortalError("This package waits for nobody.")
        audit.record(action="package.approve", actor=actor, subject=package, client_id=package.client_id, now=now)
        nudge("handover.make_package", client_id=package.client_id, package_id=package.pk)


def excuse(*, package: Package, why: str, actor: Actor, now: datetime) -> None:
    """Say that what looks like secrets in a blocked package is none, and have it made again. What is known to be one can't be excused.

    Raises:
        PortalError: no reason, or it is not blocked by looks alone.
    """
    actor.require(Permission.OPERATE)
    if not why.strip():
        raise PortalError("Say why: the reason is kept, and stands with the package.")
    if any(one.get("kind") == "known" for one in package.findings):
        raise PortalError("A secret of the vault stands where it must not: take it out there, or change it.")
    try:
        with transaction.atomic():
            blocked = Package.objects.filter(pk=package.pk, state=PackageState.BLOCKED)
            if not blocked.update(
                state=PackageState.QUEUED, excused_why=why.strip()[:1000], excused_by=actor.label, findings=[], members=0
            ):
                raise PortalError("This package is not blocked.")
            audit.record(action="package.excuse", actor=actor, subject=package, client_id=package.client_id, now=now, why=why.strip())
            nudge("handover.make_package", client_id=package.client_id, package_id=package.pk)
    except IntegrityError as error:
        if constraint_name(error) != "one_open_package_per_client":
            raise
        raise PackageBusy("Another package of this client is being made.") from error


def take_back(*, package: Package, actor: Actor, now: datetime) -> None:
    """Take a package back, whatever its state; its file goes.

    Raises:
        PortalError: it is gone already.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        if (
            not Package.objects.filter(pk=package.pk)
            .exclude(state=PackageState.GONE)
            .update(state=PackageState.GONE, claimed_until=None)
        ):
            raise PortalError("It is gone already.")
        audit.record(action="package.take_back", actor=actor, subject=package, client_id=package.client_id, now=now)
    zipping.forget(path_of(package))


def fetch(*, package: Package, actor: Actor, now: datetime) -> Download:
    """A download for the client's owner, counted and recorded before a byte goes. The database holds who, how often and until when.

    Raises:
        NotAllowed: not the owner.
        PortalError: it is not there any more, or was fetched as often as is allowed.
    """
    actor.require(Permission.RECEIVE_HANDOVER, package.client_id)
    try:
        with transaction.atomic():
            taken = Package.objects.filter(pk=package.pk, state=PackageState.READY, until__gt=now, downloads_left__gt=0)
            if not taken.update(downloads_left=F("downloads_left") - 1):
                raise PortalError("This package can't be fetched any more.", hint="Ask us for a new one.")
            download = Download.objects.create(
                client_id=package.client_id,
                package=package,
                user_id=actor.user_id or 0,
                user_label=actor.label,
                address=actor.address,
                at=now,
            )
            audit.record(
                action="package.fetch", actor=actor, subject=package, client_id=package.client_id, now=now, sha256=package.sha256
            )
    except IntegrityError as error:
        if constraint_name(error) != "fetched_by_the_owner":
            raise
        raise PortalError("This package can't be fetched any more.", hint="Ask us for a new one.") from error
    return download


def transfer(*, download: Download, from_byte: int, actor: Actor, now: datetime) -> Path:
    """The file of a download, from a byte on. One that broke goes on for a day (TRANSFER_FOR) and costs no other; each is recorded.

    Raises:
        NotAllowed: not the owner.
        PortalError: somebody else's download, or it is over (the database holds that: constraint transfer_of_a_download).
    """
    actor.require(Permission.RECEIVE_HANDOVER, download.client_id)
    if actor.user_id is None or actor.user_id != download.user_id:
        raise PortalError("This download is somebody else's.")
    path = path_of(download.package)
    if not path.exists():
        raise PortalError("The file is not on this machine any more.", hint="Ask us for a new one.")
    try:
        with transaction.atomic():
            Transfer.objects.create(client_id=download.client_id, download=download, from_byte=from_byte, address=actor.address, at=now)
            audit.record(
                action="package.transfer",
                actor=actor,
                subject=download.package,
                client_id=download.client_id,
                now=now,
                from_byte=from_byte,
            )
    except IntegrityError as error:
        if constraint_name(error) != "transfer_of_a_download":
            raise
        raise PortalError("This download is over.", hint="Fetch the package again, or ask us for a new one.") from error
    return path


def sweep(*, now: datetime) -> int:
    """Nudge packages that nobody holds, and remove those that are past their date or fetched; returns how many were nudged."""
    free = Q(claimed_until__lt=now) | Q(claimed_until=None, asked_at__lt=now - timedelta(seconds=10))
    rows = Package.objects.filter(free, state__in=[PackageState.QUEUED, PackageState.RUNNING]).order_by("pk")
    for package in rows:
        nudge("handover.make_package", client_id=package.client_id, package_id=package.pk)
    spent = Q(downloads_left=0) & ~Q(downloads__at__gt=now - TRANSFER_FOR)
    for package in Package.objects.filter(Q(until__lt=now) | spent, state=PackageState.READY).distinct():
        with transaction.atomic():
            Package.objects.filter(pk=package.pk).update(state=PackageState.GONE)
            audit.record(action="package.gone", actor=ACTOR, subject=package, client_id=package.client_id, now=now)
        zipping.forget(path_of(package))
    return len(rows)
