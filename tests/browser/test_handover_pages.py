"""Handover in a browser: the package from disk with the network off, and the portal's own pages of it."""

import zipfile

import pytest
from playwright.sync_api import expect

from handover.services import packages, receiving, runbooks, walkthroughs
from tests import people
from tests.browser.conftest import fits, picture, sign_in
from tests.handover.conftest import PASSPHRASE, TOUR, document, made, own_folders  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def handed(db):
    client = people.make_client("Sample")
    twin = people.make_system(client, name="twin", address="twin.example", environment="staging", roles=["web"])
    web = people.make_system(client, name="web-1", address="web.example", environment="production", staging_twin=twin, roles=["web"])
    owner = people.make_owner(client)
    for system in (web, twin):
        document(system, "cron\t/etc/cron.d/dump\t5 3 * * * root pg_dump rhinoceros")
        runbooks.fill(system=system, actor=people.TESTER, now=people.now())
    walkthroughs.keep_tour(system=web, answer=TOUR, known=[], actor=people.TESTER, now=people.now())
    receiving.choose_passphrase(
        client=client, passphrase=PASSPHRASE, again=PASSPHRASE, forms=["kdbx"], actor=people.actor(owner), now=people.now()
    )
    return client, web, owner


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_a_package_opens_from_disk_with_the_network_off(chromium, handed, tmp_path, scheme, width):
    client, _, _ = handed
    package = made(client, with_credentials=False)
    assert package.state == "ready", package.findings
    with zipfile.ZipFile(packages.path_of(package)) as archive:
        archive.extractall(tmp_path / "unpacked")
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"file://{tmp_path}/unpacked/index.html")
    expect(page.get_by_role("heading", name="Sample", exact=True)).to_be_visible()
    page.get_by_label("Search in all of it").fill("rhinoceros")
    expect(page.get_by_role("status")).to_have_text("2 pages")
    picture(page, f"package-{scheme}")
    page.locator("#found a", has_text="web-1").click()
    expect(page.get_by_role("heading", name="What runs by cron")).to_be_visible()
    assert fits(page)
    picture(page, f"package-document-{scheme}")
    page.goto(f"file://{tmp_path}/unpacked/index.html")
    page.get_by_role("link", name="A tour of web-1").click()
    plays(page)
    picture(page, f"package-walkthrough-{scheme}")
    assert complaints == []
    context.close()


def plays(page):
    """The recording is played to its end, and shows what was recorded."""
    page.locator(".ap-overlay-start, .ap-playback-button").first.click()
    expect(page.locator(".ap-player")).to_be_visible()
    expect(page.locator(".ap-term-text")).to_contain_text("nginx", timeout=20_000)


def test_the_owner_chooses_reads_and_plays(blank_page, portal_server, handed):
    client, web, owner = handed
    page = blank_page
    sign_in(page, owner)
    page.goto(f"/clients/{client.pk}/handover/")
    expect(page.get_by_role("heading", name="Ready to go on alone: Sample")).to_be_visible()
    picture(page, "handover-client")
    assert fits(page)
    page.get_by_role("link", name="Walkthroughs").first.focus()
    page.goto(f"/systems/{web.pk}/walkthroughs/")
    plays(page)
    picture(page, "handover-walkthrough")
    page.goto(f"/systems/{web.pk}/document/")
    expect(page.get_by_role("heading", name="What runs by cron")).to_be_visible()
    picture(page, "handover-document")
    assert fits(page)
    page.goto(f"/clients/{client.pk}/handover/key/")
    page.get_by_label("Passphrase").fill("nine yellow boats swim slowly")
    page.keyboard.press("Tab")
    page.keyboard.type("nine yellow boats swim slowly")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ready to go on alone: Sample")).to_be_visible()
    page.goto(f"/clients/{client.pk}/handover/packages/")
    picture(page, "handover-packages")
    page.get_by_role("button", name="Make a package").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Queued")
