"""A hundred thousand tickets with their messages: searching them and their list, as an operator's browser gets them.

python -m benchmarks.tickets
"""

import statistics
import time
from typing import Any

from benchmarks import ground

ROUNDS = 20
TICKETS = 100_000
_NAMED = "mail phone password folder printer server invoice calendar Drucker Passwort Ordner Rechnung Kalender Telefon Fehler"
# As many different words as people use when they write about their computers.
VOCABULARY = 2000
FILL = (
    # words by number, so that each is as frequent as the others; every tenth ticket is in German
    """INSERT INTO support_ticket (client_id, subject, state, priority, form, language, requester_name, requester_email, raised_by,
        created_at, changed_at, response_due_at, resolved_at, helped_words, about)
    SELECT c.id, w.a[1 + n * 31 %% 2000] || ' ' || w.a[1 + (n / 15) * 17 %% 2000] || ' ' || n,
        CASE WHEN n %% 20 = 0 THEN 'open' ELSE 'resolved' END, 'normal',
        'question', CASE WHEN n %% 10 = 0 THEN 'de' ELSE 'en' END, 'Anna', 'a@client.example', 'a@client.example',
        now() - interval '1 minute' * n, now() - interval '1 minute' * n, now(),
        CASE WHEN n %% 20 = 0 THEN NULL ELSE now() END, '', '{}'
    FROM generate_series(1, %(tickets)s) n, (SELECT id FROM clients_client ORDER BY id LIMIT 1) c,
        (SELECT CASE WHEN true THEN %(words)s::text[] END AS a) w""",
    """INSERT INTO support_message (client_id, ticket_id, kind, via, author_label, is_ours, body, quoted, language, created_at)
    SELECT t.client_id, t.id, 'public', 'mail', 'anna@client.example', k = 1,
        (SELECT string_agg(w.a[1 + (t.id * 7919 + k * 104729 + i * i * 1299709) %% 2000], ' ') FROM generate_series(1, 40) i)
        || ' ' || t.id, '', t.language,
        t.created_at
    FROM support_ticket t, generate_series(0, 2) k, (SELECT %(words)s::text[] AS a) w""",
)
SEARCHES = {
    "two words": "?words=printer+invoice&state=", "a misprint in German": "?words=Drucker&state=", "a number": "?words=90001&state=",
    "a word and its number": "?words=folder+4711&state=", "nothing fits": "?words=xyzzy&state=", "the list": "", "all": "?state=",
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    with ground.portal():
        from django.db import connection

        from clients.support.models import Message, Ticket
        from portal.accounts.scope import acting_for_all
        from tests import people

        with acting_for_all(), connection.cursor() as cursor:
            people.make_client("Benchmark")
            words = [*_NAMED.split(), *(f"word{number}" for number in range(VOCABULARY))][:VOCABULARY]
            for statement in FILL:
                cursor.execute(statement, {"tickets": TICKETS, "words": words})
            ground.analyze()
            print(f"{Ticket.objects.count()} tickets, {Message.objects.count()} messages", flush=True)
            page = people.signed_in(people.make_operator())
        for name, address in SEARCHES.items():
            answer = page.get(f"/tickets/{address}")
            times = sorted(_seconds(lambda address=address: page.get(f"/tickets/{address}")) for _ in range(ROUNDS))
            print(f"{name:22} median {statistics.median(times) * 1000:6.1f} ms   {answer.status_code}", flush=True)


def _seconds(what: Any) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
