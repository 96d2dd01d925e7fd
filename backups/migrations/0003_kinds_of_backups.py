"""More tools than restic, composites of several, a host of its own to restore on, canaries, drills."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0002_rules"),
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("vault", "0002_versions_and_numbered_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="backupjob",
            name="backup_tool_known",
        ),
        migrations.RemoveConstraint(
            model_name="backupjob",
            name="a_job_has_sources",
        ),
        migrations.RemoveConstraint(
            model_name="restoretest",
            name="restore_test_cause_known",
        ),
        migrations.AddField(
            model_name="backupjob",
            name="apart_min",
            field=models.PositiveIntegerField(default=15),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="application",
            field=models.CharField(blank=True, choices=[("", "None"), ("nextcloud", "Nextcloud")], default="", max_length=16),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="archive_root",
            field=models.CharField(default="/", max_length=500),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="canaries",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="databases",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=63), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="key_export",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vault.credential"
            ),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="part_of",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="backups.backupjob"
            ),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="queries",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="restore_on",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.system"
            ),
        ),
        migrations.AddField(
            model_name="restoretest",
            name="purpose",
            field=models.CharField(choices=[("test", "Restore test"), ("drill", "Escrow drill")], default="test", max_length=16),
        ),
        migrations.AlterField(
            model_name="backupjob",
            name="credential",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vault.credential"
            ),
        ),
        migrations.AlterField(
            model_name="backupjob",
            name="sources",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=500), blank=True, default=list, size=None
            ),
        ),
        migrations.AlterField(
            model_name="backupjob",
            name="tool",
            field=models.CharField(
                choices=[
                    ("restic", "restic"),
                    ("borg", "BorgBackup"),
                    ("pg_dump", "pg_dump"),
                    ("pg_dumpall", "pg_dumpall"),
                    ("mysqldump", "mysqldump or mariadb-dump"),
                    ("tar", "tar archives"),
                    ("rsync", "rsync copies"),
                    ("composite", "several that count together"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="restoretest",
            name="cause",
            field=models.CharField(
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
        AddConstraintNotValid(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("tool__in", ["restic", "borg", "pg_dump", "pg_dumpall", "mysqldump", "tar", "rsync", "composite"])),
                name="backup_tool_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("databases", []), ("tool__in", ["restic", "borg", "tar", "rsync"]), models.Q(("sources", []), _negated=True)
                    ),
                    models.Q(
                        ("sources", []),
                        ("tool__in", ["pg_dump", "pg_dumpall", "mysqldump"]),
                        models.Q(("databases", []), _negated=True),
                    ),
                    models.Q(("databases", []), ("sources", []), ("tool", "composite")),
                    _connector="OR",
                ),
                name="a_job_says_what_it_holds",
            ),
        ),
        AddConstraintNotValid(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("credential", None), ("tool", "restic"), _negated=True), name="restic_has_a_key"
            ),
        ),
        AddConstraintNotValid(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("key_export", None), ("tool", "borg"), _connector="OR"), name="only_borg_exports_a_key"
            ),
        ),
        AddConstraintNotValid(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("part_of", None), models.Q(("tool", "composite"), _negated=True), _connector="OR"),
                name="no_composite_of_composites",
            ),
        ),
        AddConstraintNotValid(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("application__in", ["", "nextcloud"])), name="backup_application_known"
            ),
        ),
        AddConstraintNotValid(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("application", ""), ("tool", "composite"), _connector="OR"),
                name="only_composites_have_an_application",
            ),
        ),
        AddConstraintNotValid(
            model_name="restoretest",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["test", "drill"])), name="restore_test_purpose_known"
            ),
        ),
        AddConstraintNotValid(
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
                            "load",
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
    ]
