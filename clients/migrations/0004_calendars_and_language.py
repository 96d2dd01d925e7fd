"""Business calendars in versions; the language in which a client is written to."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name="language",
            field=models.CharField(choices=[("en", "English"), ("de", "Deutsch")], db_default="en", default="en", max_length=2),
        ),
        migrations.CreateModel(
            name="BusinessHours",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("zone", models.CharField(max_length=64)),
                ("hours", models.JSONField()),
                ("region", models.CharField(blank=True, default="", max_length=10)),
                (
                    "closed",
                    django.contrib.postgres.fields.ArrayField(base_field=models.DateField(), blank=True, default=list, size=None),
                ),
                ("actor_label", models.CharField(max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("client", "since"), name="one_calendar_per_moment")],
            },
        ),
    ]
