"""Today, and the first steps of an empty workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.core.routes import refusal
from amanat.desk import catalogue, home, packfiles, todo
from amanat.desk.models import Task
from amanat.web import charts, formatting

#: Icon and tone of each kind of task.
MARKS = {
    Task.Kind.CALL: ("phone", "blue"),
    Task.Kind.VISIT: ("calendar-check", "marigold"),
    Task.Kind.MEETING: ("presentation", "violet"),
    Task.Kind.REMINDER: ("bell-ring", "green"),
    Task.Kind.TODO: ("circle-check", "grey"),
}


@dataclass(frozen=True)
class TaskLine:
    """A task as a line of a list."""

    task: Task
    icon: str
    tone: str
    sub: str

    @property
    def url(self) -> str:
        return reverse("desk:task", args=[self.task.pk])


@dataclass(frozen=True)
class Step:
    """A first step of an empty workspace; gone once it is done."""

    icon: str
    title: str
    sentence: str
    url: str
    action: str
    by_post: bool = False


def today(request: MemberRequest) -> HttpResponse:
    member = request.member
    day = clock.today(request.workspace.time_zone)
    shows_services, shows_tasks = member.may(May.READ_SERVICES), member.may(May.READ_TASKS)
    due, late = home.tasks_of_today(member, day) if shows_tasks else ([], [])
    months = home.collected(member, day) if shows_services else []
    coming = home.expected(member, day) if shows_services else []
    due_records = home.late_records(member, day) if shows_services else []
    context = {
        "day": day,
        "greeting": _("Namaste, %(name)s") % {"name": member.name.split()[0] if member.name else ""},
        "figures": home.figures(member, day) if shows_services else None,
        "collected": months[-1].paise if months else 0,
        "chart": _chart(months) if months else None,
        "tasks": [task_line(task) for task in due],
        "late_tasks": [task_line(task) for task in late],
        "due_today": [record for record in due_records if record.due_on == day],
        "late_records": [record for record in due_records if record.due_on != day],
        "follow_today": [each for each in coming if each.day == day and each.kind == "follow-up"],
        "late_follow_ups": [each for each in coming if each.day < day],
        "expected": [each for each in coming if each.day > day or (each.day == day and each.kind == "expiry")],
        "unpaid": home.unpaid(member) if shows_services else [],
        "steps": first_steps(request),
        "snoozes": todo.SNOOZES,
        "sees_all": member.sees_all,
    }
    return render(request, "desk/today.html", context)


def _chart(months: Sequence[home.Month]) -> charts.BarChart:
    return charts.bars(
        [(date_format(month.first, "M"), float(month.paise), formatting.rupees(month.paise)) for month in months]
    )


def task_line(task: Task) -> TaskLine:
    icon, tone = MARKS[Task.Kind(task.kind)]
    person = task.contact or task.company
    about = [person.name if person else "", task.record.title if task.record else ""]
    return TaskLine(task, icon, tone, " · ".join(part for part in about if part))


def first_steps(request: MemberRequest) -> list[Step]:
    """What is still to be done in an empty workspace, for a member who may do it."""
    member = request.member
    done = home.setup(member)
    steps: list[Step] = []
    if not done.has_services and member.may(May.MANAGE_CATALOGUE):
        pack = catalogue.pack_for(request.workspace)
        if pack is not None:
            name = packfiles.in_language(pack.name, get_language() or "en")
            steps.append(
                Step(
                    "list-checks",
                    _("Fill the catalogue"),
                    _("%(count)d services for “%(pack)s”, with fees you can change.")
                    % {"count": len(pack.services), "pack": name},
                    reverse("desk:pack_install"),
                    _("Take the ready pack"),
                    by_post=True,
                )
            )
        else:
            steps.append(
                Step(
                    "list-checks",
                    _("Fill the catalogue"),
                    _("Take a ready pack, or write your own services and fees."),
                    reverse("desk:catalogue"),
                    _("Open the catalogue"),
                )
            )
    if not done.has_contacts and member.may(May.IMPORT):
        steps.append(
            Step(
                "upload",
                _("Bring your contacts"),
                _("From Excel, CSV or your phone's contact file. You see what happens before it happens."),
                _url("people:import_new", "people:import", "people:imports", "people:contacts"),
                _("Import a file"),
            )
        )
    if not done.has_records and member.may(May.WRITE_SERVICES):
        steps.append(
            Step(
                "clipboard-list",
                _("Write down the first service"),
                _("Who, what, the fee and what was paid. The receipt prints at once."),
                reverse("desk:service_new"),
                _("New service"),
            )
        )
    if not done.has_members and member.may(May.MANAGE_MEMBERS):
        steps.append(
            Step(
                "user-plus",
                _("Invite who works with you"),
                _("Each with a sign-in of their own, so that everybody sees who did what."),
                _url("accounts:invite", "accounts:invitation_new", "accounts:members"),
                _("Invite a member"),
            )
        )
    return steps


def _url(*names: str) -> str:
    """The first of these pages that exists in this installation."""
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return "/"


def pack_install(request: MemberRequest) -> HttpResponse:
    """Take a ready pack: the one named, or that of the workspace's kind."""
    packs = packfiles.all_packs()
    pack = packs.get(request.POST.get("pack", "") or request.workspace.kind)
    if pack is None:
        return refusal(request, 404)
    done = catalogue.install(workspace=request.workspace, pack=pack, by=request.member, at=clock.now())
    messages.success(request, _("%(count)d services are in the catalogue. Change fees as they are at your shop.") % {"count": done.services})  # fmt: skip
    return see_other(reverse("desk:catalogue"))
