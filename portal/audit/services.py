"""Writing the audit trail."""

from datetime import datetime
from typing import Any

from django.db import models

from portal.accounts.actor import Actor
from portal.audit.models import AuditEvent


def record(*, action: str, actor: Actor, subject: models.Model, client_id: int | None, now: datetime, **details: Any) -> None:
    """Add one event, inside the caller's transaction.

    Args:
        action: what happened, as `area.verb`.
        details: JSON values; never a secret.
    """
    kind = subject._meta.label_lower  # noqa: SLF001  # Django's documented API for model metadata
    AuditEvent.objects.create(
        at=now, actor_label=actor.label, user_id=actor.user_id, client_id=client_id, action=action,
        subject_type=kind, subject_id=subject.pk, subject_label=str(subject)[:200], details=details,
    )  # fmt: skip
