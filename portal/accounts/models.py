"""Users, their memberships, sessions, API tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from portal.accounts.roles import STAFF, MemberRole, Permission, Role


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> User:
        """The user with this address."""
        return self.get(email__iexact=username)

    def create_user(self, *, email: str, password: str | None, name: str, role: str) -> User:
        """A new user; the password is hashed, None makes it unusable."""
        user = self.model(email=email.strip(), name=name, role=role)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser):
    """A person who signs in: staff of ours, or somebody at a client."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=16, choices=Role)
    is_active = models.BooleanField(default=True)
    # What the portal speaks and writes to the person; empty: what their browser asks for.
    language = models.CharField(max_length=2, choices=[("en", "English"), ("de", "Deutsch")], blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(Lower("email"), name="one_user_per_address"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """The person's name."""
        return self.name

    @property
    def is_staff_member(self) -> bool:
        """Whether the person is one of us, who must have a second factor."""
        return self.role in STAFF


class Membership(models.Model):
    """A client's person belongs to that client, as its owner or as a member.

    The database holds that staff have none: the user's role stands in the foreign key (migration 0004).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    client = models.ForeignKey("clients.Client", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=MemberRole, default=MemberRole.MEMBER, db_default=MemberRole.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["user", "client"], name="one_membership_per_client"),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.client_id}"


class PortalSession(models.Model):
    """A browser's session. Its key is a hash of the cookie, its data are sealed: neither opens anything to who reads the table."""

    session_key = models.CharField(max_length=64, primary_key=True)
    session_data = models.TextField()
    expire_date = models.DateTimeField()
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    address = models.CharField(max_length=45, blank=True, default="")
    browser = models.CharField(max_length=300, blank=True, default="")
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["expire_date"], name="session_expiry"),
            models.Index(fields=["user", "-last_seen_at"], name="session_of_user"),
        ]

    def __str__(self) -> str:
        return f"session of {self.user_id}"


class ApiToken(models.Model):
    """A token for the API. Only a hash of it is kept; the token itself is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    # Permissions that it carries, of those that its person has. Tokens from before scopes read only.
    scopes = ArrayField(models.CharField(max_length=32), default=list, db_default=[Permission.SEE, Permission.SEE_FLEET])
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["user"], condition=Q(revoked_at=None), name="token_open_of_user")]

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"
