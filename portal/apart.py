"""A process of its own for what needs much memory or long: its memory goes with it, and who waits keeps saying that they are alive."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EVERY_S = 1.0


def run_apart(argv: Sequence[str], *, told: bytes, limit_s: float, beat: Callable[[], None]) -> subprocess.CompletedProcess[bytes]:
    """Run a program of ours to its end.

    Args:
        told: its standard input.
        beat: called every second while it runs; what it raises ends the program.

    Raises:
        TimeoutError: no end in time; it was killed.
    """
    until = time.monotonic() + limit_s
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        left: bytes | None = told
        try:
            while True:
                try:
                    out, err = process.communicate(input=left, timeout=EVERY_S)
                    return subprocess.CompletedProcess(argv, process.returncode, out, err)
                except subprocess.TimeoutExpired:
                    # it may be called again after its time was over, without input, and loses nothing (subprocess documentation)
                    left = None
                    beat()
                    if time.monotonic() > until:
                        raise TimeoutError from None
        finally:
            if process.poll() is None:
                process.kill()
