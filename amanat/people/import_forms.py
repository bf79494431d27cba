"""Forms of the import pages."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from amanat.people.importing import besides, customs
from amanat.people.importing.mapping import KNOWN, ColumnMatch, Mapping, Target
from amanat.people.models import CustomField
from amanat.people.vocabulary import Vocabulary

_TARGETS: list[tuple[str, str | Promise]] = [
    ("ignore", gettext_lazy("Leave out")),
    ("name", gettext_lazy("Name")),
    ("first_name", gettext_lazy("First name")),
    ("middle_name", gettext_lazy("Middle name")),
    ("last_name", gettext_lazy("Last name")),
    ("name_prefix", gettext_lazy("Title before the name")),
    ("name_suffix", gettext_lazy("Words after the name")),
    ("phone", gettext_lazy("Phone")),
    ("email", gettext_lazy("E-mail")),
    ("company", gettext_lazy("Company")),
    ("job_title", gettext_lazy("Job title")),
    ("street", gettext_lazy("Street")),
    ("locality", gettext_lazy("Village or area")),
    ("city", gettext_lazy("Town")),
    ("district", gettext_lazy("District")),
    ("state", pgettext_lazy("address", "State")),
    ("postal_code", gettext_lazy("PIN code")),
    ("country", gettext_lazy("Country")),
    ("tags", gettext_lazy("Tags")),
    ("notes", gettext_lazy("Notes")),
    ("birthday", gettext_lazy("Birthday")),
    ("language", gettext_lazy("Language")),
    ("stage", gettext_lazy("Stage")),
    ("owner_email", gettext_lazy("Owner, by e-mail")),
    ("external_id", gettext_lazy("Number in another program")),
    ("gstin", gettext_lazy("GSTIN of the company")),
    ("source", gettext_lazy("Source")),
    ("created_on", gettext_lazy("Added on")),
    ("custom-text", gettext_lazy("A field of its own: text")),
    ("custom-number", gettext_lazy("A field of its own: number")),
    ("custom-amount", gettext_lazy("A field of its own: amount")),
    ("custom-date", gettext_lazy("A field of its own: date")),
]
_ORDERS: list[tuple[str, str | Promise]] = [
    ("dmy", gettext_lazy("day-month-year")),
    ("mdy", gettext_lazy("month-day-year")),
    ("ymd", gettext_lazy("year-month-day")),
]
_KNOWN = {word for word, _label in _TARGETS}


class UploadForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("File"), allow_empty_file=False, max_length=200)


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """One column as the page shows it."""

    index: int
    heading: str
    samples: tuple[str, ...]
    chosen: str
    is_sure: bool
    order: str
    has_order: bool
    targets: list[tuple[str, str | Promise]]
    orders: list[tuple[str, str | Promise]]


def column_choices(mapping: Mapping, known: Sequence[CustomField] = ()) -> list[ColumnChoice]:
    """The columns, each with all that it can be; `known` are the custom fields there are."""
    targets = [*_TARGETS, *((f"{KNOWN}-{one.key}", one.label) for one in known)]
    return [
        ColumnChoice(
            index=match.index,
            heading=match.column or _("Column %(number)s") % {"number": match.index + 1},
            samples=match.samples,
            chosen=_word(match),
            is_sure=match.confidence >= 0.7,
            order=match.options.get("order", "dmy"),
            has_order="order" in match.options,
            targets=targets,
            orders=_ORDERS,
        )
        for match in mapping.columns
        if "label_of" not in match.options
    ]


def _word(match: ColumnMatch) -> str:
    if match.options.get("kind") == KNOWN:
        return f"{KNOWN}-{match.options.get('key', '')}"
    if match.target is Target.CUSTOM:
        return f"custom-{match.options.get('kind', 'text')}"
    return match.target.value


def changed_mapping(mapping: Mapping, posted: AnyMapping[str, str], known: Sequence[CustomField] = ()) -> Mapping:
    """The mapping with what the person chose; what she left stays with all its options."""
    fields = {f"{KNOWN}-{one.key}": one for one in known}
    for match in mapping.columns:
        word = posted.get(f"column-{match.index}", "")
        order = posted.get(f"order-{match.index}", "")
        if word in fields and word != _word(match):
            chosen = customs.into(match, fields[word])
            mapping = mapping.changed(match.index, chosen.target, **chosen.options)
        elif word in _KNOWN and word != _word(match):
            target, _dash, kind = word.partition("-")
            options = {"name": match.column or f"#{match.index + 1}", "kind": kind} if kind else {}
            if target in {"birthday", "created_on"} or kind == "date":
                options["order"] = match.options.get("order", "dmy")
            mapping = mapping.changed(match.index, Target(target), **options)
        elif order in {"dmy", "mdy", "ymd"} and match.options.get("order", order) != order:
            mapping = mapping.changed(match.index, match.target, **{**match.options, "order": order})
    return mapping


class ImportForm(forms.Form):
    """What happens with the rows."""

    on = forms.ChoiceField(
        label=gettext_lazy("Each row is"),
        choices=[("contact", gettext_lazy("A person")), ("company", gettext_lazy("A company"))],
        widget=forms.RadioSelect,
    )
    existing = forms.ChoiceField(
        label=gettext_lazy("Who is here already (by phone, e-mail or number in another program)"),
        choices=[
            ("update", gettext_lazy("Update: fill what is empty, add phones and e-mails")),
            ("skip", gettext_lazy("Skip: leave them as they are")),
            ("add", gettext_lazy("Always add a new one")),
        ],
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "Somebody with a name alone is known again when a file of this name brought them before. Anybody else of that name is "
            "added, and the report tells how many such there are."
        ),
    )
    file_wins = forms.BooleanField(label=gettext_lazy("The file wins: replace values that differ"), required=False)
    names_must_agree = forms.BooleanField(
        label=gettext_lazy("The same phone with another name is another person (families share phones)"), required=False
    )
    tag = forms.CharField(label=gettext_lazy("Tag for all"), required=False, max_length=60)
    stage_id = forms.ChoiceField(label=gettext_lazy("Stage"), required=False)
    owner_id = forms.ChoiceField(label=pgettext_lazy("contact", "Owner"), required=False)
    team_id = forms.ChoiceField(label=gettext_lazy("Team"), required=False)

    def __init__(self, *args: Any, words: Vocabulary, workspace_id: UUID | None = None, **kwargs: Any) -> None:
        """With `workspace_id` the questions of packages above are asked too (`importing.besides`)."""
        super().__init__(*args, **kwargs)
        self.asked_besides: list[str] = []
        for each in besides.registered() if workspace_id else ():
            more = each.fields(cast(UUID, workspace_id))
            self.fields.update(more)
            self.asked_besides += more
        none = [("", "—")]
        self._choices("stage_id", none + [(str(one.id), one.name) for one in words.stages.values()])
        self._choices("owner_id", none + [(str(one.id), one.name) for one in words.active_members()])
        self._choices("team_id", none + [(str(identity), name) for identity, name in words.teams.items()])

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def besides(self) -> list[forms.BoundField]:
        return [self[name] for name in self.asked_besides]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        for each in besides.registered() if self.asked_besides else ():
            given |= each.told(given)
        return given

    def options(self) -> dict[str, Any]:
        return {name: value or None for name, value in self.cleaned_data.items()}
