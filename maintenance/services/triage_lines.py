"""Keeping the lines of the triage queue in step with the updates that they sum up.

A trigger notes which (client, source, version) a write touched, in the transaction of that write. `refresh` takes these notes
and makes their lines anew, one refresher at a time: a note that it sees is of a write that it sees too, and what is written
meanwhile leaves a note for the next one. So whoever refreshes before reading reads what is committed.
"""

from django.db import connection, transaction

from maintenance.choices import Severity
from maintenance.models import TriageStale

# Any number that is nobody else's: pg_advisory_xact_lock(key1, key2).
_LOCK = (4_700_015, 1)

_REFRESH = f"""
WITH noted AS (DELETE FROM maintenance_triagestale RETURNING client_id, source, candidate_version),
keys AS (SELECT DISTINCT client_id, source, candidate_version FROM noted),
dropped AS (
    DELETE FROM maintenance_triageline line USING keys
    WHERE (line.client_id, line.source, line.candidate_version) = (keys.client_id, keys.source, keys.candidate_version)
)
INSERT INTO maintenance_triageline (
    client_id, environment, source, candidate_version, is_security, decision_kind, defer_until, reasons, system_ids, systems_total,
    packages, package_names, installed, obstacles, exposures, exposed_ids, first_due_at, waiting_since, newest_seen_at,
    known_exploited_since, last_exploited_since, worst_place, highest_likelihood, advisories_most, priority, example_id)
SELECT u.client_id, s.environment, u.source, u.candidate_version, u.is_security, coalesce(d.kind, ''), d.defer_until,
    coalesce(array_agg(DISTINCT d.reason) FILTER (WHERE d.reason <> ''), '{{}}'), array_agg(DISTINCT u.system_id),
    count(DISTINCT u.system_id), array_agg(DISTINCT u.package), string_agg(DISTINCT u.package, ' '),
    array_agg(DISTINCT u.installed_version), coalesce(array_agg(DISTINCT u.obstacle) FILTER (WHERE u.obstacle <> ''), '{{}}'),
    coalesce(array_agg(DISTINCT u.exposure) FILTER (WHERE u.exposure <> ''), '{{}}'),
    coalesce(array_agg(DISTINCT u.system_id) FILTER (WHERE u.exposure <> ''), '{{}}'),
    min(u.due_at), min(u.pending_since), max(u.first_seen_at), min(u.exploited_since), max(u.exploited_since),
    min(coalesce(array_position(ARRAY[{", ".join(f"'{value}'" for value in Severity.values)}], u.severity::text) - 1, {len(Severity)})),
    max(u.likelihood), max(u.advisories_total), min(u.priority), (array_agg(u.id ORDER BY u.advisories_total DESC, u.id))[1]
FROM keys JOIN maintenance_pendingupdate u USING (client_id, source, candidate_version)
JOIN clients_system s ON s.id = u.system_id
LEFT JOIN maintenance_decision d ON d.id = u.decision_id
WHERE u.gone_at IS NULL
GROUP BY u.client_id, s.environment, u.source, u.candidate_version, u.is_security, d.kind, d.defer_until
"""  # noqa: S608  # the only values in it are our own words


def refresh() -> bool:
    """Make the lines anew that something was noted of; False where nothing was.

    Sees and makes what the connection's scope allows. Locks: one refresher at a time (an advisory lock until the commit).
    """
    if not TriageStale.objects.exists():
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _LOCK)
        cursor.execute(_REFRESH)
    return True
