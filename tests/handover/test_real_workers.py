"""A package made by a real worker on a real broker, which is killed in the middle."""

import json
import os
import subprocess
import sys
import zipfile

import pytest

from clients.support.services import tickets
from clients.support.services.files import NewFile
from clients.support.services.tickets import Question
from handover.models import Package
from handover.services import packages
from tests import people
from tests.hosts.conftest import Workers
from tests.lab.machine import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workers(transactional_db, settings, monkeypatch):
    """Workers that find packages where this test does, and give up a dead one's row soon."""
    monkeypatch.setenv("PORTAL_PACKAGES", settings.PACKAGES)
    monkeypatch.setenv("PORTAL_WALKTHROUGHS", settings.WALKTHROUGHS)
    group = Workers()
    group.start("packages", "default")
    yield group
    group.stop()
    group.log.unlink()


def test_a_worker_that_is_killed_is_followed_by_another(handed, member, workers, tmp_path):
    for number in range(8):
        file = NewFile("noise.bin", "application/octet-stream", os.urandom(4_000_000))
        question = Question(f"Question {number}", "See the file.", files=(file,))
        tickets.raise_ticket(client=handed, question=question, actor=people.actor(member), person=member, now=people.now())
    row = packages.ask(client=handed, with_credentials=False, actor=people.TESTER, now=people.now())
    journal = packages.path_of(row).with_suffix(".journal")
    wait_for("the first members", lambda: journal.exists() and len(journal.read_text().splitlines()) > 10, seconds=60)
    workers.kill("packages")
    written = [json.loads(line)["name"] for line in journal.read_text().splitlines()]
    row.refresh_from_db()
    assert row.state == "running", "killed in the middle"
    workers.start("packages")

    def ready():
        row.refresh_from_db()
        return row.state not in {"queued", "running"}

    wait_for("another worker", ready, seconds=180)
    assert row.state == "ready", row.findings
    with zipfile.ZipFile(packages.path_of(row)) as archive:
        assert set(written) <= set(archive.namelist())
        archive.extractall(tmp_path / "unpacked")
    assert (
        subprocess.run([sys.executable, "-I", str(tmp_path / "unpacked/verify.py")], check=False, capture_output=True).returncode == 0
    )
    assert Package.objects.count() == 1
