"""The snapshots that a system's host keeps, built beside the running portal."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("maintenance", "0021_snapshot_rules")]

    operations = [
        AddIndexConcurrently(
            model_name="updaterun",
            index=models.Index(
                condition=models.Q(models.Q(("snapshot_kind", ""), _negated=True), ("snapshot_gone_at", None)),
                fields=["system"],
                name="update_run_snapshots",
            ),
        ),
    ]
