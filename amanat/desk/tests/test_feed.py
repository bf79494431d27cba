from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import icalendar
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, make_workspace, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.recurrence import Repeat, Unit
from amanat.desk import feed, todo
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_task


def address(member: Member, *, with_names: bool = False) -> str:
    with tenancy.inside(member.workspace_id):
        return feed.new_address(member=member, at=NOW, with_names=with_names)


def events(path: str) -> list[Any]:
    with clock.standing_at(NOW):
        answer = Client().get(path)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("text/calendar")
    return list(icalendar.Calendar.from_ical(answer.content).walk("VEVENT"))


def test_feed_has_her_tasks_and_those_nobody_took(shree: Workspace) -> None:
    rekha, prakash = owner_of(shree), make_member(shree)
    with tenancy.inside(shree):
        make_task(rekha, "hers", assignee=rekha, kind="call", due_time=time(9, 30))
        make_task(rekha, "free", kind="visit", due_on=TODAY + timedelta(days=1))
        make_task(rekha, "his", assignee=prakash)
        todo.finish(task=make_task(rekha, "done"), by=rekha, at=NOW)
    found = events(address(rekha))
    assert [str(event["summary"]) for event in found] == ["Call", "Visit"]
    assert found[0]["dtstart"].dt == datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # 09:30 in Nashik
    assert found[1]["dtstart"].dt == TODAY + timedelta(days=1)


def test_feed_says_nothing_of_people_unless_she_asked_for_first_names(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        sunita = make_contact(rekha, "Sunita Deshmukh", phone="9822041736")
        make_task(rekha, "Loan of 5 lakh", contact=sunita, kind="call", notes="Aadhaar 2345")
    with clock.standing_at(NOW):
        plain = Client().get(address(rekha)).text
        named = Client().get(address(rekha, with_names=True)).text
    assert "SUMMARY:Call\r\n" in plain and "SUMMARY:Call Sunita\r\n" in named
    for text in (plain, named):
        assert not any(word in text for word in ("Deshmukh", "98220", "Loan", "2345"))


def test_repeated_tasks_appear_once_on_each_day_and_keep_month_ends(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        make_task(rekha, due_on=date(2026, 11, 30), repeat=Repeat(Unit.MONTH, month_day=31))
    found = events(address(rekha))
    assert [event["dtstart"].dt for event in found] == [date(2026, 11, 30), date(2026, 12, 31), date(2027, 1, 31)]
    assert len({str(event["uid"]) for event in found}) == 3


def test_wall_clock_times_hold_through_a_change_of_clocks(db: None) -> None:
    shop = make_workspace("Berlin Desk", time_zone="Europe/Berlin")
    owner = owner_of(shop)
    with tenancy.inside(shop):
        make_task(
            owner, due_on=date(2027, 3, 27), due_time=time(9, 0), repeat=Repeat(Unit.DAY, until=date(2027, 3, 29))
        )
    path = address(owner)
    with clock.standing_at(datetime(2027, 3, 27, 6, tzinfo=UTC)):
        found = icalendar.Calendar.from_ical(Client().get(path).content).walk("VEVENT")
    assert [event["dtstart"].dt.hour for event in found] == [8, 7, 7]  # UTC: summer time begins on the 28th


def test_old_address_ends_with_a_new_one_with_stopping_and_with_the_seat(shree: Workspace) -> None:
    rekha, prakash = owner_of(shree), make_member(shree)
    first, second = address(rekha), address(rekha)
    assert first != second
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200
    with tenancy.inside(shree):
        feed.stop(member=rekha, at=NOW)
    assert Client().get(second).status_code == 404
    his = address(prakash)
    assert Client().get(his).status_code == 200
    with tenancy.inside(shree):
        Member.objects.of(shree).filter(pk=prakash.pk).update(ended_at=NOW)
    assert Client().get(his).status_code == 404


def test_wrong_secret_wrong_member_wrong_workspace_find_nothing(shree: Workspace, other: Workspace) -> None:
    rekha, prakash = owner_of(shree), make_member(shree)
    path = address(rekha)
    secret = path.rsplit("/", 1)[1].removesuffix(".ics")
    for workspace, member, key in (
        (shree.pk, prakash.pk, secret),
        (other.pk, rekha.pk, secret),
        (shree.pk, rekha.pk, secret[:-1]),
        (shree.pk, rekha.pk, "n" + secret[1:]),
        (shree.pk, rekha.pk, "x"),
    ):
        assert Client().get(f"/feed/{workspace}/{member}/{key}.ics").status_code == 404


def test_secret_is_not_in_the_database(shree: Workspace) -> None:
    rekha = owner_of(shree)
    secret = address(rekha).rsplit("/", 1)[1].removesuffix(".ics")
    with tenancy.inside(shree):
        kept = Member.objects.of(shree).get(pk=rekha.pk).feed_secret
    assert kept and secret not in kept and len(kept) == 64


def test_feed_of_a_team_member_leaves_out_people_she_may_not_see(shree: Workspace) -> None:
    rekha = owner_of(shree)
    prakash = make_member(shree, Role.AGENT, sees="team")
    with tenancy.inside(shree):
        make_task(rekha, contact=make_contact(rekha), kind="visit")
        make_task(rekha, contact=make_contact(rekha, owner=prakash.pk), kind="call")
    assert [str(event["summary"]) for event in events(address(prakash))] == ["Call"]


def test_page_shows_the_address_once(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    assert "/feed/" not in browser.get("/calendar/feed/").text.replace("/calendar/feed/", "")
    made = browser.post("/calendar/feed/", {"names": "1"})
    link = made.context["address"]
    assert link.startswith("http") and link in made.text
    assert link not in browser.get("/calendar/feed/").text
    browser.post("/calendar/feed/", {"act": "stop"})
    assert Client().get(link).status_code == 404
