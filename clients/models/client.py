"""Clients and the people there."""

import ipaddress
from datetime import datetime
from typing import Any, ClassVar, Self
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from portal.accounts.tenancy import ClientOwned, ClientQuerySet


def validate_time_zone(name: str) -> None:
    """Raises ValidationError unless the name is in the IANA database."""
    if name not in available_timezones():
        raise ValidationError(f"“{name}” is not a time zone; use a name like Europe/Berlin.")


class OwnClientQuerySet(ClientQuerySet["Client"]):
    """Clients themselves: a client user sees the ones they belong to."""

    client_lookup = "pk"

    def asking(self, *, now: datetime) -> Self:
        """Clients whose people may ask us: those that we look after, and those that we stand by after a handover."""
        return self.filter(Q(ended_at=None) | Q(stand_by_until__gt=now))


class Client(models.Model):
    """A company whose systems we maintain."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=60, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    # What we write to people there in, where they have not chosen another.
    language = models.CharField(max_length=2, choices=[("en", "English"), ("de", "Deutsch")], default="en", db_default="en")
    security_window_days = models.PositiveSmallIntegerField(default=7, validators=[MinValueValidator(1), MaxValueValidator(90)])
    routine_window_days = models.PositiveSmallIntegerField(default=30, validators=[MinValueValidator(1), MaxValueValidator(365)])
    created_at = models.DateTimeField(auto_now_add=True)
    # The retainer ended: nothing of the client's is lost, and nothing reaches their systems any more.
    ended_at = models.DateTimeField(null=True, blank=True)
    # After a handover their people may still ask, until then.
    stand_by_until = models.DateTimeField(null=True, blank=True)

    objects = OwnClientQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(Lower("name"), name="one_client_per_name"),
            models.CheckConstraint(
                condition=Q(security_window_days__gte=1, routine_window_days__gte=1), name="client_windows_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def may_ask(self, *, now: datetime) -> bool:
        """Whether its people may ask us."""
        return self.ended_at is None or (self.stand_by_until is not None and self.stand_by_until > now)


def validate_network(text: str) -> None:
    """Raises ValidationError unless the text is a network, such as 10.20.0.0/16 or fd00::/8."""
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValidationError(f"“{text}” is not a network; write it like 10.20.0.0/16.") from error


class AllowedRange(ClientOwned):
    """A private network of a client into which the portal may send HTTP requests, because an operator said so."""

    network = models.CharField(max_length=49, validators=[validate_network])
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "network"], name="one_allowed_range_per_network"),
            models.CheckConstraint(condition=~Q(reason=""), name="allowed_range_says_why"),
        ]

    def __str__(self) -> str:
        return self.network


class Contact(ClientOwned):
    """Whom to call at a client."""

    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True, default="")
    phone = models.CharField(max_length=50, blank=True, default="")
    duty = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        return self.name
