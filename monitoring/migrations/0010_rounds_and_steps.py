"""Indexes on tables that may be large, made without stopping anybody."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("monitoring", "0009_escalation_incidents_drills")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    [
                        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_message_of_a_round ON monitoring_delivery "
                        "(alert_id, channel_id, event, round)",
                        "ALTER TABLE monitoring_delivery ADD CONSTRAINT one_message_of_a_round UNIQUE USING INDEX one_message_of_a_round",
                        "ALTER TABLE monitoring_delivery DROP CONSTRAINT one_message_per_event",
                    ],
                    [
                        "ALTER TABLE monitoring_delivery ADD CONSTRAINT one_message_per_event UNIQUE (alert_id, channel_id, event)",
                        "ALTER TABLE monitoring_delivery DROP CONSTRAINT one_message_of_a_round",
                    ],
                )
            ],
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="delivery",
                    name="one_message_per_event",
                ),
                migrations.AddConstraint(
                    model_name="delivery",
                    constraint=models.UniqueConstraint(fields=("alert", "channel", "event", "round"), name="one_message_of_a_round"),
                ),
            ],
        ),
        AddIndexConcurrently(
            model_name="alert",
            index=models.Index(condition=models.Q(("next_step_at__isnull", False)), fields=["next_step_at"], name="alert_next_step"),
        ),
    ]
