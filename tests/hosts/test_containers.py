"""Containers and applications as a real host's root program reads them. No engine runs here: one program answers as podman did."""

import pytest

from clients.models import System
from maintenance.models import PendingUpdate, Scan
from maintenance.queries import system_lines
from tests import people
from tests.hosts.conftest import set_up
from tests.hosts.steps import scan_now

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]
RUNS = "f0daf4105ee0acdbf0af9d91bc201496dc726f5267405f4bed494205cd9618c5"
PULLED = "d15266697f9706fc9d18400f7ea0352be0456702f3389a4cdbe8888f959ac26b"
# what podman 4.3.1 answered to these very words (a container that was made; none could be started here)
PODMAN = f"""#!/bin/sh
case "$1 $2" in
"ps -q") echo 6c1b0c6d2d2f ;;
"inspect --format") echo "shop localhost/shop:1 {RUNS}" ;;
"image inspect") echo {PULLED} ;;
esac
"""


def test_a_container_that_runs_the_image_before_and_an_application_without_a_package(machine):
    system = set_up(machine)
    scan_now(system)
    assert Scan.objects.latest("pk").applications == []
    machine.write("/usr/local/bin/podman", PODMAN, mode="755")
    machine.write("/usr/local/bin/docker", "#!/bin/sh\nexit 1\n", mode="755")
    machine.write(
        "/var/www/nextcloud/version.php", "<?php\n$OC_Version = array(30,0,4,1);\n$OC_VersionString = '30.0.4';\n", mode="640"
    )
    scan = scan_now(system)
    assert scan.applications == [["nextcloud", "30.0.4", "/var/www/nextcloud"]]
    assert "The container shop runs an older image of localhost/shop:1 than the one that lies on the host" in scan.problems
    assert "docker does not answer: what its containers run is not known" in scan.problems
    update = PendingUpdate.objects.get(system=system, of_image=True)
    assert (update.package, update.installed_version, update.candidate_version) == ("shop", RUNS, PULLED)
    assert update.effective_at is None
    assert system_lines(System.objects.filter(pk=system.pk), now=people.now())[0].health.level != "ok"
    machine.write("/usr/local/bin/podman", PODMAN.replace(RUNS, PULLED), mode="755")
    scan_now(system)
    update.refresh_from_db()
    assert update.effective_at is not None
