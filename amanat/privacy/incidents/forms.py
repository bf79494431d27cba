"""Forms of incidents. None of their words may name a person: the list of people does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.apps import apps
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from amanat.privacy.incidents.models import SAID_TO_PEOPLE, Incident

_MOMENT = {"type": "datetime-local"}
#: Tables in which people are looked for by themselves.
TABLES = (
    "people.Contact",
    "people.Phone",
    "people.Email",
    "people.Address",
    "people.Interaction",
    "desk.ServiceRecord",
    "desk.Payment",
    "desk.Paper",
)


class ReportForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is known at first."""

    class Meta:
        model = Incident
        fields = (
            "kind",
            "title",
            "nature",
            "place",
            "happened_from",
            "happened_to",
            "noticed_at",
            "consequences",
            "measures",
            "advice",
        )
        widgets = {
            "nature": forms.Textarea(attrs={"rows": 3}),
            "consequences": forms.Textarea(attrs={"rows": 2}),
            "measures": forms.Textarea(attrs={"rows": 2}),
            "advice": forms.Textarea(attrs={"rows": 2}),
            **{
                name: forms.DateTimeInput(attrs=_MOMENT, format="%Y-%m-%dT%H:%M")
                for name in ("happened_from", "happened_to", "noticed_at")
            },
        }

    def __init__(self, *args: Any, now: datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        self.now = now
        self.fields["kind"].choices = [("", "—"), *Incident.Kind.choices]  # type: ignore[attr-defined]
        self.fields["nature"].help_text = _("Name nobody here: whom it touched stands on the list of people.")

    def clean_noticed_at(self) -> datetime:
        moment: datetime = self.cleaned_data["noticed_at"]
        if moment > self.now:
            raise forms.ValidationError(_("That moment has not come yet."))
        return moment

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = found.get("happened_from"), found.get("happened_to")
        if first and last and last < first:
            self.add_error("happened_to", _("It ends before it begins."))
        return found


class WordsForm(forms.ModelForm):  # type: ignore[type-arg]
    """What became known later; what the people read may be written in each of the other `languages` too."""

    class Meta:
        model = Incident
        fields = ("nature", "place", "consequences", "measures", "advice", "cause")
        widgets = {
            name: forms.Textarea(attrs={"rows": 3})
            for name in ("nature", "consequences", "measures", "advice", "cause")
        }

    def __init__(self, *args: Any, languages: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self._languages = languages
        written: dict[str, dict[str, str]] = self.instance.in_languages
        for language in languages:
            for name in SAID_TO_PEOPLE:
                own = self.fields[name]
                self.fields[f"{language}_{name}"] = forms.CharField(
                    label=own.label, required=False, max_length=4_000 if name != "place" else 160,
                    widget=forms.Textarea(attrs={"rows": 3, "lang": language}) if name != "place" else forms.TextInput(attrs={"lang": language}),
                    initial=written.get(language, {}).get(name, ""),
                )  # fmt: skip

    def own(self) -> list[forms.BoundField]:
        """The fields of the workspace's own language."""
        return [self[name] for name in self.Meta.fields]

    def others(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields of each other language."""
        return [(one, [self[f"{one}_{name}"] for name in SAID_TO_PEOPLE]) for one in self._languages]

    def said(self) -> dict[str, Any]:
        """The words by their columns."""
        words: dict[str, Any] = {name: self.cleaned_data[name] for name in self.Meta.fields}
        in_each = {
            language: {
                name: text for name in SAID_TO_PEOPLE if (text := self.cleaned_data[f"{language}_{name}"].strip())
            }
            for language in self._languages
        }
        return words | {"in_languages": {language: written for language, written in in_each.items() if written}}


class SearchForm(forms.Form):
    """Where to look for people: a time, a member, a table."""

    since = forms.DateTimeField(widget=forms.DateTimeInput(attrs=_MOMENT, format="%Y-%m-%dT%H:%M"))
    until = forms.DateTimeField(widget=forms.DateTimeInput(attrs=_MOMENT, format="%Y-%m-%dT%H:%M"))
    actor = forms.ChoiceField(required=False)
    table = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, members: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        from amanat.core import ledger_words

        self.fields["since"].label, self.fields["until"].label = pgettext("time", "From"), _("Until")
        for name, label, none, choices in (
            ("actor", _("By whom"), _("anybody"), members),
            (
                "table",
                _("What was changed"),
                _("anything"),
                [(one, str(ledger_words.table(apps.get_model(one)))) for one in TABLES],
            ),
        ):
            chosen = self.fields[name]
            assert isinstance(chosen, forms.ChoiceField)
            chosen.choices, chosen.label = [("", none), *choices], label

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if found.get("since") and found.get("until") and found["until"] <= found["since"]:
            self.add_error("until", _("It ends before it begins."))
        return found


class ToldForm(forms.Form):
    audience = forms.CharField(max_length=14, widget=forms.HiddenInput)
    proof = forms.CharField(max_length=300)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["proof"].label = _("Proof, such as the number of the receipt")


class CloseForm(forms.Form):
    lessons = forms.CharField(max_length=4_000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["lessons"].label = _("What was learned")
