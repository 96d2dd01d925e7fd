"""What the database itself holds of the promise: tenancy, who may accept a risk, and that what was said stays said."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


def _same_client(table: str) -> migrations.RunSQL:
    name = f"{table}_update_id_same_client"
    return migrations.RunSQL(
        [
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (update_id, client_id) "
            "REFERENCES maintenance_pendingupdate (id, client_id) DEFERRABLE INITIALLY IMMEDIATE"
        ],
        [f"ALTER TABLE {table} DROP CONSTRAINT {name}"],
    )


def _function(name: str, body: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${body}$$"
        ],
        [f"DROP FUNCTION {name}()"],
    )


def _trigger(name: str, table: str, when: str, function: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"], [f"DROP TRIGGER {name} ON {table}"]
    )


# Only an owner at that very client answers, and an answer stays.
ANSWER = """
BEGIN
    IF TG_OP = 'DELETE' OR OLD.accepted IS NOT NULL
       OR (NEW.client_id, NEW.update_id, NEW.reason, NEW.until, NEW.asked_at, NEW.asked_by_id)
          IS DISTINCT FROM (OLD.client_id, OLD.update_id, OLD.reason, OLD.until, OLD.asked_at, OLD.asked_by_id) THEN
        RAISE EXCEPTION 'what was asked and answered stays' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_risk_stays';
    END IF;
    IF NEW.answered_by_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM accounts_membership m
        WHERE m.user_id = NEW.answered_by_id AND m.client_id = NEW.client_id AND m.role = 'owner') THEN
        RAISE EXCEPTION 'a risk is accepted by the client''s owner'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'the_owner_takes_the_risk';
    END IF;
    RETURN NEW;
END """
ASKED = """
BEGIN
    IF NEW.accepted IS NOT NULL THEN
        RAISE EXCEPTION 'a risk is asked first, then answered' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_risk_is_asked_first';
    END IF;
    RETURN NEW;
END """
# A breach is stated once, and never goes away.
BREACH = """
BEGIN
    IF TG_OP = 'DELETE' OR OLD.reason <> '' OR (NEW.client_id, NEW.update_id, NEW.due_at, NEW.noted_at)
       IS DISTINCT FROM (OLD.client_id, OLD.update_id, OLD.due_at, OLD.noted_at) THEN
        RAISE EXCEPTION 'a breach stays' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_breach_stays';
    END IF;
    RETURN NEW;
END """
CHECKS = ("update_obstacle_known", "update_priority_known", "update_end_known", "effective_was_installed", "installed_is_ended")


class Migration(migrations.Migration):
    dependencies = [("maintenance", "0009_promise")]

    operations = [
        *(ValidateConstraint("pendingupdate", name) for name in CHECKS),
        _same_client("maintenance_breach"),
        _same_client("maintenance_acceptedrisk"),
        _function("retainer_risk_answer", ANSWER),
        _function("retainer_risk_asked", ASKED),
        _function("retainer_breach_stays", BREACH),
        _trigger("risk_asked", "maintenance_acceptedrisk", "BEFORE INSERT", "retainer_risk_asked"),
        _trigger("risk_answer", "maintenance_acceptedrisk", "BEFORE UPDATE OR DELETE", "retainer_risk_answer"),
        _trigger("breach_stays", "maintenance_breach", "BEFORE UPDATE OR DELETE", "retainer_breach_stays"),
        _trigger("rules_append_only", "maintenance_priorityrules", "BEFORE UPDATE OR DELETE", "retainer_append_only"),
    ]
