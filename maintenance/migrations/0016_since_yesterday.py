"""Indexes for what changed since yesterday, built beside whoever works."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("maintenance", "0015_triage_lines"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="pendingupdate",
            index=models.Index(condition=models.Q(("gone_at", None)), fields=["first_seen_at"], name="update_new"),
        ),
        AddIndexConcurrently(
            model_name="pendingupdate",
            index=models.Index(
                condition=models.Q(("exploited_since__isnull", False), ("gone_at", None)),
                fields=["exploited_since"],
                name="update_exploited",
            ),
        ),
        AddIndexConcurrently(
            model_name="pendingupdate",
            index=models.Index(condition=models.Q(("effective_at__isnull", False)), fields=["effective_at"], name="update_effective"),
        ),
        AddIndexConcurrently(
            model_name="pendingupdate",
            index=models.Index(condition=models.Q(("ended", "withdrawn")), fields=["gone_at"], name="update_withdrawn"),
        ),
    ]
