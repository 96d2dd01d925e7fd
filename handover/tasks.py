"""Tasks: one call each, for the client that they state; sweeps look at all clients."""

from celery import shared_task
from django.utils import timezone

from handover.services import documents, letting, making, packages, papers, proofs, readiness, runbooks, runbooks_check, sittings
from portal.accounts.scope import acting_for, acting_for_all


@shared_task(name="handover.collect", queue="hosts", acks_late=True)
def collect(*, client_id: int, system_id: int, **_later: object) -> None:
    """Make a system's document and tour."""
    with acting_for(client_id):
        papers.collect(system_id=system_id, now=timezone.now())


@shared_task(name="handover.execute_rehearsal", queue="hosts", acks_late=True)
def execute_rehearsal(*, client_id: int, rehearsal_id: int, **_later: object) -> None:
    """Carry a rehearsal."""
    with acting_for(client_id):
        runbooks.execute(rehearsal_id=rehearsal_id, now=timezone.now())


@shared_task(name="handover.try_credential", queue="hosts", acks_late=True)
def try_credential(*, client_id: int, credential_id: int, **_later: object) -> None:
    """Try a credential from outside."""
    with acting_for(client_id):
        proofs.try_now(credential_id=credential_id, now=timezone.now())


@shared_task(name="handover.make_package", queue="packages", acks_late=True)
def make_package(*, client_id: int, package_id: int, **_later: object) -> None:
    """Make a package."""
    with acting_for(client_id):
        making.make(package_id=package_id, now=timezone.now())


@shared_task(name="handover.let_go_step", queue="hosts", acks_late=True)
def let_go_step(*, client_id: int, step_id: int, **_later: object) -> None:
    """Take a step of letting go."""
    with acting_for(client_id):
        letting.execute(step_id=step_id, now=timezone.now())


@shared_task(name="handover.carry_terminal", queue="hosts", acks_late=True)
def carry_terminal(*, client_id: int, terminal_id: int, **_later: object) -> None:
    """Hold a live terminal until it is over."""
    with acting_for(client_id):
        sittings.carry(terminal_id=terminal_id, now=timezone.now())


@shared_task(name="handover.sweep", queue="default")
def sweep(**_later: object) -> None:
    """Take up what nobody holds: documents, rehearsals, packages, steps of letting go; end live terminals that nobody holds."""
    with acting_for_all():
        now = timezone.now()
        papers.sweep(now=now)
        runbooks.note_where_missing()
        runbooks.sweep(now=now)
        packages.sweep(now=now)
        letting.sweep(now=now)
        sittings.sweep(now=now)


@shared_task(name="handover.keep_up", queue="default")
def keep_up(**_later: object) -> None:
    """What comes by the day and the month: rehearsals that are due, differences of months, scores of days, runbooks that fail."""
    with acting_for_all():
        now = timezone.now()
        runbooks.rehearse_due(now=now)
        documents.keep_months(now=now)
        readiness.note_days(now=now)
        runbooks_check.say(now=now)
