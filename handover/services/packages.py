"""Packages: asked for, made by a worker that another can follow, proven, fetched by the client's owner, gone after a while."""

import fcntl
import hashlib
import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from clients.models import Client
from handover.choices import PROTECTED, Form, KeyKind, PackageState
from handover.errors import Blocked, LeaseLost, PackageBusy
from handover.models import Download, Package, Transfer
from handover.services import credentials, proving, receiving, signing, zipping
from handover.services.contents import BOOK, Contents
from handover.services.scanning import Scanner
from handover.services.zipping import Member, Writer, text_member
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.queue import nudge
from portal.vault import services as vault

logger = logging.getLogger(__name__)

ACTOR = Actor.portal("handover")
KEPT = timedelta(days=30)
DOWNLOADS = 3
# A transfer that broke goes on for so long, and so long the file stays after the last download that is allowed. In the database: the
# rule transfer_of_a_download.
TRANSFER_FOR = timedelta(days=1)
# Folders of the package in which plain credentials are meant to be.
_MEANT = f"{credentials.FOLDER}/"


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


def make(*, package_id: int, now: datetime) -> None:
    """Worker: make a package from where it stands. Another worker that has it is left to it."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    token = uuid.uuid4()
    claimed = Package.objects.filter(free, pk=package_id, state__in=[PackageState.QUEUED, PackageState.RUNNING])
    if not claimed.update(state=PackageState.RUNNING, claim=token, claimed_until=now + _lease()):
        return
    package = Package.objects.select_related("client").get(pk=package_id)
    try:
        with _alone(path_of(package)):
            _Making(package).run()
    except (LeaseLost, BlockingIOError):
        logger.info("package.lease_lost", extra={"package": package_id})
    except PortalError as error:
        _end(package, PackageState.FAILED, [{"kind": "trouble", "words": f"{error.message} {error.hint}".strip()}])
    except OSError as error:
        _end(package, PackageState.FAILED, [{"kind": "trouble", "words": f"The file could not be written: {error.strerror or error}."}])
    except Exception as error:  # a fault of ours must not be tried again and again by every worker
        logger.exception("package.failed", extra={"package": package_id})
        _end(package, PackageState.FAILED, [{"kind": "trouble", "words": f"{type(error).__name__} in the portal: its log says more."}])


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


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """The one process on this machine that writes this file.

    Raises:
        BlockingIOError: another one does.
    """
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
        path.with_suffix(".lock").unlink(missing_ok=True)


class _Making:
    """One worker's turn at one package."""

    def __init__(self, package: Package) -> None:
        self._package, self._path = package, path_of(package)
        self._beaten = time.monotonic()
        self._key = receiving.current(package.client_id) if package.with_credentials else None
        self._scanner = Scanner(_secrets_of(package.client_id, self._passphrase()), beat=self._beat)

    def _passphrase(self) -> str | None:
        return receiving.open_passphrase(self._key) if self._key is not None and self._key.kind == KeyKind.PASSPHRASE else None

    def run(self) -> None:
        package = self._package
        self._hold(progress="Credentials are put together.")
        files, limits, entries = self._credentials()
        writer = Writer(self._path, at=package.asked_at.astimezone(UTC))
        try:
            self._write(writer, Contents(package.client, files=files, limits=limits, at=package.asked_at, beat=self._beat))
        except BaseException:
            writer.abandon()
            raise
        writer.close()
        findings = self._findings(limits)
        if self._blocked(findings):
            zipping.forget(self._path)
            _end(package, PackageState.BLOCKED, findings)
            return
        self._hold(progress="It is opened again and proven.")
        try:
            proofs = proving.prove(
                self._path,
                public=signing.current(now=package.asked_at).public,
                passphrase=self._passphrase(),
                entries=entries,
                beat=self._beat,
            )
        except Blocked as error:
            zipping.forget(self._path)
            _end(package, PackageState.FAILED, [{"kind": "trouble", "words": error.message}])
            return
        self._ready(findings, proofs)

    def _write(self, writer: Writer, contents: Contents) -> None:
        for member in contents.members():
            # what is printed was looked at already: what is blocked needs no book
            if member.name == BOOK and self._blocked(self._findings([])):
                return
            self._add(writer, member)
        self._sign(writer)

    @staticmethod
    def _blocked(findings: Sequence[Mapping[str, str]]) -> bool:
        return any(one["kind"] in {"known", "suspected"} for one in findings)

    def _credentials(self) -> tuple[list[credentials.File], list[str], int]:
        if not self._package.with_credentials:
            return [], [], 0
        client = self._package.client
        return credentials.files_of(
            client_id=client.pk, title=client.name, plain_forms=self._package.plain_forms, now=self._package.asked_at, beat=self._beat
        )

    def _add(self, writer: Writer, member: Member) -> None:
        """Write one, looking for secrets. One that an earlier worker wrote is looked at as well: its findings died with it."""
        meant = member.name.startswith(_MEANT) and not member.name.endswith((".md", ".html"))
        watched = self._scanner.member(member.name)
        if member.name in writer.written:
            if meant:
                return
            for content in writer.read(member.name):
                watched(content)
                self._beat()
            watched.close()
            return

        def watch(piece: bytes) -> None:
            self._beat()
            if not meant:
                watched(piece)

        writer.add(member, watch=watch)
        if not meant:
            watched.close()
        if len(writer.written) % 20 == 0:
            self._hold(progress=member.name[:200], members=len(writer.written))

    def _sign(self, writer: Writer) -> None:
        rows = sorted(writer.written.values(), key=lambda one: one.name)
        sums = "".join(f"{one.sha256}  {one.name}\n" for one in rows if one.name not in {proving.SUMS, proving.SIGNATURE})
        writer.add(text_member(proving.SUMS, sums), watch=lambda _: None)
        key = signing.current(now=self._package.asked_at)
        writer.add(text_member(proving.SIGNATURE, signing.sign(sums.encode(), key=key)), watch=lambda _: None)
        self._hold(members=len(writer.written))

    def _findings(self, limits: Sequence[str]) -> list[dict[str, str]]:
        found = self._scanner.found
        said = [
            {"kind": "known", "words": f"“{label}” of the vault stands in {name}."}
            for label, names in sorted(found.known.items())
            for name in sorted(names)[:20]
        ]
        if not self._package.excused_why:
            said += [
                {"kind": "suspected", "words": f"{name}: {line}"}
                for name, lines in sorted(found.suspected.items())
                for line in lines[:10]
            ]
        said += [{"kind": "unread", "words": f"Nobody could look into {name}: is there a secret in it?"} for name in found.unread]
        said += [{"kind": "short", "words": f"“{label}” is too short to be looked for."} for label in self._scanner.too_short]
        return said + [{"kind": "limit", "words": words} for words in limits]

    def _ready(self, findings: list[dict[str, str]], proofs: list[str]) -> None:
        digest, size = hashlib.sha256(), 0
        with self._path.open("rb") as file:
            while piece := file.read(zipping.PIECE_B):
                digest.update(piece)
                size += len(piece)
                self._beat()
        now = datetime.now(UTC)
        with transaction.atomic():
            held = Package.objects.filter(pk=self._package.pk, claim=self._package.claim, state=PackageState.RUNNING)
            if not held.update(
                state=PackageState.READY,
                findings=findings,
                proofs=proofs,
                size_b=size,
                sha256=digest.hexdigest(),
                ready_at=now,
                until=now + KEPT,
                claimed_until=None,
                progress="",
            ):
                raise LeaseLost
            audit.record(
                action="package.ready",
                actor=ACTOR,
                subject=self._package,
                client_id=self._package.client_id,
                now=now,
                sha256=digest.hexdigest(),
                size_b=size,
            )
        self._path.with_suffix(".journal").unlink(missing_ok=True)

    def _beat(self) -> None:
        if time.monotonic() - self._beaten > settings.CLAIM_LEASE_S / 4:
            self._hold()

    def _hold(self, **columns: object) -> None:
        self._beaten = time.monotonic()
        held = Package.objects.filter(pk=self._package.pk, claim=self._package.claim, state=PackageState.RUNNING)
        if not held.update(claimed_until=datetime.now(UTC) + _lease(), **columns):
            raise LeaseLost


def _secrets_of(client_id: int, passphrase: str | None) -> list[tuple[str, str]]:
    """Everything that must stand nowhere else in a package, with its label."""
    found: list[tuple[str, str]] = []
    for credential, number, value in vault.values_of_client(client_id):
        label = credential.label if number == 1 else f"{credential.label} (version {number})"
        found.append((label, value.decode("utf-8", errors="surrogateescape")))
    return [*found, *([("the client's passphrase", passphrase)] if passphrase else [])]


def _end(package: Package, state: PackageState, findings: list[dict[str, str]]) -> None:
    now = datetime.now(UTC)
    with transaction.atomic():
        held = Package.objects.filter(pk=package.pk, claim=package.claim, state=PackageState.RUNNING)
        if held.update(state=state, findings=findings, claimed_until=None, progress=""):
            audit.record(
                action=f"package.{state.value}",
                actor=ACTOR,
                subject=package,
                client_id=package.client_id,
                now=now,
                findings=len(findings),
            )


def _lease() -> timedelta:
    return timedelta(seconds=settings.CLAIM_LEASE_S)
