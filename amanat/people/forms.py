"""Forms of contacts, companies, fields, stages and tags. What a value must be is checked in `drafts` and the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from amanat.accounts.models import Member
from amanat.core import phones
from amanat.people import custom_fields
from amanat.people.drafts import ADDRESS_PARTS, AddressDraft, CompanyDraft, ContactDraft, RecordDraft
from amanat.people.meanwhile import Meanwhile
from amanat.people.models import CustomField
from amanat.people.vocabulary import FieldWord, Vocabulary

#: Empty rows that a form offers beside the filled ones, so that it works without scripts.
BLANK_ROWS = 1
_REPEATED = {"phones", "emails", "addresses"}
LANGUAGES = [
    ("", "—"), ("en", "English"), ("hi", "हिन्दी"), ("mr", "मराठी"), ("bn", "বাংলা"), ("gu", "ગુજરાતી"), ("pa", "ਪੰਜਾਬੀ"),
    ("ta", "தமிழ்"), ("te", "తెలుగు"), ("kn", "ಕನ್ನಡ"), ("ml", "മലയാളം"), ("or", "ଓଡ଼ିଆ"), ("as", "অসমীয়া"), ("ur", "اردو"),
]  # fmt: skip
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class ReachRow:
    """One line of the phones, e-mails or addresses of a form."""

    number: int
    value: Any
    label: str
    errors: Sequence[str] = field(default=())


def readable(number: str) -> str:
    """A number as its field shows it: the country code only where it is not India's. Reading it gives the same number."""
    return (
        phones.national(number)
        if number.startswith("+91")
        else phones.international(number)
        if number.startswith("+")
        else number
    )


def uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class RecordForm(forms.Form):
    """What the forms of contacts and companies share. `rows` hold the repeatable lines, which Django's fields do not know."""

    on = ""
    name = forms.CharField(
        label=gettext_lazy("Name"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    tags = forms.CharField(
        label=gettext_lazy("Tags"), required=False, help_text=gettext_lazy("Separate them by commas.")
    )
    owner = forms.ChoiceField(label=pgettext_lazy("contact", "Owner"), required=False)
    team = forms.ChoiceField(label=gettext_lazy("Team"), required=False)
    follow_up_on = forms.DateField(label=gettext_lazy("Next follow-up"), required=False, widget=_DAY)
    notes = forms.CharField(label=gettext_lazy("Notes"), required=False, widget=forms.Textarea(attrs={"rows": 4}))
    external_id = forms.CharField(
        label=gettext_lazy("External id"),
        required=False,
        help_text=gettext_lazy("The number of this record in another program."),
    )

    def __init__(
        self,
        data: QueryDict | None,
        *,
        words: Vocabulary,
        draft: RecordDraft,
        member: Member,
        hidden: Iterable[str] = (),
    ) -> None:
        """`hidden`: fields of `people.masking` that the member does not see; they stay as they are in `draft`."""
        super().__init__(data, initial=self._initial(draft))
        self.hidden = frozenset(name for name in hidden if _has(draft, name))
        self.words, self.draft_before, self.member = words, draft, member
        self.row_errors: dict[str, list[str]] = {}
        nobody = [("", "—")]
        owners = [(str(one.id), one.name) for one in words.members.values() if one.is_active or one.id == draft.owner]
        self._choices("owner", nobody + owners)
        self._choices("team", nobody + [(str(key), name) for key, name in words.teams.items()])
        if not words.teams:
            del self.fields["team"]
        if not member.sees_all:
            del self.fields["external_id"]  # records.check_external_id says why
        for name in self.hidden & self.fields.keys():
            del self.fields[name]
        for one in self._own_fields():
            self.fields[custom_fields.input_name(one)] = custom_fields.form_field(one, required=False)
            stored = draft.custom.get(one.key)
            self.initial[custom_fields.input_name(one)] = (
                stored if self.is_bound else custom_fields.entered(one, stored)
            )

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        one = self.fields[name]
        assert isinstance(one, forms.ChoiceField)
        one.choices = choices

    @staticmethod
    def _initial(draft: RecordDraft) -> dict[str, Any]:
        plain = {name: getattr(draft, name) for name in draft.__dataclass_fields__}
        return (
            plain
            | {"tags": ", ".join(draft.tags)}
            | {key: str(plain[key] or "") for key in ("owner", "team", "stage") if key in plain}
        )

    def _own_fields(self) -> list[FieldWord]:
        return [one for one in self.words.fields_on(self.on) if custom_fields.input_name(one) not in self.hidden]

    def custom_bound(self) -> list[forms.BoundField]:
        return [self[custom_fields.input_name(one)] for one in self._own_fields()]

    def phone_rows(self) -> list[ReachRow]:
        before = [(readable(number), label) for number, label in self.draft_before.phones]
        return self._rows("phones", "phone_number", "phone_label", before)

    def email_rows(self) -> list[ReachRow]:
        return self._rows("emails", "email_address", "email_label", self.draft_before.emails)

    def _rows(self, kind: str, value: str, label: str, before: Sequence[tuple[str, str]]) -> list[ReachRow]:
        pairs = self._pairs(value, label) if self.is_bound else list(before)
        while pairs and not any(pairs[-1]):
            pairs.pop()
        pairs = pairs + [("", "")] * max(BLANK_ROWS, 1 if pairs else 2 - len(pairs) - 1)
        return [
            ReachRow(number, one, mark, self.row_errors.get(f"{kind}-{number}", ()))
            for number, (one, mark) in enumerate(pairs)
        ]

    def address_rows(self) -> list[ReachRow]:
        rows = self._addresses() if self.is_bound else list(self.draft_before.addresses)
        rows = [row for row in rows if not row.is_empty] + [AddressDraft()]
        return [
            ReachRow(number, row, row.label, self.row_errors.get(f"addresses-{number}", ()))
            for number, row in enumerate(rows)
        ]

    def _pairs(self, value: str, label: str) -> list[tuple[str, str]]:
        data = self._data()
        values, labels = data.getlist(value), data.getlist(label)
        return [
            (one[:300], (labels[place] if place < len(labels) else "")[:60]) for place, one in enumerate(values[:100])
        ]

    def _addresses(self) -> list[AddressDraft]:
        data = self._data()
        lists = {part: data.getlist(f"address_{part}") for part in (*ADDRESS_PARTS, "label")}
        longest = max(map(len, lists.values()))
        return [
            AddressDraft(**{part: values[place] if place < len(values) else "" for part, values in lists.items()})
            for place in range(min(longest, 100))
        ]

    def _data(self) -> QueryDict:
        assert isinstance(self.data, QueryDict)
        return self.data

    def common(self) -> dict[str, Any]:
        """The shared fields of the draft; call after `is_valid()`."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "phones": self._kept("phones") or self._pairs("phone_number", "phone_label"),
            "emails": self._kept("emails") or self._pairs("email_address", "email_label"),
            "addresses": self._kept("addresses") or self._addresses(),
            "tags": given["tags"].split(","),
            "owner": uuid_or_none(given["owner"]),
            "team": uuid_or_none(given["team"]) if "team" in given else self.draft_before.team,
            "notes": given.get("notes", self.draft_before.notes),
            "follow_up_on": given.get("follow_up_on", self.draft_before.follow_up_on),
            "external_id": given.get("external_id", self.draft_before.external_id),
            "custom": {one.key: self._custom_of(one) for one in self.words.fields_on(self.on)},
        }

    def _kept(self, name: str) -> list[Any]:
        """What stays as it was, because the member does not see it."""
        return list(getattr(self.draft_before, name)) if name in self.hidden else []

    def _custom_of(self, one: FieldWord) -> Any:
        if custom_fields.input_name(one) in self.hidden:
            return custom_fields.entered(one, self.draft_before.custom.get(one.key))
        return self.cleaned_data.get(custom_fields.input_name(one))

    def refuse(self, problem: ValidationError) -> None:
        """Put the messages of a rule at their fields."""
        for key, messages in problem.message_dict.items():
            self._at(key, messages)

    def _at(self, key: str, messages: list[str]) -> None:
        name = {"company_id": "company_name", "company": "company_name"}.get(key, key)
        if name in self.fields:
            self.add_error(name, messages)
        elif name.partition("-")[0] in _REPEATED:
            self.row_errors[name if "-" in name else f"{name}-0"] = messages
        else:
            self.add_error(None, messages)

    def with_values_of(self, draft: RecordDraft, names: Iterable[str]) -> QueryDict:
        """What was sent, with the values of another draft in some fields. Names as in `differences`."""
        data = self._data().copy()
        shown = type(self)(None, words=self.words, draft=draft, member=self.member)
        for name in names:
            if name == "phones":
                _put(data, {"phone_number": [row.value for row in shown.phone_rows()],
                            "phone_label": [row.label for row in shown.phone_rows()]})  # fmt: skip
            elif name == "emails":
                _put(data, {"email_address": [row.value for row in shown.email_rows()],
                            "email_label": [row.label for row in shown.email_rows()]})  # fmt: skip
            elif name == "addresses":
                rows = shown.address_rows()
                parts = (*ADDRESS_PARTS, "label")
                _put(data, {f"address_{part}": [getattr(row.value, part) for row in rows] for part in parts})
            else:
                key = "company_name" if name == "company" else name
                if key in shown.fields:
                    value = shown[key].value()
                    _put(data, {key: value if isinstance(value, list) else ["" if value is None else str(value)]})
        return data

    def tell(self, found: Meanwhile) -> None:
        """Say at each field that both changed what the others wrote."""
        for name, theirs in found.both.items():
            words = {"name": theirs.who or _("Somebody"), "value": theirs.value}
            text = (
                _("%(name)s wrote “%(value)s” here meanwhile. Saving puts yours in its place.")
                if theirs.value
                else _("%(name)s emptied this meanwhile. Saving puts yours in its place.")
            )
            self._at(name, [text % words])


def _has(draft: RecordDraft, name: str) -> bool:
    """Whether there is something to hide: an empty field may be filled in by whoever may not read a full one."""
    if name.startswith("custom-"):
        return draft.custom.get(name.removeprefix("custom-")) not in (None, "")
    return bool(getattr(draft, name, None))


def _put(data: QueryDict, values: dict[str, list[Any]]) -> None:
    for name, found in values.items():
        data.setlist(name, found)


class ContactForm(RecordForm):
    on = "contact"
    company_name = forms.CharField(label=gettext_lazy("Company"), required=False)
    job_title = forms.CharField(label=gettext_lazy("Job title"), required=False)
    stage = forms.ChoiceField(label=gettext_lazy("Stage"), required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False, choices=LANGUAGES)
    birthday = forms.DateField(label=gettext_lazy("Birthday"), required=False, widget=_DAY)

    def __init__(
        self,
        data: QueryDict | None,
        *,
        words: Vocabulary,
        draft: RecordDraft,
        member: Member,
        hidden: Iterable[str] = (),
    ) -> None:
        super().__init__(data, words=words, draft=draft, member=member, hidden=hidden)
        self.fields["company_name"].widget.attrs |= {
            "list": "company-names",
            "autocomplete": "off",
            "hx-get": reverse("people:company_names"),
            "hx-trigger": "input changed delay:250ms",
            "hx-target": "#company-names",
        }
        if "stage" in self.fields:
            self._choices("stage", [("", "—")] + [(str(one.id), one.name) for one in words.stages.values()])

    def draft(self) -> ContactDraft:
        given, before = self.cleaned_data, self.draft_before
        assert isinstance(before, ContactDraft)
        company = given["company_name"].strip()
        return ContactDraft(
            **self.common(),
            company_name=company,
            company_id=before.company_id if company == before.company_name else None,
            job_title=given.get("job_title", before.job_title),
            stage=uuid_or_none(given["stage"]) if "stage" in given else before.stage,
            language=given.get("language", before.language),
            birthday=given.get("birthday", before.birthday),
        )


class CompanyForm(RecordForm):
    on = "company"
    gstin = forms.CharField(label=gettext_lazy("GSTIN"), required=False)
    website = forms.CharField(label=gettext_lazy("Website"), required=False)
    industry = forms.CharField(label=gettext_lazy("Industry"), required=False)

    def draft(self) -> CompanyDraft:
        given = self.cleaned_data
        return CompanyDraft(**self.common(), gstin=given["gstin"], website=given["website"], industry=given["industry"])


class NoteForm(forms.Form):
    """A note for the timeline, with or without a file."""

    note = forms.CharField(label=gettext_lazy("Note"), max_length=10_000, required=False)
    kind = forms.ChoiceField(choices=[("note", "note"), ("call", "call"), ("message", "message")], required=False)
    # Not the usual widget, whose "clear" box would make False of it.
    file = forms.FileField(label=gettext_lazy("File"), required=False, widget=forms.FileInput)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not given.get("note", "").strip() and not given.get("file") and not self.errors:
            self.add_error("note", _("Write a note or choose a file."))
        return given


class FieldForm(forms.Form):
    """A custom field: made, or changed (then `kind` and `on` are fixed)."""

    label = forms.CharField(label=gettext_lazy("Name of the field"), max_length=80)
    on = forms.ChoiceField(label=gettext_lazy("It stands on"), choices=CustomField.On.choices)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=CustomField.Kind.choices)
    choices = forms.CharField(
        label=gettext_lazy("Choices"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("One a line."),
    )
    help_text = forms.CharField(label=gettext_lazy("Help beside the field"), required=False, max_length=200)
    personal_kind = forms.ChoiceField(
        label=gettext_lazy("Does this say something about a person?"),
        choices=custom_fields.PERSONAL_KINDS,
        required=False,
    )
    is_required = forms.BooleanField(label=gettext_lazy("It must be filled in"), required=False)

    def draft(self) -> custom_fields.FieldDraft:
        given = self.cleaned_data
        return custom_fields.FieldDraft(
            label=given["label"],
            kind=given["kind"] or CustomField.Kind.TEXT,
            on=given["on"] or CustomField.On.CONTACT,
            choices=given["choices"].splitlines(),
            help_text=given["help_text"],
            is_required=given["is_required"],
            personal_kind=given["personal_kind"],
        )

    def refuse(self, problem: ValidationError) -> None:
        messages: dict[Any, Any] = (
            dict(problem.message_dict) if hasattr(problem, "error_dict") else {None: problem.messages}
        )
        for key, found in messages.items():
            self.add_error(key if key in self.fields else None, found)


def moment(text: str) -> datetime | None:
    """The `seen_at` that a form carried, or None when there is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
