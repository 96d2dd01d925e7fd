"""Scripts that run on hosts; the portal's transport runs them with sh."""

from pathlib import Path

SWEEP = Path(__file__).with_name("sweep.sh").read_text(encoding="utf-8")
