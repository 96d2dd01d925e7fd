"""Forms: they check shape; what is allowed is the services' business."""

from typing import Any

from django import forms

from clients.choices import Access, Environment, Resolution, SystemRole
from clients.models import Client, System
from clients.models.client import validate_time_zone
from clients.models.system import ADDRESS, LOGIN
from portal.vault.models import CredentialKind


class ClientForm(forms.Form):
    """A new client."""

    name = forms.CharField(max_length=200)
    time_zone = forms.CharField(max_length=64, initial="Europe/Berlin", validators=[validate_time_zone], help_text="IANA name")


class ContactForm(forms.Form):
    """Somebody to call."""

    name = forms.CharField(max_length=200)
    email = forms.EmailField(required=False)
    phone = forms.CharField(max_length=50, required=False)
    duty = forms.CharField(max_length=200, required=False, help_text="e.g. IT lead, out of hours")


class SystemForm(forms.Form):
    """A new system of one client."""

    name = forms.CharField(max_length=100)
    address = forms.CharField(max_length=253, validators=[ADDRESS], help_text="Host name or IP address")
    port = forms.IntegerField(min_value=1, max_value=65535, initial=22)
    login = forms.CharField(max_length=32, initial="retainer", validators=[LOGIN], help_text="The user that the portal signs in as")
    environment = forms.ChoiceField(choices=Environment.choices)
    access = forms.ChoiceField(choices=Access.choices, help_text="Read only: the portal looks, and changes nothing")
    staging_twin = forms.ModelChoiceField(
        queryset=System.objects.none(), required=False, help_text="Where its updates are tested first (production systems)"
    )
    roles = forms.MultipleChoiceField(choices=SystemRole.choices, required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, twins: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["staging_twin"].queryset = twins  # type: ignore[attr-defined]


class HostKeysForm(forms.Form):
    """Host keys known from elsewhere."""

    text = forms.CharField(
        label="Known host keys", widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="Lines of /etc/ssh/ssh_host_*_key.pub, ssh-keyscan or known_hosts",
    )  # fmt: skip


class ResolveForm(forms.Form):
    """What a refused key was."""

    resolution = forms.ChoiceField(choices=Resolution.choices)
    reason = forms.CharField(max_length=2000)


class ServiceCheckForm(forms.Form):
    """An address that must answer before and after each change."""

    url = forms.URLField(label="Address", max_length=500, assume_scheme="https")
    expected_status = forms.IntegerField(min_value=100, max_value=599, initial=200)


class CredentialForm(forms.Form):
    """A secret to keep."""

    kind = forms.ChoiceField(choices=CredentialKind.choices)
    label = forms.CharField(label="What is it", max_length=200)
    username = forms.CharField(label="User name", max_length=200, required=False)
    system = forms.ModelChoiceField(queryset=System.objects.none(), required=False, help_text="Where it belongs to one system")
    secret = forms.CharField(widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}), max_length=65_536,
                             strip=False)  # fmt: skip

    def __init__(self, *args: Any, systems: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = systems  # type: ignore[attr-defined]


class SecretForm(forms.Form):
    """A credential's next version."""

    secret = forms.CharField(widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}), max_length=65_536,
                             strip=False)  # fmt: skip


class RangeForm(forms.Form):
    """A private network that may be asked."""

    network = forms.CharField(max_length=49, help_text="Such as 10.20.0.0/16")
    reason = forms.CharField(max_length=300)


class ImportForm(forms.Form):
    """Systems as text."""

    client = forms.ModelChoiceField(queryset=Client.objects.none())
    source = forms.ChoiceField(
        label="Format", choices=[("ansible-ini", "Ansible inventory (INI)"), ("ansible-yaml", "Ansible inventory (YAML)"),
                                 ("ssh-config", "OpenSSH client configuration"), ("csv", "CSV with a heading line")],
    )  # fmt: skip
    environment = forms.ChoiceField(label="Environment where the text names none", choices=Environment.choices)
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}), max_length=1_000_000)

    def __init__(self, *args: Any, clients: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["client"].queryset = clients  # type: ignore[attr-defined]
