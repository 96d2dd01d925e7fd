"""Changelogs off a real host: asked of the distribution where that answers, else out of the package itself."""

import pytest

from maintenance.models import PendingUpdate, UpdateChangelog
from maintenance.parsers.changelog import parse_changelog
from maintenance.services import changelogs
from tests import people
from tests.hosts.conftest import set_up
from tests.hosts.steps import scan_now

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


def test_out_of_the_package_or_from_the_distribution(machine, lab):
    system = set_up(machine, packages=("lab-plain",))
    # what the host's administrator says of where changelogs are; the lab's own server stands in for the distribution's
    machine.write(
        "/etc/apt/apt.conf.d/99changelogs",
        'Acquire::Changelogs::URI::Override::Origin::Debian "http://mirror.lab/badly/@CHANGEPATH@_log";\n',
    )
    scan_now(system)
    updates = list(PendingUpdate.objects.filter(system=system, gone_at=None))
    packed = next(update for update in updates if update.is_security and update.package == update.source)
    asked = next(update for update in updates if update.is_security and update.source not in {packed.source})
    PendingUpdate.objects.filter(system=system).exclude(pk__in=[packed.pk, asked.pk, *[u.pk for u in updates if u.package == "lab-plain"]]).update(
        gone_at=people.now(), ended="removed"
    )  # fmt: skip
    # deb-changelog's place as apt asks for it: component, first letter, source, version without its epoch
    epochless = asked.candidate_version.partition(":")[2] or asked.candidate_version
    prefix = asked.source[:4] if asked.source.startswith("lib") else asked.source[:1]
    served = lab / "main" / prefix / asked.source / f"{asked.source}_{epochless}_log"
    served.parent.mkdir(parents=True)
    served.write_text(
        f"{asked.source} ({asked.candidate_version}) bookworm; urgency=low\n\n  * As the distribution tells it.\n\n"
        " -- A B <a@b.example>  Wed, 21 Oct 2026 16:54:24 +0700\n"
    )
    assert not UpdateChangelog.objects.exists()  # tests ask for them themselves
    changelogs.read(system_id=system.pk, now=people.now())
    kept = {row.source: row for row in UpdateChangelog.objects.all()}
    assert parse_changelog(kept[packed.source].text)[0].source == packed.source
    assert "As the distribution tells it" in kept[asked.source].text, kept[asked.source].trouble
    assert kept["lab-plain"].trouble == "the package carries no changelog"
    packed.refresh_from_db()
    assert packed.released_at == kept[packed.source].released_at
    assert "changelog of" in packed.due_reason
    # nothing is left to read, and nothing lies around on the host
    assert changelogs.read(system_id=system.pk, now=people.now()) == 0
    assert machine.run("ls -d /tmp/tmp.* 2>/dev/null || true") == ""
