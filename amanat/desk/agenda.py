"""What stands in the calendar between two days: tasks, days services are due or expire, and follow-ups."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.desk import feed
from amanat.desk.models import ServiceRecord, Task
from amanat.people.models import Contact

#: Of each kind at most so many are shown; a month with more is cut, and says so.
MOST = 300
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Item:
    """One line of a day. `kind` is task, due, expiry or follow-up."""

    day: date
    kind: str
    title: str
    sub: str
    url: str
    at: time | None = None
    is_late: bool = False

    @property
    def label(self) -> str:
        return f"{self.at:%H:%M} {self.title}" if self.at else self.title

    @property
    def is_due(self) -> bool:
        return self.kind != "task"


@dataclass
class Cut:
    """Whether something was left out because there was too much."""

    happened: bool = False

    def taken[Row](self, rows: Iterable[Row]) -> list[Row]:
        """The first `MOST` of rows of which one more was asked for."""
        found = list(rows)
        self.happened = self.happened or len(found) > MOST
        return found[:MOST]


def items(
    member: Member, first: date, end: date, *, today: date, everyone: bool = False, cut: Cut | None = None
) -> list[Item]:
    """From `first` on and before `end`, in order; `cut` is told when that is not all. Three statements.

    Tasks are the member's own and those nobody has, or all that may be seen. Later occurrences of a series are shown on their days.
    """
    cut = cut or Cut()
    found = [*_tasks(member, first, end, today, cut, everyone=everyone), *_records(member, first, end, today, cut)]
    people = Contact.objects.of(member.workspace_id).visible_to(member).alive()
    followed = people.filter(follow_up_on__gte=first, follow_up_on__lt=end).order_by("follow_up_on", "id")
    found += [
        Item(each.follow_up_on, "follow-up", each.name, _("Follow-up"), reverse("people:contact", args=[each.pk]))
        for each in cut.taken(followed[: MOST + 1])
        if each.follow_up_on
    ]
    return sorted(found, key=lambda item: (item.day, item.at is None, item.at or time.max, item.title))


def _tasks(member: Member, first: date, end: date, today: date, cut: Cut, *, everyone: bool) -> Iterable[Item]:
    tasks = Task.objects.of(member.workspace_id).visible_to(member).open()
    if not everyone:
        tasks = tasks.assigned_or_free(member)
    tasks = tasks.filter(due_on__lt=end).filter(Q(due_on__gte=first) | Q(series_id__isnull=False))
    tasks = tasks.select_related("contact", "company").order_by("due_on", "due_time", "id")
    for task in cut.taken(tasks[: MOST + 1]):
        person = task.contact or task.company
        for day in feed.days_of(task, until=end):
            if day >= first:
                yield Item(
                    day, "task", task.title, person.name if person else "", reverse("desk:task", args=[task.pk]),
                    task.due_time, is_late=day < today,
                )  # fmt: skip


def _records(member: Member, first: date, end: date, today: date, cut: Cut) -> Iterable[Item]:
    rows = ServiceRecord.objects.of(member.workspace_id).visible_to(member).alive()
    within = (
        Q(due_on__gte=first, due_on__lt=end, status__in=ServiceRecord.IN_HAND)
        | Q(expires_on__gte=first, expires_on__lt=end)
        | Q(follow_up_on__gte=first, follow_up_on__lt=end)
    )
    words = {
        "due_on": ("due", _("Due")),
        "expires_on": ("expiry", _("Expires")),
        "follow_up_on": ("follow-up", _("Follow-up")),
    }
    found = rows.filter(within).select_related("contact", "company").order_by("-id")
    for record in cut.taken(found[: MOST + 1]):
        for field, (kind, word) in words.items():
            day: date | None = getattr(record, field)
            if day is None or not first <= day < end or (field == "due_on" and record.is_closed):
                continue
            late = field == "due_on" and day < today
            yield Item(
                day, kind, record.title, f"{word} · {record.for_whom}",
                reverse("desk:service", args=[record.pk]), is_late=late,
            )  # fmt: skip


def month_span(year: int, month: int) -> tuple[date, date]:
    """The whole weeks, from Monday, that a month touches: the first day, and the day after the last."""
    first = date(year, month, 1)
    last = date(year, month, calendar.monthrange(year, month)[1])
    begins = first - timedelta(days=first.weekday())
    return begins, last + timedelta(days=7 - last.weekday())


def week_span(day: date) -> tuple[date, date]:
    begins = day - timedelta(days=day.weekday())
    return begins, begins + WEEK
