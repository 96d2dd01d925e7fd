"""What belongs to a ticket belongs to its client; threads, statements and calendars stand; states follow one another as they may."""

from django.db import migrations

_HEAD = "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${}$$"

# only who wrote it may become unknown, when an account is removed
THREAD = """
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.body, OLD.quoted, OLD.kind, OLD.via, OLD.author_label, OLD.is_ours, OLD.created_at, OLD.client_id)
        IS NOT DISTINCT FROM (NEW.body, NEW.quoted, NEW.kind, NEW.via, NEW.author_label, NEW.is_ours, NEW.created_at, NEW.client_id)
        AND (OLD.author_id = NEW.author_id OR NEW.author_id IS NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a line of a thread stays as it was written'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_thread_stands';
END """

STATES = """
BEGIN
    IF OLD.state <> NEW.state AND NOT (
        (OLD.state = 'new' AND NEW.state IN ('open', 'waiting', 'resolved', 'merged'))
        OR (OLD.state = 'open' AND NEW.state IN ('waiting', 'resolved', 'merged'))
        OR (OLD.state = 'waiting' AND NEW.state IN ('open', 'resolved', 'merged'))
        OR (OLD.state = 'resolved' AND NEW.state = 'open')) THEN
        RAISE EXCEPTION 'a ticket does not go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ticket_states_follow';
    END IF;
    IF (OLD.calendar_id, OLD.response_h, OLD.resolution_h, OLD.created_at, OLD.client_id)
        IS DISTINCT FROM (NEW.calendar_id, NEW.response_h, NEW.resolution_h, NEW.created_at, NEW.client_id)
        AND OLD.priority = NEW.priority THEN
        RAISE EXCEPTION 'what was promised for a ticket stays promised'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'promises_stand';
    END IF;
    RETURN NEW;
END """

STANDS = """
BEGIN
    RAISE EXCEPTION 'this stays as it was written'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'this_stands';
END """

# what a statement holds is billed: it is in no other one, and says what it said
BILLED = """
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'hours are taken back by a reversal' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'hours_stand';
    END IF;
    IF OLD.statement_id IS NOT NULL AND OLD.statement_id IS DISTINCT FROM NEW.statement_id THEN
        RAISE EXCEPTION 'these hours are billed already' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'billed_once';
    END IF;
    IF (OLD.hours, OLD.spent_on, OLD.words, OLD.work, OLD.client_id, OLD.ticket_id, OLD.reverses_id)
        IS DISTINCT FROM (NEW.hours, NEW.spent_on, NEW.words, NEW.work, NEW.client_id, NEW.ticket_id, NEW.reverses_id) THEN
        RAISE EXCEPTION 'hours are taken back by a reversal' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'hours_stand';
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


def _trigger(name: str, body: str, when: str, *tables: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [
            _HEAD.format(f"retainer_{name}", body),
            *(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION retainer_{name}()" for table in tables),
        ],
        [*(f"DROP TRIGGER {name} ON {table}" for table in tables), f"DROP FUNCTION retainer_{name}()"],
    )


class Migration(migrations.Migration):
    dependencies = [("support", "0001_tickets_mail_hours_and_knowledge")]

    operations = [
        _by_client("clients_businesshours"),
        _by_client("support_ticket"),
        _by_client("support_message"),
        _by_client("support_statement"),
        _by_client("support_timeentry"),
        _same_client("support_ticket", "calendar_id", "clients_businesshours"),
        _same_client("support_ticket", "system_id", "clients_system"),
        _same_client("support_ticket", "merged_into_id", "support_ticket"),
        *(
            _same_client(f"support_{table}", "ticket_id", "support_ticket")
            for table in ("message", "watcher", "wait", "link", "timeentry", "timer", "outgoingmail")
        ),
        *(_same_client(f"support_{table}", "message_id", "support_message") for table in ("attachment",)),
        *(_same_client(f"support_{table}", "line_id", "support_message") for table in ("incomingmail", "outgoingmail")),
        _same_client("support_timeentry", "statement_id", "support_statement"),
        _same_client("support_timeentry", "reverses_id", "support_timeentry"),
        _trigger("a_thread_stands", THREAD, "BEFORE UPDATE OR DELETE", "support_message"),
        _trigger("ticket_states_follow", STATES, "BEFORE UPDATE", "support_ticket"),
        _trigger(
            "this_stands",
            STANDS,
            "BEFORE UPDATE OR DELETE",
            "clients_businesshours",
            "support_statement",
            "support_attachment",
            "support_plan",
        ),
        _trigger("hours_stand", BILLED, "BEFORE UPDATE OR DELETE", "support_timeentry"),
    ]
