"""Guided actions on a system, for a ticket: asked for by an operator, done once by a worker, verified there, recorded.

The password is made and sealed in the vault before anything is sent, so that whatever happens it is not lost; it goes to the host by
standard input. An outcome that is not known stays so: it is never sent a second time by itself.
"""

import re
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from clients.choices import Access
from clients.errors import NotReady
from clients.models import System
from clients.services import access
from clients.support.choices import ActionKind, ActionState
from clients.support.models import Action, Ticket
from clients.support.services import sharing, tickets
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.accounts.scope import acting_for_all
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.ssh import watching
from portal.ssh.errors import CommandFailed, ConnectFailed, SSHError, SudoRefused
from portal.vault import services as vault
from portal.vault.models import Credential, CredentialKind

ACTOR = Actor.portal("support")
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
# A worker that began and said nothing for so long is dead: nobody knows whether it sent it.
DEAD_AFTER = timedelta(minutes=5)
AT_ONCE = 10
SHARED_FOR = timedelta(days=14)


def ask_for_password(*, ticket: Ticket, system: System, account: str, actor: Actor, now: datetime) -> Action:
    """Ask for a new password of an account.

    Raises:
        PortalError: another client's system, one that we only look at, no account, or it is under way already.
    """
    if not _ACCOUNT.fullmatch(account):
        raise PortalError(f"“{account[:64]}” is not the name of an account.")
    return _ask(
        Action(kind=ActionKind.PASSWORD, account=account), ticket, system, actor, label=f"{account} on {system}", username=account,
        event="ticket.password", busy="A new password for this account is on its way already.", now=now,
    )  # fmt: skip


def ask_for_share(*, ticket: Ticket, system: System, path: str, login: Credential, actor: Actor, now: datetime) -> Action:
    """Ask for a share link to a file in Nextcloud, with a password and an end in two weeks.

    Args:
        login: of the vault: an account of that Nextcloud that sees the file, with an app password.

    Raises:
        PortalError: another client's system or login, one that we only look at, no path, or it is under way already.
    """
    if login.client_id != ticket.client_id:
        raise PortalError("There is no such login.")
    if not path.startswith("/") or len(path) > 500:
        raise PortalError("Write the file's path in the files of that account, such as /Prices/2026.pdf.")
    action = Action(kind=ActionKind.SHARE, account=login.username[:64], path=path, login=login, ends_on=(now + SHARED_FOR).date())
    return _ask(
        action,
        ticket,
        system,
        actor,
        label="share link",
        event="ticket.share",
        busy="A link to this file is on its way already.",
        now=now,
    )


def _ask(
    action: Action,
    ticket: Ticket,
    system: System,
    actor: Actor,
    *,
    label: str,
    username: str = "",
    event: str,
    busy: str,
    now: datetime,
) -> Action:
    """Write down what is asked for, with a password of its own sealed in the vault.

    Raises:
        PortalError: another client's system, one that we only look at, or it is under way already (`busy` says so).
    """
    actor.require(Permission.OPERATE)
    if system.client_id != ticket.client_id:
        raise PortalError("There is no such system.")
    if system.access != Access.MANAGE:
        raise PortalError("The portal only looks at this system: it changes nothing there.")
    action.client_id, action.ticket, action.system = ticket.client_id, ticket, system
    action.actor_label, action.asked_at = actor.label, now
    try:
        with transaction.atomic():
            action.credential = vault.store(
                client_id=ticket.client_id, kind=CredentialKind.PASSWORD, label=f"{label}, for ticket #{ticket.pk}",
                secret=secrets.token_urlsafe(12).encode(), username=username, system_id=system.pk, actor=actor, now=now,
            )  # fmt: skip
            action.save()
            audit.record(
                action=event, actor=actor, subject=ticket, client_id=ticket.client_id, now=now, account=action.account, path=action.path
            )
    except IntegrityError as error:
        if constraint_name(error) != "one_open_action_of_an_account":
            raise
        raise PortalError(busy) from error
    return action


def act_on_due(*, now: datetime) -> int:
    """Do what was asked for; returns how much. What a dead worker left is not known, and is not done again."""
    with acting_for_all():
        for action in Action.objects.filter(state=ActionState.RUNNING, started_at__lt=now - DEAD_AFTER):
            _end(action, ActionState.UNKNOWN, "The worker died in the middle: try whether it happened.", now=now)
        done = 0
        for action_id in (
            Action.objects.filter(state=ActionState.ASKED).order_by("asked_at", "pk").values_list("pk", flat=True)[:AT_ONCE]
        ):
            if Action.objects.filter(pk=action_id, state=ActionState.ASKED).update(state=ActionState.RUNNING, started_at=now):
                _act(Action.objects.select_related("system__client", "ticket", "credential", "login").get(pk=action_id), now=now)
                done += 1
        return done


def _act(action: Action, *, now: datetime) -> None:
    if action.kind == ActionKind.SHARE:
        state, words = sharing.make_link(action)
    else:
        state, words = _set_password(action)
    _end(action, state, words, now=now)


def _set_password(action: Action) -> tuple[ActionState, str]:
    try:
        if action.credential is None:
            raise NotReady("The password is not in the vault any more.")
        password = vault.open_for_use(action.credential).decode()
        with access.open_shell(action.system, actor=ACTOR, purpose=f"a new password, for ticket #{action.ticket_id}") as shell:
            watching.set_password(shell, account=action.account, password=password)
    except (NotReady, ConnectFailed, SudoRefused, CommandFailed) as error:
        return ActionState.FAILED, str(error)
    except SSHError as error:
        return ActionState.UNKNOWN, f"{error} Try whether the new password works."
    return ActionState.DONE, "It is in the vault, and must be changed at the next sign-in."


def _end(action: Action, state: ActionState, words: str, *, now: datetime) -> None:
    with transaction.atomic():
        if Action.objects.filter(pk=action.pk, state=ActionState.RUNNING).update(state=state, words=words[:500], finished_at=now):
            tickets.found(ticket=action.ticket, words=f"{action} on {action.system}: {state.label}. {words}", now=now)
            audit.record(
                action="ticket.password_done",
                actor=ACTOR,
                subject=action.ticket,
                client_id=action.client_id,
                now=now,
                account=action.account,
                outcome=state.value,
            )
