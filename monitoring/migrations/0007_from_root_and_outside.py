"""What root sees on a host, what is asked from outside, and what calls by itself."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("monitoring", "0006_planned_work_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Call",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("what", models.CharField(choices=[("start", "Began"), ("done", "Done"), ("fail", "Failed")], max_length=8)),
                ("seconds", models.FloatField(blank=True, null=True)),
                ("log", models.TextField(blank=True, default="", max_length=10000)),
            ],
        ),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("period_s", models.PositiveIntegerField()),
                ("grace_s", models.PositiveIntegerField()),
                ("due_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("last_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Inventory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("interval_s", models.PositiveIntegerField(default=300)),
                ("due_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("last_at", models.DateTimeField(blank=True, null=True)),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("began_at", models.DateTimeField()),
                ("problem", models.CharField(blank=True, default="", max_length=500)),
                ("counters", models.JSONField(blank=True, default=dict)),
                ("known", models.JSONField(blank=True, default=dict)),
                ("things", models.PositiveIntegerField(default=0)),
                ("covered", models.PositiveIntegerField(default=0)),
                ("looks", models.PositiveIntegerField(default=0)),
                ("noted_on", models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name="Probe",
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
                ("target", models.CharField(max_length=200)),
                ("options", models.JSONField(blank=True, default=dict)),
                ("interval_s", models.PositiveIntegerField()),
                ("due_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("last_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SecurityEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "area",
                    models.CharField(
                        choices=[
                            ("accounts", "Accounts"),
                            ("groups", "Groups"),
                            ("keys", "SSH keys"),
                            ("sudoers", "Rights to become root"),
                            ("units", "Units of systemd"),
                            ("cron", "Cron jobs"),
                            ("ports", "Listening ports"),
                            ("binaries", "Files of packages"),
                            ("sign-ins", "Sign-ins"),
                            ("sudo", "Use of sudo"),
                        ],
                        max_length=16,
                    ),
                ),
                ("thing", models.CharField(max_length=500)),
                ("was", models.CharField(blank=True, default="", max_length=500)),
                ("now_is", models.CharField(blank=True, default="", max_length=500)),
                ("seen_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_by", models.CharField(blank=True, default="", max_length=254)),
                ("accepted_why", models.CharField(blank=True, default="", max_length=500)),
                ("reverted_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Thing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("service", "Service"),
                            ("port", "Listening port"),
                            ("site", "Site"),
                            ("container", "Container"),
                            ("database", "Database"),
                            ("certificate", "Certificate file"),
                            ("mount", "Mount"),
                        ],
                        max_length=16,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("first_at", models.DateTimeField()),
                ("gone_at", models.DateTimeField(blank=True, null=True)),
                ("excused_at", models.DateTimeField(blank=True, null=True)),
                ("excused_by", models.CharField(blank=True, default="", max_length=254)),
                ("excused_why", models.CharField(blank=True, default="", max_length=500)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="check",
            name="check_kind_known",
        ),
        migrations.AddField(
            model_name="check",
            name="drill",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="check",
            name="kind",
            field=models.CharField(
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
        AddConstraintNotValid(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "reach",
                            "cpu",
                            "load",
                            "memory",
                            "swap",
                            "pressure",
                            "disk",
                            "inodes",
                            "units",
                            "clock",
                            "restart",
                            "io",
                            "temperature",
                            "service",
                            "inventory",
                            "errors",
                            "web-errors",
                            "sign-ins",
                            "security",
                            "fail2ban",
                            "restarts",
                            "container",
                            "database",
                            "cert-file",
                            "mount",
                            "smart",
                            "zfs",
                            "raid",
                            "http",
                            "certificate",
                            "page",
                            "tcp",
                            "ping",
                            "tls",
                            "dns",
                            "dnssec",
                            "domain",
                            "smtp",
                            "submission",
                            "imap",
                            "blocklist",
                            "reverse-dns",
                            "spf",
                            "dkim",
                            "dmarc",
                            "mta-sts",
                            "tls-rpt",
                            "command",
                            "heartbeat",
                            "updates",
                        ],
                    )
                ),
                name="check_kind_known",
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="system",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="heartbeats", to="clients.system"),
        ),
        migrations.AddField(
            model_name="call",
            name="heartbeat",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="calls", to="monitoring.heartbeat"),
        ),
        migrations.AddField(
            model_name="inventory",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="inventory",
            name="system",
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="inventory", to="clients.system"),
        ),
        migrations.AddField(
            model_name="probe",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="probe",
            name="system",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="probes", to="clients.system"),
        ),
        migrations.AddField(
            model_name="securityevent",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="securityevent",
            name="system",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="security_events", to="clients.system"),
        ),
        migrations.AddField(
            model_name="thing",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client"),
        ),
        migrations.AddField(
            model_name="thing",
            name="system",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="things", to="clients.system"),
        ),
        migrations.AddIndex(
            model_name="heartbeat",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["due_at"], name="heartbeat_due"),
        ),
        migrations.AddConstraint(
            model_name="heartbeat",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("system", "name"), name="one_heartbeat_of_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="heartbeat",
            constraint=models.CheckConstraint(
                condition=models.Q(("period_s__gte", 60), ("period_s__lte", 34560000)), name="a_heartbeat_has_a_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="heartbeat",
            constraint=models.CheckConstraint(
                condition=models.Q(("grace_s__gte", 30), ("grace_s__lte", 2592000)), name="a_heartbeat_has_a_grace"
            ),
        ),
        migrations.AddConstraint(
            model_name="heartbeat",
            constraint=models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="a_heartbeat_has_a_name"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["heartbeat", "-at"], name="call_of_heartbeat"),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.CheckConstraint(condition=models.Q(("what__in", ["start", "done", "fail"])), name="call_known"),
        ),
        migrations.AddIndex(
            model_name="inventory",
            index=models.Index(fields=["due_at"], name="inventory_due"),
        ),
        migrations.AddConstraint(
            model_name="inventory",
            constraint=models.CheckConstraint(
                condition=models.Q(("interval_s__gte", 60), ("interval_s__lte", 86400)), name="an_inventory_has_an_interval"
            ),
        ),
        migrations.AddConstraint(
            model_name="inventory",
            constraint=models.CheckConstraint(
                condition=models.Q(("covered__lte", models.F("things"))), name="no_more_covered_than_there_are"
            ),
        ),
        migrations.AddIndex(
            model_name="probe",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["due_at"], name="probe_due"),
        ),
        migrations.AddConstraint(
            model_name="probe",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("system", "kind", "target"), name="one_probe_of_a_target"
            ),
        ),
        migrations.AddConstraint(
            model_name="probe",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "page",
                            "tcp",
                            "ping",
                            "smtp",
                            "submission",
                            "imap",
                            "dns",
                            "command",
                            "tls",
                            "dnssec",
                            "blocklist",
                            "reverse-dns",
                            "spf",
                            "dkim",
                            "dmarc",
                            "mta-sts",
                            "tls-rpt",
                            "domain",
                        ],
                    )
                ),
                name="probe_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="probe",
            constraint=models.CheckConstraint(
                condition=models.Q(("interval_s__gte", 10), ("interval_s__lte", 604800)), name="a_probe_has_an_interval"
            ),
        ),
        migrations.AddConstraint(
            model_name="probe",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("target", ""), _negated=True), models.Q(("actor_label", ""), _negated=True)),
                name="a_probe_has_a_target",
            ),
        ),
        migrations.AddIndex(
            model_name="securityevent",
            index=models.Index(fields=["system", "-seen_at"], name="event_of_system"),
        ),
        migrations.AddConstraint(
            model_name="securityevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("accepted_at", None), ("reverted_at", None)),
                fields=("system", "area", "thing"),
                name="one_open_event_of_a_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="securityevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("area__in", ["accounts", "groups", "keys", "sudoers", "units", "cron", "ports", "binaries", "sign-ins", "sudo"])
                ),
                name="event_area_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="securityevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("accepted_at", None), ("accepted_by", ""), ("accepted_why", "")),
                    models.Q(
                        ("accepted_at__isnull", False),
                        models.Q(("accepted_by", ""), _negated=True),
                        models.Q(("accepted_why", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="who_accepts_an_event_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="thing",
            constraint=models.UniqueConstraint(fields=("system", "kind", "name"), name="one_row_of_a_thing"),
        ),
        migrations.AddConstraint(
            model_name="thing",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["service", "port", "site", "container", "database", "certificate", "mount"])),
                name="thing_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="thing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("excused_at", None), ("excused_by", ""), ("excused_why", "")),
                    models.Q(
                        ("excused_at__isnull", False),
                        models.Q(("excused_by", ""), _negated=True),
                        models.Q(("excused_why", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="who_excuses_a_thing_says_why",
            ),
        ),
    ]
