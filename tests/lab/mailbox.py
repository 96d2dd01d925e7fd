"""Mail for real: an SMTP server that delivers into folders, and Dovecot that hands them out over IMAP with STARTTLS; both on loopback."""

import contextlib
import getpass
import grp
import mailbox
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller

from tests.lab.machine import wait_for

PASSWORD = "secret-of-the-tests"
_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/boxes/%n
}}
mail_location = maildir:{folder}/boxes/%n
first_valid_uid = 0
first_valid_gid = 0
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


class Post:
    """Boxes by the name before @ and +; whoever writes to a name that does not exist makes its box."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "boxes").mkdir()
        self.smtp = Controller(self, hostname="127.0.0.1", port=_free_port(), data_size_limit=60 * 1024 * 1024)

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802  # aiosmtpd's own
        for recipient in envelope.rcpt_tos:  # type: ignore[attr-defined]
            self.box(recipient).add(envelope.content)  # type: ignore[attr-defined]
        return "250 kept"

    def box(self, address: str) -> mailbox.Maildir:
        name = address.partition("@")[0].partition("+")[0]
        made = mailbox.Maildir(self.folder / "boxes" / name)
        for path in [self.folder / "boxes" / name, *(self.folder / "boxes" / name).rglob("*")]:
            with contextlib.suppress(OSError):
                os.chown(path, *_owner())
        return made

    def mails(self, address: str) -> list[mailbox.MaildirMessage]:
        """What lies in a box, the oldest first."""
        box = self.box(address)
        return [box[key] for key in sorted(box.keys(), key=lambda key: (self._path(box, key).stat().st_mtime_ns, key))]

    @staticmethod
    def _path(box: mailbox.Maildir, key: str) -> Path:
        return Path(str(box._path), str(box._lookup(key)))  # type: ignore[attr-defined]  # mailbox has no other door

    def send(self, mail: EmailMessage) -> None:
        """Hand a mail over, as somebody's program does."""
        with smtplib.SMTP("127.0.0.1", self.smtp.port) as server:
            server.send_message(mail)


@contextlib.contextmanager
def post(folder: Path, certificate: Path) -> Iterator[tuple[Post, int]]:
    """Both servers; yields the boxes and the port of IMAP."""
    program = shutil.which("dovecot", path="/usr/sbin:/usr/bin")
    assert program, "dovecot-imapd is missing; make test installs it as root"
    folder.chmod(0o755)
    shown = folder / "shown.pem"
    shown.write_bytes(certificate.read_bytes())
    made, port = Post(folder), _free_port()
    (folder / "state").mkdir()
    config = folder / "dovecot.conf"
    user, group = _names()
    config.write_text(
        _CONFIG.format(folder=folder, certificate=shown, password=PASSWORD, user=user, group=group, port=port), encoding="utf-8"
    )
    made.smtp.start()
    server = subprocess.Popen([program, "-F", "-c", str(config)], stderr=subprocess.DEVNULL)

    def greets() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            return probe.recv(4) == b"* OK"
        return False

    try:
        wait_for("dovecot", greets)
        yield made, port
    finally:
        made.smtp.stop()
        server.terminate()
        server.wait()


def _names() -> tuple[str, str]:
    return ("mail", "mail") if os.geteuid() == 0 else (getpass.getuser(), grp.getgrgid(os.getgid()).gr_name)


def _owner() -> tuple[int, int]:
    user, group = _names()
    return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
