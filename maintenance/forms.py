"""Forms: they check shape; what is allowed is the services' business."""

from django import forms

from clients.choices import Environment
from maintenance.choices import DecisionKind


class WindowsForm(forms.Form):
    """A client's windows, in hours from release."""

    exploited_h = forms.IntegerField(label="Exploited in the wild", min_value=1, max_value=8760)
    critical_h = forms.IntegerField(label="Critical", min_value=1, max_value=8760)
    high_h = forms.IntegerField(label="High, and severity not known", min_value=1, max_value=8760)
    medium_h = forms.IntegerField(label="Medium", min_value=1, max_value=8760)
    low_h = forms.IntegerField(label="Low and negligible", min_value=1, max_value=8760)


class DecisionForm(forms.Form):
    """A decision about the chosen rows."""

    kind = forms.ChoiceField(choices=DecisionKind.choices, error_messages={"required": "Choose apply, defer or reject."})
    reason = forms.CharField(max_length=2000, required=False)
    defer_until = forms.DateTimeField(required=False, input_formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
    scope = forms.ChoiceField(choices=[("", "All environments"), *Environment.choices], required=False)
