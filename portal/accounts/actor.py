"""The Actor: on whose behalf something happens. Services take one, always; there is no default."""

from dataclasses import dataclass, field

from portal.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a part of the portal.

    Args:
        label: how the audit trail names the actor; an e-mail address, or `portal: …` for ourselves.
        user_id: the person's User, None for the portal itself.
        sees_all_clients: an operator, or the portal itself.
        client_ids: the clients that a client user belongs to.
    """

    label: str
    user_id: int | None = None
    sees_all_clients: bool = False
    client_ids: frozenset[int] = field(default_factory=frozenset)

    @property
    def is_operator(self) -> bool:
        """Whether the actor may change what belongs to clients."""
        return self.sees_all_clients

    def require_operator(self) -> None:
        """Raises NotAllowed unless the actor is an operator or the portal itself."""
        if not self.is_operator:
            raise NotAllowed("Only an operator may do this.")

    @classmethod
    def portal(cls, part: str) -> "Actor":
        """The portal acting by itself: a schedule, a sweep, a management command."""
        return cls(label=f"portal: {part}", sees_all_clients=True)


NOBODY = Actor(label="nobody")
