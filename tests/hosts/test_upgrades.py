"""An upgrade document over real hosts: staging, approval, production; a step that fails, and the way back."""

import pytest

from maintenance.models import Rollout
from maintenance.services import runs, upgrades
from tests import people
from tests.hosts.conftest import finished
from tests.hosts.steps import approve, open_window, until

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

DOCUMENT = """upgrade lab-page
title The lab's page, the next one
replaces lab-old.service

check host-is-ready
  expect ^ready$
  run
    test ! -f /etc/lab-not-ready && echo ready

step keep-page
  run
    cp /var/www/html/index.html /var/lib/lab-page.kept
    echo keep >>/var/log/lab-steps
  undo
    cp /var/lib/lab-page.kept /var/www/html/index.html
    echo back >>/var/log/lab-steps

step new-page
  about Without the file of its own it fails half-way.
  timeout 20
  expect ^the new page$
  run
    echo "the new page" >/var/www/html/index.html
    echo new >>/var/log/lab-steps
    test ! -f /etc/lab-breaks-here
    cat /var/www/html/index.html
  undo
    echo undone >>/var/log/lab-steps
"""


def allow(host, document) -> None:
    host.run(f"install -d -m 0755 /etc/retainer; echo '{document.sha256} lab' >>/etc/retainer/plans.allowed")


def go(client, document, *systems) -> Rollout:
    return upgrades.start(
        client=client, document=document, systems=systems, actor=people.actor(people.make_operator()), now=people.now()
    )  # fmt: skip


def steps(host) -> list[str]:
    return host.run("cat /var/log/lab-steps 2>/dev/null || true").split()


def test_one_text_from_staging_to_production_and_back(fleet, workers):
    client, hosts, (_, first, second) = fleet(2, "lab-web")
    for host in hosts:
        host.run("mkdir -p /var/www/html; echo 'the old page' >/var/www/html/index.html")
    open_window(client)
    document = people.make_document(DOCUMENT)
    # nobody on the host allowed it: nothing is changed, and the page says what to do
    stopped = until(go(client, document, first, second), "stopped")
    assert document.sha256 in stopped.stop_reason
    assert "Nothing was changed" in stopped.stop_reason
    assert steps(hosts[0]) == []
    # a list that somebody else may write counts for nothing
    allow(hosts[0], document)
    hosts[0].run("chmod 0666 /etc/retainer/plans.allowed")
    until(go(client, document, first, second), "stopped")
    hosts[0].run("chmod 0644 /etc/retainer/plans.allowed")
    # a check that does not hold
    hosts[0].write("/etc/lab-not-ready", "")
    stopped = until(go(client, document, first, second), "stopped")
    assert "A check of the document did not hold" in stopped.stop_reason
    assert steps(hosts[0]) == []
    hosts[0].run("rm /etc/lab-not-ready")
    # staging shows it, one production host has not allowed it: it stops before anybody approves
    rollout = go(client, document, first, second)
    until(rollout, "soaking")
    assert steps(hosts[0]) == ["keep", "new"]
    allow(hosts[1], document)
    Rollout.objects.filter(pk=rollout.pk).update(soak_until=people.now())
    assert second.name in until(rollout, "stopped").stop_reason
    # staging's proof still counts; the second host breaks in the middle of its step
    allow(hosts[2], document)
    hosts[2].write("/etc/lab-breaks-here", "")
    rollout = go(client, document, first, second)
    assert rollout.targets.count() == 2
    until(rollout, "soaking", "approval")
    Rollout.objects.filter(pk=rollout.pk, state="soaking").update(soak_until=people.now())
    until(rollout, "approval")
    approve(rollout)
    until(rollout, "stopped")
    assert hosts[1].run("cat /var/www/html/index.html").strip() == "the new page"
    failed = rollout.targets.get(system=second).runs.get()
    assert failed.verdict == "failed"
    assert "step new-page ended with exit status 1." in failed.findings
    assert "Done before: check host-is-ready, step keep-page." in failed.findings
    # and taken back, the last step first
    back = finished(runs.start_undo(run=failed, actor=people.actor(people.make_operator()), now=people.now()))
    assert back.verdict == "verified", back.findings
    assert steps(hosts[2]) == ["keep", "new", "undone", "back"]
    assert hosts[2].run("cat /var/www/html/index.html").strip() == "the old page"
    assert list(back.commands.order_by("position").values_list("command", flat=True)) == ["undo new-page", "undo keep-page"]
