"""Repositories elsewhere: over REST and S3 with a login of their own, over SFTP and SSH with the system's own key."""

import pytest

from backups.models import Reading
from backups.services import jobs, looks
from portal.audit.models import AuditEvent, HostScript
from portal.errors import PortalError
from tests import people
from tests.hosts.conftest import MIRROR_ADDRESS, set_up
from tests.hosts.test_restore_tests import nothing_left
from tests.hosts.test_restore_tools import BORG, FILES, PASSPHRASE, add, came, verdict, watched
from tests.lab import storage

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

PORT = 9000
KEY = "the key of a repository elsewhere"
REST = f"rest:http://{MIRROR_ADDRESS}:{PORT}/rest/shop/"
S3 = f"s3:http://{MIRROR_ADDRESS}:{PORT}/bucket/shop"
LOGIN = {"storage_login": storage.LOGIN, "storage_secret": storage.SECRET}


@pytest.fixture
def system(machine):
    system = set_up(machine)
    machine.run(FILES)
    machine.write("/root/key", KEY)
    return system


# names of their own: the addresses differ by test process
@pytest.mark.parametrize("repository", [REST, S3], ids=["rest", "s3"])
def test_storage_with_a_login_of_its_own(system, machine, repository):
    restic = f"export RESTIC_PASSWORD_FILE=/root/key; restic -q --no-cache -r '{repository}'"
    if repository == S3:
        restic = f"export AWS_ACCESS_KEY_ID='{storage.LOGIN}' AWS_SECRET_ACCESS_KEY='{storage.SECRET}'; {restic}"
    else:
        restic = restic.replace("http://", f"http://{storage.LOGIN}:the%20secret%2Fof%20this%2Bstorage@")
    with storage.serve(MIRROR_ADDRESS, PORT) as things:
        machine.run(f"{restic} init && {restic} backup /srv/data")
        job = add(system, "shop", "restic", repository, sources=["/srv/data"], key=KEY, **LOGIN)
        with watched(machine, storage.SECRET):
            good = verdict(job)
        assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
        looks.look(system_id=system.pk, now=people.now())
        assert Reading.objects.get(job=job).level == "ok"
        kept = good.log + str(good.facts) + str(good.commands) + str(good.specification)
        kept += str(list(AuditEvent.objects.values())) + str(list(HostScript.objects.values()))
        assert storage.SECRET not in kept
        assert "the%20secret" not in kept
        wrong = add(
            system, "wrong", "restic", repository, sources=["/srv/data"], key=KEY, storage_login=storage.LOGIN, storage_secret="no"
        )
        assert came(verdict(wrong, "refuses the login")) == ("fail", "key")
        pack = max((path for path in things if "/data/" in path), key=lambda path: len(things[path]))
        things[pack] = things[pack][:30000] + b"\xff\x00\xff" + things[pack][30003:]
        assert came(verdict(job, "damaged or missing")) == ("fail", "corruption")
    assert came(verdict(job, "is not reached from this system")) == ("inconclusive", "host")
    nothing_left(machine)


def test_over_sftp_and_ssh_the_systems_own_key_opens_the_storage(system, machine):
    """The storage is the host itself, another way in."""
    machine.run(
        "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && cat /root/.ssh/id_ed25519.pub >>/root/.ssh/authorized_keys"
        " && ssh-keyscan -t ed25519 127.0.0.1 >/root/.ssh/known_hosts"
    )
    sftp = "sftp:root@127.0.0.1:/srv/backup"
    machine.run(
        f"export RESTIC_PASSWORD_FILE=/root/key; restic -q --no-cache -r {sftp} init && restic -q --no-cache -r {sftp} backup /srv/data"
    )
    restic = add(system, "restic", "restic", sftp, sources=["/srv/data"], key=KEY)
    good = verdict(restic)
    assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
    ssh = "ssh://root@127.0.0.1/srv/borg"
    machine.run(f"{BORG} borg init -e repokey {ssh} && borg create {ssh}::one /srv/data")
    borg = add(system, "borg", "borg", ssh, sources=["/srv/data"], key=PASSPHRASE, read_parts=1)
    good = verdict(borg)
    assert came(good) == ("pass", ""), (good.findings, good.log[-3000:])
    machine.run("rm /root/.ssh/id_ed25519")
    # both may end before they pass on what ssh said: then it is not reached, and never called damaged
    for job in (restic, borg):
        assert came(verdict(job)) in {("fail", "key"), ("inconclusive", "host")}
    nothing_left(machine)


def test_a_login_is_refused_where_it_would_not_be_used_or_would_be_seen(system):
    for values, words in (
        ({"repository": f"rest:http://me:hidden@{MIRROR_ADDRESS}/"}, "password stands in the repository's address"),
        ({"repository": "/srv/backup", **LOGIN}, "takes no login"),
        ({"repository": S3, "storage_login": "x"}, "or neither"),
        ({"repository": S3, "storage_login": "x", "storage_secret": "a\nb"}, "line breaks"),
    ):
        wish = jobs.Wish(**{"name": "x", "tool": "restic", "sources": ["/srv"], "key": "k", **values})
        with pytest.raises(PortalError, match=words):
            jobs.add(system=system, wish=wish, actor=people.TESTER, now=people.now())
