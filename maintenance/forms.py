"""Forms: they check shape; what is allowed is the services' business."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.db.models import QuerySet

from clients.choices import Environment, SystemRole
from clients.models import Client, System
from maintenance.choices import AlternativeKind, CheckKind, DecisionKind, SnapshotWish, WindowKind


class WindowsForm(forms.Form):
    """A client's windows, in hours from release."""

    exploited_h = forms.IntegerField(label="Exploited in the wild", min_value=1, max_value=8760)
    critical_h = forms.IntegerField(label="Critical", min_value=1, max_value=8760)
    high_h = forms.IntegerField(label="High, and severity not known", min_value=1, max_value=8760)
    medium_h = forms.IntegerField(label="Medium", min_value=1, max_value=8760)
    low_h = forms.IntegerField(label="Low and negligible", min_value=1, max_value=8760)
    soak_h = forms.IntegerField(label="Soak on staging", min_value=0, max_value=2160)
    business_days = forms.BooleanField(
        label="Count business days", required=False, help_text="Each begun 24 hours are one business day, which ends with its work."
    )
    region = forms.CharField(
        label="Public holidays of", max_length=10, required=False, help_text="A country or its part, such as DE or DE-BY."
    )


class DecisionForm(forms.Form):
    """A decision about the chosen rows."""

    kind = forms.ChoiceField(choices=DecisionKind.choices, error_messages={"required": "Choose apply, defer or reject."})
    reason = forms.CharField(max_length=2000, required=False)
    defer_until = forms.DateTimeField(required=False, input_formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
    scope = forms.ChoiceField(choices=[("", "All environments"), *Environment.choices], required=False)


class ApprovalForm(forms.Form):
    """A lead's yes to the plan that was on the page."""

    plan_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)
    note = forms.CharField(label="Note", max_length=2000, required=False)


class ReasonForm(forms.Form):
    """Something that takes a reason."""

    reason = forms.CharField(label="Reason", max_length=2000)


class RolloutForm(forms.Form):
    """Which systems a rollout takes, and how it goes about it."""

    systems = forms.ModelMultipleChoiceField(System.objects.none(), label="Systems", widget=forms.CheckboxSelectMultiple)
    restart = forms.BooleanField(
        label="Restart what still runs the old", required=False, initial=True,
        help_text="Services one by one, and a reboot where the host asks for it. Without, updates are installed but not effective.",
    )  # fmt: skip
    share_percent = forms.IntegerField(
        label="Second wave, in percent", min_value=1, max_value=100, initial=25,
        help_text="The first wave is one system, the third is what is left.",
    )  # fmt: skip
    emergency = forms.BooleanField(
        label="Emergency", required=False,
        help_text="No soak, no waiting for a maintenance window. Another person approves all the same; the client reads the reason.",
    )  # fmt: skip
    reason = forms.CharField(label="Why it can't wait", max_length=2000, required=False)

    def __init__(self, *args: Any, systems: Sequence[System], **options: Any) -> None:
        super().__init__(*args, **options)
        field = cast("forms.ModelMultipleChoiceField[System]", self.fields["systems"])
        field.queryset = System.objects.filter(pk__in=[system.pk for system in systems]).order_by("-environment", "name")
        field.initial = [system.pk for system in systems]


class UpgradeDocumentForm(forms.Form):
    """A document of an upgrade plan; the first one brings the plan's name."""

    name = forms.CharField(label="Name of the plan", max_length=100, required=False)
    text = forms.CharField(
        label="Document", strip=False, max_length=262_144, widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"})
    )
    note = forms.CharField(label="What changed, and why", max_length=500, required=False)


class UpgradeForm(RolloutForm):
    """Where an upgrade goes, and how."""

    waived = forms.CharField(
        label="Why it may go without what the document needs", max_length=2000, required=False,
        help_text="Only where something is missing, such as a restore test. Whoever approves signs it.",
    )  # fmt: skip

    def __init__(self, *args: Any, systems: Sequence[System], **options: Any) -> None:
        super().__init__(*args, systems=systems, **options)
        self.fields["systems"].initial = []


WEEKDAYS = [(0, "Monday"), (1, "Tuesday"), (2, "Wednesday"), (3, "Thursday"), (4, "Friday"), (5, "Saturday"), (6, "Sunday")]
ORDINALS = [("", "—"), (1, "First"), (2, "Second"), (3, "Third"), (4, "Fourth"), (-1, "Last")]


class MaintenanceWindowForm(forms.Form):
    """A recurring window by the client's wall clock."""

    name = forms.CharField(label="Name", max_length=100, initial="Maintenance")
    system = forms.ModelChoiceField(System.objects.none(), label="System", required=False, empty_label="All systems of the client")
    every = forms.ChoiceField(label="How often", choices=WindowKind.choices)
    weekdays = forms.TypedMultipleChoiceField(
        label="Weekdays", choices=WEEKDAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    day = forms.IntegerField(
        label="Day of the month", min_value=1, max_value=31, required=False, help_text="In a shorter month: its last day."
    )
    ordinal = forms.TypedChoiceField(label="Which weekday of the month", choices=ORDINALS, coerce=int, empty_value=None, required=False)
    start = forms.TimeField(label="From", widget=forms.TimeInput(attrs={"type": "time"}))
    end = forms.TimeField(
        label="Until", widget=forms.TimeInput(attrs={"type": "time"}), help_text="Not after the beginning: on the next day."
    )

    def __init__(self, *args: Any, systems: QuerySet[System], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[System]", self.fields["system"]).queryset = systems


class CheckForm(forms.Form):
    """A verification check."""

    name = forms.CharField(label="Name", max_length=100)
    system = forms.ModelChoiceField(System.objects.none(), label="System", required=False, empty_label="By role")
    role = forms.ChoiceField(label="Role", choices=[("", "—"), *SystemRole.choices], required=False)
    kind = forms.ChoiceField(label="Kind", choices=CheckKind.choices)
    question = forms.CharField(
        label="Command or address", max_length=2000,
        help_text="A command runs as the login user, never as root. {address} stands for the system's address.",
    )  # fmt: skip
    expected = forms.IntegerField(
        label="Expected status", min_value=0, max_value=599, initial=0, help_text="Exit status of a command, HTTP status of an address."
    )
    contains = forms.CharField(label="Answer contains", max_length=500, required=False)
    timeout_s = forms.IntegerField(label="Timeout in seconds", min_value=1, max_value=120, initial=20)

    def __init__(self, *args: Any, systems: QuerySet[System], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[System]", self.fields["system"]).queryset = systems


class RulesForm(forms.Form):
    """Priority rules as JSON."""

    rules = forms.JSONField(label="Rules, in order", widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}))
    note = forms.CharField(label="Why", max_length=300, required=False)


class TriageRuleForm(forms.Form):
    """A rule that decides."""

    name = forms.CharField(label="Name", max_length=100)
    client = forms.ModelChoiceField(Client.objects.none(), label="Client", required=False, empty_label="All clients")
    condition = forms.JSONField(
        label="Condition", widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text='Such as {"security": false, "origin": "Debian"}; the words of the priority rules.',
    )  # fmt: skip
    kind = forms.ChoiceField(label="Decides", choices=[("apply", "Apply"), ("defer", "Defer")])
    defer_days = forms.IntegerField(label="Days, where it defers", min_value=1, max_value=365, required=False)
    reason = forms.CharField(label="Reason", max_length=500)

    def __init__(self, *args: Any, clients: QuerySet[Client], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[Client]", self.fields["client"]).queryset = clients


class RiskForm(forms.Form):
    """What the client is asked to take."""

    reason = forms.CharField(label="What the risk is, and why to take it", max_length=2000)
    until = forms.DateTimeField(
        label="Until", input_formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], widget=forms.DateInput(attrs={"type": "date"})
    )


class SnapshotForm(forms.Form):
    """Whether changes of a system begin with a snapshot."""

    wish = forms.ChoiceField(label="A snapshot before each change", choices=SnapshotWish.choices, required=False)
    keep_days = forms.IntegerField(label="Keep it for days", min_value=1, max_value=60, initial=7)


class AlternativeForm(forms.Form):
    """What stands in for staging."""

    kind = forms.ChoiceField(label="Kind", choices=AlternativeKind.choices)
    canary = forms.ModelChoiceField(System.objects.none(), label="Canary", required=False, empty_label="—")
    reason = forms.CharField(label="Reason", max_length=2000)
    expires_at = forms.DateTimeField(
        label="Until", input_formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, systems: QuerySet[System], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[System]", self.fields["canary"]).queryset = systems
