"""Sending work to the workers by name, after commit. The row is the queue; this is only the nudge."""

import logging
from functools import partial

from django.db import transaction

from portal.celery import app

logger = logging.getLogger(__name__)

# Every name that services may nudge; a test holds them against the registered tasks.
NUDGED = {
    "backups.execute_test": "hosts",
    "backups.execute_restore": "hosts",
    "backups.look_at_system": "hosts",
    "clients.read_host_keys": "hosts",
    "clients.test_connection": "hosts",
    "handover.carry_terminal": "hosts",
    "handover.collect": "hosts",
    "handover.execute_rehearsal": "hosts",
    "handover.let_go_step": "hosts",
    "handover.make_package": "packages",
    "handover.try_credential": "hosts",
    "maintenance.scan_system": "hosts",
    "maintenance.read_changelogs": "hosts",
    "maintenance.execute_run": "hosts",
    "maintenance.advance_rollout": "hosts",
    "signin.send_mail": "default",
}


def nudge(task: str, **ids: int) -> None:
    """Ask a worker to look at a row, once the transaction that wrote it has committed.

    A nudge that gets lost (the broker is away) costs one tick of the sweeper, not the work: the error is logged and
    swallowed.

    Raises:
        KeyError: the task is not in `NUDGED`.
    """
    queue = NUDGED[task]
    transaction.on_commit(partial(_send, task, queue, ids), robust=True)


def _send(task: str, queue: str, ids: dict[str, int]) -> None:
    try:
        app.send_task(task, kwargs=ids, queue=queue, retry=False)
    except Exception:  # noqa: BLE001  # reason below
        # Whatever the broker's library raises: the committed row stands, and the next tick finds it.
        logger.warning("nudge.lost", extra={"task": task, **ids})
