"""Changelogs of pending versions, read once for each client."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("maintenance", "0016_since_yesterday"),
    ]

    operations = [
        migrations.CreateModel(
            name="UpdateChangelog",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=200)),
                ("candidate_version", models.CharField(max_length=200)),
                ("text", models.TextField(blank=True, default="")),
                ("released_at", models.DateTimeField(null=True)),
                ("read_at", models.DateTimeField()),
                ("trouble", models.CharField(blank=True, default="", max_length=500)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("client", "source", "candidate_version"), name="one_changelog_per_version"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(models.Q(("text", ""), _negated=True), ("trouble", "")),
                            models.Q(("released_at", None), ("text", ""), models.Q(("trouble", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="a_changelog_or_why_not",
                    ),
                ],
            },
        ),
    ]
