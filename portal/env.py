"""Typed readers of environment variables that refuse what they don't understand."""

import ipaddress
import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_WORDS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def text(name: str, default: str | None = None) -> str:
    """A value, required unless a default is given.

    Raises:
        ImproperlyConfigured: the variable is missing; the message names it.
    """
    value = os.environ.get(name, default)
    if value is None or value == "":
        if default is not None:
            return default
        raise ImproperlyConfigured(f"{name} is not set. Set it in the environment; docs/settings.md lists all of them.")
    return value


def secret(name: str, default: str | None = None) -> str:
    """A secret from NAME, or from the file that NAME_FILE names (without its final newline)."""
    path = os.environ.get(f"{name}_FILE")
    if path and not os.environ.get(name):
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {path} can't be read ({error.strerror}).") from error
    return text(name, default)


def boolean(name: str, *, default: bool) -> bool:
    """true or false (also 1, 0, on, off), nothing else."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() not in _WORDS:
        raise ImproperlyConfigured(f"{name}={value!r}: use true or false.")
    return _WORDS[value.lower()]


def integer(name: str, *, default: int) -> int:
    """A whole number."""
    value = os.environ.get(name)
    try:
        return default if value is None else int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: use a whole number.") from error


def words(name: str, default: str | None = None) -> list[str]:
    """Words separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def pairs(name: str) -> dict[str, str]:
    """`key=value` words separated by blanks."""
    found = {}
    for word in text(name, "").split():
        key, sign, value = word.partition("=")
        if not (key and sign and value):
            raise ImproperlyConfigured(f"{name}: “{word}” is not key=value.")
        found[key] = value
    return found


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Networks such as 10.0.0.0/8, separated by commas."""
    try:
        return [ipaddress.ip_network(word) for word in words(name, "")]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. Write networks like 10.0.0.0/8.") from error
