"""Reads for the pages of people and accounts."""

from datetime import datetime

from django.db.models import Q, QuerySet

from portal.accounts.actor import Actor
from portal.accounts.models import ApiToken, Membership, PortalSession, User
from portal.accounts.roles import STAFF, Permission
from portal.signin.models import Invitation


def staff() -> QuerySet[User]:
    """All of us, those who left last."""
    return User.objects.filter(role__in=STAFF).order_by("-is_active", "name", "pk")


def members(client_id: int) -> QuerySet[Membership]:
    """A client's people, owners first."""
    return Membership.objects.filter(client_id=client_id).select_related("user").order_by("-role", "user__name", "pk")


def open_invitations(actor: Actor, client_id: int | None) -> QuerySet[Invitation]:
    """Invitations that nobody used yet, for staff or for one client."""
    if not actor.may(Permission.MANAGE_STAFF if client_id is None else Permission.MANAGE_MEMBERS, client_id):
        return Invitation.objects.none()
    return Invitation.objects.filter(Q(client_id=client_id), used_at=None, revoked_at=None).order_by("-asked_at", "pk")


def sessions(user: User, *, now: datetime) -> QuerySet[PortalSession]:
    """Where a person is signed in, newest first."""
    return PortalSession.objects.filter(user=user, expire_date__gt=now).order_by("-last_seen_at", "pk")


def tokens(user: User) -> QuerySet[ApiToken]:
    """A person's tokens that are not revoked."""
    return ApiToken.objects.filter(user=user, revoked_at=None).order_by("-created_at", "pk")
