"""Forms: they check shape; what is allowed is the services' business."""

from typing import Any, cast

from django import forms
from django.db.models import QuerySet

from monitoring.models import Channel


class ChannelForm(forms.Form):
    """Where messages go."""

    name = forms.CharField(label="Name", max_length=100)
    address = forms.EmailField(label="E-mail address", max_length=254)
    next_channel = forms.ModelChoiceField(
        Channel.objects.none(), label="If it fails, then", required=False, empty_label="nobody else is told"
    )
    first = forms.BooleanField(
        label="Messages begin here", required=False, initial=True, help_text="Otherwise it only gets what another one could not send."
    )

    def __init__(self, *args: Any, channels: QuerySet[Channel], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[Channel]", self.fields["next_channel"]).queryset = channels


class ThresholdForm(forms.Form):
    """From where on a check is not in order."""

    warning = forms.FloatField(label="Warning", required=False, help_text="Empty: as of its kind.")
    critical = forms.FloatField(label="Critical", required=False, help_text="Empty: as of its kind.")


class WorkForm(forms.Form):
    """Work on a system."""

    hours = forms.IntegerField(label="Hours", min_value=1, max_value=168, initial=1)
    reason = forms.CharField(label="What is being done", max_length=500)


class MuteForm(forms.Form):
    """No messages for a while."""

    hours = forms.IntegerField(label="Hours", min_value=1, max_value=168, initial=2)
    reason = forms.CharField(label="Why nobody needs to be told", max_length=500)
