"""What can go wrong between us and a host, one class per cause.

`ConnectFailed` and its kin: nothing was sent, so trying again is safe. `ConnectionLost` and `TimedOut`: something was
sent and its outcome is unknown, so nothing may be tried again blindly; reattach instead.
"""

from portal.ssh.target import CommandResult, HostKey


class SSHError(Exception):
    """Base of all; `code` is stable and stored, the message is a sentence for a person."""

    code = "ssh_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConnectFailed(SSHError):
    """Nothing was sent to the host."""

    code = "unreachable"


class Unreachable(ConnectFailed):
    """No TCP connection, or no SSH handshake within the deadline."""

    code = "unreachable"


class HostKeyMismatch(ConnectFailed):
    """The host showed a key that is not pinned. Stop, and have an operator look.

    Args:
        offered: the key it showed.
        pinned: the keys we would have accepted; empty when none was confirmed yet.
    """

    code = "host_key_mismatch"

    def __init__(self, *, offered: HostKey, pinned: tuple[HostKey, ...]) -> None:
        what = "shows another key than the pinned one" if pinned else "has no confirmed host key yet"
        super().__init__(f"The host {what}: {offered.key_type} {offered.fingerprint}.")
        self.offered = offered
        self.pinned = pinned


class AuthenticationFailed(ConnectFailed):
    """The host refuses our key for this login."""

    code = "auth_failed"


class ConnectionLost(SSHError):
    """The connection went away after the command was sent: its outcome is unknown."""

    code = "disconnected"


class TimedOut(SSHError):
    """The command did not end within its time: its outcome is unknown."""

    code = "timeout"


class OutputTruncated(SSHError):
    """The command printed more than the cap; what came is in `head`, and is not to be parsed."""

    code = "output_truncated"

    def __init__(self, message: str, *, head: str) -> None:
        super().__init__(message)
        self.head = head


class CommandFailed(SSHError):
    """The command ended with another exit status than 0."""

    code = "command_failed"

    def __init__(self, message: str, *, result: CommandResult) -> None:
        super().__init__(message)
        self.result = result


class SudoRefused(CommandFailed):
    """sudo wants a password, or does not allow the command."""

    code = "sudo_refused"
