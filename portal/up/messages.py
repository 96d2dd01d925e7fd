"""`make messages`: what pages say, gathered for the translators and compiled for Django. A test holds both against the sources.

With Babel instead of GNU gettext, which a fresh machine does not have.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from portal.up.places import CHECKOUT

LANGUAGE = "de"
PLACE = CHECKOUT / "portal" / "locale" / LANGUAGE / "LC_MESSAGES"
# Where words that people read are written; tests and what is made at run time are not.
SOURCES = ("portal", "clients", "maintenance", "backups", "monitoring", "handover")
_KEYWORDS = {
    "gettext": None, "gettext_lazy": None, "gettext_noop": None, "_": None, "ngettext": (1, 2), "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3), "pgettext_lazy": ((1, "c"), 2),
}  # fmt: skip

# Calls as templatize writes them: words in quotes, and maybe how many.
_CALL = re.compile(r"""\b(?:_|n?p?gettext)\((?:\s*(?:u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*"|count)\s*,?)+\)""")

Entry = tuple[str | None, str, str | None]


def entries() -> Iterator[Entry]:
    """Every message of the sources: its context, its words, its plural."""
    for folder in SOURCES:
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield from _of(path.read_text(encoding="utf-8"))
    for path in sorted((CHECKOUT / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            yield from _of(_as_python(path))


def _as_python(path: Path) -> str:
    """The calls that a template makes, one a line: what Django makes of it besides is no Python."""
    from django.utils.translation.template import templatize

    return "\n".join(_CALL.findall(templatize(path.read_text(encoding="utf-8"), origin=path.name)))


def _of(source: str) -> Iterator[Entry]:
    from babel.messages.extract import extract

    for _, words, _, context in extract("python", io.BytesIO(source.encode()), keywords=_KEYWORDS):
        singular, plural = (words[0], words[1]) if isinstance(words, tuple) else (words, None)
        if singular:
            yield context, singular, plural


def update() -> int:
    """Bring the catalogue up to the sources and compile it; returns how many messages have no translation yet."""
    from babel.messages import mofile, pofile

    path = PLACE / "django.po"
    with path.open("rb") as file:
        catalogue = pofile.read_po(file, locale=LANGUAGE)
    wanted = {(context, singular): plural for context, singular, plural in entries()}
    for message in list(catalogue):
        words = message.id[0] if isinstance(message.id, tuple) else message.id
        if words and (message.context, words) not in wanted:
            catalogue.delete(message.id, message.context)
    for (context, singular), plural in wanted.items():
        identifier = (singular, plural) if plural else singular
        if catalogue.get(identifier, context) is None:
            catalogue.add(identifier, context=context)
    with path.open("wb") as file:
        pofile.write_po(file, catalogue, width=136, no_location=True, ignore_obsolete=True)
    with (PLACE / "django.mo").open("wb") as file:
        mofile.write_mo(file, catalogue)
    return sum(not _is_translated(message.string) for message in catalogue if message.id)


def _is_translated(words: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(words) if words is None or isinstance(words, str) else all(words)


if __name__ == "__main__":
    print(f"{update()} messages have no translation yet: portal/locale/{LANGUAGE}/LC_MESSAGES/django.po")
