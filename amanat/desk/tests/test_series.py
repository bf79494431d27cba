"""Series of tasks against a naive model that walks the calendar day by day: each occurrence once, none skipped, none twice."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy
from amanat.core.recurrence import LAST_DAY, Repeat, Unit
from amanat.desk import agenda, feed, todo
from amanat.desk.models import Task
from amanat.desk.tests.factories import NOW, TODAY, make_task
from amanat.desk.todo import TaskRefused

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


# --- the naive model -------------------------------------------------------------------------------------------------


def naive(repeat: Repeat, start: date, end: date) -> list[date]:
    """Every day from the start on asked by itself whether the series occurs on it."""
    found = []
    for number in range((end - start).days):
        day = start + number * DAY
        if _occurs(repeat, start, day):
            found.append(day)
        if repeat.until and day >= repeat.until:
            break
        if repeat.count and len(found) == repeat.count:
            break
    return [day for day in found if not repeat.until or day <= repeat.until]


def _occurs(repeat: Repeat, start: date, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    months = (day.year - start.year) * 12 + day.month - start.month
    if repeat.unit is Unit.DAY:
        return (day - start).days % repeat.every == 0
    if repeat.unit is Unit.WEEK:
        monday = start - start.weekday() * DAY
        weeks = ((day - day.weekday() * DAY) - monday).days // 7
        return weeks % repeat.every == 0 and day.weekday() in (repeat.weekdays or (start.weekday(),))
    if repeat.unit is Unit.MONTH:
        wanted = last if repeat.month_day == LAST_DAY else min(repeat.month_day or start.day, last)
        return months % repeat.every == 0 and day.day == wanted
    return months % (12 * repeat.every) == 0 and day.day == min(start.day, last)


repeats = st.one_of(
    st.builds(Repeat, unit=st.just(Unit.DAY), every=st.integers(1, 40)),
    st.builds(Repeat, unit=st.just(Unit.WEEK), every=st.integers(1, 5), weekdays=st.lists(st.integers(0, 6), max_size=4).map(tuple)),
    st.builds(Repeat, unit=st.just(Unit.MONTH), every=st.integers(1, 14), month_day=st.sampled_from([None, 1, 15, 28, 29, 30, 31, LAST_DAY])),
    st.builds(Repeat, unit=st.just(Unit.YEAR), every=st.integers(1, 4)),
)  # fmt: skip
starts = st.one_of(
    st.dates(date(2023, 1, 1), date(2029, 1, 1)),
    st.sampled_from([date(2024, 2, 29), date(2027, 1, 31), date(2026, 12, 31), date(2028, 2, 28), date(2026, 3, 29)]),
)


def unsaved(repeat: Repeat, start: date, *, due_on: date | None = None) -> Task:
    return Task(
        title="Call",
        due_on=due_on or start,
        first_due_on=start,
        repeat=repeat.to_json(),
        series_start_on=start,
        kind="call",
    )


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(repeat=repeats, start=starts, ahead=st.integers(1, 480))  # the feed shows 500 at most
def test_the_feed_shows_each_occurrence_once_as_the_naive_model_does(repeat: Repeat, start: date, ahead: int) -> None:
    until = start + ahead * DAY
    shown = list(feed.days_of(unsaved(repeat, start), until=until))
    wanted = naive(repeat, start, until)
    assert shown == list(dict.fromkeys([start, *wanted]))
    assert len(shown) == len(set(shown)) and shown == sorted(shown)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(repeat=repeats, start=starts, put_off=st.integers(1, 60))
def test_a_snoozed_occurrence_hides_none_of_the_later_ones(repeat: Repeat, start: date, put_off: int) -> None:
    until = start + 480 * DAY
    late = start + put_off * DAY
    shown = list(feed.days_of(unsaved(repeat, start, due_on=late), until=until))
    assert shown == [late, *(day for day in naive(repeat, start, until) if day > late)]


def finished_on_its_day(task: Task, by: Member, times: int) -> list[date]:
    """Finish a series, each occurrence at ten in the morning of its own day; returns the days."""
    days = []
    for _each in range(times):
        days.append(task.due_on)
        at = datetime.combine(task.due_on, time(10), ZoneInfo(by.workspace.time_zone)).astimezone(UTC)
        following = todo.finish(task=task, by=by, at=at)
        if following is None:
            break
        task = following
    return days


TABLE: dict[str, tuple[Repeat, date, list[str]]] = {
    "every day over New Year": (Repeat(Unit.DAY), date(2026, 12, 30), ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"]),
    "every third day over February": (Repeat(Unit.DAY, every=3), date(2027, 2, 25), ["2027-02-25", "2027-02-28", "2027-03-03"]),
    "every third day in a leap year": (Repeat(Unit.DAY, every=3), date(2028, 2, 26), ["2028-02-26", "2028-02-29", "2028-03-03"]),
    "weekly keeps its weekday": (Repeat(Unit.WEEK), date(2026, 11, 21), ["2026-11-21", "2026-11-28", "2026-12-05"]),
    "on two weekdays": (Repeat(Unit.WEEK, weekdays=(0, 3)), date(2026, 11, 23), ["2026-11-23", "2026-11-26", "2026-11-30", "2026-12-03"]),
    "every second week, Monday is the first day": (Repeat(Unit.WEEK, every=2, weekdays=(0, 6)), date(2026, 11, 22), ["2026-11-22", "2026-11-30", "2026-12-06", "2026-12-14"]),
    "the 31st": (Repeat(Unit.MONTH, month_day=31), date(2026, 12, 31), ["2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
    "the 30th comes back after February": (Repeat(Unit.MONTH, month_day=30), date(2027, 1, 30), ["2027-01-30", "2027-02-28", "2027-03-30"]),
    "the 29th in a leap year": (Repeat(Unit.MONTH, month_day=29), date(2028, 1, 29), ["2028-01-29", "2028-02-29", "2028-03-29"]),
    "the last day": (Repeat(Unit.MONTH, month_day=LAST_DAY), date(2027, 11, 30), ["2027-11-30", "2027-12-31", "2028-01-31", "2028-02-29"]),
    "every quarter": (Repeat(Unit.MONTH, every=3, month_day=31), date(2026, 11, 30), ["2026-11-30", "2027-02-28", "2027-05-31"]),
    "29 February every year": (Repeat(Unit.YEAR), date(2024, 2, 29), ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
    "29 February every fourth year": (Repeat(Unit.YEAR, every=4), date(2024, 2, 29), ["2024-02-29", "2028-02-29", "2032-02-29"]),
    "until a day that is included": (Repeat(Unit.DAY, until=date(2026, 11, 23)), date(2026, 11, 21), ["2026-11-21", "2026-11-22", "2026-11-23"]),
    "three times": (Repeat(Unit.MONTH, count=3), date(2026, 11, 21), ["2026-11-21", "2026-12-21", "2027-01-21"]),
    "once": (Repeat(Unit.DAY, count=1), date(2026, 11, 21), ["2026-11-21"]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(TABLE))
def test_finishing_each_on_its_day_walks_the_written_rule(rekha: Member, name: str) -> None:
    repeat, start, wanted = TABLE[name]
    ends = repeat.until is not None or repeat.count is not None
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, due_on=start, repeat=repeat)
        days = finished_on_its_day(task, rekha, len(wanted) + (5 if ends else 0))
        rows = Task.objects.of(rekha.workspace).order_by("occurrence")
        numbers = list(rows.values_list("occurrence", flat=True))
    assert [str(day) for day in days] == wanted
    assert numbers == list(range(1, len(wanted) + (1 if ends else 2)))


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(repeat=repeats, start=starts)
def test_finishing_on_time_meets_every_occurrence_of_the_naive_model(
    rekha: Member, repeat: Repeat, start: date
) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, due_on=start, repeat=repeat)
        days = finished_on_its_day(task, rekha, 5)
    wanted = (
        naive(repeat, start, start + 366 * 22 * DAY)
        if repeat.unit is Unit.YEAR
        else naive(repeat, start, start + 2600 * DAY)
    )
    assert days == list(dict.fromkeys([start, *wanted]))[:5]


@pytest.mark.parametrize("missed", [0, 1, 6, 7, 29, 30, 31, 364, 800])
@pytest.mark.parametrize("unit", list(Unit))
def test_what_was_missed_is_done_once_and_the_next_is_not_past(rekha: Member, unit: Unit, missed: int) -> None:
    if unit is not Unit.DAY and missed in {1, 29}:
        return
    start = TODAY - missed * DAY
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, due_on=start, repeat=Repeat(unit))
        following = todo.finish(task=task, by=rekha, at=NOW)
        assert following is not None
        ahead = [day for day in naive(Repeat(unit), start, TODAY + 800 * DAY) if day >= TODAY and day > start]
        assert following.due_on == ahead[0]
        assert Task.objects.of(rekha.workspace).open().count() == 1


@pytest.mark.parametrize(("hour", "wanted"), [(18, "2026-11-21"), (19, "2026-11-22")])
def test_what_is_past_is_reckoned_in_the_shops_own_day(rekha: Member, hour: int, wanted: str) -> None:
    """At 18:00 UTC it is still the 21st in Nashik, an hour later the 22nd."""
    at = NOW.replace(hour=hour, minute=0)
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, due_on=TODAY - 3 * DAY, repeat=Repeat(Unit.DAY))
        following = todo.finish(task=task, by=rekha, at=at)
    assert following is not None and str(following.due_on) == wanted


# --- skipped, put off, taken back ------------------------------------------------------------------------------------


def open_days(by: Member) -> list[str]:
    return [
        str(day) for day in Task.objects.of(by.workspace).open().order_by("due_on").values_list("due_on", flat=True)
    ]


def test_skipping_one_goes_on_with_the_next(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, repeat=Repeat(Unit.MONTH, month_day=LAST_DAY))
        for wanted in ("2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"):
            todo.cancel(task=task, by=rekha, at=NOW)
            [task] = Task.objects.of(rekha.workspace).open()
            assert str(task.due_on) == wanted


def test_cancelling_the_series_leaves_nothing_open_and_nothing_new(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, repeat=Repeat(Unit.DAY))
        todo.cancel(task=task, by=rekha, at=NOW, series=True)
        assert open_days(rekha) == [] and Task.objects.of(rekha.workspace).count() == 1
        assert todo.finish(task=task, by=rekha, at=NOW) is None and open_days(rekha) == []


@pytest.mark.parametrize("days", [0, 1, 5, 7, 30])
def test_putting_off_moves_one_and_the_next_keeps_its_day(rekha: Member, days: int) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
        todo.snooze(task=task, until=TODAY + days * DAY, by=rekha, at=NOW)
        at = NOW + days * DAY
        following = todo.finish(task=Task.objects.of(rekha.workspace).get(), by=rekha, at=at)
        wanted = next(
            day
            for day in naive(Repeat(Unit.WEEK), TODAY, TODAY + 99 * DAY)
            if day > TODAY and day >= TODAY + days * DAY
        )
    assert following is not None and (following.due_on, following.first_due_on) == (wanted, wanted)


def test_putting_off_twice_remembers_the_first_day(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
        for days in (2, 4):
            todo.snooze(task=task, until=TODAY + days * DAY, by=rekha, at=NOW)
        kept = Task.objects.of(rekha.workspace).get()
    assert (kept.due_on, kept.first_due_on) == (TODAY + 4 * DAY, TODAY)


@pytest.mark.parametrize("until", [TODAY - DAY, TODAY - 400 * DAY])
def test_nothing_is_put_off_into_the_past(rekha: Member, until: date) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha)
        with pytest.raises(TaskRefused, match="today or a later"):
            todo.snooze(task=task, until=until, by=rekha, at=NOW)
        assert Task.objects.of(rekha.workspace).get().due_on == TODAY


@pytest.mark.parametrize("times", [1, 2, 3])
def test_finishing_the_same_one_again_makes_no_second_next(rekha: Member, times: int) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, repeat=Repeat(Unit.DAY))
        for _again in range(times):
            todo.finish(task=task, by=rekha, at=NOW)
        assert open_days(rekha) == ["2026-11-22"]


def test_taking_done_back_and_doing_it_again_is_as_if_once(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
        for _again in range(3):
            todo.finish(task=task, by=rekha, at=NOW)
            assert open_days(rekha) == ["2026-11-28"]
            todo.reopen(task=Task.objects.of(rekha.workspace).get(occurrence=1), by=rekha, at=NOW)
            assert open_days(rekha) == ["2026-11-21"]


def test_a_new_rule_begins_a_series_of_its_own(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
        series = Task.objects.of(rekha.workspace).get().series_id
        todo.change(task=task, by=rekha, at=NOW, repeat=Repeat(Unit.MONTH))
        fresh = Task.objects.of(rekha.workspace).get()
        assert fresh.series_id not in {None, series} and (fresh.occurrence, fresh.series_start_on) == (1, TODAY)
        todo.change(task=fresh, by=rekha, at=NOW, repeat=None)
        once = Task.objects.of(rekha.workspace).get()
        assert (once.series_id, once.repeat, once.series_start_on) == (None, None, None)
        assert todo.finish(task=once, by=rekha, at=NOW) is None


@pytest.mark.parametrize(
    "details", [{"done_at": NOW}, {"title": "x", "nonsense": 1}, {"contact": None}, {"series_id": None}]
)
def test_change_takes_only_what_may_be_changed(rekha: Member, details: dict[str, Any]) -> None:
    with tenancy.inside(rekha.workspace):
        task = make_task(rekha)
        with pytest.raises(ValueError, match="not details of a task"):
            todo.change(task=task, by=rekha, at=NOW, **details)
        assert Task.objects.of(rekha.workspace).get().title == "Call Sunita"


@pytest.mark.parametrize("title", ["", "   ", "\n\t"])
def test_a_task_without_words_is_refused(rekha: Member, title: str) -> None:
    with tenancy.inside(rekha.workspace):
        with pytest.raises(TaskRefused):
            make_task(rekha, title)
        assert not Task.objects.of(rekha.workspace).exists()


# --- clocks that change ----------------------------------------------------------------------------------------------

ZONES: list[tuple[str, date, time, list[str]]] = [
    # New York, 8 March 2026: 02:30 does not exist; 1 November: 01:30 is there twice, the first is meant.
    ("America/New_York", date(2026, 3, 7), time(2, 30), ["07:30", "07:00", "06:30"]),
    ("America/New_York", date(2026, 10, 31), time(1, 30), ["05:30", "05:30", "06:30"]),
    ("Europe/Berlin", date(2026, 3, 28), time(2, 15), ["01:15", "01:00", "00:15"]),
    ("Asia/Kolkata", date(2026, 3, 28), time(2, 15), ["20:45", "20:45", "20:45"]),
    ("Australia/Lord_Howe", date(2026, 4, 4), time(1, 45), ["14:45", "14:45", "15:15"]),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "start", "at", "wanted"), ZONES)
def test_the_feed_gives_each_day_one_moment_when_clocks_change(
    rekha: Member, zone: str, start: date, at: time, wanted: list[str]
) -> None:
    import icalendar

    begins = datetime.combine(start, time(0), ZoneInfo(zone)).astimezone(UTC)
    with tenancy.inside(rekha.workspace), clock.standing_at(begins):
        rekha.workspace.time_zone = zone
        make_task(rekha, due_on=start, due_time=at, repeat=Repeat(Unit.DAY, count=3), at=begins)
        address = feed.new_address(member=rekha, at=begins, with_names=False)
        content = feed.calendar(rekha, at=begins, secret=address.rstrip("/").rsplit("/", 1)[-1])
    events = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert [f"{event['dtstart'].dt:%H:%M}" for event in events] == wanted
    assert len({str(event["uid"]) for event in events}) == 3


# --- the calendar ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [2026, 2027, 2028])
@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_is_shown_in_whole_weeks_from_monday(year: int, month: int) -> None:
    first, end = agenda.month_span(year, month)
    assert (first.weekday(), end.weekday(), (end - first).days % 7) == (0, 0, 0)
    last = date(year, month, calendar.monthrange(year, month)[1])
    assert first <= date(year, month, 1) < first + 7 * DAY and last < end <= last + 7 * DAY


@pytest.mark.parametrize("offset", range(15))
def test_a_week_is_monday_to_sunday_of_its_day(offset: int) -> None:
    day = date(2026, 12, 25) + offset * DAY
    first, end = agenda.week_span(day)
    assert first.weekday() == 0 and first <= day < end == first + 7 * DAY


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(repeat=repeats, start=st.dates(date(2026, 9, 1), date(2026, 11, 21)), month=st.integers(1, 12))
def test_the_calendar_shows_a_series_on_its_days_and_on_no_other(
    rekha: Member, repeat: Repeat, start: date, month: int
) -> None:
    first, end = agenda.month_span(2027, month)
    with tenancy.inside(rekha.workspace):
        Task.objects.of(rekha.workspace).delete()
        make_task(rekha, due_on=start, repeat=repeat)
        shown = [item.day for item in agenda.items(rekha, first, end, today=TODAY)]
    assert shown == [day for day in naive(repeat, start, end) if day >= first]


EDGES = {
    "the first Monday": (date(2026, 10, 26), True), "the day before": (date(2026, 10, 25), False), "the last Sunday": (date(2026, 12, 6), True),
    "the Monday after": (date(2026, 12, 7), False), "the first": (date(2026, 11, 1), True), "the last": (date(2026, 11, 30), True),
}  # fmt: skip


@pytest.mark.parametrize("edge", list(EDGES))
def test_the_month_takes_in_its_edges_and_no_more(rekha: Member, edge: str) -> None:
    day, is_in = EDGES[edge]
    first, end = agenda.month_span(2026, 11)
    from amanat.desk.tests.factories import make_contact, make_record

    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha, follow_up_on=day)
        make_task(rekha, due_on=day)
        make_record(rekha, contact=contact, due_on=day, expires_on=day, follow_up_on=day)
        kinds = sorted(item.kind for item in agenda.items(rekha, first, end, today=TODAY))
    assert kinds == (["due", "expiry", "follow-up", "follow-up", "task"] if is_in else [])


def test_items_of_a_day_come_by_time_then_by_words(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        for title, at in (("b", None), ("late", time(23, 59)), ("a", None), ("early", time(0, 0))):
            make_task(rekha, title, due_time=at)
        items = agenda.items(rekha, TODAY, TODAY + DAY, today=TODAY)
    assert [item.label for item in items] == ["00:00 early", "23:59 late", "a", "b"]


@pytest.mark.parametrize("kind", ["task", "due"])
def test_more_than_the_most_is_cut_and_said(rekha: Member, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from amanat.desk.tests.factories import make_contact, make_record

    monkeypatch.setattr(agenda, "MOST", 3)
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
        for number in range(4):
            make_task(rekha, str(number)) if kind == "task" else make_record(rekha, contact=contact, due_on=TODAY)
        cut = agenda.Cut()
        assert len(agenda.items(rekha, TODAY, TODAY + DAY, today=TODAY, cut=cut)) == 3 and cut.happened
        few = agenda.Cut()
        agenda.items(rekha, TODAY + DAY, TODAY + 2 * DAY, today=TODAY, cut=few)
        assert not few.happened
