"""Yesterday's rows fit as well; a job's parts, keys and hosts are of its client, and parts are of its system."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


def _same_client(column: str, parent: str) -> list[str]:
    name = f"backups_backupjob_{column}_same_client"
    return [
        f"ALTER TABLE backups_backupjob ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
        "DEFERRABLE INITIALLY IMMEDIATE NOT VALID",
        f"ALTER TABLE backups_backupjob VALIDATE CONSTRAINT {name}",
    ]


PART = """
BEGIN
    IF NEW.part_of_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM backups_backupjob w WHERE w.id = NEW.part_of_id AND w.tool = 'composite' AND w.system_id = NEW.system_id) THEN
        RAISE EXCEPTION 'a part is of a composite of its own system'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_part_is_of_a_composite';
    END IF;
    RETURN NEW;
END """

# Parts only count together, so no part has a proof of its own, or a test.
ALONE = """
BEGIN
    IF EXISTS (SELECT FROM backups_backupjob j WHERE j.id = NEW.job_id AND j.part_of_id IS NOT NULL) THEN
        RAISE EXCEPTION 'a part is tested with its composite'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_part_is_not_tested_alone';
    END IF;
    RETURN NEW;
END """

# Of its job's repository, and of its job's system or the one where the job is restored.
BORN = """
BEGIN
    IF NOT EXISTS (SELECT FROM backups_backupjob j WHERE j.id = NEW.job_id AND NEW.system_id = COALESCE(j.restore_on_id, j.system_id)
                   AND j.repository = NEW.repository) OR NEW.state <> 'queued' THEN
        RAISE EXCEPTION 'a test begins queued, and is of its job''s system and repository'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_test_is_of_its_job';
    END IF;
    RETURN NEW;
END """

_TRIGGER = "CREATE{} FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${}$$"


class Migration(migrations.Migration):
    dependencies = [("backups", "0003_kinds_of_backups")]

    operations = [
        ValidateConstraint("backupjob", "backup_tool_known"),
        ValidateConstraint("backupjob", "a_job_says_what_it_holds"),
        ValidateConstraint("backupjob", "restic_has_a_key"),
        ValidateConstraint("backupjob", "only_borg_exports_a_key"),
        ValidateConstraint("backupjob", "no_composite_of_composites"),
        ValidateConstraint("backupjob", "backup_application_known"),
        ValidateConstraint("backupjob", "only_composites_have_an_application"),
        ValidateConstraint("restoretest", "restore_test_purpose_known"),
        ValidateConstraint("restoretest", "restore_test_cause_known"),
        migrations.RunSQL(
            [
                *_same_client("part_of_id", "backups_backupjob"),
                *_same_client("key_export_id", "vault_credential"),
                *_same_client("restore_on_id", "clients_system"),
                _TRIGGER.format("", "retainer_backup_part", PART),
                _TRIGGER.format("", "retainer_part_not_tested_alone", ALONE),
                _TRIGGER.format(" OR REPLACE", "retainer_restore_test_born", BORN),
                "CREATE TRIGGER backup_part BEFORE INSERT OR UPDATE OF part_of_id, system_id ON backups_backupjob FOR EACH ROW "
                "EXECUTE FUNCTION retainer_backup_part()",
                "CREATE TRIGGER part_not_tested_alone BEFORE INSERT ON backups_restoretest FOR EACH ROW "
                "EXECUTE FUNCTION retainer_part_not_tested_alone()",
            ],
            [
                "DROP TRIGGER part_not_tested_alone ON backups_restoretest",
                "DROP TRIGGER backup_part ON backups_backupjob",
                "DROP FUNCTION retainer_part_not_tested_alone()",
                "DROP FUNCTION retainer_backup_part()",
            ],
        ),
    ]
