"""Live terminals, and transfers of a download that go on where one broke."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _identity(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_id_client UNIQUE (id, client_id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_id_client",
    )


def _same_client(table: str, column: str, parent: str, more: str = "") -> migrations.RunSQL:
    name = f"{table}_{column}_same_client"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, client_id) REFERENCES {parent} (id, client_id) "
        f"{more}DEFERRABLE INITIALLY IMMEDIATE",
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


# What a sitting came to stands; what was typed and shown is added while it goes on, and by nobody else's client.
TERMINAL_STANDS = """
BEGIN
    IF OLD.state NOT IN ('asked', 'open') OR (NEW.system_id, NEW.client_id, NEW.started_by_id) IS DISTINCT FROM (OLD.system_id, OLD.client_id, OLD.started_by_id)
        OR OLD.state = 'open' AND NEW.state = 'asked' OR OLD.wish <> '' AND NEW.wish IS DISTINCT FROM OLD.wish THEN
        RAISE EXCEPTION 'a live terminal that ended stands' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'live_terminal_stands';
    END IF;
    RETURN NEW;
END """

PIECE_OF_OPEN = """
BEGIN
    PERFORM FROM handover_liveterminal t WHERE t.id = NEW.terminal_id AND t.state IN ('asked', 'open') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this live terminal ended' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'piece_of_an_open_terminal';
    END IF;
    RETURN NEW;
END """

# A transfer goes on for a day, while the package is there, some times.
TRANSFER_OF_DOWNLOAD = """
BEGIN
    PERFORM FROM handover_download d JOIN handover_package p ON p.id = d.package_id
        WHERE d.id = NEW.download_id AND p.state = 'ready' AND p.until > NEW.at AND d.at > NEW.at - interval '1 day' FOR UPDATE OF d;
    IF NOT FOUND OR (SELECT count(*) FROM handover_transfer t WHERE t.download_id = NEW.download_id) >= 50 THEN
        RAISE EXCEPTION 'this download is over' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'transfer_of_a_download';
    END IF;
    RETURN NEW;
END """


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0006_stand_by"),
        ("handover", "0002_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LiveTerminal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Being opened"),
                            ("open", "Open"),
                            ("kept", "Kept as a walkthrough"),
                            ("dropped", "Thrown away"),
                            ("failed", "Came to nothing"),
                        ],
                        default="asked",
                        max_length=8,
                    ),
                ),
                ("actor_label", models.CharField(max_length=254)),
                ("asked_at", models.DateTimeField()),
                ("opened_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("seen_at", models.DateTimeField()),
                (
                    "wish",
                    models.CharField(
                        blank=True, choices=[("kept", "Kept as a walkthrough"), ("dropped", "Thrown away")], default="", max_length=8
                    ),
                ),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("sealed_key", models.TextField(blank=True, default="")),
                ("problem", models.CharField(blank=True, default="", max_length=500)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "started_by",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
                (
                    "system",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="live_terminals", to="clients.system"),
                ),
                (
                    "walkthrough",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="terminal",
                        to="handover.walkthrough",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TerminalPiece",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(choices=[("typed", "Typed"), ("shown", "Shown"), ("chapter", "A chapter begins")], max_length=8),
                ),
                ("at_s", models.FloatField()),
                ("sealed", models.BinaryField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "terminal",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="pieces", to="handover.liveterminal"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_byte", models.PositiveBigIntegerField()),
                ("address", models.CharField(blank=True, default="", max_length=45)),
                ("at", models.DateTimeField()),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "download",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="transfers", to="handover.download"),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="liveterminal",
            index=models.Index(
                condition=models.Q(("state__in", ("asked", "open"))), fields=["claimed_until"], name="live_terminal_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="liveterminal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("asked", "open"))), fields=("system",), name="one_live_terminal_per_system"
            ),
        ),
        migrations.AddConstraint(
            model_name="liveterminal",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["asked", "open", "kept", "dropped", "failed"])), name="live_terminal_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="liveterminal",
            constraint=models.CheckConstraint(
                condition=models.Q(("wish__in", ["", "kept", "dropped"])), name="live_terminal_wish_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="liveterminal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("state__in", ("asked", "open")), models.Q(("sealed_key", ""), _negated=True)),
                    models.Q(
                        models.Q(("state__in", ("asked", "open")), _negated=True), ("ended_at__isnull", False), ("sealed_key", "")
                    ),
                    _connector="OR",
                ),
                name="live_terminal_ended_iff_final",
            ),
        ),
        migrations.AddConstraint(
            model_name="liveterminal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("opened_at__isnull", False), ("state", "kept"), ("walkthrough__isnull", False)),
                    models.Q(models.Q(("state", "kept"), _negated=True), ("walkthrough", None)),
                    _connector="OR",
                ),
                name="kept_terminal_iff_walkthrough",
            ),
        ),
        migrations.AddConstraint(
            model_name="liveterminal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "open"), _negated=True),
                    models.Q(("claim__isnull", False), ("opened_at__isnull", False)),
                    _connector="OR",
                ),
                name="open_terminal_is_held",
            ),
        ),
        migrations.AddIndex(
            model_name="terminalpiece",
            index=models.Index(fields=["terminal", "kind", "id"], name="terminal_piece_order"),
        ),
        migrations.AddConstraint(
            model_name="terminalpiece",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["typed", "shown", "chapter"])), name="terminal_piece_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="terminalpiece",
            constraint=models.CheckConstraint(condition=models.Q(("at_s__gte", 0)), name="terminal_piece_at_known"),
        ),
        *(_identity(f"handover_{name}") for name in ("liveterminal", "walkthrough", "download")),
        _same_client("handover_liveterminal", "system_id", "clients_system"),
        _same_client("handover_liveterminal", "walkthrough_id", "handover_walkthrough"),
        _same_client("handover_terminalpiece", "terminal_id", "handover_liveterminal", "ON DELETE CASCADE "),
        _same_client("handover_transfer", "download_id", "handover_download"),
        _append_only("handover_transfer"),
        _rule("terminal_stands", "handover_liveterminal", "BEFORE UPDATE", TERMINAL_STANDS),
        _rule("piece_of_open", "handover_terminalpiece", "BEFORE INSERT", PIECE_OF_OPEN),
        _rule("transfer_of_download", "handover_transfer", "BEFORE INSERT", TRANSFER_OF_DOWNLOAD),
    ]
