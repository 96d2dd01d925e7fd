"""Indexes over the table of updates, built beside whoever works."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("maintenance", "0010_promise_rules")]

    operations = [
        AddIndexConcurrently(
            model_name="pendingupdate",
            index=models.Index(
                condition=models.Q(("effective_at", None), ("ended", "installed")), fields=["system"], name="update_not_effective"
            ),
        ),
        AddIndexConcurrently(
            model_name="pendingupdate",
            index=models.Index(fields=["client", "due_at"], name="update_by_due"),
        ),
    ]
