"""What a handover would have of the sample client: our words, a runbook of its own, a handover that was begun with a first session.

Nothing was ever collected of its systems, and the portal says so.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from clients.models import Client, System
from handover.services import documents, plan, runbooks
from portal.accounts.actor import Actor
from portal.accounts.models import Membership
from portal.accounts.roles import Role
from portal.accounts.services import actor_of

RUNBOOK = """# Close the shop for an hour
Who: operator
Parameter page: the page that visitors see meanwhile | /srv/www/closed.html

Before a sale goes live. Visitors see a page that says until when.

## See that the page is there
```sh check
test -s "$page"
```

## Show it
```sh run timeout=30
ln -sfn "$page" /srv/www/maintenance.html
nginx -t && systemctl reload nginx
```
```sh undo
rm -f /srv/www/maintenance.html
systemctl reload nginx
```
"""


def fill(*, client: Client, systems: Sequence[System], actor: Actor, now: datetime) -> None:
    """Words beside the documents, a runbook, and the beginning of a handover."""
    shop = next(system for system in systems if system.name == "shop-1")
    documents.write_prose(
        client=client, system=None, body="Two web servers behind one address, a database, a mail server.", actor=actor, now=now
    )
    documents.write_prose(
        client=client,
        system=shop,
        body="The shop. Its images lie in `/srv/www/images`.\n\n- Releases come from the agency, on Mondays.",
        actor=actor,
        now=now,
    )
    for system in systems:
        runbooks.fill(system=system, actor=actor, now=now)
    runbooks.write(system=shop, slug="close-the-shop", text=RUNBOOK, values={}, actor=actor, now=now)
    # sample data has no lead: this one stands for one
    lead = Actor(label=actor.label, role=Role.LEAD)
    begun = plan.begin(client=client, goal_on=(now + timedelta(days=75)).date(), actor=lead, now=now)
    anna = Membership.objects.filter(client=client).order_by("pk").first()
    if anna is not None:
        session = plan.hold_session(
            handover=begun, title="How the shop is put together", agenda="Systems, where things lie, whom to call",
            held_at=now + timedelta(days=7), people=[anna.user_id], actor=actor, now=now,
        )  # fmt: skip
        plan.ask_question(session=session, words="Who renews the domain?", actor=actor_of(anna.user), now=now)
