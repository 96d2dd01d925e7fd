"""Tickets arrive diagnosed: what their form asks for is read on the system before a human reads them. Nothing is changed there."""

import logging
import re
from datetime import datetime, timedelta

from django.db import transaction

from clients.choices import Connection, SystemRole
from clients.errors import NotReady
from clients.models import System
from clients.services import access
from clients.support.choices import Form, State
from clients.support.models import Ticket
from clients.support.parsers.answers import UnreadableAnswer, sentences
from clients.support.services import tickets
from portal.accounts.actor import Actor
from portal.accounts.scope import acting_for_all
from portal.ssh import watching
from portal.ssh.errors import SSHError

logger = logging.getLogger(__name__)

ACTOR = Actor.portal("support")
QUESTION = {Form.PASSWORD: "password", Form.MAIL_DEVICE: "mail", Form.PERMISSION: "permission", Form.SHARING: "sharing"}
ROLE = {Form.MAIL_DEVICE: SystemRole.MAIL, Form.SHARING: SystemRole.FILES, Form.PERMISSION: SystemRole.FILES}
_ACCOUNT = re.compile(r"[A-Za-z0-9._+-]+(?:@[A-Za-z0-9.-]+)?")
_PATH = re.compile(r"(/[^\s\"'“”]+)")
LEASE = timedelta(minutes=3)
AT_ONCE = 10


def diagnose_due(*, now: datetime) -> int:
    """Look into the tickets that wait for it; returns how many. One whose worker died is taken up after three minutes."""
    with acting_for_all():
        done = 0
        for ticket_id in _claim(now):
            diagnose(ticket_id, now=now)
            done += 1
        return done


@transaction.atomic
def _claim(now: datetime) -> list[int]:
    rows = Ticket.objects.filter(diagnose_at__lte=now, diagnosed_at=None).exclude(state__in=[State.RESOLVED, State.MERGED])
    claimed = list(
        rows.select_for_update(skip_locked=True, of=("self",)).order_by("diagnose_at", "pk").values_list("pk", flat=True)[:AT_ONCE]
    )
    Ticket.objects.filter(pk__in=claimed).update(diagnose_at=now + LEASE)
    return claimed


def diagnose(ticket_id: int, *, now: datetime) -> None:
    """Look into one ticket and write what was found into its thread, once; where nothing could be read that is said as well."""
    ticket = Ticket.objects.select_related("client", "system").get(pk=ticket_id)
    system = system_of(ticket)
    words = "It is not known which system this is about." if system is None else _ask(ticket, system, now=now)
    with transaction.atomic():
        if Ticket.objects.filter(pk=ticket.pk, diagnosed_at=None).update(diagnosed_at=now):
            tickets.found(ticket=ticket, words=words, now=now)


def system_of(ticket: Ticket) -> System | None:
    """The system that a ticket names, else the only one of the client that does such things."""
    if ticket.system is not None:
        return ticket.system
    rows = System.objects.filter(client=ticket.client_id, environment="production", connection=Connection.OK).order_by("pk")
    role = ROLE.get(Form(ticket.form))
    found = list(rows.filter(roles__contains=[role])[:2]) if role else []
    found = found or list(rows[:2])
    return found[0] if len(found) == 1 else None


def subject_of(ticket: Ticket) -> tuple[str, str]:
    """The account and the path that a ticket speaks of, as far as it does."""
    what = str(ticket.about.get("what", ""))
    path = _PATH.search(what)
    rest = what.replace(path.group(1), " ") if path else what
    account = _ACCOUNT.search(rest)
    return account.group(0) if account else ticket.requester_email.partition("@")[0], path.group(1) if path else ""


def _ask(ticket: Ticket, system: System, *, now: datetime) -> str:
    account, path = subject_of(ticket)
    try:
        with access.open_shell(system, actor=ACTOR, purpose=f"look into ticket #{ticket.pk}") as shell:
            text = watching.ask(shell, kind=QUESTION[Form(ticket.form)], account=account, path=path)
        found = sentences(text, today=now.date())
    except (NotReady, SSHError, UnreadableAnswer) as error:
        return f"{system} could not be asked about “{account}{' ' + path if path else ''}”: {error}"
    about = f"{system}, asked about “{account}{' ' + path if path else ''}”:"
    return "\n".join([about, *(f"- {sentence}" for sentence in found)]) if found else f"{about}\n- Nothing stands out."
