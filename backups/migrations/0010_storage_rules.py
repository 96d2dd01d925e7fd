"""Yesterday's rows fit as well; the storage's secret is of the job's client; a test of an old snapshot is nobody's proof."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

NAME = "backups_backupjob_storage_credential_id_same_client"

PROOF = """
BEGIN
    IF NEW.proof_id IS NOT NULL AND NEW.proof_id IS DISTINCT FROM OLD.proof_id AND NOT EXISTS (
        SELECT FROM backups_restoretest t
        WHERE t.id = NEW.proof_id AND t.job_id = NEW.id AND t.verdict IN ('pass', 'notes') AND t.purpose <> 'old') THEN
        RAISE EXCEPTION 'only a restore test of this job that passed on its newest snapshot proves it'
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
    IF (NEW.job_id, NEW.system_id, NEW.repository, NEW.specification, NEW.client_id, NEW.purpose)
       IS DISTINCT FROM (OLD.job_id, OLD.system_id, OLD.repository, OLD.specification, OLD.client_id, OLD.purpose) THEN
        RAISE EXCEPTION 'what a test is to do does not change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_test_keeps_its_purpose';
    END IF;
    RETURN NEW;
END """

_REPLACE = (
    "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${}$$"
)


class Migration(migrations.Migration):
    dependencies = [("backups", "0009_storage_and_old_snapshots")]

    operations = [
        ValidateConstraint("backupjob", "a_storage_login_has_its_secret"),
        ValidateConstraint("restoretest", "restore_test_purpose_known"),
        migrations.RunSQL(
            [
                f"ALTER TABLE backups_backupjob ADD CONSTRAINT {NAME} FOREIGN KEY (storage_credential_id, client_id) "
                "REFERENCES vault_credential (id, client_id) DEFERRABLE INITIALLY IMMEDIATE NOT VALID",
                f"ALTER TABLE backups_backupjob VALIDATE CONSTRAINT {NAME}",
                _REPLACE.format("retainer_backup_proof", PROOF),
                _REPLACE.format("retainer_restore_test_sealed", SEALED),
            ],
            migrations.RunSQL.noop,
        ),
    ]
