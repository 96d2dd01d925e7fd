"""What the database holds of a handover: whose rows belong together, what stands once it is written, who may fetch a package."""

from django.db import migrations


def _identity(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_id_client UNIQUE (id, client_id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_id_client",
    )


def _same_client(table: str, column: str, parent: str) -> migrations.RunSQL:
    name = f"{table}_{column}_same_client"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
        "DEFERRABLE INITIALLY IMMEDIATE",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def _rule(name: str, table: str, when: str, body: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [
            f"CREATE FUNCTION retainer_{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $${body}$$",
            f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION retainer_{name}()",
        ],
        [f"DROP TRIGGER {name} ON {table}", f"DROP FUNCTION retainer_{name}()"],
    )


def _append_only(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION retainer_append_only()",
        f"DROP TRIGGER append_only ON {table}",
    )


DOCUMENT_STANDS = """
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.system_id, NEW.number, NEW.facts, NEW.sha256, NEW.collected_at)
       IS DISTINCT FROM (OLD.system_id, OLD.number, OLD.facts, OLD.sha256, OLD.collected_at) THEN
        RAISE EXCEPTION 'a version of a document stands' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_document_stands';
    END IF;
    RETURN NEW;
END """

REHEARSED_ON_STAGING = """
BEGIN
    IF NOT EXISTS (SELECT FROM clients_system s WHERE s.id = NEW.system_id AND s.environment = 'staging') THEN
        RAISE EXCEPTION 'runbooks are rehearsed on staging' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rehearsed_on_staging';
    END IF;
    RETURN NEW;
END """

REHEARSAL_STANDS = """
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state = 'finished' THEN
        RAISE EXCEPTION 'what a rehearsal showed stands' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_finished_rehearsal_stands';
    END IF;
    IF (NEW.runbook_id, NEW.system_id, NEW.sha256, NEW.client_id) IS DISTINCT FROM (OLD.runbook_id, OLD.system_id, OLD.sha256, OLD.client_id) THEN
        RAISE EXCEPTION 'a rehearsal keeps its runbook' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_rehearsal_keeps_its_runbook';
    END IF;
    RETURN NEW;
END """

# A package that was ready stays as it is until it is gone; one that is blocked, failed or gone does not come back.
PACKAGE_STATES = """
BEGIN
    IF OLD.state = 'ready' AND (NEW.state NOT IN ('ready', 'gone') OR (NEW.sha256, NEW.size_b) IS DISTINCT FROM (OLD.sha256, OLD.size_b)
            OR NEW.downloads_left > OLD.downloads_left OR NEW.until > OLD.until)
        OR OLD.state = 'gone' AND NEW.state <> 'gone' OR OLD.state IN ('failed', 'blocked') AND NEW.state NOT IN (OLD.state, 'queued', 'gone') THEN
        RAISE EXCEPTION 'a package does not go back' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'package_states';
    END IF;
    RETURN NEW;
END """

# Whatever the code says: the client's owner, while it is ready and its date has not come. How often, downloads_left holds.
FETCHED_BY_OWNER = """
BEGIN
    IF NOT EXISTS (SELECT FROM handover_package p WHERE p.id = NEW.package_id AND p.state = 'ready' AND p.until > NEW.at)
        OR NOT EXISTS (SELECT FROM accounts_membership m WHERE m.user_id = NEW.user_id AND m.client_id = NEW.client_id AND m.role = 'owner') THEN
        RAISE EXCEPTION 'only the owner fetches a package, while it is there'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'fetched_by_the_owner';
    END IF;
    RETURN NEW;
END """

SET_BY_OWNER = """
BEGIN
    IF NOT EXISTS (SELECT FROM accounts_membership m WHERE m.user_id = NEW.set_by_id AND m.client_id = NEW.client_id AND m.role = 'owner') THEN
        RAISE EXCEPTION 'only the owner says how credentials are encrypted'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'receiving_key_set_by_the_owner';
    END IF;
    RETURN NEW;
END """

# What was signed stays signed.
SIGNED_STANDS = """
BEGIN
    IF OLD.signed_at IS NOT NULL THEN
        RAISE EXCEPTION 'what was signed stands' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'what_was_signed_stands';
    END IF;
    RETURN coalesce(NEW, OLD);
END """

# A step that is proven stays so, and what was sent to a host is not sent as if it had not been.
STEP_STANDS = """
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM handover_lettinggo l WHERE l.id = OLD.letting_id AND l.state <> 'dry') THEN
        RAISE EXCEPTION 'steps of letting go stand' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'letting_steps_stand';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'proven' AND (NEW.state <> 'proven' OR NEW.evidence IS DISTINCT FROM OLD.evidence) THEN
        RAISE EXCEPTION 'what is proven stands' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'letting_steps_stand';
    END IF;
    RETURN coalesce(NEW, OLD);
END """


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_language"),
        ("clients", "0005_rehearsals"),
        ("handover", "0001_initial"),
        ("maintenance", "0002_tenancy_and_append_only"),
        ("vault", "0003_credential_url_and_notes"),
    ]

    operations = [
        *(_identity(f"handover_{name}") for name in ("runbook", "package", "handover", "teachingsession", "lettinggo")),
        *(
            _same_client(f"handover_{name}", "system_id", "clients_system")
            for name in ("papers", "systemdocument", "monthdifference", "prose", "runbook", "rehearsal", "walkthrough", "lettingstep")
        ),
        _same_client("handover_rehearsal", "runbook_id", "handover_runbook"),
        _same_client("handover_credentialproof", "credential_id", "vault_credential"),
        _same_client("handover_download", "package_id", "handover_package"),
        _same_client("handover_checklistitem", "handover_id", "handover_handover"),
        _same_client("handover_teachingsession", "handover_id", "handover_handover"),
        _same_client("handover_teachingsession", "runbook_id", "handover_runbook"),
        _same_client("handover_attendance", "session_id", "handover_teachingsession"),
        _same_client("handover_question", "session_id", "handover_teachingsession"),
        _same_client("handover_lettingstep", "letting_id", "handover_lettinggo"),
        _same_client("handover_lettingstep", "credential_id", "vault_credential"),
        *(_append_only(f"handover_{name}") for name in ("monthdifference", "credentialproof", "download", "prose")),
        _rule("document_stands", "handover_systemdocument", "BEFORE UPDATE OR DELETE", DOCUMENT_STANDS),
        _rule("rehearsed_on_staging", "handover_rehearsal", "BEFORE INSERT", REHEARSED_ON_STAGING),
        _rule("rehearsal_stands", "handover_rehearsal", "BEFORE UPDATE OR DELETE", REHEARSAL_STANDS),
        _rule("package_states", "handover_package", "BEFORE UPDATE", PACKAGE_STATES),
        _rule("fetched_by_owner", "handover_download", "BEFORE INSERT", FETCHED_BY_OWNER),
        _rule("receiving_key_of_owner", "handover_receivingkey", "BEFORE INSERT", SET_BY_OWNER),
        _rule("signed_stands", "handover_attendance", "BEFORE UPDATE OR DELETE", SIGNED_STANDS),
        _rule("letting_step_stands", "handover_lettingstep", "BEFORE UPDATE OR DELETE", STEP_STANDS),
    ]
