"""Container images as updates of their own, and applications that no package manager knows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("maintenance", "0017_changelogs"),
    ]

    operations = [
        migrations.AddField(
            model_name="pendingupdate",
            name="of_image",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="scan",
            name="applications",
            field=models.JSONField(null=True),
        ),
    ]
