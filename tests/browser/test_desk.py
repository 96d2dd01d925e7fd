"""The pages in a real browser: keyboard triage, light and dark, wide and narrow, nothing refused by our own policy."""

import pytest

from maintenance.models import Decision
from tests import people
from tests.browser.conftest import fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


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


def test_a_long_queue_by_keyboard_alone(page):
    """Fifty rows a page: next and previous page, all rows at once, an update opened, and back."""
    system = people.make_system()
    for number in range(60):
        people.make_update(system, f"package-{number:02}")
    page.goto("/triage/?sort=package")
    assert page.locator("tr[data-row]").count() == 50
    page.keyboard.press("n")
    page.wait_for_selector("text=Page 2 of 2")
    assert page.locator("tr[data-row]").count() == 10
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_selector("h1:has-text('package-51')")
    page.go_back()
    page.wait_for_selector("text=Page 2 of 2")
    page.keyboard.press("p")
    page.wait_for_selector("text=Page 1 of 2")
    page.keyboard.press("Shift+X")
    page.keyboard.press("a")
    page.wait_for_selector(".notice.ok")
    assert Decision.objects.count() == 50
    assert page.locator("tr[data-row]").count() == 10


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
