"""Credentials get versions, data keys get numbers and say which master key wraps them.

What was sealed stays as it is: the first version and the first key keep the identity that their bytes are bound to.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Coalesce

KINDS = [
    ("password", "Password"),
    ("ssh_key", "SSH key"),
    ("api_token", "API token"),
    ("note", "Note"),
    ("totp_seed", "TOTP seed"),
    ("licence", "Licence"),
]


class Migration(migrations.Migration):
    dependencies = [("clients", "0002_tenancy_in_the_database"), ("vault", "0001_initial")]

    operations = [
        migrations.RenameModel("ClientKey", "DataKey"),
        migrations.AlterField(
            "DataKey",
            "client",
            models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="data_keys", to="clients.client"),
        ),
        migrations.AddField("DataKey", "number", models.PositiveIntegerField(default=1, db_default=1)),
        migrations.AddField("DataKey", "master_id", models.CharField(blank=True, db_default="", default="", max_length=16)),
        migrations.AddField("DataKey", "retired_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddConstraint(
            "DataKey",
            models.UniqueConstraint(Coalesce(models.F("client_id"), 0), models.F("number"), name="one_data_key_per_number"),
        ),
        migrations.AddConstraint(
            "DataKey",
            models.CheckConstraint(
                condition=models.Q(("retired_at", None), ("wrapped", b""), _connector="OR"), name="retired_data_key_is_destroyed"
            ),
        ),
        migrations.AddField("Credential", "username", models.CharField(blank=True, db_default="", default="", max_length=200)),
        migrations.AddField("Credential", "archived_at", models.DateTimeField(blank=True, null=True)),
        migrations.RemoveConstraint("Credential", "credential_kind_known"),
        migrations.RemoveConstraint("Credential", "one_ssh_key_per_client"),
        migrations.AlterField("Credential", "kind", models.CharField(choices=KINDS, max_length=16)),
        migrations.AddConstraint(
            "Credential",
            models.CheckConstraint(condition=models.Q(("kind__in", [name for name, _ in KINDS])), name="credential_kind_known"),
        ),
        migrations.AddConstraint(
            "Credential",
            models.UniqueConstraint(
                condition=models.Q(("archived_at", None), ("kind", "ssh_key"), ("system", None)),
                fields=("client",),
                name="one_ssh_key_per_client",
            ),
        ),
        migrations.CreateModel(
            name="CredentialVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("sealed", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("actor_label", models.CharField(blank=True, default="", max_length=254)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="clients.client")),
                (
                    "credential",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="vault.credential"),
                ),
                (
                    "key",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="vault.datakey"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("credential", "number"), name="one_credential_version_per_number")],
            },
        ),
        migrations.RunSQL(
            [
                "INSERT INTO vault_credentialversion (number, sealed, created_at, actor_label, client_id, credential_id, key_id) "
                "SELECT 1, c.sealed, c.created_at, '', c.client_id, c.id, k.id FROM vault_credential c "
                "JOIN vault_datakey k ON k.client_id = c.client_id",
                "ALTER TABLE vault_credential ADD CONSTRAINT vault_credential_id_client UNIQUE (id, client_id)",
                "ALTER TABLE vault_credentialversion ADD CONSTRAINT vault_credentialversion_credential_id_same_client "
                "FOREIGN KEY (credential_id, client_id) REFERENCES vault_credential (id, client_id) DEFERRABLE INITIALLY IMMEDIATE",
                # a version is sealed with a key of its own client, never another's
                "ALTER TABLE vault_datakey ADD CONSTRAINT vault_datakey_id_client UNIQUE (id, client_id)",
                "ALTER TABLE vault_credentialversion ADD CONSTRAINT vault_credentialversion_key_id_same_client "
                "FOREIGN KEY (key_id, client_id) REFERENCES vault_datakey (id, client_id) DEFERRABLE INITIALLY IMMEDIATE",
                # rows were written; the column drop below must not find their triggers pending
                "SET CONSTRAINTS ALL IMMEDIATE",
            ],
            [
                "ALTER TABLE vault_credentialversion DROP CONSTRAINT vault_credentialversion_key_id_same_client",
                "ALTER TABLE vault_datakey DROP CONSTRAINT vault_datakey_id_client",
                "ALTER TABLE vault_credentialversion DROP CONSTRAINT vault_credentialversion_credential_id_same_client",
                "ALTER TABLE vault_credential DROP CONSTRAINT vault_credential_id_client",
            ],
        ),
        # nothing was released before this: no older process writes the column any more
        migrations.RemoveField("Credential", "sealed"),
    ]
