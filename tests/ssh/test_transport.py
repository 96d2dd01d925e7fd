"""The transport against a real sshd: strict, bounded, honest about what is known."""

import contextlib
import dataclasses
import resource
import threading
import time
from pathlib import Path

import paramiko
import pytest

from portal.ssh.connection import POLL_S, Connection, read_host_keys
from portal.ssh.detached import HostState, UnexpectedStatus, parse_status
from portal.ssh.errors import (
    AuthenticationFailed,
    CommandFailed,
    ConnectionLost,
    HostKeyMismatch,
    OutputTruncated,
    TimedOut,
    Unreachable,
)
from portal.ssh.keys import new_key_pair, parse_public_keys
from portal.ssh.pool import Pool
from portal.ssh.target import HostKey, clean
from tests.lab.machine import wait_for


def test_a_command_has_status_both_streams_and_no_banner(shell):
    result = shell.run("echo out; echo err >&2; exit 3")
    assert (result.exit_status, result.stdout, result.stderr) == (3, "out\n", "err\n")


def test_it_runs_under_the_c_locale_without_a_terminal(shell):
    assert shell.run('echo "$LC_ALL"; test -t 0 || echo no').stdout == "C\nno\n"


def test_what_goes_by_stdin_is_in_no_process_list(shell):
    seen = shell.run("cat >/dev/null; cat /proc/[0-9]*/cmdline | tr '\\0' ' '", stdin=b"hush-hush-secret")
    assert "hush-hush-secret" not in seen.stdout
    assert "head -c" in seen.stdout  # the command itself is there: the list was read
    assert shell.run("cat", stdin=b"hush").stdout == "hush"


def test_a_command_that_ends_without_reading_its_input_is_no_lost_connection(shell):
    """Far more input than fits into the window: the host closes the channel while we are still sending."""
    result = shell.run("echo done; exit 3", stdin=b"x" * 20_000_000)
    assert (result.exit_status, result.stdout) == (3, "done\n")
    assert shell.run("echo still here").stdout == "still here\n"


def test_hostile_output_is_cleaned(shell):
    out = shell.run("printf '\\033[31mred\\033[0m \\377\\000 \\033]0;title\\007end'").stdout
    assert out == "red \ufffd\ufffd end"
    assert clean(b"\x1b[2J\x9b31mx") == "\ufffd31mx"


def test_megabytes_are_cut_off_and_said(shell):
    with pytest.raises(OutputTruncated) as caught:
        shell.run("yes | head -c 20000000", output_cap=100_000)
    assert caught.value.head.startswith("y\ny\n")
    assert shell.run("echo still here").stdout == "still here\n"


def test_a_command_that_hangs_times_out(shell):
    began = time.monotonic()
    with pytest.raises(TimedOut):
        shell.run("sleep 60", timeout_s=1)
    assert time.monotonic() - began < 20


def test_check_raises_with_the_tail_of_the_output(shell):
    with pytest.raises(CommandFailed, match="no such thing") as caught:
        shell.check("echo no such thing >&2; exit 4")
    assert caught.value.result.exit_status == 4


def test_an_unknown_key_is_refused_before_anything_is_sent(pool, server):
    _, public = new_key_pair("other")
    for pinned in ((), parse_public_keys(public)):
        with pool.shell(dataclasses.replace(server, host_keys=pinned)) as shell, pytest.raises(HostKeyMismatch) as caught:
            shell.run("true")
        assert caught.value.offered == server.host_keys[0]


def test_a_wrong_key_of_ours_is_authentication_failed(pool, server):
    private, _ = new_key_pair("stranger")
    with pool.shell(dataclasses.replace(server, private_key=private)) as shell, pytest.raises(AuthenticationFailed):
        shell.run("true")


def test_nobody_there_is_unreachable(pool, server):
    with pool.shell(dataclasses.replace(server, port=1)) as shell, pytest.raises(Unreachable):
        shell.run("true")


def test_the_private_key_is_in_no_representation(server):
    assert "PRIVATE" not in repr(server)


def test_host_keys_are_read_without_signing_in(server):
    shown = read_host_keys(server.address, server.port).keys
    assert shown == server.host_keys
    assert shown[0].fingerprint.startswith("SHA256:")


def test_connections_are_kept_replaced_and_evicted(pool, server):
    with pool.shell(server) as shell:
        first = shell.run("echo $PPID").stdout
        assert shell.run("echo $PPID").stdout == first  # the same sshd: the connection was kept
        # its server side dies: noticed, and replaced before anything is sent
        with pytest.raises(ConnectionLost):
            shell.run("kill -9 $PPID; sleep 5")
        assert shell.run("echo back").stdout == "back\n"
        assert pool.open_connections == 1
    pool.evict_idle(now=time.monotonic() + 3600)
    assert pool.open_connections == 0


def test_a_crowded_pool_closes_what_was_unused_longest(server):
    pool = Pool(most=2)
    try:
        for number in range(4):
            with pool.shell(dataclasses.replace(server, name=f"copy-{number}")) as shell:
                shell.check("true")
        assert pool.open_connections == 2
        with pool.shell(dataclasses.replace(server, name="copy-3")) as shell:
            before = pool.open_connections
            shell.check("true")
            assert pool.open_connections == before
    finally:
        pool.close()


def test_closing_ends_a_connections_thread_at_once(server):
    connection = Connection(server)
    thread = next(thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport) and thread.is_active())
    connection.close()
    thread.join(POLL_S / 2)
    assert not thread.is_alive()


def test_descriptors_over_a_thousand_are_no_obstacle(pool, server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert hard > 1200
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            stack.enter_context(Path("/dev/null").open())
        with pool.shell(server) as shell:
            assert shell.check("echo there").stdout == "there\n"


def test_a_lost_command_is_not_run_twice(pool, server, tmp_path):
    note = tmp_path / "note"
    with pool.shell(server) as shell, pytest.raises(ConnectionLost):
        shell.run(f"echo once >>{note}; kill -9 $PPID; sleep 5")
    assert note.read_text() == "once\n"


def test_no_more_sessions_than_the_limit_at_once(pool, server, tmp_path):
    started, peak = tmp_path / "started", []

    def work():
        with pool.shell(server) as shell:
            shell.run(f"echo x >>{started}; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")

    threads = [threading.Thread(target=work) for _ in range(7)]
    for thread in threads:
        thread.start()
    wait_for("four sessions", lambda: started.exists() and len(started.read_text()) >= 8)
    peak.append(len(started.read_text()) // 2)
    Path(tmp_path / "go").touch()
    for thread in threads:
        thread.join()
    assert peak == [4]
    assert len(started.read_text()) == 14


def test_pasted_keys():
    line = new_key_pair("x")[1]
    assert parse_public_keys(f"# comment\nhost.example {line}\n\n{line}")[1].key_type == "ssh-ed25519"
    for wrong in ("ssh-rsa", "hello", "ssh-ed25519 AAA!"):
        with pytest.raises(ValueError, match="Line 1"):
            parse_public_keys(wrong)
    assert HostKey("ssh-rsa", "!").fingerprint == "not a key"


def test_a_status_that_is_cut_off_is_never_an_end():
    whole = b"state=finished\nboot_id=b\nage_s=3\nexit=0\ncommand=0\tapt-get -y\naudit=log:\nlog_bytes=3\nlog:\nabc"
    status = parse_status(whole)
    assert (status.state, status.exit_status, status.log, status.audit) == (HostState.FINISHED, 0, b"abc", "log:")
    for cut in range(len(whole) - len(b"log:\nabc")):
        with pytest.raises(UnexpectedStatus):
            parse_status(whole[:cut])


def test_an_account_that_is_root_gets_no_terminal(shell, server):
    """Whoever runs the tests: root is refused, anybody else sits there. More of it on a lab host (tests/hosts/test_handover.py)."""
    seen = bytearray()

    def shows(words):
        return lambda: words in seen or seen.extend(terminal.read(wait_s=0.1) or b"")

    with shell.terminal(limit_s=20) as terminal:
        if server.login == "root":
            with pytest.raises(CommandFailed, match="not root") as told:
                wait_for("its end", lambda: terminal.read(wait_s=0.1) is None)
            assert told.value.result.exit_status == 77
        else:
            terminal.type(b"echo a-$((6*7))\r")
            wait_for("a line", shows(b"a-42"))
