"""Only a client's people have memberships: the user's role stands in the foreign key. Old sessions, kept in clear, are dropped."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_roles_sessions_and_scopes")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE accounts_user ADD CONSTRAINT accounts_user_id_role UNIQUE (id, role)",
                # a constant that stands in the foreign key: the member's role must be client
                "ALTER TABLE accounts_membership ADD COLUMN user_role varchar(16) GENERATED ALWAYS AS ('client') STORED",
                "ALTER TABLE accounts_membership ADD CONSTRAINT membership_is_of_a_clients_person FOREIGN KEY (user_id, user_role) "
                "REFERENCES accounts_user (id, role) DEFERRABLE INITIALLY IMMEDIATE",
                "DROP TABLE IF EXISTS django_session",
            ],
            [
                "ALTER TABLE accounts_membership DROP CONSTRAINT membership_is_of_a_clients_person",
                "ALTER TABLE accounts_membership DROP COLUMN user_role",
                "ALTER TABLE accounts_user DROP CONSTRAINT accounts_user_id_role",
            ],
        )
    ]
