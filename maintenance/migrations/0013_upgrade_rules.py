"""What the database holds of upgrades: production runs the very text that staging verified, approved by somebody else."""

import importlib

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

# the functions as they stood before
_rules_of_0008 = importlib.import_module("maintenance.migrations.0008_rollout_rules")


def _replace(name: str, body: str, before: str) -> migrations.RunSQL:
    head = f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public"
    return migrations.RunSQL([f"{head} AS $${body}$$"], [f"{head} AS $${before}$$"])


# By the text's hash: the same text in another version of the plan is the same text.
MAY_UPGRADE = """
DECLARE
    twin bigint;
BEGIN
    SELECT staging_twin_id INTO twin FROM clients_system WHERE id = a_system;
    IF twin IS NOT NULL THEN
        RETURN retainer_upgraded(twin, a_hash);
    END IF;
    RETURN EXISTS (
        SELECT FROM maintenance_stagingalternative a
        WHERE a.system_id = a_system AND a.revoked_at IS NULL AND a.expires_at > now()
          AND (a.kind = 'exception' OR retainer_upgraded(a.canary_id, a_hash)));
END """

UPGRADED = """
BEGIN
    RETURN EXISTS (
        SELECT FROM maintenance_updaterun r JOIN maintenance_upgradedocument d ON d.id = r.document_id
        WHERE r.system_id = a_system AND r.kind = 'upgrade' AND r.state = 'finished' AND d.sha256 = a_hash
          AND (r.verdict = 'verified' OR EXISTS (SELECT FROM maintenance_verdictoverrule o WHERE o.run_id = r.id)));
END """

APPROVED_RUN = """
DECLARE
    hash text;
BEGIN
    IF NEW.kind = 'upgrade-undo' AND NOT EXISTS (
        SELECT FROM maintenance_updaterun r WHERE r.id = NEW.undoes_id AND r.system_id = NEW.system_id AND r.kind = 'upgrade'
        AND r.document_id = NEW.document_id) THEN
        RAISE EXCEPTION 'what is taken back is an upgrade of this system, by the same document'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'an_undo_takes_back_its_upgrade';
    END IF;
    IF NEW.kind NOT IN ('apt-apply', 'restart', 'reboot', 'upgrade')
       OR NOT EXISTS (SELECT FROM clients_system s WHERE s.id = NEW.system_id AND s.environment = 'production') THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT FROM maintenance_rollouttarget t JOIN maintenance_rollout r ON r.id = t.rollout_id
        JOIN maintenance_rolloutapproval a ON a.rollout_id = r.id
        WHERE t.id = NEW.target_id AND t.system_id = NEW.system_id AND r.state = 'production' AND a.plan_hash = r.plan_hash
          AND (NEW.kind <> 'upgrade' OR r.document_id = NEW.document_id)) THEN
        RAISE EXCEPTION 'no approved rollout covers this run on production'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'production_needs_an_approved_rollout';
    END IF;
    IF NEW.kind = 'upgrade' THEN
        SELECT sha256 INTO hash FROM maintenance_upgradedocument WHERE id = NEW.document_id;
        IF NOT retainer_may_upgrade(NEW.system_id, hash) THEN
            RAISE EXCEPTION 'this document was not verified on staging'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'production_needs_staging';
        END IF;
    END IF;
    RETURN NEW;
END """

FIXED_RUN = _rules_of_0008.FIXED_RUN.replace("undoes_id, NEW.units", "undoes_id, NEW.units, NEW.document_id").replace(
    "undoes_id, OLD.units", "undoes_id, OLD.units, OLD.document_id"
)
STEP = _rules_of_0008.STEP.replace("NEW.emergency, NEW.client_id", "NEW.emergency, NEW.client_id, NEW.document_id, NEW.waived").replace(
    "OLD.emergency, OLD.client_id", "OLD.emergency, OLD.client_id, OLD.document_id, OLD.waived"
)


def _function(name: str, arguments: str, body: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [
            f"CREATE FUNCTION {name}({arguments}) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = pg_catalog, public AS $${body}$$"
        ],
        [f"DROP FUNCTION {name}({arguments})"],
    )


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0012_upgrades")]

    operations = [
        ValidateConstraint("updaterun", "update_run_kind_known"),
        ValidateConstraint("updaterun", "a_rollback_says_of_what"),
        ValidateConstraint("updaterun", "an_upgrade_has_its_document"),
        _function("retainer_upgraded", "a_system bigint, a_hash text", UPGRADED),
        _function("retainer_may_upgrade", "a_system bigint, a_hash text", MAY_UPGRADE),
        _replace("retainer_approved_run", APPROVED_RUN, _rules_of_0008.APPROVED_RUN),
        _replace("retainer_fixed_run", FIXED_RUN, _rules_of_0008.FIXED_RUN),
        _replace("retainer_rollout_step", STEP, _rules_of_0008.STEP),
        migrations.RunSQL(
            [
                "CREATE TRIGGER document_append_only BEFORE UPDATE OR DELETE ON maintenance_upgradedocument "
                "FOR EACH ROW EXECUTE FUNCTION retainer_append_only()"
            ],
            ["DROP TRIGGER document_append_only ON maintenance_upgradedocument"],
        ),
    ]
