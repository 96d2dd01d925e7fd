"""The audit trail only grows: a trigger refuses to change or remove its rows."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(
            [
                """
                CREATE FUNCTION retainer_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    RAISE EXCEPTION '% only grows: rows are never changed or removed', TG_TABLE_NAME
                        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
                END $$
                """,
                "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_auditevent "
                "FOR EACH ROW EXECUTE FUNCTION retainer_append_only()",
            ],
            ["DROP TRIGGER audit_append_only ON audit_auditevent", "DROP FUNCTION retainer_append_only()"],
        )
    ]
