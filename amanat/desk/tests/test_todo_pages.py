"""Pages of tasks, of the calendar and of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.recurrence import LAST_DAY, Repeat, Unit
from amanat.desk import agenda
from amanat.desk.models import Service, Task
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_service, make_task


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


def values(**more: str) -> dict[str, str]:
    return {"title": "Call Sunita", "kind": "call", "due_on": "2026-11-30", "repeat": "", "every": "1"} | more


def test_new_task_about_a_record_repeats_on_the_last_day(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
    browser = signed_in(rekha)
    back = f"/services/{record.pk}/"
    answer = browser.post(f"/tasks/new/?record={record.pk}", values(repeat="last", due_time="09:30", next=back))
    assert (answer.status_code, answer["Location"]) == (303, back)
    with tenancy.inside(shree):
        task = Task.objects.of(shree).get()
        assert (task.record_id, task.contact_id, task.due_time) == (record.pk, record.contact_id, time(9, 30))
        assert task.repeat == Repeat(Unit.MONTH, month_day=LAST_DAY).to_json()
    page = browser.get(f"/tasks/{task.pk}/").text
    assert '<option value="last" selected>' in page


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"title": " "}, "required"),
        ({"due_on": "soon"}, "valid date"),
        ({"repeat": "week", "until": "2026-11-01"}, "before the first day"),
        ({"repeat": "week", "every": "0"}, "greater than or equal to 1"),
    ],
)
def test_new_task_refuses_in_words(shree: Workspace, more: dict[str, str], message: str) -> None:
    answer = signed_in(owner_of(shree)).post("/tasks/new/", values(**more))
    assert answer.status_code == 422 and message in answer.text
    with tenancy.inside(shree):
        assert not Task.objects.of(shree).exists()


@pytest.mark.slow
def test_done_snooze_reopen_cancel_from_the_pages(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
    here = f"/tasks/{task.pk}/"
    browser.post(here + "snooze/", {"until": "three_days"})
    with tenancy.inside(shree):
        assert Task.objects.of(shree).get().due_on == TODAY + timedelta(days=3)
    page = browser.post(here + "snooze/", {"until": "2020-01-01"}, follow=True).text
    assert "Choose today or a later day" in page
    assert "The next time is on 28 Nov 2026" in browser.post(here + "done/", follow=True).text
    browser.post(here + "reopen/")
    with tenancy.inside(shree):
        assert Task.objects.of(shree).open().get().pk == task.pk
    browser.post(here + "cancel/", {"series": "1"})
    with tenancy.inside(shree):
        assert not Task.objects.of(shree).open().exists()


def test_changing_a_task_keeps_its_series_unless_the_repeat_changes(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        task = make_task(rekha, repeat=Repeat(Unit.WEEK))
    browser.post(
        f"/tasks/{task.pk}/", values(title="Visit", due_on="2026-11-21", repeat="week", assignee=str(rekha.pk))
    )
    with tenancy.inside(shree):
        kept = Task.objects.of(shree).get()
        assert (kept.title, kept.series_id, kept.assignee_id) == ("Visit", task.series_id, rekha.pk)


def test_next_leads_nowhere_outside(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        task = make_task(rekha)
    for target in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        answer = signed_in(rekha).post(f"/tasks/{task.pk}/done/", {"next": target})
        assert answer["Location"] == "/"


def test_auditor_reads_tasks_and_changes_none(shree: Workspace) -> None:
    rekha, asha = owner_of(shree), make_member(shree, Role.AUDITOR)
    with tenancy.inside(shree):
        task = make_task(rekha)
    browser = signed_in(asha)
    assert browser.get(f"/tasks/{task.pk}/").status_code == 200
    browser.post(f"/tasks/{task.pk}/", values(title="Changed"))
    assert browser.post(f"/tasks/{task.pk}/done/").status_code == 403
    with tenancy.inside(shree):
        kept = Task.objects.of(shree).get()
        assert (kept.title, kept.done_at) == ("Call Sunita", None)


def test_calendar_shows_tasks_dues_expiries_and_follow_ups(shree: Workspace) -> None:
    rekha, prakash = owner_of(shree), make_member(shree)
    with tenancy.inside(shree):
        contact = make_contact(rekha, "Farhana Khan", follow_up_on=date(2026, 11, 25))
        make_task(rekha, "Call", due_on=date(2026, 11, 24), due_time=time(9, 30))
        make_task(rekha, "His", due_on=date(2026, 11, 24), assignee=prakash)
        make_record(rekha, contact=contact, title="Passport", due_on=date(2026, 11, 26), expires_on=date(2026, 11, 27))
        found = agenda.items(rekha, *agenda.week_span(date(2026, 11, 24)), today=TODAY)
        assert [(item.day.day, item.kind, item.label) for item in found] == [
            (24, "task", "09:30 Call"), (25, "follow-up", "Farhana Khan"), (26, "due", "Passport"), (27, "expiry", "Passport"),
        ]  # fmt: skip
        everyone = agenda.items(rekha, *agenda.week_span(date(2026, 11, 24)), today=TODAY, everyone=True)
        assert [item.title for item in everyone if item.kind == "task"] == ["Call", "His"]


def test_calendar_shows_later_occurrences_of_a_series_on_their_days(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        make_task(rekha, due_on=date(2026, 11, 30), repeat=Repeat(Unit.MONTH, month_day=30))
        found = agenda.items(rekha, *agenda.month_span(2027, 2), today=TODAY)
        assert [item.day for item in found] == [date(2027, 2, 28)]


def test_month_span_has_whole_weeks() -> None:
    assert agenda.month_span(2026, 2) == (date(2026, 1, 26), date(2026, 3, 2))
    assert agenda.month_span(2027, 2) == (date(2027, 2, 1), date(2027, 3, 1))


@pytest.mark.sampled
@pytest.mark.parametrize(
    "query", ["", "?show=week", "?show=month&day=2027-02-01&who=all", "?day=nonsense", "?day=9999-12-31"]
)
def test_calendar_page_takes_as_many_statements_for_three_as_for_one(shree: Workspace, query: str) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    counts = []
    for more in (1, 2):
        with tenancy.inside(shree):
            for _ in range(more):
                make_task(rekha, repeat=Repeat(Unit.DAY))
                make_record(rekha, contact=make_contact(rekha, follow_up_on=TODAY), due_on=TODAY)
        browser.get("/calendar/")
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"/calendar/{query}").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_catalogue_pages_add_change_order_and_retire(shree: Workspace) -> None:
    browser = signed_in(owner_of(shree))
    assert "The catalogue is empty" in browser.get("/settings/services/").text
    new = {
        "name": "Photo print",
        "fee_paise": "12.50",
        "documents": "A\nB\n\nA",
        "steps": "",
        "remind_days_before": "15",
    }
    assert browser.post("/settings/services/new/", new).status_code == 303
    with tenancy.inside(shree):
        service = Service.objects.of(shree).get()
        assert (service.fee_paise, service.documents, service.steps) == (1_250, ["A", "B"], [])
        make_service(shree, "Second", position=1)
    here = f"/settings/services/{service.pk}/"
    refused = browser.post(here, new | {"fee_paise": "lots"})
    assert refused.status_code == 422 and "not an amount" in refused.text
    assert browser.post(here, new | {"fee_paise": "20", "validity_months": "12"}).status_code == 303
    browser.post(here + "move/", {"direction": "down"})
    with tenancy.inside(shree):
        service = Service.objects.of(shree).get(pk=service.pk)
        assert (service.fee_paise, service.validity_months, service.position) == (2_000, 12, 1)
    browser.post(here + "retire/")
    assert "Photo print" not in browser.get("/services/new/").text
    assert "Bring back" in browser.get("/settings/services/").text
    browser.post(here + "retire/")
    assert "Photo print" in browser.get("/services/new/").text


def test_catalogue_is_for_managers(shree: Workspace) -> None:
    browser = signed_in(make_member(shree))
    assert browser.get("/settings/services/").status_code == 403
    assert browser.post("/setup/pack/", {"pack": "csc"}).status_code == 403


def test_calendar_says_when_it_does_not_show_everything(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rekha = owner_of(shree)
    monkeypatch.setattr(agenda, "MOST", 2)
    with tenancy.inside(shree):
        for _number in range(2):
            make_task(rekha, due_on=TODAY)
    browser = signed_in(rekha)
    assert "Not everything is shown" not in browser.get("/calendar/").text
    with tenancy.inside(shree):
        make_task(rekha, due_on=TODAY)
    assert "Not everything is shown" in browser.get("/calendar/").text
    assert "Not everything is shown" in browser.get("/calendar/?show=week").text
