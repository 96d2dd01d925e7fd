"""OpenSSH client configuration (ssh_config(5)) and CSV with a heading line."""

import csv
import io
import re

from clients.parsers.values import ImportRow, UnreadableText, port_of

CSV_COLUMNS = ("name", "address", "port", "login", "environment", "roles")


def parse_ssh_config(text: str) -> tuple[ImportRow, ...]:
    """One row per plain name of a Host line; patterns only lend their values. The first value said counts, as in ssh.

    Raises:
        UnreadableText: no Host line with a plain name.
    """
    blocks: list[tuple[int, list[str], dict[str, str]]] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        key, *rest = re.split(r"[\s=]+", line, maxsplit=1)
        value = (rest[0] if rest else "").strip().strip('"')
        if key.lower() == "host":
            blocks.append((number, value.split(), {}))
        elif key.lower() == "match":
            blocks.append((number, [], {}))  # conditions are not ours to judge
        elif blocks:
            blocks[-1][2].setdefault(key.lower(), value)
    rows = [_ssh_row(number, name, blocks) for number, names, _ in blocks for name in names if not re.search(r"[*?!]", name)]
    if not rows:
        raise UnreadableText("There is no “Host” line with a plain name.")
    return tuple(rows)


def _ssh_row(number: int, name: str, blocks: list[tuple[int, list[str], dict[str, str]]]) -> ImportRow:
    values: dict[str, str] = {}
    for _, names, said in blocks:
        if any(_matches(pattern, name) for pattern in names if not pattern.startswith("!")) and not any(
            _matches(pattern[1:], name) for pattern in names if pattern.startswith("!")
        ):
            values = said | values
    address = values.get("hostname", name).replace("%h", name)
    login = values.get("user", "")
    if "proxyjump" in values or "proxycommand" in values:
        return ImportRow(number, name, address, login=login, error="Reached through a jump host, which the portal can't use yet.")
    try:
        return ImportRow(number, name, address, port_of(values.get("port", "22")), login)
    except ValueError as error:
        return ImportRow(number, name, address, login=login, error=str(error))


def _matches(pattern: str, name: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, name) is not None


def parse_csv(text: str) -> tuple[ImportRow, ...]:
    """Rows of a table with the columns name, address, and optionally port, login, environment, roles.

    Raises:
        UnreadableText: a needed column is missing, or there is no row.
    """
    sample = text.splitlines()[0] if text.strip() else ""
    delimiter = ";" if sample.count(";") > sample.count(",") else "\t" if "\t" in sample else ","
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter)
    try:
        columns = [name.strip().lower() for name in reader.fieldnames or []]
        reader.fieldnames = columns
        missing = [name for name in ("name", "address") if name not in columns]
        if missing:
            raise UnreadableText(f"The heading line lacks: {', '.join(missing)}. It may have: {', '.join(CSV_COLUMNS)}.")
        rows = tuple(_csv_row(reader.line_num, values) for values in reader)
    except csv.Error as error:
        raise UnreadableText(f"Not CSV: {error}") from error
    if not rows:
        raise UnreadableText("There is no row below the heading line.")
    return rows


def _csv_row(line: int, values: dict[str | None, str | list[str] | None]) -> ImportRow:
    said = {key: value.strip() for key, value in values.items() if key is not None and isinstance(value, str)}
    name, address = said.get("name", ""), said.get("address", "")
    words = re.split(r"[\s,;]+", said.get("roles", "").lower())
    groups = tuple(word for word in (said.get("environment", "").lower(), *words) if word)
    if None in values:
        return ImportRow(line, name, address, error="The row has more fields than the heading line.")
    if not name or not address:
        return ImportRow(line, name or "?", address, error="Name and address are needed.")
    try:
        return ImportRow(line, name, address, port_of(said.get("port") or "22"), said.get("login", ""), groups)
    except ValueError as error:
        return ImportRow(line, name, address, error=str(error))
