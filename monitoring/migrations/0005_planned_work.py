"""Planned work, which always ends."""

import datetime

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("monitoring", "0004_kinds_fit"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlannedWork",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
                ("actor_label", models.CharField(max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="planned_work", to="clients.system"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["system", "-ends_at"], name="planned_work_of_system")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__gte", models.F("starts_at")),
                            (
                                "ends_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("starts_at"), "+", models.Value(datetime.timedelta(days=7))
                                ),
                            ),
                        ),
                        name="planned_work_ends_within_a_week",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("reason", ""), _negated=True), models.Q(("actor_label", ""), _negated=True)),
                        name="planned_work_has_a_reason",
                    ),
                ],
            },
        ),
    ]
