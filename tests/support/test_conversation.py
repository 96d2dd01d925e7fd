"""A conversation by e-mail through real servers: SMTP there and back, IMAP with STARTTLS."""

import tempfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from clients.support.models import Attachment, IncomingMail, OutgoingMail, Ticket
from clients.support.services import incoming, mailbox, sending, tickets
from clients.support.services.files import NewFile
from tests import people
from tests.lab.certificates import Authority
from tests.lab.mailbox import PASSWORD, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def boxes(tmp_path, settings, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    # not under pytest's own folder, which nobody but root may enter
    with (
        tempfile.TemporaryDirectory(prefix="rt-post-") as folder,
        post(Path(folder), authority.issue("localhost", days=9)) as (made, port),
    ):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", made.smtp.port, False
        settings.SUPPORT_MAILBOX = {"host": "localhost", "port": str(port), "user": "support"}
        settings.SUPPORT_MAILBOX_PASSWORD = PASSWORD
        made.box("support@retainer.example")
        yield made


def exchange() -> None:
    """What the clock's ticks do."""
    mailbox.fetch(now=people.now())
    incoming.take_waiting(now=people.now())
    sending.send_due(now=people.now())


def write(sender: str, to: str, text: str, *, subject="Mail on my phone", answers="", file: bytes = b"", **headers) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = sender, to, subject, f"<{people.now().timestamp()}@client.example>"
    if answers:
        mail["In-Reply-To"] = answers
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    if file:
        mail.add_attachment(file, maintype="image", subtype="png", filename="screen.png")
    return mail


def test_question_answer_files_another_address_and_an_absence(boxes, sample_client, operator):
    member = people.make_member(sample_client)
    boxes.send(write(f"Anna <{member.email}>", "support@retainer.example", "It asks for a server.", file=b"\x89PNG screen"))
    exchange()
    ticket = Ticket.objects.get()
    assert bytes(Attachment.objects.get().content) == b"\x89PNG screen"
    (confirmed,) = boxes.mails(member.email)
    assert confirmed["Auto-Submitted"] == "auto-generated"
    assert confirmed["In-Reply-To"] == ticket.messages.get().mails.get().message_id
    assert confirmed["Reply-To"].startswith(f"support+t{ticket.pk}.")
    assert len(boxes.mails(operator.email)) == 1

    file = NewFile("settings.pdf", "application/pdf", b"%PDF-1")
    tickets.answer(
        ticket=ticket, body="Use mail.example.", files=[file], then="waiting", actor=people.actor(operator), now=people.now()
    )
    exchange()
    answer = boxes.mails(member.email)[-1]
    assert {part.get_filename() for part in answer.walk()} >= {"settings.pdf"}
    assert confirmed["Message-ID"] in answer["References"]

    # from home, to the signed address, with what their program quotes
    quoted = "It works!\n\nAm 3. Mai 2026 um 10:00 schrieb Retainer:\n> Use mail.example."
    boxes.send(write("Anna <anna@home.example>", answer["Reply-To"], quoted, answers=answer["Message-ID"], file=b"\x89PNG two"))
    exchange()
    ticket.refresh_from_db()
    line = ticket.messages.filter(kind="public").latest("pk")
    assert (line.body, "Use mail.example." in line.quoted, ticket.state) == ("It works!", True, "open")
    assert line.attachments.get().size_b == len(b"\x89PNG two")

    # an absence answers each mail of ours: it is read and left aside, and nothing goes back and forth
    tickets.answer(ticket=ticket, body="Fine. Anything else?", actor=people.actor(operator), now=people.now())
    for _ in range(3):
        exchange()
        last = boxes.mails(member.email)[-1]
        boxes.send(write(member.email, last["Reply-To"], "I am away.", answers=last["Message-ID"], Auto_Submitted="auto-replied"))
    before = OutgoingMail.objects.count()
    exchange()
    assert OutgoingMail.objects.count() == before
    assert IncomingMail.objects.filter(state="ignored").count() == 3
    assert not OutgoingMail.objects.exclude(state="sent").exists()


def test_a_mailbox_that_is_away_loses_nothing_and_a_mail_is_fetched_once(boxes, sample_client, settings):
    member = people.make_member(sample_client)
    boxes.send(write(member.email, "support@retainer.example", "Hello"))
    right = settings.SUPPORT_MAILBOX_PASSWORD
    settings.SUPPORT_MAILBOX_PASSWORD = "wrong"
    assert mailbox.fetch_quietly(now=people.now()) == 0
    settings.SUPPORT_MAILBOX_PASSWORD = right
    assert (mailbox.fetch(now=people.now()), mailbox.fetch(now=people.now())) == (1, 0)
    assert IncomingMail.objects.count() == 1


def test_a_server_that_is_away_or_refuses_somebody_for_good(boxes, ask, settings):
    member = people.make_member(people.make_client("Else"))
    ticket = ask()
    del member
    port = settings.EMAIL_PORT
    settings.EMAIL_PORT = 1
    assert sending.send_due(now=people.now()) == 0
    waiting = OutgoingMail.objects.filter(ticket=ticket)
    assert {(mail.state, mail.tries) for mail in waiting} <= {("waiting", 1)}
    settings.EMAIL_PORT = port
    later = people.now() + sending.AGAIN[0]
    assert sending.send_due(now=later) == waiting.count()
    assert sending.send_due(now=later) == 0
