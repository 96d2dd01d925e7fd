"""The language in which the portal speaks to a person."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_staff_have_no_memberships"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="language",
            field=models.CharField(blank=True, choices=[("en", "English"), ("de", "Deutsch")], db_default="", default="", max_length=2),
        ),
    ]
