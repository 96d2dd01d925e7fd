"""`make up` as a person meets it: a real start in a folder of its own, a killed database, Ctrl-C, a killed supervisor."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import jsonschema
import psycopg
import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.up import environment
from portal.up.places import UpError, socket_folder
from tests.lab.machine import wait_for

CHECKOUT = Path(__file__).resolve().parents[2]
# A start is 17 s on an idle machine, 40 s with a new database; beside the lab's hosts on two cores it takes several times that.
# The bound is there to end a start that hangs, not to say how fast one is.
START_S = 240
PORTAL_NAMES = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "VAULT_MASTER_KEY", "ALLOWED_HOSTS", "PORTAL_VAR", "PORTAL_HTTPS")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Up:
    """A running `python -m portal.up up`."""

    def __init__(self, var: Path, port: int, **environment: str) -> None:
        self.var, self.port, self.output = var, port, var.with_suffix(".out")
        clean = {name: value for name, value in os.environ.items() if name not in PORTAL_NAMES}
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal.up", "up", "--port", str(port)], cwd=CHECKOUT, stdout=out, stderr=out,
                env={**clean, "PORTAL_VAR": str(var), **environment}, start_new_session=True,
            )  # fmt: skip

    def text(self) -> str:
        return self.output.read_text()

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.text()
        return "Retainer is up" in self.text()

    def wait_until_up(self) -> None:
        try:
            wait_for("the portal", self.is_up, seconds=START_S)
        except TimeoutError:
            pytest.fail(f"the portal did not come up; it said:\n{self.text()}")

    def health(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/", timeout=2) as answer:
                return answer.status
        except OSError:
            return 0

    def children(self) -> list[int]:
        """Every process of this start: all of them have its var in their environment."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"PORTAL_VAR={self.var}".encode() in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found


@pytest.fixture
def up(tmp_path):
    # an earlier start was cut off in the middle of initdb
    (tmp_path / "var" / "postgres.new").mkdir(parents=True)
    (tmp_path / "var" / "postgres.new" / "half").touch()
    started = Up(tmp_path / "var", free_port())
    started.wait_until_up()
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGINT)
        started.process.wait(START_S)


def test_from_nothing_to_an_address_and_back_without_an_orphan(up):
    text = up.text()
    assert f"http://localhost:{up.port}" in text
    assert "set up a second factor" in text
    password = re.search(r"First sign-in: (\S+)  password: (\S+)", text)
    assert password
    assert up.health() == 200
    assert password[2] not in (up.var / "log" / "portal.log").read_text()
    for name in ("secret_key", "vault_master_key"):
        assert (up.var / "secrets" / name).stat().st_mode & 0o777 == 0o600
    # a second start of the same checkout's data is refused with a sentence, and harms nothing
    second = Up(up.var, free_port())
    second.process.wait(START_S)
    assert second.process.returncode == 1
    assert "already running" in second.text()
    assert up.health() == 200
    # a killed database comes back, with a sentence in the log
    postgres = int((up.var / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postgres, signal.SIGKILL)
    wait_for(
        "the database's return",
        lambda: "postgres ended (exit status -9); starting it again" in (up.var / "log" / "portal.log").read_text(),
    )
    wait_for("health", lambda: up.health() == 200, seconds=START_S)
    # Ctrl-C
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(START_S) == 0
    wait_for("every child to be gone", lambda: not up.children(), seconds=20)
    # and again, with its data
    again = Up(up.var, up.port)
    try:
        again.wait_until_up()
        assert "Sign in as before" in again.text()
    finally:
        # a supervisor that is killed outright leaves nothing behind either
        again.process.kill()
        again.process.wait()
        wait_for("the guard to end what was left", lambda: not again.children(), seconds=40)


def test_a_port_in_use_is_a_sentence_that_names_the_way_out(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        started = Up(tmp_path / "var", port)
        assert started.process.wait(START_S) == 1
    assert f"Port {port} can't be used" in started.text()
    assert f"PORT={port + 1}" in started.text()
    assert "Traceback" not in started.text()


def test_a_server_that_does_not_answer_is_a_sentence(tmp_path):
    started = Up(tmp_path / "var", free_port(), DATABASE_URL=f"postgres://nobody@127.0.0.1:{free_port()}/none")
    assert started.process.wait(START_S) == 1
    assert "DATABASE_URL" in started.text()
    assert "Traceback" not in started.text()


def test_servers_named_by_url_replace_the_embedded_ones(tmp_path):
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE external")
    owner = url.rsplit("/", 1)[0] + "/external"
    # the owner alone is refused with what to do; the portal works as a role that migrate makes
    alone = Up(tmp_path / "alone", free_port(), DATABASE_URL=owner, REDIS_URL=os.environ["REDIS_URL"])
    assert alone.process.wait(START_S) == 1
    assert "DATABASE_OWNER_URL" in alone.text()
    assert "Traceback" not in alone.text()
    app = owner.replace("postgres://postgres@", "postgres://external_portal@")
    started = Up(tmp_path / "var", free_port(), DATABASE_URL=app, DATABASE_OWNER_URL=owner, REDIS_URL=os.environ["REDIS_URL"])
    try:
        started.wait_until_up()
        assert started.health() == 200
        assert "PostgreSQL" not in started.text()
        assert not (started.var / "postgres").exists()
        assert not (started.var / "valkey").exists()
        # no process of the running portal was given the owner's URL
        running = [pid for pid in started.children() if re.search(rb"gunicorn|celery", Path(f"/proc/{pid}/cmdline").read_bytes())]
        assert len(running) >= 4
        assert not [pid for pid in running if b"DATABASE_OWNER_URL" in Path(f"/proc/{pid}/environ").read_bytes()]
    finally:
        started.process.send_signal(signal.SIGINT)
        started.process.wait(START_S)


def test_no_network_is_a_sentence_and_leaves_nothing_that_looks_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_RETRIES": "0", "PIP_FIND_LINKS": "",
                "PIP_NO_CACHE_DIR": "1"}  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UpError, match="Is a package index reachable"):
        environment.ensure(dev=False)
    assert not list((tmp_path / "venv").glob(".*.installed"))


def test_socket_paths_stay_under_the_kernels_limit(tmp_path):
    deep = tmp_path / ("d" * 90)
    folder = socket_folder(deep)
    assert len(str(folder / ".s.PGSQL.5432")) < 107
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()


@pytest.mark.parametrize(
    ("reader", "value"), [(lambda: env.boolean("X_TEST", default=False), "yes"), (lambda: env.integer("X_TEST", default=1), "ten")]
)
def test_a_setting_that_is_not_understood_is_refused(monkeypatch, reader, value):
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match="X_TEST"):
        reader()


def test_a_missing_secret_is_named_and_never_invented(monkeypatch):
    monkeypatch.delenv("X_TEST", raising=False)
    with pytest.raises(ImproperlyConfigured, match="X_TEST is not set"):
        env.secret("X_TEST")
    monkeypatch.setenv("X_TEST_FILE", "/nowhere")
    with pytest.raises(ImproperlyConfigured, match="can't be read"):
        env.secret("X_TEST")


def test_docker_compose_is_valid_by_the_compose_schema():
    schema = json.loads((CHECKOUT / "tests" / "captures" / "compose-spec.json").read_text())
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    jsonschema.validate(compose, schema, cls=jsonschema.Draft201909Validator)
    assert {"web", "hosts", "worker", "beat", "database", "redis"} <= set(compose["services"])
    broken = compose | {"services": {"web": {"command": 1}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema, cls=jsonschema.Draft201909Validator)


def test_every_setting_is_documented_and_nothing_else():
    read = set()
    for path in (
        CHECKOUT / "portal" / "settings.py",
        CHECKOUT / "portal" / "up" / "portal_processes.py",
        CHECKOUT / "portal" / "accounts" / "owner.py",
    ):
        read |= set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', path.read_text()))
    table = set(re.findall(r"^\| `([A-Z_]+)`", (CHECKOUT / "docs" / "settings.md").read_text(), re.MULTILINE))
    assert read - table == set()
    assert {name for name in table - read if name not in {"PORT"}} == set()
