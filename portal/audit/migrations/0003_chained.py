"""The audit trail is chained: per client, each event carries its position, the hash before it and its own.

A trigger computes them, as the owner of the tables: the portal's own role can neither choose a hash nor move a chain's end.
Events from before get their place in the order in which they were written.
"""

import django.db.models.functions.comparison
from django.db import migrations, models

CANONICAL = """
CREATE FUNCTION audit_canonical(event audit_auditevent) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
    SELECT jsonb_build_array(
        event.previous_hash, event.position, event.id, to_char(event.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        event.actor_label, event.user_id, event.client_id, event.address, event.action, event.subject_type, event.subject_id,
        event.subject_label, event.details, event.before, event.after
    )::text
$$
"""
HASH = """
CREATE FUNCTION audit_hash(event audit_auditevent) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
    SELECT encode(sha256(convert_to(public.audit_canonical(event), 'UTF8')), 'hex')
$$
"""
CHAIN = """
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    this_chain bigint := coalesce(NEW.client_id, 0);
BEGIN
    INSERT INTO audit_auditchain (chain, position, hash) VALUES (this_chain, 0, '') ON CONFLICT DO NOTHING;
    -- locks the end of the chain until the caller commits: positions have no gaps and no twins
    SELECT position + 1, hash INTO NEW.position, NEW.previous_hash FROM audit_auditchain WHERE chain = this_chain FOR UPDATE;
    NEW.hash := audit_hash(NEW);
    UPDATE audit_auditchain SET position = NEW.position, hash = NEW.hash WHERE chain = this_chain;
    RETURN NEW;
END $$
"""
# As the owner, with the append-only trigger off for this one statement's transaction.
CHAIN_WHAT_IS_THERE = """
DO $$
DECLARE
    one audit_auditevent;
BEGIN
    ALTER TABLE audit_auditevent DISABLE TRIGGER audit_append_only;
    FOR one IN SELECT * FROM audit_auditevent ORDER BY id LOOP
        INSERT INTO audit_auditchain (chain, position, hash) VALUES (coalesce(one.client_id, 0), 0, '') ON CONFLICT DO NOTHING;
        SELECT position + 1, hash INTO one.position, one.previous_hash FROM audit_auditchain WHERE chain = coalesce(one.client_id, 0);
        one.hash := audit_hash(one);
        UPDATE audit_auditevent SET position = one.position, previous_hash = one.previous_hash, hash = one.hash WHERE id = one.id;
        UPDATE audit_auditchain SET position = one.position, hash = one.hash WHERE chain = coalesce(one.client_id, 0);
    END LOOP;
    ALTER TABLE audit_auditevent ENABLE TRIGGER audit_append_only;
END $$
"""


class Migration(migrations.Migration):
    # one transaction per step: the schema change first, so that no trigger event of it is pending in the loop
    dependencies = [("audit", "0002_append_only"), ("clients", "0002_tenancy_in_the_database")]

    operations = [
        migrations.CreateModel(
            name="AuditChain",
            fields=[
                ("chain", models.BigIntegerField(primary_key=True, serialize=False)),
                ("position", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="HostScript",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("text", models.TextField()),
                ("first_used_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField("AuditEvent", "address", models.CharField(db_default="", max_length=45)),
        migrations.AddField("AuditEvent", "before", models.JSONField(null=True)),
        migrations.AddField("AuditEvent", "after", models.JSONField(null=True)),
        migrations.AddField("AuditEvent", "position", models.BigIntegerField(null=True)),
        migrations.AddField("AuditEvent", "previous_hash", models.CharField(max_length=64, null=True)),
        migrations.AddField("AuditEvent", "hash", models.CharField(max_length=64, null=True)),
        migrations.AlterField("AuditEvent", "details", models.JSONField(default=dict)),
        migrations.RunSQL(
            [CANONICAL, HASH, CHAIN, CHAIN_WHAT_IS_THERE],
            ["DROP FUNCTION audit_chain", "DROP FUNCTION audit_hash", "DROP FUNCTION audit_canonical"],
        ),
        migrations.AlterField("AuditEvent", "position", models.BigIntegerField()),
        migrations.AlterField("AuditEvent", "previous_hash", models.CharField(max_length=64)),
        migrations.AlterField("AuditEvent", "hash", models.CharField(max_length=64)),
        migrations.RunSQL(
            ["CREATE TRIGGER audit_chain BEFORE INSERT ON audit_auditevent FOR EACH ROW EXECUTE FUNCTION audit_chain()"],
            ["DROP TRIGGER audit_chain ON audit_auditevent"],
        ),
        migrations.AddConstraint(
            "AuditEvent",
            models.UniqueConstraint(
                django.db.models.functions.comparison.Coalesce(models.F("client_id"), 0),
                models.F("position"),
                name="one_event_per_position",
            ),
        ),
        migrations.AddIndex("AuditEvent", models.Index(fields=["client", "-at"], name="audit_of_client")),
    ]
