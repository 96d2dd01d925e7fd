"""The vault: sealed per client, bound to its row, versions, reveal, rotation killed at each step, nothing in a dump."""

import base64
import io
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from portal.accounts.scope import acting_for
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError
from portal.vault import crypto, keys, services
from portal.vault.models import Credential, CredentialVersion, DataKey
from portal.vault.rotation import rotate_client_key, rotate_master_key
from tests import people
from tests.hosts.conftest import portal_url
from tests.people import signed_in

CHECKOUT = Path(__file__).resolve().parents[2]


def store(client, secret="planted-secret-0815", **values) -> Credential:
    values = {"kind": "password", "label": "root", "actor": people.TESTER, "now": people.now()} | values
    return services.store(client_id=client.pk, secret=secret.encode(), **values)


def fresh_master() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def test_versions_are_kept_and_the_newest_is_used(sample_client, operator):
    credential = store(sample_client, "first")
    services.replace(credential=credential, secret=b"second", actor=people.TESTER, now=people.now())
    assert services.open_for_use(credential) == b"second"
    actor = people.actor(operator)
    assert services.reveal(credential=credential, actor=actor, now=people.now())[1] == b"second"
    assert services.reveal(credential=credential, number=1, actor=actor, now=people.now())[1] == b"first"
    with pytest.raises(PortalError, match="no such version"):
        services.reveal(credential=credential, number=9, actor=actor, now=people.now())
    services.archive(credential=credential, reason="gone", actor=people.TESTER, now=people.now())
    with pytest.raises(PortalError, match="archived"):
        services.replace(credential=credential, secret=b"x", actor=people.TESTER, now=people.now())


def test_a_row_swapped_for_another_does_not_open(sample_client):
    """Between credentials, between versions, between clients: each is bound to its own identity."""
    other_client = people.make_client()
    one, two, theirs = store(sample_client, "one"), store(sample_client, "two"), store(other_client, "theirs")
    services.replace(credential=one, secret=b"newer", actor=people.TESTER, now=people.now())
    old, new = one.versions.order_by("number")
    for victim, source in ((two.versions.get(), old), (theirs.versions.get(), two.versions.get()), (new, old)):
        CredentialVersion.objects.filter(pk=victim.pk).update(sealed=bytes(source.sealed))
        with pytest.raises(crypto.Unsealable):
            services.open_for_use(victim.credential)


def test_a_flipped_bit_does_not_open(sample_client):
    version = store(sample_client).versions.get()
    for place in (0, 12, len(version.sealed) - 1):
        changed = bytearray(version.sealed)
        changed[place] ^= 1
        CredentialVersion.objects.filter(pk=version.pk).update(sealed=bytes(changed))
        with pytest.raises(crypto.Unsealable):
            services.open_for_use(version.credential)


def test_the_database_ties_versions_to_their_client_and_its_key(sample_client):
    version, foreign = store(sample_client).versions.get(), store(people.make_client()).versions.get()
    for change in ({"key": foreign.key}, {"credential": foreign.credential}, {"client": foreign.client}):
        with pytest.raises(IntegrityError), transaction.atomic():
            CredentialVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        DataKey.objects.filter(pk=version.key_id).update(retired_at=people.now())


@pytest.mark.parametrize(
    "values", [{"secret": ""}, {"secret": "x" * 70_000}, {"kind": "tattoo"}, {"label": " "}], ids=["empty", "long", "kind", "label"]
)
def test_what_is_not_stored(sample_client, values):
    with pytest.raises(PortalError):
        store(sample_client, **values)
    assert Credential.objects.filter(client=sample_client).count() == 1  # its own SSH key


def test_who_may_reveal(sample_client, operator, auditor, owner):
    credential = store(sample_client)
    for user in (auditor, owner):
        with pytest.raises(NotAllowed):
            services.reveal(credential=credential, actor=people.actor(user), now=people.now())
    with pytest.raises(NotAllowed):
        services.reveal(credential=credential, actor=people.TESTER, now=people.now())  # the portal itself never
    own_key = Credential.objects.get(client=sample_client, kind="ssh_key")
    with pytest.raises(PortalError, match="never shown"):
        services.reveal(credential=own_key, actor=people.actor(operator), now=people.now())


def test_a_reveal_is_shown_once_recorded_and_read_by_the_client(sample_client, operator, owner_page, operator_page):
    credential = store(sample_client)
    answer = operator_page.post(f"/clients/{sample_client.pk}/vault/{credential.pk}/reveal/")
    assert "planted-secret-0815" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert "planted-secret-0815" not in operator_page.get(f"/clients/{sample_client.pk}/vault/").content.decode()
    event = AuditEvent.objects.get(action="vault.reveal")
    assert (event.actor_label, event.client, event.address) == (operator.email, sample_client, "127.0.0.1")
    text = owner_page.get("/audit/?action=vault.reveal").content.decode()
    assert operator.email in text
    assert "planted-secret-0815" not in text


def test_a_reveal_waits_for_a_fresh_proof_and_then_goes_on(sample_client, operator):
    """Eleven minutes old: nothing is shown or recorded; the password is asked for, and then the page is there."""
    credential = store(sample_client)
    page = signed_in(operator, proof_age_s=660)
    address = f"/clients/{sample_client.pk}/vault/{credential.pk}/reveal/"
    asked = page.post(address)
    assert asked["Location"].startswith("/account/prove/?next=")
    assert not AuditEvent.objects.filter(action="vault.reveal").exists()
    wrong = page.post(asked["Location"], {"password": "not it", "next": address})
    assert "planted-secret-0815" not in wrong.content.decode()
    shown = page.post(asked["Location"], {"password": people.PASSWORD, "next": address})
    assert "planted-secret-0815" in shown.content.decode()


def test_storing_on_the_page_leaves_the_secret_in_no_answer(sample_client, operator_page, system):
    form = {"kind": "password", "label": "db", "username": "root", "system": system.pk, "secret": "planted-on-page"}
    assert operator_page.post(f"/clients/{sample_client.pk}/vault/", form).status_code == 303
    again = operator_page.post(f"/clients/{sample_client.pk}/vault/", form | {"label": ""})
    assert again.status_code == 422
    foreign = people.make_system()
    assert operator_page.post(f"/clients/{sample_client.pk}/vault/", form | {"system": foreign.pk}).status_code == 422
    assert Credential.objects.get(label="db").username == "root"


# Rotation


def sealed_state() -> set[bytes]:
    return {services.open_for_use(credential) for credential in Credential.objects.all()}


@pytest.fixture
def full_vault(transactional_db):
    """Two clients with five secrets each, one of them with several versions."""
    clients = [people.make_client(), people.make_client()]
    for client in clients:
        for number in range(4):
            credential = store(client, f"secret {client.pk} {number}")
        services.replace(credential=credential, secret=b"changed", actor=people.TESTER, now=people.now())
    return clients


def test_a_client_key_is_rotated_wherever_it_is_cut_off(full_vault):
    """Cut off after each step in turn and started anew: it ends, everything opens at every moment, the old key is gone."""
    client = full_vault[0]
    before = sealed_state()
    old = DataKey.objects.get(client=client)
    steps = 0
    while True:
        steps += 1
        assert steps < 100
        rotation = rotate_client_key(client_id=client.pk, actor=people.TESTER, now=people.now())
        done = [step for _, step in zip(range(2), rotation, strict=False)]  # two steps, then the process is gone
        rotation.close()
        assert sealed_state() == before
        if any("destroyed" in step for step in done):
            break
    current = DataKey.objects.get(client=client, retired_at=None)
    assert current.number == 2
    assert set(CredentialVersion.objects.filter(client=client).values_list("key_id", flat=True)) == {current.pk}
    old.refresh_from_db()
    assert bytes(old.wrapped) == b""
    assert DataKey.objects.filter(client=full_vault[1]).count() == 1  # the other client's is untouched


def test_what_is_stored_during_a_rotation_is_not_lost(full_vault):
    client = full_vault[0]
    rotation = rotate_client_key(client_id=client.pk, actor=people.TESTER, now=people.now())
    next(rotation)
    meanwhile = store(client, "stored in between")
    for _ in rotation:
        pass
    assert services.open_for_use(meanwhile) == b"stored in between"


def test_the_master_key_is_rotated_wherever_it_is_cut_off(full_vault, settings):
    before = sealed_state()
    settings.VAULT_MASTER_KEY_PREVIOUS, settings.VAULT_MASTER_KEY = settings.VAULT_MASTER_KEY, fresh_master()
    for _ in range(DataKey.objects.count()):
        assert sealed_state() == before
        rotation = rotate_master_key(actor=people.TESTER, now=people.now())
        next(rotation)
        rotation.close()
    settings.VAULT_MASTER_KEY_PREVIOUS = ""
    assert sealed_state() == before
    assert list(rotate_master_key(actor=people.TESTER, now=people.now())) == []


def rotate_in_a_process(*words: str, kill_after: int | None, environment: dict[str, str]) -> int:
    """Run the real command; SIGKILL it as soon as it printed so many steps. Returns how many it printed."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "rotate_keys", *words], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, stderr=subprocess.STDOUT,
        env={**os.environ, "DATABASE_URL": portal_url(connection.settings_dict), **environment},
    )  # fmt: skip
    assert process.stdout is not None
    printed = 0
    with process.stdout as output:
        for _ in output:
            printed += 1
            if kill_after is not None and printed >= kill_after:
                process.kill()
                break
    process.wait()
    return printed


def test_the_commands_survive_sigkill(full_vault, settings):
    before = sealed_state()
    environment = {"VAULT_MASTER_KEY": settings.VAULT_MASTER_KEY}
    for kill_after in (1, 3, None):
        rotate_in_a_process("--clients", kill_after=kill_after, environment=environment)
        assert sealed_state() == before
    assert all(number >= 2 for number in DataKey.objects.exclude(client=None).filter(retired_at=None).values_list("number", flat=True))
    new = fresh_master()
    environment = {"VAULT_MASTER_KEY": new, "VAULT_MASTER_KEY_PREVIOUS": settings.VAULT_MASTER_KEY}
    settings.VAULT_MASTER_KEY_PREVIOUS, settings.VAULT_MASTER_KEY = settings.VAULT_MASTER_KEY, new
    for kill_after in (1, None):
        rotate_in_a_process("--master", kill_after=kill_after, environment=environment)
        assert sealed_state() == before
    settings.VAULT_MASTER_KEY_PREVIOUS = ""
    assert sealed_state() == before


# A wrong master key


def test_a_wrong_master_key_stops_start_up_and_damages_nothing(sample_client, settings):
    credential = store(sample_client)
    right, before = settings.VAULT_MASTER_KEY, list(DataKey.objects.order_by("pk").values_list("pk", "wrapped", "master_id"))
    settings.VAULT_MASTER_KEY = fresh_master()
    with pytest.raises(ImproperlyConfigured, match="not the key that sealed this vault") as caught:
        keys.check()
    assert settings.VAULT_MASTER_KEY not in str(caught.value)
    with pytest.raises(CommandError, match="not the key"):
        call_command("check_start")
    with pytest.raises(CommandError, match="not the key"):
        call_command("rotate_keys", "--master")
    with pytest.raises(ImproperlyConfigured), transaction.atomic():
        people.make_client()  # no new key is sealed with a strange master key
    with pytest.raises(crypto.Unsealable):
        services.open_for_use(credential)
    settings.VAULT_MASTER_KEY = right
    assert list(DataKey.objects.order_by("pk").values_list("pk", "wrapped", "master_id")) == before
    assert services.open_for_use(credential) == b"planted-secret-0815"


@pytest.mark.parametrize("words", [["-m", "gunicorn", "portal.wsgi:application", "--bind", "127.0.0.1:0", "--check-config"],
                                   ["-m", "celery", "-A", "portal.celery", "worker", "-P", "solo", "-Q", "nobody"],
                                   ["-m", "celery", "-A", "portal.celery", "beat", "-s", "SCHEDULE"]])  # fmt: skip
def test_no_process_starts_with_a_wrong_master_key(transactional_db, words, tmp_path):
    people.make_client()
    words = [str(tmp_path / "schedule") if word == "SCHEDULE" else word for word in words]
    environment = {**os.environ, "DATABASE_URL": portal_url(connection.settings_dict), "VAULT_MASTER_KEY": fresh_master()}
    done = subprocess.run(
        [sys.executable, *words], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "not the key that sealed this vault" in done.stderr + done.stdout
    assert environment["VAULT_MASTER_KEY"] not in done.stderr + done.stdout


def test_a_missing_master_key_stops_start_up(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VAULT_")}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "VAULT_MASTER_KEY is not set" in done.stderr


def test_keys_from_before_their_master_was_noted_are_found_out(sample_client):
    DataKey.objects.update(master_id="")
    keys.check()
    assert set(DataKey.objects.values_list("master_id", flat=True)) == {crypto.master_id(crypto.master_key())}


# A stolen dump


def test_a_stolen_dump_yields_no_secret(transactional_db):
    """Everything secret that the portal keeps is planted, the whole database is dumped as text, and none of it is there."""
    from portal.accounts.services import create_token
    from portal.signin.services import links
    from portal.signin.services import people as people_service

    client = people.make_client()
    system = people.make_system(client)
    planted = {"credential": "planted-secret-0815", "note": "planted note with ünïcode"}
    store(client, planted["credential"])
    replaced = store(client, planted["note"], kind="note", label="note", system_id=system.pk)
    services.replace(credential=replaced, secret=b"planted-replacement", actor=people.TESTER, now=people.now())
    planted["replacement"] = "planted-replacement"
    with acting_for(client.pk):
        private = services.open_for_use(Credential.objects.get(client=client, kind="ssh_key")).decode()
    planted |= {f"key line {n}": line for n, line in enumerate(private.splitlines()[1:-1])}
    lead = people.make_staff("lead")
    planted["TOTP seed"], planted["password"] = lead.seed, people.PASSWORD
    planted["API token"] = create_token(user=lead, name="x", now=people.now()).removeprefix("rtn_")
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    codes = Authenticator.objects.get(user=lead, type=Authenticator.Type.RECOVERY_CODES).wrap()
    assert isinstance(codes, RecoveryCodes)
    planted |= {f"recovery code {n}": code for n, code in enumerate(codes.generate_codes())}
    browser = signed_in(lead)
    planted["session cookie"] = browser.cookies["sessionid"].value
    session = browser.session
    session["something"] = "planted in the session"
    session.save()
    planted["session data"] = "planted in the session"
    from django.core import mail

    people_service.invite(
        email="new@client.example", name="New", role="owner", client_id=client.pk, actor=people.actor(lead), now=people.now()
    )
    people_service.ask_reset(email=lead.email, address="192.0.2.1", now=people.now())
    assert links.send_waiting(now=people.now()) == 2
    for number, message in enumerate(mail.outbox):
        planted[f"mailed link {number}"] = (
            next(line for line in message.body.splitlines() if "http" in line).rstrip("/").rsplit("/", 1)[1]
        )
    planted["data key"] = keys.unwrap(DataKey.objects.get(client=client)).hex()
    planted["master key"] = crypto.master_key().hex()
    dump = dump_of_everything()
    assert len(dump) > 10_000
    assert client.name in dump  # the dump is one
    assert lead.email in dump
    for what, secret in planted.items():
        for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
            assert form not in dump, what
    assert django_settings.SECRET_KEY not in dump


def dump_of_everything() -> str:
    """All rows of all tables as text, as COPY writes them: what pg_dump would carry off."""
    from tests.conftest import owner_connection

    text = io.StringIO()
    with owner_connection() as owner:
        tables = owner.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace").fetchall()
        for (table,) in tables:
            with owner.cursor().copy(f'COPY "{table}" TO STDOUT') as copy:
                for chunk in copy:
                    text.write(bytes(chunk).decode("utf-8", "replace"))
    return text.getvalue()
