"""Forms: they check shape; what is allowed is the services' business."""

from typing import Any

from django import forms

from portal.accounts.roles import STAFF, MemberRole, Role

NEW_PASSWORD = {"autocomplete": "new-password"}
STAFF_ROLES = [(role.value, role.label) for role in Role if role in STAFF]
SCOPES = [("read", "Read: state, audit trail"), ("operate", "Operate: decide, scan, apply on staging, onboard")]


class NewPasswordForm(forms.Form):
    """A password, typed twice."""

    password = forms.CharField(
        label="New password",
        widget=forms.PasswordInput(attrs=NEW_PASSWORD),
        max_length=200,
        strip=False,
        help_text="At least 12 characters",
    )
    again = forms.CharField(label="Once more", widget=forms.PasswordInput(attrs=NEW_PASSWORD), max_length=200, strip=False)

    def clean(self) -> dict[str, Any]:
        """The two are the same."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("password") and values.get("again") and values["password"] != values["again"]:
            self.add_error("again", "The two are not the same.")
        return values


class AcceptForm(NewPasswordForm):
    """A new account."""

    name = forms.CharField(label="Your name", max_length=200)
    field_order = ("name", "password", "again")


class AskResetForm(forms.Form):
    """Who asks for a new password."""

    email = forms.EmailField(label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"}))


class InviteForm(forms.Form):
    """Somebody to invite."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField(label="E-mail address", max_length=254)
    role = forms.ChoiceField()

    def __init__(self, *args: Any, staff: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # more than that is chosen, never left standing
        initial = Role.OPERATOR if staff else MemberRole.MEMBER
        self.fields["role"] = forms.ChoiceField(choices=STAFF_ROLES if staff else MemberRole.choices, initial=initial)


class TokenForm(forms.Form):
    """A token for a program."""

    token_name = forms.CharField(label="What is it for", max_length=100)
    scopes = forms.MultipleChoiceField(label="It may", choices=SCOPES, widget=forms.CheckboxSelectMultiple, initial=["read"])
    days = forms.IntegerField(label="Days it lives", min_value=1, max_value=365, initial=90)
