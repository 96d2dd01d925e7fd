"""Upgrade plans. Checks and the index on the big table of runs are validated and built in the next migrations."""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("maintenance", "0011_update_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="UpgradeDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
            ],
        ),
        migrations.CreateModel(
            name="UpgradePlan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="updaterun",
            name="update_run_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="updaterun",
            name="a_rollback_says_of_what",
        ),
        migrations.AddField(
            model_name="rollout",
            name="waived",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AlterField(
            model_name="updaterun",
            name="kind",
            field=models.CharField(
                choices=[
                    ("apt-apply", "Apply updates"),
                    ("dpkg-configure", "Finish configuring"),
                    ("apt-rollback", "Roll back"),
                    ("restart", "Restart services"),
                    ("reboot", "Reboot"),
                    ("upgrade", "Upgrade"),
                    ("upgrade-undo", "Take an upgrade back"),
                ],
                default="apt-apply",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="upgradedocument",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="rollout",
            name="document",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rollouts",
                to="maintenance.upgradedocument",
            ),
        ),
        migrations.AddField(
            model_name="updaterun",
            name="document",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="maintenance.upgradedocument",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(("waived", ""), ("document__isnull", False), _connector="OR"), name="only_upgrades_waive"
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["apt-apply", "dpkg-configure", "apt-rollback", "restart", "reboot", "upgrade", "upgrade-undo"])
                ),
                name="update_run_kind_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["apt-rollback", "upgrade-undo"]), ("undoes__isnull", False)),
                    models.Q(models.Q(("kind__in", ["apt-rollback", "upgrade-undo"]), _negated=True), ("undoes", None)),
                    _connector="OR",
                ),
                name="a_rollback_says_of_what",
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("document__isnull", False), ("kind__in", ["upgrade", "upgrade-undo"])),
                    models.Q(models.Q(("kind__in", ["upgrade", "upgrade-undo"]), _negated=True), ("document", None)),
                    _connector="OR",
                ),
                name="an_upgrade_has_its_document",
            ),
        ),
        migrations.AddField(
            model_name="upgradedocument",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="documents", to="maintenance.upgradeplan"
            ),
        ),
        migrations.AddIndex(
            model_name="upgradedocument",
            index=models.Index(fields=["sha256"], name="document_by_hash"),
        ),
        migrations.AddConstraint(
            model_name="upgradedocument",
            constraint=models.UniqueConstraint(fields=("plan", "number"), name="one_document_per_number"),
        ),
        migrations.AddConstraint(
            model_name="upgradedocument",
            constraint=models.CheckConstraint(condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="document_has_its_hash"),
        ),
        migrations.AddConstraint(
            model_name="upgradedocument",
            constraint=models.CheckConstraint(condition=models.Q(("text", ""), _negated=True), name="document_says_something"),
        ),
    ]
