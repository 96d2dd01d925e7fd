"""Masking is generous; looking for known secrets is exact, in each form in which they are written."""

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handover.parsers.secrets import MASK, forms_of, mask_known, mask_text


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("password = hunter2x", "hunter2x"),
        ("DB_PASSWORD=s3cr3t!", "s3cr3t!"),
        ("      MYSQL_ROOT_PASSWORD: 'with space'", "with space"),
        ('{"token": "abcdef123"}', "abcdef123"),
        ("  'dbpassword' => 'Nextcl0ud',", "Nextcl0ud"),
        ("define('DB_PASSWORD', 'wordpr3ss');", "wordpr3ss"),
        ("postgres://app:pgsecret@db/app", "pgsecret"),
        ("requirepass redissecret", "redissecret"),
        ("curl -u admin:curlpw https://x", "curlpw"),
        ("restic --password hunter2x backup", "hunter2x"),
        ("Authorization: Bearer eyJhbGciOi.x.y", "eyJhbGciOi"),
        ("root:$6$salt$abcdefghijklmnopqrstuvwxyz0123456789./:19000", "abcdefghijklmnop"),
        ("GITHUB=ghp_abcdefghijklmnopqrstuvwxyz0123", "ghp_abcdefghij"),
        ("x = kJ8dQ2mZpL4vXw9TnR7yBc5F", "kJ8dQ2mZpL4vXw9TnR7yBc5F"),
        ("CREATE ROLE app LOGIN ENCRYPTED PASSWORD IDENTIFIED BY 'sqlsecret'", "sqlsecret"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXk"),
        ("secret_key_base: /starts/with/slash", "/starts/with/slash"),
    ],
)
def test_a_planted_secret_is_masked(line, secret):
    found = mask_text(line)
    assert secret not in found.text
    assert found.count >= 1
    assert MASK in found.text


@pytest.mark.parametrize(
    "line",
    [
        "PasswordAuthentication no",
        "password requisite pam_pwquality.so retry=3",
        "ssl_certificate_key /etc/ssl/private/x.key;",
        "proxy_pass http://127.0.0.1:8080;",
        "password_file = /etc/app/pw",
        "smtpd_tls_session_cache_database = btree:${data_directory}/smtpd_scache",
        "0 3 * * * root restic --repo /srv/backup --password-file /root/restic-key backup /srv",
        "listen 443 ssl http2;",
        "| base-passwd | 3.6.1 |",
    ],
)
def test_what_is_no_secret_stays(line):
    assert mask_text(line).text == line


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=6, max_size=40))
def test_a_known_secret_is_found_in_each_form(secret):
    forms = forms_of(secret)
    raw = secret.encode()
    for written in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], html.escape(secret), raw.hex()):
        assert any(form in written for form in forms), written
    if len(raw) >= 9:
        for before in (b"", b"a", b"ab"):
            encoded = base64.b64encode(before + raw + b"zz").decode()
            assert any(form in encoded for form in forms), encoded
            assert any(form in base64.urlsafe_b64encode(before + raw).decode() for form in forms)
    assert secret not in mask_known(f"x{secret}y", known=[secret]).text


@given(st.text())
def test_masking_never_fails_and_masked_stays_masked(text):
    once = mask_text(text)
    assert mask_text(once.text).text.count(MASK) >= once.text.count(MASK) or once.count == 0


def test_lines_of_a_key_are_looked_for_one_by_one():
    key = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2EAAAADAQABAAAB\nshort\n-----END KEY-----"
    assert "AAAAB3NzaC1yc2EAAAADAQABAAAB" in forms_of(key)
    assert not any("BEGIN" in form and len(form) < 30 for form in forms_of(key))


def test_what_is_too_short_is_not_looked_for():
    assert forms_of("abc") == set()
