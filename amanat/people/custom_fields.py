"""Fields that a workspace adds to its records: made, renamed, ordered and retired at any time, stored as JSON.

A retired field keeps its values; it can come back. A field's kind never changes, for its values are in the old one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ledger, phones
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.people import script
from amanat.people.models import CustomField
from amanat.people.vocabulary import FieldWord
from amanat.web import formatting

Kind = CustomField.Kind
#: The row itself does as well as its word.
type AnyField = FieldWord | CustomField
MOST_FIELDS = 500
MOST_CHOICES = 200
_SHORT, _LONG = 300, 5_000

#: What a value may say about a person, in plain words, and the W3C DPV term that stands for it.
PERSONAL_KINDS: list[tuple[str, Any]] = [
    ("", gettext_lazy("No, it says nothing about a person")),
    ("pd:Identifying", gettext_lazy("Yes: who the person is")),
    ("pd:Contact", gettext_lazy("Yes: how to reach the person")),
    ("pd:OfficialID", gettext_lazy("Yes: an official number or paper")),
    ("pd:FamilyStructure", gettext_lazy("Yes: about the family")),
    ("pd:Financial", gettext_lazy("Yes: about money")),
    ("pd:Health", gettext_lazy("Yes: about health")),
    ("pd:Education", gettext_lazy("Yes: about learning")),
    ("pd:Professional", gettext_lazy("Yes: about work")),
    ("pd:Ethnicity", gettext_lazy("Yes: about caste or community")),
    ("pd:Religion", gettext_lazy("Yes: about faith")),
    ("pd:Preference", gettext_lazy("Yes: a wish or a habit")),
    ("dpv:PersonalData", gettext_lazy("Yes: something else")),
]


def input_name(field: AnyField) -> str:
    """The name of the field's control in a form."""
    return f"custom-{field.key}"


def form_field(field: AnyField, *, required: bool | None = None) -> forms.Field:  # noqa: PLR0911 (one return a kind)
    """The Django form field of a custom field. Cleaning stays with `cleaned`, so this one only draws."""
    options: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help_text,
        "required": field.is_required if required is None else required,
    }
    choices = [(choice, choice) for choice in field.choices]
    match field.kind:
        case Kind.LONG_TEXT:
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=_LONG, **options)
        case Kind.DATE:
            return forms.CharField(widget=forms.DateInput(attrs={"type": "date"}), **options)
        case Kind.TIME:
            return forms.CharField(widget=forms.DateTimeInput(attrs={"type": "datetime-local"}), **options)
        case Kind.YES_NO:
            return forms.CharField(
                widget=forms.Select(choices=[("", "—"), ("yes", _("Yes")), ("no", _("No"))]), **options
            )
        case Kind.CHOICE:
            return forms.CharField(widget=forms.Select(choices=[("", "—"), *choices]), **options)
        case Kind.CHOICES:
            return forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, choices=choices, **options)
        case Kind.NUMBER:
            return forms.CharField(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **options)
        case Kind.MONEY:
            attrs = {"inputmode": "decimal", "data-money": ""}
            return forms.CharField(widget=forms.TextInput(attrs=attrs), **options)
        case Kind.PHONE:
            return forms.CharField(widget=forms.TextInput(attrs={"type": "tel"}), **options)
        case Kind.EMAIL:
            return forms.CharField(widget=forms.TextInput(attrs={"type": "email"}), **options)
        case Kind.LINK:
            return forms.CharField(widget=forms.TextInput(attrs={"type": "url"}), **options)
        case _:
            return forms.CharField(max_length=_SHORT, **options)


def cleaned(field: AnyField, value: Any) -> Any:
    """`value` as it is stored (a JSON value), or None for nothing. Raises ValidationError with words for the person."""
    if isinstance(value, str):
        value = value.strip().replace("\x00", "")
    if value is None or value in ("", []):
        if field.is_required:
            raise ValidationError(_("Please fill in “%(label)s”.") % {"label": field.label})
        return None
    return _CLEANERS[Kind(field.kind)](field, value)


def cleaned_all(fields: Sequence[AnyField], values: Mapping[str, Any]) -> dict[str, Any]:
    """The stored form of all values by key; values of unknown keys are refused. Raises ValidationError by input name."""
    errors: dict[str, list[str]] = {}
    stored: dict[str, Any] = {}
    by_key = {field.key: field for field in fields}
    for key in values:
        if key not in by_key:
            errors[f"custom-{key}"] = [_("There is no field “%(key)s”.") % {"key": key}]
    for field in fields:
        try:
            value = cleaned(field, values.get(field.key))
        except ValidationError as problem:
            errors[input_name(field)] = problem.messages
            continue
        if value is not None:
            stored[field.key] = value
    if errors:
        raise ValidationError(errors)
    return stored


def merged(fields: Sequence[AnyField], stored: Mapping[str, Any], entered: Mapping[str, Any]) -> dict[str, Any]:
    """`stored` values with some newly `entered` ones; an empty one takes the value away. Raises like `cleaned_all`."""
    some = [field for field in fields if field.key in entered]
    fresh = cleaned_all(some, entered)
    return {key: value for key, value in stored.items() if key not in entered} | fresh


def shown(field: AnyField, value: Any) -> str:  # noqa: PLR0911 (one return a kind)
    """A stored value as people read it."""
    if value is None or value == "":
        return ""
    try:
        match field.kind:
            case Kind.NUMBER:
                return formatting.number(Decimal(str(value)), get_language() or "en")
            case Kind.MONEY:
                return formatting.rupees(int(value))
            case Kind.DATE:
                return formatting.day(date.fromisoformat(value))
            case Kind.TIME:
                moment = datetime.fromisoformat(value)
                return f"{formatting.day(moment)}, {formatting.clock_time(moment)}"
            case Kind.YES_NO:
                return _("Yes") if value else _("No")
            case Kind.CHOICES:
                return ", ".join(value)
            case Kind.PHONE:
                return phones.international(value)
    except (ValueError, TypeError, AttributeError, InvalidOperation):
        pass  # written by another hand: shown as it lies there
    return str(value)


def entered(field: AnyField, value: Any) -> Any:
    """A stored value as its form control wants it."""
    if value is None:
        return ""
    match field.kind:
        case Kind.MONEY:
            return f"{value // 100}" if value % 100 == 0 else f"{value / 100:.2f}"
        case Kind.YES_NO:
            return "yes" if value else "no"
        case Kind.TIME:
            return timezone.localtime(datetime.fromisoformat(value)).strftime("%Y-%m-%dT%H:%M")
    return value


def _text(field: AnyField, value: Any) -> str:
    most = _LONG if field.kind == Kind.LONG_TEXT else _SHORT
    if not isinstance(value, str):
        value = str(value)
    if len(value) > most:
        raise ValidationError(_("At most %(count)d characters.") % {"count": most})
    return str(value)


def _number(field: AnyField, value: Any) -> int | float:
    text = str(value).replace(",", "").replace(" ", "")
    if isinstance(value, bool) or not re.fullmatch(r"[-+]?[0-9]{1,15}(\.[0-9]{1,6})?", text):
        raise ValidationError(_("Please enter a number."))
    return float(text) if "." in text else int(text)


def _money(field: AnyField, value: Any) -> int:
    text = str(value).replace(",", "").replace(" ", "").replace("₹", "")
    if isinstance(value, bool) or not re.fullmatch(r"[-+]?[0-9]{1,13}(\.[0-9]{1,2})?", text):
        raise ValidationError(_("Please enter an amount, such as 1,250 or 99.50."))
    return int(Decimal(text) * 100)


def _date(field: AnyField, value: Any) -> str:
    try:
        return (value if type(value) is date else date.fromisoformat(str(value))).isoformat()
    except ValueError:
        raise ValidationError(_("Please enter a date.")) from None


def _time(field: AnyField, value: Any) -> str:
    try:
        moment = value if isinstance(value, datetime) else parse_datetime(str(value))
    except ValueError:
        moment = None
    if moment is None:
        raise ValidationError(_("Please enter a date and a time."))
    return (moment if moment.tzinfo else timezone.make_aware(moment)).isoformat()


def _yes_no(field: AnyField, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).casefold()
    if word in {"yes", "true", "1", "y", "हाँ", "हां", "होय", _("Yes").casefold()}:
        return True
    if word in {"no", "false", "0", "n", "नहीं", "नाही", _("No").casefold()}:
        return False
    raise ValidationError(_("Please answer yes or no."))


def _choice(field: AnyField, value: Any) -> str:
    if value in field.choices:
        return str(value)
    word = str(value).strip().casefold()
    for choice in field.choices:
        if choice.casefold() == word:
            return choice
    raise ValidationError(_("“%(value)s” is not one of the choices.") % {"value": str(value)[:60]})


def _choices(field: AnyField, value: Any) -> list[str]:
    values = [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)
    return [_choice(field, one) for one in dict.fromkeys(values)]


def _phone(field: AnyField, value: Any) -> str:
    try:
        return phones.parse_or_raise(str(value))
    except phones.PhoneInvalid as problem:
        raise ValidationError(problem.reason) from None


def _email(field: AnyField, value: Any) -> str:
    address = str(value).strip().lower()
    validate_email(address)
    return address


def _link(field: AnyField, value: Any) -> str:
    text = str(value)
    text = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and len(text) <= _SHORT
    except ValueError:
        is_good = False
    if not is_good or any(character.isspace() for character in text):
        raise ValidationError(_("Please enter a link that begins with https://."))
    return text


_CLEANERS = {
    Kind.TEXT: _text, Kind.LONG_TEXT: _text, Kind.NUMBER: _number, Kind.MONEY: _money, Kind.DATE: _date, Kind.TIME: _time,
    Kind.YES_NO: _yes_no, Kind.CHOICE: _choice, Kind.CHOICES: _choices, Kind.PHONE: _phone, Kind.EMAIL: _email, Kind.LINK: _link,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldDraft:
    """What somebody said about a field. `kind` and `on` count only when it is made."""

    label: str
    kind: str = Kind.TEXT
    on: str = CustomField.On.CONTACT
    choices: Sequence[str] = ()
    help_text: str = ""
    is_required: bool = False
    personal_kind: str = ""


def add(*, workspace: HasId, by: Member, at: datetime, draft: FieldDraft) -> CustomField:
    """Make a field; it is on every form at once. Raises ValidationError."""
    _check(draft)
    with transaction.atomic():
        fields = CustomField.objects.of(workspace).filter(on=draft.on)
        keys = set(fields.values_list("key", flat=True))
        if len(keys) >= MOST_FIELDS:
            raise ValidationError(_("There are %(count)d fields already; retire some first.") % {"count": MOST_FIELDS})
        made = CustomField.objects.create(
            workspace_id=workspace_id_of(workspace),
            key=_free_key(draft.label, keys),
            on=draft.on,
            kind=draft.kind,
            label=draft.label.strip(),
            choices=_choice_list(draft),
            help_text=draft.help_text.strip(),
            is_required=draft.is_required,
            personal_kind=draft.personal_kind,
            position=len(keys),
            created_at=at,
        )
        ledger.write("people.field.added", workspace=workspace, by=by, about=made, at=at, kind=draft.kind, on=draft.on)
    return made


def change(*, field: CustomField, by: Member, at: datetime, draft: FieldDraft) -> CustomField:
    """Rename a field, change its choices, help or whether it is required. Values that are there stay. Raises ValidationError."""
    _check(
        FieldDraft(
            draft.label, field.kind, field.on, draft.choices, draft.help_text, draft.is_required, draft.personal_kind
        )
    )
    field.label, field.help_text = draft.label.strip(), draft.help_text.strip()
    field.is_required, field.personal_kind = draft.is_required, draft.personal_kind
    if field.kind in {Kind.CHOICE, Kind.CHOICES}:
        field.choices = _choice_list(draft)
    with transaction.atomic():
        field.save()
        ledger.write("people.field.changed", workspace=field.workspace_id, by=by, about=field, at=at)
    return field


def retire(*, field: CustomField, by: Member, at: datetime) -> None:
    """Take a field off all forms and lists; its values stay until it comes back or their records go."""
    with transaction.atomic():
        field.retired_at = at
        field.save(update_fields=["retired_at"])
        ledger.write("people.field.retired", workspace=field.workspace_id, by=by, about=field, at=at)


def bring_back(*, field: CustomField, by: Member, at: datetime) -> None:
    with transaction.atomic():
        field.retired_at = None
        field.save(update_fields=["retired_at"])
        ledger.write("people.field.brought_back", workspace=field.workspace_id, by=by, about=field, at=at)


def move(*, field: CustomField, by: Member, up: bool) -> None:
    """Exchange places with the neighbour in the order of the forms."""
    with transaction.atomic():
        fields = CustomField.objects.of(field.workspace_id).filter(on=field.on, retired_at__isnull=True)
        order = list(fields.order_by("position", "created_at", "id"))
        place = next((index for index, one in enumerate(order) if one.pk == field.pk), None)
        other = None if place is None else place - 1 if up else place + 1
        if place is None or other is None or not 0 <= other < len(order):
            return
        order[place], order[other] = order[other], order[place]
        for position, one in enumerate(order):
            one.position = position
        CustomField.objects.of(field.workspace_id).bulk_update(order, ["position"])


def _check(draft: FieldDraft) -> None:
    errors: dict[str, str] = {}
    if not draft.label.strip():
        errors["label"] = _("Give the field a name.")
    elif len(draft.label.strip()) > 80:
        errors["label"] = _("At most %(count)d characters.") % {"count": 80}
    if draft.kind not in Kind.values:
        errors["kind"] = _("There is no such kind of field.")
    if draft.on not in CustomField.On.values:
        errors["on"] = _("Fields can be on contacts, companies and services.")
    if draft.kind in {Kind.CHOICE, Kind.CHOICES} and not _choice_list(draft):
        errors["choices"] = _("Write the choices, one a line.")
    if len(draft.choices) > MOST_CHOICES or any(len(choice) > 100 for choice in draft.choices):
        errors["choices"] = _("At most %(count)d choices of 100 characters.") % {"count": MOST_CHOICES}
    if len(draft.help_text) > 200:
        errors["help_text"] = _("At most %(count)d characters.") % {"count": 200}
    if draft.personal_kind not in dict(PERSONAL_KINDS):
        errors["personal_kind"] = _("Please choose one of the answers.")
    if errors:
        raise ValidationError(errors)


def _choice_list(draft: FieldDraft) -> list[str]:
    return list(dict.fromkeys(choice.strip() for choice in draft.choices if choice.strip()))


def _free_key(label: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", script.latin(label)).strip("_")[:50] or "field"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}_{number}", number + 1
    return key
