"""Tasks: something to do on a day, perhaps again and again.

A task that repeats is a series of rows, of which one is open. Finishing it makes the next occurrence, reckoned by
`core.recurrence` from the day the series began, so that "the 31st" comes back after February. The next is the first
occurrence after the one finished that is not past: what was missed for a week is done once, not seven times. Two who
finish at once make one: the row is locked, and (series, occurrence) is unique.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ids, ledger, recurrence
from amanat.core.recurrence import Repeat
from amanat.desk.models import ServiceRecord, Task
from amanat.people import timeline
from amanat.people.models import Company, Contact

CHANGEABLE = ("title", "kind", "notes", "due_on", "due_time", "assignee")
_DAY = timedelta(days=1)


class TaskRefused(ValueError):
    """It cannot be done with this task; the text says why."""


@dataclass(frozen=True)
class NewTask:
    title: str
    due_on: date
    due_time: time | None = None
    kind: str = Task.Kind.TODO
    notes: str = ""
    assignee: Member | None = None
    repeat: Repeat | None = None


def create(
    *,
    by: Member,
    at: datetime,
    wanted: NewTask,
    contact: Contact | None = None,
    company: Company | None = None,
    record: ServiceRecord | None = None,
) -> Task:
    """Write a task down; a task of a service record is about its person too."""
    if not wanted.title.strip():
        raise TaskRefused(_("Write what is to be done."))
    if record is not None:
        contact, company = contact or record.contact, company or record.company
    task = Task(
        workspace_id=by.workspace_id,
        title=wanted.title.strip()[:200],
        kind=wanted.kind,
        notes=wanted.notes,
        contact=contact,
        company=company,
        record=record,
        assignee=wanted.assignee,
        due_on=wanted.due_on,
        due_time=wanted.due_time,
        first_due_on=wanted.due_on,
        created_by=by,
        created_at=at,
    )
    _begin_series(task, wanted.repeat)
    with transaction.atomic():
        task.save(force_insert=True)
        ledger.write("desk.task.created", workspace=by.workspace_id, by=by, about=task, at=at)
    return task


def _begin_series(task: Task, repeat: Repeat | None) -> None:
    if repeat is None:
        task.repeat, task.series_id, task.series_start_on, task.occurrence = None, None, None, 1
    else:
        task.repeat, task.series_id = repeat.to_json(), ids.new()
        task.series_start_on, task.occurrence = task.due_on, 1


def change(*, task: Task, by: Member, at: datetime, **details: Any) -> Task:
    """Change this occurrence; a new `repeat` (a Repeat, or None for once) begins a new series with this one."""
    repeats = "repeat" in details
    repeat: Repeat | None = details.pop("repeat", None)
    unknown = set(details) - set(CHANGEABLE)
    if unknown:
        raise ValueError(f"not details of a task: {', '.join(sorted(unknown))}")
    changed = sorted(name for name, value in details.items() if getattr(task, name) != value)
    for name in changed:
        setattr(task, name, details[name])
    if repeats and (repeat.to_json() if repeat else None) != task.repeat:
        _begin_series(task, repeat)
        changed += ["repeat", "series_id", "series_start_on", "occurrence"]
    if "due_on" in changed:
        task.first_due_on = task.due_on
        changed.append("first_due_on")
    if changed:
        task.save(update_fields=changed)
        ledger.write("desk.task.changed", workspace=task.workspace_id, by=by, about=task, at=at, fields=changed)
    return task


def finish(*, task: Task, by: Member, at: datetime) -> Task | None:
    """Mark it done and make the next occurrence, which is returned. Finishing twice changes nothing."""
    with transaction.atomic():
        held = _locked(task)
        if not held.is_open:
            return None
        held.done_at, held.done_by = at, by
        held.save(update_fields=["done_at", "done_by"])
        following = _next(held, at, ZoneInfo(by.workspace.time_zone))
        if following is not None:
            Task.objects.bulk_create([following], ignore_conflicts=True)
        if held.contact_id or held.company_id:
            timeline.record(
                workspace=held.workspace_id, kind="task", summary=held.title, happened_at=at, contact=held.contact_id,
                company=held.company_id, actor=by, reference=held,
            )  # fmt: skip
        ledger.write("desk.task.finished", workspace=held.workspace_id, by=by, about=held, at=at)
    task.done_at, task.done_by = at, by
    return following


def reopen(*, task: Task, by: Member, at: datetime) -> None:
    """Take "done" back, and with it the next occurrence, unless somebody has begun with that one already."""
    with transaction.atomic():
        held = _locked(task)
        if held.done_at is None:
            return
        if held.series_id is not None:
            later = Task.objects.of(held.workspace_id).filter(series_id=held.series_id, occurrence__gt=held.occurrence)
            if later.filter(done_at__isnull=False).exists() or later.filter(cancelled_at__isnull=False).exists():
                raise TaskRefused(_("The next one of this series is finished already."))
            later.delete()
        held.done_at = held.done_by = None
        held.save(update_fields=["done_at", "done_by"])
        timeline.forget(held)
        ledger.write("desk.task.reopened", workspace=held.workspace_id, by=by, about=held, at=at)


def _next(task: Task, at: datetime, zone: ZoneInfo) -> Task | None:
    """The next occurrence, unsaved; None when it does not repeat or has come to its end."""
    if task.repeat is None or task.series_id is None or task.series_start_on is None:
        return None
    done_for = task.first_due_on or task.due_on
    yesterday = at.astimezone(zone).date() - _DAY
    day = recurrence.next_after(Repeat.from_json(task.repeat), task.series_start_on, max(done_for, yesterday))
    if day is None:
        return None
    return Task(
        workspace_id=task.workspace_id,
        title=task.title,
        kind=task.kind,
        notes=task.notes,
        contact_id=task.contact_id,
        company_id=task.company_id,
        record_id=task.record_id,
        assignee_id=task.assignee_id,
        due_on=day,
        due_time=task.due_time,
        first_due_on=day,
        repeat=task.repeat,
        series_id=task.series_id,
        series_start_on=task.series_start_on,
        occurrence=task.occurrence + 1,
        created_by_id=task.created_by_id,
        created_at=at,
    )


#: The choices of the snooze menu: days from today.
SNOOZES = {"tomorrow": 1, "three_days": 3, "next_week": 7}


def snooze(*, task: Task, until: date, by: Member, at: datetime) -> Task:
    """Put it off to a day from today on. The series keeps its own days."""
    if until < at.astimezone(ZoneInfo(by.workspace.time_zone)).date():
        raise TaskRefused(_("Choose today or a later day."))
    with transaction.atomic():
        held = _locked(task)
        if not held.is_open:
            raise TaskRefused(_("This task is finished already."))
        held.first_due_on = held.first_due_on or held.due_on
        held.due_on = until
        held.save(update_fields=["due_on", "first_due_on"])
        ledger.write("desk.task.snoozed", workspace=held.workspace_id, by=by, about=held, at=at)
    task.due_on, task.first_due_on = held.due_on, held.first_due_on
    return held


def assign(*, task: Task, to: Member | None, by: Member, at: datetime) -> None:
    """Give it to a member, or to nobody in particular."""
    if to is not None and to.ended_at is not None:
        raise TaskRefused(_("This member has left the workspace."))
    task.assignee = to
    task.save(update_fields=["assignee"])
    ledger.write("desk.task.assigned", workspace=task.workspace_id, by=by, about=task, at=at)


def cancel(*, task: Task, by: Member, at: datetime, series: bool = False) -> None:
    """Not to be done. Of a series: only this one, after which the next comes, or the whole series."""
    with transaction.atomic():
        held = _locked(task)
        if not held.is_open:
            return
        held.cancelled_at = at
        held.save(update_fields=["cancelled_at"])
        following = None if series else _next(held, at, ZoneInfo(by.workspace.time_zone))
        if following is not None:
            Task.objects.bulk_create([following], ignore_conflicts=True)
        ledger.write("desk.task.cancelled", workspace=held.workspace_id, by=by, about=held, at=at, series=series)
    task.cancelled_at = at


def _locked(task: Task) -> Task:
    return Task.objects.of(task.workspace_id).select_for_update().get(pk=task.pk)
