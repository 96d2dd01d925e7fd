"""Guided actions on systems, for tickets; they belong to the client of both."""

import django.db.models.deletion
from django.db import migrations, models


def _same_client(table: str, column: str, parent: str) -> migrations.RunSQL:
    name = f"{table}_{column}_same_client"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
        "DEFERRABLE INITIALLY IMMEDIATE",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0004_calendars_and_language"),
        ("support", "0002_rules_of_support"),
        ("vault", "0002_versions_and_numbered_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="Action",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("password", "A new password"), ("share", "A share link")], default="password", max_length=16
                    ),
                ),
                ("account", models.CharField(max_length=64)),
                ("path", models.CharField(blank=True, default="", max_length=500)),
                ("ends_on", models.DateField(blank=True, null=True)),
                ("url", models.CharField(blank=True, default="", max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Asked for"),
                            ("running", "Under way"),
                            ("done", "Done and verified"),
                            ("failed", "Failed, nothing was changed"),
                            ("unknown", "Not known whether it happened"),
                        ],
                        default="asked",
                        max_length=8,
                    ),
                ),
                ("words", models.CharField(blank=True, default="", max_length=500)),
                ("actor_label", models.CharField(max_length=254)),
                ("asked_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "credential",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vault.credential"),
                ),
                (
                    "login",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vault.credential"),
                ),
                ("system", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.system")),
                ("ticket", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="actions", to="support.ticket")),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state__in", ["asked", "running"])), fields=["asked_at"], name="action_open")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["asked", "running", "done", "failed", "unknown"])), name="action_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "password"), ("login", None)),
                            models.Q(
                                ("ends_on__isnull", False),
                                ("kind", "share"),
                                ("login__isnull", False),
                                models.Q(("path", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_share_link_says_of_what",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", False), ("state__in", ["done", "failed", "unknown"])),
                            models.Q(models.Q(("state__in", ["done", "failed", "unknown"]), _negated=True), ("finished_at", None)),
                            _connector="OR",
                        ),
                        name="action_finished_iff_final",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["asked", "running"])),
                        fields=("system", "account", "kind", "path"),
                        name="one_open_action_of_an_account",
                    ),
                ],
            },
        ),
        _same_client("support_action", "ticket_id", "support_ticket"),
        _same_client("support_action", "system_id", "clients_system"),
    ]
