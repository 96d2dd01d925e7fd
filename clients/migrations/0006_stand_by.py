"""After a handover a client may still ask, until an agreed day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0005_rehearsals"),
    ]

    operations = [
        migrations.AddField(
            model_name="client",
            name="stand_by_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
