"""Who may do what, in one table. Pages, API, fragments, files and exports all ask it; docs/roles.md is made from it."""

from collections.abc import Mapping
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a user is to us. Staff see every client; a client's people see what their memberships name."""

    LEAD = "lead", "Lead"
    OPERATOR = "operator", "Operator"
    AUDITOR = "auditor", "Auditor"
    CLIENT = "client", "Client"


STAFF = frozenset({Role.LEAD, Role.OPERATOR, Role.AUDITOR})


class MemberRole(models.TextChoices):
    """What somebody is at one client."""

    OWNER = "owner", _("Client owner")
    MEMBER = "member", _("Client member")


class Permission(StrEnum):
    """One thing that a role may do. A client's people have theirs within their own clients only."""

    SEE = "see"
    SEE_FLEET = "see_fleet"
    OPERATE = "operate"
    APPROVE = "approve"
    REVEAL = "reveal"
    READ_AUDIT = "read_audit"
    MANAGE_MEMBERS = "manage_members"
    MANAGE_STAFF = "manage_staff"
    RAISE_TICKETS = "raise_tickets"
    SEE_HOURS = "see_hours"
    RECEIVE_HANDOVER = "receive_handover"
    ACCEPT_RISK = "accept_risk"


WORDS: Mapping[Permission, str] = {
    Permission.SEE: "see the state of systems and what was done on them",
    Permission.SEE_FLEET: "see the working pages: triage, clients, connections, the vault's list",
    Permission.OPERATE: "decide, scan, apply, onboard, store credentials",
    Permission.APPROVE: "approve production changes and handovers, end a client",
    Permission.REVEAL: "reveal a credential (with a fresh proof of identity, recorded, shown to the client)",
    Permission.READ_AUDIT: "read the audit trail, with the commands that ran",
    Permission.MANAGE_MEMBERS: "invite and remove a client's people, change their roles",
    Permission.MANAGE_STAFF: "invite and remove staff, change their roles",
    Permission.RAISE_TICKETS: "raise tickets",
    Permission.SEE_HOURS: "see invoices of hours",
    Permission.RECEIVE_HANDOVER: "receive the handover package",
    Permission.ACCEPT_RISK: "take the risk of an update that is put off",
}

_AUDITOR = frozenset({Permission.SEE, Permission.SEE_FLEET, Permission.READ_AUDIT, Permission.SEE_HOURS})
_OPERATOR = _AUDITOR | {Permission.OPERATE, Permission.REVEAL, Permission.MANAGE_MEMBERS, Permission.RAISE_TICKETS}
_MEMBER = frozenset({Permission.SEE, Permission.RAISE_TICKETS})

_OWNER = frozenset(
    {Permission.READ_AUDIT, Permission.MANAGE_MEMBERS, Permission.SEE_HOURS, Permission.RECEIVE_HANDOVER, Permission.ACCEPT_RISK}
)

PERMISSIONS: Mapping[str, frozenset[Permission]] = {
    Role.LEAD: _OPERATOR | {Permission.APPROVE, Permission.MANAGE_STAFF},
    Role.OPERATOR: _OPERATOR,
    Role.AUDITOR: _AUDITOR,
    Role.CLIENT: frozenset(),  # nothing by itself: memberships give
    MemberRole.OWNER: _MEMBER
    | {Permission.READ_AUDIT, Permission.MANAGE_MEMBERS, Permission.SEE_HOURS, Permission.RECEIVE_HANDOVER, Permission.ACCEPT_RISK},
    MemberRole.MEMBER: _MEMBER,
}

# The portal itself never approves or reveals: those take a person.
PORTAL = frozenset(Permission) - {Permission.APPROVE, Permission.REVEAL, Permission.RECEIVE_HANDOVER, Permission.ACCEPT_RISK}
# What a token can't carry: each of these asks a person for a fresh proof of identity.
NEEDS_A_PERSON = frozenset(
    {
        Permission.APPROVE,
        Permission.REVEAL,
        Permission.MANAGE_MEMBERS,
        Permission.MANAGE_STAFF,
        Permission.RECEIVE_HANDOVER,
        Permission.ACCEPT_RISK,
    }
)


def table() -> str:
    """The table as Markdown, for docs/roles.md; a test holds the two together."""
    roles = [Role.LEAD, Role.OPERATOR, Role.AUDITOR, MemberRole.OWNER, MemberRole.MEMBER]
    lines = ["| may | " + " | ".join(str(role.label) for role in roles) + " |", "|---|" + "---|" * len(roles)]
    for permission in Permission:
        marks = ("yes" if permission in PERMISSIONS[role] else "" for role in roles)
        lines.append(f"| {WORDS[permission]} | " + " | ".join(marks) + " |")
    return "\n".join(lines) + "\n"
