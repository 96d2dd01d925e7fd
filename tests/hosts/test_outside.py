"""Questions from outside that need a host: pings, and a mail domain's policy at its well-known address."""

import ipaddress
from pathlib import Path

import pytest

from monitoring.choices import Kind
from monitoring.services import probes
from monitoring.services.probing.question import Question
from tests import people
from tests.hosts.conftest import set_up
from tests.lab.certificates import Authority
from tests.lab.nameserver import Nameserver

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]
LAB = [ipaddress.ip_network("10.77.0.0/16")]
SITE = """server {{ listen 443 ssl; server_name mta-sts.lab.test; ssl_certificate /etc/nginx/sts.pem; ssl_certificate_key /etc/nginx/sts.pem;
location = /.well-known/mta-sts.txt {{ return {status} "version: STSv1\\nmode: {mode}\\nmx: {mx}\\nmax_age: 604800\\n"; }} }}"""


def asked(kind: Kind, target: str) -> tuple[str, str]:
    (one,) = probes.ask(Question(kind, target, {}, LAB, {}, people.now()))
    return str(one.level), one.words


def test_pings_come_back_get_lost_and_come_back(machine):
    system = set_up(machine)
    assert asked(Kind.PING, system.address)[0] == "up"
    machine.unplug()
    assert asked(Kind.PING, system.address)[0] == "critical"
    machine.plug()
    assert asked(Kind.PING, system.address)[0] == "up"


@pytest.fixture
def named(machine):
    """The host's address by a name of this machine's own: what fetches the policy resolves as everybody does."""
    hosts = Path("/etc/hosts")
    before = hosts.read_text()
    hosts.write_text(f"{before}\n{machine.address} mta-sts.lab.test\n")
    yield
    hosts.write_text(before)


def test_a_mail_domains_policy_is_there_weak_wrong_and_gone(machine, named, settings, tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    machine.write("/etc/nginx/sts.pem", authority.issue("mta-sts.lab.test", days=60).read_text(), mode="600")

    def policy(*, status: int = 200, mode: str = "enforce", mx: str = "mail.lab.test") -> tuple[str, str]:
        machine.write("/etc/nginx/conf.d/sts.conf", SITE.format(status=status, mode=mode, mx=mx))
        machine.run("systemctl reset-failed nginx; systemctl restart nginx")
        return asked(Kind.MTA_STS, "lab.test")

    with Nameserver().running() as names:
        settings.DNS_SERVERS = [f"127.0.0.1#{names.port}"]
        names.put("_mta-sts.lab.test", "TXT", '"v=STSv1; id=20260101"')
        names.put("lab.test", "MX", "10 mail.lab.test.")
        assert policy()[0] == "up"
        assert policy(mode="testing")[0] == "warning"
        assert policy(mx="other.lab.test")[0] == "critical"
        assert policy(status=404) == ("critical", "The policy is not to be had: status 404.")
        machine.run("systemctl stop nginx")
        level, words = asked(Kind.MTA_STS, "lab.test")
        assert (level, words.startswith("The policy is not to be had")) == ("critical", True)
        assert policy()[0] == "up"
