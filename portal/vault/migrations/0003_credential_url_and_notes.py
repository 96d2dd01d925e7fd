"""Where a credential is used, and what one has to know; neither is secret."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vault", "0002_versions_and_numbered_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="credential",
            name="notes",
            field=models.TextField(blank=True, db_default="", default="", max_length=5000),
        ),
        migrations.AddField(
            model_name="credential",
            name="url",
            field=models.CharField(blank=True, db_default="", default="", max_length=500),
        ),
    ]
