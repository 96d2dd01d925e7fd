"""A client whose retainer ended gets no new scan and no new run, and none ends in the middle of a run, whatever the code says."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION retainer_client_not_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT FROM clients_client WHERE id = NEW.client_id AND ended_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the retainer of client % ended', NEW.client_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'client_not_ended';
    END IF;
    RETURN NEW;
END $$
"""
BUSY = """
CREATE FUNCTION retainer_no_open_run() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT FROM maintenance_updaterun WHERE client_id = NEW.id AND state <> 'finished') THEN
        RAISE EXCEPTION 'an update run of client % is under way', NEW.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'no_open_run_at_the_end';
    END IF;
    RETURN NEW;
END $$
"""
TABLES = ("maintenance_scan", "maintenance_updaterun")


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0002_tenancy_and_append_only"), ("clients", "0003_ended_clients_ranges_and_notes")]

    operations = [
        migrations.RunSQL(
            [
                FUNCTION,
                BUSY,
                "CREATE TRIGGER no_open_run_at_the_end BEFORE UPDATE OF ended_at ON clients_client FOR EACH ROW "
                "WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION retainer_no_open_run()",
                *(
                    f"CREATE TRIGGER client_not_ended BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION retainer_client_not_ended()"
                    for table in TABLES
                ),
            ],
            [
                "DROP TRIGGER no_open_run_at_the_end ON clients_client",
                "DROP FUNCTION retainer_no_open_run()",
                *(f"DROP TRIGGER client_not_ended ON {table}" for table in TABLES),
                "DROP FUNCTION retainer_client_not_ended()",
            ],
        )
    ]
