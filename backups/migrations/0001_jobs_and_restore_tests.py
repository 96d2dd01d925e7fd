"""Backup jobs and their restore tests."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("vault", "0002_versions_and_numbered_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BackupJob",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("tool", models.CharField(choices=[("restic", "restic")], max_length=16)),
                ("repository", models.CharField(max_length=500)),
                ("sources", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), size=None)),
                (
                    "excludes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=500), blank=True, default=list, size=None
                    ),
                ),
                ("scratch", models.CharField(default="/var/lib/retainer/scratch", max_length=500)),
                ("recovery_point_h", models.PositiveIntegerField(default=26)),
                ("recovery_time_min", models.PositiveIntegerField(default=240)),
                ("test_every_days", models.PositiveSmallIntegerField(default=30)),
                ("read_parts", models.PositiveSmallIntegerField(default=3)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("credential", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vault.credential")),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="backup_jobs", to="clients.system"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RestoreTest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("repository", models.CharField(max_length=500)),
                ("specification", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Waiting for a worker"), ("running", "Running on the host"), ("finished", "Finished")],
                        default="queued",
                        max_length=16,
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("pass", "Passed"),
                            ("notes", "Passed with notes"),
                            ("fail", "Failed"),
                            ("inconclusive", "Inconclusive"),
                        ],
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
                            ("corruption", "The repository is damaged"),
                            ("stale", "The newest snapshot is too old"),
                            ("coverage", "Something that should be in it is missing"),
                            ("mismatch", "What came back is not what lives"),
                            ("busy", "Another test or a lock is in the way"),
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
                ("facts", models.JSONField(default=list)),
                ("commands", models.JSONField(default=list)),
                ("log", models.TextField(blank=True, default="")),
                ("log_offset", models.BigIntegerField(default=0)),
                ("exit_status", models.IntegerField(blank=True, null=True)),
                ("actor_label", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("snapshot_id", models.CharField(blank=True, default="", max_length=64)),
                ("snapshot_at", models.DateTimeField(blank=True, null=True)),
                ("restored_files", models.BigIntegerField(blank=True, null=True)),
                ("restored_bytes", models.BigIntegerField(blank=True, null=True)),
                ("recovery_s", models.DecimalField(blank=True, decimal_places=2, max_digits=10, null=True)),
                ("seal", models.CharField(blank=True, default="", max_length=64)),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("unreachable_since", models.DateTimeField(blank=True, null=True)),
                ("trouble", models.TextField(blank=True, default="")),
                ("start_sent_at", models.DateTimeField(blank=True, null=True)),
                ("seen_on_host_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("job", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="tests", to="backups.backupjob")),
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
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="restore_tests", to="clients.system"),
                ),
            ],
        ),
        migrations.AddField(
            model_name="backupjob",
            name="proof",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="backups.restoretest"
            ),
        ),
        migrations.AddIndex(
            model_name="restoretest",
            index=models.Index(
                condition=models.Q(("state", "finished"), _negated=True), fields=["claimed_until"], name="restore_test_open"
            ),
        ),
        migrations.AddIndex(
            model_name="restoretest",
            index=models.Index(fields=["job", "-created_at"], name="restore_test_newest"),
        ),
        migrations.AddConstraint(
            model_name="restoretest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])), fields=("system",), name="one_open_test_per_system"
            ),
        ),
        migrations.AddConstraint(
            model_name="restoretest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("client", "repository"),
                name="one_open_test_per_repository",
            ),
        ),
        migrations.AddConstraint(
            model_name="restoretest",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["queued", "running", "finished"])), name="restore_test_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="restoretest",
            constraint=models.CheckConstraint(
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
                            "host",
                            "scratch",
                            "tool",
                            "verifier",
                            "unread",
                        ],
                    )
                ),
                name="restore_test_cause_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="restoretest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", False),
                        ("state", "finished"),
                        ("verdict__in", ["pass", "notes", "fail", "inconclusive"]),
                        models.Q(("seal", ""), _negated=True),
                    ),
                    models.Q(("finished_at", None), ("seal", ""), ("state__in", ["queued", "running"]), ("verdict", "")),
                    _connector="OR",
                ),
                name="restore_test_finished_iff_verdict",
            ),
        ),
        migrations.AddConstraint(
            model_name="restoretest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cause", ""), ("verdict__in", ["", "pass", "notes"])),
                    models.Q(("verdict__in", ["fail", "inconclusive"]), models.Q(("cause", ""), _negated=True)),
                    _connector="OR",
                ),
                name="what_did_not_pass_has_a_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="restoretest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verdict__in", ["pass", "notes"]), _negated=True),
                    models.Q(
                        ("exit_status", 0),
                        ("exit_status__isnull", False),
                        ("restored_files__gt", 0),
                        ("restored_files__isnull", False),
                        ("recovery_s__isnull", False),
                        ("snapshot_at__isnull", False),
                        models.Q(("snapshot_id", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="a_pass_needs_its_evidence",
            ),
        ),
        migrations.AddIndex(
            model_name="backupjob",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["client", "name"], name="backup_job_in_use"),
        ),
        migrations.AddConstraint(
            model_name="backupjob",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("system", "name"), name="one_job_of_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="backupjob",
            constraint=models.CheckConstraint(condition=models.Q(("tool__in", ["restic"])), name="backup_tool_known"),
        ),
        migrations.AddConstraint(
            model_name="backupjob",
            constraint=models.CheckConstraint(condition=models.Q(("sources", []), _negated=True), name="a_job_has_sources"),
        ),
        migrations.AddConstraint(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("read_parts__gte", 1), ("recovery_point_h__gte", 1), ("recovery_time_min__gte", 1), ("test_every_days__gte", 1)
                ),
                name="a_job_promises_something",
            ),
        ),
    ]
