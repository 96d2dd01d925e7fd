"""The structured handover: phases in order, sessions that the client's people sign themselves, a report at the end."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from handover.errors import Blocked
from handover.models import Attendance, ChecklistItem, Handover, LettingGo, ReceivingKey, TeachingSession
from handover.services import plan
from portal.errors import NotAllowed, PortalError
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def begun(handed, lead):
    return plan.begin(client=handed, goal_on=people.now().date() + timedelta(days=60), actor=people.actor(lead), now=people.now())


def done_with(handover, phase, actor):
    for item in ChecklistItem.objects.filter(handover=handover, phase=phase):
        plan.tick(item=item, state="done", note="", owner=None, due_on=item.due_on, actor=actor, now=people.now())


def test_it_is_begun_by_who_may_approve_and_once(handed, operator, lead):
    goal = people.now().date() + timedelta(days=60)
    with pytest.raises(NotAllowed):
        plan.begin(client=handed, goal_on=goal, actor=people.actor(operator), now=people.now())
    with pytest.raises(PortalError, match="still to come"):
        plan.begin(client=handed, goal_on=people.now().date(), actor=people.actor(lead), now=people.now())
    plan.begin(client=handed, goal_on=goal, actor=people.actor(lead), now=people.now())
    with pytest.raises(PortalError, match="under way"):
        plan.begin(client=handed, goal_on=goal, actor=people.actor(lead), now=people.now())


def test_a_phase_ends_when_nothing_of_it_is_open(begun, lead, operator):
    actor = people.actor(lead)
    with pytest.raises(Blocked, match="open"):
        plan.advance(handover=begun, actor=actor, now=people.now())
    item = ChecklistItem.objects.filter(handover=begun, phase="prepare").first()
    with pytest.raises(PortalError, match="why it is left out"):
        plan.tick(item=item, state="dropped", note=" ", owner=None, due_on=item.due_on, actor=people.actor(operator), now=people.now())
    done_with(begun, "prepare", people.actor(operator))
    plan.advance(handover=begun, actor=actor, now=people.now())
    begun.refresh_from_db()
    assert begun.phase == "document"
    stale = Handover.objects.get(pk=begun.pk)
    stale.phase = "prepare"
    with pytest.raises(PortalError, match="already"):
        plan.advance(handover=stale, actor=actor, now=people.now())


def test_it_is_not_closed_while_our_access_stands(begun, lead, handed):
    actor = people.actor(lead)
    for phase in ("prepare", "document", "teach", "hand_over"):
        done_with(begun, phase, actor)
        begun.refresh_from_db()
        if phase == "hand_over":
            with pytest.raises(Blocked, match="not gone"):
                plan.advance(handover=begun, actor=actor, now=people.now())
            LettingGo.objects.create(client=handed, state="done", begun_at=people.now(), finished_at=people.now(), actor_label="x")
        plan.advance(handover=begun, actor=actor, now=people.now())
    begun.refresh_from_db()
    assert begun.phase == "stand_by"
    done_with(begun, "stand_by", actor)
    plan.advance(handover=begun, actor=actor, now=people.now())
    begun.refresh_from_db()
    assert begun.phase == "closed"
    assert begun.report["items"]["done"] == ChecklistItem.objects.filter(handover=begun).count()
    assert not ReceivingKey.objects.filter(ended_at=None).exists(), "the passphrase is erased"


def test_the_clients_people_sign_for_themselves_and_for_good(begun, operator, owner, owner_page, member_page, outsider, handed):
    now = people.now()
    with pytest.raises(PortalError, match="people"):
        plan.hold_session(
            handover=begun, title="Backups", agenda="", held_at=now, people=[outsider.pk], actor=people.actor(operator), now=now
        )  # fmt: skip
    session = plan.hold_session(
        handover=begun, title="Backups", agenda="Restore one", held_at=now, people=[owner.pk], actor=people.actor(operator), now=now
    )
    with pytest.raises(PortalError, match="nothing of yours"):
        plan.sign(session=session, actor=people.actor(operator), now=now)
    assert member_page.post(f"/handover/sessions/{session.pk}/sign/").status_code == 422
    assert owner_page.post(f"/handover/sessions/{session.pk}/sign/").status_code == 303
    seat = Attendance.objects.get()
    assert seat.signed_at is not None
    with pytest.raises(IntegrityError, match="signed stands"):
        Attendance.objects.filter(pk=seat.pk).update(signed_at=None)


def test_questions_are_asked_by_them_and_answered_by_us(begun, operator, operator_page, owner, owner_page, outsider_page):
    now = people.now()
    session = plan.hold_session(
        handover=begun, title="x", agenda="", held_at=now, people=[owner.pk], actor=people.actor(operator), now=now
    )
    assert owner_page.post(f"/handover/sessions/{session.pk}/question/", {"words": "Where is the key?"}).status_code == 303
    assert outsider_page.post(f"/handover/sessions/{session.pk}/question/", {"words": "x"}).status_code == 404
    question = session.questions.get()
    assert owner_page.post(f"/handover/questions/{question.pk}/", {"words": "x"}).status_code == 403
    assert operator_page.post(f"/handover/questions/{question.pk}/", {"words": "In the safe."}).status_code == 303
    assert "In the safe." in owner_page.get(f"/clients/{begun.client_id}/handover/plan/").content.decode()


def test_the_page_goes_through_all_of_it(handed, lead, owner):
    page = people.signed_in(lead)
    plan_page = f"/clients/{handed.pk}/handover/plan/"
    assert page.post(f"/clients/{handed.pk}/handover/begin/", {"goal_on": "soon"}).status_code == 422
    goal = (people.now().date() + timedelta(days=40)).isoformat()
    assert page.post(f"/clients/{handed.pk}/handover/begin/", {"goal_on": goal, "stand_by_days": "10"}).status_code == 303
    row = Handover.objects.get()
    item = ChecklistItem.objects.filter(handover=row).first()
    given = {"state": "done", "note": "n", "owner": str(owner.pk), "due_on": goal}
    assert page.post(f"/handover/items/{item.pk}/", given).status_code == 303
    assert page.post(f"/handover/items/{item.pk}/", {**given, "due_on": "x"}).status_code == 422
    session = {"title": "Day one", "held_at": "2027-01-05T10:00", "people": [str(owner.pk)], "agenda": "All"}
    assert page.post(f"/handover/{row.pk}/add/", session).status_code == 303
    assert page.post(f"/handover/{row.pk}/add/", {**session, "held_at": "x"}).status_code == 422
    assert page.post(f"/handover/{row.pk}/add/", {"phase": "teach", "words": "One more", "due_on": goal}).status_code == 303
    assert page.post(f"/handover/sessions/{TeachingSession.objects.get().pk}/notes/", {"notes": "went well"}).status_code == 303
    assert page.post(f"/handover/{row.pk}/advance/").status_code == 422
    text = page.get(plan_page).content.decode()
    for words in ("Day one", "One more", "went well", owner.name):
        assert words in text
