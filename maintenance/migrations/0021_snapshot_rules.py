"""What the database holds of snapshots: production takes the one that its plan names, and goes back only to one that was taken."""

import importlib

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

# the functions as they stood before
_rules_of_0008 = importlib.import_module("maintenance.migrations.0008_rollout_rules")
_rules_of_0013 = importlib.import_module("maintenance.migrations.0013_upgrade_rules")

APPROVED_RUN = _rules_of_0013.APPROVED_RUN.replace(
    "    IF NEW.kind NOT IN",
    """    IF NEW.kind = 'fs-rollback' AND NOT EXISTS (
        SELECT FROM maintenance_updaterun r WHERE r.id = NEW.undoes_id AND r.system_id = NEW.system_id
        AND r.snapshot_kind <> '' AND r.snapshot_gone_at IS NULL) THEN
        RAISE EXCEPTION 'a system goes back to a snapshot that a run of its own took'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'going_back_needs_its_snapshot';
    END IF;
    IF NEW.kind NOT IN""",
    1,
).replace(
    "AND (NEW.kind <> 'upgrade' OR r.document_id = NEW.document_id))",
    "AND (NEW.kind <> 'upgrade' OR r.document_id = NEW.document_id)\n"
    "          AND (NEW.kind NOT IN ('apt-apply', 'upgrade') OR (NEW.snapshot = 'must') = (t.snapshot <> '')))",
)
APPROVED_PACKAGE = _rules_of_0008.APPROVED_PACKAGE.replace("run.kind = 'apt-rollback'", "run.kind IN ('apt-rollback', 'fs-rollback')")
FIXED_RUN = _rules_of_0013.FIXED_RUN.replace("NEW.document_id", "NEW.document_id, NEW.snapshot, NEW.snapshot_days").replace(
    "OLD.document_id", "OLD.document_id, OLD.snapshot, OLD.snapshot_days"
)

# What an approval signs of a target stands with the plan.
FIXED_TARGET = """
BEGIN
    IF (NEW.snapshot, NEW.snapshot_note) IS DISTINCT FROM (OLD.snapshot, OLD.snapshot_note) AND EXISTS (
        SELECT FROM maintenance_rollout r WHERE r.id = NEW.rollout_id AND r.plan_hash <> '') THEN
        RAISE EXCEPTION 'a plan that stands does not change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_plan_stands';
    END IF;
    RETURN NEW;
END """

_HEAD = "FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${}$$"


def _replace(name: str, body: str, before: str) -> migrations.RunSQL:
    return migrations.RunSQL([f"CREATE OR REPLACE {_HEAD.format(name, body)}"], [f"CREATE OR REPLACE {_HEAD.format(name, before)}"])


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0020_snapshots")]

    operations = [
        ValidateConstraint("updaterun", "update_run_kind_known"),
        ValidateConstraint("updaterun", "a_rollback_says_of_what"),
        ValidateConstraint("updaterun", "a_snapshot_is_before_a_change"),
        ValidateConstraint("updaterun", "verified_has_the_snapshot_it_must"),
        migrations.RunSQL(
            [
                "ALTER TABLE maintenance_snapshotpolicy ADD CONSTRAINT maintenance_snapshotpolicy_system_id_same_client "
                "FOREIGN KEY (system_id, client_id) REFERENCES clients_system (id, client_id) DEFERRABLE INITIALLY IMMEDIATE"
            ],
            ["ALTER TABLE maintenance_snapshotpolicy DROP CONSTRAINT maintenance_snapshotpolicy_system_id_same_client"],
        ),
        _replace("retainer_approved_run", APPROVED_RUN, _rules_of_0013.APPROVED_RUN),
        _replace("retainer_approved_package", APPROVED_PACKAGE, _rules_of_0008.APPROVED_PACKAGE),
        _replace("retainer_fixed_run", FIXED_RUN, _rules_of_0013.FIXED_RUN),
        migrations.RunSQL([f"CREATE {_HEAD.format('retainer_fixed_target', FIXED_TARGET)}"], ["DROP FUNCTION retainer_fixed_target()"]),
        migrations.RunSQL(
            [
                "CREATE TRIGGER fixed_target BEFORE UPDATE OF snapshot, snapshot_note ON maintenance_rollouttarget "
                "FOR EACH ROW EXECUTE FUNCTION retainer_fixed_target()"
            ],
            ["DROP TRIGGER fixed_target ON maintenance_rollouttarget"],
        ),
    ]
