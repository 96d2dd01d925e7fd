"""Tenancy in one place: whatever belongs to a client is a ClientOwned, and pages start from `visible_to(actor)`."""

from typing import Self, TypeVar

from django.db import models

from portal.accounts.actor import Actor

M = TypeVar("M", bound=models.Model, covariant=True)


class ClientQuerySet(models.QuerySet[M]):
    """A queryset that knows whose rows an actor may see."""

    client_lookup = "client_id"

    def visible_to(self, actor: Actor) -> Self:
        """Everything for an operator, their own clients' rows for a client user, nothing for anybody else."""
        if actor.sees_all_clients:
            return self.all()
        if not actor.client_ids:
            return self.none()
        return self.filter(**{f"{self.client_lookup}__in": actor.client_ids})


class ClientOwned(models.Model):
    """A row that belongs to exactly one client, for ever: its data may not outlive or change its owner."""

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT)

    objects = ClientQuerySet.as_manager()

    class Meta:
        abstract = True
