"""Restores: dry runs, what was carried out, rehearsals."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0006_looks_rules"),
        ("clients", "0003_ended_clients_ranges_and_notes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Restore",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("specification", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Waiting for a worker"), ("running", "Running on the host"), ("finished", "Finished")],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("findings", models.JSONField(default=list)),
                ("facts", models.JSONField(default=list)),
                ("commands", models.JSONField(default=list)),
                ("log", models.TextField(blank=True, default="")),
                ("log_offset", models.BigIntegerField(default=0)),
                ("exit_status", models.IntegerField(blank=True, null=True)),
                ("actor_label", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("unreachable_since", models.DateTimeField(blank=True, null=True)),
                ("trouble", models.TextField(blank=True, default="")),
                ("start_sent_at", models.DateTimeField(blank=True, null=True)),
                ("seen_on_host_at", models.DateTimeField(blank=True, null=True)),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("dry_run", "Dry run"),
                            ("folder", "Into a folder of its own"),
                            ("in_place", "In its place"),
                            ("rehearsal", "Rehearsal"),
                        ],
                        max_length=16,
                    ),
                ),
                ("snapshot", models.CharField(default="newest", max_length=300)),
                (
                    "paths",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=500), blank=True, default=list, size=None
                    ),
                ),
                ("target", models.CharField(blank=True, default="", max_length=500)),
                ("reason", models.CharField(blank=True, default="", max_length=2000)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("done", "Done"), ("failed", "Failed"), ("inconclusive", "Not begun, or not known")],
                        default="",
                        max_length=16,
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
                ("snapshot_id", models.CharField(blank=True, default="", max_length=300)),
                ("snapshot_at", models.DateTimeField(blank=True, null=True)),
                ("new_files", models.BigIntegerField(blank=True, null=True)),
                ("same_files", models.BigIntegerField(blank=True, null=True)),
                ("replaced_files", models.BigIntegerField(blank=True, null=True)),
                ("size_b", models.BigIntegerField(blank=True, null=True)),
                ("kept_at", models.CharField(blank=True, default="", max_length=500)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "job",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="restores", to="backups.backupjob"),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="carried_out",
                        to="backups.restore",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="restores", to="clients.system"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "finished"), _negated=True), fields=["claimed_until"], name="restore_open"
                    ),
                    models.Index(fields=["job", "-created_at"], name="restore_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["queued", "running"])), fields=("system",), name="one_open_restore_per_system"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["queued", "running", "finished"])), name="restore_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["dry_run", "folder", "in_place", "rehearsal"])), name="restore_mode_known"
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
                        name="restore_cause_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", False),
                                ("outcome__in", ["done", "failed", "inconclusive"]),
                                ("state", "finished"),
                            ),
                            models.Q(("finished_at", None), ("outcome", ""), ("state__in", ["queued", "running"])),
                            _connector="OR",
                        ),
                        name="restore_finished_iff_outcome",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mode__in", ["dry_run", "rehearsal"]),
                            models.Q(("plan__isnull", False), models.Q(("reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="a_restore_stands_on_a_dry_run",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode", "in_place"), ("target__gt", ""), _negated=True), name="in_place_has_no_folder"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode", "folder"), ("target", ""), _negated=True), name="a_folder_has_its_name"
                    ),
                ],
            },
        ),
    ]
