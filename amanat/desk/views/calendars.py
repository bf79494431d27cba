"""The calendar page and the private feed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dates import WEEKDAYS_ABBR

from amanat.accounts.access import MemberRequest, see_other
from amanat.core import clock, routes, tenancy
from amanat.desk import agenda, feed

_SHOWN = 4  #: items a day's cell holds; the rest stands on the week's page


def calendar(request: MemberRequest) -> HttpResponse:
    """A month as a grid, or a week as a list; a phone shows the list of either."""
    today = clock.today(request.workspace.time_zone)
    day = _day(request.GET.get("day", ""), today)
    is_week = request.GET.get("show") == "week"
    everyone = request.GET.get("who") == "all"
    first, end = agenda.week_span(day) if is_week else agenda.month_span(day.year, day.month)
    cut = agenda.Cut()
    found = agenda.items(request.member, first, end, today=today, everyone=everyone, cut=cut)
    by_day: dict[date, list[agenda.Item]] = {}
    for item in found:
        by_day.setdefault(item.day, []).append(item)
    before, after = _neighbors(day, first, end, is_week=is_week)
    extra = "&who=all" if everyone else ""
    context = {
        "day": day,
        "is_week": is_week,
        "everyone": everyone,
        "is_cut": cut.happened,
        "most": agenda.MOST,
        "today": today,
        "first": first,
        "last": end - timedelta(days=1),
        "weeks": _weeks(day, first, end, by_day, today),
        "day_names": [WEEKDAYS_ABBR[number] for number in range(7)],
        "days": [(each, by_day[each]) for each in sorted(by_day)],
        "before": f"?show={'week' if is_week else 'month'}&day={before}{extra}",
        "after": f"?show={'week' if is_week else 'month'}&day={after}{extra}",
        "here": request.get_full_path(),
    }
    return render(request, "desk/calendar.html", context)


def _weeks(
    day: date, first: date, end: date, by_day: dict[date, list[agenda.Item]], today: date
) -> list[list[dict[str, Any]]]:
    cells = []
    for number in range((end - first).days):
        each = first + timedelta(days=number)
        items = by_day.get(each, [])
        cells.append(
            {
                "date": each,
                "is_today": each == today,
                "is_outside": each.month != day.month,
                "items": items[:_SHOWN],
                "more": max(len(items) - _SHOWN, 0),
                "url": f"?show=week&day={each}",
            }
        )
    return [cells[place : place + 7] for place in range(0, len(cells), 7)]


def _neighbors(day: date, first: date, end: date, *, is_week: bool) -> tuple[date, date]:
    if is_week:
        return first - timedelta(days=7), end
    before = day.replace(day=1) - timedelta(days=1)
    return before.replace(day=1), (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return day if 1990 <= day.year <= 2200 else today


def feed_settings(request: MemberRequest) -> HttpResponse:
    """Make the address of the feed, shown once, or end it."""
    address = ""
    if request.method == "POST":
        if request.POST.get("act") == "stop":
            feed.stop(member=request.member, at=clock.now())
            return see_other(reverse("desk:feed_settings"))
        path = feed.new_address(member=request.member, at=clock.now(), with_names=request.POST.get("names") == "1")
        address = request.build_absolute_uri(path)
    context = {"address": address, "has_feed": bool(request.member.feed_secret)}
    response = render(request, "desk/feed.html", context)
    response["Cache-Control"] = "no-store, private"
    return response


def feed_file(request: HttpRequest, workspace_id: UUID, member_id: UUID, secret: str) -> HttpResponse:
    """The feed itself, for a calendar program: no session, only the secret."""
    with tenancy.inside(workspace_id):
        member = feed.owner_of(workspace_id=workspace_id, member_id=member_id, secret=secret)
        if member is None:
            return routes.refusal(request, 404)
        content = feed.calendar(member, at=clock.now(), secret=secret)
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response["Cache-Control"] = "private, max-age=900"
    response["X-Robots-Tag"] = "noindex"
    return response
