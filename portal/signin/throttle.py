"""Wrong sign-ins are slowed down, per account and per address, and nobody else is locked out by them.

Counting happens before the password is looked at, in the shared cache, so that many tries at once count as many. A browser
that its person signed in with before carries a signed cookie and counts for itself: whoever guesses at an account from
elsewhere, or from the same office, does not keep its owner out (OWASP Authentication Cheat Sheet, device cookies).
"""

import hashlib
import secrets
import time
from dataclasses import dataclass

from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse

WINDOW_S = 15 * 60
PER_ACCOUNT = 10
PER_ADDRESS = 30
PER_BROWSER = 10
COOKIE = "retainer_known"
COOKIE_S = 365 * 24 * 3600
_SIGNER_SALT = "known browser"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A counter of tries, and how many it allows within the window."""

    key: str
    limit: int


def buckets(*, email: str, address: str, known_browser: str) -> list[Bucket]:
    """The counters that a try counts in. `known_browser` is its cookie's value, if it is one of this account."""
    if known_browser:
        return [Bucket(_name("browser", known_browser), PER_BROWSER)]
    return [Bucket(_name("account", email.strip().lower()), PER_ACCOUNT), Bucket(_name("address", address), PER_ADDRESS)]


def begin(counters: list[Bucket]) -> int:
    """Count a try. Returns the seconds to wait before the next one is looked at; 0 is go on."""
    wait = 0
    for bucket in counters:
        cache.add(bucket.key, 0, WINDOW_S)
        try:
            tries = cache.incr(bucket.key)
        except ValueError:
            cache.set(bucket.key, 1, WINDOW_S)  # it expired between the two
            tries = 1
        if tries > bucket.limit:
            wait = max(wait, _left(bucket))
    return wait


def succeeded(counters: list[Bucket]) -> None:
    """The password was right: this try does not count. Earlier wrong ones stay, or an attacker could wash his away."""
    for bucket in counters:
        try:
            cache.decr(bucket.key)
        except ValueError:
            continue


def known_browser(request: HttpRequest, *, email: str) -> str:
    """The cookie's value where this browser signed this account in before; empty otherwise."""
    try:
        value = TimestampSigner(salt=_SIGNER_SALT).unsign(request.COOKIES.get(COOKIE, ""), max_age=COOKIE_S)
    except BadSignature:
        return ""
    account, _, _ = value.partition(":")
    return value if secrets.compare_digest(account, _account(email)) else ""


def remember_browser(response: HttpResponse, *, email: str, secure: bool) -> None:
    """Give the browser its cookie after a sign-in."""
    value = TimestampSigner(salt=_SIGNER_SALT).sign(f"{_account(email)}:{secrets.token_hex(8)}")
    response.set_cookie(COOKIE, value, max_age=COOKIE_S, httponly=True, secure=secure, samesite="Lax", path="/sign-in/")


def words(seconds: int) -> str:
    """How long to wait, for people."""
    minutes = -(-seconds // 60)
    return "a minute" if minutes <= 1 else f"{minutes} minutes"


def _left(bucket: Bucket) -> int:
    """Seconds until a full counter is empty again; its time starts anew only when it expired."""
    key = f"{bucket.key}:until"
    now = int(time.time())
    cache.add(key, now + WINDOW_S, WINDOW_S)
    until = cache.get(key) or now + WINDOW_S
    return max(1, int(until) - now)


def _name(kind: str, value: str) -> str:
    return f"sign-in:{kind}:{hashlib.sha256(value.encode()).hexdigest()[:32]}"


def _account(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
