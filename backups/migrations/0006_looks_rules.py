"""Rows of looks belong to their system's client, and what an accepted baseline says never changes."""

from django.db import migrations


def _same_client(table: str, column: str, parent: str) -> str:
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_same_client FOREIGN KEY ({column}, client_id) "
        f"REFERENCES {parent} (id, client_id) DEFERRABLE INITIALLY IMMEDIATE"
    )


KEPT = """
BEGIN
    RAISE EXCEPTION 'a baseline is never changed; a new one is accepted'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_baseline_stands';
END """


class Migration(migrations.Migration):
    dependencies = [("backups", "0005_looks")]

    operations = [
        migrations.RunSQL(
            [
                _same_client("backups_reading", "job_id", "backups_backupjob"),
                _same_client("backups_backupsurvey", "system_id", "clients_system"),
                _same_client("backups_baseline", "job_id", "backups_backupjob"),
                _same_client("backups_backupfinding", "system_id", "clients_system"),
                _same_client("backups_backupfinding", "job_id", "backups_backupjob"),
                _same_client("backups_foundbackup", "system_id", "clients_system"),
                "CREATE FUNCTION retainer_baseline_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
                f"SET search_path = pg_catalog, public AS $${KEPT}$$",
                "CREATE TRIGGER baseline_stands BEFORE UPDATE ON backups_baseline FOR EACH ROW "
                "EXECUTE FUNCTION retainer_baseline_stands()",
            ],
            ["DROP TRIGGER baseline_stands ON backups_baseline", "DROP FUNCTION retainer_baseline_stands()"],
        )
    ]
