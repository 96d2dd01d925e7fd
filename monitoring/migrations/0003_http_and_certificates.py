"""Addresses that must answer, and their certificates."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0002_rules"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="check",
            name="check_kind_known",
        ),
        migrations.AlterField(
            model_name="check",
            name="kind",
            field=models.CharField(
                choices=[
                    ("reach", "Reached over SSH"),
                    ("cpu", "Processor"),
                    ("load", "Load"),
                    ("memory", "Memory"),
                    ("swap", "Swap"),
                    ("pressure", "Pressure"),
                    ("disk", "Disk"),
                    ("inodes", "Inodes"),
                    ("units", "Failed units"),
                    ("clock", "Clock"),
                    ("restart", "Restart needed"),
                    ("http", "Address"),
                    ("certificate", "Certificate"),
                ],
                max_length=16,
            ),
        ),
        AddConstraintNotValid(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "reach",
                            "cpu",
                            "load",
                            "memory",
                            "swap",
                            "pressure",
                            "disk",
                            "inodes",
                            "units",
                            "clock",
                            "restart",
                            "http",
                            "certificate",
                        ],
                    )
                ),
                name="check_kind_known",
            ),
        ),
    ]
