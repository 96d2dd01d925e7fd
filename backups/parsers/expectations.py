"""What a declared query of a restored database is to answer: `SELECT count(*) FROM users => at least 10`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

_FORM = re.compile(r"(at least|at most|exactly) (.{1,200})|within (\d{1,6}) hours")


class BadExpectation(ValueError):
    """A line is not of the form; the message says what is."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A query and what it is to answer.

    Args:
        words: as an operator wrote it: `at least 10`, `at most 0`, `exactly open`, `within 24 hours`.
    """

    query: str
    words: str

    def failed(self, answer: str, *, taken: datetime) -> str:
        """Why an answer is not what was expected, as a sentence; empty where it is.

        Args:
            taken: when the snapshot was taken; `within N hours` is an age at that time (UTC where the answer has no zone).
        """
        form = _FORM.fullmatch(self.words)
        if form is None:
            return f"“{self.words}” can't be understood."
        told = f"“{self.query}” answered {answer or 'nothing'}; expected {self.words}."
        if form[3]:
            try:
                at = datetime.fromisoformat(answer)
            except ValueError:
                return told
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            return "" if taken - at <= timedelta(hours=int(form[3])) else told
        if form[1] == "exactly":
            return "" if answer == form[2] else told
        try:
            found, limit = Decimal(answer), Decimal(form[2])
        except InvalidOperation:
            return told
        right = found >= limit if form[1] == "at least" else found <= limit
        return "" if right else told


def parse_expectation(line: str) -> Expectation:
    """Read one line.

    Raises:
        BadExpectation: it is no single SELECT, or what it is to answer is not of the form.
    """
    query, sign, words = line.rpartition("=>")
    query, words = query.strip().rstrip(";").strip(), words.strip()
    if not sign or not re.match(r"(?i)select\b", query) or ";" in query or "\\" in query or not _FORM.fullmatch(words):
        raise BadExpectation(
            "Write one SELECT and what it answers, such as “SELECT count(*) FROM users => at least 10”; or: at most, exactly, "
            "within 24 hours."
        )
    return Expectation(query, words)
