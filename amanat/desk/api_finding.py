"""What the API of the desk looks up in several places."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from pydantic import BaseModel

from amanat.accounts.api_access import ApiRequest
from amanat.accounts.api_shapes import LISTED, After, Limit, Strict, key_of, next_of
from amanat.accounts.models import Member
from amanat.desk.models import ServiceRecord
from amanat.people.models import Company, Contact

#: Fields that no row has: all money here is of one currency.
_SAME_EVERYWHERE = {"currency"}


class Listing(Strict):
    """What every list may be asked for."""

    limit: Limit = LISTED
    after: After = ""


class AboutPeople(Listing):
    """A list of what is about somebody."""

    contact_id: UUID | None = None
    company_id: UUID | None = None


def people_of(
    request: ApiRequest, contact_id: UUID | None, company_id: UUID | None
) -> tuple[Contact | None, Company | None]:
    """Whom something is about, of those the member may see. Raises ValidationError for an id that is none."""
    found: list[Any] = []
    for model, name, identity in ((Contact, "contact_id", contact_id), (Company, "company_id", company_id)):
        row = None
        if identity is not None:
            row = model.objects.of(request.workspace).visible_to(request.member).alive().filter(pk=identity).first()
            if row is None:
                raise ValidationError({name: _("There is no such record here.")})
        found.append(row)
    return found[0], found[1]


def member_of(request: ApiRequest, member_id: UUID | None, *, name: str) -> Member | None:
    """A present member. Raises ValidationError for an id that is none."""
    if member_id is None:
        return None
    found = Member.objects.of(request.workspace).filter(pk=member_id, ended_at__isnull=True).first()
    if found is None:
        raise ValidationError({name: _("There is no such member here.")})
    return found


def record_of(request: ApiRequest, record_id: UUID, *, alive: bool = False) -> ServiceRecord:
    """A record the member may see, with `alive` only one that is not in the bin; anything else does not exist."""
    seen = ServiceRecord.objects.of(request.workspace).visible_to(request.member)
    if alive:
        seen = seen.alive()
    found: ServiceRecord | None = seen.select_related("contact", "company", "service").filter(pk=record_id).first()
    if found is None:
        raise Http404
    return found


def shaped[Shape: BaseModel](shape: type[Shape], row: Any, **others: Any) -> Shape:
    """An answer out of the attributes of `row` that are called like its fields; `others` are those that are not."""
    named = shape.model_fields.keys() - others.keys() - _SAME_EVERYWHERE
    return shape(**{name: getattr(row, name) for name in named}, **others)


def newest(request: HttpRequest, found: Any, after: str, limit: int) -> tuple[list[Any], str | None]:
    """A page of rows by id, newest first."""
    key = key_of(after)
    if key is not None:
        found = found.filter(pk__lt=key)
    rows = list(found.order_by("-id")[: limit + 1])
    return rows[:limit], next_of(request, str(rows[limit - 1].pk) if len(rows) > limit else None)
