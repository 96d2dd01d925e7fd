"""Planned work is of its system's client."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0005_planned_work")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE monitoring_plannedwork ADD CONSTRAINT monitoring_plannedwork_system_id_same_client FOREIGN KEY "
            "(system_id, client_id) REFERENCES clients_system (id, client_id) DEFERRABLE INITIALLY IMMEDIATE",
            "ALTER TABLE monitoring_plannedwork DROP CONSTRAINT monitoring_plannedwork_system_id_same_client",
        )
    ]
