"""Results by day, made ahead and dropped whole; every row is of its system's client."""

from django.db import migrations


def _same_client(table: str, column: str, parent: str) -> str:
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_same_client FOREIGN KEY ({column}, client_id) "
        f"REFERENCES {parent} (id, client_id) DEFERRABLE INITIALLY IMMEDIATE"
    )


# The portal's role may not make tables: this does, and nothing else.
PARTITIONS = """
DECLARE
    day date;
    name text;
BEGIN
    IF keep < 7 OR ahead NOT BETWEEN 1 AND 60 THEN
        RAISE EXCEPTION 'results are kept for a week at least' USING ERRCODE = 'restrict_violation';
    END IF;
    FOR day IN SELECT generate_series(today - 1, today + ahead, interval '1 day')::date LOOP
        name := 'monitoring_result_' || to_char(day, 'YYYYMMDD');
        IF to_regclass('public.' || name) IS NULL THEN
            EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.monitoring_result FOR VALUES FROM (%L) TO (%L)',
                name, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
        END IF;
    END LOOP;
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.monitoring_result'::regclass AND c.relname ~ '^monitoring_result_[0-9]{8}$'
        AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep LOOP
        EXECUTE format('DROP TABLE public.%I', name);
    END LOOP;
END """


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_checks_and_alerts"), ("vault", "0002_versions_and_numbered_keys")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE monitoring_check ADD CONSTRAINT monitoring_check_id_client UNIQUE (id, client_id)",
                "ALTER TABLE monitoring_alert ADD CONSTRAINT monitoring_alert_id_client UNIQUE (id, client_id)",
                "CREATE TABLE monitoring_result (check_id bigint NOT NULL, client_id bigint NOT NULL, at timestamptz NOT NULL, "
                "rank smallint NOT NULL CONSTRAINT result_rank_known CHECK (rank BETWEEN 0 AND 3), value double precision, "
                "PRIMARY KEY (check_id, at)) PARTITION BY RANGE (at)",
                _same_client("monitoring_result", "check_id", "monitoring_check"),
                "CREATE FUNCTION retainer_result_partitions(today date, ahead int, keep int) RETURNS void LANGUAGE plpgsql "
                f"SECURITY DEFINER SET search_path = pg_catalog, public AS $${PARTITIONS}$$",
                "SELECT retainer_result_partitions((now() AT TIME ZONE 'UTC')::date, 14, 30)",
                _same_client("monitoring_watch", "system_id", "clients_system"),
                _same_client("monitoring_check", "system_id", "clients_system"),
                _same_client("monitoring_alert", "system_id", "clients_system"),
                _same_client("monitoring_alert", "check_id", "monitoring_check"),
                _same_client("monitoring_delivery", "alert_id", "monitoring_alert"),
            ],
            [
                "DROP TABLE monitoring_result",
                "DROP FUNCTION retainer_result_partitions(date, int, int)",
            ],
        )
    ]
