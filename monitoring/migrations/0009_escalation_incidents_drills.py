"""Channels of all kinds, escalation, incidents, drills."""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("monitoring", "0008_from_root_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Drill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("calmed_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("actor_label", models.CharField(max_length=254)),
                ("trouble", models.CharField(blank=True, default="", max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name="Duty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveSmallIntegerField(default=1)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
            ],
        ),
        migrations.CreateModel(
            name="EscalationStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(unique=True)),
                ("after_min", models.PositiveSmallIntegerField()),
                ("duty", models.PositiveSmallIntegerField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("state", models.CharField(choices=[("open", "Open"), ("resolved", "Resolved")], default="open", max_length=8)),
                ("opened_at", models.DateTimeField()),
                ("answer_due_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("post_mortem", models.TextField(blank=True, default="", max_length=20000)),
            ],
        ),
        migrations.CreateModel(
            name="IncidentEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("opened", "Opened"),
                            ("alert", "Alert"),
                            ("note", "Note"),
                            ("told", "Told to the client"),
                            ("owner", "Who is on it"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=8,
                    ),
                ),
                ("words", models.TextField(max_length=5000)),
                ("actor_label", models.CharField(max_length=254)),
            ],
        ),
        migrations.CreateModel(
            name="Proof",
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
                            ("io", "Disks at work"),
                            ("temperature", "Temperature"),
                            ("service", "Service"),
                            ("inventory", "Look as root"),
                            ("errors", "Errors in the journal"),
                            ("web-errors", "Failures of a web server"),
                            ("sign-ins", "Refused sign-ins"),
                            ("security", "Security"),
                            ("fail2ban", "Fail2ban"),
                            ("restarts", "Restarts by itself"),
                            ("container", "Container"),
                            ("database", "Database"),
                            ("cert-file", "Certificate file"),
                            ("mount", "Mounted"),
                            ("smart", "Health of a disk"),
                            ("zfs", "ZFS pool"),
                            ("raid", "RAID"),
                            ("http", "Address"),
                            ("certificate", "Certificate"),
                            ("page", "Page"),
                            ("tcp", "TCP port"),
                            ("ping", "Ping"),
                            ("tls", "TLS protocols"),
                            ("dns", "DNS record"),
                            ("dnssec", "DNSSEC"),
                            ("domain", "Registration of a domain"),
                            ("smtp", "Mail server"),
                            ("submission", "Mail submission"),
                            ("imap", "IMAP"),
                            ("blocklist", "Blocklist"),
                            ("reverse-dns", "Reverse DNS"),
                            ("spf", "SPF"),
                            ("dkim", "DKIM"),
                            ("dmarc", "DMARC"),
                            ("mta-sts", "MTA-STS"),
                            ("tls-rpt", "TLS reporting"),
                            ("command", "Command"),
                            ("heartbeat", "Heartbeat"),
                            ("updates", "Updates"),
                        ],
                        max_length=16,
                    ),
                ),
                ("real", models.BooleanField()),
                ("made_at", models.DateTimeField(blank=True, null=True)),
                ("opened_at", models.DateTimeField(blank=True, null=True)),
                ("arrived_at", models.DateTimeField(blank=True, null=True)),
                ("cleared_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("waiting", "Under way"), ("proven", "Proven"), ("failed", "Not proven")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("words", models.CharField(blank=True, default="", max_length=500)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="channel",
            name="channel_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="delivery",
            name="delivery_event_known",
        ),
        migrations.AddField(
            model_name="alert",
            name="given_to",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="next_step_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="steps",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="channel",
            name="person",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="quiet_from",
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="channel",
            name="quiet_until",
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="channel",
            name="quiet_zone",
            field=models.CharField(db_default="UTC", default="UTC", max_length=64),
        ),
        migrations.AddField(
            model_name="channel",
            name="sealed",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="delivery",
            name="arrived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="round",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="channel",
            name="kind",
            field=models.CharField(
                choices=[("email", "E-mail"), ("webhook", "Webhook"), ("apprise", "A service that Apprise knows")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="event",
            field=models.CharField(
                choices=[("opened", "Opened"), ("closed", "Closed"), ("raised", "Nobody is on it"), ("given", "Given to somebody")],
                max_length=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["email", "webhook", "apprise"])), name="channel_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "email"), models.Q(("sealed", ""), _negated=True), _connector="OR"),
                name="what_opens_a_channel_is_sealed",
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("quiet_from", None), ("quiet_until", None)),
                    models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                    _connector="OR",
                ),
                name="quiet_hours_begin_and_end",
            ),
        ),
        AddConstraintNotValid(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("event__in", ["opened", "closed", "raised", "given"])), name="delivery_event_known"
            ),
        ),
        migrations.AddField(
            model_name="drill",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="drill",
            name="system",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="drills", to="clients.system"),
        ),
        migrations.AddField(
            model_name="duty",
            name="person",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="escalationstep",
            name="channel",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="monitoring.channel"
            ),
        ),
        migrations.AddField(
            model_name="incident",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="incident",
            name="owner",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="incident",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="alerts", to="monitoring.incident"
            ),
        ),
        migrations.AddField(
            model_name="incidententry",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="incidententry",
            name="incident",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="monitoring.incident"),
        ),
        migrations.AddField(
            model_name="proof",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="proof",
            name="drill",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="proofs", to="monitoring.drill"),
        ),
        migrations.AddIndex(
            model_name="drill",
            index=models.Index(fields=["system", "-started_at"], name="drill_of_system"),
        ),
        migrations.AddConstraint(
            model_name="drill",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at", None)), fields=("system",), name="one_drill_at_a_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="drill",
            constraint=models.CheckConstraint(condition=models.Q(("until__gt", models.F("started_at"))), name="a_drill_has_an_end"),
        ),
        migrations.AddIndex(
            model_name="duty",
            index=models.Index(fields=["ends_at"], name="duty_by_end"),
        ),
        migrations.AddConstraint(
            model_name="duty",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="a_duty_ends_after_it_began"
            ),
        ),
        migrations.AddConstraint(
            model_name="duty",
            constraint=models.CheckConstraint(condition=models.Q(("place__in", [1, 2])), name="a_duty_has_a_place"),
        ),
        migrations.AddConstraint(
            model_name="escalationstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("channel__isnull", False), ("duty", None)),
                    models.Q(("channel", None), ("duty__in", [1, 2])),
                    _connector="OR",
                ),
                name="a_step_tells_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="escalationstep",
            constraint=models.CheckConstraint(
                condition=models.Q(("after_min__gte", 1), ("after_min__lte", 1440)), name="a_step_comes_within_a_day"
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["client", "-opened_at"], name="incident_of_client"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(condition=models.Q(("state", "open")), fields=["answer_due_at"], name="incident_open"),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at", None), ("state", "open")),
                    models.Q(("resolved_at__isnull", False), ("state", "resolved")),
                    _connector="OR",
                ),
                name="resolved_iff_resolved",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(condition=models.Q(("title", ""), _negated=True), name="an_incident_has_a_title"),
        ),
        migrations.AddIndex(
            model_name="incidententry",
            index=models.Index(fields=["incident", "at"], name="entry_of_incident"),
        ),
        migrations.AddConstraint(
            model_name="incidententry",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["opened", "alert", "note", "told", "owner", "resolved"])), name="entry_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="incidententry",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("words", ""), _negated=True), models.Q(("actor_label", ""), _negated=True)),
                name="an_entry_says_something",
            ),
        ),
        migrations.AddIndex(
            model_name="proof",
            index=models.Index(fields=["kind", "-arrived_at"], name="proof_of_kind"),
        ),
        migrations.AddConstraint(
            model_name="proof",
            constraint=models.UniqueConstraint(fields=("drill", "kind"), name="one_proof_of_a_rule"),
        ),
        migrations.AddConstraint(
            model_name="proof",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "proven"), _negated=True),
                    models.Q(("arrived_at__isnull", False), ("made_at__isnull", False), ("opened_at__isnull", False)),
                    _connector="OR",
                ),
                name="proven_is_what_arrived",
            ),
        ),
        migrations.AddConstraint(
            model_name="proof",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "failed"), _negated=True), models.Q(("words", ""), _negated=True), _connector="OR"
                ),
                name="what_is_not_proven_says_why",
            ),
        ),
    ]
