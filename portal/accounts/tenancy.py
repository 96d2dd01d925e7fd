"""Tenancy in one place: whatever belongs to a client is a ClientOwned, and pages start from `visible_to(actor)`."""

from typing import Self, TypeVar

from django.db import models

from portal.accounts.actor import Actor
from portal.accounts.roles import Permission

M = TypeVar("M", bound=models.Model, covariant=True)


class ClientQuerySet(models.QuerySet[M]):
    """A queryset that knows whose rows an actor may see."""

    client_lookup = "client_id"

    def visible_to(self, actor: Actor, permission: Permission = Permission.SEE) -> Self:
        """Everything for staff, for a client's people the rows of clients where they have this permission; else nothing."""
        if actor.sees_all_clients:
            return self.all() if actor.may(permission) else self.none()
        allowed = actor.clients_with(permission)
        if not allowed:
            return self.none()
        return self.filter(**{f"{self.client_lookup}__in": allowed})


class ClientOwned(models.Model):
    """A row that belongs to exactly one client, for ever: its data may not outlive or change its owner."""

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT)

    objects = ClientQuerySet.as_manager()

    class Meta:
        abstract = True
