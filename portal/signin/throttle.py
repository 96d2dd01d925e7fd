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

    @classmethod
    def of(cls, kind: str, value: str, *, limit: int) -> "Bucket":
        """The counter of one account, address or browser; its key tells nothing about whose it is."""
        return cls(f"sign-in:{kind}:{_hashed(value.strip().lower())}", limit)


def buckets(*, email: str, address: str, known_browser: str) -> list[Bucket]:
    """The counters that a try counts in. `known_browser` is its cookie's value, if it is one of this account."""
    if known_browser:
        return [Bucket.of("browser", known_browser, limit=PER_BROWSER)]
    return [Bucket.of("account", email, limit=PER_ACCOUNT), Bucket.of("address", address, limit=PER_ADDRESS)]


def begin(counters: list[Bucket]) -> int:
    """Count a try. Returns the seconds to wait before the next one is looked at; 0 is go on."""
    wait = 0
    for bucket in counters:
        _open(bucket)
        try:
            tries = cache.incr(bucket.key)
        except ValueError:
            _open(bucket)  # it expired between the two
            tries = cache.incr(bucket.key)
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


def _open(bucket: Bucket) -> None:
    """Start a counter where there is none, and keep when it ends: that is how long somebody waits."""
    if cache.add(bucket.key, 0, WINDOW_S):
        cache.set(_until(bucket), int(time.time()) + WINDOW_S, WINDOW_S)


def _left(bucket: Bucket) -> int:
    """Seconds until a full counter is empty again."""
    now = int(time.time())
    return max(1, int(cache.get(_until(bucket)) or now + WINDOW_S) - now)


def _until(bucket: Bucket) -> str:
    return f"{bucket.key}:until"


def _account(email: str) -> str:
    return _hashed(email.strip().lower())


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:32]
