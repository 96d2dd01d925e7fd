"""The other way: a package read back in gives the same inventory, and nothing in it is believed."""

import json
import zipfile
from datetime import time

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from backups.services import jobs
from clients.models import Client, SystemHostKey
from handover.models import Runbook
from handover.services import documents, importing, packages
from handover.services.inventory import inventory_of
from maintenance.services import maintenance_windows
from monitoring.services import heartbeats, probes
from portal.errors import PortalError
from tests import people
from tests.handover.conftest import document, made

pytestmark = pytest.mark.django_db


def renamed(values, name="Taken over"):
    """As if this portal were empty: addresses and names are free."""
    text = json.dumps(values).replace(".example", ".taken").replace('"Sample"', f'"{name}"')
    return json.loads(text)


@pytest.fixture
def full(handed, system, sample_client):
    twin = people.make_system(sample_client, name="twin", address="twin.example", environment="staging", roles=["web", "mail"])
    people.make_system(sample_client, name="prod", address="prod.example", environment="production", staging_twin=twin)
    document(twin, "cron\t/etc/cron.d/x\t5 * * * * root true")
    documents.write_prose(client=sample_client, system=twin, body="# Words\n\nÜ", actor=people.TESTER, now=people.now())
    documents.write_prose(client=sample_client, system=None, body="of all", actor=people.TESTER, now=people.now())
    from clients.services import registry

    registry.add_contact(
        client=sample_client, name="Anna", email="a@x.example", phone="1", duty="boss", actor=people.TESTER, now=people.now()
    )
    wish = jobs.Wish(name="data", tool="tar", repository="/srv/b/data-*.tar", sources=["/srv/data"], excludes=["*.tmp"], keep_days=90)
    files = jobs.add(system=twin, wish=wish, actor=people.TESTER, now=people.now())
    wish = jobs.Wish(
        name="shop",
        tool="pg_dump",
        repository="/srv/b/shop-*.dump",
        databases=["shop"],
        queries=["SELECT count(*) FROM users => at least 10"],
    )
    dump = jobs.add(system=twin, wish=wish, actor=people.TESTER, now=people.now())
    jobs.add_composite(name="cloud", parts=[files, dump], application="nextcloud", actor=people.TESTER, now=people.now())
    for kind, target, options in (("page", "https://twin.example/", {"text": "Hello"}), ("dkim", "mail twin.example", {})):
        probes.add(system=twin, kind=kind, target=target, options=options, interval_s=300, actor=people.TESTER, now=people.now())
    for system_of in (None, twin):
        maintenance_windows.add(
            client=sample_client, name="Night", every="week", weekdays=[1, 3], start=time(22), end=time(2), system=system_of,
            actor=people.TESTER, now=people.now(),
        )  # fmt: skip
    registry.add_service_check(system=twin, url="http://twin.example/", actor=people.TESTER, now=people.now())
    return sample_client


def test_what_comes_in_is_what_went_out(full):
    went = renamed(inventory_of(full))
    client = importing.take_over(values=went, actor=people.TESTER, now=people.now())
    came = inventory_of(client)
    assert came == went
    assert SystemHostKey.objects.filter(client=client, state="pinned").count() == 0


def test_what_can_not_go_on_by_itself_is_named_and_left(full):
    twin = full.system_set.get(name="twin")
    wish = jobs.Wish(name="vault", tool="restic", repository="/srv/restic", sources=["/srv"], key="0pens-everything")
    jobs.add(system=twin, wish=wish, actor=people.TESTER, now=people.now())
    heartbeats.add(system=twin, name="nightly", period_s=86_400, grace_s=600, actor=people.TESTER, now=people.now())
    probes.add(system=twin, kind="command", target="odd", options={"script": "reboot"}, actor=people.TESTER, now=people.now())
    went = renamed(inventory_of(full))
    assert importing.preview(went).lines[-3:] == (
        "The backup vault of twin is not brought in: its key stands with the credentials.",
        "odd of twin is not brought in: somebody reads the command first.",
        "nightly of twin is not brought in: the job has to be told its new address.",
    )
    came = inventory_of(importing.take_over(values=went, actor=people.TESTER, now=people.now()))
    assert [one["name"] for one in came["backups"]] == ["cloud", "data", "shop"]
    assert [one["kind"] for one in came["checks"]] == ["dkim", "page"]
    assert "0pens-everything" not in json.dumps(went)


@pytest.mark.parametrize(
    "harm",
    [
        lambda values: values["windows"][0].update(start="25:00"),
        lambda values: values["windows"][0].update(every="moon"),
        lambda values: values["windows"][0].update(system="nobody"),
        lambda values: values["backups"][1].update(sources="/"),
        lambda values: values["backups"][0].update(parts=["nothing"]),
        lambda values: values["checks"][0].update(every_s="often"),
        lambda values: values["checks"][1].update(target="ftp://x"),
    ],
)
def test_what_goes_on_is_whole_or_nothing_comes_in(full, harm):
    values = renamed(inventory_of(full))
    harm(values)
    with pytest.raises(PortalError):
        importing.take_over(values=importing.read_inventory(json.dumps(values).encode()), actor=people.TESTER, now=people.now())
    assert not Client.objects.filter(name="Taken over").exists()


def test_the_whole_zip_is_read_by_the_command(full, tmp_path, capsys):
    package = made(full, with_credentials=False)
    assert package.state == "ready", package.findings
    path = tmp_path / "taken.zip"
    with zipfile.ZipFile(packages.path_of(package)) as archive, zipfile.ZipFile(path, "w") as copy:
        copy.writestr(importing.NAME, json.dumps(renamed(json.loads(archive.read(importing.NAME)))))
    call_command("take_over", str(path))
    assert not Client.objects.filter(name="Taken over").exists()
    assert "3 systems" in capsys.readouterr().out
    call_command("take_over", str(path), "--yes")
    assert Client.objects.get(name="Taken over").system_set.count() == 3
    with pytest.raises(CommandError, match="already"):
        call_command("take_over", str(path), "--yes")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda values: values.pop("systems"), "systems is missing"),
        (lambda values: values.update(version=9), "version 9"),
        (lambda values: values["systems"][0].update(roles=["king"]), "unknown role"),
        (lambda values: values["systems"][0].update(document={"rows": 1}), "document"),
        (lambda values: values["systems"][0].update(port="22"), "port"),
        (lambda values: values["runbooks"][0].update(values=[]), "runbook"),
    ],
)
def test_what_is_not_whole_is_refused_in_words(full, harm, words):
    values = renamed(inventory_of(full))
    harm(values)
    with pytest.raises(PortalError, match=words):
        importing.read_inventory(json.dumps(values).encode())


@pytest.mark.parametrize("content", [b"", b"x", b"[]", b'{"format": "other"}', b"\xff\xfe", b"{" * 2000])
def test_anything_else_is_refused(content):
    with pytest.raises(PortalError):
        importing.read_inventory(content)


def test_nothing_is_kept_of_what_can_not_come_in(full):
    values = renamed(inventory_of(full))
    values["systems"][0]["address"] = "not an address"
    with pytest.raises(PortalError):
        importing.take_over(values=values, actor=people.TESTER, now=people.now())
    assert not Client.objects.filter(name="Taken over").exists()


def test_a_value_that_a_shell_would_read_does_not_come_in(full):
    values = renamed(inventory_of(full))
    values["runbooks"][0]["values"] = {"user": "$(reboot)"}
    client = importing.take_over(values=values, actor=people.TESTER, now=people.now())
    assert not [row for row in Runbook.objects.filter(client=client) if "reboot" in str(row.values)]


def test_the_page_shows_it_first(full, operator_page, member_page, tmp_path):
    address = "/handover/take-over/"
    assert member_page.get(address).status_code == 403
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps(renamed(inventory_of(full))))
    with path.open("rb") as file:
        answer = operator_page.post(address, {"inventory": file})
    assert "3 systems" in answer.content.decode()
    assert not Client.objects.filter(name="Taken over").exists()
    assert operator_page.post(address, {"text": path.read_text(), "do": "take_over"}).status_code == 303
    assert Client.objects.filter(name="Taken over").exists()
    assert operator_page.post(address, {"text": "x", "do": "take_over"}).status_code == 422
