"""Rollouts, maintenance windows, verification checks. Checks on the runs' table are validated in the next migration."""

import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("maintenance", "0006_windows"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MaintenanceWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "every",
                    models.CharField(
                        choices=[
                            ("week", "Every week"),
                            ("month_day", "On a day of the month"),
                            ("month_weekday", "On a weekday of the month"),
                        ],
                        default="week",
                        max_length=16,
                    ),
                ),
                (
                    "weekdays",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "day",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(31)],
                    ),
                ),
                ("ordinal", models.SmallIntegerField(blank=True, null=True)),
                ("start", models.TimeField()),
                ("end", models.TimeField()),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PlannedChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("package", models.CharField(max_length=200)),
                ("architecture", models.CharField(max_length=32)),
                ("from_version", models.CharField(blank=True, max_length=200)),
                ("to_version", models.CharField(max_length=200)),
                (
                    "conflicts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=500), blank=True, default=list, size=None
                    ),
                ),
                (
                    "keeping",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not known yet"),
                            ("kept", "The version before is kept on the host"),
                            ("missing", "Can't be rolled back: the version before is not to be had"),
                            ("new", "New on the host: a rollback leaves it installed"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Rollout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("staging", "On staging"),
                            ("soaking", "Soaking"),
                            ("planning", "Planning production"),
                            ("approval", "Waiting for approval"),
                            ("scheduled", "Waiting for its window"),
                            ("production", "On production"),
                            ("finished", "Finished"),
                            ("stopped", "Stopped"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="staging",
                        max_length=16,
                    ),
                ),
                ("emergency", models.BooleanField(default=False)),
                ("reason", models.TextField(blank=True, default="")),
                ("soak_h", models.PositiveIntegerField(default=24, validators=[django.core.validators.MaxValueValidator(2160)])),
                (
                    "share_percent",
                    models.PositiveSmallIntegerField(
                        default=25,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)],
                    ),
                ),
                ("restarts", models.BooleanField(default=True)),
                ("actor_label", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField()),
                ("soak_until", models.DateTimeField(blank=True, null=True)),
                ("plan_hash", models.CharField(blank=True, default="", max_length=64)),
                ("planned_at", models.DateTimeField(blank=True, null=True)),
                ("stop_reason", models.TextField(blank=True, default="")),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("waits_for", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="RolloutApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("plan_hash", models.CharField(max_length=64)),
                ("approved_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("note", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="RolloutTarget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("environment", models.CharField(choices=[("staging", "Staging"), ("production", "Production")], max_length=16)),
                ("wave", models.PositiveSmallIntegerField()),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Being updated"),
                            ("restarting", "Being restarted"),
                            ("verified", "Verified"),
                            ("failed", "Not verified"),
                            ("skipped", "Not touched"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("planned_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="StagingAlternative",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("canary", "Another system gets the updates first"), ("exception", "An exception, for a time")],
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField()),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
            ],
        ),
        migrations.CreateModel(
            name="VerdictOverrule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField()),
                ("overruled_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
            ],
        ),
        migrations.CreateModel(
            name="VerificationCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("web", "Web server"),
                            ("mail", "Mail"),
                            ("database", "Database"),
                            ("files", "Files and groupware"),
                            ("backup", "Backup"),
                            ("monitoring", "Monitoring"),
                            ("other", "Other"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("kind", models.CharField(choices=[("command", "Command"), ("http", "HTTP request")], max_length=8)),
                ("question", models.TextField(max_length=2000)),
                ("expected", models.PositiveSmallIntegerField(default=0)),
                ("contains", models.CharField(blank=True, default="", max_length=500)),
                (
                    "timeout_s",
                    models.PositiveSmallIntegerField(
                        default=20,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(120)],
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="updaterun",
            name="update_run_kind_known",
        ),
        migrations.AddField(
            model_name="updaterun",
            name="undoes",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="undone_by", to="maintenance.updaterun"
            ),
        ),
        migrations.AddField(
            model_name="updaterun",
            name="units",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=256), blank=True, db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="windowpolicy",
            name="soak_h",
            field=models.PositiveIntegerField(
                db_default=24, default=24, validators=[django.core.validators.MaxValueValidator(2160)], verbose_name="soak on staging"
            ),
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
                ],
                default="apt-apply",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="maintenancewindow",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="maintenancewindow",
            name="system",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="maintenance_windows",
                to="clients.system",
            ),
        ),
        migrations.AddField(
            model_name="plannedchange",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="plannedchange",
            name="update",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="planned", to="maintenance.pendingupdate"
            ),
        ),
        migrations.AddField(
            model_name="rollout",
            name="asked_by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="rollout",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="rolloutapproval",
            name="approved_by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="rolloutapproval",
            name="asked_by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="rolloutapproval",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="rolloutapproval",
            name="rollout",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="maintenance.rollout"),
        ),
        migrations.AddField(
            model_name="rollouttarget",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="rollouttarget",
            name="rollout",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="targets", to="maintenance.rollout"),
        ),
        migrations.AddField(
            model_name="rollouttarget",
            name="system",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rollout_targets", to="clients.system"),
        ),
        migrations.AddField(
            model_name="plannedchange",
            name="target",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="maintenance.rollouttarget"
            ),
        ),
        migrations.AddField(
            model_name="updaterun",
            name="target",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="maintenance.rollouttarget"
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["apt-apply", "dpkg-configure", "apt-rollback", "restart", "reboot"])),
                name="update_run_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="updaterun",
            constraint=models.UniqueConstraint(fields=("target", "kind"), name="a_target_is_run_once"),
        ),
        migrations.AddConstraint(
            model_name="updaterun",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("state__in", ["queued", "preparing", "running", "verifying"]), ("verdict", "verified"), _connector="OR"
                ),
                fields=("undoes",),
                name="a_run_is_undone_once",
            ),
        ),
        AddConstraintNotValid(
            model_name="updaterun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "apt-rollback"), ("undoes__isnull", False)),
                    models.Q(models.Q(("kind", "apt-rollback"), _negated=True), ("undoes", None)),
                    _connector="OR",
                ),
                name="a_rollback_says_of_what",
            ),
        ),
        migrations.AddField(
            model_name="stagingalternative",
            name="canary",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="canary_for", to="clients.system"
            ),
        ),
        migrations.AddField(
            model_name="stagingalternative",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="stagingalternative",
            name="system",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="alternatives", to="clients.system"),
        ),
        migrations.AddField(
            model_name="verdictoverrule",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="verdictoverrule",
            name="overruled_by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="verdictoverrule",
            name="run",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="overrules", to="maintenance.updaterun"),
        ),
        migrations.AddField(
            model_name="verificationcheck",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="verificationcheck",
            name="system",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="verification_checks",
                to="clients.system",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("day", None), ("every", "week"), ("ordinal", None), ("weekdays__len__gt", 0)),
                    models.Q(("day__gte", 1), ("day__isnull", False), ("day__lte", 31), ("every", "month_day"), ("ordinal", None)),
                    models.Q(
                        ("day", None),
                        ("every", "month_weekday"),
                        ("ordinal__in", [1, 2, 3, 4, -1]),
                        ("ordinal__isnull", False),
                        ("weekdays__len", 1),
                    ),
                    _connector="OR",
                ),
                name="window_recurrence_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(("weekdays__contained_by", [0, 1, 2, 3, 4, 5, 6])), name="window_weekdays_known"
            ),
        ),
        migrations.AddIndex(
            model_name="rollout",
            index=models.Index(
                condition=models.Q(("state__in", ["finished", "stopped", "cancelled"]), _negated=True),
                fields=["claimed_until"],
                name="rollout_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["staging", "soaking", "planning", "approval", "scheduled", "production", "finished", "stopped", "cancelled"],
                    )
                ),
                name="rollout_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(("emergency", False), models.Q(("reason", ""), _negated=True), _connector="OR"),
                name="an_emergency_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", False), ("state__in", ["finished", "stopped", "cancelled"])),
                    models.Q(models.Q(("state__in", ["finished", "stopped", "cancelled"]), _negated=True), ("finished_at", None)),
                    _connector="OR",
                ),
                name="rollout_finished_iff_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["stopped", "cancelled"]), _negated=True),
                    models.Q(("stop_reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="a_stop_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["approval", "scheduled", "production"]), _negated=True),
                    models.Q(models.Q(("plan_hash", ""), _negated=True), ("planned_at__isnull", False)),
                    _connector="OR",
                ),
                name="approval_needs_a_plan",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(("share_percent__gte", 1), ("share_percent__lte", 100)), name="share_is_a_percentage"
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.UniqueConstraint(fields=("id", "asked_by"), name="rollout_and_who_asked"),
        ),
        migrations.AddConstraint(
            model_name="rolloutapproval",
            constraint=models.UniqueConstraint(fields=("rollout",), name="one_approval_per_rollout"),
        ),
        migrations.AddConstraint(
            model_name="rolloutapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(("approved_by", models.F("asked_by")), _negated=True), name="nobody_approves_their_own"
            ),
        ),
        migrations.AddConstraint(
            model_name="rollouttarget",
            constraint=models.UniqueConstraint(fields=("rollout", "system"), name="one_target_per_system"),
        ),
        migrations.AddConstraint(
            model_name="rollouttarget",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["waiting", "running", "restarting"])),
                fields=("system",),
                name="one_open_rollout_per_system",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollouttarget",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "running", "restarting", "verified", "failed", "skipped"])),
                name="target_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollouttarget",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("environment", "staging"), ("wave", 0)),
                    models.Q(("environment", "production"), ("wave__gte", 1)),
                    _connector="OR",
                ),
                name="staging_is_wave_zero",
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedchange",
            constraint=models.UniqueConstraint(fields=("target", "package", "architecture"), name="one_change_per_package"),
        ),
        migrations.AddConstraint(
            model_name="plannedchange",
            constraint=models.CheckConstraint(condition=models.Q(("to_version", ""), _negated=True), name="a_change_has_a_version"),
        ),
        migrations.AddIndex(
            model_name="stagingalternative",
            index=models.Index(fields=["system", "expires_at"], name="alternative_of_system"),
        ),
        migrations.AddConstraint(
            model_name="stagingalternative",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", ["canary", "exception"])), name="alternative_kind_known"),
        ),
        migrations.AddConstraint(
            model_name="stagingalternative",
            constraint=models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="alternative_says_why"),
        ),
        migrations.AddConstraint(
            model_name="stagingalternative",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("created_at"))), name="alternative_expires_later"
            ),
        ),
        migrations.AddConstraint(
            model_name="stagingalternative",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("canary__isnull", False), ("kind", "canary")),
                    models.Q(("canary", None), ("kind", "exception")),
                    _connector="OR",
                ),
                name="a_canary_is_a_system",
            ),
        ),
        migrations.AddConstraint(
            model_name="stagingalternative",
            constraint=models.CheckConstraint(
                condition=models.Q(("canary", None), models.Q(("canary", models.F("system")), _negated=True), _connector="OR"),
                name="nobody_is_their_own_canary",
            ),
        ),
        migrations.AddConstraint(
            model_name="verdictoverrule",
            constraint=models.UniqueConstraint(fields=("run",), name="one_overrule_per_run"),
        ),
        migrations.AddConstraint(
            model_name="verdictoverrule",
            constraint=models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="overrule_says_why"),
        ),
        migrations.AddConstraint(
            model_name="verificationcheck",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", ["command", "http"])), name="verification_kind_known"),
        ),
        migrations.AddConstraint(
            model_name="verificationcheck",
            constraint=models.CheckConstraint(condition=models.Q(("question", ""), _negated=True), name="a_check_asks_something"),
        ),
        migrations.AddConstraint(
            model_name="verificationcheck",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("role", ""), ("system__isnull", False)),
                    models.Q(("system", None), models.Q(("role", ""), _negated=True)),
                    _connector="OR",
                ),
                name="check_of_system_or_role",
            ),
        ),
        migrations.AddConstraint(
            model_name="verificationcheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("timeout_s__gte", 1), ("timeout_s__lte", 120)), name="verification_ends"
            ),
        ),
        migrations.AddConstraint(
            model_name="verificationcheck",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("client", "name"), name="one_check_per_name"
            ),
        ),
    ]
