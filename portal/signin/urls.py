"""Addresses of sign-in. django-allauth's views stand here one by one: what is not named here does not exist."""

from allauth.account import views as account_views
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.openid_connect import views as openid
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.http import require_POST
from django.views.generic import RedirectView

from portal.accounts.permissions import anybody_allowed, signed_in
from portal.signin.views import account, links, staff

_ours: list[URLPattern | URLResolver] = [
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="password"),
    path("account/sessions/end-others/", account.sign_out_others, name="sign-out-others"),
    path("account/sessions/<slug:session>/end/", account.sign_out_one, name="sign-out-one"),
    path("account/tokens/add/", account.token_add, name="token-add"),
    path("account/tokens/<int:token_id>/revoke/", account.token_revoke, name="token-revoke"),
    path("invitation/", links.invitation, name="invitation"),
    path("invitation/<str:secret>/", links.invitation_open, name="invitation-open"),
    path("password/", links.ask_reset, name="ask-reset"),
    path("password/new/", links.reset, name="reset"),
    path("password/new/<str:secret>/", links.reset_open, name="reset-open"),
    path("staff/", staff.staff, name="staff"),
    path("staff/<int:user_id>/role/", staff.role, name="staff-role"),
    path("staff/<int:user_id>/remove/", staff.remove, name="staff-remove"),
    path("staff/invitations/<int:invitation_id>/revoke/", staff.uninvite, name="staff-uninvite"),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((_ours, "signin"))),
    path("sign-in/", anybody_allowed(account_views.login), name="account_login"),
    path("sign-in/closed/", anybody_allowed(account_views.account_inactive), name="account_inactive"),
    path("sign-in/second-factor/", anybody_allowed(mfa.authenticate), name="mfa_authenticate"),
    path("sign-in/passkey/", anybody_allowed(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("sign-in/cancelled/", anybody_allowed(social.login_cancelled), name="socialaccount_login_cancelled"),
    path("sign-in/refused/", anybody_allowed(social.login_error), name="socialaccount_login_error"),
    # django-allauth names this page where somebody unknown comes back from single sign-on; nobody registers
    path("sign-in/unknown/", anybody_allowed(social.signup), name="socialaccount_signup"),
    path("sso/<slug:provider_id>/", anybody_allowed(require_POST(openid.login)), name="openid_connect_login"),
    path("sso/<slug:provider_id>/back/", anybody_allowed(openid.callback), name="openid_connect_callback"),
    path("sign-out/", signed_in(require_POST(account_views.logout)), name="account_logout"),
    path("account/prove/", signed_in(account_views.reauthenticate), name="account_reauthenticate"),
    path("account/prove/code/", signed_in(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("account/prove/passkey/", signed_in(passkeys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("account/second-factor/", signed_in(mfa.index), name="mfa_index"),
    path("account/second-factor/app/", signed_in(totp.activate_totp), name="mfa_activate_totp"),
    path("account/second-factor/app/remove/", signed_in(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("account/second-factor/codes/", signed_in(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("account/second-factor/codes/new/", signed_in(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("account/second-factor/codes/download/", signed_in(codes.download_recovery_codes), name="mfa_download_recovery_codes"),
    path("account/passkeys/", signed_in(passkeys.list_webauthn), name="mfa_list_webauthn"),
    path("account/passkeys/add/", signed_in(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/rename/", signed_in(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path("account/passkeys/<int:pk>/remove/", signed_in(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    # where django-allauth goes after connecting an account
    path("account/sso/", signed_in(RedirectView.as_view(pattern_name="signin:account")), name="socialaccount_connections"),
]
