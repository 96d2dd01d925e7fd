"""A restore belongs to its job's client and place; what changes anything stands on a dry run of the same, of the last day."""

from django.db import migrations


def _same_client(column: str, parent: str) -> str:
    return (
        f"ALTER TABLE backups_restore ADD CONSTRAINT backups_restore_{column}_same_client FOREIGN KEY ({column}, client_id) "
        f"REFERENCES {parent} (id, client_id) DEFERRABLE INITIALLY IMMEDIATE"
    )


_HEAD = "CREATE {} FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${}$$"

BORN = """
BEGIN
    IF NOT EXISTS (SELECT FROM backups_backupjob j WHERE j.id = NEW.job_id AND NEW.system_id = COALESCE(j.restore_on_id, j.system_id)
                   AND j.tool <> 'composite') OR NEW.state <> 'queued' THEN
        RAISE EXCEPTION 'a restore begins queued, and is of its job''s system'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_restore_is_of_its_job';
    END IF;
    IF NEW.mode IN ('folder', 'in_place') AND NOT EXISTS (
        SELECT FROM backups_restore p WHERE p.id = NEW.plan_id AND p.job_id = NEW.job_id AND p.system_id = NEW.system_id
        AND p.mode = 'dry_run' AND p.outcome = 'done' AND p.finished_at > now() - interval '24 hours 1 minute'
        AND p.paths = NEW.paths AND p.target = NEW.target AND p.snapshot_id = NEW.snapshot) THEN
        RAISE EXCEPTION 'what is restored stands on a dry run of the same snapshot, paths and target'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_restore_is_what_was_looked_at';
    END IF;
    IF NEW.mode = 'in_place' AND EXISTS (SELECT FROM backups_backupjob j WHERE j.id = NEW.job_id
                                         AND j.tool IN ('pg_dump', 'pg_dumpall', 'mysqldump')) THEN
        RAISE EXCEPTION 'a dump is not loaded over a live database'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'no_dump_in_place';
    END IF;
    RETURN NEW;
END """

STANDS = """
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state = 'finished' THEN
        RAISE EXCEPTION 'what a restore did is never changed or removed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_finished_restore_stands';
    END IF;
    IF (NEW.job_id, NEW.system_id, NEW.mode, NEW.specification, NEW.snapshot, NEW.paths, NEW.target, NEW.plan_id, NEW.client_id)
       IS DISTINCT FROM
       (OLD.job_id, OLD.system_id, OLD.mode, OLD.specification, OLD.snapshot, OLD.paths, OLD.target, OLD.plan_id, OLD.client_id) THEN
        RAISE EXCEPTION 'what a restore is to do does not change'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_restore_keeps_its_purpose';
    END IF;
    RETURN NEW;
END """

BUSY = """
BEGIN
    IF EXISTS (SELECT FROM backups_restore WHERE client_id = NEW.id AND state <> 'finished') THEN
        RAISE EXCEPTION 'a restore of client % is under way', NEW.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'no_open_restore_at_the_end';
    END IF;
    RETURN NEW;
END """


class Migration(migrations.Migration):
    dependencies = [("backups", "0007_restores")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE backups_restore ADD CONSTRAINT backups_restore_id_client UNIQUE (id, client_id)",
                _same_client("job_id", "backups_backupjob"),
                _same_client("system_id", "clients_system"),
                _same_client("plan_id", "backups_restore"),
                _HEAD.format("", "retainer_restore_born", BORN),
                _HEAD.format("", "retainer_restore_stands", STANDS),
                _HEAD.format("", "retainer_no_open_restore", BUSY),
                "CREATE TRIGGER restore_born BEFORE INSERT ON backups_restore FOR EACH ROW EXECUTE FUNCTION retainer_restore_born()",
                "CREATE TRIGGER restore_stands BEFORE UPDATE OR DELETE ON backups_restore FOR EACH ROW "
                "EXECUTE FUNCTION retainer_restore_stands()",
                "CREATE TRIGGER no_open_restore_at_the_end BEFORE UPDATE OF ended_at ON clients_client FOR EACH ROW "
                "WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION retainer_no_open_restore()",
                "CREATE TRIGGER client_not_ended BEFORE INSERT ON backups_restore FOR EACH ROW "
                "EXECUTE FUNCTION retainer_client_not_ended()",
            ],
            [
                "DROP TRIGGER client_not_ended ON backups_restore",
                "DROP TRIGGER no_open_restore_at_the_end ON clients_client",
                "DROP TRIGGER restore_stands ON backups_restore",
                "DROP TRIGGER restore_born ON backups_restore",
                "DROP FUNCTION retainer_no_open_restore()",
                "DROP FUNCTION retainer_restore_stands()",
                "DROP FUNCTION retainer_restore_born()",
            ],
        )
    ]
