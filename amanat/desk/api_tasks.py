"""The API of tasks."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import BaseModel, Field, StrictInt

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import (
    ClockTime,
    Day,
    Flag,
    Listed,
    Moment,
    Strict,
    answer,
    broken_key,
    key_of,
    next_of,
    require_same,
    tag_of,
)
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.core.recurrence import BadRepeat, Repeat, Unit
from amanat.desk import api_finding, todo
from amanat.desk.api_finding import AboutPeople, shaped
from amanat.desk.models import ServiceRecord, Task
from amanat.desk.todo import NewTask

router = Router(tags=["Tasks"])

_KINDS = Literal["call", "visit", "meeting", "reminder", "todo"]


class RepeatShape(Strict):
    """How a task repeats. A day that a month does not have is its last day."""

    unit: Literal["day", "week", "month", "year"]
    every: Annotated[StrictInt, Field(ge=1, le=1000)] = 1
    weekdays: Annotated[list[Annotated[StrictInt, Field(ge=0, le=6)]], Field(max_length=7)] = Field(
        default=[], description="Monday is 0; for weeks only."
    )
    month_day: Annotated[StrictInt, Field(ge=-1, le=31)] | None = Field(
        default=None, description="1 to 31, or -1 for the last."
    )
    until: Day | None = None
    count: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None


class TaskDetails(Strict):
    kind: _KINDS = "todo"
    notes: str = Field(default="", max_length=5000)
    due_time: ClockTime | None = Field(default=None, description="In the workspace's time zone.")
    assignee_id: UUID | None = None
    repeat: RepeatShape | None = None


class TaskIn(TaskDetails):
    title: str = Field(min_length=1, max_length=200, examples=["Call about the passbook"])
    due_on: Day
    contact_id: UUID | None = None
    company_id: UUID | None = None
    service_record_id: UUID | None = Field(default=None, description="A task of a record is about its person too.")


class TaskChange(TaskDetails):
    """Only what is to change. A new `repeat` begins a new series with this task."""

    title: str = Field(default="", max_length=200)
    due_on: Day | None = None


class TaskOut(BaseModel):
    id: UUID
    title: str
    kind: _KINDS
    notes: str
    due_on: Day
    due_time: ClockTime | None
    contact_id: UUID | None
    company_id: UUID | None
    service_record_id: UUID | None
    assignee_id: UUID | None
    repeat: RepeatShape | None
    occurrence: int
    created_by_id: UUID | None
    created_at: Moment
    done_at: Moment | None
    cancelled_at: Moment | None


class TaskPage(Listed[TaskOut]):
    """One page of tasks."""


class TaskFilters(AboutPeople):
    state: Literal["open", "done", "cancelled", "all"] = "open"
    assignee_id: UUID | None = None
    service_record_id: UUID | None = None
    due_from: Day | None = None
    due_to: Day | None = Field(default=None, description="The last day, included.")


class FinishedOut(BaseModel):
    task: TaskOut
    next: TaskOut | None = Field(description="The next of its series, which was made.")


class SnoozeIn(Strict):
    until: Day


class CancelIn(Strict):
    series: Flag = Field(default=False, description="The whole series, not only this one.")


@router.get("/tasks", response=TaskPage, summary="List tasks")
@needs("tasks:read", May.READ_TASKS)
def list_tasks(request: HttpRequest, filters: Query[TaskFilters]) -> TaskPage:
    """Open tasks come by day; others newest first."""
    asked = cast(ApiRequest, request)
    found = _filtered(Task.objects.of(asked.workspace).visible_to(asked.member).for_people_here(), filters)
    by_day = filters.state == "open"
    if filters.after:
        found = found.filter(_beyond(filters.after, by_day=by_day))
    rows = list(found.order_by(*(("due_on", "id") if by_day else ("-id",)))[: filters.limit + 1])
    more, rows = len(rows) > filters.limit, rows[: filters.limit]
    key = (f"{rows[-1].due_on}~{rows[-1].pk}" if by_day else str(rows[-1].pk)) if more else None
    return TaskPage(items=[_shape(task) for task in rows], next=next_of(request, key))


def _filtered(found: Any, filters: TaskFilters) -> Any:
    states: dict[str, Q] = {
        "open": Q(done_at__isnull=True, cancelled_at__isnull=True),
        "done": Q(done_at__isnull=False),
        "cancelled": Q(cancelled_at__isnull=False),
        "all": Q(),
    }
    found = found.filter(states[filters.state])
    for column, value in (
        ("assignee_id", filters.assignee_id),
        ("contact_id", filters.contact_id),
        ("company_id", filters.company_id),
        ("record_id", filters.service_record_id),
        ("due_on__gte", filters.due_from),
        ("due_on__lte", filters.due_to),
    ):
        if value is not None:
            found = found.filter(**{column: value})
    return found


def _beyond(after: str, *, by_day: bool) -> Q:
    if not by_day:
        return Q(id__lt=key_of(after))
    text, _tilde, identity = after.partition("~")
    try:
        day, key = date.fromisoformat(text), UUID(identity)
    except ValueError:
        raise broken_key() from None
    return Q(due_on__gt=day) | Q(due_on=day, id__gt=key)


@router.post("/tasks", response={201: TaskOut}, summary="Add a task")
@needs("tasks:write", May.WRITE_TASKS)
def create_task(request: HttpRequest, task: TaskIn) -> HttpResponse:
    asked = cast(ApiRequest, request)
    contact, company = api_finding.people_of(asked, task.contact_id, task.company_id)
    record = _record(asked, task.service_record_id)
    _require_title(task.title)
    wanted = NewTask(
        title=task.title,
        due_on=task.due_on,
        due_time=task.due_time,
        kind=task.kind,
        notes=task.notes,
        assignee=api_finding.member_of(asked, task.assignee_id, name="assignee_id"),
        repeat=_repeat(task.repeat),
    )
    made = todo.create(by=asked.member, at=clock.now(), wanted=wanted, contact=contact, company=company, record=record)
    return _answer(made, status=201, location=f"/api/v1/tasks/{made.pk}")


@router.get("/tasks/{uuid:task_id}", response=TaskOut, summary="Read a task")
@needs("tasks:read", May.READ_TASKS)
def get_task(request: HttpRequest, task_id: UUID) -> HttpResponse:
    return _answer(_find(cast(ApiRequest, request), task_id))


@router.patch("/tasks/{uuid:task_id}", response={200: TaskOut, 412: None}, summary="Change a task")
@needs("tasks:write", May.WRITE_TASKS)
def change_task(request: HttpRequest, task_id: UUID, change: TaskChange) -> HttpResponse:
    """What is left out stays."""
    asked = cast(ApiRequest, request)
    task = _find(asked, task_id, locked=True)
    require_same(request, tag_of(_shape(task)))
    details = {name: getattr(change, name) for name in change.model_fields_set}
    if "title" in details:
        _require_title(details["title"])
        details["title"] = details["title"].strip()
    if "due_on" in details and details["due_on"] is None:
        raise ValidationError({"due_on": _("This cannot be empty.")})
    if "assignee_id" in details:
        details["assignee"] = api_finding.member_of(asked, details.pop("assignee_id"), name="assignee_id")
    if "repeat" in details:
        details["repeat"] = _repeat(change.repeat)
    return _answer(todo.change(task=task, by=asked.member, at=clock.now(), **details))


@router.post("/tasks/{uuid:task_id}/completion", response=FinishedOut, summary="Finish a task")
@needs("tasks:write", May.WRITE_TASKS)
def finish_task(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Of a series, the next one is made. Finishing twice changes nothing."""
    asked = cast(ApiRequest, request)
    following = todo.finish(task=_find(asked, task_id), by=asked.member, at=clock.now())
    shown = FinishedOut(task=_shape(_find(asked, task_id)), next=_shape(following) if following else None)
    return answer(shown)


@router.delete(
    "/tasks/{uuid:task_id}/completion", response={200: TaskOut, 409: None}, summary="Open a finished task again"
)
@needs("tasks:write", May.WRITE_TASKS)
def reopen_task(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Not when the next of its series is finished already (409)."""
    asked = cast(ApiRequest, request)
    todo.reopen(task=_find(asked, task_id), by=asked.member, at=clock.now())
    return _answer(_find(asked, task_id))


@router.post("/tasks/{uuid:task_id}/snooze", response={200: TaskOut, 409: None}, summary="Put a task off")
@needs("tasks:write", May.WRITE_TASKS)
def snooze_task(request: HttpRequest, task_id: UUID, snooze: SnoozeIn) -> HttpResponse:
    """To today or a later day (409 otherwise). The series keeps its own days."""
    asked = cast(ApiRequest, request)
    todo.snooze(task=_find(asked, task_id), until=snooze.until, by=asked.member, at=clock.now())
    return _answer(_find(asked, task_id))


@router.post("/tasks/{uuid:task_id}/cancellation", response=TaskOut, summary="Cancel a task")
@needs("tasks:write", May.WRITE_TASKS)
def cancel_task(request: HttpRequest, task_id: UUID, cancel: CancelIn) -> HttpResponse:
    """Of a series only this one, after which the next comes, or all of it."""
    asked = cast(ApiRequest, request)
    todo.cancel(task=_find(asked, task_id), by=asked.member, at=clock.now(), series=cancel.series)
    return _answer(_find(asked, task_id))


def _find(request: ApiRequest, task_id: UUID, *, locked: bool = False) -> Task:
    """A task the member may see; anything else does not exist."""
    seen = Task.objects.of(request.workspace).visible_to(request.member).select_related("assignee")
    if locked:
        seen = seen.select_for_update(of=("self",))
    found: Task | None = seen.filter(pk=task_id).first()
    if found is None:
        raise Http404
    return found


def _record(request: ApiRequest, record_id: UUID | None) -> ServiceRecord | None:
    if record_id is None:
        return None
    try:
        return api_finding.record_of(request, record_id, alive=True)
    except Http404:
        raise ValidationError({"service_record_id": _("There is no such record here.")}) from None


def _require_title(title: str) -> None:
    if not title.strip():
        raise ValidationError({"title": _("Write what is to be done.")})


def _repeat(shape: RepeatShape | None) -> Repeat | None:
    if shape is None:
        return None
    try:
        return Repeat(
            unit=Unit(shape.unit),
            every=shape.every,
            weekdays=tuple(shape.weekdays),
            month_day=shape.month_day,
            until=shape.until,
            count=shape.count,
        )
    except BadRepeat as bad:
        raise ValidationError({"repeat": str(bad)}) from None


def _answer(task: Task, *, status: int = 200, location: str = "") -> HttpResponse:
    shape = _shape(task)
    response = answer(shape, status=status, location=location)
    response["ETag"] = tag_of(shape)
    return response


def _shape(task: Task) -> TaskOut:
    return shaped(TaskOut, task, service_record_id=task.record_id, repeat=_repeat_shape(task.repeat))


def _repeat_shape(stored: dict[str, Any] | None) -> RepeatShape | None:
    if not stored:
        return None
    try:
        rule = Repeat.from_json(stored)
    except BadRepeat:
        return None  # written by another hand
    return RepeatShape.model_construct(
        unit=cast(Any, rule.unit.value),
        every=rule.every,
        weekdays=list(rule.weekdays),
        month_day=rule.month_day,
        until=rule.until,
        count=rule.count,
    )
