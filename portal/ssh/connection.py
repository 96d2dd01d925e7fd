"""One SSH connection: strict host key, chosen algorithms, bounded commands."""

import contextlib
import io
import secrets
import select
import socket
import time
from dataclasses import dataclass

import paramiko

from portal.ssh import terminal
from portal.ssh.errors import (
    AuthenticationFailed,
    CommandFailed,
    ConnectFailed,
    ConnectionLost,
    HostKeyMismatch,
    OutputTruncated,
    SudoRefused,
    TimedOut,
    Unreachable,
)
from portal.ssh.target import CommandResult, HostKey, Target, clean

# curve25519 and AES-GCM cost the least (FACTS-ssh: 4.8 ms a host), the rest keeps older hosts reachable
KEX = ("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256",
       "diffie-hellman-group16-sha512")  # fmt: skip
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
HOST_KEY_ALGORITHMS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512",
                       "rsa-sha2-256")  # fmt: skip

CONNECT_TIMEOUT_S = 10.0
KEEPALIVE_S = 30
# How often an idle connection's thread wakes: for the keepalive only, closing wakes it by itself.
POLL_S = 5.0
# Parsed alike by sh, bash, zsh, csh and fish: whatever the login shell is, it only starts sh. The script's length, the
# script and the caller's standard input follow on stdin, so that nothing of it stands in a process list.
BOOT = '/bin/sh -c \'IFS= read -r n && s=$(head -c "$n") && eval "$s"\''
NOISE_CAP_BYTES = 8 * 1024 * 1024
_SUDO_SIGNS = ("sudo: a password is required", "sudo: a terminal is required", "is not in the sudoers file",
               "is not allowed to execute", "sudo: sorry,", "sudo: no tty present", "may not run sudo")  # fmt: skip


class Connection:
    """An authenticated transport to one target. Commands may run side by side on it."""

    def __init__(self, target: Target, *, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Connect.

        Raises:
            Unreachable: no TCP connection or no handshake in time.
            HostKeyMismatch: the key shown is not pinned.
            AuthenticationFailed: the host refuses our key.
        """
        self.target = target
        self._transport = handshake(target.address, target.port, preferred(target.host_keys), timeout_s=timeout_s)
        try:
            offered = server_key(self._transport)
            if offered not in target.host_keys:
                raise HostKeyMismatch(offered=offered, pinned=target.host_keys)
            self._authenticate(timeout_s)
            self._transport.set_keepalive(KEEPALIVE_S)
        except BaseException:
            self._transport.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the transport still believes in its peer; a silent loss shows at the next command."""
        return self._transport.is_active()

    def close(self) -> None:
        """Close; commands under way end with ConnectionLost."""
        with contextlib.suppress(OSError):
            self._transport.sock.shutdown(socket.SHUT_RDWR)  # wakes its thread, which would sleep on otherwise
        self._transport.close()

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float = 60, output_cap: int = 4 * 1024 * 1024) -> CommandResult:
        """Run a POSIX sh script, once, whatever the login shell, under LC_ALL=C and without a terminal.

        The script sees `$MARK`, a random word, and reads `stdin` as its standard input. Secrets go there.

        Args:
            timeout_s: for the whole command; then the channel is closed, and what runs on the host may go on.
            output_cap: bytes of stdout and of stderr each.

        Raises:
            ConnectFailed: no channel could be opened; nothing ran.
            ConnectionLost, TimedOut: the outcome is unknown.
            OutputTruncated: more than the cap came back.
        """
        mark = secrets.token_hex(12)
        text = (
            f"LC_ALL=C; LANGUAGE=; MARK={mark}; export LC_ALL LANGUAGE; "
            f"printf '\\n%s\\n' '{mark}'; printf '\\n%s\\n' '{mark}' >&2\n{script}\n"
        ).encode()
        started = time.monotonic()
        channel = self._open_channel()
        with contextlib.closing(channel):
            out, err = _Stream(mark, output_cap), _Stream(mark, output_cap)
            try:
                channel.settimeout(timeout_s)
                channel.exec_command(BOOT)
                self._send(channel, f"{len(text)}\n".encode() + text + stdin)
                status = self._collect(channel, out, err, deadline=started + timeout_s)
            except TimeoutError as error:
                raise TimedOut(f"{self.target.name}: no end within {timeout_s:.0f} s.") from error
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise ConnectionLost(f"{self.target.name}: the connection was lost: {error or 'closed'}.") from error
        result = CommandResult(
            exit_status=status, stdout=clean(bytes(out.kept)), stderr=clean(bytes(err.kept)), raw=bytes(out.kept),
            duration_s=time.monotonic() - started, mark=mark,
        )  # fmt: skip
        if not out.found:
            noise = clean(bytes(out.noise[-300:]) + bytes(err.noise[-300:])).strip()
            raise CommandFailed(
                f"{self.target.name}: the login ended before our command began (exit status {status}). It printed: {noise}",
                result=result,
            )
        return result

    def terminal(self, *, limit_s: int) -> contextlib.AbstractContextManager[terminal.Terminal]:
        """A terminal for a person (see `portal.ssh.terminal`), which ends with the block and on the host after `limit_s`.

        Raises:
            ConnectFailed: no channel could be opened; nothing ran.
        """
        return terminal.on_channel(self._open_channel(), self._transport, boot=BOOT, name=self.target.name, limit_s=limit_s)

    def _authenticate(self, timeout_s: float) -> None:
        self._transport.auth_timeout = timeout_s
        try:
            key = paramiko.Ed25519Key.from_private_key(io.StringIO(self.target.private_key))
            self._transport.auth_publickey(self.target.login, key)
        except paramiko.AuthenticationException as error:
            raise AuthenticationFailed(f"{self.target.name} refuses our key for {self.target.login}.") from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Unreachable(f"{self.target.name}: the connection broke during authentication: {error}") from error

    def _open_channel(self) -> paramiko.Channel:
        try:
            return self._transport.open_session(timeout=CONNECT_TIMEOUT_S)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise ConnectFailed(f"{self.target.name}: no session could be opened: {error or 'connection closed'}.") from error

    def _send(self, channel: paramiko.Channel, content: bytes) -> None:
        """Hand the script and its input over. A command that ended without taking all of it is no lost connection."""
        try:
            channel.sendall(content)
            channel.shutdown_write()
        except TimeoutError:
            raise
        except OSError:
            # the host closed this channel first: what came back, and the exit status, say what became of the command
            if not self._transport.is_active():
                raise

    def _collect(self, channel: paramiko.Channel, out: "_Stream", err: "_Stream", *, deadline: float) -> int:
        """Read both streams until the command ended; a child that keeps them open is waited for one second."""
        ended_at: float | None = None
        # not select(), which knows no descriptor over 1,023: a thousand kept connections have them
        arrival = select.poll()
        arrival.register(channel.fileno(), select.POLLIN)
        while True:
            while channel.recv_ready():
                out.feed(channel.recv(65536))
            while channel.recv_stderr_ready():
                err.feed(channel.recv_stderr(65536))
            now = time.monotonic()
            if channel.exit_status_ready():
                ended_at = ended_at or now
                if (channel.eof_received or now - ended_at > 1) and not (channel.recv_ready() or channel.recv_stderr_ready()):
                    status = channel.recv_exit_status()
                    if status < 0:
                        raise ConnectionLost(f"{self.target.name}: the command ended without an exit status.")
                    return status
            elif channel.closed or not self._transport.is_active():
                raise EOFError("closed by the host")
            if now > deadline:
                raise TimeoutError
            arrival.poll(20 if ended_at else 1000 * min(0.5, deadline - now))


@dataclass(frozen=True, slots=True)
class ShownKeys:
    """The keys that a host showed, none of them trusted yet."""

    keys: tuple[HostKey, ...]


def read_host_keys(address: str, port: int, *, timeout_s: float = CONNECT_TIMEOUT_S) -> ShownKeys:
    """Ask a host for its public keys, one handshake per type, without signing in.

    Raises:
        Unreachable: not even one handshake was completed.
    """
    keys: list[HostKey] = []
    last: Unreachable | None = None
    for algorithm in ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"):
        try:
            transport = handshake(address, port, (algorithm,), timeout_s=timeout_s)
        except Unreachable as error:
            last = error
            if not isinstance(error.__cause__, paramiko.SSHException):
                break
            continue
        with contextlib.closing(transport):
            keys.append(server_key(transport))
    if not keys:
        raise last or Unreachable(f"{address}:{port} showed no key.")
    return ShownKeys(tuple(keys))


def succeeded(result: CommandResult, *, name: str) -> CommandResult:
    """The result itself where its exit status is 0.

    Raises:
        SudoRefused, CommandFailed: with the result inside.
    """
    if result.exit_status == 0:
        return result
    tail = result.stderr.strip()[-300:] or result.stdout.strip()[-300:]
    if sudo_refused(result.stderr):
        raise SudoRefused(f"{name}: sudo refused: {tail}", result=result)
    raise CommandFailed(f"{name}: exit status {result.exit_status}: {tail}", result=result)


def sudo_refused(stderr: str) -> bool:
    """Whether sudo said (under LC_ALL=C) that it wants a password or does not allow the command."""
    return any(sign in stderr for sign in _SUDO_SIGNS)


def handshake(address: str, port: int, key_algorithms: tuple[str, ...], *, timeout_s: float) -> paramiko.Transport:
    """A transport after its handshake; nobody has signed in yet.

    Raises:
        Unreachable: no TCP connection or no handshake in time.
    """
    try:
        stream = socket.create_connection((address, port), timeout=timeout_s)
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error))
        raise Unreachable(f"{address}:{port}: {reason}.") from error
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(stream)
    # paramiko wakes each connection ten times a second to see whether it was closed: 1,000 kept ones would burn a quarter of a core
    stream.settimeout(POLL_S)
    try:
        transport.banner_timeout = transport.handshake_timeout = timeout_s
        options = transport.get_security_options()
        options.kex = [name for name in KEX if name in options.kex]
        options.ciphers = [name for name in CIPHERS if name in options.ciphers]
        options.key_types = list(key_algorithms)
        # start_client returns quietly when its time is over (paramiko 5.1); asking for the key tells
        transport.start_client(timeout=timeout_s)
        transport.get_remote_server_key()
    except (paramiko.SSHException, EOFError, OSError) as error:
        transport.close()
        raise Unreachable(f"{address}:{port}: no SSH handshake: {error or 'closed by the host'}.") from error
    return transport


def server_key(transport: paramiko.Transport) -> HostKey:
    """The key that the host showed."""
    key = transport.get_remote_server_key()
    return HostKey(key.get_name(), key.get_base64())


def preferred(pinned: tuple[HostKey, ...]) -> tuple[str, ...]:
    """The host key algorithms in our order, those of pinned keys first."""
    pinned_types = {key.key_type for key in pinned}

    def known(algorithm: str) -> bool:
        return ("ssh-rsa" if algorithm.startswith("rsa-") else algorithm) in pinned_types

    return tuple(sorted(HOST_KEY_ALGORITHMS, key=lambda algorithm: not known(algorithm)))


class _Stream:
    """Collects one stream after the mark; what came before it is noise of a banner or profile."""

    def __init__(self, mark: str, cap: int) -> None:
        self._sign = f"\n{mark}\n".encode()
        self._cap = cap
        self._noise_total = 0
        self.noise = bytearray()
        self.kept = bytearray()
        self.found = False

    def feed(self, data: bytes) -> None:
        """Take what arrived.

        Raises:
            OutputTruncated: the cap was reached.
        """
        if self.found:
            self.kept += data
        else:
            self.noise += data
            self._noise_total += len(data)
            before, sign, after = self.noise.partition(self._sign)
            if sign:
                self.found, self.noise, self.kept = True, before, after
            elif self._noise_total > NOISE_CAP_BYTES:
                raise OutputTruncated("The login printed megabytes before our command began.", head=clean(bytes(self.noise[:400])))
            else:
                del self.noise[:-4096]
        if len(self.kept) > self._cap:
            raise OutputTruncated(f"The output is longer than {self._cap} bytes.", head=clean(bytes(self.kept[:4000])))
