"""Rows of a job or test belong to its client; only a test of the job that passed is its proof; what is sealed never changes."""

from django.db import migrations


def _same_client(table: str, column: str, parent: str) -> list[str]:
    name = f"{table}_{column}_same_client"
    return [
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
        "DEFERRABLE INITIALLY IMMEDIATE"
    ]


_HEAD = "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${}$$"

PROOF = """
BEGIN
    IF NEW.proof_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM backups_restoretest t WHERE t.id = NEW.proof_id AND t.job_id = NEW.id AND t.verdict IN ('pass', 'notes')) THEN
        RAISE EXCEPTION 'only a restore test of this job that passed proves it'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'only_a_pass_proves';
    END IF;
    IF OLD.proof_id IS NOT NULL AND NEW.proof_id IS NULL THEN
        RAISE EXCEPTION 'a proof is not taken away' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'only_a_pass_proves';
    END IF;
    RETURN NEW;
END """

SEALED = """
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state = 'finished' THEN
        RAISE EXCEPTION 'what a restore test showed is never changed or removed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_finished_test_stands';
    END IF;
    IF (NEW.job_id, NEW.system_id, NEW.repository, NEW.specification, NEW.client_id)
       IS DISTINCT FROM (OLD.job_id, OLD.system_id, OLD.repository, OLD.specification, OLD.client_id) THEN
        RAISE EXCEPTION 'what a test is to do does not change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_test_keeps_its_purpose';
    END IF;
    RETURN NEW;
END """

# A job is born without a proof, and its test is of its own system and repository.
BORN = """
BEGIN
    IF NOT EXISTS (SELECT FROM backups_backupjob j WHERE j.id = NEW.job_id AND j.system_id = NEW.system_id
                   AND j.repository = NEW.repository) OR NEW.state <> 'queued' THEN
        RAISE EXCEPTION 'a test begins queued, and is of its job''s system and repository'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_test_is_of_its_job';
    END IF;
    RETURN NEW;
END """


# What runs on a host is seen to its end: its scratch area must be cleaned.
BUSY = """
BEGIN
    IF EXISTS (SELECT FROM backups_restoretest WHERE client_id = NEW.id AND state <> 'finished') THEN
        RAISE EXCEPTION 'a restore test of client % is under way', NEW.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'no_open_restore_test_at_the_end';
    END IF;
    RETURN NEW;
END """


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0001_jobs_and_restore_tests"),
        ("vault", "0002_versions_and_numbered_keys"),
        ("maintenance", "0003_nothing_for_ended_clients"),
    ]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE backups_backupjob ADD CONSTRAINT backups_backupjob_id_client UNIQUE (id, client_id)",
                "ALTER TABLE backups_restoretest ADD CONSTRAINT backups_restoretest_id_client UNIQUE (id, client_id)",
                *_same_client("backups_backupjob", "system_id", "clients_system"),
                *_same_client("backups_backupjob", "credential_id", "vault_credential"),
                *_same_client("backups_restoretest", "system_id", "clients_system"),
                *_same_client("backups_restoretest", "job_id", "backups_backupjob"),
                _HEAD.format("retainer_backup_proof", PROOF),
                _HEAD.format("retainer_restore_test_sealed", SEALED),
                _HEAD.format("retainer_restore_test_born", BORN),
                "CREATE TRIGGER backup_proof BEFORE UPDATE OF proof_id ON backups_backupjob FOR EACH ROW "
                "EXECUTE FUNCTION retainer_backup_proof()",
                "CREATE TRIGGER restore_test_sealed BEFORE UPDATE OR DELETE ON backups_restoretest FOR EACH ROW "
                "EXECUTE FUNCTION retainer_restore_test_sealed()",
                "CREATE TRIGGER restore_test_born BEFORE INSERT ON backups_restoretest FOR EACH ROW "
                "EXECUTE FUNCTION retainer_restore_test_born()",
                _HEAD.format("retainer_no_open_restore_test", BUSY),
                "CREATE TRIGGER no_open_restore_test_at_the_end BEFORE UPDATE OF ended_at ON clients_client FOR EACH ROW "
                "WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION retainer_no_open_restore_test()",
                "CREATE TRIGGER client_not_ended BEFORE INSERT ON backups_restoretest FOR EACH ROW "
                "EXECUTE FUNCTION retainer_client_not_ended()",
            ],
            [
                "DROP TRIGGER no_open_restore_test_at_the_end ON clients_client",
                "DROP FUNCTION retainer_no_open_restore_test()",
                "DROP TRIGGER client_not_ended ON backups_restoretest",
                "DROP TRIGGER restore_test_born ON backups_restoretest",
                "DROP TRIGGER restore_test_sealed ON backups_restoretest",
                "DROP TRIGGER backup_proof ON backups_backupjob",
                "DROP FUNCTION retainer_restore_test_born()",
                "DROP FUNCTION retainer_restore_test_sealed()",
                "DROP FUNCTION retainer_backup_proof()",
            ],
        )
    ]
