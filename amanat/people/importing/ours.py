"""Our own format: what an export writes and an import reads back unchanged.

In a table each fact has a column, phones, e-mails and addresses as many as the fullest record needs ("Phone 2", "Phone 2 label"). The
heading of a custom field names its kind, "Village fund [amount]", so that an empty workspace can make the field again. In JSON, and in
one property of a vCard, a record is an object with the same words. Headings are not translated: a file must be readable everywhere.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from amanat.core import phones
from amanat.people import custom_fields
from amanat.people.importing import values
from amanat.people.importing.drafts import ADDRESS_PARTS, AddressDraft, Draft, EmailDraft, PhoneDraft
from amanat.people.importing.values import Problem
from amanat.people.models import CustomField

ID = {"contact": "Amanat id", "company": "Amanat company id"}
#: The attributes of a draft that are one text, with their headings, in the order of the columns.
FACTS = {
    "contact": {
        "name": "Name", "company": "Company", "company_id": "Amanat company id", "job_title": "Job title", "stage": "Stage", "owner": "Owner e-mail", "team": "Team",
        "language": "Language", "birthday": "Birthday", "follow_up_on": "Next follow-up", "external_id": "External id",
        "source_detail": "Source", "created_at": "Added at", "notes": "Notes",
    },
    "company": {
        "name": "Name", "gstin": "GSTIN", "website": "Website", "industry": "Industry", "owner": "Owner e-mail", "team": "Team",
        "follow_up_on": "Next follow-up", "external_id": "External id", "source_detail": "Source", "created_at": "Added at",
        "notes": "Notes",
    },
}  # fmt: skip
TAGS = "Tags"
_PHONE_PARTS = {"label": "label", "extension": "extension", "is_whatsapp": "WhatsApp"}
_ADDRESS_HEADINGS = {
    "label": "label", "street": "street", "locality": "area", "city": "town", "district": "district", "state": "state",
    "postal_code": "PIN code", "country": "country",
}  # fmt: skip
_DAYS = ("birthday", "follow_up_on")
_CUSTOM = re.compile(r"(.+) \[([a-z_]+)\]", re.DOTALL)
_COLUMN = re.compile(r"(Phone|E-mail|Address) ([1-9][0-9]?)(?: (.+))?")


@dataclass(frozen=True, slots=True)
class Widths:
    """How many phones, e-mails and addresses the fullest record has, and the custom fields: what the columns depend on."""

    phones: int
    emails: int
    addresses: int
    fields: Sequence[CustomField] = ()
    without: frozenset[str] = frozenset()  #: facts that have no column: what the purpose of an export does not need

    def facts(self, on: str) -> dict[str, str]:
        """The attributes that are one text, with their headings."""
        without = self.without | {"company_id"} if "company" in self.without else self.without
        return {name: heading for name, heading in FACTS[on].items() if name not in without}


# --- writing -------------------------------------------------------------------------------------------------------


def columns(on: str, widths: Widths) -> list[str]:
    found = [ID[on], *widths.facts(on).values(), TAGS]
    for place in range(1, widths.phones + 1):
        found += [f"Phone {place}", *(f"Phone {place} {part}" for part in _PHONE_PARTS.values())]
    for place in range(1, widths.emails + 1):
        found += [f"E-mail {place}", f"E-mail {place} label"]
    for place in range(1, widths.addresses + 1):
        found += [f"Address {place} {part}" for part in _ADDRESS_HEADINGS.values()]
    return found + [f"{field.label} [{field.kind}]" for field in widths.fields]


def cells(on: str, draft: Draft, widths: Widths) -> list[str]:
    found = [draft.our_id, *((getattr(draft, name) or "") for name in widths.facts(on)), joined(draft.tags)]
    for place in range(widths.phones):
        phone = draft.phones[place] if place < len(draft.phones) else None
        found += [phone.number, phone.label, phone.extension, _yes_no(phone.is_whatsapp)] if phone else ["", "", "", ""]
    for place in range(widths.emails):
        email = draft.emails[place] if place < len(draft.emails) else None
        found += [email.address, email.label] if email else ["", ""]
    for place in range(widths.addresses):
        address = draft.addresses[place] if place < len(draft.addresses) else AddressDraft()
        found += [address.label, *(address.parts.get(part, "") for part in ADDRESS_PARTS)]
    return found + [custom_text(field.kind, draft.custom.get(field.key)) for field in widths.fields]


def as_object(on: str, draft: Draft) -> dict[str, Any]:
    """The record as JSON, without what is empty."""
    plain: dict[str, Any] = _without_empty({"id": draft.our_id, "company_id": draft.company_id})
    plain |= {name: value for name in FACTS[on] if (value := getattr(draft, name))}
    parts: dict[str, Any] = {
        "tags": draft.tags,
        "phones": [
            _without_empty(
                {"number": p.number, "label": p.label, "extension": p.extension, "is_whatsapp": p.is_whatsapp}
            )
            for p in draft.phones
        ],
        "emails": [_without_empty({"address": e.address, "label": e.label}) for e in draft.emails],
        "addresses": [_without_empty({"label": a.label, **a.parts}) for a in draft.addresses],
        "custom": draft.custom,
    }
    return plain | {name: value for name, value in parts.items() if value}


def field_object(definition: CustomField) -> dict[str, Any]:
    plain = {"key": definition.key, "label": definition.label, "kind": definition.kind, "choices": definition.choices}
    besides = {
        "help": definition.help_text,
        "personal": definition.personal_kind,
        "is_required": definition.is_required,
    }
    return plain | {name: value for name, value in besides.items() if value}


def _without_empty(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in ("", None)}


def joined(tags: Iterable[str]) -> str:
    return "; ".join(tag.replace("\\", "\\\\").replace(";", "\\;") for tag in tags)


def _yes_no(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def custom_text(kind: str, value: Any) -> str:
    """A stored value as a cell; `custom_value` is its inverse."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _yes_no(value)
    if kind == CustomField.Kind.MONEY and isinstance(value, int):
        return f"{'-' if value < 0 else ''}{abs(value) // 100}.{abs(value) % 100:02}"
    if isinstance(value, str):
        return value
    if kind == CustomField.Kind.CHOICES and isinstance(value, list):
        return joined(map(str, value))
    return json.dumps(value, ensure_ascii=False)


# --- reading -------------------------------------------------------------------------------------------------------


def kind_of(columns: Sequence[str]) -> str | None:
    """ "contact" or "company" when these are our columns."""
    first = columns[0].strip() if columns else ""
    return next((on for on, heading in ID.items() if heading == first), None)


def fields_of(columns: Sequence[str]) -> dict[int, tuple[str, str]]:
    """The columns that hold custom fields: their place, label and kind."""
    found = {}
    for place, column in enumerate(columns):
        match = _CUSTOM.fullmatch(column)
        if match and match[2] in CustomField.Kind.values:
            found[place] = (match[1], match[2])
    return found


@dataclass(slots=True)
class Reader:
    """Makes drafts of the rows of one of our tables. `fields` finds the custom field of a column by its place."""

    on: str
    columns: Sequence[str]
    fields: Mapping[int, CustomField]
    options: values.Options
    _takers: list[tuple[int, Callable[[Draft, str], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = {heading: name for name, heading in FACTS[self.on].items()}
        for place, column in enumerate(self.columns):
            numbered = _COLUMN.fullmatch(column)
            if column == ID[self.on]:
                self._takers.append((place, _take_id))
            elif column == TAGS:
                self._takers.append((place, _take_tags))
            elif column in names:
                self._takers.append((place, _taker_of(names[column])))
            elif place in self.fields:
                self._takers.append((place, _custom_taker(self.fields[place])))
            elif numbered:
                self._takers.append((place, _reach_taker(numbered[1], int(numbered[2]) - 1, numbered[3] or "")))

    def unchecked(self, cells: Sequence[str]) -> Draft:
        """What the cells say, for who checks it later."""
        draft = Draft(0)
        for place, take in self._takers:
            if cell := values.cleaned(cells[place]):
                take(draft, cell)
        return draft

    def draft(self, number: int, cells: Sequence[str], problems: list[Problem]) -> Draft:
        draft = Draft(number)
        for place, take in self._takers:
            cell = values.cleaned(cells[place]) if cells[place] else ""
            if cell:
                try:
                    take(draft, cell)
                except ValueError as error:
                    problems.append(Problem(self.columns[place], cell[:200], str(error)))
        return finished(draft, self.options, problems)


def finished(draft: Draft, options: values.Options, problems: list[Problem]) -> Draft:
    """Numbers, addresses and days checked, as somebody may have edited the file."""
    kept_phones = []
    for phone in draft.phones:
        try:
            phone.number = (
                phone.number if phones.is_e164(phone.number) else phones.parse_or_raise(phone.number, options.region)
            )
        except phones.PhoneInvalid as invalid:
            if phone.number:
                problems.append(Problem("Phone", phone.number[:200], invalid.reason))
            continue
        kept_phones.append(phone)
    draft.phones = kept_phones
    for email in draft.emails:
        email.address = email.address.lower()
    good = [email for email in draft.emails if "@" in email.address[1:-1] and len(email.address) <= 254]
    problems += [
        Problem("E-mail", email.address[:200], _("It is not an e-mail address."))
        for email in draft.emails
        if email not in good and email.address
    ]
    draft.emails = good
    draft.addresses = [address for address in draft.addresses if address.parts]
    for name in _DAYS:
        text = getattr(draft, name)
        if text:
            try:
                setattr(draft, name, date.fromisoformat(text).isoformat())
            except ValueError:
                problems.append(Problem(name, text[:200], _("This is not a date.")))
                setattr(draft, name, None)
    if draft.created_at:
        try:
            draft.created_at = datetime.fromisoformat(draft.created_at).isoformat()
        except ValueError:
            problems.append(Problem("created_at", draft.created_at[:200], _("This is not a date.")))
            draft.created_at = None
    draft.our_id, draft.company_id = _identity(draft.our_id), _identity(draft.company_id)
    return draft


def _identity(text: str) -> str:
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        return ""


def _take_id(draft: Draft, cell: str) -> None:
    draft.our_id = cell


def _take_tags(draft: Draft, cell: str) -> None:
    draft.tags = parted(cell)


def _taker_of(name: str) -> Callable[[Draft, str], None]:
    return lambda draft, cell: setattr(draft, name, cell)


def _custom_taker(definition: CustomField) -> Callable[[Draft, str], None]:
    def take(draft: Draft, cell: str) -> None:
        draft.custom[definition.key] = custom_value(definition, cell)

    return take


def _reach_taker(thing: str, place: int, part: str) -> Callable[[Draft, str], None]:
    def phone(draft: Draft, cell: str) -> None:
        while len(draft.phones) <= place:
            draft.phones.append(PhoneDraft(""))
        if not part:
            draft.phones[place].number = cell
        elif part == "WhatsApp":
            draft.phones[place].is_whatsapp = cell.casefold() in {"yes", "true", "1"}
        elif part in {"label", "extension"}:
            setattr(draft.phones[place], part, cell)

    def email(draft: Draft, cell: str) -> None:
        while len(draft.emails) <= place:
            draft.emails.append(EmailDraft(""))
        setattr(draft.emails[place], "label" if part == "label" else "address", cell)

    def address(draft: Draft, cell: str) -> None:
        while len(draft.addresses) <= place:
            draft.addresses.append(AddressDraft())
        name = next((name for name, heading in _ADDRESS_HEADINGS.items() if heading == part), None)
        if name == "label":
            draft.addresses[place].label = cell
        elif name:
            draft.addresses[place].parts[name] = cell

    return {"Phone": phone, "E-mail": email, "Address": address}[thing]


def parted(text: str) -> list[str]:
    """The inverse of `joined`."""
    found, current, escaped = [], "", False
    for character in text:
        if escaped:
            current, escaped = current + character, False
        elif character == "\\":
            escaped = True
        elif character == ";":
            found.append(current)
            current = ""
        else:
            current += character
    return [tag.strip() for tag in [*found, current] if tag.strip()]


def custom_value(definition: CustomField, text: str) -> Any:
    """The inverse of `custom_text`. Raises ValueError, in words, when the text is no value of the field."""
    given: Any = parted(text) if definition.kind == CustomField.Kind.CHOICES else text
    try:
        return custom_fields.cleaned(definition, given)
    except ValidationError as problem:
        raise ValueError(" ".join(problem.messages)) from problem


def from_object(
    on: str, number: int, found: Mapping[str, Any], options: values.Options, problems: list[Problem]
) -> Draft:
    """The draft of what `as_object` wrote; custom values under the labels and kinds the caller resolves stay under their keys."""
    draft = Draft(number, our_id=_text(found.get("id")))
    for name in FACTS[on]:
        value = _text(found.get(name))
        if value:
            setattr(draft, name, value)
    draft.company_id = _text(found.get("company_id"))
    draft.tags = [tag for tag in map(_text, _listed(found, "tags")) if tag]
    for one in _dicts(found, "phones"):
        is_whatsapp = one.get("is_whatsapp")
        draft.phones.append(
            PhoneDraft(
                _text(one.get("number")),
                _text(one.get("label")),
                _text(one.get("extension")),
                is_whatsapp if isinstance(is_whatsapp, bool) else None,
            )
        )
    draft.emails = [EmailDraft(_text(one.get("address")), _text(one.get("label"))) for one in _dicts(found, "emails")]
    for one in _dicts(found, "addresses"):
        parts = {part: value for part in ADDRESS_PARTS if (value := _text(one.get(part)))}
        draft.addresses.append(AddressDraft(_text(one.get("label")), parts))
    custom = found.get("custom")
    draft.custom = dict(custom) if isinstance(custom, dict) else {}
    return finished(draft, options, problems)


def _text(value: Any) -> str:
    return values.cleaned(value) if isinstance(value, str) else ""


def _listed(found: Mapping[str, Any], name: str) -> list[Any]:
    value = found.get(name)
    return value if isinstance(value, list) else []


def _dicts(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in _listed(found, name) if isinstance(one, dict)]
