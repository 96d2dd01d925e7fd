"""Storage with a login of its own; tests of an old snapshot, which prove nothing of the newest."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0008_restores_rules"),
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("vault", "0002_versions_and_numbered_keys"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="restoretest",
            name="restore_test_purpose_known",
        ),
        migrations.AddField(
            model_name="backupjob",
            name="storage_credential",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vault.credential"
            ),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="storage_login",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AlterField(
            model_name="restoretest",
            name="purpose",
            field=models.CharField(
                choices=[("test", "Restore test"), ("drill", "Escrow drill"), ("old", "Test of an old snapshot")],
                default="test",
                max_length=16,
            ),
        ),
        AddConstraintNotValid(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("storage_credential", None), ("storage_login", "")),
                    models.Q(("storage_credential__isnull", False), ("tool", "restic"), models.Q(("storage_login", ""), _negated=True)),
                    _connector="OR",
                ),
                name="a_storage_login_has_its_secret",
            ),
        ),
        AddConstraintNotValid(
            model_name="restoretest",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["test", "drill", "old"])), name="restore_test_purpose_known"
            ),
        ),
    ]
