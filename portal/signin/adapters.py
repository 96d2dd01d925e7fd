"""django-allauth, as the portal wants it: no open registration, our throttle, seeds sealed by the vault."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from portal.accounts.freshness import is_fresh
from portal.accounts.middleware import client_address
from portal.accounts.models import User
from portal.signin import throttle, trail
from portal.vault.services import seal_for_portal, unseal_for_portal

WRONG = "Address and password do not belong together. Check both and try again."


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in by address and password."""

    error_messages = {  # noqa: RUF012  # the base class declares it so
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": WRONG,
        "incorrect_password": "This is not your password.",
        "too_many_login_attempts": "Too many wrong tries. Wait five minutes and try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody registers; people are invited."""
        return False

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Ten minutes, and signing in counts as a proof like proving it again."""
        return not is_fresh(context.request)

    def get_client_ip(self, request: HttpRequest) -> str:
        """As everywhere in the portal."""
        return client_address(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The user whose address and password these are.

        Raises:
            ValidationError: too many wrong tries; the message says how long to wait.
        """
        email = str(credentials.get("email", ""))
        counters = throttle.buckets(
            email=email, address=client_address(request), known_browser=throttle.known_browser(request, email=email)
        )
        wait = throttle.begin(counters)
        if wait:
            raise ValidationError(f"Too many wrong tries. Wait {throttle.words(wait)} and try again.", code="throttled")
        user = authenticate(request, **credentials)
        if not isinstance(user, User):
            trail.sign_in_failed(request, email=email)
            return None
        throttle.succeeded(counters)
        return user

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Whether this is the signed-in person's password; counted like a sign-in."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """Remember the browser."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        throttle.remember_browser(response, email=user.email, secure=settings.HTTPS)
        return response

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Errors are shown; "you signed in" is not worth a line."""
        if args[1:2] == (40,) or kwargs.get("level") == 40:
            super().add_message(*args, **kwargs)


class MfaAdapter(DefaultMFAAdapter):
    """Second factors."""

    def encrypt(self, text: str) -> str:
        """A seed is as good as the factor: sealed like any credential."""
        return seal_for_portal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The opposite."""
        return unseal_for_portal(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Staff keep at least one."""
        user = authenticator.user
        if not isinstance(user, User) or not user.is_staff_member or authenticator.type == Authenticator.Type.RECOVERY_CODES:
            return True
        others = Authenticator.objects.filter(user=user, type__in=[Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
        return bool(others.exclude(pk=authenticator.pk).exists())


class SocialAdapter(DefaultSocialAccountAdapter):
    """Single sign-on lets in whom we know, by an address that the provider verified; it makes no accounts."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Tie the provider's account to the person with the address that the provider verified, the first time they come."""
        if sociallogin.is_existing:
            return
        verified = [address.email for address in sociallogin.email_addresses if address.verified]
        people = [person for email in verified for person in User.objects.filter(email__iexact=email, is_active=True)]
        if len(people) == 1:
            sociallogin.connect(request, people[0])
            trail.note("account.sso_connected", user=people[0], address=client_address(request))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Nobody registers."""
        return False
