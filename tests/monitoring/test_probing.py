"""Questions from outside, against real servers on loopback: DNS, mail, TLS, pages, a registry."""

import base64
import http.server
import ipaddress
import json
import socket
import threading
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clients.models import AllowedRange
from monitoring.choices import Kind
from monitoring.models import Check, Probe
from monitoring.services import probes
from monitoring.services.probing.question import Question
from portal.audit.models import AuditEvent
from portal.errors import PortalError
from tests import people
from tests.lab.certificates import Authority
from tests.lab.mailserver import MailServer
from tests.lab.nameserver import Nameserver

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]


@pytest.fixture
def names(settings):
    with Nameserver().running() as server:
        settings.DNS_SERVERS = [f"127.0.0.1#{server.port}"]
        yield server


@pytest.fixture
def authority(tmp_path, monkeypatch):
    found = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(found.path))
    return found


def asked(kind: Kind, target: str, own=None, allowed=LOOPBACK, **options):
    """What a question brings: level and words of its one answer."""
    (one,) = probes.ask(Question(kind, target, options, allowed, own or {}, people.now()))
    return str(one.level), one.words


def test_a_record_is_as_expected_wrong_missing_or_unknown(names):
    names.put("www.example.org", "A", "192.0.2.7")
    assert asked(Kind.DNS, "www.example.org", values=["192.0.2.7"]) == ("up", "A: 192.0.2.7.")
    assert asked(Kind.DNS, "www.example.org", values=["192.0.2.8"])[0] == "critical"
    assert asked(Kind.DNS, "gone.example.org") == ("critical", "There is no A record.")
    names.failing.add("example.org")
    assert asked(Kind.DNS, "www.example.org")[0] == "unknown", "a resolver that fails says nothing of the record"


def test_a_list_is_believed_only_while_its_own_test_entries_say_so(names, settings):
    settings.BLOCKLISTS = ["list.test"]

    def level():
        return asked(Kind.BLOCKLIST, "192.0.2.1")[0]

    names.put("2.0.0.127.list.test", "A", "127.0.0.2")
    assert level() == "up"
    names.put("1.2.0.192.list.test", "A", "127.0.0.4")
    assert asked(Kind.BLOCKLIST, "192.0.2.1") == ("critical", "Listed (127.0.0.4).")
    names.put("1.0.0.127.list.test", "A", "127.0.0.2")
    assert level() == "unknown", "it lists everything"
    names.put("1.0.0.127.list.test", "A")
    names.put("1.2.0.192.list.test", "A", "127.255.255.254")
    assert level() == "unknown", "it refuses our resolver"
    names.put("1.2.0.192.list.test", "A", "203.0.113.5")
    assert level() == "unknown", "somebody else answers for it"
    names.put("1.2.0.192.list.test", "A")
    names.put("2.0.0.127.list.test", "A")
    assert level() == "unknown", "it is gone: not listed means nothing"
    names.failing.add("list.test")
    assert level() == "unknown"


def test_lists_of_ipv6_have_test_entries_of_their_own(names, settings):
    settings.BLOCKLISTS_V6 = ["six.test"]
    entry = "2.0.0.0.0.0.f.7.f.f.f.f" + ".0" * 20
    names.put(f"{entry}.six.test", "A", "127.0.0.2")
    assert asked(Kind.BLOCKLIST, "2001:db8::1")[0] == "up"
    nibbles = ".".join(reversed("20010db8" + "0" * 23 + "1"))
    names.put(f"{nibbles}.six.test", "A", "127.0.0.2")
    assert asked(Kind.BLOCKLIST, "2001:db8::1")[0] == "critical"


def test_reverse_dns_is_confirmed_forward(names):
    assert asked(Kind.REVERSE_DNS, "192.0.2.1")[0] == "critical"
    names.put("1.2.0.192.in-addr.arpa", "PTR", "mail.example.org.")
    names.put("mail.example.org", "A", "192.0.2.9")
    assert asked(Kind.REVERSE_DNS, "192.0.2.1")[0] == "critical"
    names.put("mail.example.org", "A", "192.0.2.1")
    assert asked(Kind.REVERSE_DNS, "192.0.2.1") == ("up", "mail.example.org, and back.")


def test_spf_counts_ten_lookups_and_lets_senders_in(names):
    names.text("example.org", "v=spf1 mx include:_spf.provider.test ip4:198.51.100.0/24 -all")
    names.put("example.org", "MX", "10 mail.example.org.")
    names.put("mail.example.org", "A", "192.0.2.1")
    names.text("_spf.provider.test", "v=spf1 ip6:2001:db8::/32 ?all")
    assert asked(Kind.SPF, "example.org", addresses=["192.0.2.1", "198.51.100.7", "2001:db8::5"]) == ("up", "2 lookups of 10.")
    level, words = asked(Kind.SPF, "example.org", addresses=["203.0.113.1"])
    assert (level, "203.0.113.1 gets fail" in words) == ("critical", True)
    names.text("example.org", "v=spf1 " + " ".join(f"include:{number}.test" for number in range(11)) + " -all")
    for number in range(11):
        names.text(f"{number}.test", "v=spf1 ip4:192.0.2.1 -all")
    level, words = asked(Kind.SPF, "example.org", addresses=["192.0.2.1"])
    assert (level, "11 lookups" in words) == ("critical", True)
    names.text("example.org", "v=spf1 include:loop.test -all")
    names.text("loop.test", "v=spf1 include:loop.test -all")
    assert asked(Kind.SPF, "example.org")[0] == "critical", "one that includes itself ends, too"
    for policy, words in (
        ("v=spf1 +all", "everybody may send"), ("v=spf1 ip4:1.2.3 -all", "not a network"), ("v=spf1 gibberish -all", "no mechanism"),
        ("v=spf1 include:nobody.test -all", "no SPF record"),
    ):  # fmt: skip
        names.text("example.org", policy)
        assert asked(Kind.SPF, "example.org")[0] == "critical", policy
        assert words in asked(Kind.SPF, "example.org")[1]
    names.text("example.org", "v=spf1 ip4:192.0.2.1")
    assert asked(Kind.SPF, "example.org")[0] == "warning"
    names.put("example.org", "TXT", '"v=spf1 -all"', '"v=spf1 +all"')
    assert "has 2 SPF records" in asked(Kind.SPF, "example.org")[1]


def public_key(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def test_a_dkim_key_is_there_and_sane(names):
    def with_key(text: str) -> str:
        names.text("s1._domainkey.example.org", text)
        return asked(Kind.DKIM, "s1 example.org", selector="s1")[0]

    assert asked(Kind.DKIM, "s1 example.org", selector="s1")[0] == "critical"
    assert with_key(f"v=DKIM1; k=rsa; p={public_key(2048)}") == "up"
    assert with_key(f"v=DKIM1; k=rsa; p={public_key(1024)}") == "warning"
    assert with_key(f"v=DKIM1; k=rsa; t=y; p={public_key(2048)}") == "warning"
    assert with_key("v=DKIM1; k=rsa; p=") == "critical"
    assert with_key("v=DKIM1; k=rsa; p=AAAA") == "critical"
    assert with_key(f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(32)).decode()}") == "up"


def test_dmarc_and_reports_of_tls(names):
    assert asked(Kind.DMARC, "example.org")[0] == "critical"
    for text, level in (
        ("v=DMARC1; p=reject", "up"),
        ("v=DMARC1; p=none", "warning"),
        ("v=DMARC1; p=quarantine; pct=10", "warning"),
        ("v=DMARC1", "critical"),
    ):
        names.text("_dmarc.example.org", text)
        assert asked(Kind.DMARC, "example.org")[0] == level, text
    assert asked(Kind.TLS_RPT, "example.org")[0] == "critical"
    names.text("_smtp._tls.example.org", "v=TLSRPTv1; rua=mailto:tls@example.org")
    assert asked(Kind.TLS_RPT, "example.org")[0] == "up"
    names.text("_smtp._tls.example.org", "v=TLSRPTv1; rua=nowhere")
    assert asked(Kind.TLS_RPT, "example.org")[0] == "critical"


def test_signatures_of_a_zone_hold_or_not(names):
    now = people.now()
    assert asked(Kind.DNSSEC, "example.org")[0] == "critical", "not signed"
    names.sign("example.org", until=now + timedelta(days=20))
    assert asked(Kind.DNSSEC, "example.org")[0] == "up"
    names.sign("example.org", until=now + timedelta(days=2))
    assert asked(Kind.DNSSEC, "example.org")[0] == "warning"
    names.sign("example.org", until=now - timedelta(days=1))
    assert "do not hold" in asked(Kind.DNSSEC, "example.org")[1]
    names.sign("example.org", until=now + timedelta(days=20), broken=True)
    assert asked(Kind.DNSSEC, "example.org")[0] == "critical"
    names.sign("example.org", until=now + timedelta(days=20), foreign_ds=True)
    assert "its parent names" in asked(Kind.DNSSEC, "example.org")[1]
    names.failing.add("example.org")
    assert asked(Kind.DNSSEC, "example.org")[0] == "unknown"


def test_the_dialogue_of_mail_servers(authority):
    good, soon, foreign = (
        authority.issue("localhost", days=90),
        authority.issue("localhost", days=10),
        authority.issue("other.test", days=90),
    )

    def dialogue(kind: Kind, certificate, **values):
        with MailServer(certificate, **values).running() as server:
            return asked(kind, f"localhost:{server.port}")

    assert dialogue(Kind.SMTP, good)[0] == "up"
    assert dialogue(Kind.SUBMISSION, good)[0] == "up"
    assert dialogue(Kind.SUBMISSION, soon)[0] == "warning"
    assert dialogue(Kind.SUBMISSION, foreign)[0] == "critical"
    assert dialogue(Kind.SMTP, foreign)[0] == "warning", "others deliver all the same"
    assert dialogue(Kind.SMTP, good, offers=())[0] == "warning"
    assert dialogue(Kind.SUBMISSION, good, offers=("AUTH PLAIN",))[0] == "critical"
    assert dialogue(Kind.SUBMISSION, good, offers=("STARTTLS",)) == ("critical", "It offers no way to sign in after STARTTLS.")
    imap = {"protocol": "imap", "offers": ("STARTTLS",)}
    assert dialogue(Kind.IMAP, good, **imap)[0] == "up"
    assert dialogue(Kind.IMAP, foreign, **imap)[0] == "critical"
    assert dialogue(Kind.IMAP, good, protocol="imap", offers=())[0] == "critical"


def test_a_mail_server_that_refuses_or_is_gone():
    with MailServer(None).running() as server:
        server.greeting = "554 not you"
        assert asked(Kind.SMTP, f"127.0.0.1:{server.port}") == ("critical", "It greets with 554 not you")
        port = server.port
    assert asked(Kind.SMTP, f"127.0.0.1:{port}")[0] == "critical"
    assert asked(Kind.IMAP, f"127.0.0.1:{port}")[0] == "critical"
    assert asked(Kind.SMTP, f"127.0.0.1:{port}", allowed=[])[0] == "unknown", "a private address is not asked unless it is allowed"


class _Pages(http.server.BaseHTTPRequestHandler):
    answers: dict[str, tuple[int, dict[str, str], str]] = {}  # noqa: RUF012  # of the class, for the tests

    def do_GET(self):
        status, headers, text = self.answers.get(self.path, (404, {}, ""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass


@pytest.fixture
def pages():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Pages.answers = {}
    yield f"http://127.0.0.1:{server.server_address[1]}", _Pages.answers
    server.shutdown()
    server.server_close()


def test_a_page_has_its_status_its_text_and_leads_where_it_should(pages):
    base, answers = pages
    answers |= {"/": (200, {}, "Sign in to Nextcloud"), "/old": (302, {"Location": "/"}, ""), "/loop": (302, {"Location": "/loop"}, "")}
    assert asked(Kind.PAGE, f"{base}/", text="Sign in")[0] == "up"
    assert asked(Kind.PAGE, f"{base}/", text="Fatal")[0] == "critical"
    assert asked(Kind.PAGE, f"{base}/gone") == ("critical", "Status 404, expected 200.")
    assert asked(Kind.PAGE, f"{base}/old", leads_to=f"{base}/")[0] == "up"
    assert asked(Kind.PAGE, f"{base}/old", leads_to="https://elsewhere.test/")[0] == "critical"
    assert asked(Kind.PAGE, f"{base}/loop")[0] == "critical"
    assert asked(Kind.PAGE, f"{base}/", own={("page", f"{base}/"): (0.0, None)})[0] == "warning", "its own threshold counts"


def test_a_registration_ends_is_on_hold_or_nobody_knows(pages, settings):
    base, answers = pages
    settings.RDAP, settings.RDAP_NETWORKS = base, LOOPBACK

    def registry(days: int | None, *states: str) -> str:
        events = [] if days is None else [{"eventAction": "expiration", "eventDate": (people.now() + timedelta(days=days)).isoformat()}]
        answers["/domain/example.org"] = (200, {}, json.dumps({"objectClassName": "domain", "events": events, "status": list(states)}))
        return asked(Kind.DOMAIN, "example.org")[0]

    assert registry(200, "active") == "up"
    assert registry(20, "active") == "warning"
    assert registry(5, "active") == "critical"
    assert registry(200, "client hold") == "critical"
    assert registry(None) == "unknown"
    answers["/domain/example.org"] = (429, {}, "")
    assert asked(Kind.DOMAIN, "example.org")[0] == "unknown"
    answers["/domain/example.org"] = (200, {}, "[]")
    assert asked(Kind.DOMAIN, "example.org")[0] == "unknown"
    del answers["/domain/example.org"]
    assert asked(Kind.DOMAIN, "example.org")[0] == "critical"


def test_a_port_and_pings():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        target = f"127.0.0.1:{listening.getsockname()[1]}"
        assert asked(Kind.TCP, target)[0] == "up"
    assert asked(Kind.TCP, target)[0] == "critical"
    assert asked(Kind.TCP, target, allowed=[])[0] == "unknown"
    assert asked(Kind.PING, "127.0.0.1")[0] in {"up", "unknown"}, "unknown where this machine may not send pings"
    assert asked(Kind.PING, "192.0.2.1", allowed=[])[0] == "unknown"


@pytest.mark.django_db
def test_probes_are_added_asked_recorded_and_ended(system):
    AllowedRange.objects.create(client=system.client, network="127.0.0.0/8", reason="test", actor_label="x")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        target = f"127.0.0.1:{listening.getsockname()[1]}"
        probe = probes.add(system=system, kind="tcp", target=target, actor=people.TESTER, now=people.now())
        with pytest.raises(PortalError, match="asked already"):
            probes.add(system=system, kind="tcp", target=target, actor=people.TESTER, now=people.now())
        assert (probes.ask_due(now=people.now()), probes.ask_due(now=people.now())) == (1, 0)
        Probe.objects.update(due_at=people.now())
        assert probes.ask_due(now=people.now()) == 1
    check = Check.objects.get(system=system, kind="tcp", subject=target)
    assert check.level == "up"
    with pytest.raises(PortalError):
        probes.end(probe=probe, reason=" ", actor=people.TESTER, now=people.now())
    probes.end(probe=probe, reason="moved", actor=people.TESTER, now=people.now())
    check.refresh_from_db()
    assert check.ended_at is not None
    assert AuditEvent.objects.filter(action__startswith="probe.").count() == 2
    probes.add(system=system, kind="tcp", target=target, actor=people.TESTER, now=people.now())
    check.refresh_from_db()
    assert check.ended_at is None, "asked again, it counts again"


@pytest.mark.django_db
def test_a_worker_that_died_while_asking_holds_a_probe_for_minutes_only(system):
    probes.add(system=system, kind="tcp", target="127.0.0.1:1", actor=people.TESTER, now=people.now())
    assert len(probes._claim(people.now())) == 1
    Probe.objects.update(due_at=people.now())
    assert probes.ask_due(now=people.now()) == 0
    assert probes.ask_due(now=people.now() + probes.HELD) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "target", "options"),
    [
        ("tcp", "no port", {}), ("page", "ftp://x/", {}), ("blocklist", "mail.example.org", {}), ("dkim", "example.org", {}),
        ("dns", "example.org", {"record": "AXFR"}), ("command", "load", {}), ("cpu", "x", {}), ("spf", "example.org", {"addresses": ["x"]}),
        ("dmarc", "", {}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_words(system, kind, target, options):
    with pytest.raises(PortalError):
        probes.add(system=system, kind=kind, target=target, options=options, actor=people.TESTER, now=people.now())
    assert not Probe.objects.exists()


@pytest.mark.django_db
def test_a_mail_domain_is_watched_from_every_side(system):
    made = probes.add_mail_domain(
        system=system,
        domain_name="example.org",
        addresses=["192.0.2.1", "2001:db8::1"],
        selectors=["s1"],
        actor=people.TESTER,
        now=people.now(),
    )
    assert {probe.kind for probe in made} == {"spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "domain", "blocklist", "reverse-dns"}
    assert len(made) == 10
