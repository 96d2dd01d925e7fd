"""Ending a retainer: the client keeps everything and reads it as before; nothing of ours reaches their systems any more."""

from datetime import datetime

from django.db import IntegrityError, transaction

from clients.errors import ClientBusy
from clients.models import Client, System
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name


def end_client(*, client: Client, reason: str, actor: Actor, now: datetime, stand_by_until: datetime | None = None) -> None:
    """End the operators' way in. Nothing of the client's is removed.

    From the commit on no connection is opened, no scan and no run begins (triggers hold that), no credential is revealed.

    Args:
        stand_by_until: their people may still raise tickets until then.

    Raises:
        ClientBusy: an update run is under way (a trigger on the table holds that).
        PortalError: no reason, or ended already.
    """
    actor.require(Permission.APPROVE)
    if not reason.strip():
        raise PortalError("Say why: the reason is kept.")
    try:
        with transaction.atomic():
            if not Client.objects.filter(pk=client.pk, ended_at=None).update(ended_at=now, stand_by_until=stand_by_until):
                raise PortalError("This client's retainer ended already.")
            System.objects.filter(client=client).exclude(asked_work="").update(asked_work="", asked_at=None, claimed_until=None)
            audit.record(action="client.end", actor=actor, subject=client, client_id=client.pk, now=now, reason=reason.strip())
    except IntegrityError as error:
        if constraint_name(error) == "no_open_run_at_the_end":
            raise ClientBusy("An update run is under way.", hint="Wait for its verdict, then end the retainer.") from error
        if constraint_name(error) in {"no_open_restore_test_at_the_end", "no_open_restore_at_the_end"}:
            raise ClientBusy("A restore test is under way.", hint="Wait for its verdict, then end the retainer.") from error
        raise
