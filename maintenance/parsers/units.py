"""systemd's units as `systemctl show` prints them: blocks of KEY=value, one block a unit, an empty line between."""

from dataclasses import dataclass

from maintenance.parsers.values import UnexpectedOutput


@dataclass(frozen=True, slots=True)
class Unit:
    """A service unit at one moment."""

    name: str
    kind: str
    active: str
    sub: str
    enabled: str
    restarts: int
    result: str


def parse_units(text: str) -> dict[str, Unit]:
    """Units by name.

    Raises:
        UnexpectedOutput: a block lacks its Id, or a line is not KEY=value, or there is no unit at all.
    """
    units: dict[str, Unit] = {}
    block: dict[str, str] = {}
    for number, line in enumerate([*text.strip().splitlines(), ""], start=1):
        if line.strip():
            key, sign, value = line.partition("=")
            if not sign:
                raise UnexpectedOutput("systemctl show", number, line)
            block[key] = value
            continue
        if not block:
            continue
        if not block.get("Id") or "ActiveState" not in block or "SubState" not in block:
            raise UnexpectedOutput("systemctl show", number, f"incomplete unit {block}")
        restarts = block.get("NRestarts", "0")
        units[block["Id"]] = Unit(
            name=block["Id"], kind=block.get("Type", ""), active=block["ActiveState"], sub=block["SubState"],
            enabled=block.get("UnitFileState", ""), restarts=int(restarts) if restarts.isdecimal() else 0,
            result=block.get("Result", ""),
        )  # fmt: skip
        block = {}
    if not units:
        raise UnexpectedOutput("systemctl show", 1, "no unit")
    return units
