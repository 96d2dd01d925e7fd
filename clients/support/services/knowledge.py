"""The knowledge base: articles in versions, found by their words, forgiving of misspelt ones, filled with what the portal knows."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import transaction
from django.db.models import F, Q, QuerySet

from clients.models import Client, ServiceCheck, System
from clients.support.choices import Form, Language
from clients.support.models import Article, ArticleImage, ArticleText
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

SHIPPED = Path(__file__).resolve().parent.parent / "shipped"
CONFIG = {"de": "german", "en": "english"}
# A word counts as another misspelt one if they share so much of their three-letter pieces.
ALIKE = 0.4
TITLE_COUNTS = 1.2
LARGEST_IMAGE_B = 2 * 1024 * 1024
_IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_WORDS = re.compile(r"\w{3,}")
# What stands in many questions and says nothing of what they are about.
_EMPTY_WORDS = """
the and for not you can are was with have has had does did this that from our how why what when who cannot please help need want get
der die das und für nicht ich wir mein meine mit von ist sind war hat habe haben kann können bitte hilfe wie was warum wenn auf dem
den ein eine einen einem beim zum zur
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_PLACE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Found:
    """An article that fits some words."""

    text: ArticleText
    rank: float


def write(
    *, slug: str, client: Client | None, language: str, title: str, body: str, also: str = "", form: str = Form.QUESTION, actor: Actor,
    now: datetime,
) -> ArticleText:  # fmt: skip
    """A new version of an article in one language; the ones before are kept.

    Raises:
        PortalError: no title or text.
    """
    actor.require(Permission.OPERATE)
    if not title.strip() or not body.strip():
        raise PortalError("An article has a title and a text.")
    with transaction.atomic():
        article, _ = Article.objects.get_or_create(client=client, slug=slug, defaults={"form": form, "created_at": now})
        Article.objects.select_for_update().get(pk=article.pk)
        before = ArticleText.objects.filter(article=article, language=language, newest=True).first()
        ArticleText.objects.filter(article=article, language=language, newest=True).update(newest=False)
        text = ArticleText.objects.create(
            article=article, client=client, language=language, number=before.number + 1 if before else 1, title=title.strip()[:200],
            body=body, also=also.strip()[:500], created_at=now, actor_label=actor.label,
            trigrams=sorted(trigrams(words_of(f"{title} {also}"))),
        )  # fmt: skip
        audit.record(
            action="article.write", actor=actor, subject=article, client_id=client.pk if client else None, now=now, language=language,
            number=text.number,
        )  # fmt: skip
    return text


def add_image(*, article: Article, name: str, content: bytes, actor: Actor, now: datetime) -> ArticleImage:
    """A picture for an article: PNG or JPEG, whatever its name says.

    Raises:
        PortalError: too large, or no such picture.
    """
    actor.require(Permission.OPERATE)
    kind = next((kind for sign, kind in _IMAGES.items() if content.startswith(sign)), "")
    if not kind or len(content) > LARGEST_IMAGE_B:
        raise PortalError("Pictures are PNG or JPEG files of up to 2 MB.")
    image, _ = ArticleImage.objects.update_or_create(
        article=article,
        name=re.sub(r"[^\w.-]", "-", name)[-100:],
        defaults={"client": article.client, "content_type": kind, "content": content},
    )
    audit.record(action="article.image", actor=actor, subject=article, client_id=article.client_id, now=now, name=image.name)
    return image


def end(*, article: Article, actor: Actor, now: datetime) -> None:
    """Take an article away from readers. Its versions are kept."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        Article.objects.filter(pk=article.pk, ended_at=None).update(ended_at=now)
        audit.record(action="article.end", actor=actor, subject=article, client_id=article.client_id, now=now)


def texts_for(client_ids: Iterable[int] | None, language: str) -> QuerySet[ArticleText]:
    """The newest texts that readers of these clients see: in their language, and in the other one where there is none.

    Args:
        client_ids: None: all clients.
    """
    rows = ArticleText.objects.filter(newest=True, article__ended_at=None).select_related("article", "client")
    if client_ids is not None:
        rows = rows.filter(Q(client=None) | Q(client__in=client_ids))
    own = rows.filter(language=language)
    return rows.filter(Q(language=language) | ~Q(article__in=own.values("article")))


def search(*, words: str, client_ids: Iterable[int] | None, language: str, most: int = 5) -> list[Found]:
    """The articles that fit some words best. Misspelt words count where nothing fits them as they are."""
    texts = texts_for(client_ids, language)
    terms = words_of(words)
    if not terms:
        return []
    query = SearchQuery(" OR ".join(sorted(terms)), config=CONFIG[language], search_type="websearch")
    ranked = list(texts.filter(search=query).annotate(rank=SearchRank(F("search"), query)).order_by("-rank", "pk")[:most])
    found = {text.pk: Found(text, float(text.rank)) for text in ranked}
    if len(found) < most:
        pieces = trigrams(terms)
        for text in texts.filter(trigrams__overlap=sorted(pieces)).exclude(pk__in=found).order_by("pk")[:200]:
            # what stands in its title is what it is about
            likeness = max(_likeness(terms, words_of(text.title)) * TITLE_COUNTS, _likeness(terms, words_of(text.also)))
            if likeness >= ALIKE:
                found[text.pk] = Found(text, likeness / 10)
    return sorted(found.values(), key=lambda one: (-one.rank, one.text.pk))[:most]


def words_of(text: str) -> set[str]:
    """The words of a text that say something, in lower case."""
    return {word for word in _WORDS.findall(text.lower()) if word not in _EMPTY}


def trigrams(words: Iterable[str]) -> set[str]:
    """Three letters each, with blanks before and behind the word, as pg_trgm has them (which is not everywhere)."""
    return {f"  {word} "[at : at + 3] for word in words for at in range(len(word) + 1)}


def _likeness(asked: Iterable[str], there: Iterable[str]) -> float:
    """How alike the most alike two words are, from 0 to 1."""
    pairs = [(trigrams([one]), trigrams([other])) for one in asked for other in there]
    return max((len(one & other) / len(one | other) for one, other in pairs), default=0.0)


def facts_of(client: Client | None) -> dict[str, str]:
    """What articles may name of a client's own systems: by their roles, from the addresses that are checked."""
    if client is None:
        return {}
    systems = list(System.objects.filter(client=client, environment="production").order_by("pk"))
    facts = {"client": client.name}
    for role, name in (("mail", "mail_server"), ("files", "cloud_server"), ("web", "web_server")):
        system = next((system for system in systems if role in system.roles), None)
        if system is not None:
            facts[name] = system.address
    cloud = next((system for system in systems if "files" in system.roles), None)
    check = ServiceCheck.objects.filter(system=cloud).order_by("pk").first() if cloud else None
    if check is not None:
        facts["cloud_address"] = check.url
    elif cloud is not None:
        facts["cloud_address"] = f"https://{cloud.address}/"
    return facts


def filled(text: str, facts: Mapping[str, str], *, unknown: str) -> str:
    """A text with the client's own names in it; what the portal does not know says so."""
    return _PLACE.sub(lambda found: facts.get(found.group(1), unknown), text)


def ship(*, actor: Actor, now: datetime) -> int:
    """Put the shipped articles in, where they are not there yet. One that somebody changed stays as it is; returns how many are new."""
    made = 0
    for path in sorted(SHIPPED.glob("*.md")):
        slug, language = path.stem.rsplit(".", 1)
        if ArticleText.objects.filter(article__slug=slug, article__client=None, language=language).exists():
            continue
        head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
        title, form, also = (line.partition(": ")[2] for line in head.splitlines())
        write(
            slug=slug,
            client=None,
            language=Language(language),
            title=title,
            form=Form(form),
            also=also,
            body=body,
            actor=actor,
            now=now,
        )
        made += 1
    return made
