"""Live terminals: one person, one system, once; what was typed is nowhere, what was shown is masked; ended whatever becomes of whom."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from handover.choices import PieceKind
from handover.errors import TerminalBusy
from handover.models import LiveTerminal, TerminalPiece, Walkthrough
from handover.parsers import casts
from handover.services import sittings, terminals
from handover.services.pieces import Pieces
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError
from portal.vault import services as vault
from portal.vault.crypto import Unsealable
from tests import people

pytestmark = pytest.mark.django_db
SECRET = "Tr0ubad0ur&3+x"


@pytest.fixture
def asked(system, operator) -> LiveTerminal:
    return terminals.ask(system=system, title="Where it lives", actor=people.actor(operator), now=people.now())


def opened(row: LiveTerminal) -> LiveTerminal:
    """As a worker notes that it holds it."""
    LiveTerminal.objects.filter(pk=row.pk).update(
        state="open", claim=uuid.uuid4(), claimed_until=people.now() + timedelta(seconds=45), opened_at=people.now()
    )
    row.refresh_from_db()
    return row


def show(row: LiveTerminal, *texts: str) -> None:
    for number, text in enumerate(texts):
        Pieces(row).add(PieceKind.SHOWN, text, at_s=1 + number / 10)


def finished(row: LiveTerminal, problem: str = "") -> LiveTerminal:
    sittings.finish(terminal_id=row.pk, claim=row.claim, problem=problem)
    row.refresh_from_db()
    return row


def test_what_was_shown_is_kept_with_its_secrets_masked_and_nothing_else_is(asked, system, operator):
    vault.store(client_id=system.client_id, kind="password", label="App", secret=SECRET.encode(), actor=people.TESTER, now=people.now())
    row, who = opened(asked), people.actor(operator)
    terminals.begin_chapter(terminal=row, title="Where it lives", words="In /etc.", actor=who, now=row.opened_at)
    given = terminals.exchange(terminal=row, typed="cat /etc/app\r", after=0, actor=who, now=people.now())
    assert (given.state, given.shown) == ("open", "")
    assert Pieces(row).take_typed() == "cat /etc/app\r"
    assert Pieces(row).take_typed() == "", "once"
    show(row, "$ cat /etc/app\r\n", *f"backend {SECRET}", "\r\n", "password = hunter-two-3\r\n")
    given = terminals.exchange(terminal=row, typed="", after=0, actor=who, now=people.now())
    assert given.shown.startswith("$ cat /etc/app\r\nbackend Tr0")
    assert terminals.exchange(terminal=row, typed="", after=given.last, actor=who, now=people.now()).shown == ""
    terminals.end(terminal=row, keep=True, actor=who, now=people.now())
    kept = finished(row)
    assert (kept.state, kept.sealed_key) == ("kept", "")
    cast = casts.parse_cast(kept.walkthrough.cast)
    text = casts.plain_text(cast)
    assert "backend •••" in text
    assert SECRET not in kept.walkthrough.cast + text
    assert "hunter-two-3" not in text
    assert kept.walkthrough.chapters == [{"at": 0.0, "title": "Where it lives", "words": "In /etc."}]
    assert (kept.walkthrough.kind, kept.walkthrough.actor_label) == ("live", operator.email)
    assert not TerminalPiece.objects.exists()
    with pytest.raises(Unsealable):
        Pieces(kept)
    actions = AuditEvent.objects.filter(action__startswith="terminal.").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["terminal.ask", "terminal.end", "terminal.ended"]
    assert SECRET not in str(list(AuditEvent.objects.values()))


def test_pieces_are_sealed_where_they_lie(asked):
    row = opened(asked)
    show(row, "the quick brown fox")
    Pieces(row).add(PieceKind.TYPED, "jumps over", at_s=0)
    for piece in TerminalPiece.objects.all():
        assert b"fox" not in bytes(piece.sealed)
        assert b"jumps" not in bytes(piece.sealed)
    moved = terminals.ask(system=people.make_system(row.client), title="Another", actor=people.actor(row.started_by), now=people.now())
    TerminalPiece.objects.update(terminal=moved)
    with pytest.raises(Unsealable):
        Pieces(moved).after(0, kind=PieceKind.SHOWN, most=5)


def test_thrown_away_or_empty_nothing_is_kept(asked, operator):
    row = opened(asked)
    show(row, "secret things")
    terminals.end(terminal=row, keep=False, actor=people.actor(operator), now=people.now())
    assert finished(row).state == "dropped"
    assert not TerminalPiece.objects.exists()
    second = opened(terminals.ask(system=row.system, title="Again", actor=people.actor(operator), now=people.now()))
    terminals.end(terminal=second, keep=True, actor=people.actor(operator), now=people.now())
    assert finished(second).state == "dropped", "nothing was shown"
    third = terminals.ask(system=row.system, title="Not begun", actor=people.actor(operator), now=people.now())
    terminals.end(terminal=third, keep=True, actor=people.actor(operator), now=people.now())
    third.refresh_from_db()
    assert third.state == "dropped", "no worker had it yet"
    assert not Walkthrough.objects.exists()


def test_one_at_a_system_and_some_at_once(asked, system, operator):
    with pytest.raises(TerminalBusy, match="already"):
        terminals.ask(system=system, title="Second", actor=people.actor(operator), now=people.now())
    for _ in range(terminals.MOST_AT_ONCE - 1):
        terminals.ask(system=people.make_system(system.client), title="More", actor=people.actor(operator), now=people.now())
    with pytest.raises(TerminalBusy, match="Other"):
        terminals.ask(system=people.make_system(system.client), title="Too many", actor=people.actor(operator), now=people.now())


def test_what_is_refused(system, operator, lead, auditor, owner):
    ask = {"title": "x", "now": people.now()}
    for who in (people.actor(auditor), people.actor(owner)):
        with pytest.raises(NotAllowed):
            terminals.ask(system=system, actor=who, **ask)
    with pytest.raises(PortalError, match="title"):
        terminals.ask(system=system, actor=people.actor(operator), title=" ", now=people.now())
    looked = people.make_system(system.client, access="read_only")
    with pytest.raises(PortalError, match="only looks"):
        terminals.ask(system=looked, actor=people.actor(operator), **ask)
    with pytest.raises(PortalError, match="a person"):
        terminals.ask(system=system, actor=people.TESTER, **ask)
    row = opened(terminals.ask(system=system, actor=people.actor(operator), **ask))
    other = people.actor(lead)
    with pytest.raises(PortalError, match="somebody else's"):
        terminals.exchange(terminal=row, typed="id\r", after=0, actor=other, now=people.now())
    with pytest.raises(PortalError, match="somebody else's"):
        terminals.end(terminal=row, keep=True, actor=other, now=people.now())
    with pytest.raises(PortalError, match="somebody else's"):
        terminals.begin_chapter(terminal=row, title="x", words="", actor=other, now=people.now())
    with pytest.raises(PortalError, match="at once"):
        terminals.exchange(terminal=row, typed="x" * 5000, after=0, actor=people.actor(operator), now=people.now())
    assert not TerminalPiece.objects.exists()
    terminals.end(terminal=row, keep=False, actor=other, now=people.now())
    assert finished(row).state == "dropped", "another operator may throw away what somebody left open"


def test_a_worker_that_died_is_followed_and_nothing_is_opened_again(asked):
    row = opened(asked)
    show(row, "$ uptime\r\n")
    sittings.carry(terminal_id=row.pk, now=people.now())
    row.refresh_from_db()
    assert row.state == "open", "delivered again it is left to who holds it"
    sittings.sweep(now=people.now())
    row.refresh_from_db()
    assert row.state == "open"
    sittings.sweep(now=people.now() + timedelta(minutes=2))
    row.refresh_from_db()
    assert (row.state, row.problem) == ("kept", "The worker that held it is gone: what it showed until then is here.")
    assert "uptime" in row.walkthrough.cast
    finished(row, "the dead one comes back")
    assert row.problem.startswith("The worker")
    assert Walkthrough.objects.count() == 1


def test_nobody_takes_it_up(asked):
    assert sittings.sweep(now=people.now() + timedelta(seconds=10)) == 1, "nudged"
    sittings.sweep(now=people.now() + timedelta(seconds=70))
    asked.refresh_from_db()
    assert (asked.state, asked.problem) == ("failed", "No worker took it up.")


def test_a_host_that_can_not_be_reached_is_told(asked):
    sittings.carry(terminal_id=asked.pk, now=people.now())
    asked.refresh_from_db()
    assert asked.state == "failed"
    assert "host key" in asked.problem


def test_what_the_database_holds(asked, operator):
    row = opened(asked)
    for columns in ({"state": "kept"}, {"sealed_key": ""}, {"state": "asked"}, {"state": "failed"}, {"claim": None}, {"wish": "maybe"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            LiveTerminal.objects.filter(pk=row.pk).update(**columns)
    pieces = Pieces(row)
    finished(row)
    with pytest.raises(IntegrityError, match="ended"), transaction.atomic():
        pieces.add(PieceKind.SHOWN, "late", at_s=1)
    with pytest.raises(IntegrityError, match="stands"), transaction.atomic():
        LiveTerminal.objects.filter(pk=row.pk).update(state="open")
    given = terminals.exchange(terminal=row, typed="late", after=5, actor=people.actor(operator), now=people.now())
    assert (given.state, given.shown, given.last) == ("dropped", "", 5)


def test_its_pages(asked, operator_page, owner_page, outsider_page, auditor, lead, system):
    lead_page, auditor_page = people.signed_in(lead), people.signed_in(auditor)
    row, address = asked, f"/terminals/{asked.pk}/"
    for page in (auditor_page, owner_page, outsider_page):
        assert page.get(address).status_code in {403, 404}
        assert page.post(f"{address}exchange/", "{}", content_type="application/json").status_code in {403, 404}
    assert "data-live" in operator_page.get(address).content.decode()
    others = lead_page.get(address).content.decode()
    assert "data-live" not in others
    assert "Somebody else sits there" in others
    opened(row)
    show(row, "hello\r\n")
    answer = operator_page.post(f"{address}exchange/", {"typed": "ls\r", "after": 0}, content_type="application/json")
    assert (answer.json()["shown"], answer.json()["open"]) == ("hello\r\n", True)
    for body in ("", "[]", '{"typed": 1, "after": 0}', '{"typed": "", "after": -1}', '{"typed": ""}'):
        assert operator_page.post(f"{address}exchange/", body, content_type="application/json").status_code == 422
    assert lead_page.post(f"{address}exchange/", {"typed": "ls\r", "after": 0}, content_type="application/json").status_code == 422
    assert operator_page.post(f"{address}chapter/", {"title": ""}).status_code == 422
    assert operator_page.post(f"{address}chapter/", {"title": "One"}).status_code == 204
    assert operator_page.post(f"{address}end/", {"do": "keep"}).status_code == 303
    assert operator_page.post(f"/walkthroughs/live/{system.pk}/", {"title": "Second"}).status_code == 422
    finished(row)
    assert f"?play={row.walkthrough.pk}" in operator_page.get(address).content.decode()
    stale = people.signed_in(row.started_by, proof_age_s=None)
    assert stale.post(f"/walkthroughs/live/{system.pk}/", {"title": "Second"}).status_code == 302, "a fresh proof first"
