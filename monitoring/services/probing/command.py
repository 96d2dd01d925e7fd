"""Commands of an operator's own, run on the system as the login user."""

import re

from clients.errors import NotReady
from clients.services import access
from monitoring.choices import Level
from monitoring.services.probing.question import Question, Unanswered
from monitoring.services.rules import Observation
from portal.ssh.errors import SSHError

TIMEOUT_S = 30.0
# As plugins for Nagios and its kin do it (Monitoring Plugins Development Guidelines).
LEVELS = {0: Level.UP, 1: Level.WARNING, 2: Level.CRITICAL}
_FIRST_NUMBER = re.compile(r"[^=]*=([-+]?[0-9.]+)")


def ask_command(question: Question) -> list[Observation]:
    """Exit status 0, 1 and 2 as in plugins for Nagios; the first line is what it says, a number behind `|` its value."""
    if not question.shell or isinstance(question.shell, NotReady):
        raise Unanswered(str(question.shell or "It is not known how the system is reached."))
    try:
        with access.watch(question.shell) as shell:
            result = shell.run(str(question.options["script"]), timeout_s=TIMEOUT_S)
    except SSHError as error:
        raise Unanswered(error.message) from error
    words, _, numbers = (result.stdout.strip() or result.stderr.strip()).partition("\n")[0].partition("|")
    found = _FIRST_NUMBER.match(numbers)
    level = LEVELS.get(result.exit_status, Level.UNKNOWN)
    said = words.strip() or "It said nothing."
    return [
        question.said(
            level,
            said if result.exit_status in LEVELS else f"Exit status {result.exit_status}: {said}",
            float(found[1]) if found else None,
        )
    ]
