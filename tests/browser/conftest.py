"""A real Chromium, and the portal as production serves it."""

import os
from pathlib import Path

import pytest
from django.test.testcases import LiveServerThread, _StaticFilesHandler
from playwright.sync_api import sync_playwright

from tests import people
from tests.pages.test_api import code_of

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
    yield f"http://localhost:{thread.port}"  # a name: passkeys need one
    thread.terminate()


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light-wide", "dark-narrow"])
def blank_page(request, chromium, portal_server):
    """A page of a fresh browser; whatever the browser complains about fails the test."""
    scheme, width = request.param
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, base_url=portal_server)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    # 422 is how a form says that something is to be corrected
    assert [text for text in complaints if "422" not in text] == []
    context.close()


def sign_in(page, user) -> None:
    """As a person does: address, password, code."""
    page.goto("/")
    page.fill("#id_login", user.email)
    page.fill("#id_password", people.PASSWORD)
    page.keyboard.press("Enter")
    if hasattr(user, "seed"):
        page.fill("#id_code", code_of(user))
        page.keyboard.press("Enter")
    page.wait_for_selector("#fleet, #live")


@pytest.fixture
def page(blank_page):
    """A page signed in as an operator."""
    sign_in(blank_page, people.make_operator())
    return blank_page


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def picture(page, name: str) -> None:
    """Keep a screenshot where somebody asked for them (RETAINER_PICTURES names a folder)."""
    folder = os.environ.get("RETAINER_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}-{page.viewport_size['width']}.png"), full_page=True)
