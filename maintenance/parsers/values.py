"""What parsers return and raise."""

from dataclasses import dataclass


class UnexpectedOutput(Exception):
    """The text is not what this tool prints; the message carries the line's number and its text."""

    def __init__(self, tool: str, number: int, line: str) -> None:
        super().__init__(f"{tool}, line {number}: {line[:160]!r}")


@dataclass(frozen=True, slots=True)
class Installed:
    """A package that is installed, whole or not.

    Args:
        whole: False for half-installed, half-configured and the like.
        name: without architecture.
    """

    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    whole: bool
    status: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An installed package with a newer candidate, or a new package that such a candidate needs.

    Args:
        installed: empty for a new package.
        origin: where it would come from, in the tool's words.
        is_security: None where this manager or repository can't tell.
        obstacle: empty, or why a plain upgrade would not take it: `held`, `phased`, `kept_back`.
    """

    name: str
    architecture: str
    installed: str
    candidate: str
    origin: str
    is_security: bool | None
    obstacle: str


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A line of apt's plan: what it would install or remove."""

    name: str
    architecture: str
    action: str
    installed: str
    candidate: str
    origin: str
