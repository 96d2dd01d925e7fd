"""Who watches the watcher: worker, beat, broker, database and queues, seen by a process that needs none of them to say so.

It runs beside them (`manage.py watch`). While all is well it calls an address outside, whose silence somebody else notices; where
something is not, it writes a mail by itself, past the portal's queue. What it can't ask is a problem, not a pass.
"""

import json
import logging
import os
import smtplib
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import httpx
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.models import Max, Min

from monitoring.choices import DeliveryState
from monitoring.models import Blindness, Delivery, RolledUp, Watch
from portal.accounts.scope import acting_for_all

logger = logging.getLogger(__name__)

EVERY_S = 20.0
# Looks come each minute: after three of them nobody looks.
BLIND_AFTER = timedelta(minutes=3)
STUCK_AFTER = timedelta(minutes=10)
ROLLED_AFTER = timedelta(minutes=20)
# Ticks expire: a queue that is longer is not worked off.
LONGEST_QUEUE = 500
QUEUES = ("looks", "default", "hosts")
# A problem is told when it was seen so often in a row: a restart is none.
CONFIRM = 3
CALLS_EVERY = timedelta(minutes=1)
CACHE_KEY = "watcher"
CACHE_S = 120


@dataclass(slots=True)
class State:
    """What the watcher knows; kept in a file, so that a restart knows how long nobody looked.

    Args:
        alive_at, looked_at: seconds since 1970: when it last ran, and the newest look that it knew of.
        bad: how often in a row something was wrong; told: whether that was told; problems: what it was.
    """

    alive_at: float = 0.0
    looked_at: float = 0.0
    called_at: float = 0.0
    bad: int = 0
    told: bool = False
    problems: list[str] = field(default_factory=list)


def state_file() -> Path:
    """Where it is kept."""
    return settings.VAR / "watcher.json"


def load() -> State:
    """As it was when the watcher last ran; a fresh one where nothing is kept, or can't be read."""
    try:
        return State(**json.loads(state_file().read_text()))
    except (OSError, ValueError, TypeError):
        return State()


def keep(state: State) -> None:
    """Keep it, for whoever starts next, and for the pages."""
    try:
        fresh = state_file().with_suffix(".new")
        fresh.write_text(json.dumps(asdict(state)))
        fresh.replace(state_file())
    except OSError as error:
        logger.warning("watcher.not_kept", extra={"problem": str(error)})
    try:
        cache.set(CACHE_KEY, asdict(state), CACHE_S)
    except Exception as error:  # noqa: BLE001  # whatever the broker's library raises: it is one of the things that are watched
        logger.warning("watcher.not_shown", extra={"problem": type(error).__name__})


def step(state: State, *, now: datetime) -> State:
    """Look once, tell what is to be told, and return what is known now."""
    problems = list(_of_database(state, now)) + list(_of_broker())
    state.problems, state.alive_at = problems, now.timestamp()
    state.bad = state.bad + 1 if problems else 0
    if state.bad >= CONFIRM and not state.told:
        state.told = _mail("The portal itself is not well", problems)
    elif not problems and state.told:
        state.told = not _mail("The portal itself is well again", ["All of it answers."])
    if not problems and now - datetime.fromtimestamp(state.called_at, UTC) >= CALLS_EVERY and _call_outside():
        state.called_at = now.timestamp()
    _tell_systemd("WATCHDOG=1")
    keep(state)
    return state


def _of_database(state: State, now: datetime) -> Iterator[str]:
    """What rows say of workers and beat; and how long nobody looked, once somebody does again."""
    try:
        with acting_for_all():
            newest = Watch.objects.filter(ended_at=None, system__client__ended_at=None).aggregate(at=Max("last_at"), due=Min("due_at"))
            stuck = Delivery.objects.filter(state=DeliveryState.WAITING, tries=0, due_at__lt=now - STUCK_AFTER).count()
            rolled = RolledUp.objects.aggregate(at=Max("until"))["at"]
            _note_blindness(state, newest["at"])
    except (OperationalError, InterfaceError, DatabaseError) as error:
        connection.close()
        yield f"The database does not answer: {type(error).__name__}."
        return
    if newest["due"] is not None and newest["due"] < now - BLIND_AFTER:
        last = f"the last one was {newest['at']:%Y-%m-%d %H:%M:%S} UTC" if newest["at"] else "there was none yet"
        yield f"Nobody looks at systems ({last}): is the worker of the queue “looks” running, and beat?"
    if stuck:
        yield f"{stuck} messages wait to be sent for the first time: is the worker of the queue “default” running?"
    if rolled is not None and rolled < now - ROLLED_AFTER:
        yield f"Results are rolled up until {rolled:%H:%M} UTC only: is the worker of the queue “default” running, and beat?"


def _note_blindness(state: State, newest: datetime | None) -> None:
    """Looks are again, and there was a gap: it is kept, and pages say so."""
    if newest is None:
        return
    if state.looked_at:
        before = datetime.fromtimestamp(state.looked_at, UTC)
        if newest - before > BLIND_AFTER:
            reason = "; ".join(state.problems) or "The portal was not running."
            Blindness.objects.get_or_create(began_at=before, defaults={"ended_at": newest, "reason": reason[:500]})
    state.looked_at = max(state.looked_at, newest.timestamp())


def _of_broker() -> Iterator[str]:
    try:
        url = settings.REDIS_URL.replace("redis+socket://", "unix://", 1)
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as link:
            lengths = {name: int(link.llen(name)) for name in QUEUES}
    except (redis.RedisError, OSError) as error:
        yield f"The broker does not answer: {type(error).__name__}."
        return
    for name, length in lengths.items():
        if length > LONGEST_QUEUE:
            yield f"{length} tasks wait in the queue “{name}”: is its worker running?"


def _mail(subject: str, lines: list[str]) -> bool:
    """Straight to the mail server. True where nobody wants any, or it was taken."""
    if not settings.WATCHER_MAIL or not settings.EMAIL_HOST:
        logger.error("watcher.problem", extra={"problem": " ".join(lines)})
        return True
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = f"[Retainer] {subject}", settings.DEFAULT_FROM_EMAIL, settings.WATCHER_MAIL
    message.set_content("\n".join([*lines, "", settings.PORTAL_URL, ""]))
    try:
        with smtplib.SMTP(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=20) as server:
            if settings.EMAIL_USE_TLS:
                server.starttls()
            if settings.EMAIL_HOST_USER:
                server.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("watcher.mail_not_sent", extra={"problem": type(error).__name__})
        return False
    return True


def _call_outside() -> bool:
    """The address outside that expects to be called."""
    if not settings.WATCHER_URL:
        return True
    try:
        return httpx.get(settings.WATCHER_URL, timeout=10).is_success
    except httpx.HTTPError as error:
        logger.warning("watcher.not_called", extra={"problem": type(error).__name__})
        return False


def _tell_systemd(words: str) -> None:
    """sd_notify(3), where systemd asked for it: a watcher that hangs is started again."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(words.encode(), "\0" + path[1:] if path.startswith("@") else path)
    except OSError as error:
        logger.warning("watcher.systemd_not_told", extra={"problem": str(error)})
