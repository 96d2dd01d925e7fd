"""The link of an update and an advisory belongs to the update's client. The table is new, so validating it takes no time."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0004_advisories")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE maintenance_updateadvisory ADD CONSTRAINT maintenance_updateadvisory_update_id_same_client "
                "FOREIGN KEY (update_id, client_id) REFERENCES maintenance_pendingupdate (id, client_id) DEFERRABLE INITIALLY IMMEDIATE"
            ],
            ["ALTER TABLE maintenance_updateadvisory DROP CONSTRAINT maintenance_updateadvisory_update_id_same_client"],
        )
    ]
