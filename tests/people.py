"""Sample clients, systems and people for tests, valid by default."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.userkit import user_id_to_str
from django.test import Client as Browser

from backups.choices import Purpose
from backups.models import BackupFinding, BackupJob, FoundBackup, Reading, Restore, RestoreTest
from backups.services import jobs
from clients.models import Client, System
from clients.services import registry
from clients.support.models import Attachment, Ticket
from clients.support.services import hours, incoming, knowledge, tickets
from clients.support.services.files import NewFile
from handover.models import Download, MonthDifference, Package, Runbook
from handover.parsers.document import AREAS
from handover.services import documents, letting, plan, runbooks, terminals, walkthroughs
from maintenance.choices import ScanState
from maintenance.models import MaintenanceWindow, PendingUpdate, Rollout, RolloutTarget, Scan, UpgradeDocument
from maintenance.services import upgrades
from monitoring.models import Alert, Check, Drill, Heartbeat, Incident, Inventory, Probe, Thing, Watch
from monitoring.services import heartbeats, probes
from monitoring.services.recording import Look
from monitoring.services.rules import Observation
from portal.accounts.actor import Actor
from portal.accounts.models import Membership, User
from portal.accounts.roles import MemberRole, Role
from portal.accounts.services import actor_of
from portal.reports import services as reports
from portal.reports.models import Report
from portal.signin.services.first import enrol_app

_numbers = itertools.count(1)
TESTER = Actor.portal("test")
PASSWORD = "correct horse battery staple"


def now() -> datetime:
    return datetime.now(UTC)


def make_client(name: str = "") -> Client:
    return registry.add_client(name=name or f"Client {next(_numbers)}", actor=TESTER, now=now())


def make_system(client: Client | None = None, **values: object) -> System:
    number = next(_numbers)
    values = {"name": f"host-{number}", "address": f"host-{number}.example", "environment": "staging"} | values
    system = registry.add_system(client=client or make_client(), actor=TESTER, now=now(), **values)  # type: ignore[arg-type]
    # long in our care: windows count from releases
    System.objects.filter(pk=system.pk).update(created_at=now() - timedelta(days=365))
    system.refresh_from_db()
    return system


def make_staff(role: str = Role.OPERATOR, *, second_factor: bool = True) -> User:
    """One of us, with an authenticator app; its seed is `user.seed`."""
    number = next(_numbers)
    user = User.objects.create_user(email=f"{role}{number}@retainer.example", password=PASSWORD, name=f"{role} {number}", role=role)
    if second_factor:
        user.seed = enrol_app(user=user)  # type: ignore[attr-defined]
    return user


def make_operator() -> User:
    return make_staff(Role.OPERATOR)


def make_member(client: Client, role: str = MemberRole.MEMBER) -> User:
    number = next(_numbers)
    user = User.objects.create_user(email=f"m{number}@client.example", password=PASSWORD, name=f"Member {number}", role=Role.CLIENT)
    Membership.objects.create(user=user, client=client, role=role)
    return user


def make_owner(client: Client) -> User:
    return make_member(client, MemberRole.OWNER)


def actor(user: User) -> Actor:
    return actor_of(user)


def signed_in(user: User | None, *, proof_age_s: float | None = 0, **options: object) -> Browser:
    """A browser with a session of this person, whose last proof of identity is so old; None: no proof at all."""
    browser = Browser(**options)  # type: ignore[arg-type]
    if user is None:
        return browser
    browser.force_login(user)
    if proof_age_s is not None:
        session = browser.session
        proof = {"method": "password", "at": now().timestamp() - proof_age_s}
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [proof]
        session["account_authentication_methods_user"] = user_id_to_str(user)
        session.save()
    return browser


def make_update(system: System, package: str = "openssl", **values: object) -> PendingUpdate:
    values = {
        "architecture": "amd64", "source": package, "installed_version": "1.0", "candidate_version": "1.1",
        "is_security": True, "first_seen_at": now(), "pending_since": now(), "due_at": now() + timedelta(days=7),
    } | values  # fmt: skip
    return PendingUpdate.objects.create(client_id=system.client_id, system=system, package=package, **values)


def make_scan(system: System, state: str = ScanState.FRESH, **values: object) -> Scan:
    values = {"queued_at": now(), "finished_at": now(), "reboot_required": False} | values
    if state in {ScanState.STALE, ScanState.FAILED}:
        values.setdefault("reason", "because")
    return Scan.objects.create(client_id=system.client_id, system=system, state=state, **values)


def make_rollout(system: System, asked_by: User | None = None, **values: object) -> Rollout:
    """A rollout on staging with one system in it, whatever that system is; nothing carries it on."""
    user = asked_by or make_operator()
    rollout = Rollout.objects.create(
        client_id=system.client_id,
        asked_by=user,
        actor_label=user.email,
        created_at=now(),
        **values,
    )
    RolloutTarget.objects.create(
        client_id=system.client_id, rollout=rollout, system=system, environment=system.environment, position=0,
        wave=1 if system.environment == "production" else 0,
    )  # fmt: skip
    return rollout


def make_window(client: Client) -> MaintenanceWindow:
    """Sundays from two to five."""
    return MaintenanceWindow.objects.create(
        client=client, name="Sunday night", every="week", weekdays=[6], start=time(2), end=time(5), created_at=now(), actor_label="x"
    )


UPGRADE = """upgrade lab-web
title The lab's page, the next one

check is-there
  run
    test -f /etc/debian_version

step new-page
  about A new page.
  timeout 60
  expect ^done$
  run
    echo done
  undo
    true
"""


def make_document(text: str = UPGRADE, name: str = "Lab page") -> UpgradeDocument:
    """A kept upgrade document, of a plan of its own."""
    return upgrades.add_plan(name=name, text=text, actor=TESTER, now=now())


def make_backup(system: System, name: str = "data", **values: object) -> BackupJob:
    """A backup job as an operator takes it on; never proven."""
    fixed = {"tool": "restic", "repository": "/srv/backup", "sources": ["/srv/data"], "key": "the key of a repository"}
    wish = jobs.Wish(name=name, **{**fixed, **values})  # type: ignore[arg-type]
    return jobs.add(system=system, wish=wish, actor=TESTER, now=now())


def make_restore_test(job: BackupJob, verdict: str = "", **values: object) -> RestoreTest:
    """A restore test; with a verdict it is finished, and where that passes it is the job's proof."""
    born = {"created_at": values.pop("created_at", now()), "purpose": values.pop("purpose", Purpose.TEST)}
    test = RestoreTest.objects.create(
        client_id=job.client_id, job=job, system_id=job.system_id, repository=job.repository, actor_label="x", **born
    )
    if not verdict:
        return test
    done: dict[str, object] = {
        "state": "finished", "verdict": verdict, "finished_at": born["created_at"], "seal": "0" * 64, "exit_status": 0, "snapshot_id": "a" * 64,
        "snapshot_at": now(), "restored_files": 3, "restored_bytes": 300, "recovery_s": "1.50",
        "cause": "" if verdict in {"pass", "notes"} else "corruption", **values,
    }  # fmt: skip
    RestoreTest.objects.filter(pk=test.pk).update(**done)
    if verdict in {"pass", "notes"} and born["purpose"] != Purpose.OLD:
        BackupJob.objects.filter(pk=job.pk).update(proof=test.pk)
    test.refresh_from_db()
    job.refresh_from_db()
    return test


def make_reading(job: BackupJob, level: str = "ok", **values: object) -> Reading:
    """A look at a backup as it is now: its newest snapshot is an hour old."""
    fixed: dict[str, object] = {
        "at": now(), "level": level, "findings": [], "newest_at": now() - timedelta(hours=1), "oldest_at": now() - timedelta(days=20),
        "snapshots": 20, "size_b": 300, "files": 3, "traits": {"tool_version": "restic 0.14.0", "identity": "ab"}, **values,
    }  # fmt: skip
    return Reading.objects.create(client_id=job.client_id, job=job, **fixed)


def make_watch(system: System, **values: object) -> Watch:
    """A system that is looked at; its next look is due."""
    fixed: dict[str, object] = {"due_at": now(), "noted_on": now().date(), **values}
    return Watch.objects.create(client_id=system.client_id, system=system, **fixed)


def look(watch: Watch, at: datetime, observations: Sequence[Observation]) -> Look:
    """A look at a watched system that said this."""
    return Look(watch.client_id, watch.system_id, watch.interval_s, at, observations)


def make_probe(system: System) -> Probe:
    return probes.add(system=system, kind="tcp", target="planted.example:25", actor=TESTER, now=now())


def make_heartbeat(system: System, name: str = "planted job") -> Heartbeat:
    return heartbeats.add(system=system, name=name, period_s=3600, grace_s=600, actor=TESTER, now=now())[0]


def make_inventory(system: System, **values: object) -> Inventory:
    at = now()
    return Inventory.objects.create(
        client_id=system.client_id, system=system, **{"due_at": at, "began_at": at, "noted_on": at.date(), "last_at": at, **values}
    )


def make_thing(system: System, name: str = "planted.service") -> Thing:
    Inventory.objects.filter(system=system).exists() or make_inventory(system)
    return Thing.objects.create(client_id=system.client_id, system=system, kind="service", name=name, first_at=now())


def make_incident(system: System, **values: object) -> Incident:
    at = now()
    return Incident.objects.create(
        client_id=system.client_id, **{"title": "planted", "opened_at": at, "answer_due_at": at + timedelta(hours=8), **values}
    )


def make_drill(system: System, **values: object) -> Drill:
    at = now()
    return Drill.objects.create(
        client_id=system.client_id,
        system=system,
        **{"started_at": at, "until": at + timedelta(minutes=14), "actor_label": "x", **values},
    )


def make_check(system: System, level: str = "up", **values: object) -> Check:
    """A check that was looked at a moment ago, and is confirmed."""
    fixed: dict[str, object] = {
        "kind": "disk", "subject": "/", "level": level, "last_level": level, "since": now(), "times": 9, "last_at": now(),
        "stale_at": now() + timedelta(minutes=2), "value": 42.0, "words": "42 % used.", **values,
    }  # fmt: skip
    return Check.objects.create(client_id=system.client_id, system=system, **fixed)


def make_alert(check: Check, **values: object) -> Alert:
    """An open alert of a check."""
    fixed: dict[str, object] = {"level": "critical", "words": "96 % used.", "opened_at": now(), **values}
    return Alert.objects.create(client_id=check.client_id, check_row=check, system_id=check.system_id, **fixed)


def make_gap(system: System, subject: str = "folder /srv/forgotten") -> BackupFinding:
    """Something on a system that no backup covers."""
    return BackupFinding.objects.create(
        client_id=system.client_id, system=system, kind="uncovered", subject=subject, level="warn", found_at=now()
    )


def make_found_backup(system: System) -> FoundBackup:
    """A backup that a system makes and nobody watches."""
    return FoundBackup.objects.create(
        client_id=system.client_id, system=system, tool="borg", repository="/srv/found", sources=["/srv/wiki"],
        places=["/etc/cron.d/backup"], found_at=now(),
    )  # fmt: skip


def make_restore(job: BackupJob, outcome: str = "", **values: object) -> Restore:
    """A dry run of a restore; with an outcome it is finished."""
    restore = Restore.objects.create(
        client_id=job.client_id, job=job, system_id=job.system_id, mode="dry_run", created_at=now(), actor_label="x"
    )
    if outcome:
        done: dict[str, object] = {
            "state": "finished", "outcome": outcome, "finished_at": now(), "snapshot_id": "a" * 64, "snapshot_at": now(), "new_files": 1,
            "same_files": 0, "replaced_files": 2, "size_b": 300, **values,
        }  # fmt: skip
        Restore.objects.filter(pk=restore.pk).update(**done)
        restore.refresh_from_db()
    return restore


def make_ticket(system: System, person: User, subject: str = "planted") -> Ticket:
    """A question of somebody at the system's client."""
    question = tickets.Question(subject, "planted", files=[NewFile("planted.txt", "text/plain", b"planted")])
    return tickets.raise_ticket(client=system.client, question=question, actor=actor(person), person=person, now=now())


def make_report(client: Client) -> Report:
    """A report that was sent."""
    report = reports.make(client=client, month=now().date(), actor=TESTER, now=now())
    Report.objects.filter(pk=report.pk).update(state="sent", sent_at=now(), sent_by="x", pdf=b"%PDF", sha256="x")
    return report


def support_ids(system: System, member: User, owner: User) -> dict[str, object]:
    """One thing of support of each kind, all of the system's client."""
    ticket, client = make_ticket(system, member), system.client
    reply = tickets.answer(ticket=ticket, body="planted", actor=actor(owner), now=now())
    entry = hours.note(
        client=client,
        work="other",
        words="planted",
        hours=Decimal(1),
        spent_on=now().date(),
        ticket=None,
        person=None,
        actor=TESTER,
        now=now(),
    )
    statement = hours.close(client=client, month=hours.previous(now().date()), actor=TESTER, now=now())
    # for all clients: everybody may read it
    article = knowledge.write(
        slug="unknown", client=None, language="en", title="For all", body="Words.", actor=TESTER, now=now()
    ).article
    knowledge.add_image(article=article, name="x.png", content=b"\x89PNG\r\n\x1a\n", actor=TESTER, now=now())
    mail = incoming.keep(b"From: x@y.example\nSubject: planted\n\nplanted", now=now())
    return {
        "ticket_id": ticket.pk, "message_id": reply.pk, "attachment_id": Attachment.objects.get(message__ticket=ticket).pk,
        "entry_id": entry.pk, "statement_id": statement.pk, "mail_id": mail.pk, "report_id": make_report(client).pk, "name": "x.png",
        "language_code": "en",
    }  # fmt: skip


RUNBOOK = "# planted runbook\nWho: operator\n\n## Do it\n```sh run\ntrue\n```\n"
CAST = '{"version": 2, "width": 80, "height": 24}\n[1.0, "o", "planted"]\n'


def gone_download(client: Client) -> Download:
    """The owner's download of a package that is not there any more."""
    at = now()
    membership = Membership.objects.filter(client=client, role=MemberRole.OWNER).order_by("pk").first()
    owner = membership.user if membership else make_owner(client)
    package = Package.objects.create(
        client=client, state="ready", asked_label="planted", asked_at=at, ready_at=at, until=at + timedelta(days=1), size_b=1,
        sha256="0" * 64, proofs=["planted"],
    )  # fmt: skip
    download = Download.objects.create(client=client, package=package, user=owner, user_label="planted", at=at)
    Package.objects.filter(pk=package.pk).update(state="gone")
    return download


def handover_ids(system: System, member: User, lead: User) -> dict[str, object]:
    """One thing of a handover of each kind, all of the system's client."""
    client, at = system.client, now()
    facts = {"rows": {area: [] for area in AREAS}, "files": [], "unread": []}
    documents.keep(system=system, facts=facts, masked=0, actor=TESTER, now=at)
    runbook = runbooks.write(system=system, slug="unknown", text=RUNBOOK, values={}, actor=TESTER, now=at)
    Runbook.objects.filter(pk=runbook.pk).update(title="planted runbook")
    begun = plan.begin(client=client, goal_on=(at + timedelta(days=50)).date(), actor=actor(lead), now=at)
    session = plan.hold_session(
        handover=begun, title="planted", agenda="", held_at=at, people=[member.pk], runbook=runbook, actor=TESTER, now=at
    )
    letting.plan(client=client, actor=actor(lead), now=at)
    download = gone_download(client)
    return {
        "difference_id": MonthDifference.objects.create(client=client, system=system, month=at.date().replace(day=1), made_at=at).pk,
        "runbook_id": runbook.pk,
        "rehearsal_id": runbooks.rehearse(runbook=runbook, actor=TESTER, now=at).pk,
        "walkthrough_id": walkthroughs.upload_cast(system=system, title="planted", text=CAST, actor=TESTER, now=at).pk,
        "video_id": walkthroughs.upload_video(
            system=system, title="planted", pieces=[b"\x1aE\xdf\xa3planted"], actor=TESTER, now=at
        ).pk,
        "package_id": download.package_id,
        "handover_id": begun.pk,
        "item_id": begun.items.earliest("pk").pk,
        "session_id": session.pk,
        "question_id": plan.ask_question(session=session, words="planted", actor=actor(member), now=at).pk,
        "download_id": download.pk,
        "terminal_id": terminals.ask(system=system, title="planted", actor=actor(lead), now=at).pk,
        "step_id": client.lettingstep_set.filter(kind="system").get().pk,
    }
