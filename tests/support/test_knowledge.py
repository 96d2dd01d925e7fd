"""Answers: found by their words, misspelt ones too, in the reader's language, with the client's own names."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction

from clients.models import ServiceCheck
from clients.support.models import Article, ArticleText
from clients.support.services import knowledge
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def shipped():
    assert knowledge.ship(actor=people.TESTER, now=people.now()) == 14
    assert knowledge.ship(actor=people.TESTER, now=people.now()) == 0


def best(words: str, language: str, **values) -> str:
    found = knowledge.search(words=words, client_ids=values.get("client_ids", []), language=language)
    return found[0].text.article.slug if found else ""


@pytest.mark.parametrize(
    ("words", "language", "slug"),
    [
        ("How do I get mail on my new iPhone?", "en", "mail-iphone"), ("Wie bekomme ich Mails auf mein Android-Handy?", "de", "mail-android"),
        ("my pasword expird", "en", "password-expired"), ("Pasword abgelaufn", "de", "password-expired"),
        ("thunderbrid", "en", "mail-thunderbird"), ("access denied to a folder", "en", "permission-error"),
        ("Dateien mit Kunden teilen", "de", "sharing-outside"), ("outlok", "de", "mail-outlook"),
    ],
)  # fmt: skip
def test_words_find_their_answer(shipped, words, language, slug):
    assert best(words, language) == slug


@pytest.mark.parametrize("words", ["", "??", "the and of", "xyzzy plugh", "' OR 1=1 --", "a & | ! ( )"])
def test_words_that_fit_nothing_find_nothing_and_break_nothing(shipped, words):
    assert best(words, "en") == ""


def test_articles_of_a_client_are_its_own(shipped, sample_client, outsider_page, member_page):
    knowledge.write(
        slug="coffee",
        client=sample_client,
        language="en",
        title="The coffee machine",
        body="Descale it.",
        actor=people.TESTER,
        now=people.now(),
    )
    assert best("coffee machine", "en", client_ids=[sample_client.pk]) == "coffee"
    assert best("coffee machine", "en") == ""
    assert member_page.get("/knowledge/coffee/").status_code == 200
    assert outsider_page.get("/knowledge/coffee/").status_code == 404
    assert "coffee machine" in member_page.get("/knowledge/?words=coffee").content.decode()


def test_placeholders_are_the_clients_own_names_and_what_is_not_known_says_so(shipped, sample_client, member_page):
    assert "(ask us)" in member_page.get("/knowledge/mail-iphone/").content.decode()
    people.make_system(sample_client, address="mail.bakery.example", environment="production", roles=["mail"])
    cloud = people.make_system(sample_client, environment="production", roles=["files"])
    ServiceCheck.objects.create(client=sample_client, system=cloud, url="https://cloud.bakery.example/")
    page = member_page.get("/knowledge/mail-iphone/").content.decode()
    assert "mail.bakery.example" in page
    assert "(ask us)" not in page
    assert "https://cloud.bakery.example/" in member_page.get("/knowledge/password-expired/").content.decode()


def test_versions_are_kept_and_only_one_is_the_newest(shipped):
    text = knowledge.write(
        slug="mail-iphone", client=None, language="en", title="New", body="Shorter.", actor=people.TESTER, now=people.now()
    )
    assert (text.number, ArticleText.objects.filter(article=text.article, language="en").count()) == (2, 2)
    with pytest.raises(IntegrityError), transaction.atomic():
        ArticleText.objects.filter(article=text.article, language="en").update(newest=True)
    knowledge.end(article=text.article, actor=people.TESTER, now=people.now())
    assert best("iphone", "en") != "mail-iphone"


def test_operators_write_articles_and_add_pictures(operator_page, member_page, sample_client):
    values = {"slug": "vpn", "language": "en", "title": "The VPN", "body": "Use **it**. <script>x</script>", "also": ""}
    assert operator_page.post("/knowledge/new/", values).status_code == 303
    page = member_page.get("/knowledge/vpn/").content.decode()
    assert "<strong>it</strong>" in page
    assert "<script>x" not in page
    operator_page.post("/knowledge/vpn/edit/de/", {"title": "Das VPN", "body": "Benutzen Sie es.", "also": ""})
    assert "Das VPN" in member_page.get("/knowledge/vpn/", headers={"Accept-Language": "de"}).content.decode()
    for content, status in ((b"\x89PNG\r\n\x1a\n123", 303), (b"<svg onload=x>", 422)):
        answer = operator_page.post("/knowledge/vpn/pictures/", {"picture": SimpleUploadedFile("screen.png", content)})
        assert answer.status_code == status
    picture = member_page.get("/knowledge/vpn/pictures/screen.png/")
    assert (picture["Content-Type"], picture["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert Article.objects.get(slug="vpn").images.count() == 1


def test_answers_are_offered_while_somebody_writes(shipped, member_page, sample_client):
    page = member_page.get(f"/tickets/new/{sample_client.pk}/offered/?subject=mail+on+my+iphone").content.decode()
    assert "Mail on an iPhone" in page
    german = member_page.get(f"/tickets/new/{sample_client.pk}/offered/?subject=passwort+abgelaufen", headers={"Accept-Language": "de"})
    assert "Mein Passwort ist abgelaufen" in german.content.decode()
