"""Snapshots of the root file system before a change: the policy, what a plan says, what a run took, and the run that goes back."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("maintenance", "0019_fetched_feeds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SnapshotPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "wish",
                    models.CharField(
                        blank=True,
                        choices=[("", "No"), ("may", "Where the host can"), ("must", "Always: without one nothing is changed")],
                        default="",
                        max_length=8,
                    ),
                ),
                (
                    "keep_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(60)],
                    ),
                ),
                ("set_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
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
            model_name="rollouttarget",
            name="snapshot",
            field=models.CharField(blank=True, db_default="", default="", max_length=8),
        ),
        migrations.AddField(
            model_name="rollouttarget",
            name="snapshot_note",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="updaterun",
            name="snapshot",
            field=models.CharField(
                blank=True,
                choices=[("", "No"), ("may", "Where the host can"), ("must", "Always: without one nothing is changed")],
                db_default="",
                default="",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="updaterun",
            name="snapshot_days",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="updaterun",
            name="snapshot_gone_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="updaterun",
            name="snapshot_kind",
            field=models.CharField(blank=True, db_default="", default="", max_length=8),
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
                    ("fs-rollback", "Go back to a snapshot"),
                ],
                default="apt-apply",
                max_length=16,
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        ["apt-apply", "dpkg-configure", "apt-rollback", "restart", "reboot", "upgrade", "upgrade-undo", "fs-rollback"],
                    )
                ),
                name="update_run_kind_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["apt-rollback", "upgrade-undo", "fs-rollback"]), ("undoes__isnull", False)),
                    models.Q(models.Q(("kind__in", ["apt-rollback", "upgrade-undo", "fs-rollback"]), _negated=True), ("undoes", None)),
                    _connector="OR",
                ),
                name="a_rollback_says_of_what",
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("snapshot", ""), ("snapshot_days", 0)),
                    models.Q(("kind__in", ["apt-apply", "upgrade"]), ("snapshot__in", ["may", "must"]), ("snapshot_days__gte", 1)),
                    _connector="OR",
                ),
                name="a_snapshot_is_before_a_change",
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verdict", "verified"), _negated=True),
                    models.Q(("snapshot", "must"), _negated=True),
                    models.Q(("snapshot_kind", ""), _negated=True),
                    _connector="OR",
                ),
                name="verified_has_the_snapshot_it_must",
            ),
        ),
        migrations.AddField(
            model_name="snapshotpolicy",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="snapshotpolicy",
            name="system",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="snapshot_policy", to="clients.system"
            ),
        ),
        migrations.AddConstraint(
            model_name="snapshotpolicy",
            constraint=models.CheckConstraint(condition=models.Q(("wish__in", ["", "may", "must"])), name="snapshot_wish_known"),
        ),
        migrations.AddConstraint(
            model_name="snapshotpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("keep_days__gte", 1), ("keep_days__lte", 60)), name="a_snapshot_is_kept_for_days"
            ),
        ),
    ]
