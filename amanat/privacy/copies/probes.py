"""Probes of copies: what would be given is everything, and what was given does not lie about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from amanat.core.models import StoredFile
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact
from amanat.policy.probing import Asked, Finding, probe
from amanat.privacy import inventing
from amanat.privacy.copies import gathering, making
from amanat.privacy.copies.models import PersonCopy

#: People whose copies are compared with the tables in one run.
SAMPLE = 3


@probe(
    "copies.complete",
    _("A copy holds every row that is about the person"),
    keys=("R-ACCESS", "R-PORT", "R-KNOW"),
    rules=("rights.kinds",),
    minutes=12 * 60,
)
def complete(asked: Asked) -> Finding:
    """For some people, and an invented one who paid for a service, counts every row that points at them or hangs on one that does, and
    looks for each in what a copy would hold."""
    people = list(
        Contact.objects.of(asked.workspace_id)
        .filter(deleted_at__isnull=True)
        .order_by("-id")
        .values_list("pk", flat=True)[:SAMPLE]
    )
    if invented := inventing.who_paid(asked):
        people.append(invented.pk)
    held = {pk: gathering.of([pk], workspace_id=asked.workspace_id) for pk in people}
    rows = sum(sum(one.counts().values()) for one in held.values())
    missing = sum(_missing(one, pk, asked.workspace_id) for pk, one in held.items())
    late = (
        PersonCopy.objects.of(asked.workspace_id)
        .filter(state="ordered", ordered_at__lte=asked.at - 2 * making.LOST_AFTER)
        .count()
    )
    failed = (
        PersonCopy.objects.of(asked.workspace_id)
        .filter(state="failed", ordered_at__gte=asked.at - 30 * 24 * making.LOST_AFTER)
        .count()
    )
    return Finding(
        not missing and not late and not failed,
        _(
            "{people} people compared: {rows} rows in their copies, {missing} missing; {late} copies late, {failed} failed"
        ),
        {"people": len(people), "rows": rows, "missing": missing, "late": late, "failed": failed},
    )


def _missing(held: gathering.Gathered, contact_id: UUID, workspace_id: UUID) -> int:
    """Rows that point at the person, or cannot be without one that does, and are not in what was gathered: asked table by table and
    not by the walk of the copy."""
    near: defaultdict[Any, set[UUID]] = defaultdict(set)
    for model, key in _keys():
        if key.related_model is Contact:
            near[model] |= set(
                model.objects.of(workspace_id).filter(**{key.attname: contact_id}).values_list("pk", flat=True)
            )
    count = sum(len(ids - _known(held, model)) for model, ids in near.items())
    for model, key in _keys():
        if key.null or not near.get(key.related_model):
            continue
        there = model.objects.of(workspace_id).filter(**{f"{key.attname}__in": near[key.related_model]})
        count += len(set(there.values_list("pk", flat=True)) - _known(held, model))
    return count


def _keys() -> Iterator[tuple[Any, WorkspaceForeignKey]]:
    for model in workspace_models():
        yield from ((model, one) for one in model._meta.local_fields if isinstance(one, WorkspaceForeignKey))


def _known(held: gathering.Gathered, model: type[WorkspaceRow]) -> set[UUID]:
    return {row["id"] for row in held.rows(model._meta.label)}


@probe(
    "copies.destroyed",
    _("Copies of people's data are destroyed on their day"),
    keys=("T-DSRREC",),
    rules=("keep.working", "rights.due"),
    minutes=6 * 60,
)
def destroyed(asked: Asked) -> Finding:
    """No archive lies there after its end (an hour is given to the sweep), none without its row, and none longer than the policy says."""
    rows = PersonCopy.objects.of(asked.workspace_id)
    overdue = rows.filter(file__isnull=False, expires_at__lte=asked.at - making.LOST_AFTER).count()
    there = list(rows.filter(file__isnull=False, made_at__isnull=False).values_list("file_id", "made_at", "expires_at"))
    long = sum(_is_too_long(asked, made_at, expires_at) for _file, made_at, expires_at in there)
    long += making.expiry(asked.policy, asked.at) > _latest(asked, asked.at)  # one that would be made now
    archives = StoredFile.objects.of(asked.workspace_id).filter(kind=making.KIND)
    stray = archives.exclude(pk__in=[file for file, _made, _ends in there]).count()
    return Finding(
        not overdue and not long and not stray,
        _(
            "{kept} copies wait to be taken; {overdue} are past their day, {long} are kept too long, {stray} belong to nobody"
        ),
        {"kept": len(there), "overdue": overdue, "long": long, "stray": stray},
    )


def _is_too_long(asked: Asked, made_at: datetime | None, expires_at: datetime | None) -> bool:
    return made_at is None or expires_at is None or expires_at > _latest(asked, made_at)


def _latest(asked: Asked, made_at: datetime) -> datetime:
    """By when it must be gone, read from the policy and not asked of what sets the day."""
    working = asked.policy.keep.get("working")
    periods = [asked.policy.rights.due, *(working.until.values() if working else ())]
    ends: list[datetime] = [period.alone.after(made_at) for period in periods]
    return min(ends)
