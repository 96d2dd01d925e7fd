"""Feeds that the portal fetches by itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("maintenance", "0018_containers_and_applications"),
    ]

    operations = [
        migrations.AddField(
            model_name="advisoryfeed",
            name="matched_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="advisoryfeed",
            name="asked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="advisoryfeed",
            name="etag",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="advisoryfeed",
            name="fetch_trouble",
            field=models.CharField(blank=True, db_default="", default="", max_length=500),
        ),
    ]
