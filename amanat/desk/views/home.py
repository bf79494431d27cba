"""Today, and the first steps of an empty workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

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
from amanat.desk import catalogue, home, packfiles, reaching
from amanat.desk.home import Expected, RecordRow, Setup, TaskRow
from amanat.desk.models import ServiceRecord, Task
from amanat.desk.reaching import Reaching
from amanat.web import charts, formatting

#: Icon and tone of each kind of task.
MARKS = {
    Task.Kind.CALL: ("phone", "blue"),
    Task.Kind.VISIT: ("calendar-check", "marigold"),
    Task.Kind.MEETING: ("presentation", "violet"),
    Task.Kind.REMINDER: ("bell-ring", "green"),
    Task.Kind.TODO: ("circle-check", "grey"),
}


#: Kinds of tasks that are done with the telephone in the hand.
_BY_TELEPHONE = frozenset({Task.Kind.CALL, Task.Kind.REMINDER})


@dataclass(frozen=True)
class Line:
    """One line of a card of the home page, its words and addresses ready."""

    url: str
    title: str
    sub: str = ""
    end: str = ""
    icon: str = ""
    tone: str = ""
    at: str = ""
    #: where a task is marked as done or put off; "" for what is no task
    done_url: str = ""
    snooze_url: str = ""
    #: whom to call, and where to; "" where nobody is to be called from here
    whom: str = ""
    call_url: str = ""
    whatsapp_url: str = ""
    noted_url: str = ""


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
    member, day, now = request.member, clock.today(request.workspace.time_zone), clock.now()
    shown = home.overview(member, day)
    words = reaching.Reaching(request, shown)
    coming = [each for each in shown.expected if each.day > day or (each.day == day and each.kind == "expiry")]
    follow_today = [each for each in shown.expected if each.day == day and each.kind == "follow-up"]
    due_today = [record for record in shown.records if record.due_on == day]
    late = [record for record in shown.records if record.due_on != day]
    context = {
        "day": day,
        "greeting": _("Namaste, %(name)s") % {"name": member.name.split()[0] if member.name else ""},
        "figures": shown.figures,
        "some_are_due": bool(shown.records),
        "collected": formatting.rupees(shown.months[-1].paise) if shown.months else "",
        "chart": _chart(shown.months) if shown.months else None,
        "today": [
            *(_task_line(task, words) for task in shown.due),
            *(_due_today(record) for record in due_today),
            *(_expected_line(each, now, _("follow-up"), words) for each in follow_today),
        ],
        "late": [
            *(_task_line(task, words, late_on=formatting.short_day(task.due_on, now=now)) for task in shown.late),
            *(
                _expected_line(each, now, _("follow-up was %(day)s"), words)
                for each in shown.expected
                if each.day < day
            ),
            *(_late_record(record, now) for record in late),
        ],
        "expected": [
            _expected_line(each, now, _("expires %(day)s") if each.kind == "expiry" else _("follow-up %(day)s"), words)
            for each in coming
        ],
        "unpaid": [_unpaid_line(record, words) for record in shown.unpaid],
        "waiting": [
            {"says": one.says(count, home.shown(count)), "url": one.url(), "action": one.action}
            for one, count in shown.waiting
        ],
        "steps": first_steps(request, shown.setup),
        "sees_all": member.sees_all,
    }
    return render(request, "desk/today.html", context)


def _chart(months: Sequence[home.Month]) -> charts.BarChart:
    return charts.bars(
        [(date_format(month.first, "M"), float(month.paise), formatting.rupees(month.paise)) for month in months]
    )


def _task_line(task: TaskRow, words: Reaching, *, late_on: str = "") -> Line:
    icon, tone = MARKS[Task.Kind(task.kind)]
    return Line(
        reverse("desk:task", args=[task.id]),
        task.title,
        _joined(late_on, task.person, task.service),
        icon=icon,
        tone=tone,
        at=f"{task.due_time:%H:%M}" if task.due_time else "",
        done_url=reverse("desk:task_done", args=[task.id]),
        snooze_url=reverse("desk:task_snooze", args=[task.id]),
        **(words.of(task.reach) if task.kind in _BY_TELEPHONE else {}),
    )


def _due_today(record: RecordRow) -> Line:
    sub = _joined(record.person, _("due today"))
    return Line(_service_url(record.id), record.title, sub, _state(record), "clipboard-check", "marigold")


def _late_record(record: RecordRow, now: datetime) -> Line:
    was = _("was due %(day)s") % {"day": formatting.short_day(record.due_on, now=now)} if record.due_on else ""
    return Line(_service_url(record.id), record.title, _joined(record.person, was), _state(record))


def _unpaid_line(record: RecordRow, words: Reaching) -> Line:
    amount = formatting.rupees(record.balance_paise)
    due = _("%(amount)s due") % {"amount": amount}
    text = _("%(amount)s is still to be paid for %(title)s.") % {"amount": amount, "title": record.title}
    sub = f"{record.title} · #{record.number}"
    return Line(_service_url(record.id), record.person, sub, due, **words.of(record.reach, text))


def _expected_line(each: Expected, now: datetime, when: str, words: Reaching) -> Line:
    url = _service_url(each.id) if each.about == "service" else reverse(f"people:{each.about}", args=[each.id])
    day = formatting.short_day(each.day, now=now)
    end = when % {"day": day} if "%" in when else when
    text = _("%(title)s expires on %(day)s.") % {"title": each.title, "day": day} if each.kind == "expiry" else ""
    return Line(url, each.title, each.person, end, "bell-ring", "green", **words.of(each.reach, text))


def _service_url(identity: UUID) -> str:
    return reverse("desk:service", args=[identity])


def _state(record: RecordRow) -> str:
    return str(ServiceRecord.Status(record.status).label)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def first_steps(request: MemberRequest, done: Setup) -> list[Step]:
    """What is still to be done in an empty workspace, for a member who may do it."""
    member = request.member
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
