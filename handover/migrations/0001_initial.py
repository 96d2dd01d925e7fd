"""What a handover is made of: documents, runbooks, walkthroughs, packages, the plan, and letting go."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("clients", "0005_rehearsals"),
        ("vault", "0003_credential_url_and_notes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Handover",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("prepare", "Prepare"),
                            ("document", "Document"),
                            ("teach", "Teach"),
                            ("hand_over", "Hand over"),
                            ("stand_by", "Stand by"),
                            ("closed", "Closed"),
                        ],
                        default="prepare",
                        max_length=12,
                    ),
                ),
                ("begun_at", models.DateTimeField()),
                ("goal_on", models.DateField()),
                ("stand_by_days", models.PositiveSmallIntegerField(default=30)),
                ("actor_label", models.CharField(max_length=254)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("report", models.JSONField(blank=True, default=dict)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.CreateModel(
            name="ChecklistItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("prepare", "Prepare"),
                            ("document", "Document"),
                            ("teach", "Teach"),
                            ("hand_over", "Hand over"),
                            ("stand_by", "Stand by"),
                            ("closed", "Closed"),
                        ],
                        max_length=12,
                    ),
                ),
                ("words", models.CharField(max_length=300)),
                ("due_on", models.DateField()),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("done", "Done"), ("dropped", "Left out")], default="open", max_length=8
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("done_by", models.CharField(blank=True, default="", max_length=254)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "handover",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="items", to="handover.handover"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LettingGo",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("dry", "Looked at only"), ("running", "Under way"), ("stopped", "Stopped"), ("done", "Done")],
                        default="dry",
                        max_length=8,
                    ),
                ),
                ("begun_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("stopped_why", models.CharField(blank=True, default="", max_length=500)),
                ("actor_label", models.CharField(max_length=254)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.CreateModel(
            name="LettingStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("credential", "A credential that we knew"),
                            ("system", "Our access to a system"),
                            ("schedules", "Checks and schedules"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "To do"),
                            ("running", "Under way"),
                            ("gone", "Gone, not proven yet"),
                            ("proven", "Proven from outside"),
                            ("stated", "Stated, can't be tried"),
                            ("unproven", "Could not be proven"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("plan", models.JSONField(default=list)),
                ("evidence", models.JSONField(default=list)),
                ("changed_by", models.CharField(blank=True, default="", max_length=254)),
                ("changed_at", models.DateTimeField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("proven_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "credential",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vault.credential"
                    ),
                ),
                (
                    "letting",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="handover.lettinggo"),
                ),
                (
                    "system",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.system"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MonthDifference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField()),
                ("changes", models.JSONField(default=list)),
                ("made_at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="month_differences", to="clients.system"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Package",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Waits for a second person"),
                            ("queued", "Queued"),
                            ("running", "Being made"),
                            ("blocked", "Blocked: something in it must not be there"),
                            ("failed", "Failed"),
                            ("ready", "Ready, and proven"),
                            ("gone", "Not there any more"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("with_credentials", models.BooleanField(default=True)),
                (
                    "plain_forms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("kdbx", "KeePass (KDBX 4)"),
                                ("bitwarden", "Bitwarden (protected JSON)"),
                                ("bitwarden_plain", "Bitwarden (plain JSON)"),
                                ("onepassword", "1Password (CSV)"),
                                ("csv", "Any other (CSV)"),
                            ],
                            max_length=16,
                        ),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                ("plain_reason", models.CharField(blank=True, default="", max_length=1000)),
                ("asked_label", models.CharField(max_length=254)),
                ("asked_at", models.DateTimeField()),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("progress", models.CharField(blank=True, default="", max_length=200)),
                ("members", models.PositiveIntegerField(default=0)),
                ("findings", models.JSONField(default=list)),
                ("excused_why", models.CharField(blank=True, default="", max_length=1000)),
                ("excused_by", models.CharField(blank=True, default="", max_length=254)),
                ("proofs", models.JSONField(default=list)),
                ("size_b", models.PositiveBigIntegerField(default=0)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("downloads_left", models.PositiveSmallIntegerField(default=3)),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.CreateModel(
            name="Download",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_label", models.CharField(max_length=254)),
                ("address", models.CharField(blank=True, default="", max_length=45)),
                ("at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                (
                    "package",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="downloads", to="handover.package"),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Papers",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("document_due_at", models.DateTimeField()),
                ("tour_due_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("document_problem", models.CharField(blank=True, default="", max_length=500)),
                ("tour_problem", models.CharField(blank=True, default="", max_length=500)),
                ("tried_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="papers", to="clients.system"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Prose",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("body", models.TextField(max_length=100000)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="prose", to="clients.system"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReadinessDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("score", models.PositiveSmallIntegerField()),
                ("parts", models.JSONField(default=list)),
                ("made_at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.CreateModel(
            name="ReceivingKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("passphrase", "A passphrase"), ("age", "An age key"), ("ssh", "An SSH key")], max_length=12
                    ),
                ),
                (
                    "forms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("kdbx", "KeePass (KDBX 4)"),
                                ("bitwarden", "Bitwarden (protected JSON)"),
                                ("bitwarden_plain", "Bitwarden (plain JSON)"),
                                ("onepassword", "1Password (CSV)"),
                                ("csv", "Any other (CSV)"),
                            ],
                            max_length=16,
                        ),
                        size=None,
                    ),
                ),
                ("sealed", models.TextField(blank=True, default="")),
                ("public", models.TextField(blank=True, default="", max_length=4000)),
                ("fingerprint", models.CharField(blank=True, default="", max_length=100)),
                ("set_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "set_by",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Runbook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=60)),
                ("title", models.CharField(max_length=200)),
                ("text", models.TextField(max_length=100000)),
                ("sha256", models.CharField(max_length=64)),
                ("values", models.JSONField(default=dict)),
                ("shipped", models.BooleanField(default=False)),
                ("changed_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="runbooks", to="clients.system"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Rehearsal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("specification", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Waiting for a worker"), ("running", "Running on the host"), ("finished", "Finished")],
                        default="queued",
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
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("unreachable_since", models.DateTimeField(blank=True, null=True)),
                ("trouble", models.TextField(blank=True, default="")),
                ("start_sent_at", models.DateTimeField(blank=True, null=True)),
                ("seen_on_host_at", models.DateTimeField(blank=True, null=True)),
                ("sha256", models.CharField(max_length=64)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("works", "Works"), ("fails", "Does not work"), ("inconclusive", "Not begun, or not known")],
                        default="",
                        max_length=16,
                    ),
                ),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
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
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rehearsals_there", to="clients.system"
                    ),
                ),
                (
                    "runbook",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rehearsals", to="handover.runbook"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public", models.TextField(max_length=400)),
                ("sealed", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(models.Value(1), condition=models.Q(("retired_at", None)), name="one_signing_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="SystemDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("facts", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                ("masked", models.PositiveIntegerField(default=0)),
                ("collected_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="documents", to="clients.system"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TeachingSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("agenda", models.TextField(blank=True, default="", max_length=10000)),
                ("held_at", models.DateTimeField()),
                ("notes", models.TextField(blank=True, default="", max_length=10000)),
                ("actor_label", models.CharField(max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "handover",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="sessions", to="handover.handover"),
                ),
                (
                    "runbook",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="handover.runbook"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Question",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("words", models.TextField(max_length=5000)),
                ("asked_by", models.CharField(max_length=254)),
                ("asked_at", models.DateTimeField()),
                ("answer", models.TextField(blank=True, default="", max_length=5000)),
                ("answered_by", models.CharField(blank=True, default="", max_length=254)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="questions", to="handover.teachingsession"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Attendance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("signed_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attendances", to="handover.teachingsession"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Walkthrough",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("tour", "Recorded by the portal"), ("live", "Recorded by a person"), ("video", "Video")], max_length=8
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("cast", models.TextField(blank=True, default="")),
                ("chapters", models.JSONField(default=list)),
                ("seconds", models.FloatField(default=0)),
                ("masked", models.PositiveIntegerField(default=0)),
                ("file_name", models.CharField(blank=True, default="", max_length=100)),
                ("content_type", models.CharField(blank=True, default="", max_length=100)),
                ("size_b", models.PositiveBigIntegerField(default=0)),
                ("sha256", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="walkthroughs", to="clients.system"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CredentialProof",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                (
                    "how",
                    models.CharField(choices=[("ssh", "Tried over SSH"), ("stated", "Somebody tried it and said so")], max_length=8),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[("works", "Works"), ("fails", "Does not work"), ("inconclusive", "Not begun, or not known")],
                        max_length=16,
                    ),
                ),
                ("words", models.CharField(blank=True, default="", max_length=500)),
                ("at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "credential",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="proofs", to="vault.credential"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["credential", "-at"], name="credential_proof_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("how__in", ["ssh", "stated"]), ("outcome__in", ["works", "fails", "inconclusive"])),
                        name="credential_proof_words_known",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="handover",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at", None)), fields=("client",), name="one_open_handover_per_client"
            ),
        ),
        migrations.AddConstraint(
            model_name="handover",
            constraint=models.CheckConstraint(
                condition=models.Q(("phase__in", ["prepare", "document", "teach", "hand_over", "stand_by", "closed"])),
                name="handover_phase_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="handover",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", False), ("phase", "closed")),
                    models.Q(models.Q(("phase", "closed"), _negated=True), ("closed_at", None)),
                    _connector="OR",
                ),
                name="handover_closed_iff_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="checklistitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("phase__in", ["prepare", "document", "teach", "hand_over", "stand_by", "closed"]),
                    ("state__in", ["open", "done", "dropped"]),
                ),
                name="checklist_words_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="checklistitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_at", None), ("done_by", ""), ("state", "open")),
                    models.Q(
                        models.Q(("state", "open"), _negated=True), ("done_at__isnull", False), models.Q(("done_by", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="who_ticks_an_item_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="checklistitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "dropped"), _negated=True), models.Q(("note", ""), _negated=True), _connector="OR"
                ),
                name="who_leaves_an_item_out_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettinggo",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "done"), _negated=True), fields=("client",), name="one_open_letting_go_per_client"
            ),
        ),
        migrations.AddConstraint(
            model_name="lettinggo",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["dry", "running", "stopped", "done"])), name="letting_go_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="lettinggo",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", False), ("state", "done")),
                    models.Q(models.Q(("state", "done"), _negated=True), ("finished_at", None)),
                    _connector="OR",
                ),
                name="letting_go_finished_iff_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettingstep",
            constraint=models.UniqueConstraint(
                models.F("letting"),
                models.F("kind"),
                django.db.models.functions.comparison.Coalesce(models.F("system"), 0),
                django.db.models.functions.comparison.Coalesce(models.F("credential"), 0),
                name="one_step_of_a_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettingstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["credential", "system", "schedules"]),
                    ("state__in", ["waiting", "running", "gone", "proven", "stated", "unproven"]),
                ),
                name="letting_step_words_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettingstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("credential", None), ("kind", "system"), ("system__isnull", False)),
                    models.Q(("credential__isnull", False), ("kind", "credential")),
                    models.Q(("credential", None), ("kind", "schedules"), ("system", None)),
                    _connector="OR",
                ),
                name="a_letting_step_is_of_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettingstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "proven"), _negated=True),
                    models.Q(("proven_at__isnull", False), models.Q(("evidence", []), _negated=True)),
                    _connector="OR",
                ),
                name="a_proof_has_evidence",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettingstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "stated"), _negated=True), models.Q(("changed_by", ""), _negated=True), _connector="OR"
                ),
                name="a_statement_has_its_author",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthdifference",
            constraint=models.UniqueConstraint(fields=("system", "month"), name="one_difference_per_month"),
        ),
        migrations.AddConstraint(
            model_name="monthdifference",
            constraint=models.CheckConstraint(condition=models.Q(("month__day", 1)), name="a_difference_is_of_a_month"),
        ),
        migrations.AddIndex(
            model_name="package",
            index=models.Index(condition=models.Q(("state__in", ["queued", "running"])), fields=["claimed_until"], name="package_open"),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("asked", "queued", "running"))),
                fields=("client",),
                name="one_open_package_per_client",
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["asked", "queued", "running", "blocked", "failed", "ready", "gone"])),
                name="package_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ready"), _negated=True),
                    models.Q(
                        ("ready_at__isnull", False),
                        ("size_b__gt", 0),
                        ("until__isnull", False),
                        models.Q(("sha256", ""), _negated=True),
                        models.Q(("proofs", []), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="a_ready_package_proved_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(("plain_forms", []), models.Q(("plain_reason", ""), _negated=True), _connector="OR"),
                name="plain_credentials_have_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("plain_forms", []),
                    ("state", "asked"),
                    ("state", "gone"),
                    models.Q(("approved_by__isnull", False), models.Q(("approved_by", models.F("asked_by")), _negated=True)),
                    _connector="OR",
                ),
                name="plain_credentials_took_two_people",
            ),
        ),
        migrations.AddIndex(
            model_name="papers",
            index=models.Index(fields=["document_due_at"], name="papers_due"),
        ),
        migrations.AddConstraint(
            model_name="prose",
            constraint=models.UniqueConstraint(
                models.F("client"),
                django.db.models.functions.comparison.Coalesce(models.F("system"), 0),
                models.F("number"),
                name="one_prose_per_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="readinessday",
            constraint=models.UniqueConstraint(fields=("client", "day"), name="one_readiness_per_day"),
        ),
        migrations.AddConstraint(
            model_name="readinessday",
            constraint=models.CheckConstraint(condition=models.Q(("score__lte", 100)), name="readiness_is_a_percentage"),
        ),
        migrations.AddConstraint(
            model_name="receivingkey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("client",), name="one_receiving_key_per_client"
            ),
        ),
        migrations.AddConstraint(
            model_name="receivingkey",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["passphrase", "age", "ssh"])), name="receiving_key_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="receivingkey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("sealed", "")),
                    models.Q(("ended_at", None), ("kind", "passphrase"), ("public", ""), models.Q(("sealed", ""), _negated=True)),
                    models.Q(
                        ("ended_at", None),
                        ("sealed", ""),
                        models.Q(("kind", "passphrase"), _negated=True),
                        models.Q(("public", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="an_ended_passphrase_is_erased",
            ),
        ),
        migrations.AddConstraint(
            model_name="runbook",
            constraint=models.UniqueConstraint(fields=("system", "slug"), name="one_runbook_of_a_name"),
        ),
        migrations.AddIndex(
            model_name="rehearsal",
            index=models.Index(
                condition=models.Q(("state", "finished"), _negated=True), fields=["claimed_until"], name="rehearsal_open"
            ),
        ),
        migrations.AddIndex(
            model_name="rehearsal",
            index=models.Index(fields=["client", "sha256", "-finished_at"], name="rehearsal_of_steps"),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])), fields=("system",), name="one_open_rehearsal_per_system"
            ),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["queued", "running", "finished"])), name="rehearsal_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", False), ("outcome__in", ["works", "fails", "inconclusive"]), ("state", "finished")
                    ),
                    models.Q(("finished_at", None), ("outcome", ""), ("state__in", ["queued", "running"])),
                    _connector="OR",
                ),
                name="rehearsal_finished_iff_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("outcome", "works"), _negated=True), ("exit_status", 0), _connector="OR"),
                name="what_works_ended_with_0",
            ),
        ),
        migrations.AddConstraint(
            model_name="systemdocument",
            constraint=models.UniqueConstraint(fields=("system", "number"), name="one_version_of_a_document"),
        ),
        migrations.AddConstraint(
            model_name="systemdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("confirmed_at__gte", models.F("collected_at"))), name="confirmed_after_collected"
            ),
        ),
        migrations.AddConstraint(
            model_name="question",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", ""), ("answered_at", None), ("answered_by", "")),
                    models.Q(
                        models.Q(("answer", ""), _negated=True),
                        models.Q(("answered_by", ""), _negated=True),
                        ("answered_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="an_answer_has_its_author",
            ),
        ),
        migrations.AddConstraint(
            model_name="attendance",
            constraint=models.UniqueConstraint(fields=("session", "user"), name="one_attendance_per_person"),
        ),
        migrations.AddIndex(
            model_name="walkthrough",
            index=models.Index(fields=["system", "-made_at"], name="walkthrough_newest"),
        ),
        migrations.AddConstraint(
            model_name="walkthrough",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["tour", "live", "video"])), name="walkthrough_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="walkthrough",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cast", ""), ("kind", "video"), models.Q(("file_name", ""), _negated=True)),
                    models.Q(models.Q(("kind", "video"), _negated=True), models.Q(("cast", ""), _negated=True), ("file_name", "")),
                    _connector="OR",
                ),
                name="a_walkthrough_is_a_cast_or_a_video",
            ),
        ),
    ]
