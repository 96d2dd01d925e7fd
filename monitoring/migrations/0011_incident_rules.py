"""An incident is not closed while its cause is red; a timeline stays as it was written; all of it belongs to one client."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

_HEAD = "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${}$$"

STILL_RED = """
BEGIN
    IF NEW.state = 'resolved' AND EXISTS (SELECT FROM monitoring_alert a WHERE a.incident_id = NEW.id AND a.state <> 'closed') THEN
        RAISE EXCEPTION 'an alert of this incident is still open'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'not_resolved_while_red';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'resolved' AND NEW.state <> 'resolved' THEN
        RAISE EXCEPTION 'a resolved incident stays resolved: what comes back opens another one'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'resolved_stays_resolved';
    END IF;
    RETURN NEW;
END """

STANDS = """
BEGIN
    RAISE EXCEPTION 'a line of a timeline stays as it was written'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_timeline_stands';
END """

# of a resolved incident no alert may be opened, nor join it
JOINS_OPEN = """
BEGIN
    IF NEW.incident_id IS NOT NULL AND NEW.state <> 'closed' AND EXISTS (
        SELECT FROM monitoring_incident i WHERE i.id = NEW.incident_id AND i.state = 'resolved' FOR KEY SHARE) THEN
        RAISE EXCEPTION 'this incident is resolved' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'an_open_alert_joins_an_open_incident';
    END IF;
    RETURN NEW;
END """


def _same_client(table: str, column: str, parent: str) -> migrations.RunSQL:
    name = f"{table}_{column}_same_client"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
        "DEFERRABLE INITIALLY IMMEDIATE",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def _by_client(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_id_client UNIQUE (id, client_id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_id_client",
    )


def _trigger(name: str, body: str, when: str, table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [
            _HEAD.format(f"retainer_{name}", body),
            f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION retainer_{name}()",
        ],
        [f"DROP TRIGGER {name} ON {table}", f"DROP FUNCTION retainer_{name}()"],
    )


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0010_rounds_and_steps")]

    operations = [
        ValidateConstraint(model_name="delivery", name="delivery_event_known"),
        _by_client("monitoring_incident"),
        _by_client("monitoring_drill"),
        _same_client("monitoring_alert", "incident_id", "monitoring_incident"),
        _same_client("monitoring_incidententry", "incident_id", "monitoring_incident"),
        _same_client("monitoring_drill", "system_id", "clients_system"),
        _same_client("monitoring_proof", "drill_id", "monitoring_drill"),
        _trigger("not_resolved_while_red", STILL_RED, "BEFORE INSERT OR UPDATE", "monitoring_incident"),
        _trigger("a_timeline_stands", STANDS, "BEFORE UPDATE OR DELETE", "monitoring_incidententry"),
        _trigger("joins_an_open_incident", JOINS_OPEN, "BEFORE INSERT OR UPDATE OF incident_id, state", "monitoring_alert"),
    ]
