"""Taking a probe's two streams apart (see probes/sections.sh)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """What one command of a probe answered."""

    exit_status: int
    stdout: str
    stderr: str


def split_sections(*, stdout: str, stderr: str, mark: str) -> dict[str, Section]:
    """The sections that ended, by name, in order. A section whose end is missing (cut off) is left out."""
    errors = _frames(stderr, mark)
    return {
        name: Section(exit_status=status, stdout=text, stderr=errors.get(name, (0, ""))[1])
        for name, (status, text) in _frames(stdout, mark).items()
    }


def _frames(text: str, mark: str) -> dict[str, tuple[int, str]]:
    frames: dict[str, tuple[int, str]] = {}
    for part in text.split(f"\n@{mark} begin ")[1:]:
        name, _, rest = part.partition("\n")
        body, sign, status = rest.rpartition(f"\n@{mark} end ")
        word = status.split("\n", 1)[0]
        if sign and word.isdecimal():
            frames[name] = (int(word), body)
    return frames
