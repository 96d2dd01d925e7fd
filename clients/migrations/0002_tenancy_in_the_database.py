"""Rows of a system belong to that system's client, and a staging twin is a staging system of the same client.

Composite foreign keys hold both where Python could forget. Constraints are added NOT VALID and validated in a statement of
their own, so that a large table is not locked against writes while it is checked.
"""

from django.db import migrations


def _same_client(table: str, column: str, parent: str) -> migrations.RunSQL:
    name = f"{table}_{column}_same_client"
    return migrations.RunSQL(
        [
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
            "DEFERRABLE INITIALLY IMMEDIATE NOT VALID",
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
        ],
        [f"ALTER TABLE {table} DROP CONSTRAINT {name}"],
    )


class Migration(migrations.Migration):
    dependencies = [("clients", "0001_initial"), ("vault", "0001_initial")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE clients_system ADD CONSTRAINT clients_system_id_client UNIQUE (id, client_id)",
                "ALTER TABLE clients_system ADD CONSTRAINT clients_system_id_client_env UNIQUE (id, client_id, environment)",
                # A constant that stands in the foreign key: the twin's environment must be staging.
                "ALTER TABLE clients_system ADD COLUMN twin_environment varchar(16) GENERATED ALWAYS AS ('staging') STORED",
                "ALTER TABLE clients_system ADD CONSTRAINT system_twin_is_staging_of_same_client "
                "FOREIGN KEY (staging_twin_id, client_id, twin_environment) "
                "REFERENCES clients_system (id, client_id, environment) DEFERRABLE INITIALLY IMMEDIATE",
            ],
            [
                "ALTER TABLE clients_system DROP CONSTRAINT system_twin_is_staging_of_same_client",
                "ALTER TABLE clients_system DROP COLUMN twin_environment",
                "ALTER TABLE clients_system DROP CONSTRAINT clients_system_id_client_env",
                "ALTER TABLE clients_system DROP CONSTRAINT clients_system_id_client",
            ],
        ),
        _same_client("clients_systemhostkey", "system_id", "clients_system"),
        _same_client("clients_hostkeyalert", "system_id", "clients_system"),
        _same_client("clients_servicecheck", "system_id", "clients_system"),
        _same_client("vault_credential", "system_id", "clients_system"),
    ]
