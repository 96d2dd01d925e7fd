"""The Actor: on whose behalf something happens. Services take one, always; there is no default."""

from dataclasses import dataclass, replace

from portal.accounts.roles import PERMISSIONS, PORTAL, STAFF, WORDS, Permission
from portal.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a part of the portal, and what they may do.

    Args:
        label: how the audit trail names the actor; an e-mail address, or `portal: …` for ourselves.
        user_id: the person's User, None for the portal itself.
        role: the staff role; empty for everybody else.
        memberships: (client id, role there) of a client's person.
        limited_to: where an API token stands for the person, the only permissions that it carries.
        address: from where, as far as known; for the audit trail.
        is_portal: the portal acting by itself.
    """

    label: str
    user_id: int | None = None
    role: str = ""
    memberships: tuple[tuple[int, str], ...] = ()
    limited_to: frozenset[Permission] | None = None
    address: str = ""
    is_portal: bool = False

    @property
    def sees_all_clients(self) -> bool:
        """Staff, or the portal itself."""
        return self.is_portal or self.role in STAFF

    @property
    def client_ids(self) -> frozenset[int]:
        """The clients that a client's person belongs to; empty for staff."""
        return frozenset(client_id for client_id, _ in self.memberships)

    def may(self, permission: Permission, client_id: int | None = None) -> bool:
        """Whether the actor may do this; for a client's people at that client, or at any of theirs where none is named."""
        if self.limited_to is not None and permission not in self.limited_to:
            return False
        if self.is_portal:
            return permission in PORTAL
        if self.role in STAFF:
            return permission in PERMISSIONS[self.role]
        return any(
            permission in PERMISSIONS[role] for member_of, role in self.memberships if client_id is None or member_of == client_id
        )

    def require(self, permission: Permission, client_id: int | None = None) -> None:
        """Raises NotAllowed unless the actor may do this."""
        if not self.may(permission, client_id):
            raise NotAllowed("Your role does not allow this.", hint=f"It takes a role that may {WORDS[permission]}.")

    def clients_with(self, permission: Permission) -> frozenset[int]:
        """The clients at which a client's person may do this."""
        return frozenset(client_id for client_id in self.client_ids if self.may(permission, client_id))

    def at(self, address: str) -> "Actor":
        """The same actor, with where the request came from."""
        return replace(self, address=address)

    @classmethod
    def portal(cls, part: str) -> "Actor":
        """The portal acting by itself: a schedule, a sweep, a management command."""
        return cls(label=f"portal: {part}", is_portal=True)


NOBODY = Actor(label="nobody")
