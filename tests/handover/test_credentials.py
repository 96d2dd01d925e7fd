"""Credentials in the client's own manager: opened by others' programs and by code that is independent of ours."""

import base64
import csv
import hashlib
import hmac
import io
import json
import subprocess

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from handover.choices import Outcome
from handover.models import CredentialProof, ReceivingKey
from handover.services import credentials, proofs, receiving
from handover.services.formats import bitwarden, tables
from portal.errors import NotAllowed, PortalError
from portal.ssh.keys import new_key_pair
from portal.vault import services as vault
from tests import people
from tests.handover.conftest import PASSPHRASE

pytestmark = pytest.mark.django_db


def quietly():
    """Nobody waits for it."""


SECRET = "pä$$wörd,\"with'all&<signs>=+@\u00a0x"


@pytest.fixture
def stored(sample_client, system):
    def store(**values):
        given = {"kind": "password", "label": "Admin", "username": "admin", "secret": SECRET.encode(), "system_id": system.pk} | values
        return vault.store(client_id=sample_client.pk, actor=people.TESTER, now=people.now(), **given)

    private, public = new_key_pair("x")
    store(kind="totp_seed", label="Admin's app", secret=b"JBSW Y3DP EHPK 3PXP")
    store(kind="ssh_key", label="Deploy key", username="deploy", secret=private.encode(), public_part=public)
    store(kind="note", label="Safe", secret=b"turn left twice", username="", system_id=None)
    store(kind="totp_seed", label="Lonely seed", secret=b"JBSWY3DPEHPK3PXQ", username="", system_id=None)
    return store()


def independent(text: str, passphrase: str) -> dict:
    """Bitwarden's protected export, opened by the words of its documentation alone: no code of ours."""
    value = json.loads(text)
    master = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), value["salt"].encode(), value["kdfIterations"])
    encryption, mac = (hmac.new(master, name + b"\x01", "sha256").digest() for name in (b"enc", b"mac"))

    def opened(sealed):
        iv, body, code = (base64.b64decode(part) for part in sealed.removeprefix("2.").split("|"))
        assert hmac.new(mac, iv + body, "sha256").digest() == code
        plain = Cipher(algorithms.AES(encryption), modes.CBC(iv)).decryptor().update(body)
        return plain[: -plain[-1]].decode()

    opened(value["encKeyValidation_DO_NOT_EDIT"])
    return json.loads(opened(value["data"]))


def test_keepassxc_opens_the_kdbx_with_everything_in_it(stored, handed, tmp_path, system):
    files, limits, _ = credentials.files_of(client_id=handed.pk, title="Sample", plain_forms=[], now=people.now(), beat=quietly)
    by_name = {file.name: file for file in files}
    path = tmp_path / "c.kdbx"
    path.write_bytes(by_name["credentials.kdbx"].content)

    def keepassxc(*words):
        done = subprocess.run(["keepassxc-cli", *words], input=f"{PASSPHRASE}\n", capture_output=True, text=True, check=False, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"})  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "Admin" in keepassxc("ls", "-R", str(path))
    shown = keepassxc("show", "-s", "-a", "Password", str(path), f"{system.name}/Admin")
    assert SECRET in shown
    assert len(keepassxc("show", "-t", str(path), f"{system.name}/Admin").strip()) == 6, "the second factor's code"
    key = tmp_path / "key"
    keepassxc("attachment-export", str(path), f"{system.name}/Deploy key", "key", str(key))
    key.chmod(0o600)
    assert subprocess.run(["ssh-keygen", "-y", "-f", str(key)], capture_output=True, check=False).returncode == 0
    assert any("SSH keys do not import" in line for line in limits)
    wrong = subprocess.run(["keepassxc-cli", "ls", str(path)], input="another\n", capture_output=True, text=True, check=False, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen"})  # fmt: skip
    assert wrong.returncode != 0


def test_the_protected_bitwarden_file_is_opened_by_independent_code(stored, handed, system):
    files, _, _ = credentials.files_of(client_id=handed.pk, title="Sample", plain_forms=[], now=people.now(), beat=quietly)
    text = next(file.content for file in files if file.name == "bitwarden.json").decode()
    assert "Admin" not in text
    found = independent(text, PASSPHRASE)
    assert found["encrypted"] is False
    items = {item["name"]: item for item in found["items"]}
    assert items["Admin"]["login"]["password"] == SECRET
    assert items["Admin"]["login"]["totp"].endswith("secret=JBSWY3DPEHPK3PXP")
    assert items["Deploy key"]["type"] == 5
    assert items["Deploy key"]["sshKey"]["keyFingerprint"].startswith("SHA256:")
    assert items["Safe"]["secureNote"] == {"type": 0}
    assert system.name in {folder["name"] for folder in found["folders"]}
    with pytest.raises(PortalError):
        bitwarden.unprotect(text, passphrase="another one than that")


def test_our_own_way_in_is_nobodys_to_have(sample_client, stored):
    assert not [entry for entry in credentials.entries_of(sample_client.pk) if "SSH key of" in entry.title]


def test_csv_holds_passwords_as_they_are(stored, sample_client):
    entries = credentials.entries_of(sample_client.pk)
    rows = list(csv.DictReader(io.StringIO(tables.onepassword(entries))))
    assert SECRET in {row["Password"] for row in rows}
    assert "Deploy key" not in {row["Title"] for row in rows}
    assert {row["title"] for row in csv.DictReader(io.StringIO(tables.generic(entries)))} >= {"Deploy key", "Lonely seed"}


@pytest.mark.parametrize("kind", ["age", "ssh"])
def test_to_a_key_of_the_clients_own(stored, sample_client, owner, tmp_path, kind):
    private = tmp_path / "key"
    if kind == "age":
        subprocess.run(["age-keygen", "-o", str(private)], check=True, capture_output=True)
        public = next(line.split()[-1] for line in private.read_text().splitlines() if "public key" in line)
    else:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(private)], check=True)
        public = private.with_suffix(".pub").read_text()
    receiving.choose_key(client=sample_client, public=public, actor=people.actor(owner), now=people.now())
    files, _, _ = credentials.files_of(client_id=sample_client.pk, title="Sample", plain_forms=[], now=people.now(), beat=quietly)
    assert not [file for file in files if file.plain]
    for file in files:
        (tmp_path / file.name).write_bytes(file.content)
    opened = subprocess.run(["age", "-d", "-i", str(private), str(tmp_path / "bitwarden.json.age")], capture_output=True, check=True)
    assert SECRET in {item["login"]["password"] for item in json.loads(opened.stdout)["items"] if item["type"] == 1}
    assert subprocess.run(
        ["age", "-d", "-i", str(private), str(tmp_path / "kdbx-passphrase.txt.age")], capture_output=True, check=True
    ).stdout


def test_only_the_owner_chooses_and_nobody_reads_it(
    sample_client, owner, member, operator, operator_page, member_page, owner_page, outsider_page
):
    page = f"/clients/{sample_client.pk}/handover/key/"
    for browser, status in ((operator_page, 403), (member_page, 403), (outsider_page, 403), (owner_page, 200)):
        assert browser.get(page).status_code == status
    for who in (operator, member):
        with pytest.raises(NotAllowed):
            receiving.choose_passphrase(client=sample_client, passphrase=PASSPHRASE, again=PASSPHRASE, forms=["kdbx"], actor=people.actor(who), now=people.now())  # fmt: skip
    answer = owner_page.post(page, {"passphrase": PASSPHRASE, "again": PASSPHRASE, "forms": ["kdbx"]})
    assert answer.status_code == 303
    row = ReceivingKey.objects.get()
    assert PASSPHRASE not in row.sealed
    assert PASSPHRASE not in owner_page.get(page).content.decode()
    assert receiving.open_passphrase(row) == PASSPHRASE


@pytest.mark.parametrize(
    ("passphrase", "again", "words"),
    [("short", "short", "at least"), (PASSPHRASE, "another passphrase", "not the same"), ("a" * 20, "a" * 20, "too simple")],
)
def test_a_bad_passphrase_is_refused_in_words(sample_client, owner_page, passphrase, again, words):
    answer = owner_page.post(
        f"/clients/{sample_client.pk}/handover/key/", {"passphrase": passphrase, "again": again, "forms": ["kdbx"]}
    )
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ReceivingKey.objects.exists()


def test_a_private_key_is_not_kept(sample_client, owner):
    private, _ = new_key_pair("x")
    with pytest.raises(PortalError, match="private key"):
        receiving.choose_key(client=sample_client, public=private, actor=people.actor(owner), now=people.now())


def test_another_choice_erases_the_one_before(handed, owner):
    _, public = new_key_pair("x")
    receiving.choose_key(client=handed, public=public, actor=people.actor(owner), now=people.now())
    assert list(ReceivingKey.objects.exclude(ended_at=None).values_list("sealed", flat=True)) == [""]


def test_a_passphrase_that_was_moved_to_another_client_does_not_open(handed):
    row = receiving.current(handed.pk)
    other = people.make_client()
    owner = people.make_owner(other)
    moved = ReceivingKey.objects.create(
        client=other, kind="passphrase", forms=["kdbx"], sealed=row.sealed, set_by=owner, set_at=people.now()
    )
    with pytest.raises(PortalError):
        receiving.open_passphrase(moved)


def test_a_proof_is_of_the_version_that_was_tried(stored):
    proofs.state(credential=stored, works=True, words="signed in", actor=people.TESTER, now=people.now())
    assert proofs.newest_proof(stored).outcome == Outcome.WORKS
    vault.replace(credential=stored, secret=b"a new one", actor=people.TESTER, now=people.now())
    assert proofs.newest_proof(stored) is None
    assert CredentialProof.objects.count() == 1
    with pytest.raises(PortalError):
        proofs.state(credential=stored, works=True, words=" ", actor=people.TESTER, now=people.now())
