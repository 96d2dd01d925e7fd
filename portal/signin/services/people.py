"""People: invited, let in, given another role, removed. Nobody registers; whoever leaves loses every way in at once."""

from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q

from portal.accounts.actor import Actor
from portal.accounts.models import Membership, User
from portal.accounts.roles import STAFF, MemberRole, Permission, Role
from portal.accounts.scope import acting_for_all
from portal.accounts.services import end_access
from portal.audit import services as audit
from portal.errors import PortalError
from portal.queue import nudge
from portal.signin import trail
from portal.signin.errors import LinkGone, NotPossible
from portal.signin.models import Invitation, PasswordReset
from portal.signin.services import links


def invite(*, email: str, name: str, role: str, client_id: int | None, actor: Actor, now: datetime) -> Invitation:
    """Invite somebody as staff, or as one of a client's people; a worker mails the link. After commit: nudges the mailer.

    Raises:
        PortalError: no address, no name, or a role that is none there.
        NotPossible: they are in already, are invited already, or use the address in another capacity.
    """
    actor.require(Permission.MANAGE_STAFF if client_id is None else Permission.MANAGE_MEMBERS, client_id)
    email, name = email.strip(), name.strip()
    try:
        validate_email(email)
    except ValidationError as error:
        raise PortalError("This is not an e-mail address.") from error
    if not name or role not in (STAFF if client_id is None else set(MemberRole.values)):
        raise PortalError("Name the person and choose a role.")
    _refuse_known(email, client_id)
    try:
        with transaction.atomic():
            row = Invitation.objects.create(
                email=email, name=name[:200], role=role, client_id=client_id, invited_by_id=actor.user_id, actor_label=actor.label,
                asked_at=now,
            )  # fmt: skip
            audit.record(action="people.invite", actor=actor, subject=row, client_id=client_id, now=now, after={"role": role})
            nudge("signin.send_mail")
    except IntegrityError as error:
        raise NotPossible(f"{email} is invited already.", hint="Revoke that invitation first.") from error
    return row


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, actor: Actor, now: datetime) -> None:
    """Take an invitation back; its link stops working at once."""
    actor.require(Permission.MANAGE_STAFF if invitation.client_id is None else Permission.MANAGE_MEMBERS, invitation.client_id)
    if Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None).update(revoked_at=now):
        audit.record(action="people.uninvite", actor=actor, subject=invitation, client_id=invitation.client_id, now=now)


def accept_invitation(*, secret: str, name: str, password: str, address: str, now: datetime) -> User:
    """Let the invited person in: a new account with this password, or a membership for the account that the address has.

    Raises:
        LinkGone: the invitation is not open any more.
        PortalError: the password is too weak; says why.
    """
    invitation = links.invitation(secret, now=now)
    known = User.objects.filter(email__iexact=invitation.email).first()
    if known is None or not known.is_active:
        check_password(password, known or User(email=invitation.email, name=name))
    with acting_for_all(), transaction.atomic():
        if not Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None).update(used_at=now):
            raise LinkGone("This invitation was used already.", hint="Sign in.")
        user = _let_in(invitation, known, name=name, password=password)
        actor = Actor(label=user.email, user_id=user.pk, address=address)
        audit.record(
            action="people.join", actor=actor, subject=user, client_id=invitation.client_id, now=now, after={"role": invitation.role},
            invited_by=invitation.actor_label,
        )  # fmt: skip
    return user


@transaction.atomic
def change_member_role(*, membership: Membership, role: str, actor: Actor, now: datetime) -> None:
    """Make a client's person owner or member.

    Raises:
        NotPossible: the client would have no owner left, and the actor is not staff.
    """
    actor.require(Permission.MANAGE_MEMBERS, membership.client_id)
    if role not in MemberRole.values:
        raise PortalError("Choose owner or member.")
    _keep_an_owner(membership, actor, leaves=role != MemberRole.OWNER)
    before = membership.role
    Membership.objects.filter(pk=membership.pk).update(role=role)
    audit.record(
        action="people.role", actor=actor, subject=membership.user, client_id=membership.client_id, now=now,
        before={"role": before}, after={"role": role},
    )  # fmt: skip


@transaction.atomic
def remove_member(*, membership: Membership, actor: Actor, now: datetime) -> None:
    """Remove a client's person: every session and token ends at once, and the account closes where it belongs nowhere else.

    Raises:
        NotPossible: see `change_member_role`.
    """
    actor.require(Permission.MANAGE_MEMBERS, membership.client_id)
    _keep_an_owner(membership, actor, leaves=True)
    user, client_id = membership.user, membership.client_id
    Membership.objects.filter(pk=membership.pk).delete()
    Invitation.objects.filter(Q(client_id=client_id), email__iexact=user.email, used_at=None, revoked_at=None).update(revoked_at=now)
    with acting_for_all():  # who removes somebody may not see where else they belong, and must not close that account
        if not Membership.objects.filter(user=user).exists():
            User.objects.filter(pk=user.pk).update(is_active=False)
    end_access(user_id=user.pk, now=now)
    audit.record(
        action="people.remove", actor=actor, subject=user, client_id=client_id, now=now, before={"role": membership.role}, after=None
    )


@transaction.atomic
def change_staff_role(*, user: User, role: str, actor: Actor, now: datetime) -> None:
    """Give one of us another role.

    Raises:
        NotPossible: oneself, or the last lead.
    """
    actor.require(Permission.MANAGE_STAFF)
    if role not in STAFF or user.role not in STAFF:
        raise PortalError("Choose lead, operator or auditor.")
    _keep_a_lead(user, actor, leaves=role != Role.LEAD)
    before = user.role
    User.objects.filter(pk=user.pk).update(role=role)
    audit.record(
        action="people.role", actor=actor, subject=user, client_id=None, now=now, before={"role": before}, after={"role": role}
    )


@transaction.atomic
def remove_staff(*, user: User, actor: Actor, now: datetime) -> None:
    """One of us leaves: the account closes, every session and token ends at once. What they did stays theirs in the trail.

    Raises:
        NotPossible: oneself, or the last lead.
    """
    actor.require(Permission.MANAGE_STAFF)
    _keep_a_lead(user, actor, leaves=True)
    User.objects.filter(pk=user.pk).update(is_active=False)
    end_access(user_id=user.pk, now=now)
    audit.record(action="people.remove", actor=actor, subject=user, client_id=None, now=now, before={"role": user.role}, after=None)


def ask_reset(*, email: str, address: str, now: datetime) -> None:
    """Ask for a link to set a new password. The same for every address, known or not. After commit: nudges the mailer."""
    with transaction.atomic():
        PasswordReset.objects.create(email=email.strip()[:254], address=address, asked_at=now)
        nudge("signin.send_mail")


@transaction.atomic
def reset_password(*, secret: str, password: str, address: str, now: datetime) -> User:
    """Set a new password: all sessions and tokens end. The second factor stays and is asked for at the next sign-in.

    Raises:
        LinkGone: the link is not open any more.
        PortalError: the password is too weak; says why.
    """
    row, user = links.reset(secret, now=now)
    check_password(password, user)
    PasswordReset.objects.filter(email__iexact=row.email, used_at=None).update(used_at=now)
    set_password(user=user, password=password, now=now)
    actor = Actor(label=user.email, user_id=user.pk, address=address)
    audit.record(action="account.password_reset", actor=actor, subject=user, client_id=None, now=now)
    return user


@transaction.atomic
def change_password(*, user: User, password: str, own_session: str, address: str, now: datetime) -> None:
    """Change one's own password: every other session and all tokens end.

    Args:
        own_session: the digest of the session that stays.

    Raises:
        PortalError: the password is too weak; says why.
    """
    check_password(password, user)
    set_password(user=user, password=password, now=now, except_session=own_session)
    trail.note("account.password", user=user, address=address)


def set_password(*, user: User, password: str, now: datetime, except_session: str = "") -> None:
    """Store a new password and end every session (but one) and token that the old one opened."""
    user.set_password(password)
    user.save(update_fields=["password"])
    end_access(user_id=user.pk, now=now, except_session=except_session)


def _let_in(invitation: Invitation, known: User | None, *, name: str, password: str) -> User:
    staff = invitation.client_id is None
    role = invitation.role if staff else Role.CLIENT
    if known is None:
        user = User.objects.create_user(email=invitation.email, password=password, name=name.strip() or invitation.name, role=role)
    else:
        user = known
        if not user.is_active:
            # back after having left: a new password, and nothing of what the account could do before
            user.set_password(password)
            User.objects.filter(pk=user.pk).update(is_active=True, role=role, password=user.password)
    if not staff:
        Membership.objects.update_or_create(user=user, client=invitation.client, defaults={"role": invitation.role})
    return user


def _refuse_known(email: str, client_id: int | None) -> None:
    known = User.objects.filter(email__iexact=email, is_active=True).first()
    if known is None:
        return
    if client_id is None or known.is_staff_member:
        raise NotPossible("This address belongs to an account already.", hint="Use another address, or change that account's role.")
    if Membership.objects.filter(Q(client_id=client_id), user=known).exists():
        raise NotPossible(f"{email} belongs to this client already.")


def _keep_an_owner(membership: Membership, actor: Actor, *, leaves: bool) -> None:
    """A client's own people can't leave their client without an owner; staff can, they invite the next one."""
    if not leaves or membership.role != MemberRole.OWNER or actor.sees_all_clients:
        return
    owners = Membership.objects.select_for_update().filter(client_id=membership.client_id, role=MemberRole.OWNER).order_by("pk")
    if len(owners) <= 1:
        raise NotPossible("This is the client's only owner.", hint="Make somebody else an owner first.")


def _keep_a_lead(user: User, actor: Actor, *, leaves: bool) -> None:
    if user.pk == actor.user_id:
        raise NotPossible("Nobody changes their own role.", hint="Ask another lead.")
    leads = User.objects.select_for_update().filter(role=Role.LEAD, is_active=True).order_by("pk")
    if leaves and user.role == Role.LEAD and len(leads) <= 1:
        raise NotPossible("This is the only lead.", hint="Make somebody else a lead first.")


def check_password(password: str, user: User) -> None:
    """Raises PortalError where the password is too weak for this user; says why."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PortalError(" ".join(error.messages)) from error
