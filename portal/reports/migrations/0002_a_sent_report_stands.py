"""A report that was sent stays as it was sent."""

from django.db import migrations

_STANDS = """
CREATE FUNCTION retainer_a_sent_report_stands() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF OLD.state = 'sent' THEN
        RAISE EXCEPTION 'a report that was sent stays as it is'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_sent_report_stands';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_monthly_reports")]

    operations = [
        migrations.RunSQL(
            [
                _STANDS,
                "CREATE TRIGGER a_sent_report_stands BEFORE UPDATE OR DELETE ON reports_report "
                "FOR EACH ROW EXECUTE FUNCTION retainer_a_sent_report_stands()",
            ],
            ["DROP TRIGGER a_sent_report_stands ON reports_report", "DROP FUNCTION retainer_a_sent_report_stands()"],
        )
    ]
