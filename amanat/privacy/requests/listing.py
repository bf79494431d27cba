"""The list of requests: its tabs, and pages by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from amanat.core.tenancy import WorkspaceQuerySet
from amanat.privacy.requests import clocks
from amanat.privacy.requests.models import RightsRequest

PAGE = 50
VIEWS = ("open", "soon", "late", "done", "all")
#: Tabs that come by the day the answer is due; the others newest first.
_BY_DAY = frozenset({"open", "soon", "late"})


@dataclass(frozen=True, slots=True)
class Page:
    requests: Sequence[RightsRequest]
    after: str | None  #: the key of the next page
    before: str | None


def rows(workspace_id: UUID, view: str, *, at: datetime) -> WorkspaceQuerySet[RightsRequest]:
    """The requests that a tab shows, without order."""
    found: WorkspaceQuerySet[RightsRequest] = RightsRequest.objects.of(workspace_id)
    if view in _BY_DAY:
        found = found.filter(state__in=RightsRequest.OPEN)
    if view == "soon":
        found = found.filter(due_at__gt=at, due_at__lte=at + clocks.BEFORE_THE_END[0])
    elif view == "late":
        found = found.filter(due_at__lte=at)
    elif view == "done":
        found = found.exclude(state__in=RightsRequest.OPEN)
    return found


def page(
    found: WorkspaceQuerySet[RightsRequest], view: str, *, after: str = "", before: str = "", limit: int = PAGE
) -> Page:
    """One page; keys that no page gave are ignored."""
    by_day = view in _BY_DAY
    backwards = bool(before) and _place(before, by_day=by_day) is not None
    place = _place(before if backwards else after, by_day=by_day)
    upwards = by_day != backwards
    if place is not None:
        found = found.filter(_beyond(place, upwards=upwards, by_day=by_day))
    sign = "" if upwards else "-"
    order = (f"{sign}due_at", f"{sign}id") if by_day else (f"{sign}id",)
    taken = list(found.select_related("contact").defer("details", "answer").order_by(*order)[: limit + 1])
    more, taken = len(taken) > limit, taken[:limit]
    if backwards:
        taken.reverse()
    return Page(
        taken,
        after=_key(taken[-1], by_day=by_day) if taken and (backwards or more) else None,
        before=_key(taken[0], by_day=by_day) if taken and (more if backwards else place is not None) else None,
    )


def _beyond(place: tuple[datetime | None, UUID], *, upwards: bool, by_day: bool) -> Q:
    side = "gt" if upwards else "lt"
    moment, identity = place
    if not by_day:
        return Q(**{f"id__{side}": identity})
    return Q(**{f"due_at__{side}": moment}) | Q(**{"due_at": moment, f"id__{side}": identity})


def _key(request: RightsRequest, *, by_day: bool) -> str:
    return f"{request.due_at.isoformat()}~{request.pk}" if by_day else str(request.pk)


def _place(key: str, *, by_day: bool) -> tuple[datetime | None, UUID] | None:
    moment, _tilde, identity = key.rpartition("~")
    try:
        found: Any = datetime.fromisoformat(moment) if by_day else None
        if (found.tzinfo is None) if by_day else moment:
            return None
        return found, UUID(identity)
    except ValueError:
        return None


def is_place(key: str, view: str) -> bool:
    """Whether `key` is one that a page of this tab may have given."""
    return _place(key, by_day=view in _BY_DAY) is not None
