"""Rows of a system, update or run belong to its client; decisions are never changed or removed.

Composite foreign keys, added NOT VALID and validated in a statement of their own; a trigger holds the second rule.
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


def _parent(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [f"ALTER TABLE {table} ADD CONSTRAINT {table}_id_client UNIQUE (id, client_id)"],
        [f"ALTER TABLE {table} DROP CONSTRAINT {table}_id_client"],
    )


class Migration(migrations.Migration):
    dependencies = [
        ("maintenance", "0001_initial"),
        ("clients", "0002_tenancy_in_the_database"),
        ("audit", "0002_append_only"),
    ]

    operations = [
        _parent("maintenance_pendingupdate"),
        _parent("maintenance_updaterun"),
        _same_client("maintenance_scan", "system_id", "clients_system"),
        _same_client("maintenance_installedpackage", "system_id", "clients_system"),
        _same_client("maintenance_pendingupdate", "system_id", "clients_system"),
        _same_client("maintenance_decision", "update_id", "maintenance_pendingupdate"),
        _same_client("maintenance_updaterun", "system_id", "clients_system"),
        _same_client("maintenance_runpackage", "run_id", "maintenance_updaterun"),
        _same_client("maintenance_runevidence", "run_id", "maintenance_updaterun"),
        _same_client("maintenance_runcommand", "run_id", "maintenance_updaterun"),
        _same_client("maintenance_runlogchunk", "run_id", "maintenance_updaterun"),
        migrations.RunSQL(
            [
                "CREATE TRIGGER decision_append_only BEFORE UPDATE OR DELETE ON maintenance_decision "
                "FOR EACH ROW EXECUTE FUNCTION retainer_append_only()"
            ],
            ["DROP TRIGGER decision_append_only ON maintenance_decision"],
        ),
    ]
