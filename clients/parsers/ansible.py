"""Ansible inventories, INI and YAML. Source: Ansible's inventory guide; of the variables, host, port and user are read."""

import re
import shlex
from typing import Any

import yaml

from clients.parsers.values import ImportRow, UnreadableText, port_of

_SECTION = re.compile(r"\[(?P<name>[^\]:]+)(?::(?P<kind>vars|children))?\]")
_RANGE = re.compile(r"\[(?P<first>\d+|[a-z]):(?P<last>\d+|[a-z])(?::(?P<step>\d+))?\]")
_MOST_HOSTS = 5000


def parse_ini(text: str) -> tuple[ImportRow, ...]:
    """Hosts in order of first mention, with every group they stand under (children groups included).

    Raises:
        UnreadableText: there is no host at all.
    """
    group, kind = "ungrouped", ""
    found: dict[str, ImportRow] = {}
    parents: dict[str, set[str]] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.split(r"(?:^|\s)[#;]", raw, maxsplit=1)[0].strip()
        if not line:
            continue
        section = _SECTION.fullmatch(line)
        if section:
            group, kind = section["name"], section["kind"] or ""
        elif kind == "children":
            parents.setdefault(line.split()[0], set()).add(group)
        elif kind != "vars":
            for row in _hosts_of_line(number, line, group):
                before = found.get(row.name)
                found[row.name] = row if before is None else _merged(before, row)
    if not found:
        raise UnreadableText("The inventory names no host.")
    return tuple(_with_groups(row, parents) for row in found.values())


def parse_yaml(text: str) -> tuple[ImportRow, ...]:
    """Hosts of a YAML inventory, depth first, with the groups they stand under.

    Raises:
        UnreadableText: not YAML, not a mapping of groups, or no host.
    """
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise UnreadableText(f"Not YAML: {error}") from error
    if not isinstance(tree, dict):
        raise UnreadableText("The inventory is not a mapping of groups.")
    found: dict[str, ImportRow] = {}
    for name, group in tree.items():
        _walk(str(name), group, (), found)
    if not found:
        raise UnreadableText("The inventory names no host.")
    return tuple(found.values())


def _walk(name: str, group: Any, above: tuple[str, ...], found: dict[str, ImportRow]) -> None:
    if not isinstance(group, dict) or len(above) > 50:
        return
    groups = (*above, name)
    hosts = group.get("hosts")
    for host, variables in hosts.items() if isinstance(hosts, dict) else ():
        values = variables if isinstance(variables, dict) else {}
        for one in _expand(str(host)):
            row = _row(0, one, {str(key): str(value) for key, value in values.items()}, groups)
            found[one] = row if one not in found else _merged(found[one], row)
    children = group.get("children")
    for child, inner in children.items() if isinstance(children, dict) else ():
        _walk(str(child), inner, groups, found)


def _hosts_of_line(number: int, line: str, group: str) -> list[ImportRow]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        return [ImportRow(number, line.split(maxsplit=1)[0], error=f"Quotes are not closed: {error}")]
    variables = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    return [_row(number, name, variables, (group,)) for name in _expand(words[0])]


def _row(line: int, name: str, variables: dict[str, str], groups: tuple[str, ...]) -> ImportRow:
    address = variables.get("ansible_host") or variables.get("ansible_ssh_host") or name
    login = variables.get("ansible_user") or variables.get("ansible_ssh_user") or ""
    try:
        port = port_of(variables.get("ansible_port") or variables.get("ansible_ssh_port") or "22")
    except ValueError as error:
        return ImportRow(line, name, address, login=login, groups=groups, error=str(error))
    return ImportRow(line, name, address, port, login, groups)


def _expand(name: str) -> list[str]:
    """`web[01:03]` is web01, web02, web03, as Ansible counts: both ends included, zeros kept."""
    match = _RANGE.search(name)
    if match is None:
        return [name]
    first, last, step = match["first"], match["last"], int(match["step"] or 1)
    if first.isdecimal() != last.isdecimal() or step < 1:
        return [name]
    if first.isdecimal():
        values = [str(value).zfill(len(first)) for value in range(int(first), min(int(last), int(first) + _MOST_HOSTS) + 1, step)]
    else:
        values = [chr(code) for code in range(ord(first), ord(last) + 1, step)]
    return [one for value in values for one in _expand(name[: match.start()] + value + name[match.end() :])]


def _merged(before: ImportRow, after: ImportRow) -> ImportRow:
    """The same host in another group: groups add up, later variables win where they say something."""
    address = after.address if after.address != after.name else before.address
    return ImportRow(
        before.line, before.name, address, after.port if after.port != 22 else before.port, after.login or before.login,
        (*before.groups, *after.groups), before.error or after.error,
    )  # fmt: skip


def _with_groups(row: ImportRow, parents: dict[str, set[str]]) -> ImportRow:
    groups, waiting = list(dict.fromkeys(row.groups)), list(row.groups)
    while waiting:
        for parent in sorted(parents.get(waiting.pop(), ())):
            if parent not in groups:
                groups.append(parent)
                waiting.append(parent)
    return ImportRow(row.line, row.name, row.address, row.port, row.login, tuple(groups), row.error)
