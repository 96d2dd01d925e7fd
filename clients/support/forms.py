"""Forms of support: they check shape; what is allowed is the services' business."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clients.models import System
from clients.support.choices import Form, Language, Priority, Work
from clients.support.services.files import NewFile
from portal.accounts.models import User

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class ManyFiles(forms.ClearableFileInput):
    """A field for several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Files, none or several."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("widget", ManyFiles())
        super().__init__(*args, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[NewFile]:
        """The files' names, types and bytes."""
        given = data if isinstance(data, list | tuple) else [data] if data else []
        return [NewFile(file.name or "file", file.content_type or "application/octet-stream", file.read()) for file in given]


class QuestionForm(forms.Form):
    """A question. What is asked beyond the words depends on the form that was chosen."""

    form = forms.ChoiceField(label=_("What is it about?"), choices=Form.choices, widget=forms.RadioSelect, initial=Form.QUESTION)
    subject = forms.CharField(label=_("In a few words"), max_length=200)
    about = forms.CharField(
        label=_("Which account, address, folder or file?"), max_length=300, required=False,
        help_text=_("As it is written where you see it. No passwords, please."),
    )  # fmt: skip
    body = forms.CharField(
        label=_("What happened, and what did you expect?"), widget=forms.Textarea(attrs={"rows": 7}), max_length=50_000
    )
    priority = forms.ChoiceField(label=_("How urgent is it?"), choices=Priority.choices, initial=Priority.NORMAL)
    system = forms.ModelChoiceField(
        label=_("Which system?"), queryset=System.objects.none(), required=False, empty_label=_("I don't know, or none")
    )
    person = forms.ModelChoiceField(
        label=_("For whom?"), queryset=User.objects.none(), required=False, empty_label=_("A colleague without an account")
    )
    name = forms.CharField(label=_("The colleague's name"), max_length=200, required=False)
    email = forms.EmailField(label=_("The colleague's e-mail address"), required=False)
    upload = FilesField(label=_("Pictures or files"), help_text=_("Up to 10 MB together."))

    def __init__(self, *args: Any, systems: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = systems  # type: ignore[attr-defined]
        self.fields["person"].queryset = people  # type: ignore[attr-defined]
        self.fields["person"].label_from_instance = lambda user: user.name or user.email  # type: ignore[attr-defined]


class AnswerForm(forms.Form):
    """Something written into a thread."""

    body = forms.CharField(label=_("Your message"), widget=forms.Textarea(attrs={"rows": 6}), max_length=50_000, required=False)
    upload = FilesField(label=_("Pictures or files"), help_text=_("Up to 10 MB together."))


class TimeForm(forms.Form):
    """Hours that were spent."""

    work = forms.ChoiceField(choices=Work.choices)
    words = forms.CharField(label="What it was (the client reads it)", max_length=300)
    hours = forms.DecimalField(max_digits=5, decimal_places=2, min_value=Decimal("0.01"), max_value=Decimal(24))
    spent_on = forms.DateField(label="Day", widget=forms.DateInput(attrs={"type": "date"}))


class PlanForm(forms.Form):
    """What a retainer includes."""

    from_month = forms.DateField(label="From the month of", widget=forms.DateInput(attrs={"type": "date"}))
    hours = forms.DecimalField(label="Hours a month", max_digits=6, decimal_places=2, min_value=Decimal(0))
    carry_months = forms.IntegerField(label="Unused hours stay for so many months", min_value=0, max_value=24, initial=0)
    rate = forms.DecimalField(label="Rate of an hour beyond", max_digits=8, decimal_places=2, min_value=Decimal(0))
    currency = forms.CharField(max_length=3, initial="EUR")


class ArticleForm(forms.Form):
    """A version of an article."""

    title = forms.CharField(max_length=200)
    also = forms.CharField(label="Other words that people ask with", max_length=500, required=False)
    body = forms.CharField(label="Text (Markdown)", widget=forms.Textarea(attrs={"rows": 20}), max_length=100_000)


class NewArticleForm(ArticleForm):
    """A new article."""

    slug = forms.SlugField(label="Name in its address", max_length=80)
    language = forms.ChoiceField(choices=Language.choices)


class TemplateForm(forms.Form):
    """Words that are used often."""

    name = forms.CharField(max_length=100)
    language = forms.ChoiceField(choices=Language.choices)
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 6}), max_length=20_000)


class TargetsForm(forms.Form):
    """What is promised to a client, by priority; and the calendar that it is counted by."""

    region = forms.CharField(label="Public holidays of (DE, DE-BY, …)", max_length=10, required=False)
    closed = forms.CharField(label="Further free days (2026-12-24, …)", max_length=2000, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day, name in enumerate(WEEKDAYS):
            for part in ("from", "until"):
                self.fields[f"{part}_{day}"] = forms.TimeField(
                    label=f"{name} {part}", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
                )
        for priority in Priority:
            for part, words in (("response", "answer within working hours"), ("resolution", "resolved within working hours")):
                self.fields[f"{part}_{priority}"] = forms.DecimalField(
                    label=f"{priority.label}: {words}", required=False, max_digits=6, decimal_places=2, min_value=Decimal("0.01")
                )
