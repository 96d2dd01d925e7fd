"""The pages in a real browser: keyboard triage, light and dark, wide and narrow, nothing refused by our own policy."""

import os
from pathlib import Path

import pytest
from django.test.testcases import LiveServerThread, _StaticFilesHandler
from playwright.sync_api import sync_playwright

from maintenance.models import Decision
from tests import people
from tests.pages.test_api import code_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if Path(p).exists()), "")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
)


@pytest.fixture(scope="session", autouse=True)
def django_in_playwrights_thread():
    """Playwright's own loop runs in this thread; Django's guard against that is not meant for tests."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def chromium():
    if not CHROMIUM and os.environ.get("CI"):
        pytest.fail("CI must have Chromium: make test installs it as root")
    if not CHROMIUM:
        pytest.skip("NO BROWSER: Chromium is not here and we are not root to install it. Pages were not tested in a browser.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield browser
        browser.close()


@pytest.fixture
def portal_server(transactional_db, static_files):
    """The portal as production serves it: hashed static files from where collectstatic put them."""
    thread = LiveServerThread("127.0.0.1", _StaticFilesHandler, port=0)
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light-wide", "dark-narrow"])
def page(request, chromium, portal_server):
    """A page signed in as an operator; whatever the browser complains about fails the test."""
    scheme, width = request.param
    operator = people.make_operator()
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, base_url=portal_server)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.fill("#id_login", operator.email)
    page.fill("#id_password", people.PASSWORD)
    page.keyboard.press("Enter")
    page.fill("#id_code", code_of(operator))
    page.keyboard.press("Enter")
    page.wait_for_selector("#fleet")
    yield page
    # 422 is how a form says that something is to be corrected
    assert [text for text in complaints if "422" not in text] == []
    context.close()


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_triage_by_keyboard_alone(page):
    system = people.make_system()
    for name in ("openssl", "vim", "zlib"):
        people.make_update(system, name)
    page.goto("/triage/?sort=package")
    assert page.locator("tr[data-row]").count() == 3
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("a")
    page.wait_for_selector(".notice.ok")
    assert page.locator("tr[data-row]").count() == 1
    assert {d.update.package for d in Decision.objects.select_related("update")} == {"vim", "zlib"}
    # deferring without a reason asks for it and loses nothing
    page.keyboard.press("r")
    page.keyboard.type("breaks the shop")
    page.locator("button[data-key=d]").click()
    page.wait_for_selector(".notice.bad")
    assert page.input_value("[name=reason]") == "breaks the shop"
    assert page.locator("tr[data-row] input:checked").count() == 1
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    page.locator("button[data-key=r]").click()
    page.wait_for_selector("text=Nothing here")
    assert fits(page)


def test_adding_a_client_and_a_system_and_reading_what_to_run(page):
    page.goto("/clients/")
    page.fill("#id_name", "Baker Ltd")
    page.click("text=Add client")
    page.click("text=Add a system")
    page.fill("#id_name", "shop")
    page.fill("#id_address", "not an address!")
    page.click("button.main")
    assert "Use a host name or an IP address." in page.inner_text("form.card")
    assert page.input_value("#id_name") == "shop"
    page.fill("#id_address", "127.0.0.1")
    page.fill("#id_port", "1")
    page.click("button.main")
    page.wait_for_selector("text=Run this once as root")
    script = page.inner_text("pre.script")
    assert "NOPASSWD: /usr/local/sbin/retainer-host" in script
    assert "ssh-ed25519 " in script
    assert "PRIVATE" not in script
    assert fits(page)


def test_a_refused_page_and_a_missing_page_are_pages_of_ours(page):
    page.on("console", lambda message: None)
    assert "There is no such page" in page.request.get("/runs/999999/").text()
    for address in ("/", "/runs/", "/audit/", "/clients/import/"):
        page.goto(address)
        assert page.locator("h1").count() == 1
        assert fits(page)
