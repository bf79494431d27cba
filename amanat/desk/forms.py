"""Forms of the desk. They say what is well formed; the rules say what may happen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from amanat.accounts.models import Member
from amanat.core import ids, money
from amanat.core.money import MoneyInvalid
from amanat.core.recurrence import LAST_DAY, BadRepeat, Repeat, Unit
from amanat.desk.fields import WithFields
from amanat.desk.models import Paper, Payment, Service, ServiceRecord, Task
from amanat.people.masking import Guard
from amanat.people.models import Company, Contact, CustomField
from amanat.web import formatting


class MoneyField(forms.CharField):
    """An amount as people write it; cleans to paise, or None when it is empty and may be."""

    def __init__(self, **options: Any) -> None:
        attributes = {"inputmode": "decimal", "data-money": "", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=attributes), max_length=40, **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return money.parse(text)
        except MoneyInvalid as problem:
            raise forms.ValidationError(problem.reason) from None

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, int):
            return value
        whole, rest = divmod(value, 100)
        return f"{whole}.{rest:02}" if rest else str(whole)


class DayField(forms.DateField):
    """A day, by the browser's own picker."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


class LinesField(forms.CharField):
    """A list, one entry a line."""

    def __init__(self, *, longest: int, **options: Any) -> None:
        self.longest = longest
        super().__init__(widget=forms.Textarea(attrs={"rows": 4}), **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        found = list(dict.fromkeys(" ".join(line.split()) for line in text.splitlines() if line.strip()))
        if len(found) > 40:
            raise forms.ValidationError(_("At most 40 lines."))
        if any(len(line) > self.longest for line in found):
            raise forms.ValidationError(_("A line has at most %(count)d characters.") % {"count": self.longest})
        return found

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class ServiceSelect(forms.Select):
    """The catalogue as a list by category; each entry carries its fee for the script that fills the field."""

    fees: dict[str, int]

    def create_option(self, name: str, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **options)
        fee = getattr(self, "fees", {}).get(str(value))
        if fee is not None:
            option["attrs"]["data-fee"] = str(fee)
        return option


class MemberChoice(forms.ChoiceField):
    """A member by id; cleans to the Member or None."""

    def __init__(self, members: list[Member], *, empty: str, **options: Any) -> None:
        self.members = {str(member.pk): member for member in members}
        choices = [("", empty), *((key, member.name) for key, member in self.members.items())]
        super().__init__(choices=choices, required=False, **options)

    def clean(self, value: Any) -> Any:
        return self.members.get(super().clean(value))


class WithPerson(forms.Form):
    """Whose it is: picked, or somebody new by name and number. Drawn by `_person_picker.html`, understood by `persons.chosen`."""

    person = forms.CharField(
        label=gettext_lazy("Person"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Type a phone number or a name."),
    )
    contact = forms.UUIDField(required=False, widget=forms.HiddenInput)
    company = forms.UUIDField(required=False, widget=forms.HiddenInput)
    new_name = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=200)
    new_phone = forms.CharField(
        label=gettext_lazy("Mobile"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"}),
    )


class NewServiceForm(WithFields, WithPerson):
    """A service in a few fields: who, what, how much, what was paid at once."""

    service = forms.ChoiceField(label=gettext_lazy("Service"), required=False, widget=ServiceSelect)
    title = forms.CharField(label=gettext_lazy("What is to be done"), required=False, max_length=120)
    quantity = forms.IntegerField(label=gettext_lazy("How many"), min_value=1, max_value=999, initial=1)
    fee = MoneyField(label=gettext_lazy("Fee"), required=False)
    paid = MoneyField(label=gettext_lazy("Paid now"), required=False)
    method = forms.ChoiceField(
        label=pgettext_lazy("payment", "By"), choices=Payment.Method.choices, initial=Payment.Method.CASH
    )
    reference = forms.CharField(label=gettext_lazy("Reference"), required=False, max_length=60)
    due_on = DayField(label=gettext_lazy("Due"), required=False)
    follow_up_on = DayField(label=gettext_lazy("Next follow-up"), required=False)
    expires_on = DayField(label=gettext_lazy("Expires"), required=False)
    acknowledgement = forms.CharField(label=gettext_lazy("Acknowledgement number"), required=False, max_length=60)
    notes = forms.CharField(
        label=gettext_lazy("Notes"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, services: list[Service], own: Sequence[CustomField] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["person"].widget.attrs["autofocus"] = ""
        self.services = {str(service.pk): service for service in services}
        grouped: dict[str, list[tuple[str, str]]] = {}
        for key, service in self.services.items():
            grouped.setdefault(service.category or _("Other"), []).append((key, service.name))
        field = self.fields["service"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("Something else")), *grouped.items()]
        widget = field.widget
        assert isinstance(widget, ServiceSelect)
        widget.fees = {key: service.fee_paise for key, service in self.services.items()}
        self.add_own(own, {})

    def clean_service(self) -> Service | None:
        return self.services.get(self.cleaned_data["service"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("service") and not data.get("title"):
            self.add_error("service", _("Choose a service, or write what is to be done."))
        self.clean_own(data)
        return data


class ChangeServiceForm(WithFields, forms.ModelForm):  # type: ignore[type-arg]
    """The facts of a record that were written down."""

    fee_paise = MoneyField(label=gettext_lazy("Fee"), required=True)
    due_on = DayField(label=gettext_lazy("Due"), required=False)
    expires_on = DayField(label=gettext_lazy("Expires"), required=False)
    follow_up_on = DayField(label=gettext_lazy("Next follow-up"), required=False)

    class Meta:
        model = ServiceRecord
        fields = ("title", "fee_paise", "quantity", "acknowledgement", "due_on", "expires_on", "follow_up_on", "notes", "papers_vanish")  # fmt: skip
        widgets = {"notes": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, members: list[Member], own: Sequence[CustomField] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["owner"] = MemberChoice(members, empty=_("Nobody"), label=_("Who does it"))
        if not self.is_bound:
            self.initial["owner"] = str(self.instance.owner_id or "")
        self.add_own(own, self.instance.custom)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        self.clean_own(data)
        return data


class PaymentForm(forms.Form):
    """A part of the fee. `once` makes a second sending harmless; `seen` is the balance the page showed."""

    amount = MoneyField(label=gettext_lazy("Amount"))
    method = forms.ChoiceField(label=pgettext_lazy("payment", "By"), choices=Payment.Method.choices)
    reference = forms.CharField(label=gettext_lazy("Reference"), required=False, max_length=60)
    paid_on = DayField(label=gettext_lazy("Day"), required=False)
    once = forms.UUIDField(widget=forms.HiddenInput, required=False)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, today: date | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today

    @classmethod
    def blank(cls, record: ServiceRecord) -> PaymentForm:
        owed = record.fee_paise - record.paid_paise
        return cls(initial={"amount": owed, "once": ids.new(), "seen": owed, "method": Payment.Method.CASH})

    def clean_paid_on(self) -> date | None:
        day: date | None = self.cleaned_data["paid_on"]
        if day is not None and self.today is not None and day > self.today:
            raise forms.ValidationError(_("This day has not come yet."))
        return day


class CatalogueForm(forms.ModelForm):  # type: ignore[type-arg]
    """One service of the catalogue."""

    fee_paise = MoneyField(label=gettext_lazy("Fee"))
    documents = LinesField(
        label=gettext_lazy("Documents needed"), longest=80, required=False, help_text=gettext_lazy("One a line.")
    )
    steps = LinesField(label=gettext_lazy("Steps"), longest=120, required=False, help_text=gettext_lazy("One a line."))
    usual_days = forms.IntegerField(
        label=gettext_lazy("Usual days until done"), min_value=0, max_value=1000, required=False
    )
    validity_months = forms.IntegerField(
        label=gettext_lazy("Valid for months"), min_value=1, max_value=600, required=False
    )
    remind_days_before = forms.IntegerField(
        label=gettext_lazy("Remind days before expiry"), min_value=0, max_value=365, initial=15
    )

    class Meta:
        model = Service
        fields = ("name", "category", "fee_paise", "documents", "steps", "usual_days", "validity_months", "remind_days_before", "papers_vanish")  # fmt: skip


class TaskForm(forms.ModelForm):  # type: ignore[type-arg]
    """A task and how it repeats."""

    REPEATS = [
        ("", gettext_lazy("Does not repeat")),
        ("day", gettext_lazy("Days")),
        ("week", gettext_lazy("Weeks")),
        ("month", gettext_lazy("Months")),
        ("last", gettext_lazy("Months, on the last day")),
        ("year", gettext_lazy("Years")),
    ]
    due_on = DayField(label=gettext_lazy("Day"))
    due_time = forms.TimeField(
        label=gettext_lazy("Time"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    repeat = forms.ChoiceField(label=gettext_lazy("Repeats every"), choices=REPEATS, required=False)
    every = forms.IntegerField(label=gettext_lazy("How many"), min_value=1, max_value=365, initial=1, required=False)
    until = DayField(label=gettext_lazy("Until"), required=False)

    class Meta:
        model = Task
        fields = ("title", "kind", "due_on", "due_time", "notes")
        widgets = {"notes": forms.Textarea(attrs={"rows": 2}), "title": forms.TextInput(attrs={"autofocus": ""})}

    def __init__(self, *args: Any, members: list[Member], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["assignee"] = MemberChoice(members, empty=_("Nobody yet"), label=_("For"))
        if self.is_bound:
            return
        self.initial.setdefault("assignee", str(self.instance.assignee_id or ""))
        if self.instance.repeat:
            known = self.instance.repeat
            is_last = known.get("month_day") == LAST_DAY
            self.initial.update(
                repeat="last" if is_last else known["unit"], every=known["every"], until=known.get("until")
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["rule"] = None
        if data.get("repeat") and data.get("due_on"):
            try:
                data["rule"] = self._rule(data)
            except BadRepeat as problem:
                self.add_error("repeat", str(problem))
            if data.get("until") and data["until"] < data["due_on"]:
                self.add_error("until", _("This is before the first day."))
        return data

    @staticmethod
    def _rule(data: dict[str, Any]) -> Repeat:
        unit = Unit.MONTH if data["repeat"] == "last" else Unit(data["repeat"])
        month_day = LAST_DAY if data["repeat"] == "last" else data["due_on"].day if unit is Unit.MONTH else None
        return Repeat(unit=unit, every=data.get("every") or 1, month_day=month_day, until=data.get("until"))


class PaperForm(forms.Form):
    """A paper: its file, its number, or both."""

    kind = forms.ChoiceField(label=gettext_lazy("Paper"), choices=Paper.Kind.choices)
    # Not the usual widget, whose "clear" box would make False of it.
    file = forms.FileField(label=gettext_lazy("File"), required=False, widget=forms.FileInput)
    number = forms.CharField(
        label=gettext_lazy("Number on it"), required=False, max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Kept encrypted; lists show the last four characters."),
    )  # fmt: skip
    note = forms.CharField(label=gettext_lazy("Note"), required=False, max_length=200)
    vanishes = forms.BooleanField(label=gettext_lazy("Delete when the service is delivered"), required=False)


class OpeningForm(forms.Form):
    """Why a paper is opened, and what of it."""

    reason = forms.CharField(label=gettext_lazy("What for"), max_length=120)
    what = forms.ChoiceField(
        choices=[("file", "file"), ("marked", "marked"), ("number", "number")], required=False, initial="file"
    )


def person_text(person: Contact | Company, held: Guard) -> str:
    """How the picker writes a person: name, and number where the member sees it."""
    if not isinstance(person, Contact) or not person.main_phone:
        return person.name
    number = held.about(person.pk).shown("phones", formatting.phone(person.main_phone))
    return f"{person.name} · {number}" if number else person.name


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
