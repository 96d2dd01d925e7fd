"""The runs of a document, built beside the running portal."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("maintenance", "0013_upgrade_rules")]

    operations = [
        AddIndexConcurrently(
            model_name="updaterun",
            index=models.Index(condition=models.Q(("document__isnull", False)), fields=["document"], name="update_run_of_document"),
        ),
    ]
