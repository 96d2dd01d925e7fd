"""dnf, zypper and apk. No host of theirs can be had here: these parsers were only ever run on captured text.

dnf 4.14 and zypper 1.14 printed theirs over a small RPM repository (tests/captures); apk's is a sample after its manual. Trust
them accordingly until a real host has shown more. dnf exits 0 in silence where its repository is gone: a scan through it is
never called fresh.
"""

import re
import xml.etree.ElementTree as ET

from maintenance.parsers.values import UnexpectedOutput, Upgrade

_RPM_VERSION = re.compile(r"(?:\d+:)?[^\s:-]+-\S+")
_APK = re.compile(
    r"(?P<name>\S+?)-(?P<version>\d[^\s-]*-r\d+) (?P<arch>\S+) \{(?P<origin>[^}]+)\} \([^)]*\) "
    r"\[upgradable from: (?P<old_name>\S+?)-(?P<old>\d[^\s-]*-r\d+)\]"
)


def dnf_upgrades(*, check_update: str, exit_status: int, advisories: str | None, installed: dict[str, str]) -> tuple[Upgrade, ...]:
    """Pending updates from `dnf -q check-update`.

    Args:
        exit_status: of check-update: 0 none, 100 some (dnf(8)); anything else is a failure.
        advisories: `dnf -q updateinfo list --updates --security --with-cve`; None where it failed. A repository without this
            metadata prints nothing, so nothing there means unknown, not "no security update".
        installed: `name.arch` to version, from rpm -qa.

    Raises:
        UnexpectedOutput: status or a line is not dnf's.
    """
    if exit_status == 0:
        return ()
    if exit_status != 100:
        raise UnexpectedOutput("dnf check-update", 0, f"exit status {exit_status}")
    security = {words[-1] for line in (advisories or "").splitlines() if len(words := line.split()) == 3}
    result = []
    for number, line in enumerate(check_update.splitlines(), start=1):
        if line.startswith("Obsoleting Packages"):
            break
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or "." not in words[0] or not _RPM_VERSION.fullmatch(words[1]):
            raise UnexpectedOutput("dnf check-update", number, line)
        name, _, architecture = words[0].rpartition(".")
        nevra = f"{name}-{words[1]}.{architecture}"
        result.append(
            Upgrade(name, architecture, installed.get(words[0], ""), words[1], words[2],
                    nevra in security if security else None, "")
        )  # fmt: skip
    if not result:
        raise UnexpectedOutput("dnf check-update", 0, "exit status 100 and no package")
    return tuple(result)


def zypper_upgrades(*, list_updates: str, exit_status: int) -> tuple[Upgrade, ...]:
    """Pending updates from `zypper --xmlout list-updates` (zypper(8)).

    Raises:
        UnexpectedOutput: not XML, no update list, or an exit status other than 0; 106 means that a repository was skipped.
    """
    if exit_status != 0:
        raise UnexpectedOutput("zypper list-updates", 0, f"exit status {exit_status}")
    try:
        root = ET.fromstring(list_updates.strip())  # noqa: S314  # expat without DTDs of other files; bounded by the output cap
    except ET.ParseError as error:
        raise UnexpectedOutput("zypper list-updates", 0, str(error)) from error
    if root.tag != "stream" or root.find(".//update-list") is None:
        raise UnexpectedOutput("zypper list-updates", 0, "no update list")
    result = []
    for update in root.iter("update"):
        name, candidate, installed = update.get("name"), update.get("edition"), update.get("edition-old")
        if not name or not candidate or installed is None:
            raise UnexpectedOutput("zypper list-updates", 0, ET.tostring(update, encoding="unicode"))
        source = update.find("source")
        origin = (source.get("alias") if source is not None else "") or ""
        result.append(Upgrade(name, update.get("arch") or "", installed, candidate, origin, None, ""))
    return tuple(result)


def apk_upgrades(*, upgradable: str) -> tuple[Upgrade, ...]:
    """Pending updates from `apk -u list`. Alpine's index does not say which are security fixes: unknown.

    Raises:
        UnexpectedOutput: a line is not a package.
    """
    result = []
    for number, line in enumerate(upgradable.splitlines(), start=1):
        if not line.strip() or line.startswith("WARNING: "):
            continue
        match = _APK.fullmatch(line.strip())
        if match is None or match["name"] != match["old_name"]:
            raise UnexpectedOutput("apk list", number, line)
        result.append(Upgrade(match["name"], match["arch"], match["old"], match["version"], match["origin"], None, ""))
    return tuple(result)
