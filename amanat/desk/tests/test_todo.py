from __future__ import annotations

import threading
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connections

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.core.recurrence import LAST_DAY, Repeat, Unit
from amanat.desk import todo
from amanat.desk.models import Task
from amanat.desk.periods import months_after
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_task
from amanat.desk.todo import TaskRefused
from amanat.people.models import Interaction


def at_noon(day: date) -> datetime:
    return datetime.combine(day, time(6, 30), NOW.tzinfo)


def series(workspace: Workspace, by: Any, times: int) -> list[date]:
    """The days on which the only open task comes, each finished on its day."""
    days = []
    for _ in range(times):
        task = Task.objects.of(workspace).open().get()
        days.append(task.due_on)
        todo.finish(task=task, by=by, at=at_noon(task.due_on))
    return days


def test_a_task_of_a_record_is_about_its_person(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        task = make_task(rekha, record=record, due_time=time(9, 30))
        kept = Task.objects.of(shree).get()
        assert (kept.contact_id, kept.record_id, kept.due_time) == (record.contact_id, record.pk, time(9, 30))
        assert kept.pk == task.pk


def test_finish_once_tells_the_timeline_and_makes_nothing_more(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha, contact=make_contact(rekha))
        assert todo.finish(task=task, by=rekha, at=NOW) is None
        assert todo.finish(task=task, by=rekha, at=NOW) is None
        assert Task.objects.of(shree).count() == 1
        assert Interaction.objects.of(shree).filter(kind="task").count() == 1
        assert LedgerEntry.objects.of(shree).filter(event="desk.task.finished").count() == 1


@pytest.mark.parametrize(
    ("repeat", "start", "expected"),
    [
        (Repeat(Unit.MONTH, month_day=31), date(2027, 1, 31), ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        (Repeat(Unit.MONTH, month_day=LAST_DAY), date(2028, 1, 31), ["2028-01-31", "2028-02-29", "2028-03-31"]),
        (Repeat(Unit.YEAR), date(2028, 2, 29), ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        (Repeat(Unit.WEEK), date(2026, 11, 21), ["2026-11-21", "2026-11-28", "2026-12-05"]),
        (Repeat(Unit.DAY, every=3), date(2026, 11, 29), ["2026-11-29", "2026-12-02", "2026-12-05"]),
    ],
)
def test_repeats_keep_the_written_rule(shree: Workspace, repeat: Repeat, start: date, expected: list[str]) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        make_task(rekha, due_on=start, repeat=repeat, at=at_noon(start))
        assert [day.isoformat() for day in series(shree, rekha, len(expected))] == expected


def test_a_series_ends_with_its_last_day(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        make_task(rekha, repeat=Repeat(Unit.DAY, until=TODAY + timedelta(days=1)))
        assert len(series(shree, rekha, 2)) == 2
        assert not Task.objects.of(shree).open().exists()


def test_what_was_missed_for_a_week_is_done_once(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha, due_on=TODAY - timedelta(days=7), repeat=Repeat(Unit.DAY))
        following = todo.finish(task=task, by=rekha, at=NOW)
        assert following is not None
        assert (following.due_on, following.occurrence) == (TODAY, 2)


def test_snooze_moves_this_one_and_leaves_the_series(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
        todo.snooze(task=task, until=TODAY + timedelta(days=3), by=rekha, at=NOW)
        kept = Task.objects.of(shree).get()
        assert (kept.due_on, kept.first_due_on) == (TODAY + timedelta(days=3), TODAY)
        following = todo.finish(task=kept, by=rekha, at=NOW + timedelta(days=3))
        assert following is not None
        assert following.due_on == TODAY + timedelta(days=7)


def test_snooze_refuses_a_past_day_and_a_finished_task(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha)
        with pytest.raises(TaskRefused):
            todo.snooze(task=task, until=TODAY - timedelta(days=1), by=rekha, at=NOW)
        todo.finish(task=task, by=rekha, at=NOW)
        with pytest.raises(TaskRefused):
            todo.snooze(task=task, until=TODAY, by=rekha, at=NOW)


def test_cancel_one_brings_the_next_and_cancel_series_none(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
        todo.cancel(task=task, by=rekha, at=NOW)
        following = Task.objects.of(shree).open().get()
        assert following.due_on == TODAY + timedelta(days=7)
        todo.cancel(task=following, by=rekha, at=NOW, series=True)
        assert not Task.objects.of(shree).open().exists()


def test_reopen_takes_the_next_one_away_again(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha, contact=make_contact(rekha), repeat=Repeat(Unit.WEEK))
        following = todo.finish(task=task, by=rekha, at=NOW)
        todo.reopen(task=task, by=rekha, at=NOW)
        assert Task.objects.of(shree).open().get().pk == task.pk
        assert not Interaction.objects.of(shree).filter(kind="task").exists()
        again = todo.finish(task=task, by=rekha, at=NOW)
        assert again is not None and following is not None and again.due_on == following.due_on


def test_reopen_refuses_when_the_next_one_is_finished(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
        following = todo.finish(task=task, by=rekha, at=NOW)
        assert following is not None
        todo.finish(task=following, by=rekha, at=NOW + timedelta(days=7))
        with pytest.raises(TaskRefused):
            todo.reopen(task=task, by=rekha, at=NOW)


def test_change_of_the_repeat_begins_a_new_series(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha)
        todo.change(task=task, by=rekha, at=NOW, due_on=date(2026, 11, 30), repeat=Repeat(Unit.MONTH, month_day=30))
        kept = Task.objects.of(shree).get()
        assert (kept.series_start_on, kept.first_due_on, kept.occurrence) == (date(2026, 11, 30), date(2026, 11, 30), 1)
        todo.change(task=kept, by=rekha, at=NOW, repeat=None)
        assert Task.objects.of(shree).get().series_id is None


def test_assign_refuses_a_member_who_left(shree: Workspace) -> None:
    rekha = owner_of(shree)
    gone = make_member(shree, ended_at=NOW)
    with tenancy.inside(shree):
        task = make_task(rekha)
        with pytest.raises(TaskRefused):
            todo.assign(task=task, to=gone, by=rekha, at=NOW)
        todo.assign(task=task, to=rekha, by=rekha, at=NOW)
        assert Task.objects.of(shree).get().assignee_id == rekha.pk


def test_member_of_a_team_sees_no_task_of_people_she_may_not_see(shree: Workspace) -> None:
    rekha = owner_of(shree)
    prakash = make_member(shree, Role.AGENT, sees="team")
    prakash.team_ids = []
    with tenancy.inside(shree):
        make_task(rekha, "hidden", contact=make_contact(rekha))
        mine = make_task(rekha, "given", contact=make_contact(rekha), assignee=prakash)
        free = make_task(rekha, "free")
        theirs = make_task(rekha, "her own contact", contact=make_contact(rekha, owner=prakash.pk))
        seen = Task.objects.of(shree).visible_to(prakash)
        assert {task.pk for task in seen} == {mine.pk, free.pk, theirs.pk}


def test_two_finishes_at_once_make_one_next(committed: Workspace) -> None:
    rekha = owner_of(committed)
    with tenancy.inside(committed):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
    start = threading.Barrier(6)
    made: list[Task | None] = []

    def work() -> None:
        try:
            start.wait()
            with tenancy.inside(committed):
                mine = Task.objects.of(committed).get(pk=task.pk)
                made.append(todo.finish(task=mine, by=rekha, at=NOW))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [following for following in made if following is not None].__len__() == 1
    with tenancy.inside(committed):
        assert sorted(Task.objects.of(committed).values_list("occurrence", flat=True)) == [1, 2]


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 11, 21), 120, date(2036, 11, 21)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 8, 31), 0, date(2026, 8, 31)),
    ],
)
def test_months_after_keeps_the_month_end_rule(day: date, months: int, expected: date) -> None:
    assert months_after(day, months) == expected
