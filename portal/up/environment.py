"""The virtual environment, built from the lock file with hashes. Standard library only."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from portal.up.places import CHECKOUT, VENV, UpError, say, step

INSTALLER = CHECKOUT / "portal" / "up" / "installer.lock"


def ensure(*, dev: bool) -> Path:
    """Make `.venv` match the lock file and return its Python.

    Does nothing where the lock file is the one installed last. A half-finished install has no stamp and is done again.

    Raises:
        UpError: Python too old, the venv module missing, or the packages can't be had; each says what to do.
    """
    if sys.version_info < (3, 11):
        raise UpError(f"This is Python {sys.version.split()[0]}; 3.11 or later is needed. Run: make PYTHON=python3.11 up")
    lock = CHECKOUT / ("requirements-dev.lock" if dev else "requirements.lock")
    python = VENV / "bin" / "python"
    if _installed(lock) and python.exists():
        return python
    if not dev and _installed(CHECKOUT / "requirements-dev.lock") and python.exists():
        return python  # the development lock contains the other one
    if not (VENV / "bin" / "pip").exists():
        with step("virtual environment"):
            _make_venv()
    with step(f"packages from {lock.name} (hashes checked)"):
        _install(python, lock)
    _stamp(lock).write_text(_digest(lock))
    return python


def _stamp(lock: Path) -> Path:
    return VENV / f".{lock.name}.installed"


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _installed(lock: Path) -> bool:
    return _stamp(lock).exists() and _stamp(lock).read_text() == _digest(lock)


def _make_venv() -> None:
    """Create `.venv`; Debian keeps the needed module in a package of its own, which root can install."""
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("\n  python3-venv is missing: installing it with apt-get")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], check=False, capture_output=True, env=environment)
        subprocess.run(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", "python3-venv"],
            check=False, capture_output=True, env=environment,
        )  # fmt: skip
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
        if made.returncode == 0:
            return
        shutil.rmtree(VENV, ignore_errors=True)
    raise UpError(
        "Python can't make a virtual environment here. On Debian, run as root: apt-get install python3-venv\n"
        + (made.stdout + made.stderr).strip()[-400:]
    )


def _install(python: Path, lock: Path) -> None:
    """Install with uv (seconds); where uv can't reach its index, pip knows this machine's own settings."""
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q", "--require-hashes", "-r"]
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "-q", "--python", str(python), "--require-hashes", "-r"]
    have_uv = subprocess.run([*pip, str(INSTALLER)], capture_output=True, text=True, check=False)
    if have_uv.returncode == 0:
        environment = {**os.environ, "UV_LINK_MODE": "copy", "UV_NO_CONFIG": "1"}
        if subprocess.run([*uv, str(lock)], capture_output=True, check=False, env=environment).returncode == 0:
            return
    by_pip = subprocess.run([*pip, str(lock)], capture_output=True, text=True, check=False)
    if by_pip.returncode != 0:
        raise UpError(
            "The packages could not be installed. Is a package index reachable (no network?), and does pip know it?\n"
            "Nothing is half-done: run the same command again when it is. pip said:\n" + by_pip.stderr.strip()[-800:]
        )
