"""The first page of the triage queue over 200,000 pending updates of 1,000 systems, as an operator's browser gets it."""

import statistics
import time
from typing import Any

from benchmarks import ground

ROUNDS = 30
ADDRESSES = {
    "first page": "/triage/",
    "by severity": "/triage/?sort=severity",
    "production only": "/triage/?environment=production",
    "one client": "/triage/?client=1",
    "search": "/triage/?q=source-17",
    "a system's name": "/triage/?q=host-17",
    "since yesterday": "/triage/?since=yesterday&state=all",
    "page 3": "/triage/?page=3",
}


def main() -> None:
    """Measure and print: each look at the queue with the number of its queries, a decision, and a scan's part of the lines."""
    with ground.portal():
        from benchmarks import fleet
        from maintenance.models import TriageLine
        from maintenance.services import triage_lines
        from portal.accounts.scope import acting_for_all
        from tests import people

        print(f"{fleet.fill()} pending updates over {fleet.SYSTEMS} systems of {fleet.CLIENTS} clients", flush=True)
        with acting_for_all():
            page = people.signed_in(people.make_operator())
            print(f"all lines made anew in {_seconds(triage_lines.refresh):.2f} s")
            print(f"{TriageLine.objects.count()} lines", flush=True)
        ground.analyze()
        for name, address in ADDRESSES.items():
            page.get(address)
            queries = _queries(page, address)
            took = sorted(_seconds(lambda address=address: page.get(address)) for _ in range(ROUNDS))
            print(
                f"{name:16} median {statistics.median(took) * 1000:6.1f} ms   95 % {took[int(ROUNDS * 0.95)] * 1000:6.1f} ms   "
                f"{queries} queries",
                flush=True,
            )
        with acting_for_all():
            _changes(page)


def _changes(page: Any) -> None:
    """What writes cost, and the first look after them."""
    from maintenance.models import PendingUpdate

    row = PendingUpdate.objects.order_by("due_at", "pk")[0]
    chosen = {"update": [f"{row.source}|{row.candidate_version}"], "kind": "apply", "state": "open"}
    covered = PendingUpdate.objects.filter(source=row.source, candidate_version=row.candidate_version).count()
    print(f"a decision that covers {covered} systems: {_seconds(lambda: page.post('/triage/decide/', chosen)) * 1000:.0f} ms")
    of_system = PendingUpdate.objects.filter(system_id=row.system_id)
    print(f"a scan that touches {of_system.count()} updates: {_seconds(lambda: of_system.update(exposure='x')) * 1000:.0f} ms")
    print(f"the first look after it: {_seconds(lambda: page.get('/triage/')) * 1000:.0f} ms")


def _queries(page: Any, address: str) -> int:
    from django.db import connection

    asked = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        page.get(address)
    return len(asked)


def _seconds(what: Any) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
