"""What somebody says a contact or company is, and making it well-formed. Forms, API and imports all come through here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from amanat.accounts import workspaces
from amanat.core import phones
from amanat.people import custom_fields, script
from amanat.people.models import Address
from amanat.people.vocabulary import Vocabulary

NAME, NOTES, MOST_REACHES, MOST_TAGS = 200, 10_000, 20, 50
ADDRESS_PARTS = ("street", "locality", "city", "district", "state", "postal_code", "country")


@dataclass(frozen=True, slots=True)
class AddressDraft:
    street: str = ""
    locality: str = ""
    city: str = ""
    district: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    label: str = ""

    @property
    def is_empty(self) -> bool:
        return not any(getattr(self, part) for part in ADDRESS_PARTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDraft:
    """What contacts and companies share. Phones are (number, label), e-mails (address, label); tags are names."""

    name: str = ""
    phones: Sequence[tuple[str, str]] = ()
    emails: Sequence[tuple[str, str]] = ()
    addresses: Sequence[AddressDraft] = ()
    tags: Sequence[str] = ()
    owner: UUID | None = None
    team: UUID | None = None
    notes: str = ""
    follow_up_on: date | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDraft(RecordDraft):
    """A contact. `company_id` wins over `company_name`; a company of that name is made when there is none."""

    company_name: str = ""
    company_id: UUID | None = None
    job_title: str = ""
    stage: UUID | None = None
    language: str = ""
    birthday: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyDraft(RecordDraft):
    gstin: str = ""
    website: str = ""
    industry: str = ""


_ADDRESS_LENGTHS = {
    one.name: one.max_length or 0 for one in Address._meta.local_fields if one.name in (*ADDRESS_PARTS, "label")
}
_LENGTHS = {"name": NAME, "notes": NOTES, "job_title": 120, "company_name": NAME, "external_id": 100, "language": 10,
            "website": 200, "industry": 80, "gstin": 15}  # fmt: skip


def plain(text: str, *, lines: bool = False) -> str:
    """Without control characters and doubled spaces; `lines` keeps line breaks."""
    kept = "".join(
        character
        for character in text.replace("\r\n", "\n")
        if unicodedata.category(character) not in {"Cc", "Cs"} or character in "\n\t"
    )
    return "\n".join(" ".join(line.split()) for line in kept.split("\n")).strip() if lines else " ".join(kept.split())


def sort_name(name: str) -> str:
    """`name` as lists sort it: lower-case, without honorifics, Indic scripts in Latin letters."""
    return (" ".join(script.latin_words(name)) or name.casefold())[:NAME]


def cleaned[Draft: RecordDraft](
    draft: Draft, words: Vocabulary, *, on: str, stored_custom: Mapping[str, Any] | None = None
) -> Draft:
    """The draft, well-formed. Raises ValidationError whose keys are fields; "phones-1" is the second phone.

    Its custom values are as people enter them (an amount in rupees) and come back as they are stored (in paise);
    `stored_custom` stands for them when they are not being changed.
    """
    errors: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    names = {one.name for one in fields(draft)}
    for name in names & set(_LENGTHS):
        changes[name] = plain(getattr(draft, name), lines=name == "notes")
        if len(changes[name]) > _LENGTHS[name]:
            errors[name] = _("At most %(count)d characters.") % {"count": _LENGTHS[name]}
    changes["phones"] = _each(draft.phones, "phones", _phone, errors)
    changes["emails"] = _each(draft.emails, "emails", _email, errors)
    changes["addresses"] = _addresses(draft.addresses, errors)
    changes["tags"] = _tags(draft.tags, errors)
    if not changes["name"] and changes["phones"]:
        changes["name"] = phones.national(changes["phones"][0][0])
    if not changes["name"] and not errors:
        errors["name"] = _("Write a name or a phone number.")
    _check_references(draft, words, errors)
    if changes.get("gstin"):
        try:
            changes["gstin"] = workspaces.clean_gstin(changes["gstin"])
        except ValidationError as problem:
            errors["gstin"] = problem.messages
    try:
        entered = None if stored_custom is not None else custom_fields.cleaned_all(words.fields_on(on), draft.custom)
        changes["custom"] = stored_custom if entered is None else entered
    except ValidationError as problem:
        errors |= problem.message_dict
    if errors:
        raise ValidationError(errors)
    return replace(draft, **changes)


def _each(pairs: Iterable[tuple[str, str]], name: str, clean: Any, errors: dict[str, Any]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for place, (value, label) in enumerate(pairs):
        if not value.strip():
            continue
        try:
            found.setdefault(clean(value), plain(label)[:30])
        except ValidationError as problem:
            errors[f"{name}-{place}"] = problem.messages
    if len(found) > MOST_REACHES:
        errors[f"{name}-{MOST_REACHES}"] = _("At most %(count)d.") % {"count": MOST_REACHES}
    return list(found.items())


def _phone(text: str) -> str:
    try:
        return phones.parse_or_raise(text)
    except phones.PhoneInvalid as problem:
        raise ValidationError(problem.reason) from None


def _email(text: str) -> str:
    address = text.strip().lower()
    if len(address) > 254:
        raise ValidationError(_("It is too long for an e-mail address."))
    try:
        validate_email(address)
    except ValidationError:
        raise ValidationError(_("This is not an e-mail address.")) from None
    return address


def _addresses(given: Sequence[AddressDraft], errors: dict[str, Any]) -> list[AddressDraft]:
    kept: list[AddressDraft] = []
    for place, address in enumerate(given):
        tidy = AddressDraft(**{one.name: plain(getattr(address, one.name)) for one in fields(address)})
        if any(len(getattr(tidy, part)) > _ADDRESS_LENGTHS[part] for part in (*ADDRESS_PARTS, "label")):
            errors[f"addresses-{place}"] = _("One of the lines is too long.")
        elif not tidy.is_empty:
            kept.append(tidy)
    if len(kept) > MOST_REACHES:
        errors[f"addresses-{MOST_REACHES}"] = _("At most %(count)d.") % {"count": MOST_REACHES}
    return kept


def _tags(given: Sequence[str], errors: dict[str, Any]) -> list[str]:
    by_key = {plain(tag).casefold(): plain(tag) for tag in given if plain(tag)}
    if any(len(tag) > 60 for tag in by_key) or len(by_key) > MOST_TAGS:
        errors["tags"] = _("At most %(count)d tags of 60 characters.") % {"count": MOST_TAGS}
    return list(by_key.values())


def _check_references(draft: RecordDraft, words: Vocabulary, errors: dict[str, Any]) -> None:
    if draft.owner is not None and draft.owner not in words.members:
        errors["owner"] = _("There is no such member here.")
    if draft.team is not None and draft.team not in words.teams:
        errors["team"] = _("There is no such team here.")
    stage = draft.stage if isinstance(draft, ContactDraft) else None
    if stage is not None and stage not in words.stages:
        errors["stage"] = _("There is no such stage here.")
