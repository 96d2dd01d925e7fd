"""Words that operators answer with often."""

from datetime import datetime

from django.db import transaction

from clients.support.models import AnswerTemplate
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError


def write(*, name: str, language: str, text: str, actor: Actor, now: datetime) -> AnswerTemplate:
    """Words under a name; those under it before are kept, and not offered any more.

    Raises:
        PortalError: no name or text.
    """
    actor.require(Permission.OPERATE)
    if not name.strip() or not text.strip():
        raise PortalError("A template has a name and a text.")
    with transaction.atomic():
        AnswerTemplate.objects.filter(name=name.strip(), language=language, ended_at=None).update(ended_at=now)
        made = AnswerTemplate.objects.create(name=name.strip(), language=language, text=text, actor_label=actor.label)
        audit.record(action="template.write", actor=actor, subject=made, client_id=None, now=now)
    return made
