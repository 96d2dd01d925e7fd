"""Packages: made, proven, blocked where a secret stands in them, fetched by the owner alone; whole after a worker died."""

import base64
import gzip
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from django.db import DatabaseError, IntegrityError, transaction

from clients.support.models import Attachment, Message, Ticket
from clients.support.services import tickets
from clients.support.services.files import NewFile
from clients.support.services.tickets import Question
from handover.errors import PackageBusy
from handover.models import Download, Package, Transfer
from handover.services import documents, making, packages, runbooks, walkthroughs, zipping
from handover.services.zipping import Member, Names, Writer, safe_name, text_member
from portal.audit import services as audit
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError
from portal.vault import services as vault
from tests import people
from tests.handover.conftest import PASSPHRASE, made

pytestmark = pytest.mark.django_db


def later():
    """When the lease of whoever died has run out."""
    return people.now() + timedelta(minutes=5)


def ticket(client, member, body="All is well.", *files):
    actor = people.actor(member)
    question = Question("A question", body, files=tuple(NewFile(*file) for file in files)) if files else Question("A question", body)
    return tickets.raise_ticket(client=client, question=question, actor=actor, person=member, now=people.now())


def unpacked(package, tmp_path) -> Path:
    place = tmp_path / "unpacked"
    with zipfile.ZipFile(packages.path_of(package)) as archive:
        archive.extractall(place)
    return place


def secret_of(client, value="Tr0ubad0ur&3", **values):
    given = {"kind": "password", "label": "Database", "username": "app"} | values
    return vault.store(client_id=client.pk, secret=value.encode(), actor=people.TESTER, now=people.now(), **given)


def test_a_package_proves_itself_and_is_checked_by_its_own_program(handed, member, tmp_path):
    secret_of(handed)
    ticket(handed, member, "Ünïcode: 你好", ("price?list|ä.txt", "text/plain", b"hello"))
    package = made(handed)
    assert package.state == "ready", package.findings
    assert any("KeePass file opens" in proof for proof in package.proofs)
    place = unpacked(package, tmp_path)
    done = subprocess.run([sys.executable, "-I", str(place / "verify.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 wrong" in done.stdout
    assert "The signature fits." in done.stdout
    stock = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", "retainer", "-n", "handover", "-s", "SHA256SUMS.sig"],
        input=(place / "SHA256SUMS").read_bytes(), cwd=place, capture_output=True, check=False,
    )  # fmt: skip
    assert stock.returncode == 0, stock.stderr
    assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=place, check=False).returncode == 0
    for name in (
        "index.html",
        "book.pdf",
        "README.txt",
        "inventory/inventory.json",
        "credentials/credentials.kdbx",
        "audit/audit.jsonl",
    ):
        assert (place / name).exists(), name
    assert (place / "book.pdf").read_bytes().startswith(b"%PDF")
    attached = next((place / "tickets").glob("*/*"))
    assert attached.name == "price-list-ä.txt"


def verified(place) -> int:
    return subprocess.run([sys.executable, "-I", str(place / "verify.py")], capture_output=True, text=True, check=False).returncode


def test_its_own_program_sees_any_harm(handed, tmp_path):
    place = unpacked(made(handed, with_credentials=False), tmp_path)
    assert verified(place) == 0
    index, sums = (place / "index.html").read_text(), (place / "SHA256SUMS").read_text()
    (place / "index.html").write_text("x")
    assert verified(place) == 1, "changed"
    (place / "index.html").unlink()
    assert verified(place) == 1, "missing"
    (place / "index.html").write_text(index)
    (place / "extra.html").write_text("x")
    assert verified(place) == 1, "too many"
    (place / "extra.html").unlink()
    (place / "SHA256SUMS").write_text("\n".join(reversed(sums.splitlines())) + "\n")
    assert verified(place) == 1, "not as it was signed"
    (place / "SHA256SUMS").write_text(sums)
    assert verified(place) == 0
    values = json.loads((place / "inventory/inventory.json").read_text())
    jsonschema.validate(values, json.loads((place / "inventory/inventory.schema.json").read_text()))
    assert [one["name"] for one in values["systems"]] == ["web-1"]


def _zip_of(name, content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


SECRET = "Tr0ubad0ur&3"


def _attached(name, content):
    return lambda client, member, system, credential: ticket(client, member, "x", (name, "application/octet-stream", content))


def _in_prose(client, member, system, credential):
    documents.write_prose(client=client, system=system, body=f"use {SECRET}", actor=people.TESTER, now=people.now())


def _in_a_runbook(client, member, system, credential):
    text = runbooks.shipped()["add-a-user"].replace("# Add", f"# {SECRET} Add", 1)
    runbooks.write(system=system, slug="x", text=text, values={}, actor=people.TESTER, now=people.now())


def _an_old_version(client, member, system, credential):
    vault.replace(credential=credential, secret=b"something new", actor=people.TESTER, now=people.now())
    ticket(client, member, f"it was {SECRET}")


def _archived(client, member, system, credential):
    vault.archive(credential=credential, reason="x", actor=people.TESTER, now=people.now())
    ticket(client, member, f"it was {SECRET}")


def _in_the_trail(client, member, system, credential):
    audit.record(action="x.y", actor=people.TESTER, subject=system, client_id=client.pk, now=people.now(), words=f"typed {SECRET}")


PLANTS = {
    "prose": _in_prose,
    "runbook": _in_a_runbook,
    "ticket": lambda client, member, system, credential: ticket(client, member, f"it is {SECRET}"),
    "attachment": _attached("a.bin", b"\0\1" * 600_000 + SECRET.encode() + b"\0"),
    "gzip": _attached("a.gz", gzip.compress(SECRET.encode())),
    "zip in zip": _attached("a.zip", _zip_of("b.zip", _zip_of("c.txt", SECRET))),
    "base64": _attached("a.txt", base64.b64encode(f"user:{SECRET}".encode())),
    "percent": _attached("a.txt", b"https://x/?p=Tr0ubad0ur%263"),
    "html": _attached("a.html", b"<b>Tr0u</b>bad0ur&amp;3"),
    "utf-16": _attached("a.txt", SECRET.encode("utf-16")),
    "old version": _an_old_version,
    "archived": _archived,
    "passphrase": lambda client, member, system, credential: ticket(client, member, PASSPHRASE),
    "audit": _in_the_trail,
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_secret_anywhere_but_with_the_credentials_blocks_it(handed, member, system, plant):
    PLANTS[plant](handed, member, system, secret_of(handed, SECRET))
    package = made(handed, with_credentials=plant == "passphrase")
    assert package.state == "blocked", plant
    assert any(one["kind"] == "known" for one in package.findings)
    assert SECRET not in json.dumps(package.findings)
    assert not packages.path_of(package).exists()
    with pytest.raises(PortalError, match="vault"):
        packages.excuse(package=package, why="it is fine", actor=people.TESTER, now=people.now())


def test_a_secret_in_a_recording_blocks_it_even_typed_over_five_events(handed, system):
    secret_of(handed, "Tr0ubad0ur")
    row = walkthroughs.upload_cast(
        system=system,
        title="x",
        text='{"version": 2, "width": 80, "height": 24}\n[1, "o", "x"]\n',
        actor=people.TESTER,
        now=people.now(),
    )
    events = "".join(f'[{n}, "o", "{piece}"]\n' for n, piece in enumerate(["Tr", "0u", "ba", "d0", "ur"]))
    type(row).objects.filter(pk=row.pk).update(cast='{"version": 2, "width": 80, "height": 24}\n' + events)
    package = made(handed, with_credentials=False)
    assert package.state == "blocked"


def test_a_recording_that_is_brought_has_its_secrets_masked(handed, system):
    secret_of(handed, "Tr0ubad0ur")
    events = "".join(f'[{n}, "o", "{piece}"]\n' for n, piece in enumerate(["$ echo ", "Tr", "0u", "ba", "d0", "ur", "\\r\\n"]))
    row = walkthroughs.upload_cast(
        system=system, title="x", text='{"version": 2, "width": 80, "height": 24}\n' + events, actor=people.TESTER, now=people.now()
    )
    assert row.masked == 1
    assert made(handed, with_credentials=False).state == "ready"


def test_what_looks_like_a_secret_waits_for_somebody_to_look(handed, member, operator):
    ticket(handed, member, "password = hunter2x")
    package = made(handed, with_credentials=False)
    assert package.state == "blocked"
    assert all("hunter2x" not in one["words"] for one in package.findings)
    packages.excuse(package=package, why="an example of theirs", actor=people.actor(operator), now=people.now())
    making.make(package_id=package.pk, now=people.now())
    package.refresh_from_db()
    assert package.state == "ready"
    assert package.excused_by == operator.email


def test_what_is_too_short_to_be_looked_for_is_told(handed):
    secret_of(handed, "1234", label="PIN")
    package = made(handed, with_credentials=False)
    assert package.state == "ready"
    assert any("PIN" in one["words"] for one in package.findings if one["kind"] == "short")


def test_plain_credentials_take_two_people(handed, operator, lead):
    secret_of(handed)
    with pytest.raises(PortalError, match="Say why"):
        packages.ask(client=handed, plain_forms=["csv"], actor=people.actor(operator), now=people.now())
    row = packages.ask(client=handed, plain_forms=["csv"], plain_reason="their manager", actor=people.actor(lead), now=people.now())
    making.make(package_id=row.pk, now=people.now())
    row.refresh_from_db()
    assert row.state == "asked"
    with pytest.raises(PortalError, match="Somebody else"):
        packages.approve(package=row, actor=people.actor(lead), now=people.now())
    with pytest.raises(IntegrityError, match="plain_credentials_took_two_people"):
        Package.objects.filter(pk=row.pk).update(state="queued", approved_by=lead)


def test_plain_credentials_with_a_second_person(handed, operator, lead):
    secret_of(handed)
    row = packages.ask(client=handed, plain_forms=["csv"], plain_reason="x", actor=people.actor(operator), now=people.now())
    packages.approve(package=row, actor=people.actor(lead), now=people.now())
    making.make(package_id=row.pk, now=people.now())
    row.refresh_from_db()
    assert row.state == "ready", row.findings
    with zipfile.ZipFile(packages.path_of(row)) as archive:
        assert b"Tr0ubad0ur&3" in archive.read("credentials/credentials.csv")


def test_without_a_choice_of_the_owner_there_are_no_credentials(sample_client, system):
    with pytest.raises(PortalError, match="Nobody at the client"):
        packages.ask(client=sample_client, actor=people.TESTER, now=people.now())
    package = made(sample_client, with_credentials=False)
    assert package.state == "ready", package.findings
    with zipfile.ZipFile(packages.path_of(package)) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".kdbx")]
        assert "not in this package" in archive.read("index.html").decode()


def test_one_at_a_time(handed):
    packages.ask(client=handed, actor=people.TESTER, now=people.now())
    with pytest.raises(PackageBusy):
        packages.ask(client=handed, actor=people.TESTER, now=people.now())


def test_the_owner_alone_fetches_it_and_so_often(
    handed, owner, member, operator, owner_page, operator_page, member_page, outsider_page
):
    package = made(handed, with_credentials=False)
    address = f"/packages/{package.pk}/fetch/"
    for page, status in ((operator_page, 403), (member_page, 403), (outsider_page, 403)):
        assert page.post(address).status_code == status
    for who in (operator, member):
        with pytest.raises(NotAllowed):
            packages.fetch(package=package, actor=people.actor(who), now=people.now())
    with pytest.raises(IntegrityError, match="only the owner"):
        Download.objects.create(client=handed, package=package, user=operator, user_label="x", at=people.now())


def test_so_often_and_until_its_date(handed, owner, owner_page):
    package = made(handed, with_credentials=False)
    for left in (2, 1, 0):
        answer = owner_page.post(f"/packages/{package.pk}/fetch/")
        assert answer.status_code == 303
        answer = owner_page.get(answer["Location"])
        assert (answer.status_code, answer["Accept-Ranges"]) == (200, "bytes")
        assert zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).testzip() is None
        package.refresh_from_db()
        assert package.downloads_left == left
    assert owner_page.post(f"/packages/{package.pk}/fetch/").status_code == 422
    assert Download.objects.filter(user=owner).count() == 3
    assert AuditEvent.objects.filter(action="package.fetch").count() == 3
    packages.sweep(now=people.now())
    assert packages.path_of(package).exists(), "a transfer may still be going on"
    packages.sweep(now=people.now() + timedelta(days=2))
    package.refresh_from_db()
    assert package.state == "gone"
    assert not packages.path_of(package).exists()


def test_a_transfer_that_broke_goes_on_and_costs_no_other(handed, owner, owner_page):
    package = made(handed, with_credentials=False)
    whole = packages.path_of(package).read_bytes()
    address = owner_page.post(f"/packages/{package.pk}/fetch/")["Location"]
    cut = b"".join(owner_page.get(address).streaming_content)[:1000]
    rest = owner_page.get(address, headers={"Range": "bytes=1000-", "If-Range": f'"{package.sha256}"'})
    assert (rest.status_code, rest["Content-Range"]) == (206, f"bytes 1000-{len(whole) - 1}/{len(whole)}")
    assert cut + b"".join(rest.streaming_content) == whole
    last = owner_page.get(address, headers={"Range": "bytes=-7"})
    assert b"".join(last.streaming_content) == whole[-7:]
    middle = owner_page.get(address, headers={"Range": "bytes=5-9"})
    assert (b"".join(middle.streaming_content), middle["Content-Length"]) == (whole[5:10], "5")
    beyond = owner_page.get(address, headers={"Range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{len(whole)}")
    for unknown in ({"Range": "bytes=1-2,5-6"}, {"Range": "lines=1-2"}, {"Range": "bytes=1000-", "If-Range": '"another"'}):
        answer = owner_page.get(address, headers=unknown)
        assert (answer.status_code, len(b"".join(answer.streaming_content))) == (200, len(whole))
    package.refresh_from_db()
    assert package.downloads_left == 2
    download = Download.objects.get()
    assert list(download.transfers.order_by("pk").values_list("from_byte", flat=True))[:3] == [0, 1000, len(whole) - 7]
    assert AuditEvent.objects.filter(action="package.transfer").count() == 8
    assert "Go on with it" in owner_page.get(f"/packages/{package.pk}/").content.decode()


def test_a_download_is_of_who_began_it_and_over_after_a_day(handed, owner, outsider_page, operator_page, member_page):
    package = made(handed, with_credentials=False)
    download = packages.fetch(package=package, actor=people.actor(owner), now=people.now())
    address = f"/packages/downloads/{download.pk}/"
    for page, status in ((operator_page, 403), (member_page, 403), (outsider_page, 403)):
        assert page.get(address).status_code == status
    other = people.make_owner(handed)
    assert people.signed_in(other).get(address).status_code == 404
    with pytest.raises(PortalError, match="somebody else's"):
        packages.transfer(download=download, from_byte=0, actor=people.actor(other), now=people.now())
    assert not Transfer.objects.exists()
    with pytest.raises(PortalError, match="is over"):
        packages.transfer(download=download, from_byte=0, actor=people.actor(owner), now=people.now() + timedelta(days=1, seconds=1))
    for _ in range(50):
        packages.transfer(download=download, from_byte=0, actor=people.actor(owner), now=people.now())
    with pytest.raises(PortalError, match="is over"):
        packages.transfer(download=download, from_byte=0, actor=people.actor(owner), now=people.now())
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Transfer.objects.filter(download=download).update(from_byte=1)


def test_past_its_date_nobody_fetches_it(handed, owner):
    package = made(handed, with_credentials=False)
    with pytest.raises(PortalError, match="any more"):
        packages.fetch(package=package, actor=people.actor(owner), now=people.now() + timedelta(days=31))
    packages.sweep(now=people.now() + timedelta(days=31))
    package.refresh_from_db()
    assert package.state == "gone"


def test_a_proof_that_is_not_fresh_is_asked_for(handed, owner):
    package = made(handed, with_credentials=False)
    page = people.signed_in(owner, proof_age_s=None)
    assert page.post(f"/packages/{package.pk}/fetch/").status_code == 302
    assert not Download.objects.exists()


def test_run_twice_it_is_made_once(handed):
    package = made(handed, with_credentials=False)
    before = packages.path_of(package).stat().st_mtime_ns
    making.make(package_id=package.pk, now=people.now())
    assert packages.path_of(package).stat().st_mtime_ns == before


class Died(BaseException):
    """A worker, as by SIGKILL."""


@pytest.mark.parametrize("after", [1, 7, 30])
def test_a_worker_that_died_in_the_middle_is_followed_from_where_it_stood(handed, member, after, tmp_path):
    secret_of(handed)
    ticket(handed, member)
    row = packages.ask(client=handed, with_credentials=False, actor=people.TESTER, now=people.now())
    Package.objects.filter(pk=row.pk).update(state="running", claimed_until=people.now() - timedelta(seconds=1))
    row.refresh_from_db()
    turn = making._Making(row)
    written = 0
    add = turn._add

    def die(writer, one):
        nonlocal written
        add(writer, one)
        written += 1
        if written == after:
            raise Died

    turn._add = die
    with pytest.raises(Died):
        turn.run()
    with packages.path_of(row).open("ab") as file:
        file.write(b"half of a member")  # what a killed worker leaves behind its last whole one
    assert len(zipping._rows(packages.path_of(row).with_suffix(".journal"))) == after
    making.make(package_id=row.pk, now=later())
    row.refresh_from_db()
    assert row.state == "ready", row.findings
    assert subprocess.run([sys.executable, "-I", str(unpacked(row, tmp_path) / "verify.py")], check=False).returncode == 0


def test_a_secret_that_a_dead_worker_had_written_is_still_found(handed, member):
    secret_of(handed)
    ticket(handed, member, "it is Tr0ubad0ur&3")
    row = packages.ask(client=handed, with_credentials=False, actor=people.TESTER, now=people.now())
    Package.objects.filter(pk=row.pk).update(state="running")
    row.refresh_from_db()
    turn = making._Making(row)
    add = turn._add

    def die(writer, one):
        add(writer, one)
        if one.name.startswith("reports/") or one.name.startswith("audit/"):
            raise Died

    turn._add = die
    with pytest.raises(Died):
        turn.run()
    making.make(package_id=row.pk, now=later())
    row.refresh_from_db()
    assert row.state == "blocked"


def test_two_workers_never_write_one_file(handed):
    row = packages.ask(client=handed, with_credentials=False, actor=people.TESTER, now=people.now())
    with making._alone(packages.path_of(row)):
        making.make(package_id=row.pk, now=people.now())
    row.refresh_from_db()
    assert row.state == "running"
    making.make(package_id=row.pk, now=people.now())
    row.refresh_from_db()
    assert row.state == "running", "another worker holds it"
    making.make(package_id=row.pk, now=later())
    row.refresh_from_db()
    assert row.state == "ready"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("CON", "_CON"), ("nul.txt", "_nul.txt"), ("../../etc/passwd", "-..-etc-passwd"), ("a/b\\c:d*e?f", "a-b-c-d-e-f"), ("ends. ", "ends"),
        ("u\u0308ber", "über"), ("\u202egnp.exe", "gnp.exe"), ("", "file"), ("x" * 300 + ".txt", "x" * 80 + ".txt"),
    ],
)  # fmt: skip
def test_names_are_safe_everywhere(name, safe):
    assert safe_name(name) == safe
    assert safe_name(safe) == safe


def test_names_differ_by_more_than_their_case():
    names = Names()
    assert [names.of("x", one) for one in ("A.txt", "a.txt", "a.TXT")] == ["x/A.txt", "x/a-2.txt", "x/a-3.TXT"]


def test_a_large_member_goes_by_in_pieces(tmp_path):
    seen = []
    writer = Writer(tmp_path / "x.zip", at=people.now())
    writer.add(Member("big.bin", lambda: (b"x" * 300_000 for _ in range(20))), watch=lambda piece: seen.append(len(piece)))
    writer.add(text_member("a.txt", "hello"), watch=lambda piece: None)
    assert b"".join(writer.read("a.txt")) == b"hello"
    assert sum(map(len, writer.read("big.bin"))) == 6_000_000
    writer.close()
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.testzip() is None
    assert max(seen) <= 1024 * 1024


def test_messages_of_ours_alone_do_not_come_along(handed, member, tmp_path):
    row = ticket(handed, member)
    Message.objects.create(
        client=handed,
        ticket=row,
        kind="note",
        via="page",
        author_label="us",
        is_ours=True,
        body="difficult people",
        created_at=people.now(),
    )
    place = unpacked(made(handed, with_credentials=False), tmp_path)
    assert not any("difficult people" in path.read_text(errors="replace") for path in place.rglob("*.html"))
    assert Ticket.objects.count() == 1
    assert not Attachment.objects.exists()
