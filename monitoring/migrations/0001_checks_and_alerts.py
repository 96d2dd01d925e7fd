"""Watches, checks, results, alerts, channels and messages. The table of results is made by 0002: it is partitioned."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("kind", models.CharField(choices=[("email", "E-mail")], max_length=8)),
                ("address", models.CharField(max_length=500)),
                ("first", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "next_channel",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="monitoring.channel"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Check",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("reach", "Reached over SSH"),
                            ("cpu", "Processor"),
                            ("load", "Load"),
                            ("memory", "Memory"),
                            ("swap", "Swap"),
                            ("pressure", "Pressure"),
                            ("disk", "Disk"),
                            ("inodes", "Inodes"),
                            ("units", "Failed units"),
                            ("clock", "Clock"),
                            ("restart", "Restart needed"),
                        ],
                        max_length=16,
                    ),
                ),
                ("subject", models.CharField(blank=True, default="", max_length=200)),
                ("warning", models.FloatField(blank=True, null=True)),
                ("critical", models.FloatField(blank=True, null=True)),
                (
                    "level",
                    models.CharField(
                        choices=[("up", "In order"), ("warning", "Warning"), ("critical", "Critical"), ("unknown", "Unknown")],
                        default="unknown",
                        max_length=8,
                    ),
                ),
                ("since", models.DateTimeField()),
                (
                    "last_level",
                    models.CharField(
                        choices=[("up", "In order"), ("warning", "Warning"), ("critical", "Critical"), ("unknown", "Unknown")],
                        default="unknown",
                        max_length=8,
                    ),
                ),
                ("times", models.PositiveIntegerField(default=0)),
                ("value", models.FloatField(blank=True, null=True)),
                ("words", models.CharField(blank=True, default="", max_length=500)),
                ("last_at", models.DateTimeField(blank=True, null=True)),
                ("stale_at", models.DateTimeField()),
                ("changes", models.JSONField(blank=True, default=list)),
                ("muted_until", models.DateTimeField(blank=True, null=True)),
                ("muted_why", models.CharField(blank=True, default="", max_length=500)),
                ("muted_by", models.CharField(blank=True, default="", max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("ended_why", models.CharField(blank=True, default="", max_length=500)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("system", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="checks", to="clients.system")),
            ],
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "level",
                    models.CharField(
                        choices=[("up", "In order"), ("warning", "Warning"), ("critical", "Critical"), ("unknown", "Unknown")],
                        max_length=8,
                    ),
                ),
                ("words", models.CharField(max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("acknowledged", "Somebody is on it"), ("closed", "Closed")],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                (
                    "part_of",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="monitoring.alert"
                    ),
                ),
                ("announced_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_by", models.CharField(blank=True, default="", max_length=254)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("system", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="alerts", to="clients.system")),
                (
                    "check_row",
                    models.ForeignKey(
                        db_column="check_id", on_delete=django.db.models.deletion.PROTECT, related_name="alerts", to="monitoring.check"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event", models.CharField(choices=[("opened", "Opened"), ("closed", "Closed")], max_length=8)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed")], default="waiting", max_length=8
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("trouble", models.CharField(blank=True, default="", max_length=500)),
                (
                    "alert",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="monitoring.alert"),
                ),
                (
                    "channel",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="monitoring.channel"),
                ),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Result",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "check_row", "at", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("at", models.DateTimeField()),
                        ("rank", models.SmallIntegerField()),
                        ("value", models.FloatField(null=True)),
                        (
                            "check_row",
                            models.ForeignKey(
                                db_column="check_id",
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="results",
                                to="monitoring.check",
                            ),
                        ),
                        ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
            ]
        ),
        migrations.CreateModel(
            name="Watch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("interval_s", models.PositiveIntegerField(default=60)),
                ("due_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("last_at", models.DateTimeField(blank=True, null=True)),
                ("counters", models.JSONField(blank=True, default=dict)),
                ("looks", models.PositiveIntegerField(default=0)),
                ("noted_on", models.DateField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="watch", to="clients.system"),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", ["email"])), name="channel_kind_known"),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(("next_channel", models.F("id")), _negated=True), name="a_channel_is_not_its_own_next"
            ),
        ),
        migrations.AddIndex(
            model_name="check",
            index=models.Index(
                condition=models.Q(("ended_at", None), models.Q(("level", "unknown"), _negated=True)),
                fields=["stale_at"],
                name="check_going_stale",
            ),
        ),
        migrations.AddIndex(
            model_name="check",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["client", "system"], name="check_in_use"),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.UniqueConstraint(fields=("system", "kind", "subject"), name="one_check_of_a_thing"),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["reach", "cpu", "load", "memory", "swap", "pressure", "disk", "inodes", "units", "clock", "restart"])
                ),
                name="check_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("last_level__in", ["up", "warning", "critical", "unknown"]),
                    ("level__in", ["up", "warning", "critical", "unknown"]),
                ),
                name="check_level_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(("level", "unknown"), ("last_at__isnull", False), _connector="OR"),
                name="nothing_is_known_without_a_look",
            ),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("muted_by", ""), ("muted_until", None), ("muted_why", "")),
                    models.Q(
                        ("muted_until__isnull", False),
                        models.Q(("muted_why", ""), _negated=True),
                        models.Q(("muted_by", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="a_mute_has_an_end_and_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("ended_why", "")),
                    models.Q(("ended_at__isnull", False), models.Q(("ended_why", ""), _negated=True)),
                    _connector="OR",
                ),
                name="an_ended_check_has_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(condition=models.Q(("state__in", ["open", "acknowledged"])), fields=["opened_at"], name="alert_open"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["system", "-opened_at"], name="alert_of_system"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("part_of", None), models.Q(("part_of", models.F("id")), _negated=True), _connector="OR"),
                name="an_alert_is_not_its_own_part",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["open", "acknowledged"])), fields=("check_row",), name="one_open_alert_per_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("level__in", ["warning", "critical", "unknown"])), name="an_alert_is_not_fine"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", False), ("state", "closed")),
                    models.Q(("closed_at", None), ("state__in", ["open", "acknowledged"])),
                    _connector="OR",
                ),
                name="alert_closed_iff_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "acknowledged"), _negated=True),
                    models.Q(("acknowledged_at__isnull", False), models.Q(("acknowledged_by", ""), _negated=True)),
                    _connector="OR",
                ),
                name="who_is_on_it_has_a_name",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["due_at"], name="delivery_waiting"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("alert", "channel", "event"), name="one_message_per_event"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(condition=models.Q(("event__in", ["opened", "closed"])), name="delivery_event_known"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("sent_at__isnull", False), ("state", "sent")),
                    models.Q(("sent_at", None), ("state__in", ["waiting", "failed"])),
                    _connector="OR",
                ),
                name="sent_iff_sent",
            ),
        ),
        migrations.AddIndex(
            model_name="watch",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["due_at"], name="watch_due"),
        ),
        migrations.AddConstraint(
            model_name="watch",
            constraint=models.CheckConstraint(
                condition=models.Q(("interval_s__gte", 10), ("interval_s__lte", 86400)), name="a_watch_has_an_interval"
            ),
        ),
    ]
