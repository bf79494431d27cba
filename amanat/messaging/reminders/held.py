"""What a restore held back, in the groups in which a member decides: a rule's of a day, a message to many, what stands in conversations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, UUIDField, Value, When
from django.db.models.functions import TruncDate

from amanat.accounts.models import Workspace
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import batching, carrying
from amanat.messaging.reminders.models import MessageBatch, Reminder, ReminderRule

#: Kinds of groups: by rule, by message to many, and all the rest.
RULE, BATCH, TALK = "rule", "batch", "talk"


@dataclass(frozen=True, slots=True)
class Group:
    """Held messages of one rule, message to many or of conversations (`of` is None) that were due on one day; `late` of them are past their time."""

    kind: str
    of: UUID | None
    day: date
    count: int
    late: int
    title: str = ""  #: of the rule or of the text sent to many; "" where it is gone

    @property
    def key(self) -> str:
        """Names the group in an address."""
        return f"{self.kind}~{self.of or ''}~{self.day}"

    @property
    def in_time(self) -> int:
        return self.count - self.late


def groups(workspace: Workspace, *, at: datetime) -> list[Group]:
    """All groups, the one due first first. Three statements, however many."""
    counted = (
        _rows(workspace)
        .values_list("kind", "of", "day")
        .annotate(n=Count("id"), late=Count("id", filter=Q(use_by__lte=at)))
        .order_by("day", "kind", "of")
    )
    found = [Group(*row) for row in counted]
    titles = _titles(workspace, found)
    return [Group(one.kind, one.of, one.day, one.count, one.late, titles.get(one.of, "")) for one in found]


def rows(workspace: Workspace, group: Group | None) -> QuerySet[Dispatch]:
    """The held messages of a group, or all."""
    held = _rows(workspace)
    if group is None:
        return held
    same = held.filter(kind=group.kind, day=group.day)
    return same.filter(of__isnull=True) if group.of is None else same.filter(of=group.of)


def _rows(workspace: Workspace) -> QuerySet[Any]:
    """Dispatches with `kind`, `of` and `day` beside them."""
    rule = Reminder.objects.of(workspace).filter(pk=OuterRef("source_id")).values("rule")
    return (
        Dispatch.objects.of(workspace)
        .filter(state=Dispatch.State.HELD)
        .annotate(
            kind=Case(
                When(source=carrying.SOURCE, then=Value(RULE)),
                When(source=batching.SOURCE, then=Value(BATCH)),
                default=Value(TALK),
            ),
            of=Case(
                When(source=carrying.SOURCE, then=Subquery(rule)),
                When(source=batching.SOURCE, then=F("source_id")),
                output_field=UUIDField(),
            ),
            day=TruncDate("due_at", tzinfo=ZoneInfo(workspace.time_zone)),
        )
    )


def _titles(workspace: Workspace, found: list[Group]) -> dict[UUID | None, str]:
    rules = ReminderRule.objects.of(workspace).filter(pk__in={one.of for one in found if one.kind == RULE})
    batches = MessageBatch.objects.of(workspace).filter(pk__in={one.of for one in found if one.kind == BATCH})
    return {
        **dict(rules.values_list("id", "name")),
        **dict(batches.filter(template__isnull=False).values_list("id", "template__title")),
    }
