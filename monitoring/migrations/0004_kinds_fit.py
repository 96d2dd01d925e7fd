"""Yesterday's rows fit as well."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_http_and_certificates")]

    operations = [ValidateConstraint("check", "check_kind_known")]
