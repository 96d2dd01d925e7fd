"""Forms: they check shape; what is allowed is the services' business."""

from typing import Any, cast

from django import forms
from django.db.models import QuerySet

from backups.choices import Application, Tool
from backups.models import BackupJob
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
    tool = forms.ChoiceField(label="Tool", choices=[choice for choice in Tool.choices if choice[0] != Tool.COMPOSITE])
    repository = forms.CharField(
        label="Repository",
        max_length=500,
        help_text=(
            "restic and borg: as the tool takes it on that system, a folder or sftp:user@host:/folder, no key in it. Dumps, archives "
            "and copies: their path with a pattern, /var/backups/shop-*.dump; the newest is the newest snapshot."
        ),
    )
    key = forms.CharField(
        label="Key of the repository", max_length=1000, widget=forms.PasswordInput(attrs={"autocomplete": "off"}), required=False,
        help_text="restic's password, borg's passphrase. Goes into the vault; tests open the repository with nothing else.",
    )  # fmt: skip
    key_export = forms.CharField(
        label="Exported key of borg", max_length=20_000, required=False,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text="In keyfile mode the passphrase opens nothing without it: borg key export.",
    )  # fmt: skip
    storage_login = forms.CharField(
        label="Login of the storage", max_length=200, required=False,
        help_text="restic over rest: its user; over s3: the access key's id. Empty where the storage asks for none.",
    )  # fmt: skip
    storage_secret = forms.CharField(
        label="Secret of the storage", max_length=1000, required=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="The password, or the secret access key. Goes into the vault.",
    )  # fmt: skip
    sources = LinesField(
        label="Sources", required=False, help_text="Of files: absolute paths that must be in every snapshot, one a line."
    )
    databases = LinesField(label="Databases", required=False, help_text="Of dumps: databases that must be in each, one a line.")
    excludes = LinesField(
        label="Left out on purpose", required=False, help_text="Patterns of the tool, one a line; of dumps patterns of table names."
    )
    queries = LinesField(
        label="Queries of the restored database", required=False,
        help_text="One a line: SELECT count(*) FROM users => at least 10. Also: at most, exactly, within 24 hours.",
    )  # fmt: skip
    archive_root = forms.CharField(
        label="Paths in archives and copies begin at", max_length=500, initial="/", required=False,
        help_text="/srv for an archive made with tar -C /srv; / otherwise.",
    )  # fmt: skip
    canaries = forms.BooleanField(
        label="Leave a canary in each source", required=False,
        help_text="Each test writes .retainer-canary there, and expects it back from the next snapshots.",
    )  # fmt: skip
    recovery_point_h = forms.IntegerField(label="Newest snapshot at most so many hours old", min_value=1, max_value=8760, initial=26)
    recovery_time_min = forms.IntegerField(label="A restore takes at most so many minutes", min_value=1, max_value=100_000, initial=240)
    test_every_days = forms.IntegerField(label="Prove it every so many days", min_value=1, max_value=366, initial=30)
    keep_days = forms.IntegerField(
        label="No snapshot is kept longer than so many days", min_value=1, max_value=36_500, required=False,
        help_text="Empty: not known. An older one says that retention is not applied.",
    )  # fmt: skip
    read_parts = forms.IntegerField(label="Read all of its data within so many tests", min_value=1, max_value=100, initial=3)
    scratch = forms.CharField(
        label="Scratch area on the system", max_length=500, initial="/var/lib/retainer/scratch",
        help_text="Empty, on a file system with room for 1.2 times the data.",
    )  # fmt: skip
    restore_on = forms.ModelChoiceField(
        System.objects.none(), label="Restore on", required=False, empty_label="the system itself",
        help_text="Another system that reaches the repository: nothing is compared with what lives then.",
    )  # fmt: skip

    def __init__(self, *args: Any, systems: QuerySet[System], **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("system", "restore_on"):
            cast("forms.ModelChoiceField[System]", self.fields[name]).queryset = systems


class CompositeForm(forms.Form):
    """Backups that only count together."""

    name = forms.CharField(label="Name", max_length=100)
    parts = forms.ModelMultipleChoiceField(
        BackupJob.objects.none(), label="Parts", widget=forms.CheckboxSelectMultiple,
        help_text="Of one system: such as an application's files and its database.",
    )  # fmt: skip
    apart_min = forms.IntegerField(label="At most so many minutes apart", min_value=1, max_value=1440, initial=15)
    application = forms.ChoiceField(
        label="The application's own check", choices=Application.choices, required=False,
        help_text="Nextcloud: whether rows of its file cache and files belong together, and its configuration is whole.",
    )  # fmt: skip

    def __init__(self, *args: Any, jobs: QuerySet[BackupJob], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelMultipleChoiceField[BackupJob]", self.fields["parts"]).queryset = jobs


class RestoreForm(forms.Form):
    """What is to come back, and where to."""

    snapshot = forms.ChoiceField(label="Snapshot")
    paths = LinesField(label="Only these paths", required=False, help_text="Of its sources or below them, one a line; empty: all.")
    target = forms.CharField(
        label="Into a folder", max_length=500, required=False,
        help_text="New or empty, such as /srv/restored. Empty: in its place, after a copy of what is replaced.",
    )  # fmt: skip

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ChoiceField", self.fields["snapshot"]).choices = choices
