"""Handover in a browser: the package from disk with the network off, and the portal's own pages of it."""

import uuid
import zipfile
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from handover.choices import PieceKind
from handover.models import LiveTerminal
from handover.services import packages, receiving, runbooks, sittings, walkthroughs
from handover.services.pieces import Pieces
from tests import people
from tests.browser.conftest import fits, picture, sign_in
from tests.handover.conftest import PASSPHRASE, TOUR, document, made, own_folders  # noqa: F401  # a fixture
from tests.lab.machine import wait_for

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


def test_somebody_types_into_a_terminal_and_keeps_it(page, handed):
    """By keyboard alone, from the list of walkthroughs to the one that is kept. The test is the worker that holds the host."""
    _, web, _ = handed
    page.goto(f"/systems/{web.pk}/walkthroughs/")
    page.get_by_label("Title").first.focus()
    page.keyboard.type("Where things live")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is being opened.")).to_be_visible()
    row = LiveTerminal.objects.get()
    LiveTerminal.objects.update(
        state="open", claim=uuid.uuid4(), claimed_until=people.now() + timedelta(minutes=5), opened_at=people.now()
    )
    row.refresh_from_db()
    worker = Pieces(row)
    worker.add(PieceKind.SHOWN, "\x1b[32manna@web-1\x1b[0m:~$ ", at_s=0.1)
    screen = page.locator("[data-screen]")
    expect(screen.locator(".ap-term-text")).to_contain_text("anna@web-1:~$")
    expect(screen).to_be_focused()
    page.keyboard.type("ls")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Control+c")
    page.keyboard.press("Enter")
    typed = ""

    def taken():
        nonlocal typed
        typed += worker.take_typed()
        return typed == "ls\t\x1b[A\x03\r"

    wait_for("what was typed", taken)
    worker.add(PieceKind.SHOWN, "ls\r\n\x1b[?1hnginx.conf\r\n", at_s=1)
    expect(screen.locator(".ap-term-text")).to_contain_text("nginx.conf")
    typed = ""
    page.keyboard.press("ArrowDown")
    wait_for("another arrow", lambda: worker.take_typed() == "\x1bOB")
    picture(page, "terminal")
    assert fits(page)
    page.keyboard.press("Shift+Tab")
    expect(screen).not_to_be_focused()
    page.get_by_label("Line").focus()
    page.keyboard.type("uptime")
    page.keyboard.press("Enter")
    wait_for("a line", lambda: worker.take_typed() == "uptime\r")
    page.get_by_label("Its name").focus()
    page.keyboard.type("Logs")
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Logs” began.")).to_be_visible()
    page.get_by_role("button", name="End and keep").focus()
    page.keyboard.press("Enter")
    wait_for("the wish", lambda: LiveTerminal.objects.filter(wish="kept").exists())
    sittings.finish(terminal_id=row.pk, claim=row.claim, problem="")
    page.get_by_role("link", name="The walkthrough").click()
    expect(page.get_by_role("heading", name="Where things live")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Logs")).to_be_visible()
