"""Writing the audit trail."""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from portal.accounts.actor import Actor
from portal.audit.masking import mask
from portal.audit.models import HostScript

_INSERT = """
INSERT INTO audit_auditevent (at, actor_label, user_id, client_id, address, action, subject_type, subject_id, subject_label,
                              details, before, after)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def record(
    *, action: str, actor: Actor, subject: models.Model | None, client_id: int | None, now: datetime,
    before: dict[str, Any] | None = None, after: dict[str, Any] | None = None, **details: Any,
) -> None:  # fmt: skip
    """Add one event, inside the caller's transaction.

    The end of the client's chain is locked until that transaction ends: who records for several clients does so in the order
    of their ids, or two of them may wait for each other.

    Args:
        action: what happened, as `area.verb`.
        subject: what it happened to; None where that is nothing of ours (a sign-in of nobody).
        before, after: what changed, as JSON values.
        details: JSON values; what looks like a secret is masked.
    """
    kind = subject._meta.label_lower if subject is not None else ""  # noqa: SLF001  # Django's documented API for model metadata
    values = [
        now, actor.label[:254], actor.user_id, client_id, actor.address, action, kind,
        subject.pk if subject is not None else 0, mask(str(subject or ""))[:200], _json(details), _json(before), _json(after),
    ]  # fmt: skip
    # Not by the ORM: it reads the new row back, and who adds an event for somebody else's client may not read it.
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)


def keep_script(text: str, *, now: datetime) -> str:
    """Keep a script's text once, and return the hash by which events name it."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    HostScript.objects.bulk_create([HostScript(sha256=sha256, text=text, first_used_at=now)], ignore_conflicts=True)
    return sha256


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(mask(value), cls=DjangoJSONEncoder)
