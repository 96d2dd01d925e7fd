"""Forms: they check shape; what is allowed is the services' business."""

from typing import Any, cast

from django import forms
from django.db.models import QuerySet

from monitoring.choices import PROBED, ChannelKind, Kind
from monitoring.models import Channel
from portal.accounts.models import User
from portal.accounts.roles import STAFF


class ChannelForm(forms.Form):
    """Where messages go."""

    name = forms.CharField(label="Name", max_length=100)
    kind = forms.ChoiceField(label="How", choices=ChannelKind.choices, required=False, initial=ChannelKind.EMAIL)
    address = forms.CharField(
        label="Address", max_length=1000,
        help_text="An e-mail address; the URL of a webhook; or one of Apprise's, such as ntfys://host/topic. Secrets in it are sealed.",
    )  # fmt: skip
    secret = forms.CharField(
        label="Webhook: secret", max_length=200, required=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Its messages are signed with it (X-Retainer-Signature, HMAC with SHA-256).",
    )  # fmt: skip
    person = forms.ModelChoiceField(User.objects.none(), label="Whose it is", required=False, empty_label="everybody's")
    next_channel = forms.ModelChoiceField(
        Channel.objects.none(), label="If it fails, then", required=False, empty_label="nobody else is told"
    )
    first = forms.BooleanField(
        label="Messages begin here", required=False, initial=True,
        help_text="Otherwise it only gets what another one could not send, what escalates to it, or what its person is given.",
    )  # fmt: skip
    quiet_from = forms.TimeField(label="Quiet from", required=False, help_text="Then only what is critical goes there at once.")
    quiet_until = forms.TimeField(label="Quiet until", required=False)
    quiet_zone = forms.CharField(label="By the clock of", required=False, max_length=64, help_text="Such as Europe/Berlin. Empty: UTC.")

    def __init__(self, *args: Any, channels: QuerySet[Channel], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[Channel]", self.fields["next_channel"]).queryset = channels
        cast("forms.ModelChoiceField[User]", self.fields["person"]).queryset = staff()

    def clean(self) -> dict[str, Any]:
        """Both ends of quiet hours, or none."""
        data = super().clean() or self.cleaned_data
        if (data.get("quiet_from") is None) != (data.get("quiet_until") is None):
            self.add_error("quiet_until", "Quiet hours have a beginning and an end.")
        return data

    @property
    def values(self) -> dict[str, Any]:
        """As the service takes them."""
        data = dict(self.cleaned_data)
        begins, ends, zone = data.pop("quiet_from"), data.pop("quiet_until"), data.pop("quiet_zone")
        return data | {"kind": data["kind"] or ChannelKind.EMAIL, "quiet": (begins, ends, zone or "UTC") if begins and ends else None}


def staff() -> QuerySet[User]:
    """Our own people who can sign in."""
    return User.objects.filter(role__in=STAFF, is_active=True).order_by("name", "pk")


class PersonForm(forms.Form):
    """Somebody of ours."""

    person = forms.ModelChoiceField(User.objects.none(), label="Who")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[User]", self.fields["person"]).queryset = staff()


class DutyForm(forms.Form):
    """Shifts in turn."""

    people = forms.ModelMultipleChoiceField(User.objects.none(), label="Who, in turn")
    place = forms.ChoiceField(label="As", choices=[("1", "first"), ("2", "behind them")])
    starts_at = forms.DateTimeField(label="From", help_text="Like 2026-12-01 09:00, UTC.")
    hours = forms.IntegerField(label="Hours of a shift", min_value=1, max_value=8760, initial=168)
    shifts = forms.IntegerField(label="How many shifts", min_value=1, max_value=400, initial=12)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelMultipleChoiceField[User]", self.fields["people"]).queryset = staff()


class NoteForm(forms.Form):
    """A line for a timeline."""

    words = forms.CharField(label="What is known, or what was done", max_length=5000, widget=forms.Textarea(attrs={"rows": 3}))
    to_client = forms.BooleanField(label="The client reads it", required=False)


class ThresholdForm(forms.Form):
    """From where on a check is not in order."""

    warning = forms.FloatField(label="Warning", required=False, help_text="Empty: as of its kind.")
    critical = forms.FloatField(label="Critical", required=False, help_text="Empty: as of its kind.")


class ProbeForm(forms.Form):
    """A question from outside. Which of the lower fields count depends on what is asked; the page says so."""

    kind = forms.ChoiceField(label="What", choices=[(kind.value, kind.label) for kind in PROBED])
    target = forms.CharField(
        label="Of whom", max_length=200,
        help_text="host:port of ports, TLS and mail servers; an address with https:// of pages; an IP address of blocklists and "
        "reverse DNS; selector and domain of DKIM; a name for a command; else a domain or name.",
    )  # fmt: skip
    every_s = forms.IntegerField(
        label="Every so many seconds", required=False, min_value=30, max_value=604_800, help_text="Empty: as of its kind."
    )
    text = forms.CharField(label="Page: text that must stand there", required=False, max_length=200)
    leads_to = forms.CharField(label="Page: where it must lead", required=False, max_length=500)
    record = forms.CharField(label="DNS: type of record", required=False, max_length=10, help_text="A, AAAA, MX, TXT… Empty: A.")
    values = forms.CharField(
        label="DNS: values, one a line", required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="Empty: any."
    )
    addresses = forms.CharField(
        label="SPF: sending addresses", required=False, max_length=500, help_text="IP addresses with blanks between."
    )
    script = forms.CharField(
        label="Command, run on the system as our login", required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Exit status 0 is in order, 1 a warning, 2 critical, others unknown; its first line is shown.",
    )  # fmt: skip

    @property
    def options(self) -> dict[str, Any]:
        """The fields that count for its kind, as the service takes them."""
        data = self.cleaned_data
        by_kind: dict[str, dict[str, Any]] = {
            Kind.PAGE: {"text": data["text"], "leads_to": data["leads_to"]},
            Kind.DNS: {
                "record": (data["record"] or "A").upper(),
                "values": [line for line in data["values"].splitlines() if line.strip()],
            },
            Kind.SPF: {"addresses": data["addresses"].split()},
            Kind.COMMAND: {"script": data["script"]},
        }
        return {name: value for name, value in by_kind.get(data["kind"], {}).items() if value}

    @property
    def interval_s(self) -> int | None:
        """As it was given."""
        return cast("int | None", self.cleaned_data["every_s"])


class MailDomainForm(forms.Form):
    """A domain whose mail must arrive."""

    domain = forms.CharField(label="Domain", max_length=190)
    addresses = forms.CharField(
        label="Addresses that send", max_length=500, help_text="IP addresses, IPv6 as well, with blanks between."
    )
    selectors = forms.CharField(label="DKIM selectors", required=False, max_length=200, help_text="With blanks between.")


class HeartbeatForm(forms.Form):
    """A job that calls."""

    name = forms.CharField(label="Name of the job", max_length=100)
    every_min = forms.IntegerField(label="It calls every so many minutes", min_value=1, max_value=576_000, initial=1440)
    late_min = forms.IntegerField(label="It may be late by so many minutes", min_value=1, max_value=43_200, initial=60)


class WorkForm(forms.Form):
    """Work on a system."""

    starts_at = forms.DateTimeField(
        label="Begins (UTC; empty: now)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    hours = forms.IntegerField(label="Hours", min_value=1, max_value=168, initial=1)
    reason = forms.CharField(label="What is being done", max_length=500)


class MuteForm(forms.Form):
    """No messages for a while."""

    hours = forms.IntegerField(label="Hours", min_value=1, max_value=168, initial=2)
    reason = forms.CharField(label="Why nobody needs to be told", max_length=500)
