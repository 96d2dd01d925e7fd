"""The knowledge base: articles for one client or for all, each in two languages, each version kept."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from clients.support.choices import Form, Language
from clients.support.models.words import searched
from portal.accounts.tenancy import ClientQuerySet


class Article(models.Model):
    """What is known about one question. Without a client it is for all of them."""

    client = models.ForeignKey("clients.Client", null=True, blank=True, on_delete=models.PROTECT, related_name="articles")
    slug = models.SlugField(max_length=80)
    form = models.CharField(max_length=16, choices=Form, default=Form.QUESTION)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "slug"], condition=Q(client__isnull=False), name="one_article_of_a_client"),
            models.UniqueConstraint(fields=["slug"], condition=Q(client=None), name="one_article_for_all"),
        ]

    def __str__(self) -> str:
        return self.slug


class ArticleText(models.Model):
    """One version of an article in one language; the newest counts. The client's id stands here too, for row-level security."""

    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="texts")
    client = models.ForeignKey("clients.Client", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(max_length=2, choices=Language)
    number = models.PositiveIntegerField()
    newest = models.BooleanField(default=True)
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=100_000)
    # Words that somebody may ask with and that the text does not use.
    also = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    search = searched(title="A", also="A", body="C")
    # Of its title and the other words: three letters each, for words that are misspelt (services/knowledge.py).
    trigrams = ArrayField(models.CharField(max_length=3), default=list)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["article", "language", "number"], name="one_version_per_number"),
            models.UniqueConstraint(fields=["article", "language"], condition=Q(newest=True), name="one_newest_version"),
            models.CheckConstraint(condition=~Q(title="") & ~Q(body=""), name="an_article_says_something"),
        ]
        indexes: ClassVar[list[Any]] = [
            GinIndex(fields=["search"], name="article_search"),
            GinIndex(fields=["trigrams"], name="article_trigrams"),
        ]

    def __str__(self) -> str:
        return self.title


class ArticleImage(models.Model):
    """A picture in an article, handed out by the portal itself."""

    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="images")
    client = models.ForeignKey("clients.Client", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    content_type = models.CharField(max_length=20)
    content = models.BinaryField()

    objects: ClassVar[ClientQuerySet["ArticleImage"]] = ClientQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["article", "name"], name="one_picture_per_name"),
            models.CheckConstraint(condition=Q(content_type__in=["image/png", "image/jpeg", "image/webp"]), name="pictures_only"),
        ]

    def __str__(self) -> str:
        return self.name
