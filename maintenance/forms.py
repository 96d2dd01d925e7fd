"""Forms: they check shape; what is allowed is the services' business."""

from django import forms

from clients.choices import Environment
from maintenance.choices import DecisionKind


class DecisionForm(forms.Form):
    """A decision about the chosen rows."""

    kind = forms.ChoiceField(choices=DecisionKind.choices, error_messages={"required": "Choose apply, defer or reject."})
    reason = forms.CharField(max_length=2000, required=False)
    defer_until = forms.DateTimeField(required=False, input_formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
    scope = forms.ChoiceField(choices=[("", "All environments"), *Environment.choices], required=False)
