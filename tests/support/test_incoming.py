"""Mail that comes in: put where it belongs, held, refused or left aside; in each case the original is kept."""

import io
from email.message import EmailMessage
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from types import SimpleNamespace

import pytest
from django.core.management import call_command

from clients.models import Contact
from clients.support.models import Attachment, IncomingMail, OutgoingMail, Ticket
from clients.support.parsers.mail import parse
from clients.support.parsers.quotes import fold
from clients.support.services import incoming, tickets
from clients.support.services.addresses import new_message_id, reply_address, ticket_of
from portal.accounts.models import Membership
from portal.errors import PortalError
from tests import people

pytestmark = pytest.mark.django_db


def test_a_new_mail_of_a_clients_person_is_a_ticket_and_is_confirmed(arrive, member, operator):
    mail = arrive(sender=f"Anna <{member.email}>", subject="No mail", text="Nothing comes in.\n\nAnna")
    ticket = Ticket.objects.get()
    assert (mail.state, mail.line.ticket, ticket.requester, ticket.subject) == ("taken", ticket, member, "No mail")
    answer = OutgoingMail.objects.get(to=member.email)
    assert (answer.in_reply_to, f"#{ticket.pk}" in answer.subject) == (mail.message_id, True)
    assert "You have an answer until" in answer.body
    assert OutgoingMail.objects.filter(to=operator.email).count() == 1


def test_answers_find_their_ticket_by_the_signed_address_or_our_message_id_never_by_subject(ask, arrive, member, operator):
    ticket = ask()
    tickets.answer(ticket=ticket, body="Which phone?", actor=people.actor(operator), now=people.now())
    sent = OutgoingMail.objects.get(to=member.email)
    arrive(sender=member.email, to=reply_address(ticket.pk), text="An old one.")
    arrive(sender=member.email, text="Android, I mean.", In_Reply_To=sent.message_id)
    assert [line.body for line in ticket.messages.filter(kind="public", is_ours=False).order_by("pk")][1:] == [
        "An old one.",
        "Android, I mean.",
    ]
    # a subject, and an address whose signature is wrong, prove nothing
    arrive(sender=member.email, subject=f"Re: [#{ticket.pk}] {ticket.subject}", text="New question")
    forged = reply_address(ticket.pk).replace(f"t{ticket.pk}.", f"t{ticket.pk}.a")
    assert ticket_of(forged) is None
    assert Ticket.objects.count() == 2


def test_from_another_address_with_our_mail_in_hand_yes_from_another_client_no(ask, arrive, member, outsider):
    ticket = ask()
    arrive(sender="Anna at home <anna@home.example>", to=reply_address(ticket.pk), text="It is me, from home.")
    line = ticket.messages.latest("pk")
    assert (line.body, line.author, line.author_label, line.is_ours) == (
        "It is me, from home.",
        None,
        "Anna at home <anna@home.example>",
        False,
    )
    held = arrive(sender=outsider.email, to=reply_address(ticket.pk), text="Let me in")
    assert (held.state, "nobody of that client" in held.why) == ("held", True)
    assert ticket.messages.count() == 2


def test_strangers_are_held_and_somebody_says_where_they_belong(arrive, sample_client, operator, operator_page, ask):
    mail = arrive(sender="stranger@elsewhere.example", subject="Hello", text="I work for Sample.")
    assert (mail.state, Ticket.objects.count()) == ("held", 0)
    assert "stranger@elsewhere.example" in operator_page.get("/tickets/mail/").content.decode()
    assert operator_page.post(f"/tickets/mail/{mail.pk}/assign/", {}).status_code == 422
    operator_page.post(f"/tickets/mail/{mail.pk}/assign/", {"client": sample_client.pk})
    assert Ticket.objects.get().requester_email == "stranger@elsewhere.example"
    second = arrive(sender="stranger@elsewhere.example", subject="And", text="more")
    operator_page.post(f"/tickets/mail/{second.pk}/assign/", {"discard": "1"})
    second.refresh_from_db()
    assert second.state == "discarded"
    with pytest.raises(PortalError):
        incoming.discard(mail=second, actor=people.actor(operator), now=people.now())
    assert operator_page.get(f"/tickets/mail/{mail.pk}/original/").content == bytes(mail.original)


def test_a_contact_of_one_client_raises_a_ticket_there(arrive, sample_client):
    Contact.objects.create(client=sample_client, name="Karl", email="karl@client.example")
    arrive(sender="Karl <KARL@client.example>", text="Printer")
    assert Ticket.objects.get().client == sample_client


def test_of_two_clients_nobody_guesses(arrive, member, outsider):
    Membership.objects.create(user=member, client=outsider.memberships.get().client, role="member")
    assert arrive(sender=member.email).state == "held"


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X_Autoreply": "yes"}, {"List_Id": "<news>"}, {"Return_Path": "<>"}],
)
def test_what_programs_write_raises_nothing_and_is_not_answered(arrive, member, headers):
    mail = arrive(sender=member.email, **headers)
    assert (mail.state, Ticket.objects.count(), OutgoingMail.objects.count()) == ("ignored", 0, 0)


def test_our_own_address_and_the_same_mail_twice_are_no_loop(arrive, member):
    assert arrive(sender="support@retainer.example").state == "ignored"
    assert arrive(sender="support+t1.aaaa@retainer.example").state == "ignored"
    first = arrive(sender=member.email, message_id="<one@client.example>")
    again = incoming.keep(bytes(first.original), now=people.now())
    assert again.pk == first.pk
    other = arrive(sender=member.email, message_id="<one@client.example>", text="relayed otherwise")
    assert (other.state, Ticket.objects.count()) == ("ignored", 1)


def test_a_flood_of_one_address_is_held(arrive, member):
    states = [arrive(sender=member.email, subject=str(number)).state for number in range(incoming.LOOP_MAILS + 2)]
    assert states[0] == "taken"
    assert states[-1] == "held"


BOUNCE = """From: MAILER-DAEMON@client.example
To: support@retainer.example
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary=b
Message-ID: <bounce@client.example>

--b
Content-Type: text/plain

User unknown

--b
Content-Type: message/delivery-status

Final-Recipient: rfc822; anna@client.example
Action: failed

--b
Content-Type: message/rfc822

Message-ID: {ours}
Subject: x

y
--b--
"""


def test_a_bounce_is_seen_on_its_ticket_and_raises_none(ask, arrive, operator, operator_page, member):
    ticket = ask()
    tickets.answer(ticket=ticket, body="Hello", actor=people.actor(operator), now=people.now())
    sent = OutgoingMail.objects.get(to=member.email)
    mail = arrive(BOUNCE.format(ours=sent.message_id).encode())
    sent.refresh_from_db()
    assert (mail.state, sent.bounced_at is not None, Ticket.objects.count()) == ("bounce", True, 1)
    assert ticket.messages.filter(kind="diagnosis", body__contains="came back").exists()
    assert "did not arrive" in operator_page.get(f"/tickets/{ticket.pk}/").content.decode()
    assert arrive(BOUNCE.format(ours=new_message_id()).replace("bounce@", "bounce2@").encode()).state == "bounce"


def _raw(text: str, charset: str) -> bytes:
    head = f"From: a@b.example\nSubject: =?{charset}?q?Gr=FC=DFe?=\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    return head.encode() + text.encode(charset)


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "iso-8859-15"])
def test_any_charset(charset):
    parsed = parse(_raw("Grüße aus München", charset))
    assert (parsed.text, parsed.subject, parsed.problems) == ("Grüße aus München", "Grüße", ())


@pytest.mark.parametrize("charset", ["koi8-r", "shift_jis", "utf-16", "gb18030"])
def test_any_alphabet(charset):
    words = {"koi8-r": "Привет", "shift_jis": "こんにちは", "utf-16": "Grüße", "gb18030": "你好"}[charset]
    assert parse(MIMEText(words, "plain", charset).as_bytes()).text == words


def test_a_charset_that_is_a_lie_or_unknown_is_read_and_said():
    for charset in ("utf-8", "x-unknown-9"):
        raw = f"From: a@b.example\nContent-Type: text/plain; charset={charset}\n\n".encode() + "Grüße".encode("windows-1252")
        parsed = parse(raw)
        assert (parsed.text, len(parsed.problems)) == ("Grüße", 1)


def test_html_alone_is_read_and_hidden_parts_are_not():
    html = "<html><head><style>p{}</style></head><body><p>Hello <b>you</b>,</p><ul><li>one</li><li>two</li></ul><script>x()</script><blockquote>old</blockquote></body></html>"
    parsed = parse(MIMEText(html, "html").as_bytes())
    assert (parsed.text, parsed.quoted) == ("Hello you,\n- one\n- two", "> old")


def test_a_winmail_dat_is_kept_and_said(arrive, member):
    mail = MIMEMultipart()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = member.email, "support@retainer.example", "Files", "<w@x>"
    mail.attach(MIMEText("See the files."))
    part = MIMEBase("application", "ms-tnef")
    part.set_payload("eD8+Ig==")
    part.add_header("Content-Transfer-Encoding", "base64")
    part.add_header("Content-Disposition", "attachment", filename="winmail.dat")
    mail.attach(part)
    arrive(mail.as_bytes())
    assert Attachment.objects.get().name == "winmail.dat"
    assert "Outlook packs files" in Ticket.objects.get().messages.get().body


def test_broken_mime_is_read_as_far_as_it_goes(arrive, member):
    raw = f'From: {member.email}\nTo: support@retainer.example\nSubject: Broken\nMessage-ID: <b@x>\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nThis can be read.\n--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="a/../../b.pdf"\nContent-Transfer-Encoding: base64\n\n!!!'.encode()
    mail = arrive(raw)
    assert mail.state == "taken"
    line = Ticket.objects.get().messages.get()
    assert "This can be read." in line.body
    assert "broken here" in line.body
    assert bytes(IncomingMail.objects.get().original) == raw
    assert "/" not in (Attachment.objects.values_list("name", flat=True).first() or "")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"From: <<>>\nSubject: =?utf-8?b?!!!?=\n\n",
        b"no header at all",
        b"From: a@b\nContent-Type: multipart/mixed\n\nx",
    ],
)
def test_rubbish_is_kept_and_never_raises(arrive, raw):
    parse(raw)
    assert arrive(raw).state in {"ignored", "held"}


def test_a_mail_of_thirty_megabytes_is_taken_and_a_larger_one_refused_with_words(arrive, member):
    def big(size: int, number: int) -> bytes:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = member.email, "support@retainer.example", "Big", f"<{number}@x>"
        mail.set_content("A big one.")
        mail.add_attachment(b"x" * size, maintype="application", subtype="octet-stream", filename="big.bin")
        return mail.as_bytes()

    assert arrive(big(21 * 1024 * 1024, 1)).state == "taken"  # 29 MB as it is sent
    assert Attachment.objects.get().size_b == 21 * 1024 * 1024
    refused = arrive(big(32 * 1024 * 1024, 2))
    assert (refused.state, "larger than 40 MB" in refused.why, len(refused.original)) == ("refused", True, 65536)
    assert "too large" in OutgoingMail.objects.get(subject__contains="large").subject


def test_programs_that_come_by_mail_are_named_and_not_handed_out(arrive, member):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = member.email, "support@retainer.example", "x", "<p@x>"
    mail.set_content("Look.")
    mail.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="invoice.pdf.exe")
    arrive(mail.as_bytes())
    assert not Attachment.objects.exists()
    assert "invoice.pdf.exe" in Ticket.objects.get().messages.get().body


QUOTED = [
    ("Yes.\n\nOn Mon, 3 May 2026 at 10:00, Retainer <s@x> wrote:\n> Which?\n> One", "Yes.", "Which?"),
    ("Ja.\n\nAm 03.05.2026 um 10:00 schrieb Retainer:\n\n> Welches?", "Ja.", "Welches?"),
    ("Ja.\n\nAm Montag, den 3. Mai 2026 um 10:00 Uhr schrieb Retainer <support@retainer.example>\nGmbH schrieb:\n> Welches?", "Ja.", "Welches?"),
    ("Ok\n\n-----Ursprüngliche Nachricht-----\nVon: Retainer\nGesendet: heute", "Ok", "Gesendet"),
    ("Ok\n\nFrom: Retainer <s@x>\nSent: Monday\nTo: Anna\nSubject: x\n\nold", "Ok", "Sent: Monday"),
    ("Ok\n\nVon: Retainer <s@x>\nDatum: Montag\nAn: Anna\n\nalt", "Ok", "Datum"),
    ("New\n> old one\n> old two\n", "New", "old two"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "own", "in_quoted"), QUOTED)
def test_quoted_text_is_folded(text, own, in_quoted):
    written, quoted = fold(text)
    assert written == own
    assert in_quoted in quoted


def test_who_answers_between_the_lines_loses_nothing():
    text = "On Monday Retainer wrote:\n> Which phone?\nAn Android.\n> Since when?\nSince today."
    written, quoted = fold(text)
    assert "An Android." in written
    assert "Since today." in written
    assert quoted == ""
    assert fold("> only a quotation")[0] == "> only a quotation"


def test_taken_twice_or_killed_midway_it_is_one_line(arrive, member):
    mail = arrive(sender=member.email)
    incoming.take(mail.pk, now=people.now())
    assert Ticket.objects.count() == 1
    raw = bytes(mail.original).replace(b"Help", b"Again").replace(b"<", b"<2", 1)
    kept = incoming.keep(raw.replace(b"Message-ID: <", b"Message-ID: <k"), now=people.now())
    assert incoming._claim(people.now()) == [kept.pk]
    assert incoming.take_waiting(now=people.now()) == 0, "somebody holds it"
    assert incoming.take_waiting(now=people.now() + incoming.LEASE) == 1
    assert Ticket.objects.count() == 2


def test_a_mail_server_hands_over_by_a_pipe(member, monkeypatch):
    raw = f"From: {member.email}\nTo: support@retainer.example\nSubject: Pipe\nMessage-ID: <pipe@x>\n\nHello".encode()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    call_command("take_mail")
    assert bytes(IncomingMail.objects.get().original) == raw
