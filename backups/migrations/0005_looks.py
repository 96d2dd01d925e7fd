"""Looks between restore tests: readings of each backup, a survey of each system, baselines, findings, backups that were found."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0004_kinds_rules"),
        ("clients", "0003_ended_clients_ranges_and_notes"),
    ]

    operations = [
        migrations.AddField(
            model_name="backupjob",
            name="keep_days",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="BackupFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("drift", "Drift"), ("uncovered", "Not in any backup")], max_length=16)),
                ("subject", models.CharField(max_length=600)),
                ("before", models.TextField(blank=True, default="")),
                ("after", models.TextField(blank=True, default="")),
                (
                    "level",
                    models.CharField(
                        choices=[("ok", "In order"), ("warn", "To look at"), ("bad", "Bad"), ("unknown", "Not known")], max_length=8
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("accepted", "Accepted"), ("excused", "Excused"), ("gone", "Gone")],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("found_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, default="", max_length=2000)),
                ("actor_label", models.CharField(blank=True, default="", max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "job",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="findings",
                        to="backups.backupjob",
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="backup_findings", to="clients.system"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "open")), fields=["client", "level"], name="backup_finding_open")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("system"),
                        django.db.models.functions.comparison.Coalesce("job", 0),
                        models.F("kind"),
                        models.F("subject"),
                        condition=models.Q(("state__in", ["open", "excused"])),
                        name="one_standing_finding",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("job__isnull", False), ("kind", "drift")),
                            models.Q(("job", None), ("kind", "uncovered")),
                            _connector="OR",
                        ),
                        name="drift_is_of_a_job",
                    ),
                    models.CheckConstraint(condition=models.Q(("level__in", ["warn", "bad"])), name="backup_finding_level_known"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state", "open")),
                            models.Q(("closed_at__isnull", False), ("state", "gone")),
                            models.Q(
                                ("closed_at__isnull", False),
                                ("state__in", ["accepted", "excused"]),
                                models.Q(("reason", ""), _negated=True),
                                models.Q(("actor_label", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="who_closes_a_finding_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("state", "excused"), _negated=True), ("kind", "uncovered"), _connector="OR"),
                        name="only_gaps_are_excused",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BackupSurvey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entries", models.JSONField(default=list)),
                ("places", models.JSONField(default=list)),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                ("tried_at", models.DateTimeField(blank=True, null=True)),
                ("problem", models.TextField(blank=True, default="")),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="backup_survey", to="clients.system"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tried_at"], name="backup_survey_tried")],
            },
        ),
        migrations.CreateModel(
            name="Baseline",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("content", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                ("reason", models.CharField(max_length=2000)),
                ("actor_label", models.CharField(max_length=254)),
                ("accepted_at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "job",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="baselines", to="backups.backupjob"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["job", "-accepted_at"], name="backup_baseline_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("reason", ""), _negated=True), models.Q(("actor_label", ""), _negated=True)),
                        name="a_baseline_has_a_reason",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FoundBackup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tool", models.CharField(max_length=16)),
                ("repository", models.CharField(max_length=500)),
                (
                    "sources",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), default=list, size=None),
                ),
                (
                    "databases",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=63), default=list, size=None),
                ),
                (
                    "excludes",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), default=list, size=None),
                ),
                (
                    "places",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=600), default=list, size=None),
                ),
                ("found_at", models.DateTimeField()),
                ("gone_at", models.DateTimeField(blank=True, null=True)),
                ("dismissed_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, default="", max_length=2000)),
                ("actor_label", models.CharField(blank=True, default="", max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="found_backups", to="clients.system"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("system", "tool", "repository"), name="a_backup_is_found_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("dismissed_at", None),
                            models.Q(models.Q(("reason", ""), _negated=True), models.Q(("actor_label", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="who_dismisses_a_backup_says_why",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "level",
                    models.CharField(
                        choices=[("ok", "In order"), ("warn", "To look at"), ("bad", "Bad"), ("unknown", "Not known")], max_length=8
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "None"),
                            ("key", "The key does not open the repository"),
                            ("repository", "No repository there"),
                            ("corruption", "The backup is damaged"),
                            ("stale", "The newest snapshot is too old"),
                            ("coverage", "Something that should be in it is missing"),
                            ("mismatch", "What came back is not what it should be"),
                            ("busy", "Another test or a lock is in the way"),
                            ("load", "The dump does not load"),
                            ("host", "The host can't be worked on"),
                            ("scratch", "The scratch area is too small or unusable"),
                            ("tool", "The tool is missing"),
                            ("verifier", "The verifier did not prove itself"),
                            ("unread", "What was found can't be read"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("findings", models.JSONField(default=list)),
                ("newest_at", models.DateTimeField(blank=True, null=True)),
                ("oldest_at", models.DateTimeField(blank=True, null=True)),
                ("snapshots", models.PositiveIntegerField(blank=True, null=True)),
                ("size_b", models.BigIntegerField(blank=True, null=True)),
                ("files", models.BigIntegerField(blank=True, null=True)),
                ("traits", models.JSONField(default=dict)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "job",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="readings", to="backups.backupjob"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["job", "-at"], name="backup_reading_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["ok", "warn", "bad", "unknown"])), name="reading_level_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "cause__in",
                                [
                                    "",
                                    "key",
                                    "repository",
                                    "corruption",
                                    "stale",
                                    "coverage",
                                    "mismatch",
                                    "busy",
                                    "load",
                                    "host",
                                    "scratch",
                                    "tool",
                                    "verifier",
                                    "unread",
                                ],
                            )
                        ),
                        name="reading_cause_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("level__in", ["bad", "unknown"]),
                            models.Q(("cause", ""), ("newest_at__isnull", False), ("size_b__isnull", False)),
                            _connector="OR",
                        ),
                        name="no_good_reading_without_one",
                    ),
                ],
            },
        ),
    ]
