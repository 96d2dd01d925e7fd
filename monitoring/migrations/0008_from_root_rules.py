"""Kinds of checks are known; what belongs to a system belongs to its client."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


def _same_client(table: str, column: str, parent: str) -> migrations.RunSQL:
    name = f"{table}_{column}_same_client"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
        "DEFERRABLE INITIALLY IMMEDIATE",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0007_from_root_and_outside")]

    operations = [
        ValidateConstraint(model_name="check", name="check_kind_known"),
        *(
            _same_client(f"monitoring_{table}", "system_id", "clients_system")
            for table in ("heartbeat", "inventory", "probe", "securityevent", "thing")
        ),
        migrations.RunSQL(
            "ALTER TABLE monitoring_heartbeat ADD CONSTRAINT monitoring_heartbeat_id_client UNIQUE (id, client_id)",
            "ALTER TABLE monitoring_heartbeat DROP CONSTRAINT monitoring_heartbeat_id_client",
        ),
        _same_client("monitoring_call", "heartbeat_id", "monitoring_heartbeat"),
    ]
