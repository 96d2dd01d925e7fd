"""What the database itself holds of rollouts: tenancy, the steps, the plan that an approval signs, and that production
gets exactly the versions that staging verified. Functions run as the owner, and see the rows of the stated clients.
"""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


def _parent(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [f"ALTER TABLE {table} ADD CONSTRAINT {table}_id_client UNIQUE (id, client_id)"],
        [f"ALTER TABLE {table} DROP CONSTRAINT {table}_id_client"],
    )


def _same_client(table: str, column: str, parent: str) -> migrations.RunSQL:
    name = f"{table}_{column}_same_client"
    return migrations.RunSQL(
        [
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
            "DEFERRABLE INITIALLY IMMEDIATE NOT VALID",
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
        ],
        [f"ALTER TABLE {table} DROP CONSTRAINT {name}"],
    )


def _function(name: str, body: str, *, arguments: str = "", returns: str = "trigger") -> migrations.RunSQL:
    return migrations.RunSQL(
        [
            f"CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = pg_catalog, public AS $${body}$$"
        ],
        [f"DROP FUNCTION {name}({arguments})"],
    )


def _trigger(name: str, table: str, when: str, function: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"], [f"DROP TRIGGER {name} ON {table}"]
    )


# A verdict of "verified", or somebody who stands for the run by name.
VERIFIED = """
BEGIN
    RETURN EXISTS (
        SELECT FROM maintenance_runpackage p JOIN maintenance_updaterun r ON r.id = p.run_id
        WHERE r.system_id = a_system AND r.kind = 'apt-apply' AND r.state = 'finished'
          AND p.package = a_package AND p.architecture = an_architecture AND p.to_version = a_version
          AND (r.verdict = 'verified' OR EXISTS (SELECT FROM maintenance_verdictoverrule o WHERE o.run_id = r.id)));
END """

# The staging twin verified it; or, where there is no twin or the twin lacks the package, the declared alternative holds.
MAY_GO = """
DECLARE
    twin bigint;
BEGIN
    SELECT staging_twin_id INTO twin FROM clients_system WHERE id = a_system;
    IF twin IS NOT NULL AND retainer_verified_on(twin, a_package, an_architecture, a_version) THEN
        RETURN true;
    END IF;
    IF twin IS NOT NULL AND EXISTS (
        SELECT FROM maintenance_installedpackage i
        WHERE i.system_id = twin AND i.name = a_package AND i.architecture = an_architecture) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT FROM maintenance_stagingalternative a
        WHERE a.system_id = a_system AND a.revoked_at IS NULL AND a.expires_at > now()
          AND (a.kind = 'exception' OR retainer_verified_on(a.canary_id, a_package, an_architecture, a_version)));
END """

APPROVED_RUN = """
BEGIN
    IF NEW.kind IN ('apt-apply', 'restart', 'reboot')
       AND EXISTS (SELECT FROM clients_system s WHERE s.id = NEW.system_id AND s.environment = 'production')
       AND NOT EXISTS (
           SELECT FROM maintenance_rollouttarget t JOIN maintenance_rollout r ON r.id = t.rollout_id
           JOIN maintenance_rolloutapproval a ON a.rollout_id = r.id
           WHERE t.id = NEW.target_id AND t.system_id = NEW.system_id AND r.state = 'production' AND a.plan_hash = r.plan_hash) THEN
        RAISE EXCEPTION 'no approved rollout covers this run on production'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'production_needs_an_approved_rollout';
    END IF;
    RETURN NEW;
END """

APPROVED_PACKAGE = """
DECLARE
    run record;
BEGIN
    SELECT r.kind, r.system_id, r.target_id, r.undoes_id, s.environment INTO run
    FROM maintenance_updaterun r JOIN clients_system s ON s.id = r.system_id WHERE r.id = NEW.run_id;
    IF run.kind = 'apt-rollback' THEN
        IF NOT EXISTS (
            SELECT FROM maintenance_runpackage p WHERE p.run_id = run.undoes_id AND p.package = NEW.package
            AND p.architecture = NEW.architecture AND p.from_version = NEW.to_version) THEN
            RAISE EXCEPTION 'a rollback goes back to what was before: not % %', NEW.package, NEW.to_version
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_rollback_goes_back';
        END IF;
        RETURN NEW;
    END IF;
    IF run.environment <> 'production' THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT FROM maintenance_plannedchange c WHERE c.target_id = run.target_id AND c.package = NEW.package
        AND c.architecture = NEW.architecture AND c.from_version = NEW.from_version AND c.to_version = NEW.to_version) THEN
        RAISE EXCEPTION '% % is not part of the approved plan', NEW.package, NEW.to_version
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'production_follows_its_plan';
    END IF;
    IF NOT retainer_may_go(run.system_id, NEW.package, NEW.architecture, NEW.to_version) THEN
        RAISE EXCEPTION '% % was not verified on staging', NEW.package, NEW.to_version
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'production_needs_staging';
    END IF;
    RETURN NEW;
END """

# What a run is about is written once: its package rows may only learn what was found afterwards.
FIXED_PACKAGE = """
BEGIN
    IF (NEW.run_id, NEW.package, NEW.architecture, NEW.from_version, NEW.to_version)
       IS DISTINCT FROM (OLD.run_id, OLD.package, OLD.architecture, OLD.from_version, OLD.to_version) THEN
        RAISE EXCEPTION 'what a run is to do does not change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_run_keeps_its_packages';
    END IF;
    RETURN NEW;
END """

FIXED_RUN = """
BEGIN
    IF (NEW.system_id, NEW.kind, NEW.target_id, NEW.undoes_id, NEW.units)
       IS DISTINCT FROM (OLD.system_id, OLD.kind, OLD.target_id, OLD.undoes_id, OLD.units) THEN
        RAISE EXCEPTION 'what a run is to do does not change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_run_keeps_its_purpose';
    END IF;
    RETURN NEW;
END """

# One production system of a role at a time: whoever comes second waits for the client's lock and then sees the first.
ONE_OF_A_ROLE = """
DECLARE
    mine record;
BEGIN
    SELECT id, environment, roles INTO mine FROM clients_system WHERE id = NEW.system_id;
    IF mine.environment <> 'production' THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('retainer_one_of_a_role'), NEW.client_id::integer);
    IF EXISTS (
        SELECT FROM maintenance_updaterun r JOIN clients_system s ON s.id = r.system_id
        WHERE r.client_id = NEW.client_id AND r.state <> 'finished' AND s.id <> mine.id AND s.environment = 'production'
          AND (s.roles && mine.roles OR (cardinality(s.roles) = 0 AND cardinality(mine.roles) = 0))) THEN
        RAISE EXCEPTION 'a change is under way on another system of this role'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'one_system_of_a_role';
    END IF;
    RETURN NEW;
END """

STEP = """
BEGIN
    IF NEW.plan_hash <> OLD.plan_hash AND OLD.plan_hash <> '' THEN
        RAISE EXCEPTION 'a plan that stands does not change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_plan_stands';
    END IF;
    IF (NEW.asked_by_id, NEW.emergency, NEW.client_id) IS DISTINCT FROM (OLD.asked_by_id, OLD.emergency, OLD.client_id) THEN
        RAISE EXCEPTION 'who asked does not change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_plan_stands';
    END IF;
    IF NEW.state = OLD.state THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT FROM (VALUES
            ('staging', 'soaking'), ('staging', 'finished'), ('staging', 'stopped'), ('staging', 'cancelled'),
            ('soaking', 'planning'), ('soaking', 'stopped'), ('soaking', 'cancelled'),
            ('planning', 'approval'), ('planning', 'stopped'), ('planning', 'cancelled'),
            ('approval', 'scheduled'), ('approval', 'stopped'), ('approval', 'cancelled'),
            ('scheduled', 'production'), ('scheduled', 'stopped'), ('scheduled', 'cancelled'),
            ('production', 'finished'), ('production', 'stopped')
        ) AS step (old, new) WHERE step.old = OLD.state AND step.new = NEW.state) THEN
        RAISE EXCEPTION 'a rollout does not go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rollout_steps';
    END IF;
    IF NEW.state IN ('scheduled', 'production') AND NOT EXISTS (
        SELECT FROM maintenance_rolloutapproval a WHERE a.rollout_id = NEW.id AND a.plan_hash = NEW.plan_hash) THEN
        RAISE EXCEPTION 'nobody approved this plan' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'production_needs_approval';
    END IF;
    RETURN NEW;
END """

FIXED_PLAN = """
DECLARE
    about bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.target_id ELSE NEW.target_id END;
BEGIN
    IF EXISTS (
        SELECT FROM maintenance_rollouttarget t JOIN maintenance_rollout r ON r.id = t.rollout_id
        WHERE t.id = about AND r.plan_hash <> '') OR (TG_OP = 'UPDATE' AND NEW.target_id <> OLD.target_id) THEN
        RAISE EXCEPTION 'a plan that stands does not change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_plan_stands';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END """

APPROVAL = """
BEGIN
    IF NOT EXISTS (
        SELECT FROM maintenance_rollout r WHERE r.id = NEW.rollout_id AND r.plan_hash = NEW.plan_hash AND r.state = 'approval') THEN
        RAISE EXCEPTION 'an approval is of the plan as it stands' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'approval_of_the_plan';
    END IF;
    RETURN NEW;
END """

OVERRULE = """
BEGIN
    IF EXISTS (SELECT FROM maintenance_updaterun r WHERE r.id = NEW.run_id
               AND (r.state <> 'finished' OR r.verdict = 'verified' OR r.started_by_id = NEW.overruled_by_id)) THEN
        RAISE EXCEPTION 'only a finished run that was not verified, and not one''s own'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'nobody_overrules_their_own';
    END IF;
    RETURN NEW;
END """

_VERSION = "a_system bigint, a_package text, an_architecture text, a_version text"
CLIENTS = {
    "maintenance_rollouttarget": (("rollout_id", "maintenance_rollout"), ("system_id", "clients_system")),
    "maintenance_plannedchange": (("target_id", "maintenance_rollouttarget"), ("update_id", "maintenance_pendingupdate")),
    "maintenance_rolloutapproval": (("rollout_id", "maintenance_rollout"),),
    "maintenance_stagingalternative": (("system_id", "clients_system"), ("canary_id", "clients_system")),
    "maintenance_maintenancewindow": (("system_id", "clients_system"),),
    "maintenance_verificationcheck": (("system_id", "clients_system"),),
    "maintenance_verdictoverrule": (("run_id", "maintenance_updaterun"),),
    "maintenance_updaterun": (("target_id", "maintenance_rollouttarget"), ("undoes_id", "maintenance_updaterun")),
}


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0007_rollouts")]

    operations = [
        ValidateConstraint("updaterun", "update_run_kind_known"),
        ValidateConstraint("updaterun", "a_rollback_says_of_what"),
        _parent("maintenance_rollout"),
        _parent("maintenance_rollouttarget"),
        *(_same_client(table, column, parent) for table, columns in CLIENTS.items() for column, parent in columns),
        migrations.RunSQL(
            [
                "ALTER TABLE maintenance_rolloutapproval ADD CONSTRAINT approval_names_who_asked "
                "FOREIGN KEY (rollout_id, asked_by_id) REFERENCES maintenance_rollout (id, asked_by_id) DEFERRABLE INITIALLY IMMEDIATE"
            ],
            ["ALTER TABLE maintenance_rolloutapproval DROP CONSTRAINT approval_names_who_asked"],
        ),
        _function("retainer_verified_on", VERIFIED, arguments=_VERSION, returns="boolean"),
        _function("retainer_may_go", MAY_GO, arguments=_VERSION, returns="boolean"),
        _function("retainer_approved_run", APPROVED_RUN),
        _function("retainer_approved_package", APPROVED_PACKAGE),
        _function("retainer_fixed_package", FIXED_PACKAGE),
        _function("retainer_fixed_run", FIXED_RUN),
        _function("retainer_one_of_a_role", ONE_OF_A_ROLE),
        _function("retainer_rollout_step", STEP),
        _function("retainer_fixed_plan", FIXED_PLAN),
        _function("retainer_approval_of_plan", APPROVAL),
        _function("retainer_overrule", OVERRULE),
        _trigger("approved_run", "maintenance_updaterun", "BEFORE INSERT", "retainer_approved_run"),
        _trigger("one_of_a_role", "maintenance_updaterun", "BEFORE INSERT", "retainer_one_of_a_role"),
        _trigger("fixed_run", "maintenance_updaterun", "BEFORE UPDATE", "retainer_fixed_run"),
        _trigger("approved_package", "maintenance_runpackage", "BEFORE INSERT", "retainer_approved_package"),
        _trigger("fixed_package", "maintenance_runpackage", "BEFORE UPDATE", "retainer_fixed_package"),
        _trigger("rollout_step", "maintenance_rollout", "BEFORE UPDATE", "retainer_rollout_step"),
        _trigger("fixed_plan", "maintenance_plannedchange", "BEFORE INSERT OR UPDATE OR DELETE", "retainer_fixed_plan"),
        _trigger("approval_of_plan", "maintenance_rolloutapproval", "BEFORE INSERT", "retainer_approval_of_plan"),
        _trigger("approval_append_only", "maintenance_rolloutapproval", "BEFORE UPDATE OR DELETE", "retainer_append_only"),
        _trigger("overrule_checked", "maintenance_verdictoverrule", "BEFORE INSERT", "retainer_overrule"),
        _trigger("overrule_append_only", "maintenance_verdictoverrule", "BEFORE UPDATE OR DELETE", "retainer_append_only"),
        _trigger("client_not_ended", "maintenance_rollout", "BEFORE INSERT", "retainer_client_not_ended"),
    ]
