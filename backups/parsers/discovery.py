"""Backups that a system makes, read from its crontabs, units, scripts and the configuration of known tools.

Only what is written there is proposed: a tool, where it writes to, what it takes. What stands in a variable that is set
elsewhere is not guessed.
"""

import posixpath
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from backups.parsers.survey import Entry


@dataclass(frozen=True, slots=True)
class Found:
    """One backup as the host's own files describe it."""

    tool: str
    repository: str
    sources: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    places: tuple[str, ...] = field(default=(), compare=False)


def find_backups(entries: Sequence[Entry]) -> list[Found]:
    """The backups that these entries make, each once, with the names of the entries that say so."""
    found: dict[tuple[str, str], Found] = {}
    for entry in entries:
        for one in _in(entry):
            key = (one.tool, one.repository)
            before = found.get(key)
            names = tuple(dict.fromkeys([*(before.places if before else ()), entry.name]))
            richer = one if before is None or len(one.sources + one.databases) > len(before.sources + before.databases) else before
            found[key] = Found(richer.tool, richer.repository, richer.sources, richer.databases, richer.excludes, names)
    return list(found.values())


def _in(entry: Entry) -> Iterator[Found]:
    if entry.kind != "configuration":
        yield from _commands(entry.text)
        return
    document = _document(entry)
    if not isinstance(document, dict):
        return
    if "borgmatic" in entry.name:
        yield from _borgmatic(document)
    elif "autorestic" in entry.name:
        yield from _autorestic(document)
    elif "resticprofile" in entry.name:
        yield from _resticprofile(document)


def _document(entry: Entry) -> Any:
    try:
        return tomllib.loads(entry.text) if entry.name.endswith((".toml", ".conf")) else yaml.safe_load(entry.text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError):
        return None


def _borgmatic(document: dict[str, Any]) -> Iterator[Found]:
    # before 1.8 all stood in sections
    place = {**document, **_dict(document.get("location"))}
    sources, excludes = _texts(place.get("source_directories")), _texts(place.get("exclude_patterns"))
    for one in _list(place.get("repositories")):
        repository = one.get("path") if isinstance(one, dict) else one
        if isinstance(repository, str):
            yield Found("borg", repository, sources, (), excludes)


def _autorestic(document: dict[str, Any]) -> Iterator[Found]:
    backends = _dict(document.get("backends"))
    for location in _dict(document.get("locations")).values():
        place = _dict(location)
        for name in _texts(place.get("to")):
            backend = _dict(backends.get(name))
            kind, path = str(backend.get("type", "local")), backend.get("path")
            if isinstance(path, str):
                repository = path if kind == "local" else f"{kind}:{path}"
                yield Found("restic", repository, _texts(place.get("from")), (), ())


def _resticprofile(document: dict[str, Any]) -> Iterator[Found]:
    base = _dict(document.get("default"))
    for profile in document.values():
        place = _dict(profile)
        backup = _dict(place.get("backup"))
        repository = place.get("repository", base.get("repository"))
        if isinstance(repository, str) and backup.get("source"):
            yield Found("restic", repository.removeprefix("local:"), _texts(backup["source"]), (), _texts(backup.get("exclude")))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in _list(value) if isinstance(one, str | int))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_VARIABLE = re.compile(r"^\s*(?:export\s+)?([A-Z_]+)=[\"']?([^\"'\s]+)", re.MULTILINE)


def _commands(text: str) -> Iterator[Found]:
    """Commands of a crontab, a unit or a script, one a line; variables of the same file are filled in."""
    variables = {name: value for name, value in _VARIABLE.findall(text) if "<" not in value}
    for line in text.replace("\\\n", " ").splitlines():
        filled = re.sub(r"\$\{?([A-Z_]+)\}?", lambda match: variables.get(match[1], match[0]), line)
        # a date in a name: whatever comes out of a command stands there as the pattern of it
        filled = re.sub(r"\$\([^()]*\)|`[^`]*`", "*", filled)
        try:
            words = shlex.split(filled, comments=True)
        except ValueError:
            words = filled.split()
        for command in _split(words):
            one = _command(command, variables)
            if one is not None and one.repository and "$" not in one.repository:
                yield one


def _split(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in words:
        if word in {";", "&&", "||"} or word.endswith(";"):
            yield [*command, word.rstrip(";")] if word.endswith(";") and word != ";" else command
            command = []
        else:
            command.append(word)
    yield command


def _command(words: list[str], variables: dict[str, str]) -> Found | None:
    names = [word.rsplit("/", 1)[-1].removeprefix("ExecStart=") for word in words]
    for tool, read in _TOOLS.items():
        if tool in names:
            rest = words[names.index(tool) + 1 :]
            # of a pipeline only dumps have a say: what packs them says where they go
            return read(rest if tool in _DUMPS else rest[: rest.index("|")] if "|" in rest else rest, variables)
    return None


def _option(words: list[str], *names: str) -> str:
    """The value of an option, as `-r X`, `--repo X` or `--repo=X`."""
    for position, word in enumerate(words):
        if word in names and position + 1 < len(words):
            return words[position + 1]
        for name in names:
            if word.startswith(f"{name}="):
                return word.removeprefix(f"{name}=")
    return ""


def _paths(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.rstrip("/") or "/" for word in words if word.startswith("/")))


def _restic(words: list[str], variables: dict[str, str]) -> Found | None:
    if "backup" not in words:
        return None
    repository = _option(words, "-r", "--repo") or variables.get("RESTIC_REPOSITORY", "")
    excludes = tuple(words[n + 1] for n, word in enumerate(words[:-1]) if word in {"-e", "--exclude"})
    behind = words[words.index("backup") + 1 :]
    values = {words[n + 1] for n, word in enumerate(words[:-1]) if word.startswith("-") and "=" not in word}
    return Found("restic", repository, tuple(path for path in _paths(behind) if path not in values), (), excludes)


def _borg(words: list[str], variables: dict[str, str]) -> Found | None:
    if "create" not in words:
        return None
    archive = next((word for word in words if "::" in word), "")
    repository = archive.partition("::")[0] or variables.get("BORG_REPO", "")
    excludes = tuple(words[n + 1] for n, word in enumerate(words[:-1]) if word in {"-e", "--exclude"})
    return Found("borg", repository, tuple(path for path in _paths(words) if "::" not in path), (), excludes)


def _target(words: list[str]) -> str:
    """Where a dump goes: `-f X`, `> X`, or what a redirection was glued to; a changing part of the name becomes `*`."""
    target = _option(words, "-f", "--file", "--result-file", ">", ">>")
    target = target or next((word.lstrip(">") for word in words if word.startswith(">") and len(word) > 1), "")
    return re.sub(r"\$\{?\w+\}?", "*", target) if target.startswith("/") else ""


def _pg_dump(words: list[str], _variables: dict[str, str]) -> Found | None:
    name = _option(words, "-d", "--dbname") or _last_name(words)
    return Found("pg_dump", _target(words), (), (name,) if name else ())


def _pg_dumpall(words: list[str], _variables: dict[str, str]) -> Found | None:
    return Found("pg_dumpall", _target(words))


def _mysqldump(words: list[str], _variables: dict[str, str]) -> Found | None:
    names = words[words.index("--databases") + 1 :] if "--databases" in words else [_last_name(words)]
    return Found("mysqldump", _target(words), (), tuple(name for name in names if re.fullmatch(r"[A-Za-z0-9_]+", name)))


def _last_name(words: list[str]) -> str:
    """The last word before a redirection that is no option and no option's value."""
    before = words[: next((n for n, word in enumerate(words) if word.startswith(">") or word == "|"), len(words))]
    name = ""
    for position, word in enumerate(before):
        follows = position > 0 and before[position - 1] in {"-U", "-h", "-p", "-u", "-F", "-f", "-n", "-T", "-Z"}
        if not word.startswith("-") and not follows and re.fullmatch(r"[A-Za-z0-9_-]+", word):
            name = word
    return name


def _tar(words: list[str], _variables: dict[str, str]) -> Found | None:
    if not words or not re.fullmatch(r"-?[a-zA-Z-]*c[a-zA-Z]*f?|--create", words[0].replace("--create", "c")):
        return None
    target = _option(words, "-f", "--file") or next(filter(_is_archive, words), "")
    target = re.sub(r"\$\{?\w+\}?", "*", target)
    base = _option(words, "-C", "--directory")
    names = [word for word in words[1:] if not word.startswith("-") and word not in {target, base} and "*" not in word]
    # what is named relative to a folder that -C gives
    sources = _paths([word if word.startswith("/") else posixpath.join(base, word) for word in names if not _is_archive(word)])
    return Found("tar", target, sources) if target.startswith("/") and sources else None


def _is_archive(word: str) -> bool:
    return re.search(r"\.t(ar|gz|xz|zst|bz2)", word) is not None


def _rsync(words: list[str], _variables: dict[str, str]) -> Found | None:
    names = [word for word in words if not word.startswith("-")]
    if len(names) < 2 or not names[-1].startswith("/"):
        return None
    return Found("rsync", names[-1].rstrip("/"), _paths(names[:-1]))


_DUMPS = {"pg_dump", "pg_dumpall", "mysqldump", "mariadb-dump"}
_TOOLS = {
    "restic": _restic, "borg": _borg, "pg_dumpall": _pg_dumpall, "pg_dump": _pg_dump, "mysqldump": _mysqldump,
    "mariadb-dump": _mysqldump, "tar": _tar, "rsync": _rsync,
}  # fmt: skip
