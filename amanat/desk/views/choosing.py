"""The picker of people in the forms of the desk: whom the address names, and the people a text may mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from amanat.accounts.access import MemberRequest
from amanat.desk.forms import as_uuid, person_text
from amanat.desk.persons import Person
from amanat.people import masking, vocabulary
from amanat.people.masking import Guard
from amanat.people.models import Company, Contact


def first_person(request: MemberRequest) -> dict[str, Any]:
    """Whom `?contact=` or `?company=` names, as the picker's first values; nothing for somebody the member may not see."""
    for kind, model in (("contact", Contact), ("company", Company)):
        identity = as_uuid(request.GET.get(kind, ""))
        if identity is None:
            continue
        rows: QuerySet[Any] = model.objects.of(request.workspace).visible_to(request.member).alive()
        person = rows.filter(pk=identity).first()
        if person is not None:
            return {kind: person.pk, "person": person_text(person, held(request))}
    return {}


def options(request: MemberRequest, people: Sequence[Person]) -> list[dict[str, Any]]:
    """People as the picker offers them."""
    guard = held(request) if people else Guard()
    return [_option(person, guard) for person in people]


def held(request: MemberRequest) -> Guard:
    """What the member does not see of people."""
    return masking.guard(request.member, vocabulary.of_request(request), request.purpose)


def _option(person: Person, guard: Guard) -> dict[str, Any]:
    is_contact = isinstance(person, Contact)
    firm = person.company.name if isinstance(person, Contact) and person.company else ""
    sub = guard.about(person.pk).shown("company", firm)
    return {
        "kind": "contact" if is_contact else "company", "person": person, "text": person_text(person, guard), "sub": sub,
    }  # fmt: skip
