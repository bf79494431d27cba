"""The list of cases: its views, and pages by key, never by offset and never counted in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import QueryDict

from amanat.accounts.models import Member
from amanat.desk.cases.models import SupportCase, SupportCaseQuerySet
from amanat.people import search

PAGE = 50
#: The tabs of the list, in order.
VIEWS = ("open", "mine", "late", "closed")
#: So many hits of the search are looked through.
_MOST_FOUND = 200


@dataclass(frozen=True)
class Filters:
    """What the list is asked for. What an address says that is unknown is left out rather than refused."""

    view: str = "open"
    query: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> Filters:
        view = str(query.get("view", ""))
        return cls(
            view if view in VIEWS else "open", " ".join(str(query.get("q", "")).replace("\x00", "").split())[:200]
        )

    @property
    def is_closed(self) -> bool:
        return self.view == "closed"


@dataclass(frozen=True)
class Page:
    cases: Sequence[SupportCase]
    after: str | None  #: the key of the next page
    before: str | None


def rows(member: Member, filters: Filters, *, today: date) -> SupportCaseQuerySet:
    """The cases the member may see that fit, without order. With words to search, those whose subject, person or number has them."""
    found = SupportCase.objects.of(member.workspace_id).visible_to(member).for_people_here()
    if filters.query:
        hits = search.find(filters.query, member=member, kinds=["case"], limit=_MOST_FOUND)
        found = found.filter(pk__in=[hit.id for hit in hits])
    if filters.is_closed:
        return found.filter(closed_at__isnull=False)
    if filters.view == "mine":
        return found.unsolved().filter(owner=member)
    return found.late(today) if filters.view == "late" else found.unsolved()


def page(
    found: SupportCaseQuerySet,
    filters: Filters,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """One page: what is unsolved by its day, what is closed with the latest first. Keys that no page gave are ignored."""
    column = "closed_at" if filters.is_closed else "due_on"
    backwards = before is not None and _place(before, filters) is not None
    place = _place(before if backwards else after, filters)
    upwards = filters.is_closed == backwards
    if place is not None:
        beyond: Any = TupleGreaterThan if upwards else TupleLessThan
        found = found.filter(beyond(Tuple(F(column), F("id")), place))
    sign = "" if upwards else "-"
    ordered = found.order_by(f"{sign}{column}", f"{sign}id").select_related("contact")
    taken = list(ordered[: limit + 1])
    more, taken = len(taken) > limit, taken[:limit]
    if backwards:
        taken.reverse()
    has_before = more if backwards else place is not None
    return Page(
        taken,
        after=_key(taken[-1], column) if taken and (backwards or more) else None,
        before=_key(taken[0], column) if taken and has_before else None,
    )


def _key(case: SupportCase, column: str) -> str:
    return f"{getattr(case, column).isoformat()}~{case.pk}"


def _place(key: str | None, filters: Filters) -> tuple[date | datetime, UUID] | None:
    text, _tilde, identity = (key or "").partition("~")
    try:
        if not filters.is_closed:
            return date.fromisoformat(text), UUID(identity)
        moment = datetime.fromisoformat(text)
        return (moment, UUID(identity)) if moment.tzinfo else None
    except ValueError:
        return None
