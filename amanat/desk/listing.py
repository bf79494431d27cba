"""The list of service records: its filters, and pages by key, never by offset and never counted in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.desk import veil
from amanat.desk.models import ServiceRecord
from amanat.desk.querysets import ServiceRecordQuerySet
from amanat.people import lists
from amanat.people.models import CustomField
from amanat.people.vocabulary import FieldWord, Vocabulary

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
    #: of the workspace's own fields: the values asked for by "custom.<key>", any of which will do
    custom: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, query: QueryDict, words: Vocabulary | None = None) -> Filters:
        """What an address asks for; without `words` nothing of the workspace's own fields."""
        view, status = str(query.get("view", "")), str(query.get("status", ""))
        known = lists.custom_names(words.fields_on("service")) if words else {}
        return cls(
            view=view if view in VIEWS else "in_hand",
            status=status if status in Status.values else "",
            service=_uuid(query.get("service")),
            owner=_uuid(query.get("owner")),
            custom={
                name: kept for name, (one, side) in known.items() if (kept := _possible(one, query.getlist(name), side))
            },
        )


@dataclass(frozen=True)
class Page:
    records: Sequence[ServiceRecord]
    after: str | None  #: the key of the next page
    before: str | None


def _possible(one: FieldWord, values: Sequence[str], side: str = "") -> list[str]:
    """The values a field may be asked for; for a list, a yes and no or what has an order only what it may hold."""
    short = [value.strip()[:200] for value in values[: lists.MOST_VALUES]]
    kept = [value for value in dict.fromkeys(short) if value and "\x00" not in value]
    if one.kind == CustomField.Kind.YES_NO:
        return [value for value in kept if value in {"yes", "no"}]
    if side or one.kind in {CustomField.Kind.NUMBER, CustomField.Kind.MONEY}:
        return [value for value in kept if _can_be(one, value)]
    is_list = one.kind in {CustomField.Kind.CHOICE, CustomField.Kind.CHOICES}
    return [value for value in kept if value in one.choices] if is_list else kept


def _can_be(one: FieldWord, value: str) -> bool:
    try:
        lists.custom_limit(one, value)
    except lists.Refused:
        return False
    return True


def custom(member: Member, filters: Filters, words: Vocabulary) -> Q:
    """The condition of the workspace's own fields. Raises lists.Refused for a field that is not there or an impossible value."""
    condition, by_name = Q(), lists.custom_names(words.fields_on("service"))
    everything = ServiceRecord.objects.of(member.workspace_id)
    held = veil.guard(member, words)
    for name, values in filters.custom.items():
        if name not in by_name:
            raise lists.Refused(_("There is no filter “%(name)s”.") % {"name": name[:40]})
        if held.hides(lists.masked_name(name)):
            raise lists.Refused(_("You do not see this field, so no list can be asked for it."))
        own, side = by_name[name]
        condition &= lists.custom_condition(own, values, side=side, holders=everything)
    return condition


def rows(member: Member, filters: Filters, *, today: date) -> ServiceRecordQuerySet:
    """The records the member may see that fit, without order; filters of own fields stand in `custom`."""
    found = ServiceRecord.objects.of(member.workspace_id).visible_to(member)
    found = found.filter(deleted_at__isnull=False) if filters.view == "bin" else found.alive()
    if filters.view == "in_hand" and not filters.status:
        found = found.in_hand()
    elif filters.view == "due":
        found = found.in_hand().filter(due_on__lte=today)
    elif filters.view == "unpaid":
        found = found.owed()
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
    taken = list(ordered.select_related("contact", "company")[: limit + 1])
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


def is_place(key: str, view: str) -> bool:
    """Whether `key` is one that a page of this view may have given."""
    return _place(key, _ORDER.get(view, ("id", 1))[0]) is not None


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
    value, _tilde, identity = key.rpartition("~")
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
