"""How people want to be told of things."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import transaction

from clients.support.choices import Delivery, Language, Topic
from clients.support.models import Choice
from clients.support.services.telling import SALT
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.scope import acting_for_all
from portal.accounts.services import actor_of
from portal.audit import services as audit
from portal.errors import NotAllowed, PortalError


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """Whom a link belongs to, and which topic it ends."""

    user_id: int
    topic: str


def choose(*, user: User, language: str, deliveries: Mapping[str, str], actor: Actor, now: datetime) -> None:
    """Keep what a person chose for themselves.

    Raises:
        NotAllowed: somebody else's.
        PortalError: there is no such language, topic or way.
    """
    if actor.user_id != user.pk:
        raise NotAllowed("These are somebody else's choices.")
    if (
        language not in {"", *Language.values}
        or not set(deliveries) <= set(Topic.values)
        or not set(deliveries.values()) <= set(Delivery.values)
    ):
        raise PortalError("Choose one of what is offered.")
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(language=language)
        for topic, delivery in deliveries.items():
            Choice.objects.update_or_create(user=user, topic=topic, defaults={"delivery": delivery})
        _note(user, actor, now=now, choices=dict(deliveries), language=language)


def read_unsubscribe(secret: str) -> Unsubscription:
    """What a link of a mail says.

    Raises:
        signing.BadSignature: it is none of ours.
    """
    found = signing.loads(secret, salt=SALT)
    if not isinstance(found, list) or len(found) != 2 or found[1] not in Topic.values:
        raise signing.BadSignature("not one of these links")
    return Unsubscription(int(found[0]), str(found[1]))


def unsubscribe(found: Unsubscription, *, now: datetime) -> None:
    """No mails of this topic to this person any more; twice is the same."""
    with acting_for_all(), transaction.atomic():
        user = User.objects.filter(pk=found.user_id).first()
        if user is None:
            return
        Choice.objects.update_or_create(user=user, topic=found.topic, defaults={"delivery": Delivery.NEVER})
        _note(user, actor_of(user), now=now, choices={found.topic: Delivery.NEVER.value})


def _note(user: User, actor: Actor, *, now: datetime, **details: Any) -> None:
    clients: list[int | None] = [*sorted(actor.client_ids)] or [None]
    for client_id in clients:
        audit.record(action="account.choices", actor=actor, subject=user, client_id=client_id, now=now, **details)
