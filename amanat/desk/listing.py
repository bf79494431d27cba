"""The list of service records: its filters, and pages by key, never by offset and never counted in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from amanat.accounts.models import Member
from amanat.desk.models import ServiceRecord, ServiceRecordQuerySet

PAGE = 50
EXPIRED_SOON = timedelta(days=30)
#: The tabs of the list, in order; each is a filter of its own.
VIEWS = ("in_hand", "due", "unpaid", "expiring", "all", "bin")
Status = ServiceRecord.Status


@dataclass(frozen=True)
class Filters:
    """What the list is asked for. Unknown or broken values in an address are left out rather than refused."""

    view: str = "in_hand"
    status: str = ""
    service: UUID | None = None
    owner: UUID | None = None

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> Filters:
        view, status = str(query.get("view", "")), str(query.get("status", ""))
        return cls(
            view=view if view in VIEWS else "in_hand",
            status=status if status in Status.values else "",
            service=_uuid(query.get("service")),
            owner=_uuid(query.get("owner")),
        )

    @property
    def is_plain(self) -> bool:
        return not (self.status or self.service or self.owner)


@dataclass(frozen=True)
class Page:
    records: Sequence[ServiceRecord]
    after: str | None  #: the key of the next page
    before: str | None


def rows(member: Member, filters: Filters, *, today: date) -> ServiceRecordQuerySet:
    """The records the member may see that fit, without order."""
    found = ServiceRecord.objects.of(member.workspace_id).visible_to(member)
    found = found.filter(deleted_at__isnull=False) if filters.view == "bin" else found.alive()
    if filters.view == "in_hand" and not filters.status:
        found = found.in_hand()
    elif filters.view == "due":
        found = found.in_hand().filter(due_on__lte=today)
    elif filters.view == "unpaid":
        found = found.filter(balance_paise__gt=0).exclude(status=Status.CANCELLED)
    elif filters.view == "expiring":
        found = found.filter(expires_on__gte=today - EXPIRED_SOON, expires_on__lte=today + EXPIRED_SOON)
    if filters.status:
        found = found.filter(status=filters.status)
    if filters.service:
        found = found.filter(service=filters.service)
    if filters.owner:
        found = found.filter(owner=filters.owner)
    return found


#: By what each view is ordered, and in which direction it first runs.
_ORDER = {"due": ("due_on", 1), "expiring": ("expires_on", 1), "unpaid": ("balance_paise", -1)}


def page(
    found: ServiceRecordQuerySet, view: str, *, after: str | None = None, before: str | None = None, limit: int = PAGE
) -> Page:
    """One page of `found`. `after` and `before` are keys that an earlier page gave; others are ignored."""
    field, direction = _ORDER.get(view, ("id", -1))
    backwards = before is not None and _place(before, field) is not None
    place = _place(before if backwards else after, field)
    forward = (direction > 0) != backwards
    if place is not None:
        found = found.filter(_beyond(field, place, forward=forward))
    sign = "" if forward else "-"
    ordered = found.order_by(f"{sign}{field}", *([f"{sign}id"] if field != "id" else []))
    taken = list(ordered.select_related("contact", "company", "owner", "service")[: limit + 1])
    more, taken = len(taken) > limit, taken[:limit]
    if backwards:
        taken.reverse()
    has_before = more if backwards else place is not None
    has_after = True if backwards else more
    return Page(
        taken,
        after=_key(taken[-1], field) if taken and has_after else None,
        before=_key(taken[0], field) if taken and has_before else None,
    )


def _beyond(field: str, place: tuple[Any, UUID], *, forward: bool) -> Q:
    value, identity = place
    side = "gt" if forward else "lt"
    if field == "id":
        return Q(**{f"id__{side}": identity})
    return Q(**{f"{field}__{side}": value}) | Q(**{field: value, f"id__{side}": identity})


def _key(record: ServiceRecord, field: str) -> str:
    return str(record.pk) if field == "id" else f"{getattr(record, field)}~{record.pk}"


def _place(key: str | None, field: str) -> tuple[Any, UUID] | None:
    if not key:
        return None
    value, _, identity = key.rpartition("~")
    try:
        if field == "id":
            return None, UUID(identity)
        return (date.fromisoformat(value) if field.endswith("_on") else int(value)), UUID(identity)
    except ValueError:
        return None


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None
