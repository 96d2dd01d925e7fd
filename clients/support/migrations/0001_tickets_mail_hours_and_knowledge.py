"""Tickets and their threads, mail in and out, promises, hours, the knowledge base."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0005_language"),
        ("clients", "0004_calendars_and_language"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AnswerTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("language", models.CharField(choices=[("en", "English"), ("de", "Deutsch")], max_length=2)),
                ("text", models.TextField(max_length=20000)),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("name", "language"), name="one_template_per_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("text", ""), _negated=True), models.Q(("name", ""), _negated=True)),
                        name="a_template_has_words",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Article",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=80)),
                (
                    "form",
                    models.CharField(
                        choices=[
                            ("question", "Something else"),
                            ("mail_device", "Mail on a phone or computer"),
                            ("permission", "I can't open something"),
                            ("sharing", "Sharing files with somebody"),
                            ("password", "A password"),
                        ],
                        default="question",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "client",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="articles", to="clients.client"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ArticleImage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("content_type", models.CharField(max_length=20)),
                ("content", models.BinaryField()),
                (
                    "article",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="images", to="support.article"),
                ),
                (
                    "client",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.client"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ArticleText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language", models.CharField(choices=[("en", "English"), ("de", "Deutsch")], max_length=2)),
                ("number", models.PositiveIntegerField()),
                ("newest", models.BooleanField(default=True)),
                ("title", models.CharField(max_length=200)),
                ("body", models.TextField(max_length=100000)),
                ("also", models.CharField(blank=True, default="", max_length=500)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                language="de",
                                then=django.contrib.postgres.search.CombinedSearchVector(
                                    django.contrib.postgres.search.CombinedSearchVector(
                                        django.contrib.postgres.search.SearchVector("title", config="german", weight="A"),
                                        "||",
                                        django.contrib.postgres.search.SearchVector("also", config="german", weight="A"),
                                        django.contrib.postgres.search.SearchConfig("german"),
                                    ),
                                    "||",
                                    django.contrib.postgres.search.SearchVector("body", config="german", weight="C"),
                                    django.contrib.postgres.search.SearchConfig("german"),
                                ),
                            ),
                            default=django.contrib.postgres.search.CombinedSearchVector(
                                django.contrib.postgres.search.CombinedSearchVector(
                                    django.contrib.postgres.search.SearchVector("title", config="english", weight="A"),
                                    "||",
                                    django.contrib.postgres.search.SearchVector("also", config="english", weight="A"),
                                    django.contrib.postgres.search.SearchConfig("english"),
                                ),
                                "||",
                                django.contrib.postgres.search.SearchVector("body", config="english", weight="C"),
                                django.contrib.postgres.search.SearchConfig("english"),
                            ),
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
                (
                    "trigrams",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=3), default=list, size=None),
                ),
                ("article", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="texts", to="support.article")),
                (
                    "client",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.client"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Choice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("tickets", "Answers to my tickets"),
                            ("incidents", "Disturbances of our systems"),
                            ("work", "Planned work, announced ahead"),
                            ("report", "The monthly report"),
                        ],
                        max_length=16,
                    ),
                ),
                ("delivery", models.CharField(max_length=16)),
                (
                    "user",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="choices", to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DigestLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("tickets", "Answers to my tickets"),
                            ("incidents", "Disturbances of our systems"),
                            ("work", "Planned work, announced ahead"),
                            ("report", "The monthly report"),
                        ],
                        max_length=16,
                    ),
                ),
                ("subject", models.CharField(max_length=250)),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("public", "Message"),
                            ("note", "Internal note"),
                            ("event", "What happened"),
                            ("diagnosis", "What the portal found"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "via",
                    models.CharField(
                        choices=[("page", "in the portal"), ("mail", "by e-mail"), ("portal", "by the portal")], max_length=8
                    ),
                ),
                ("author_label", models.CharField(max_length=254)),
                ("is_ours", models.BooleanField()),
                ("body", models.TextField(blank=True, max_length=200000)),
                ("quoted", models.TextField(blank=True, default="", max_length=1000000)),
                ("language", models.CharField(choices=[("en", "English"), ("de", "Deutsch")], max_length=2)),
                ("created_at", models.DateTimeField()),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                language="de", then=django.contrib.postgres.search.SearchVector("body", config="german", weight="B")
                            ),
                            default=django.contrib.postgres.search.SearchVector("body", config="english", weight="B"),
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.CreateModel(
            name="IncomingMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("message_id", models.CharField(blank=True, max_length=500)),
                ("sender", models.CharField(blank=True, max_length=320)),
                ("subject", models.CharField(blank=True, max_length=500)),
                ("received_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "To be read"),
                            ("taken", "In a ticket"),
                            ("held", "Held: unknown sender"),
                            ("refused", "Refused, the sender was told"),
                            ("ignored", "Automatic, ignored"),
                            ("bounce", "A bounce"),
                            ("discarded", "Discarded by somebody of ours"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("why", models.CharField(blank=True, default="", max_length=500)),
                ("size_b", models.PositiveBigIntegerField()),
                ("original", models.BinaryField()),
                (
                    "client",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.client"
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="mails", to="support.message"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("content_type", models.CharField(max_length=100)),
                ("size_b", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("content", models.BinaryField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "message",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="attachments", to="support.message"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_month", models.DateField()),
                ("hours", models.DecimalField(decimal_places=2, max_digits=6)),
                ("carry_months", models.PositiveSmallIntegerField(default=0)),
                ("rate", models.DecimalField(decimal_places=2, max_digits=8)),
                ("currency", models.CharField(default="EUR", max_length=3)),
                ("actor_label", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField()),
                ("included_h", models.DecimalField(decimal_places=2, max_digits=7)),
                ("carried_h", models.DecimalField(decimal_places=2, max_digits=7)),
                ("spent_h", models.DecimalField(decimal_places=2, max_digits=7)),
                ("over_h", models.DecimalField(decimal_places=2, max_digits=7)),
                ("rate", models.DecimalField(decimal_places=2, max_digits=8)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=10)),
                ("currency", models.CharField(max_length=3)),
                ("left", models.JSONField(default=list)),
                ("closed_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.CreateModel(
            name="SupportTarget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "priority",
                    models.CharField(
                        choices=[("low", "Can wait"), ("normal", "Normal"), ("high", "Hinders work"), ("urgent", "Nobody can work")],
                        max_length=16,
                    ),
                ),
                (
                    "response_h",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(0)]
                    ),
                ),
                (
                    "resolution_h",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(0)]
                    ),
                ),
                ("changed_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("open", "In work"),
                            ("waiting", "Waiting for your answer"),
                            ("resolved", "Resolved"),
                            ("merged", "Joined with another"),
                        ],
                        default="new",
                        max_length=16,
                    ),
                ),
                (
                    "priority",
                    models.CharField(
                        choices=[("low", "Can wait"), ("normal", "Normal"), ("high", "Hinders work"), ("urgent", "Nobody can work")],
                        default="normal",
                        max_length=16,
                    ),
                ),
                (
                    "form",
                    models.CharField(
                        choices=[
                            ("question", "Something else"),
                            ("mail_device", "Mail on a phone or computer"),
                            ("permission", "I can't open something"),
                            ("sharing", "Sharing files with somebody"),
                            ("password", "A password"),
                        ],
                        default="question",
                        max_length=16,
                    ),
                ),
                ("language", models.CharField(choices=[("en", "English"), ("de", "Deutsch")], default="en", max_length=2)),
                ("requester_name", models.CharField(max_length=200)),
                ("requester_email", models.EmailField(max_length=254)),
                ("raised_by", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("response_h", models.DecimalField(decimal_places=2, max_digits=6, null=True)),
                ("resolution_h", models.DecimalField(decimal_places=2, max_digits=6, null=True)),
                ("response_due_at", models.DateTimeField()),
                ("resolution_due_at", models.DateTimeField(null=True)),
                ("answer_due_at", models.DateTimeField(blank=True, null=True)),
                ("responded_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("warned_at", models.DateTimeField(blank=True, null=True)),
                ("broken_at", models.DateTimeField(blank=True, null=True)),
                ("helped", models.BooleanField(blank=True, null=True)),
                ("helped_words", models.CharField(blank=True, default="", max_length=1000)),
                ("helped_at", models.DateTimeField(blank=True, null=True)),
                ("diagnose_at", models.DateTimeField(blank=True, null=True)),
                ("diagnosed_at", models.DateTimeField(blank=True, null=True)),
                ("about", models.JSONField(blank=True, default=dict)),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                language="de", then=django.contrib.postgres.search.SearchVector("subject", config="german", weight="A")
                            ),
                            default=django.contrib.postgres.search.SearchVector("subject", config="english", weight="A"),
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
                (
                    "assigned_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.businesshours"
                    ),
                ),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="merged", to="support.ticket"
                    ),
                ),
                (
                    "requester",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="tickets", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="tickets", to="clients.system"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OutgoingMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("tickets", "Answers to my tickets"),
                            ("incidents", "Disturbances of our systems"),
                            ("work", "Planned work, announced ahead"),
                            ("report", "The monthly report"),
                        ],
                        max_length=16,
                    ),
                ),
                ("to", models.EmailField(max_length=254)),
                ("subject", models.CharField(max_length=250)),
                ("body", models.TextField()),
                ("message_id", models.CharField(max_length=200, unique=True)),
                ("in_reply_to", models.CharField(blank=True, default="", max_length=500)),
                ("references", models.TextField(blank=True, default="")),
                ("parts", models.JSONField(blank=True, default=list)),
                ("unsubscribe", models.CharField(blank=True, default="", max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("sent", "Handed over"), ("failed", "Given up")],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("trouble", models.CharField(blank=True, default="", max_length=500)),
                ("bounced_at", models.DateTimeField(blank=True, null=True)),
                (
                    "client",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.client"
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sent_mails",
                        to="support.message",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="mails", to="support.ticket"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="message",
            name="ticket",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="messages", to="support.ticket"),
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("incident", "Incident"),
                            ("run", "Update run"),
                            ("rollout", "Rollout"),
                            ("restore", "Restore"),
                            ("ticket", "Ticket"),
                        ],
                        max_length=16,
                    ),
                ),
                ("target_id", models.PositiveBigIntegerField()),
                ("label", models.CharField(max_length=200)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("ticket", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="links", to="support.ticket")),
            ],
        ),
        migrations.CreateModel(
            name="TimeEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "work",
                    models.CharField(
                        choices=[("ticket", "Support"), ("change", "Change"), ("visit", "Visit"), ("other", "Other")], max_length=16
                    ),
                ),
                ("words", models.CharField(max_length=300)),
                ("person_name", models.CharField(max_length=200)),
                ("spent_on", models.DateField()),
                ("hours", models.DecimalField(decimal_places=2, max_digits=6)),
                ("created_at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "person",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "reverses",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="support.timeentry",
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="support.statement",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="time_entries",
                        to="support.ticket",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Timer",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="timer",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.client")),
                ("ticket", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="timers", to="support.ticket")),
            ],
        ),
        migrations.CreateModel(
            name="Wait",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                ("ticket", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="waits", to="support.ticket")),
            ],
        ),
        migrations.CreateModel(
            name="Watcher",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "ticket",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="watchers", to="support.ticket"),
                ),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddConstraint(
            model_name="article",
            constraint=models.UniqueConstraint(
                condition=models.Q(("client__isnull", False)), fields=("client", "slug"), name="one_article_of_a_client"
            ),
        ),
        migrations.AddConstraint(
            model_name="article",
            constraint=models.UniqueConstraint(condition=models.Q(("client", None)), fields=("slug",), name="one_article_for_all"),
        ),
        migrations.AddConstraint(
            model_name="articleimage",
            constraint=models.UniqueConstraint(fields=("article", "name"), name="one_picture_per_name"),
        ),
        migrations.AddConstraint(
            model_name="articleimage",
            constraint=models.CheckConstraint(
                condition=models.Q(("content_type__in", ["image/png", "image/jpeg", "image/webp"])), name="pictures_only"
            ),
        ),
        migrations.AddIndex(
            model_name="articletext",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search"], name="article_search"),
        ),
        migrations.AddIndex(
            model_name="articletext",
            index=django.contrib.postgres.indexes.GinIndex(fields=["trigrams"], name="article_trigrams"),
        ),
        migrations.AddConstraint(
            model_name="articletext",
            constraint=models.UniqueConstraint(fields=("article", "language", "number"), name="one_version_per_number"),
        ),
        migrations.AddConstraint(
            model_name="articletext",
            constraint=models.UniqueConstraint(
                condition=models.Q(("newest", True)), fields=("article", "language"), name="one_newest_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="articletext",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("title", ""), _negated=True), models.Q(("body", ""), _negated=True)),
                name="an_article_says_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="choice",
            constraint=models.UniqueConstraint(fields=("user", "topic"), name="one_choice_per_topic"),
        ),
        migrations.AddConstraint(
            model_name="choice",
            constraint=models.CheckConstraint(
                condition=models.Q(("topic__in", ["tickets", "incidents", "work", "report"])), name="choice_topic_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="choice",
            constraint=models.CheckConstraint(
                condition=models.Q(("delivery__in", ["at_once", "digest", "never"])), name="choice_delivery_known"
            ),
        ),
        migrations.AddIndex(
            model_name="digestline",
            index=models.Index(condition=models.Q(("sent_at", None)), fields=["user", "created_at"], name="digest_to_send"),
        ),
        migrations.AddIndex(
            model_name="incomingmail",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["received_at"], name="mail_to_read"),
        ),
        migrations.AddIndex(
            model_name="incomingmail",
            index=models.Index(condition=models.Q(("state__in", ["held", "refused"])), fields=["-received_at"], name="mail_held"),
        ),
        migrations.AddIndex(
            model_name="incomingmail",
            index=models.Index(fields=["message_id"], name="mail_by_message_id"),
        ),
        migrations.AddConstraint(
            model_name="incomingmail",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "taken", "held", "refused", "ignored", "bounce", "discarded"])),
                name="mail_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="incomingmail",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "taken"), _negated=True),
                    models.Q(("client__isnull", False), ("line__isnull", False)),
                    _connector="OR",
                ),
                name="a_taken_mail_is_in_a_ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="attachment",
            constraint=models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="an_attachment_has_a_name"),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.UniqueConstraint(fields=("client", "from_month"), name="one_plan_per_month"),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(condition=models.Q(("hours__gte", 0), ("rate__gte", 0)), name="a_plan_is_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(condition=models.Q(("from_month__day", 1)), name="a_plan_begins_with_a_month"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.UniqueConstraint(fields=("client", "month"), name="one_statement_per_month"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.CheckConstraint(condition=models.Q(("month__day", 1)), name="a_statement_is_of_a_month"),
        ),
        migrations.AddConstraint(
            model_name="supporttarget",
            constraint=models.UniqueConstraint(fields=("client", "priority"), name="one_target_per_priority"),
        ),
        migrations.AddConstraint(
            model_name="supporttarget",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__in", ["low", "normal", "high", "urgent"])), name="target_priority_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="supporttarget",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("response_h", None), ("response_h__gt", 0), _connector="OR"),
                    models.Q(("resolution_h", None), ("resolution_h__gt", 0), _connector="OR"),
                ),
                name="targets_are_positive",
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(condition=models.Q(("answer_due_at__isnull", False)), fields=["answer_due_at"], name="ticket_to_answer"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("state__in", ["new", "open"])), fields=["resolution_due_at"], name="ticket_to_resolve"
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["client", "-changed_at"], name="ticket_of_client"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                models.OrderBy(models.F("answer_due_at"), nulls_last=True),
                models.OrderBy(models.F("changed_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="ticket_list",
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["-changed_at", "-id"], name="ticket_newest"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(
                condition=models.Q(("diagnose_at__isnull", False), ("diagnosed_at", None)),
                fields=["diagnose_at"],
                name="ticket_to_diagnose",
            ),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search"], name="ticket_search"),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["new", "open", "waiting", "resolved", "merged"])), name="ticket_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__in", ["low", "normal", "high", "urgent"])), name="ticket_priority_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("form__in", ["question", "mail_device", "permission", "sharing", "password"])),
                name="ticket_form_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(condition=models.Q(("language__in", ["en", "de"])), name="ticket_language_known"),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(condition=models.Q(("subject", ""), _negated=True), name="a_ticket_has_a_subject"),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at__isnull", False), ("state", "resolved")),
                    models.Q(("resolved_at", None), ("state__in", ["new", "open", "waiting", "merged"])),
                    _connector="OR",
                ),
                name="resolved_tickets_have_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("merged_into__isnull", False), ("state", "merged")),
                    models.Q(models.Q(("state", "merged"), _negated=True), ("merged_into", None)),
                    _connector="OR",
                ),
                name="merged_tickets_lead_somewhere",
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", models.F("id")), _negated=True), name="no_ticket_is_merged_into_itself"
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("helped", None), ("helped_at", None)),
                    models.Q(("helped__isnull", False), ("helped_at__isnull", False)),
                    _connector="OR",
                ),
                name="an_opinion_has_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="outgoingmail",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["due_at"], name="mail_to_send"),
        ),
        migrations.AddConstraint(
            model_name="outgoingmail",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "sent", "failed"])), name="outgoing_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoingmail",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "sent"), ("sent_at__isnull", False)),
                    models.Q(models.Q(("state", "sent"), _negated=True), ("sent_at", None)),
                    _connector="OR",
                ),
                name="sent_mail_has_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="outgoingmail",
            constraint=models.UniqueConstraint(fields=("line", "to"), name="one_mail_per_message_and_person"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["ticket", "created_at", "id"], name="message_thread"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=django.contrib.postgres.indexes.GinIndex(fields=["search"], name="message_search"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["public", "note", "event", "diagnosis"])), name="message_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(condition=models.Q(("via__in", ["page", "mail", "portal"])), name="message_via_known"),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.UniqueConstraint(fields=("ticket", "kind", "target_id"), name="one_link_per_target"),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["incident", "run", "rollout", "restore", "ticket"])), name="link_kind_known"
            ),
        ),
        migrations.AddIndex(
            model_name="timeentry",
            index=models.Index(condition=models.Q(("statement", None)), fields=["client", "spent_on"], name="entry_not_billed"),
        ),
        migrations.AddConstraint(
            model_name="timeentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("work__in", ["ticket", "change", "visit", "other"])), name="entry_work_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="timeentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("hours__gt", 0), ("reverses", None)),
                    models.Q(("hours__lt", 0), ("reverses__isnull", False)),
                    _connector="OR",
                ),
                name="only_a_reversal_is_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="timeentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("reverses", models.F("id")), _negated=True), name="no_entry_reverses_itself"
            ),
        ),
        migrations.AddConstraint(
            model_name="wait",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("ticket",), name="one_open_wait_per_ticket"
            ),
        ),
        migrations.AddConstraint(
            model_name="wait",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at", None), ("ended_at__gte", models.F("began_at")), _connector="OR"),
                name="a_wait_ends_after_it_began",
            ),
        ),
        migrations.AddConstraint(
            model_name="watcher",
            constraint=models.UniqueConstraint(fields=("ticket", "user"), name="one_watcher_per_ticket"),
        ),
    ]
