"""The API of the search. It stands here because this package knows all kinds of records that can be found."""

from __future__ import annotations

from typing import Annotated, Literal, cast
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from amanat.accounts import bulk_reads
from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import Listed, Strict
from amanat.accounts.permissions import May
from amanat.desk.models import ServiceRecord
from amanat.people import masking, search, vocabulary
from amanat.people.models import Company, Contact

router = Router(tags=["Search"])

_KINDS = Literal["contact", "company", "service"]


class HitOut(BaseModel):
    kind: _KINDS
    id: UUID
    title: str
    note: str = Field(
        description="Phone or e-mail of a contact where you may see it, GSTIN of a company, the person of a service record."
    )


class HitPage(Listed[HitOut]):
    """Hits, best first. There is no second page: ask for more letters."""


class SearchFilters(Strict):
    q: Annotated[str, Field(min_length=1, max_length=search.MOST_LETTERS, examples=["sunita 041736"])]
    kind: list[_KINDS] = Field(default=[], description="Left out: all kinds the token may read.")
    limit: Annotated[int, Field(ge=1, le=50)] = 20


@router.get("/search", response=HitPage, summary="Search by name or number")
@needs("contacts:read", May.READ_CONTACTS)
def find(request: HttpRequest, filters: Query[SearchFilters]) -> HitPage:
    """In whatever script and spelling a name was written; numbers by any part. Service records need `services:read` too."""
    asked = cast(ApiRequest, request)
    may = ["contact", "company"]
    if "services:read" in asked.token.scopes and asked.member.may(May.READ_SERVICES):
        may.append("service")
    kinds = [kind for kind in may if not filters.kind or kind in filters.kind]
    words = vocabulary.of_request(asked)
    hits = (
        search.find(filters.q, member=asked.member, kinds=kinds, limit=filters.limit, vocabulary_of=words)
        if kinds
        else []
    )
    shown = {
        hit.id: hit for kind in kinds for hit in _shown(asked, kind, [each.id for each in hits if each.kind == kind])
    }
    items = [shown[hit.id] for hit in hits if hit.id in shown]
    people = sum(item.kind != "company" for item in items)  # a service is shown with its person
    bulk_reads.count(token=asked.token, member=asked.member, contacts=people)
    return HitPage(items=items)


def _shown(request: ApiRequest, kind: str, ids: list[UUID]) -> list[HitOut]:
    """The hits of one kind as they are shown; what the member may not see is left out."""
    if not ids:
        return []
    workspace, member = request.workspace, request.member
    if kind == "contact":
        seen = Contact.objects.of(workspace).visible_to(member).alive().filter(pk__in=ids)
        held = masking.guard(member, vocabulary.of_request(request), request.purpose)
        found = [
            (pk, name, "" if pk in held.restricted else _reach(held, phone, mail))
            for pk, name, phone, mail in seen.values_list("pk", "name", "main_phone", "main_email")
        ]
    elif kind == "company":
        found = list(
            Company.objects.of(workspace)
            .visible_to(member)
            .alive()
            .filter(pk__in=ids)
            .values_list("pk", "name", "gstin")
        )
    else:
        records = ServiceRecord.objects.of(workspace).visible_to(member).alive().filter(pk__in=ids)
        found = [(each.pk, each.title, each.for_whom) for each in records.select_related("contact", "company")]
    return [HitOut(kind=cast(_KINDS, kind), id=pk, title=title, note=note) for pk, title, note in found]


def _reach(held: masking.Guard, phone: str, mail: str) -> str:
    """The number of a contact or else the address, of those that the member sees; neither masked, as on contacts of the API."""
    return next((text for name, text in (("phones", phone), ("emails", mail)) if text and not held.hides(name)), "")
