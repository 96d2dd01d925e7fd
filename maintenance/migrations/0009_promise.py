"""Installed and effective kept apart, breaches, accepted risks, priorities. Checks on big tables are validated afterwards."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("maintenance", "0008_rollout_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AcceptedRisk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField()),
                ("until", models.DateTimeField()),
                ("asked_at", models.DateTimeField()),
                ("asked_label", models.CharField(max_length=254)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("answered_label", models.CharField(blank=True, default="", max_length=254)),
                ("accepted", models.BooleanField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Breach",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField()),
                ("noted_at", models.DateTimeField()),
                ("reason", models.TextField(blank=True, default="")),
                ("stated_at", models.DateTimeField(blank=True, null=True)),
                ("actor_label", models.CharField(blank=True, default="", max_length=254)),
            ],
        ),
        migrations.CreateModel(
            name="PriorityRules",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rules", models.JSONField()),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
            ],
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("query", models.CharField(max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name="TriageRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("condition", models.JSONField()),
                ("kind", models.CharField(choices=[("apply", "Apply"), ("defer", "Defer"), ("reject", "Reject")], max_length=16)),
                ("defer_days", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="pendingupdate",
            name="update_obstacle_known",
        ),
        migrations.AddField(
            model_name="pendingupdate",
            name="effective_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="pendingupdate",
            name="ended",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "Still pending"),
                    ("installed", "Installed"),
                    ("superseded", "Replaced by a newer version"),
                    ("removed", "The package was removed"),
                    ("withdrawn", "No source offers it any more"),
                ],
                db_default="",
                default="",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="pendingupdate",
            name="exposure",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="pendingupdate",
            name="held_up_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddField(
            model_name="pendingupdate",
            name="installed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="pendingupdate",
            name="priority",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "Urgent"), (2, "High"), (3, "Normal"), (4, "Low")], db_default=3, default=3
            ),
        ),
        migrations.AddField(
            model_name="scan",
            name="sourceless",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=200), blank=True, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="windowpolicy",
            name="business_days",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="windowpolicy",
            name="region",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.AlterField(
            model_name="pendingupdate",
            name="obstacle",
            field=models.CharField(
                blank=True,
                choices=[("", "None"), ("held", "Held"), ("phased", "Phased"), ("kept_back", "Kept back"), ("pinned", "Pinned")],
                default="",
                max_length=16,
            ),
        ),
        AddConstraintNotValid(
            model_name="pendingupdate",
            constraint=models.CheckConstraint(
                condition=models.Q(("obstacle__in", ["", "held", "phased", "kept_back", "pinned"])), name="update_obstacle_known"
            ),
        ),
        AddConstraintNotValid(
            model_name="pendingupdate",
            constraint=models.CheckConstraint(condition=models.Q(("priority__in", [1, 2, 3, 4])), name="update_priority_known"),
        ),
        AddConstraintNotValid(
            model_name="pendingupdate",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended__in", ["", "installed", "superseded", "removed", "withdrawn"])), name="update_end_known"
            ),
        ),
        AddConstraintNotValid(
            model_name="pendingupdate",
            constraint=models.CheckConstraint(
                condition=models.Q(("effective_at", None), ("installed_at__isnull", False), _connector="OR"),
                name="effective_was_installed",
            ),
        ),
        AddConstraintNotValid(
            model_name="pendingupdate",
            constraint=models.CheckConstraint(
                condition=models.Q(("installed_at", None), ("ended", "installed"), _connector="OR"), name="installed_is_ended"
            ),
        ),
        migrations.AddField(
            model_name="acceptedrisk",
            name="answered_by",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="acceptedrisk",
            name="asked_by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="acceptedrisk",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="acceptedrisk",
            name="update",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="accepted_risks", to="maintenance.pendingupdate"
            ),
        ),
        migrations.AddField(
            model_name="breach",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="breach",
            name="stated_by",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="breach",
            name="update",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="breaches", to="maintenance.pendingupdate"
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="user",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="triagerule",
            name="for_client",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.client"
            ),
        ),
        migrations.AddConstraint(
            model_name="acceptedrisk",
            constraint=models.UniqueConstraint(
                condition=models.Q(("accepted", None)), fields=("update",), name="one_open_question_per_update"
            ),
        ),
        migrations.AddConstraint(
            model_name="acceptedrisk",
            constraint=models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="a_risk_says_why"),
        ),
        migrations.AddConstraint(
            model_name="acceptedrisk",
            constraint=models.CheckConstraint(condition=models.Q(("until__gt", models.F("asked_at"))), name="a_risk_ends_later"),
        ),
        migrations.AddConstraint(
            model_name="acceptedrisk",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("accepted", None), ("answered_at", None), ("answered_by", None)),
                    models.Q(("accepted__isnull", False), ("answered_at__isnull", False), ("answered_by__isnull", False)),
                    _connector="OR",
                ),
                name="an_answer_says_who",
            ),
        ),
        migrations.AddConstraint(
            model_name="breach",
            constraint=models.UniqueConstraint(fields=("update",), name="one_breach_per_update"),
        ),
        migrations.AddConstraint(
            model_name="breach",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reason", ""), ("stated_at", None), ("stated_by", None)),
                    models.Q(models.Q(("reason", ""), _negated=True), ("stated_at__isnull", False), ("stated_by__isnull", False)),
                    _connector="OR",
                ),
                name="a_stated_breach_says_who",
            ),
        ),
        migrations.AddConstraint(
            model_name="breach",
            constraint=models.CheckConstraint(
                condition=models.Q(("noted_at__gte", models.F("due_at"))), name="a_breach_comes_after_its_due_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("user", "name"), name="one_view_per_name"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="a_view_has_a_name"),
        ),
        migrations.AddConstraint(
            model_name="triagerule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("name",), name="one_triage_rule_per_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="triagerule",
            constraint=models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="a_triage_rule_says_why"),
        ),
        migrations.AddConstraint(
            model_name="triagerule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("defer_days", None), ("kind", "apply")),
                    models.Q(("defer_days__gte", 1), ("defer_days__isnull", False), ("kind", "defer")),
                    _connector="OR",
                ),
                name="a_triage_rule_applies_or_defers",
            ),
        ),
    ]
