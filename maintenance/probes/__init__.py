"""Scripts that run on hosts; the portal's transport runs them with sh and gives them `$MARK`."""

from pathlib import Path

SECTIONS = (Path(__file__).with_name("sections.sh")).read_text(encoding="utf-8")


def script(name: str, *, manage: bool) -> str:
    """A probe's text, ready to run: the section functions, what we may do, the probe."""
    body = Path(__file__).with_name(f"{name}.sh").read_text(encoding="utf-8")
    return f"MANAGE={int(manage)}\n{SECTIONS}\n{body}"
