"""Finding who a service is for, from what the counter types: a number, a name, or both for somebody new."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import phones
from amanat.people import contacts, search
from amanat.people.contacts import ContactDraft
from amanat.people.models import Company, Contact

Person = Contact | Company
MOST = 8
_NUMBER = re.compile(r"\+?[0-9०-९][0-9०-९ ()-]{8,}[0-9०-९]")


class PersonUnclear(ValueError):
    """The text fits several people, or nobody; `people` are those it could be."""

    def __init__(self, message: str, people: Sequence[Person] = ()) -> None:
        super().__init__(message)
        self.people = people


@dataclass(frozen=True)
class Typed:
    """What was typed, taken apart."""

    name: str
    phone: str  #: E.164, or "" when there is no valid number in it


def take_apart(text: str) -> Typed:
    """ "Sunita Deshmukh 98220 41736" is a name and a number."""
    found = _NUMBER.search(text)
    number = phones.parse(found[0]) if found else None
    if found is None or number is None:
        return Typed(" ".join(text.split()), "")
    return Typed(" ".join((text[: found.start()] + " " + text[found.end() :]).split()).strip("·, ()"), number)


def find(member: Member, text: str) -> list[Person]:
    """People and firms the member may see, best first. Up to three statements."""
    hits = search.find(text, member=member, kinds=["contact", "company"], limit=MOST)
    workspace = member.workspace_id
    people = Contact.objects.of(workspace).visible_to(member).alive().select_related("company")
    firms = Company.objects.of(workspace).visible_to(member).alive()
    found: dict[UUID, Person] = {}
    if wanted := [hit.id for hit in hits if hit.kind == "contact"]:
        found |= {each.pk: each for each in people.filter(pk__in=wanted)}
    if wanted := [hit.id for hit in hits if hit.kind == "company"]:
        found |= {each.pk: each for each in firms.filter(pk__in=wanted)}
    return [found[hit.id] for hit in hits if hit.id in found]


def chosen(member: Member, data: Mapping[str, Any], *, at: datetime) -> Person:
    """The person a form means: the one picked, the only one with the number, or a new one. Raises PersonUnclear."""
    if data.get("contact"):
        return _one(Contact.objects.of(member.workspace_id).visible_to(member).alive().filter(pk=data["contact"]))
    if data.get("company"):
        return _one(Company.objects.of(member.workspace_id).visible_to(member).alive().filter(pk=data["company"]))
    if data.get("new_name") or data.get("new_phone"):
        return _new(member, data.get("new_name", ""), data.get("new_phone", ""), at)
    typed = take_apart(data.get("person", ""))
    if not typed.name and not typed.phone:
        raise PersonUnclear(_("Type who it is for: a phone number or a name."))
    same = find(member, typed.phone or typed.name)
    if typed.phone and len(same) == 1:
        return same[0]
    if same:
        raise PersonUnclear(_("Choose which one."), same)
    if typed.phone:
        return _new(member, typed.name, typed.phone, at)
    raise PersonUnclear(_("Nobody is called that. Write the mobile number too, and a new contact is made."))


def _one(rows: Any) -> Person:
    found: Person | None = rows.first()
    if found is None:
        raise PersonUnclear(_("This person is not there any more."))
    return found


def _new(member: Member, name: str, phone: str, at: datetime) -> Contact:
    draft = ContactDraft(name=name, phones=[(phone, "")] if phone else [], owner=member.pk)
    try:
        return contacts.create(workspace=member.workspace, by=member, at=at, draft=draft)
    except ValidationError as problem:
        raise PersonUnclear(" ".join(problem.messages)) from None
