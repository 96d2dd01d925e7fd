"""What tests of support share: a way to raise a ticket, and what a mail server would hand over."""

from email.message import EmailMessage

import pytest

from clients.support.services import incoming, tickets
from clients.support.services.tickets import Question
from tests import people


@pytest.fixture(autouse=True)
def support_address(settings):
    settings.SUPPORT_ADDRESS = "support@retainer.example"
    settings.SUPPORT_FROM = "Retainer <support@retainer.example>"


@pytest.fixture
def ask(member, sample_client):
    """Raise a ticket as the sample client's member."""

    def raise_one(subject="My mail does not arrive", body="Since this morning nothing comes in.", *, person=member, **values):
        now = values.pop("now", None) or people.now()
        actor = values.pop("actor", None) or people.actor(person)
        return tickets.raise_ticket(
            client=sample_client, question=Question(subject, body, **values), actor=actor, person=person, now=now
        )

    return raise_one


@pytest.fixture
def arrive():
    """A mail arrives: kept and put where it belongs."""

    def one(raw=None, *, sender="", to="support@retainer.example", subject="Help", text="Please help.", **headers):
        if raw is None:
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = sender, to, subject
            mail["Message-ID"] = headers.pop("message_id", f"<{people.now().timestamp()}@client.example>")
            for name, value in headers.items():
                mail[name.replace("_", "-")] = value
            mail.set_content(text)
            raw = mail.as_bytes()
        kept = incoming.keep(raw, now=people.now())
        incoming.take_waiting(now=people.now())
        kept.refresh_from_db()
        return kept

    return one
