"""Tasks: writing, changing, finishing, putting off."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.once import only_once
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import reaching, todo
from amanat.desk.forms import TaskForm, as_uuid
from amanat.desk.models import ServiceRecord, Task
from amanat.desk.todo import NewTask, TaskRefused
from amanat.desk.views import finding
from amanat.people import masking, vocabulary
from amanat.people.models import Company, Contact


@only_once
def task_new(request: MemberRequest) -> HttpResponse:
    about = _about(request)
    first = {"due_on": clock.today(request.workspace.time_zone), "assignee": str(request.member.pk)}
    form = TaskForm(request.POST or None, instance=Task(), members=finding.members(request), initial=first)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            wanted = NewTask(
                title=data["title"], due_on=data["due_on"], due_time=data["due_time"], kind=data["kind"],
                notes=data["notes"], assignee=data["assignee"], repeat=data["rule"],
            )  # fmt: skip
            try:
                todo.create(by=request.member, at=clock.now(), wanted=wanted, **about)
                return see_other(_back(request))
            except TaskRefused as refused:
                form.add_error("title", str(refused))
    context = {"form": form, "next": _back(request), **about, **_phone(request, about.get("contact"))}
    return render(request, "desk/task_edit.html", context, status=status)


def _about(request: MemberRequest) -> dict[str, Any]:
    """What a new task is about: ?contact=, ?company= or ?record= of rows the member may see."""
    sources: tuple[tuple[str, Any], ...] = (
        ("contact", Contact.objects), ("company", Company.objects), ("record", ServiceRecord.objects),
    )  # fmt: skip
    for key, manager in sources:
        identity = as_uuid(request.POST.get(key) or request.GET.get(key, ""))
        if identity is None:
            continue
        rows = manager.of(request.workspace).visible_to(request.member).alive()
        rows = rows.select_related("contact", "company") if key == "record" else rows
        found = rows.filter(pk=identity).first()
        if found is not None:
            return {key: found}
    return {}


def task(request: MemberRequest, task_id: UUID) -> HttpResponse:
    """A task, to read and to change."""
    found = finding.task_of(request, task_id)
    form = TaskForm(request.POST or None, instance=found, members=finding.members(request))
    status = 200
    if request.method == "POST":
        if not request.member.may(May.WRITE_TASKS):
            messages.error(request, _("You may not change tasks."))
            return see_other(reverse("desk:task", args=[task_id]))
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            details = {name: data[name] for name in todo.CHANGEABLE}
            fresh = finding.task_of(request, task_id)  # the form has written into the first one
            todo.change(task=fresh, by=request.member, at=clock.now(), repeat=data["rule"], **details)
            return see_other(_back(request))
    context = {
        "form": form,
        "task": found,
        "contact": found.contact,
        **_phone(request, found.contact),
        "company": found.company,
        "record": found.record,
        "next": _back(request),
        "snoozes": _snoozes(),
        "may_write": request.member.may(May.WRITE_TASKS),
    }
    return render(request, "desk/task_edit.html", context, status=status)


def _phone(request: MemberRequest, contact: Contact | None) -> dict[str, str]:
    """The number to call, where the member sees it and may use it, and where a call is written down."""
    if contact is None or not contact.main_phone:
        return {}
    held = masking.guard(request.member, vocabulary.of_request(request), request.purpose).about(contact.pk)
    if held.hides("phones"):
        return {}
    return {"phone": contact.main_phone, "noted_url": reaching.noted_at(request.member, contact.pk)}


def _snoozes() -> list[tuple[str, str]]:
    return [("tomorrow", _("Tomorrow")), ("three_days", _("In 3 days")), ("next_week", _("Next week"))]


def task_done(request: MemberRequest, task_id: UUID) -> HttpResponse:
    found = finding.task_of(request, task_id)
    following = todo.finish(task=found, by=request.member, at=clock.now())
    if following is not None:
        messages.success(
            request, _("Done. The next time is on %(day)s.") % {"day": following.due_on.strftime("%d %b %Y")}
        )
    return see_other(_back(request))


def task_reopen(request: MemberRequest, task_id: UUID) -> HttpResponse:
    try:
        todo.reopen(task=finding.task_of(request, task_id), by=request.member, at=clock.now())
    except TaskRefused as refused:
        messages.error(request, str(refused))
    return see_other(reverse("desk:task", args=[task_id]))


def task_snooze(request: MemberRequest, task_id: UUID) -> HttpResponse:
    """Put off: to tomorrow, by three days, to next week, or to a day."""
    found = finding.task_of(request, task_id)
    until = _until(request.POST.get("until", ""), clock.today(request.workspace.time_zone))
    try:
        if until is None:
            raise TaskRefused(_("Choose today or a later day."))
        todo.snooze(task=found, until=until, by=request.member, at=clock.now())
    except TaskRefused as refused:
        messages.error(request, str(refused))
    return see_other(_back(request))


def _until(text: str, today: date) -> date | None:
    if text in todo.SNOOZES:
        return today + timedelta(days=todo.SNOOZES[text])
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def task_cancel(request: MemberRequest, task_id: UUID) -> HttpResponse:
    found = finding.task_of(request, task_id)
    todo.cancel(task=found, by=request.member, at=clock.now(), series=request.POST.get("series") == "1")
    messages.success(request, _("The task is cancelled."))
    return see_other(_back(request))


def _back(request: MemberRequest) -> str:
    """Where the member came from, if that is a page of ours."""
    target = request.POST.get("next") or request.GET.get("next", "")
    if target.startswith("/") and url_has_allowed_host_and_scheme(target, {request.get_host()}):
        return target
    return reverse("desk:today")
