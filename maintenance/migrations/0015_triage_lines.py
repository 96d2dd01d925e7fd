"""Lines of the triage queue, and the triggers that note which of them a write made stale."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

FUNCTIONS = """
CREATE FUNCTION retainer_note_triage_stale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO maintenance_triagestale (client_id, source, candidate_version)
        SELECT DISTINCT client_id, source, candidate_version FROM fresh WHERE gone_at IS NULL;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO maintenance_triagestale (client_id, source, candidate_version)
        SELECT DISTINCT client_id, source, candidate_version FROM former WHERE gone_at IS NULL;
    ELSE
        -- a scan writes what it found again: only a row that differs makes a line stale
        INSERT INTO maintenance_triagestale (client_id, source, candidate_version)
        SELECT DISTINCT touched.* FROM former o JOIN fresh n ON n.id = o.id,
            LATERAL (VALUES (o.client_id, o.source, o.candidate_version), (n.client_id, n.source, n.candidate_version)) AS touched
        WHERE (o.gone_at IS NULL OR n.gone_at IS NULL) AND o IS DISTINCT FROM n;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION retainer_note_triage_stale_system() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO maintenance_triagestale (client_id, source, candidate_version)
    SELECT DISTINCT client_id, source, candidate_version FROM maintenance_pendingupdate WHERE system_id = NEW.id AND gone_at IS NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER note_triage_stale_insert AFTER INSERT ON maintenance_pendingupdate
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION retainer_note_triage_stale();
CREATE TRIGGER note_triage_stale_update AFTER UPDATE ON maintenance_pendingupdate
    REFERENCING OLD TABLE AS former NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION retainer_note_triage_stale();
CREATE TRIGGER note_triage_stale_delete AFTER DELETE ON maintenance_pendingupdate
    REFERENCING OLD TABLE AS former FOR EACH STATEMENT EXECUTE FUNCTION retainer_note_triage_stale();
CREATE TRIGGER note_triage_stale_system AFTER UPDATE OF environment ON clients_system
    FOR EACH ROW WHEN (OLD.environment IS DISTINCT FROM NEW.environment) EXECUTE FUNCTION retainer_note_triage_stale_system();
"""
UNDO = """
DROP TRIGGER note_triage_stale_system ON clients_system;
DROP TRIGGER note_triage_stale_delete ON maintenance_pendingupdate;
DROP TRIGGER note_triage_stale_update ON maintenance_pendingupdate;
DROP TRIGGER note_triage_stale_insert ON maintenance_pendingupdate;
DROP FUNCTION retainer_note_triage_stale_system();
DROP FUNCTION retainer_note_triage_stale();
"""
# What is pending when this is deployed; the first look at the queue makes its lines.
FILL = (
    "INSERT INTO maintenance_triagestale (client_id, source, candidate_version) "
    "SELECT DISTINCT client_id, source, candidate_version FROM maintenance_pendingupdate WHERE gone_at IS NULL"
)


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("maintenance", "0014_run_of_document"),
    ]

    operations = [
        migrations.CreateModel(
            name="TriageStale",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=200)),
                ("candidate_version", models.CharField(max_length=200)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TriageLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("environment", models.CharField(choices=[("staging", "Staging"), ("production", "Production")], max_length=16)),
                ("source", models.CharField(max_length=200)),
                ("candidate_version", models.CharField(max_length=200)),
                ("is_security", models.BooleanField(null=True)),
                ("decision_kind", models.CharField(blank=True, max_length=16)),
                ("defer_until", models.DateTimeField(null=True)),
                ("reasons", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("system_ids", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("systems_total", models.PositiveIntegerField()),
                ("packages", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), size=None)),
                ("package_names", models.TextField()),
                ("installed", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), size=None)),
                ("obstacles", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16), size=None)),
                ("exposures", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), size=None)),
                ("exposed_ids", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("first_due_at", models.DateTimeField()),
                ("waiting_since", models.DateTimeField()),
                ("newest_seen_at", models.DateTimeField()),
                ("known_exploited_since", models.DateField(null=True)),
                ("last_exploited_since", models.DateField(null=True)),
                ("worst_place", models.PositiveSmallIntegerField()),
                ("highest_likelihood", models.DecimalField(decimal_places=5, max_digits=6, null=True)),
                ("advisories_most", models.PositiveIntegerField()),
                ("priority", models.PositiveSmallIntegerField(choices=[(1, "Urgent"), (2, "High"), (3, "Normal"), (4, "Low")])),
                ("example_id", models.BigIntegerField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["client", "source", "candidate_version"], name="triage_line_of_update"),
                    models.Index(fields=["source", "candidate_version"], name="triage_line_by_update"),
                ],
            },
        ),
        migrations.RunSQL([FUNCTIONS], [UNDO]),
        migrations.RunSQL([FILL], migrations.RunSQL.noop),
    ]
