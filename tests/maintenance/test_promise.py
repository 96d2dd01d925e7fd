"""Installed against effective, breaches with reasons, and whose risk it is."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import Error, transaction

from maintenance.choices import Ended
from maintenance.models import AcceptedRisk, Breach, PendingUpdate, UpdateAdvisory, WindowPolicy
from maintenance.parsers.host import parse_root_facts
from maintenance.parsers.values import Installed, Upgrade
from maintenance.services import effects, offers, promise, windows
from maintenance.services.effects import Running
from portal.errors import NotAllowed, PortalError
from tests import people

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUIET = Running(stale_packages=(), stale_units=(), reboot_required=False, reboot_packages=())


@pytest.fixture
def production(sample_client):
    return people.make_system(sample_client, name="prod-1", environment="production")


def installed(system, **values):
    return people.make_update(
        system, **({"gone_at": NOW, "ended": "installed", "installed_at": NOW, "due_at": NOW + timedelta(days=1)} | values)
    )


@pytest.mark.parametrize(
    ("running", "package", "effective"),
    [
        (QUIET, "openssl", True),
        (Running(("openssl",), ("nginx.service",), False, ()), "openssl", False),
        (Running(("zlib1g",), ("cron.service",), False, ()), "openssl", True),
        # a file that no package owns any more may have been ours
        (Running(("-",), ("cron.service",), False, ()), "openssl", False),
        # what was not read is not known
        (Running(None, (), False, ()), "openssl", False),
        (Running((), (), None, ()), "openssl", False),
        (Running((), (), True, ("linux-base",)), "openssl", True),
        (Running((), (), True, ("openssl",)), "openssl", False),
        (Running((), (), True, ()), "openssl", False),
        (Running((), (), True, ("dbus",)), "linux-image-6.1.0-30-amd64", False),
        (QUIET, "linux-image-6.1.0-30-amd64", True),
    ],
)
def test_installed_is_effective_only_where_nothing_runs_the_old(production, running, package, effective):
    update = installed(production, package=package)
    assert effects.note(production, running, now=NOW) == int(effective)
    update.refresh_from_db()
    assert (update.effective_at is not None) == effective
    assert bool(update.held_up_by) != effective
    assert effects.note(production, QUIET, now=NOW + timedelta(hours=1)) == int(not effective)
    update.refresh_from_db()
    assert update.effective_at == (NOW if effective else NOW + timedelta(hours=1))


def package(version):
    return Installed("openssl", version, "amd64", "openssl", version, whole=True, status="ii")


@pytest.mark.parametrize(
    ("packages", "upgrades", "ended"),
    [
        ((package("1.1"),), (), Ended.INSTALLED),
        ((package("1.5"),), (), Ended.INSTALLED),
        ((package("1.0"),), (Upgrade("openssl", "amd64", "1.0", "1.2", "", True, ""),), Ended.SUPERSEDED),
        ((package("1.1"),), (Upgrade("openssl", "amd64", "1.1", "1.2", "", True, ""),), Ended.INSTALLED),
        ((), (), Ended.REMOVED),
        ((package("1.0"),), (), Ended.WITHDRAWN),
    ],
)
def test_how_an_update_stops_being_pending(production, packages, upgrades, ended):
    update = people.make_update(production, pending_since=NOW - timedelta(days=5))
    offers.sync_updates(system=production, upgrades=upgrades, packages=packages, new_sources={}, now=NOW)
    update.refresh_from_db()
    assert (update.ended, update.installed_at is not None) == (ended, ended == Ended.INSTALLED)
    successor = PendingUpdate.objects.filter(gone_at=None).first()
    if successor is not None:
        # the wait is carried over to what replaced it, and not to what came after it was installed
        assert successor.pending_since == (NOW if ended == Ended.INSTALLED else NOW - timedelta(days=5))


def test_the_database_knows_the_order_of_the_three_times(production):
    update = people.make_update(production)
    for wrong in ({"effective_at": NOW}, {"installed_at": NOW}):
        with pytest.raises(Error), transaction.atomic():
            PendingUpdate.objects.filter(pk=update.pk).update(**wrong)


def test_an_update_released_on_a_friday_before_a_change_of_the_clock_gets_the_right_due_time(sample_client):
    """2026-03-27 is a Friday; summer time begins in Berlin on Sunday at 02:00."""
    sample_client.time_zone = "Europe/Berlin"
    released = datetime(2026, 3, 27, 15, tzinfo=UTC)
    advisory = UpdateAdvisory(identifier="DSA-1", severity="critical", published_at=released, cves=[])
    common = {"advisories": [advisory], "is_security": True, "pending_since": released + timedelta(hours=1), "client": sample_client}
    clock = windows.due(policy=WindowPolicy(critical_h=72), **common)
    assert clock.at == datetime(2026, 3, 30, 15, tzinfo=UTC)  # 72 hours are 72 hours
    business = windows.due(policy=WindowPolicy(critical_h=72, business_days=True, region="DE"), **common)
    assert business.at == datetime(2026, 4, 1, 15, tzinfo=UTC)  # Monday, Tuesday, Wednesday: until 17:00 in Berlin, summer by then
    assert "3 business days" in business.reason
    autumn = released.replace(month=10, day=23)  # the Friday before the way back
    back = windows.due(
        policy=WindowPolicy(critical_h=24, business_days=True), **(common | {"pending_since": autumn, "advisories": [
            UpdateAdvisory(identifier="DSA-2", severity="critical", published_at=autumn, cves=[])]})
    )  # fmt: skip
    assert back.at == datetime(2026, 10, 26, 16, tzinfo=UTC)


def test_the_figure_of_a_month_and_what_leaves_it(production, owner):
    due = NOW - timedelta(days=2)
    met = installed(production, package="a", due_at=due, installed_at=due, effective_at=due)
    late = installed(production, package="b", due_at=due, effective_at=due + timedelta(hours=1))
    only_installed = installed(production, package="c", due_at=due)
    deferred = people.make_update(production, "d", due_at=due)
    withdrawn = people.make_update(production, "e", due_at=due, gone_at=NOW, ended="withdrawn")
    risky = people.make_update(production, "f", due_at=due)
    for ended in ("superseded", "removed"):
        people.make_update(production, ended, due_at=due, gone_at=NOW, ended=ended)
    people.make_update(production, "later", due_at=NOW + timedelta(days=3))
    people.make_update(people.make_system(production.client), "on-staging", due_at=due)
    risk = AcceptedRisk.objects.create(
        client=production.client, update=risky, reason="x", asked_at=due - timedelta(days=2), until=NOW + timedelta(days=9),
        asked_by=people.make_operator(), asked_label="x",
    )  # fmt: skip
    promise.answer_risk(risk=risk, accepted=True, actor=people.actor(owner), now=due - timedelta(days=1))
    found = promise.compliance(production.client, date(2026, 11, 1), now=NOW)
    assert [row.pk for row in found.met] == [met.pk]
    assert {row.pk for row in found.missed} == {late.pk, only_installed.pk, deferred.pk, withdrawn.pk}
    assert [row.pk for row in found.accepted] == [risky.pk]
    assert found.share == Decimal("20.0")
    assert promise.compliance(production.client, date(2026, 10, 1), now=NOW).share is None
    assert promise.note_breaches(now=NOW) == 4
    assert promise.note_breaches(now=NOW) == 0


def test_a_breach_is_stated_once_and_never_goes_away(production, operator):
    people.make_update(production, due_at=NOW - timedelta(days=1))
    promise.note_breaches(now=NOW)
    breach = Breach.objects.get()
    actor = people.actor(operator)
    with pytest.raises(PortalError, match="Say why"):
        promise.state_reason(breaches=[breach], reason=" ", actor=actor, now=NOW)
    assert promise.state_reason(breaches=[breach], reason="the host was down", actor=actor, now=NOW) == 1
    assert promise.state_reason(breaches=[breach], reason="another story", actor=actor, now=NOW) == 0
    breach.refresh_from_db()
    assert breach.reason == "the host was down"
    for attempt in (lambda: Breach.objects.update(reason="x"), lambda: Breach.objects.all()._raw_delete("default")):
        with pytest.raises(Error), transaction.atomic():
            attempt()


def test_only_the_clients_owner_takes_a_risk(production, operator, owner, member, lead):
    update = people.make_update(production)
    risk = promise.ask_to_accept(
        update=update, reason="the vendor says no", until=NOW + timedelta(days=30), actor=people.actor(operator), now=NOW
    )
    with pytest.raises(PortalError, match="already"):
        promise.ask_to_accept(update=update, reason="x", until=NOW + timedelta(days=1), actor=people.actor(operator), now=NOW)
    foreign = people.make_owner(people.make_client())
    for nobody in (operator, lead, member, foreign):
        with pytest.raises(NotAllowed):
            promise.answer_risk(risk=risk, accepted=True, actor=people.actor(nobody), now=NOW)
        with pytest.raises(Error, match="client's owner"), transaction.atomic():
            AcceptedRisk.objects.update(accepted=True, answered_at=NOW, answered_by=nobody)
    promise.answer_risk(risk=risk, accepted=False, actor=people.actor(owner), now=NOW)
    with pytest.raises(PortalError, match="already"):
        promise.answer_risk(risk=risk, accepted=True, actor=people.actor(owner), now=NOW)
    with pytest.raises(Error, match="stays"), transaction.atomic():
        AcceptedRisk.objects.update(accepted=True)


def test_the_page_of_the_promise_from_asking_to_answering(production, operator_page, owner_page, member_page, outsider_page):
    update = people.make_update(production, due_at=people.now() - timedelta(hours=1))
    promise.note_breaches(now=people.now())
    address = f"/clients/{production.client_id}/promise/"
    assert outsider_page.get(address).status_code == 404
    assert "openssl" in member_page.get(address).content.decode()
    assert "0.0 %" in operator_page.get(address).content.decode()
    assert operator_page.post(f"{address}reasons/", {"breach": [Breach.objects.get().pk], "reason": ""}).status_code == 422
    assert operator_page.post(f"{address}reasons/", {"breach": [Breach.objects.get().pk], "reason": "a reason"}).status_code == 303
    assert "a reason" in member_page.get(address).content.decode()
    asked = operator_page.post(
        f"/updates/{update.pk}/risk/", {"reason": "old plugin", "until": f"{people.now() + timedelta(days=9):%Y-%m-%d}"}
    )
    assert asked.status_code == 303
    risk = AcceptedRisk.objects.get()
    assert "Take the risk" in owner_page.get(address).content.decode()
    assert "Take the risk" not in member_page.get(address).content.decode()
    assert owner_page.post(f"/risks/{risk.pk}/answer/", {"answer": "accept"}).status_code == 303
    risk.refresh_from_db()
    assert risk.accepted is True


def test_what_listens_for_others_is_exposure_and_loopback_is_not(production):
    facts = parse_root_facts(
        "version 2\nlisten tcp 0.0.0.0:443 nginx nginx-light\nlisten tcp 127.0.0.1:3306 mariadbd mariadb-server\n"
        "listen tcp [::1]:25 master postfix\nlisten tcp *:22 sshd openssh-server\nstale 12 nginx.service nginx\n"
        "deleted libssl3 /usr/lib/x86_64-linux-gnu/libssl.so.3\nerrors 4\nload 0.1 0.2 0.3\n"
    )
    assert (facts.stale_packages, facts.errors, facts.load) == (("libssl3",), 4, "0.1 0.2 0.3")
    rows = {name: people.make_update(production, name, source=source) for name, source in
            (("nginx-light", "nginx"), ("mariadb-server", "mariadb"), ("postfix", "postfix"), ("openssh-server", "openssh"))}  # fmt: skip
    packages = [Installed(name, "1.0", "amd64", row.source, "1.0", whole=True, status="ii") for name, row in rows.items()]
    effects.note_exposure(production, facts, packages)
    found = dict(PendingUpdate.objects.values_list("package", "exposure"))
    assert found == {"nginx-light": "nginx on 0.0.0.0:443", "mariadb-server": "", "postfix": "", "openssh-server": "sshd on *:22"}
