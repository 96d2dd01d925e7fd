"""Monthly reports; sent, they stand."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("clients", "0004_calendars_and_language"),
    ]

    operations = [
        migrations.CreateModel(
            name="Report",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField()),
                ("state", models.CharField(choices=[("draft", "To be reviewed"), ("sent", "Sent")], default="draft", max_length=8)),
                ("language", models.CharField(choices=[("en", "English"), ("de", "Deutsch")], max_length=2)),
                ("facts", models.JSONField()),
                ("words", models.TextField(blank=True, default="", max_length=20000)),
                ("made_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("sent_by", models.CharField(blank=True, default="", max_length=254)),
                ("pdf", models.BinaryField(blank=True, null=True)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("client", "month"), name="one_report_per_month"),
                    models.CheckConstraint(condition=models.Q(("month__day", 1)), name="a_report_is_of_a_month"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("pdf", None), ("sent_at", None), ("sha256", ""), ("state", "draft")),
                            models.Q(
                                ("pdf__isnull", False),
                                ("sent_at__isnull", False),
                                ("state", "sent"),
                                models.Q(("sha256", ""), _negated=True),
                                models.Q(("sent_by", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_sent_report_is_kept",
                    ),
                ],
            },
        ),
    ]
