"""Handover on real hosts: what is collected, rehearsed, packed, and that our access is gone."""

import base64
import subprocess
import sys
import threading
import zipfile
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connections

from backups.services import jobs
from clients.models import Client
from clients.services import onboarding
from handover.choices import PieceKind
from handover.models import LettingStep, LiveTerminal, Rehearsal, Runbook, SystemDocument, Walkthrough
from handover.parsers import casts
from handover.services import documents, letting, making, packages, papers, proofs, receiving, runbooks, sittings, terminals
from handover.services.pieces import Pieces
from portal.accounts.scope import acting_for_all
from portal.ssh.connection import Connection
from portal.ssh.errors import AuthenticationFailed
from portal.vault import services as vault
from tests import people
from tests.handover.conftest import PASSPHRASE, own_folders  # noqa: F401  # a fixture
from tests.hosts.conftest import another_machine, set_up
from tests.lab.machine import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

IN_VAULT = "Tr0ubad0ur&3+x"
# What nobody told the portal of: recognised by what stands before it.
PLANTED = {"configuration": "c0nfigured-x", "cron": "cr0n-planted", "journal": "j0urnaled-x", "history": "hist0ry-typed"}
PLANT = f"""
printf 'password = {PLANTED["configuration"]}\\nbackend = {IN_VAULT}\\n' >/etc/nginx/conf.d/app.secrets
printf '# changed by hand\\n' >>/etc/nginx/nginx.conf
printf '5 3 * * * root PGPASSWORD={PLANTED["cron"]} true\\n' >/etc/cron.d/dump
printf 'mysql -p{PLANTED["history"]}\\n{IN_VAULT}\\n' >/root/.bash_history
logger -p err 'connecting with password={PLANTED["journal"]}'
logger -p err 'token is {IN_VAULT}'
useradd -m -s /bin/bash anna
"""


def forms(secret):
    return [secret, base64.b64encode(secret.encode()).decode(), quote(secret, safe=""), secret.encode().hex()]


@pytest.fixture
def documented(machine):
    """A staging host with secrets planted on it, documented and toured."""
    client = people.make_client("Handed")
    system = set_up(machine, client=client, environment="staging", roles=["web"])
    runbooks.note_where_missing()
    system.refresh_from_db()
    machine.run("cat >/root/setup.sh && sh /root/setup.sh", stdin=onboarding.setup_script(system))
    vault.store(
        client_id=client.pk, kind="password", label="Backend", username="app", secret=IN_VAULT.encode(), system_id=system.pk,
        actor=people.TESTER, now=people.now(),
    )  # fmt: skip
    machine.run(PLANT)
    papers.begin_where_missing(now=people.now())
    papers.collect(system_id=system.pk, now=people.now())
    return system


def test_a_host_documents_itself_and_its_secrets_stay_there(documented, machine):
    row = SystemDocument.objects.get(system=documented)
    facts = row.facts
    assert facts["unread"] == []
    rows = facts["rows"]
    assert any("Debian GNU/Linux 12" in one[-1] for one in rows["identity"])
    assert any(one[1] == "nginx.service" and one[3] == "running" for one in rows["services"])
    assert any(one[2].endswith(":80") for one in rows["ports"])
    assert any(one[0] == "user" and one[1] == "anna" for one in rows["users"])
    assert any(one[0] == "key" and one[1] == "retainer" for one in rows["users"])
    assert any(one[1] == "/etc/cron.d/dump" for one in rows["cron"])
    files = {one["path"]: one["text"] for one in facts["files"]}
    assert "# changed by hand" in files["/etc/nginx/nginx.conf"]
    assert "backend = •••" in files["/etc/nginx/conf.d/app.secrets"]
    text = str(facts)
    for secret in (IN_VAULT, *PLANTED.values()):
        assert not any(form in text for form in forms(secret)), secret
    assert row.masked >= 3
    machine.run("rm /etc/cron.d/dump; systemctl disable --now cron")
    papers.ask(system=documented, tour=False, actor=people.TESTER, now=people.now())
    papers.collect(system_id=documented.pk, now=people.now())
    newest = documents.newest(documented.pk)
    changes = {one["area"]: one for one in documents.difference(facts, newest.facts)}
    assert newest.number == 2
    assert any("dump" in " ".join(line) for line in changes["cron"]["gone"])


def test_a_tour_is_really_recorded(documented):
    row = Walkthrough.objects.get(system=documented)
    cast = casts.parse_cast(row.cast)
    assert len(row.chapters) == 8
    text = casts.plain_text(cast)
    assert "nginx.service" in text
    assert "Script started" not in text
    shown = [text, *casts.screens(cast)]
    for secret in (IN_VAULT, *PLANTED.values()):
        assert not any(form in screen for form in forms(secret) for screen in shown), secret
    assert "password=•••" in text or "password=" not in text
    pauses = [b.at - a.at for a, b in zip(cast.events, cast.events[1:], strict=False)]
    assert all(pause >= 0 for pause in pauses)


BROKEN = """# Break it
Who: operator
Parameter place: where | /run/broken

## Begin
```sh run
touch "$place"
```
```sh undo
rm "$place"
```

## Fail
```sh run
false
```
"""


def test_runbooks_are_rehearsed_for_real(documented, machine):
    rows = {row.slug: row for row in Runbook.objects.filter(system=documented)}
    began = machine.run("systemctl show -P ActiveEnterTimestampMonotonic nginx").strip()
    outcomes = {}
    for slug in (
        "restart-a-service",
        "add-a-user",
        "remove-a-user",
        "reset-a-password",
        "extend-a-disk",
        "read-what-failed",
        "rotate-logs",
    ):
        if slug not in rows:
            continue
        test = runbooks.rehearse(runbook=rows[slug], actor=people.TESTER, now=people.now())
        runbooks.execute(rehearsal_id=test.pk, now=people.now())
        test.refresh_from_db()
        outcomes[slug] = (test.outcome, test.findings if test.outcome != "works" else [])
    assert "restart-a-service" in outcomes
    assert all(outcome == "works" for outcome, _ in outcomes.values()), outcomes
    assert machine.run("systemctl show -P ActiveEnterTimestampMonotonic nginx").strip() != began
    assert machine.run("getent passwd visitor || echo gone").strip() == "gone", "what can be taken back was"
    test = Rehearsal.objects.filter(runbook=rows["restart-a-service"]).get()
    runbooks.execute(rehearsal_id=test.pk, now=people.now())
    assert Rehearsal.objects.get(pk=test.pk).finished_at == test.finished_at, "run twice it is done once"


DATA = """
mkdir -p /srv/data /srv/backup /var/backups/shop && echo kept >/srv/data/one && echo the-key-of-it >/root/restic-key
restic -q -r /srv/backup/data --password-file /root/restic-key init
restic -q -r /srv/backup/data --password-file /root/restic-key backup /srv/data
pg_createcluster 15 main --start >/dev/null
cd /tmp && runuser -u postgres -- createdb shop && runuser -u postgres -- psql -q shop -c 'CREATE TABLE t AS SELECT 1 AS n'
runuser -u postgres -- pg_dump -Fc shop >/var/backups/shop/shop-1.dump
apt-mark hold nginx-common
"""
# Answers as a mail server does, to whoever calls: no mail server is in the lab.
MAIL = """
cat >/usr/local/bin/greets <<'END'
import socketserver
class Greets(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 mail.example.org ESMTP\\r\\n")
        self.rfile.readline()
        self.wfile.write(b"221 bye\\r\\n")
socketserver.ThreadingTCPServer(("127.0.0.1", 25), Greets).serve_forever()
END
systemd-run -q -u greets python3 /usr/local/bin/greets
"""


def test_runbooks_that_bring_data_back_are_rehearsed_for_real(machine):
    system = set_up(machine, client=people.make_client("Handed"), environment="staging", roles=["mail"])
    machine.run(DATA)
    machine.run(MAIL)
    for wish in (
        jobs.Wish(name="data", tool="restic", repository="/srv/backup/data", sources=["/srv/data"], key="the-key-of-it"),
        jobs.Wish(name="shop", tool="pg_dump", repository="/var/backups/shop/shop-*.dump", databases=["shop"]),
    ):
        jobs.add(system=system, wish=wish, actor=people.TESTER, now=people.now())
    papers.begin_where_missing(now=people.now())
    papers.collect(system_id=system.pk, now=people.now())
    system.refresh_from_db()
    machine.run("cat >/root/setup.sh && sh /root/setup.sh", stdin=onboarding.setup_script(system))
    outcomes = {}
    for slug in ("restore-a-file", "restore-a-database", "apply-updates-by-hand", "check-mail-delivery"):
        row = Runbook.objects.get(system=system, slug=slug)
        test = runbooks.rehearse(runbook=row, actor=people.TESTER, now=people.now())
        runbooks.execute(rehearsal_id=test.pk, now=people.now())
        test.refresh_from_db()
        outcomes[slug] = test.outcome if test.outcome == "works" else (test.findings, test.log[-1500:])
    assert all(outcome == "works" for outcome in outcomes.values()), outcomes
    assert machine.run("ls -d /var/tmp/restored-* 2>/dev/null || echo gone") == "gone\n", "what can be taken back was"
    assert "shop_restored" not in machine.run("cd /tmp; runuser -u postgres -- psql -l")
    assert machine.run("apt-mark showhold") == "nginx-common\n", "what somebody held back is held back still"


def test_what_the_administrator_did_not_allow_is_not_run_and_what_fails_is_a_finding(documented, machine):
    row = runbooks.write(system=documented, slug="break-it", text=BROKEN, values={}, actor=people.TESTER, now=people.now())
    test = runbooks.rehearse(runbook=row, actor=people.TESTER, now=people.now())
    runbooks.execute(rehearsal_id=test.pk, now=people.now())
    test.refresh_from_db()
    assert test.outcome == "inconclusive"
    assert row.sha256 in test.findings[0]
    machine.run(f"echo '{row.sha256} break-it' >>/etc/retainer/runbooks.allowed")
    test = runbooks.rehearse(runbook=row, actor=people.TESTER, now=people.now())
    runbooks.execute(rehearsal_id=test.pk, now=people.now())
    test.refresh_from_db()
    assert test.outcome == "fails"
    assert machine.run("ls /run/broken 2>/dev/null || echo gone").strip() == "gone", "it was taken back"


def test_the_package_of_a_host_is_whole_and_its_scripts_work_on_a_fresh_one(documented, machine, tmp_path):
    client = documented.client
    owner = people.make_owner(client)
    receiving.choose_passphrase(
        client=client, passphrase=PASSPHRASE, again=PASSPHRASE, forms=["kdbx", "bitwarden"], actor=people.actor(owner), now=people.now()
    )
    row = packages.ask(client=client, actor=people.TESTER, now=people.now())
    making.make(package_id=row.pk, now=people.now())
    row.refresh_from_db()
    assert row.state == "ready", row.findings
    place = tmp_path / "unpacked"
    with zipfile.ZipFile(packages.path_of(row)) as archive:
        archive.extractall(place)
    done = subprocess.run([sys.executable, "-I", str(place / "verify.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for path in place.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        for secret in (IN_VAULT, *PLANTED.values()):
            assert not any(form.encode() in content for form in forms(secret)), (path, secret)
        if path.suffix == ".cast":
            for screen in casts.screens(casts.parse_cast(content.decode())):
                assert not any(form in screen for secret in (IN_VAULT, *PLANTED.values()) for form in forms(secret)), path
    script = (place / "runbooks" / documented.name / "restart-a-service.sh").read_text()
    with another_machine() as fresh:
        fresh.run("systemctl stop nginx")
        said = fresh.run("cat >/root/book.sh && sh /root/book.sh run", stdin=script)
        assert "All steps held." in said
        assert fresh.run("systemctl is-active nginx").strip() == "active"


def lets_us_in(system) -> bool:
    from clients.services.access import target_of

    try:
        Connection(target_of(system)).close()
    except AuthenticationFailed:
        return False
    return True


def test_letting_go_is_proven_from_outside(machine):
    client = people.make_client("Leaver")
    system = set_up(machine, client=client, environment="production", roles=["web"])
    lead, owner = people.make_staff("lead"), people.make_owner(client)
    machine.run("useradd -m -s /bin/bash ops && echo 'ops:known-to-us-1' | chpasswd")
    machine.run("printf 'PasswordAuthentication yes\\n' >/etc/ssh/sshd_config.d/00-test.conf && systemctl reload ssh")
    credential = vault.store(
        client_id=client.pk, kind="password", label="ops", username="ops", secret=b"known-to-us-1", system_id=system.pk,
        actor=people.TESTER, now=people.now(),
    )  # fmt: skip

    def works():
        # sshd reads its configuration anew: until then nobody may be answered
        proofs.try_now(credential_id=credential.pk, now=people.now())
        return proofs.newest_proof(credential).outcome == "works"

    wait_for("sshd", works)
    go = letting.plan(client=client, actor=people.actor(lead), now=people.now())
    step = LettingStep.objects.get(letting=go, kind="system")
    letting.execute(step_id=step.pk, now=people.now())
    step.refresh_from_db()
    assert any("/etc/sudoers.d/retainer" in line for line in step.plan)
    assert any("user: retainer" in line for line in step.plan)
    assert lets_us_in(system), "a dry run changes nothing"
    letting.begin(letting=go, confirmation=client.name, actor=people.actor(lead), now=people.now())
    ours = LettingStep.objects.select_related("letting", "credential").get(letting=go, kind="credential")
    letting.changed(step=ours, actor=people.actor(owner), now=people.now())
    letting.execute(step_id=ours.pk, now=people.now())
    ours.refresh_from_db()
    assert ours.state == "waiting", "it still gets in: it was not changed"
    letting.execute(step_id=step.pk, now=people.now())
    assert lets_us_in(system), "our access stays until the credentials are changed"
    machine.run("echo 'ops:theirs-alone-2' | chpasswd")
    letting.changed(
        step=LettingStep.objects.select_related("letting", "credential").get(pk=ours.pk), actor=people.actor(owner), now=people.now()
    )
    letting.execute(step_id=ours.pk, now=people.now())
    ours.refresh_from_db()
    assert ours.state == "proven", ours.evidence
    letting.execute(step_id=step.pk, now=people.now() + timedelta(minutes=6))
    step.refresh_from_db()
    assert step.state == "proven", step.evidence
    assert not lets_us_in(system)
    assert any("refused the key" in line for line in step.evidence)
    left = machine.run(
        "ls -d /etc/sudoers.d/retainer /usr/local/sbin/retainer-* /var/lib/retainer /etc/retainer /home/retainer 2>/dev/null; getent passwd retainer; true"
    )
    assert left.strip() == ""
    go.refresh_from_db()
    letting.finish(letting=go, actor=people.actor(lead), now=people.now())
    assert Client.objects.get(pk=client.pk).ended_at is not None


def test_a_worker_that_died_after_it_sent_is_followed_and_a_host_that_is_away_is_not_proven(machine):
    client = people.make_client("Leaver")
    system = set_up(machine, client=client, environment="production")
    lead = people.make_staff("lead")
    go = letting.plan(client=client, actor=people.actor(lead), now=people.now())
    letting.begin(letting=go, confirmation=client.name, actor=people.actor(lead), now=people.now())
    step = LettingStep.objects.get(letting=go, kind="system")
    machine.unplug()
    letting.execute(step_id=step.pk, now=people.now())
    step.refresh_from_db()
    assert step.state == "gone", "nobody knows"
    assert "not reached" in step.evidence[-1]
    machine.plug()
    letting.execute(step_id=step.pk, now=people.now() + timedelta(minutes=20))
    step.refresh_from_db()
    assert step.state == "waiting", "it still lets us in"
    # what a worker did that was killed before it could write down the answer
    LettingStep.objects.filter(pk=step.pk).update(state="running", sent_at=people.now())
    step.refresh_from_db()
    letting._send(step, system)
    LettingStep.objects.filter(pk=step.pk).update(evidence=[], claimed_until=None)
    letting.execute(step_id=step.pk, now=people.now())
    step.refresh_from_db()
    assert step.state == "proven"


def test_somebody_elses_account_is_not_removed_only_our_key(machine):
    client = people.make_client("Leaver")
    machine.run(
        "useradd -m -s /bin/bash admin && mkdir -p /home/admin/.ssh && echo 'ssh-ed25519 AAAAtheirs admin' >/home/admin/.ssh/authorized_keys && chown -R admin: /home/admin/.ssh"
    )
    system = set_up(machine, client=client, environment="production", login="admin")
    lead = people.make_staff("lead")
    go = letting.plan(client=client, actor=people.actor(lead), now=people.now())
    letting.begin(letting=go, confirmation=client.name, actor=people.actor(lead), now=people.now())
    step = LettingStep.objects.get(letting=go, kind="system")
    letting.execute(step_id=step.pk, now=people.now())
    step.refresh_from_db()
    assert step.state == "proven", step.evidence
    assert not lets_us_in(system)
    assert "AAAAtheirs" in machine.run("cat /home/admin/.ssh/authorized_keys")


def shown(row) -> str:
    return "".join(one.text for one in Pieces(row).after(0, kind=PieceKind.SHOWN, most=100_000))


def held(row) -> threading.Thread:
    """A worker that holds the terminal, beside this test."""

    def carry():
        try:
            with acting_for_all():
                sittings.carry(terminal_id=row.pk, now=people.now())
        finally:
            connections.close_all()

    worker = threading.Thread(target=carry)
    worker.start()

    def opened():
        row.refresh_from_db()
        return row.state != "asked"

    wait_for("the terminal", opened)
    assert row.state == "open", row.problem
    return worker


def at(row, who, keys: str, shows: str) -> None:
    """Type, and wait for what the host shows of it."""
    terminals.exchange(terminal=row, typed=keys, after=0, actor=who, now=people.now())
    wait_for(shows, lambda: shows in shown(row))


def test_a_person_sits_at_a_host_and_can_not_become_root_there(machine):
    client = people.make_client("Handed")
    system, who = set_up(machine, client=client), people.actor(people.make_operator())
    vault.store(client_id=client.pk, kind="password", label="App", secret=IN_VAULT.encode(), actor=people.TESTER, now=people.now())
    row = terminals.ask(system=system, title="Where things live", actor=who, now=people.now())
    worker = held(row)
    at(row, who, "stty size; tty; id -un; echo ü-$((6*7))\r", "ü-42")
    assert "30 100\r\n/dev/pts/" in shown(row)
    assert "retainer\r\n" in shown(row)
    at(row, who, 'sudo -n /usr/local/sbin/retainer-host version; echo st"atus $?"\r', "status 1")
    assert "no new privileges" in shown(row), "not even what the portal itself may"
    at(row, who, 'su -c id; echo st"atus2 $?"\r', "Password:")
    terminals.exchange(terminal=row, typed="retainer\r", after=0, actor=who, now=people.now())
    wait_for("su", lambda: "status2 1" in shown(row))
    row.refresh_from_db()
    terminals.begin_chapter(terminal=row, title="A secret", words="It is masked.", actor=who, now=people.now())
    for sign in f"echo {IN_VAULT}":
        at(row, who, sign, sign)
    at(row, who, "\r", f"{IN_VAULT}\r\n")
    terminals.exchange(terminal=row, typed="sleep 4321\r", after=0, actor=who, now=people.now())
    wait_for("sleep", lambda: machine.run("pgrep -f 'sleep 4321' || true"))
    terminals.end(terminal=row, keep=True, actor=who, now=people.now())
    worker.join(30)
    row.refresh_from_db()
    assert (row.state, row.problem) == ("kept", "")
    wait_for("all of it to end there", lambda: machine.run("pgrep -u retainer -f 'script|sleep 4321' || true") == "")
    cast = casts.parse_cast(row.walkthrough.cast)
    text = casts.plain_text(cast)
    assert "ü-42" in text
    assert "echo •••" in text
    assert not any(form in screen for form in forms(IN_VAULT) for screen in [row.walkthrough.cast, text, *casts.screens(cast)])
    assert [one["title"] for one in row.walkthrough.chapters] == ["A secret"]
    assert machine.run("cat /home/*/.bash_history 2>/dev/null || true") == "", "no history of it stays on the host"
    # somebody types exit: it ends by itself, and what was shown is kept
    second = terminals.ask(system=system, title="Once more", actor=who, now=people.now())
    worker = held(second)
    terminals.exchange(terminal=second, typed="exit\r", after=0, actor=who, now=people.now())
    worker.join(30)
    second.refresh_from_db()
    assert second.state == "kept"


def test_a_worker_that_is_killed_takes_the_terminal_along(machine, workers, monkeypatch):
    system, who = set_up(machine), people.actor(people.make_operator())
    row = terminals.ask(system=system, title="Killed", actor=who, now=people.now())

    def state(*states):
        row.refresh_from_db()
        return row.state in states

    wait_for("the terminal", lambda: state("open"), seconds=60)
    at(row, who, "echo sign-$((6*7)); sleep 4321\r", "sign-42")
    wait_for("sleep", lambda: machine.run("pgrep -f 'sleep 4321' || true"))
    workers.kill("hosts")
    wait_for("all of it to end there", lambda: machine.run("pgrep -u retainer -f 'script|sleep 4321' || true") == "")
    workers.start("hosts")
    LiveTerminal.objects.filter(pk=row.pk).update(claimed_until=people.now() - timedelta(seconds=1))
    wait_for("another worker", lambda: state("kept"), seconds=60)
    assert row.problem.startswith("The worker that held it is gone")
    assert "sign-42" in row.walkthrough.cast
    assert Walkthrough.objects.filter(system=system, kind="live").count() == 1
