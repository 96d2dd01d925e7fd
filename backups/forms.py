"""Forms: they check shape; what is allowed is the services' business."""

from typing import Any, cast

from django import forms
from django.db.models import QuerySet

from backups.choices import Tool
from clients.models import System


class LinesField(forms.CharField):
    """One value a line."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def clean(self, value: str) -> Any:
        """The lines that are not empty."""
        text = super().clean(value)
        return [line.strip() for line in text.splitlines() if line.strip()]


class JobForm(forms.Form):
    """A backup that is to be proven."""

    system = forms.ModelChoiceField(System.objects.none(), label="System")
    name = forms.CharField(label="Name", max_length=100)
    tool = forms.ChoiceField(label="Tool", choices=Tool.choices)
    repository = forms.CharField(
        label="Repository",
        max_length=500,
        help_text="As the tool takes it on that system: a folder, sftp:user@host:/folder. No key in it.",
    )
    key = forms.CharField(
        label="Key of the repository", max_length=1000, widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Goes into the vault; tests open the repository with nothing else.",
    )  # fmt: skip
    sources = LinesField(label="Sources", help_text="Absolute paths that must be in every snapshot, one a line.")
    excludes = LinesField(label="Left out on purpose", required=False, help_text="Patterns of the tool, one a line.")
    recovery_point_h = forms.IntegerField(label="Newest snapshot at most so many hours old", min_value=1, max_value=8760, initial=26)
    recovery_time_min = forms.IntegerField(label="A restore takes at most so many minutes", min_value=1, max_value=100_000, initial=240)
    test_every_days = forms.IntegerField(label="Prove it every so many days", min_value=1, max_value=366, initial=30)
    read_parts = forms.IntegerField(label="Read all of its data within so many tests", min_value=1, max_value=100, initial=3)
    scratch = forms.CharField(
        label="Scratch area on the system", max_length=500, initial="/var/lib/retainer/scratch",
        help_text="Empty, on a file system with room for 1.2 times the data.",
    )  # fmt: skip

    def __init__(self, *args: Any, systems: QuerySet[System], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[System]", self.fields["system"]).queryset = systems
