"""Runbooks that may be rehearsed on a staging system."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0004_calendars_and_language"),
    ]

    operations = [
        migrations.AddField(
            model_name="system",
            name="rehearsals",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
    ]
