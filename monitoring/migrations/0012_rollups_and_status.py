"""Results over longer times, for years; status pages; times in which nobody looked."""

import django.db.models.deletion
from django.db import migrations, models

# Five minutes for a quarter of a year, hours for two years, days for ten; a partition a month, or a year for days.
PARTITIONS = """
DECLARE
    kind record;
    first date;
    name text;
BEGIN
    FOR kind IN SELECT * FROM (VALUES ('5m', 300, 'month', 100), ('1h', 3600, 'month', 750), ('1d', 86400, 'year', 3700)) AS k(label, step, span, keep) LOOP
        FOR first IN SELECT generate_series(date_trunc(kind.span, today::timestamp - interval '2 days'), today + interval '40 days', ('1 ' || kind.span)::interval)::date LOOP
            name := 'monitoring_rollup_' || kind.label || '_' || to_char(first, 'YYYYMMDD');
            IF to_regclass('public.' || name) IS NULL THEN
                EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', name,
                    'monitoring_rollup_' || kind.label, first::timestamp AT TIME ZONE 'UTC',
                    (first + ('1 ' || kind.span)::interval) AT TIME ZONE 'UTC');
            END IF;
        END LOOP;
        FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = ('public.monitoring_rollup_' || kind.label)::regclass
            AND to_date(right(c.relname, 8), 'YYYYMMDD') + ('1 ' || kind.span)::interval < today - kind.keep LOOP
            EXECUTE format('DROP TABLE public.%I', name);
        END LOOP;
    END LOOP;
END """


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_ended_clients_ranges_and_notes"),
        ("monitoring", "0011_incident_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Blindness",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("ended_at__gt", models.F("began_at"))), name="a_blindness_ends"),
                    models.UniqueConstraint(fields=("began_at",), name="one_blindness_of_a_time"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RolledUp",
            fields=[
                ("step", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("step__in", [300, 3600, 86400])), name="rolled_up_step_known")
                ],
            },
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Rollup",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "step", "check_row", "at", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("step", models.PositiveIntegerField()),
                        ("at", models.DateTimeField()),
                        ("values_n", models.PositiveIntegerField()),
                        ("total", models.FloatField(null=True)),
                        ("low", models.FloatField(null=True)),
                        ("high", models.FloatField(null=True)),
                        ("up_s", models.FloatField()),
                        ("down_s", models.FloatField()),
                        (
                            "check_row",
                            models.ForeignKey(
                                db_column="check_id",
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="rollups",
                                to="monitoring.check",
                            ),
                        ),
                        ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
            ]
        ),
        migrations.CreateModel(
            name="StatusPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=60, unique=True)),
                ("title", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(max_length=254)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("client",), name="one_status_page_of_a_client"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("title", ""), _negated=True), models.Q(("slug", ""), _negated=True)),
                        name="a_status_page_has_a_title",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            [
                "CREATE TABLE monitoring_rollup (step integer NOT NULL, check_id bigint NOT NULL, client_id bigint NOT NULL, "
                "at timestamptz NOT NULL, values_n integer NOT NULL, total double precision, low double precision, high double precision, "
                "up_s double precision NOT NULL, down_s double precision NOT NULL, PRIMARY KEY (step, check_id, at), "
                "CONSTRAINT rollup_seconds_fit CHECK (up_s >= 0 AND down_s >= 0 AND up_s + down_s <= step + 1), "
                "CONSTRAINT monitoring_rollup_check_id_same_client FOREIGN KEY (check_id, client_id) REFERENCES monitoring_check (id, client_id)"
                ") PARTITION BY LIST (step)",
                *(
                    f"CREATE TABLE monitoring_rollup_{label} PARTITION OF monitoring_rollup FOR VALUES IN ({step}) PARTITION BY RANGE (at)"
                    for label, step in (("5m", 300), ("1h", 3600), ("1d", 86_400))
                ),
                "CREATE FUNCTION retainer_rollup_partitions(today date) RETURNS void LANGUAGE plpgsql "
                f"SECURITY DEFINER SET search_path = pg_catalog, public AS $${PARTITIONS}$$",
                "SELECT retainer_rollup_partitions((now() AT TIME ZONE 'UTC')::date)",
            ],
            ["DROP TABLE monitoring_rollup", "DROP FUNCTION retainer_rollup_partitions(date)"],
        ),
    ]
