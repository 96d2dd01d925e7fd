"""Secrets that get into an event by mistake are masked before it is written; the trail can't be mended afterwards."""

import re
from typing import Any

MASK = "•••"
_SECRET_NAMES = re.compile(r"pass(word|phrase)?$|secret|token$|private_?key|api_?key|credential_value|seed$", re.IGNORECASE)
_SECRETS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"rtn_[A-Za-z0-9_-]{20,}"),  # our own API tokens
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # user:password in a URL
    re.compile(r"(?i)(?<=authorization: )\S+(?: \S+)?"),
    re.compile(r"(?i)(?<=\bbearer )[A-Za-z0-9._~+/-]{8,}=*"),
    re.compile(r"(?i)(?:(?<=password=)|(?<=passwd=)|(?<=secret=)|(?<=token=))[^\s&'\"]+"),
)


def mask(value: Any, *, name: str = "") -> Any:
    """The same JSON value with everything masked that is a secret by its name or by its shape."""
    if isinstance(value, dict):
        return {key: mask(inner, name=str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask(inner, name=name) for inner in value]
    if isinstance(value, str):
        if name and value and _SECRET_NAMES.search(name):
            return MASK
        for secret in _SECRETS:
            value = secret.sub(MASK, value)
    return value
