from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import May, Role
from amanat.accounts.tests.factories import make_member, make_workspace, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk import home, payments, services, waiting
from amanat.desk.models import Service
from amanat.desk.payments import NewPayment
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_task
from amanat.desk.tests.test_pages import statements
from amanat.desk.waiting import Waiting
from amanat.people import masking


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


def test_figures_count_what_is_in_hand_due_and_unpaid(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        contact = make_contact(rekha)
        make_record(rekha, contact=contact, due_on=TODAY - timedelta(days=9), paid_paise=5_000)
        make_record(rekha, contact=contact, due_on=TODAY + timedelta(days=1))  # Sunday, the week's last day
        make_record(rekha, contact=contact, due_on=TODAY + timedelta(days=2))
        done = make_record(rekha, contact=contact, due_on=TODAY, paid_paise=25_000)
        services.set_status(record=done, status="delivered", by=rekha, at=NOW)
        gone = make_record(rekha, contact=contact)
        services.set_status(record=gone, status="cancelled", by=rekha, at=NOW)
        found = home.overview(rekha, TODAY).figures
        assert (found.in_hand, found.due_this_week, found.unpaid_paise, found.unpaid_count) == (3, 2, 70_000, 3)


def test_today_is_by_time_and_late_by_day(shree: Workspace) -> None:
    rekha, prakash = owner_of(shree), make_member(shree)
    with tenancy.inside(shree):
        make_task(rekha, "any time")
        make_task(rekha, "at three", due_time=time(15))
        make_task(rekha, "at nine", due_time=time(9), assignee=rekha)
        make_task(rekha, "old", due_on=TODAY - timedelta(days=3))
        make_task(rekha, "older", due_on=TODAY - timedelta(days=4))
        make_task(rekha, "tomorrow", due_on=TODAY + timedelta(days=1))
        make_task(rekha, "his", assignee=prakash)
        shown = home.overview(rekha, TODAY)
        due, late = shown.due, shown.late
        assert [task.title for task in due] == ["at nine", "at three", "any time"]
        assert [task.title for task in late] == ["old", "older"]


def test_expected_is_what_expires_and_is_to_be_followed_up_within_14_days(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        contact = make_contact(rekha, "Farhana Khan", follow_up_on=TODAY + timedelta(days=14))
        make_contact(rekha, "Too Late", follow_up_on=TODAY + timedelta(days=15))
        make_record(rekha, contact=contact, title="Insurance", expires_on=TODAY)
        make_record(rekha, contact=contact, title="Far", expires_on=TODAY + timedelta(days=15))
        make_record(rekha, contact=contact, title="Asked", follow_up_on=TODAY - timedelta(days=1))
        found = home.overview(rekha, TODAY).expected
        assert [(each.kind, each.title) for each in found] == [
            ("follow-up", "Asked"), ("expiry", "Insurance"), ("follow-up", "Farhana Khan"),
        ]  # fmt: skip


def test_a_backlog_of_late_follow_ups_hides_nothing_that_is_near(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        for number in range(12):
            make_contact(rekha, f"Late {number}", follow_up_on=TODAY - timedelta(days=number + 1))
            make_contact(rekha, f"Coming {number}", follow_up_on=TODAY + timedelta(days=number + 1))
        make_contact(rekha, "Now", follow_up_on=TODAY)
        found = home.overview(rekha, TODAY).expected
        near = [each.title for each in found if each.day >= TODAY]
        assert near == ["Now", *(f"Coming {number}" for number in range(7))]
        assert [each.title for each in found if each.day < TODAY] == [f"Late {n}" for n in reversed(range(8))]
    page = signed_in(rekha).get("/").text
    assert "Now" in page and "follow-up was 20 Nov" in page


def test_collected_is_by_month_and_a_team_member_sees_her_own(shree: Workspace) -> None:
    rekha = owner_of(shree)
    prakash = make_member(shree, Role.AGENT, sees="team")
    with tenancy.inside(shree):
        record = make_record(rekha, fee_paise=100_000, paid_paise=10_000)
        payments.take(record=record, payment=NewPayment(20_000, "upi", paid_on=date(2026, 9, 30)), by=rekha, at=NOW)
        payments.take(record=record, payment=NewPayment(3_000, "upi"), by=prakash, at=NOW)
        months = home.overview(rekha, TODAY).months
        assert [month.first for month in months][0::11] == [date(2025, 12, 1), date(2026, 11, 1)]
        assert [month.paise for month in months][-3:] == [20_000, 0, 13_000]
        assert [month.paise for month in home.overview(prakash, TODAY).months][-3:] == [0, 0, 3_000]


@pytest.mark.slow
def test_first_steps_vanish_one_by_one(db: None) -> None:
    shop = make_workspace(kind="csc")
    owner = owner_of(shop)
    browser = signed_in(owner)

    def titles() -> list[str]:
        return [step.title for step in browser.get("/").context["steps"]]

    assert titles() == [
        "Fill the catalogue", "Bring your contacts", "Write down the first service", "Invite who works with you",
    ]  # fmt: skip
    assert browser.post("/setup/pack/").status_code == 303
    with tenancy.inside(shop):
        assert Service.objects.of(shop).count() >= 25
    assert titles()[0] == "Bring your contacts"
    with tenancy.inside(shop):
        make_contact(owner)
    assert titles() == ["Write down the first service", "Invite who works with you"]
    with tenancy.inside(shop):
        make_record(owner)
    assert titles() == ["Invite who works with you"]
    make_member(shop)
    assert titles() == []
    assert "First steps" not in browser.get("/").text


def test_first_steps_are_for_those_who_may(db: None) -> None:
    shop = make_workspace(kind="csc")
    agent = make_member(shop)
    assert [step.title for step in signed_in(agent).get("/").context["steps"]] == ["Write down the first service"]


def test_home_page_shows_the_day_of_the_workspace(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, contact=make_contact(rekha, "Sunita Deshmukh"), due_on=TODAY - timedelta(days=1))
        make_task(rekha, "Call Tanvi", due_time=time(9, 30), contact=record.contact)
    with clock.standing_at(NOW.replace(hour=19)):  # half past midnight in Nashik
        page = signed_in(rekha).get("/").text
    assert "Namaste, Rekha" in page and "Sunday, 22 November 2026" in page
    with clock.standing_at(NOW):
        page = signed_in(rekha).get("/").text
    for part in ("Saturday, 21 November 2026", "09:30", "Call Tanvi", "was due 20 Nov", "₹\xa0250", "As a table"):
        assert part in page, part


def test_pack_of_another_kind_and_of_none(shree: Workspace) -> None:
    browser = signed_in(owner_of(shree))
    assert browser.post("/setup/pack/", {"pack": "clinic"}).status_code == 303
    assert browser.post("/setup/pack/", {"pack": "no-such"}).status_code == 404
    with tenancy.inside(shree):
        assert Service.objects.of(shree).filter(key="ecg").exists()


def test_lines_lead_to_the_telephone_and_to_whatsapp_with_the_words_ready(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        called = make_contact(rekha, "Farhana Khan", phone="98220 41799", follow_up_on=TODAY)
        make_record(rekha, contact=make_contact(rekha, "Ramesh Pawar", phone="98220 41788"), title="PAN")
        tanvi = make_contact(rekha, "Tanvi Shah", phone="98220 41777")
        make_task(rekha, "Call Tanvi", kind="call", contact=tanvi)
        make_task(rekha, "Buy paper", contact=called)
    shown = signed_in(rekha).get("/").context
    lines = {line.title: line for part in ("today", "unpaid") for line in shown[part]}
    assert lines["Farhana Khan"].call_url == "tel:+919822041799"
    assert lines["Farhana Khan"].whatsapp_url.startswith(
        "https://wa.me/919822041799?text=Hello%20Farhana%20Khan%2C%20this%20is"
    )
    assert "is%20still%20to%20be%20paid%20for%20PAN." in lines["Ramesh Pawar"].whatsapp_url
    assert lines["Call Tanvi"].whom == "Tanvi Shah"
    assert lines["Call Tanvi"].noted_url == f"/contacts/{tanvi.pk}/by-phone/", (
        "where it is written down that she was called"
    )
    assert (lines["Buy paper"].call_url, lines["Buy paper"].noted_url) == ("", ""), "this is not done by telephone"


@pytest.mark.parametrize(("role", "leads"), [(Role.MANAGER, True), (Role.AGENT, True), (Role.AUDITOR, False)])
def test_who_may_only_read_is_shown_no_numbers(shree: Workspace, role: Role, leads: bool) -> None:
    with tenancy.inside(shree):
        make_contact(owner_of(shree), "Farhana Khan", phone="98220 41799", follow_up_on=TODAY)
    page = signed_in(make_member(shree, role)).get("/").text
    assert "Farhana Khan" in page
    assert ("9822041799" in page) is leads


def test_a_restricted_person_is_not_called_from_a_line(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        closed = make_contact(rekha, "Farhana Khan", phone="98220 41799", follow_up_on=TODAY)
        make_contact(rekha, "Ramesh Pawar", phone="98220 41788", follow_up_on=TODAY)
    monkeypatch.setattr(masking, "guard", lambda *asked: masking.Guard(restricted=frozenset({closed.pk})))
    page = signed_in(rekha).get("/").text
    assert "9822041788" in page and "9822041799" not in page and "Farhana Khan" in page


@pytest.mark.parametrize(("role", "is_told"), [(Role.MANAGER, True), (Role.AGENT, False)])
def test_what_waits_for_a_decision_is_told_to_who_may_decide(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, role: Role, is_told: bool
) -> None:
    monkeypatch.setattr(waiting, "_registered", [])
    browser = signed_in(make_member(shree, role))
    before = statements(browser, "/")
    waiting.register(Waiting(
        "members", May.MANAGE_REMINDERS, Member.objects.of, lambda count, shown: f"{shown} wait.", lambda: "/members/?waiting", "Decide"
    ))  # fmt: skip
    page = browser.get("/").text
    assert ("wait. <a" in page, "/members/?waiting" in page) == (is_told, is_told)
    assert statements(browser, "/") == before


def test_numbers_on_the_home_page_cost_one_statement(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    counts = []
    for number in range(3):
        with tenancy.inside(shree):
            make_contact(rekha, f"Person {number}", phone=f"982204179{number}", follow_up_on=TODAY)
        counts.append(statements(browser, "/"))
    assert counts[0] == counts[2] <= 8
