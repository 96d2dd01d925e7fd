"""The edges: policy headers, CSRF on htmx, downloads, spreadsheets, Markdown, log lines, escaping, uploads."""

import csv
import io
import logging
import re

import pytest
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from clients.services import registry
from maintenance.models import PendingUpdate
from portal.logs import AddIds, one_line
from portal.ui.downloads import cell, csv_download, download
from portal.ui.markdown import render
from tests import people
from tests.pages.routes import ROUTES
from tests.people import signed_in

NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"


def policy(answer) -> dict[str, list[str]]:
    words = [part.split() for part in answer["Content-Security-Policy"].split(";") if part.strip()]
    return {first: rest for first, *rest in words}


def test_scripts_run_by_nonce_only_and_each_page_has_its_own(operator_page, client):
    for page in (operator_page.get("/"), operator_page.get("/triage/"), client.get("/sign-in/")):
        allowed = policy(page)
        assert allowed["default-src"] == ["'none'"]
        assert len(allowed["script-src"]) == 1
        nonce = re.fullmatch(r"'nonce-([^']+)'", allowed["script-src"][0]).group(1)
        scripts = re.findall(r"<script\b[^>]*>", page.content.decode())
        assert scripts
        assert all(f'nonce="{nonce}"' in tag or 'type="application/json"' in tag for tag in scripts)
        assert all("src=" in tag or 'type="application/json"' in tag for tag in scripts)  # none inline
        assert allowed["frame-ancestors"] == allowed["base-uri"] == ["'none'"]
        assert "unsafe" not in page["Content-Security-Policy"]
    assert policy(client.get("/sign-in/"))["script-src"] != policy(client.get("/sign-in/"))["script-src"]


def test_templates_carry_no_handlers_and_no_inline_style():
    from pathlib import Path

    for template in (Path(__file__).resolve().parents[2] / "templates").rglob("*.html"):
        text = template.read_text()
        assert not re.search(r"\son[a-z]+\s*=|\sstyle\s*=|javascript:|hx-on|\|safe\b|autoescape off|hx-vals='?js:", text), template


def test_headers_of_every_answer(client, operator_page, member_page):
    for answer in (client.get("/sign-in/"), operator_page.get("/"), member_page.get("/nowhere/"), client.get("/health/")):
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "no-store" in operator_page.get("/")["Cache-Control"]
    assert "no-store" in member_page.get("/account/")["Cache-Control"]


def test_cookies_and_transport_in_production(tmp_path):
    """The settings as production reads them, in a process of their own."""
    import os
    import subprocess
    import sys

    environment = {**os.environ, "PORTAL_HTTPS": "true"}
    code = (
        "import django; django.setup(); from django.conf import settings as s; "
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE, s.SESSION_COOKIE_NAME, "
        "s.SECURE_HSTS_SECONDS >= 31536000, s.SECURE_SSL_REDIRECT)"
    )
    out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
    assert out.split() == ["True", "True", "True", "Lax", "__Host-sessionid", "True", "True"]


def test_every_change_needs_the_token_htmx_or_not(operator, system):
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(operator)
    for headers in ({}, {"HX-Request": "true"}):
        for name, pattern in ROUTES:
            if pattern.callback.permission == "anybody" or pattern.pattern.converters:
                continue
            from django.urls import reverse

            answer = browser.post(reverse(name), headers=headers)
            assert answer.status_code in {403, 405}, name
    page = browser.get("/triage/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode()).group(1)
    people.make_update(system)
    answer = browser.post(
        "/triage/decide/", {"update": "openssl|1.1", "kind": "apply"}, headers={"HX-Request": "true", "X-CSRFToken": token}
    )
    assert answer.status_code == 200
    assert PendingUpdate.objects.get().decision is not None


def test_what_people_and_hosts_write_is_escaped_on_every_page(operator, owner, sample_client):
    """Names, notes, reasons, host output: shown as text, to staff and to the client alike."""
    sample_client.name = f"Client {NASTY}"[:200]
    sample_client.save()
    system = people.make_system(sample_client, name=f"h {NASTY}"[:100])
    registry.write_notes(system=system, notes=f"# Title\n\n{NASTY}\n\n[x](javascript:alert(1)) ![y](http://evil/)", actor=people.TESTER,
                         now=people.now())  # fmt: skip
    system.connection, system.connection_message, system.os_name = "unreachable", NASTY, NASTY
    system.save()
    people.make_update(system, "openssl", origin=NASTY)
    people.make_scan(system, "stale", reason=NASTY, problems=[NASTY])
    registry.add_contact(
        client=sample_client, name=NASTY, email="", phone=NASTY[:50], duty=NASTY, actor=people.TESTER, now=people.now()
    )
    pages = ("/", f"/systems/{system.pk}/", "/runs/", "/audit/", f"/clients/{sample_client.pk}/people/")
    staff_pages = (*pages, "/triage/", "/clients/", f"/clients/{sample_client.pk}/", f"/systems/{system.pk}/onboarding/",
                   f"/clients/{sample_client.pk}/vault/")  # fmt: skip
    for user, addresses in ((operator, staff_pages), (owner, pages)):
        browser = signed_in(user)
        for address in addresses:
            answer = browser.get(address)
            text = answer.content.decode()
            assert answer.status_code == 200, address
            assert "<script>alert" not in text, address
            assert "<img src=x" not in text, address
            assert "javascript:alert" not in re.sub(
                r"<textarea.*?</textarea>|<span class=\"pair\">.*?</span>", "", text, flags=re.DOTALL
            ), address


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("<script>alert(1)</script>", "<script"), ("[x](javascript:alert(1))", "href=\"javascript"), ("![x](http://evil/x.png)", "<img"),
        ("<a href='x' onclick='y'>z</a>", "<a href"), ("[x](data:text/html,y)", "href=\"data"), ("<iframe src=x>", "<iframe"),
        ("[x](vbscript:y)", "href=\"vbscript"),
    ],
)  # fmt: skip
def test_markdown_keeps_only_what_is_harmless(text, gone):
    assert gone not in render(text)


def test_markdown_does_what_people_expect():
    html = render("# Title\n\n**bold** `code` [link](https://example.org)\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    for part in (
        "<h3>Title</h3>",
        "<strong>bold</strong>",
        "<code>code</code>",
        'href="https://example.org"',
        "noopener",
        "<li>one</li>",
        "<td>1</td>",
    ):
        assert part in html


@given(st.text(max_size=200))
def test_markdown_never_breaks_and_never_lets_a_tag_through(text):
    assert not re.search(r"<(script|img|iframe|style|svg|object|form|input)\b", render(text), re.IGNORECASE)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=cmd|' /C calc'!A0", "\uff1d1"])
def test_no_cell_is_a_formula(text):
    assert cell(text).startswith("'")


def test_an_export_is_saved_and_calculates_nothing(operator_page, sample_client):
    registry.add_contact(
        client=sample_client, name='=HYPERLINK("http://evil")', email="", phone="", duty="", actor=people.TESTER, now=people.now()
    )
    answer = operator_page.get("/audit/export/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) > 3
    assert not [value for row in rows for value in row if value.startswith(("=", "+", "-", "@"))]
    assert any("'=HYPERLINK" in value for row in rows for value in row)


def test_downloads_are_never_rendered(operator_page, system):
    answer = operator_page.get(f"/systems/{system.pk}/onboarding/setup.sh")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    named = download("x", filename='a"b\r\nSet-Cookie: x', content_type="text/plain")["Content-Disposition"]
    assert "\n" not in named
    assert csv_download([["a"]], filename="x.csv")["Content-Type"].startswith("text/csv")


def test_log_lines_are_one_line_without_escapes(caplog):
    record = logging.LogRecord("portal.x", logging.INFO, "", 1, "line\nforged \x1b[31m", ("a\r\nb",), None)
    record.what = "x\n2026 ERROR forged\x1b]0;title\x07"
    AddIds().filter(record)
    assert "\n" not in record.msg + str(record.args).replace("\\\\n", "") + record.ids
    assert "\x1b" not in record.msg + record.ids
    assert one_line("ünï\u202ecode") == "ünï\\x202ecode"


def test_too_large_an_upload_is_refused(operator_page, sample_client):
    answer = operator_page.post(
        "/clients/import/", {"client": sample_client.pk, "source": "csv", "environment": "staging", "text": "x" * 6_000_000}
    )
    assert answer.status_code == 400


def test_no_page_takes_a_file(operator_page, sample_client):
    """Sent as a file, the text is read past: the form misses it, and nothing is kept."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    form = {"client": sample_client.pk, "source": "csv", "environment": "staging", "text": SimpleUploadedFile("x.csv", b"name,address")}
    answer = operator_page.post("/clients/import/", form)
    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()
    assert not answer.wsgi_request.FILES


def test_a_host_name_that_is_not_ours_is_refused(settings, client, db):
    settings.ALLOWED_HOSTS = ["portal.example"]
    assert client.get("/sign-in/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"])
def test_no_way_out_by_next(member, target):
    browser = Browser()
    answer = browser.post("/sign-in/", {"login": member.email, "password": people.PASSWORD, "next": target})
    assert answer["Location"] == "/"
