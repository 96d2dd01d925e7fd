"""A fleet as large as the portal is meant for, written by SQL: clients, systems, installed packages' pending updates, decisions."""

from django.db import connection

from portal.accounts.scope import acting_for_all

CLIENTS, SYSTEMS, UPDATES = 50, 1000, 200
RELEASES = 5
SOURCES = 600


def fill(*, clients: int = CLIENTS, systems: int = SYSTEMS, updates: int = UPDATES) -> int:
    """Write the fleet; returns how many updates are pending.

    Each system runs one of five releases and misses `updates` of that release's sources at one version each, as a fleet that
    was not looked after for some months. A fifth is staging; every seventh update is no security fix.
    """
    with acting_for_all(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clients_client (name, slug, time_zone, security_window_days, routine_window_days, created_at) "
            "SELECT 'Client ' || n, 'client-' || n, 'Europe/Berlin', 7, 30, now() FROM generate_series(1, %s) n",
            [clients],
        )
        cursor.execute(
            "INSERT INTO clients_system (client_id, name, address, port, login, environment, access, roles, os_id, os_version, "
            "os_name, kernel, architecture, package_manager, connection, "
            "connection_message, connection_proofs, asked_work, created_at) "
            "SELECT c.id, 'host-' || n, 'host-' || n || '.example', 22, 'retainer', "
            "CASE WHEN n %% 5 = 0 THEN 'staging' ELSE 'production' END, "
            "'manage', ARRAY['web'], 'debian', (n %% %s)::text, 'Debian', '6.1', 'amd64', 'apt', 'ok', '', '[]', '', now() "
            "FROM generate_series(1, %s) n JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM clients_client) c "
            "ON c.place = 1 + n %% %s",
            [RELEASES, systems, clients],
        )
        cursor.execute(
            "INSERT INTO maintenance_pendingupdate (client_id, system_id, package, architecture, source, installed_version, "
            "candidate_version, origin, is_security, obstacle, first_seen_at, pending_since, due_at, due_reason, exposure, severity, "
            "advisories_total, likelihood, exploited_since, priority) "
            "SELECT s.client_id, s.id, 'lib-' || k, 'amd64', 'source-' || k, '1.0-' || s.os_version, '1.' || k || '-' || s.os_version, "
            "'Debian-Security', k %% 7 <> 0, '', now() - interval '1 hour' * k, now() - interval '1 hour' * k, "
            "now() - interval '1 hour' * k + interval '7 days', 'a week', "
            "CASE WHEN k %% 20 = 0 THEN 'nginx on 0.0.0.0:443' ELSE '' END, "
            "(ARRAY['critical', 'high', 'medium', 'low', ''])[1 + k %% 5], k %% 4, (k %% 100) / 100.0, "
            "CASE WHEN k %% 50 = 0 THEN current_date END, 1 + k %% 4 "
            "FROM clients_system s JOIN LATERAL generate_series(1, %s) k ON mod((k * 7919 + s.os_version::int * 104729), %s) < %s",
            [SOURCES, SOURCES, updates],
        )
        pending = cursor.rowcount
    # ANALYZE is the owner's, as autovacuum does it
    return int(pending)
