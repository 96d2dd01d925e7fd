"""The audit trail: append-only by privilege and trigger, chained per client, secrets masked, readable by a client's owner."""

import threading

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from clients.services import registry
from portal.accounts.actor import Actor
from portal.accounts.scope import NOTHING, acting, acting_as, acting_for, acting_for_all
from portal.audit import services as audit
from portal.audit.chain import verify
from portal.audit.masking import MASK, mask
from portal.audit.models import AuditChain, AuditEvent
from tests import people
from tests.conftest import owner_connection


def note(client_id=None, **details) -> None:
    audit.record(action="test.note", actor=people.TESTER, subject=None, client_id=client_id, now=people.now(), **details)


@pytest.fixture
def trail(transactional_db):
    """Two clients' chains and nobody's, some events long."""
    clients = [people.make_client(name) for name in ("Anna & Co", "Bern GmbH")]
    for number in range(3):
        for client_id in (clients[0].pk, clients[1].pk, None):
            note(client_id, number=number, text="ünïcode ☃ \n\t'\"", nested={"b": 1, "a": [1.5, None, True]})
    return clients


def tamper(sql: str, *values) -> None:
    """What somebody with the owner's rights does: triggers off, row changed, triggers on."""
    with owner_connection() as owner:
        owner.execute("SELECT set_config('retainer.clients', 'all', false)")
        owner.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        owner.execute(sql, values)
        owner.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER USER")


def test_a_sound_trail_verifies(trail, capsys):
    call_command("verify_audit")
    out = capsys.readouterr().out
    assert "3 chains" in out
    assert "every link holds" in out


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE audit_auditevent SET actor_label = 'somebody else' WHERE id = %s", "its content is not what was recorded"),
        (
            "UPDATE audit_auditevent SET details = jsonb_set(details, '{number}', '7') WHERE id = %s",
            "its content is not what was recorded",
        ),
        ("UPDATE audit_auditevent SET at = at + interval '1 second' WHERE id = %s", "its content is not what was recorded"),
        ("UPDATE audit_auditevent SET address = '10.0.0.1' WHERE id = %s", "its content is not what was recorded"),
        ("UPDATE audit_auditevent SET before = '{\"a\": 1}' WHERE id = %s", "its content is not what was recorded"),
        ("UPDATE audit_auditevent SET previous_hash = repeat('0', 64) WHERE id = %s", "it does not follow the event before it"),
        ("DELETE FROM audit_auditevent WHERE id = %s", "is missing"),
    ],
)
def test_the_first_broken_link_is_named(trail, sql, why, capsys):
    victim = AuditEvent.objects.filter(client=trail[0]).order_by("position")[2]
    tamper(sql, victim.pk)
    _, broken = verify()
    assert [(link.chain, link.position) for link in broken] == [(trail[0].pk, victim.position + sql.startswith("DELETE"))]
    assert why in broken[0].why
    with pytest.raises(CommandError):
        call_command("verify_audit")
    assert f"chain of client {trail[0].pk}, position {broken[0].position}" in capsys.readouterr().err


def test_an_event_moved_to_another_client_is_found(trail):
    victim = AuditEvent.objects.filter(client=trail[0]).order_by("-position").first()
    tamper("UPDATE audit_auditevent SET client_id = %s, position = 99 WHERE id = %s", trail[1].pk, victim.pk)
    _, broken = verify()
    assert {link.chain for link in broken} == {trail[0].pk, trail[1].pk}


def test_what_was_cut_off_at_the_end_is_found(trail):
    victim = AuditEvent.objects.filter(client=trail[0]).order_by("-position").first()
    tamper("DELETE FROM audit_auditevent WHERE id = %s", victim.pk)
    _, broken = verify()
    assert [link.chain for link in broken] == [trail[0].pk]
    assert "recorded end" in broken[0].why


def test_a_chain_made_anew_is_found_against_the_ends_kept_outside(trail, tmp_path, capsys):
    """Somebody with the owner's rights rewrites a whole chain soundly, its end included."""
    call_command("verify_audit", "--heads")
    heads = tmp_path / "heads"
    heads.write_text(capsys.readouterr().out)
    with owner_connection() as owner:
        owner.execute("SELECT set_config('retainer.clients', 'all', false)")
        rows = owner.execute("SELECT id FROM audit_auditevent WHERE client_id = %s ORDER BY position", [trail[0].pk]).fetchall()
    tamper("UPDATE audit_auditevent SET actor_label = 'nobody at all' WHERE id = %s", rows[0][0])
    with owner_connection() as owner:
        owner.execute("SELECT set_config('retainer.clients', 'all', false)")
        owner.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        previous = ""
        for (event_id,) in rows:
            owner.execute("UPDATE audit_auditevent SET previous_hash = %s WHERE id = %s", [previous, event_id])
            owner.execute("UPDATE audit_auditevent SET hash = audit_hash(audit_auditevent) WHERE id = %s", [event_id])
            previous = owner.execute("SELECT hash FROM audit_auditevent WHERE id = %s", [event_id]).fetchone()[0]
        owner.execute("UPDATE audit_auditchain SET hash = %s WHERE chain = %s", [previous, trail[0].pk])
        owner.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER USER")
    call_command("verify_audit")  # sound in itself
    with pytest.raises(CommandError):
        call_command("verify_audit", "--against", heads)
    assert "not the one noted outside" in capsys.readouterr().err


def test_the_trigger_refuses_the_owner_as_well(trail):
    for statement in ("UPDATE audit_auditevent SET actor_label = 'x'", "DELETE FROM audit_auditevent"):
        with owner_connection() as owner:
            owner.execute("SELECT set_config('retainer.clients', 'all', false)")
            with pytest.raises(psycopg.Error, match="only grows"):
                owner.execute(statement)


def test_position_and_hash_can_not_be_chosen(trail):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_auditevent (at, actor_label, action, subject_type, subject_id, subject_label, details, position, "
            "previous_hash, hash) VALUES (now(), 'x', 'x', '', 0, '', '{}', 4711, 'mine', 'mine')"
        )
    assert verify()[1] == []
    assert not AuditEvent.objects.filter(position=4711).exists()


def test_chains_have_no_gaps_when_many_write_at_once(trail):
    def write() -> None:
        with acting_for_all():
            for _ in range(10):
                note(trail[0].pk)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    heads, broken = verify()
    assert broken == []
    own = next(head for head in heads if head.chain == trail[0].pk)
    assert own.position == AuditEvent.objects.filter(client=trail[0]).count() >= 60


def test_a_rolled_back_event_leaves_no_gap(trail):
    with transaction.atomic():
        note(trail[0].pk)
        transaction.set_rollback(True)
    note(trail[0].pk)
    assert verify()[1] == []


def test_a_stranger_can_add_an_event_of_nobodys_and_read_none(trail):
    with acting(NOTHING):
        note(None)
        assert AuditEvent.objects.count() == 0
        with pytest.raises(DatabaseError, match="row-level security"):
            note(trail[0].pk)
    assert AuditChain.objects.filter(chain=0).exists()


def test_a_change_keeps_before_and_after_and_from_where(sample_client):
    system = people.make_system(sample_client, environment="production")
    twin = people.make_system(sample_client, environment="staging", name="stage")
    actor = people.TESTER.at("192.0.2.7")
    registry.change_twin(system=system, staging_twin=twin, actor=actor, now=people.now())
    registry.change_twin(system=system, staging_twin=None, actor=actor, now=people.now())
    event = AuditEvent.objects.filter(action="system.twin").order_by("-pk").first()
    assert (event.before, event.after, event.address) == ({"twin": "stage"}, {"twin": ""}, "192.0.2.7")


def test_the_owner_reads_what_was_done_and_members_and_strangers_do_not(system, owner_page, member_page, outsider_page):
    note(system.client_id, commands=[{"command": "apt-get install openssl", "exit_status": 0}])
    text = owner_page.get("/audit/").content.decode()
    assert "apt-get install openssl" in text
    assert member_page.get("/audit/").status_code == 403
    assert outsider_page.get("/audit/").status_code == 403
    other = people.signed_in(people.make_owner(people.make_client()))
    assert "apt-get install openssl" not in other.get("/audit/").content.decode()
    assert "apt-get install openssl" not in other.get("/audit/export/").content.decode()
    assert "apt-get install openssl" in owner_page.get("/audit/export/").content.decode()


def test_an_export_is_an_event_that_its_client_reads(owner, owner_page, system):
    owner_page.get("/audit/export/?q=x")
    with acting_as(people.actor(owner)):
        event = AuditEvent.objects.get(action="audit.export")
    assert (event.client_id, event.actor_label) == (system.client_id, owner.email)


def test_the_filters_of_the_page(operator_page, system):
    note(system.client_id, which="wanted")
    assert "wanted" in operator_page.get(f"/audit/?client={system.client_id}&action=test&q=test").content.decode()
    assert "wanted" not in operator_page.get("/audit/?action=vault").content.decode()
    assert "wanted" not in operator_page.get("/audit/?until=2001-01-01").content.decode()
    assert "wanted" not in operator_page.get("/audit/?since=2199-01-01").content.decode()
    assert operator_page.get("/audit/?client=x&since=nonsense&page=99").status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----\nplanted\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nplanted, and cut off here",
        "curl https://user:planted@host.example/",
        "curl -H 'Authorization: Bearer planted123456'",
        "mysql --password=planted -e 'select 1'",
        "GET /?token=planted&x=1",
        "rtn_plantedplantedplantedplanted",
    ],
)
def test_what_looks_like_a_secret_is_masked_wherever_it_stands(text):
    assert "planted" not in str(mask({"a": [text], "b": {"c": text}}))


@pytest.mark.parametrize("name", ["password", "db_password", "SECRET", "client_secret", "api_key", "private_key", "token", "totp_seed"])
def test_what_is_called_a_secret_is_masked(name):
    assert mask({name: "planted", "other": "kept"}) == {name: MASK, "other": "kept"}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner)))  # fmt: skip
def test_masking_keeps_the_shape_and_is_done_once(value):
    once = mask(value)
    assert mask(once) == once


def test_a_masked_event_is_what_the_trail_keeps(system):
    audit.record(
        action="test.mask", actor=Actor(label="x"), subject=None, client_id=system.client_id, now=people.now(),
        password="planted", note="see https://u:planted@h/",
    )  # fmt: skip
    with acting_for(system.client_id):
        event = AuditEvent.objects.get(action="test.mask")
    assert "planted" not in str(event.details)
