"""Making a package: member by member, from where an earlier worker stopped; looked through, proven, ready or blocked."""

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
from django.db import transaction
from django.db.models import Q

from handover.choices import KeyKind, PackageState
from handover.errors import Blocked, LeaseLost
from handover.models import Package
from handover.services import credentials, proving, receiving, signing, zipping
from handover.services.contents import BOOK, Contents
from handover.services.packages import ACTOR, KEPT, path_of
from handover.services.scanning import Scanner
from handover.services.zipping import Member, Writer, text_member
from portal.audit import services as audit
from portal.errors import PortalError
from portal.vault import services as vault

logger = logging.getLogger(__name__)

# Folders of the package in which plain credentials are meant to be.
_MEANT = f"{credentials.FOLDER}/"


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
