"""`make test` and `make check`: install what they need on this machine, then run them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from portal.up.places import CHECKOUT, VENV, say

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
# What the tests need on the machine, as Debian packages, and the program that shows it is there.
MACHINE = {
    "chromium": "chromium",
    "openssh-server": "/usr/sbin/sshd",
    "openssh-client": "ssh-keygen",
    "shellcheck": "shellcheck",
    # the IMAP side of conversations by mail
    "dovecot-imapd": "/usr/sbin/dovecot",
    # who else opens what a handover gives
    "keepassxc": "keepassxc-cli",
    "age": "age",
    # what sets the monthly report's PDF
    "libpango-1.0-0": "/usr/share/doc/libpango-1.0-0",
    "libpangoft2-1.0-0": "/usr/share/doc/libpangoft2-1.0-0",
    "libharfbuzz-subset0": "/usr/share/doc/libharfbuzz-subset0",
}


def test(arguments: list[str]) -> int:
    """Run pytest with everything it needs; what can't be had is said, and its tests say so again."""
    _install_machine_packages()
    return _run([str(VENV / "bin" / "python"), "-m", "pytest", *arguments], {})


def bench() -> int:
    """Run every benchmark, one after the other; each prints what it measured."""
    names = sorted(path.stem for path in (CHECKOUT / "benchmarks").glob("*.py") if path.stem not in {"__init__", "ground", "fleet"})
    return max(_run([str(VENV / "bin" / "python"), "-m", f"benchmarks.{name}"], {}) for name in names)


def check() -> int:
    """Run every linter; all of them, also after one failed. Returns 0 when all passed."""
    _install_machine_packages(only=("shellcheck",))
    scripts = sorted(
        str(path.relative_to(CHECKOUT))
        for path in CHECKOUT.rglob("*.sh")
        if not {".venv", "var", "templates", "retainer-restore", "retainer-watch", "retainer-document"}
        & set(path.relative_to(CHECKOUT).parts)
    )
    scripts += [_assembled(name) for name in ("retainer-restore", "retainer-watch", "retainer-document")]
    bin_ = VENV / "bin"
    steps: list[tuple[str, list[str]]] = [
        ("ruff check", [str(bin_ / "ruff"), "check", "-q", "."]),
        ("ruff format", [str(bin_ / "ruff"), "format", "-q", "--check", "."]),
        ("djlint", [str(bin_ / "djlint"), "--lint", "--quiet", "templates"]),
        ("mypy", [str(bin_ / "mypy"), "--no-error-summary", "."]),
        ("import-linter", [str(bin_ / "lint-imports")]),
        ("shellcheck", ["shellcheck", "-x", *scripts, ".ci/run"]),
        ("missing migrations", [sys.executable, "-W", "ignore", "manage.py", "makemigrations", "--check", "--dry-run"]),
        ("deployment settings", [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]),
    ]
    failed = []
    for name, argv in steps:
        say(f"== {name}")
        if _run(argv, _production_like()) != 0:
            failed.append(name)
    say(f"== failed: {', '.join(failed)}" if failed else "== all passed")
    return 1 if failed else 0


def _assembled(program: str) -> str:
    """A host's program that lies in several files, as the one that is installed (portal.ssh.programs)."""
    whole = CHECKOUT / "var" / "check" / f"{program}.sh"
    whole.parent.mkdir(parents=True, exist_ok=True)
    parts = sorted((CHECKOUT / "portal/ssh/host" / program).glob("*.sh"))
    whole.write_text("".join(part.read_text(encoding="utf-8") for part in parts), encoding="utf-8")
    return str(whole)


def _production_like() -> dict[str, str]:
    """Settings as in production, with values that open nothing; no server is asked."""
    return {
        "SECRET_KEY": "check-only-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST",
        "ALLOWED_HOSTS": "portal.example", "VAULT_MASTER_KEY": "A" * 43 + "=", "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1", "PORTAL_HTTPS": "true", "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PATH": f"{VENV / 'bin'}:{os.environ.get('PATH', '')}",
    }  # fmt: skip


def _run(argv: list[str], environment: dict[str, str]) -> int:
    return subprocess.run(argv, cwd=CHECKOUT, env={**os.environ, **environment}, check=False).returncode


def _install_machine_packages(only: tuple[str, ...] = ()) -> None:
    missing = [
        package
        for package, program in MACHINE.items()
        if (not only or package in only) and not (shutil.which(program) or Path(program).exists())
    ]
    if "chromium" in missing and any(Path(program).exists() for program in CHROMIUM):
        missing.remove("chromium")
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say(f"Not here, and not installed because we are not root: {' '.join(missing)}. What needs them will say so.")
        return
    say(f"Installing on this machine with apt-get: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *words], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            say(f"apt-get {words[0]} failed: {done.stderr.strip()[-400:]}")
