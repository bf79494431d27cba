"""Which dates a rule reminds of: each kind of date, quiet days, leap days, and that no date is left out or named twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy
from amanat.desk.models import ServiceRecord
from amanat.desk.tests.factories import make_contact, make_record, make_service
from amanat.messaging.reminders import dates
from amanat.messaging.reminders.models import ReminderRule
from amanat.people.models import Contact

On = ReminderRule.On
DAY = date(2026, 11, 25)  # a Wednesday


@pytest.fixture
def owner(db: None, shree: Workspace) -> Any:
    with tenancy.inside(shree):
        yield owner_of(shree)


def rule(on: str, days: int = 0, **details: Any) -> ReminderRule:
    """A rule that was not written down; `dates` reads no row of it."""
    values = {"name": "Rule", "at": time(10), "channels": ["sms"], "templates": [], "purpose": "reminders"}
    return ReminderRule(on=on, days=days, **(values | details))


def of(owner: Member, on: str, days: int = 0, *, day: date = DAY, **details: Any) -> list[tuple[Any, date]]:
    asked = rule(on, days, workspace_id=owner.workspace_id, **details)
    return [(each.about, each.on_day) for each in dates.occasions(asked, day)]


def test_a_service_that_is_due_in_a_week(owner: Member) -> None:
    due = make_record(owner, due_on=DAY + timedelta(days=7))
    make_record(owner, due_on=DAY + timedelta(days=8))
    assert of(owner, On.SERVICE_DUE, -7) == [(due.pk, due.due_on)]


@pytest.mark.parametrize("status", ["delivered", "refused", "cancelled"])
def test_what_is_over_is_not_due(owner: Member, status: str) -> None:
    due = make_record(owner, due_on=DAY)
    ServiceRecord.objects.of(owner.workspace_id).filter(pk=due.pk).update(status=status)
    assert of(owner, On.SERVICE_DUE) == []


def test_only_the_chosen_service(owner: Member) -> None:
    passport = make_service(owner.workspace, "Passport")
    wanted = make_record(owner, service=passport, due_on=DAY)
    make_record(owner, due_on=DAY)
    assert of(owner, On.SERVICE_DUE, service=passport) == [(wanted.pk, DAY)]


def test_people_in_the_bin_are_left_alone(owner: Member) -> None:
    record = make_record(owner, due_on=DAY)
    Contact.objects.of(owner.workspace_id).filter(pk=record.contact_id).update(deleted_at=clock.now())
    assert of(owner, On.SERVICE_DUE) == []


def test_who_came_again_is_not_reminded_of_the_expiry(owner: Member) -> None:
    insurance = make_service(owner.workspace, "Crop insurance")
    asha, ravi = make_contact(owner, "Asha"), make_contact(owner, "Ravi")
    make_record(owner, contact=asha, service=insurance, expires_on=DAY)
    make_record(owner, contact=asha, service=insurance, expires_on=DAY + timedelta(days=365))
    old = make_record(owner, contact=ravi, service=insurance, expires_on=DAY)
    assert of(owner, On.SERVICE_EXPIRY) == [(old.pk, DAY)]


def test_follow_ups_of_services_and_of_people(owner: Member) -> None:
    record = make_record(owner, follow_up_on=DAY)
    asha = make_contact(owner, "Asha")
    Contact.objects.of(owner.workspace_id).filter(pk=asha.pk).update(follow_up_on=DAY)
    assert {about for about, _day in of(owner, On.FOLLOW_UP)} == {record.pk, asha.pk}


def test_what_is_owed_counts_from_the_day_it_was_delivered(owner: Member) -> None:
    owing, paid = make_record(owner, fee_paise=10_000), make_record(owner, fee_paise=10_000, paid_paise=10_000)
    delivered = clock.now().replace(year=2026, month=11, day=22, hour=6)
    ServiceRecord.objects.of(owner.workspace_id).filter(pk__in=[owing.pk, paid.pk]).update(
        status="delivered", delivered_at=delivered
    )
    assert of(owner, On.UNPAID, 3) == [(owing.pk, date(2026, 11, 22))]


def test_dates_of_own_fields(owner: Member) -> None:
    asha = make_contact(owner, "Asha")
    record = make_record(owner)
    Contact.objects.of(owner.workspace_id).filter(pk=asha.pk).update(custom={"anniversary": "2026-11-25"})
    ServiceRecord.objects.of(owner.workspace_id).filter(pk=record.pk).update(custom={"slot": "2026-11-25"})
    assert of(owner, On.FIELD, field="anniversary") == [(asha.pk, DAY)]
    assert of(owner, On.FIELD, field="service.slot") == [(record.pk, DAY)]
    assert of(owner, On.FIELD, field="slot") == []


def born(owner: Member, day: date) -> Contact:
    contact = make_contact(owner, "Asha")
    Contact.objects.of(owner.workspace_id).filter(pk=contact.pk).update(birthday=day)
    return contact


@pytest.mark.parametrize(
    ("birthday", "day", "is_it"),
    [
        (date(1990, 11, 25), date(2026, 11, 25), True),
        (date(1990, 11, 25), date(2026, 11, 24), False),
        (date(2000, 2, 29), date(2027, 2, 28), True),
        (date(2000, 2, 29), date(2028, 2, 28), False),
        (date(2000, 2, 29), date(2028, 2, 29), True),
        (date(2000, 2, 29), date(2027, 3, 1), False),
        (date(2027, 11, 25), date(2026, 11, 25), False),  # not born yet: a typing error
    ],
)
def test_birthdays(owner: Member, birthday: date, day: date, is_it: bool) -> None:
    contact = born(owner, birthday)
    assert of(owner, On.BIRTHDAY, day=day) == ([(contact.pk, day)] if is_it else [])


def test_nothing_of_another_workspace(db: None, shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(shree):
        make_record(owner_of(shree), due_on=DAY)
    with tenancy.inside(other):
        assert of(owner_of(other), On.SERVICE_DUE) == []


def test_a_quiet_sunday_is_told_of_on_saturday(owner: Member) -> None:
    sunday = date(2026, 11, 29)
    before = rule(On.SERVICE_DUE, 0, quiet_days=[6])
    assert dates.days_reminded_of(before, sunday) == []
    assert dates.days_reminded_of(before, sunday - timedelta(days=1)) == [sunday - timedelta(days=1), sunday]
    after = rule(On.UNPAID, 3, quiet_days=[6])
    assert dates.days_reminded_of(after, sunday + timedelta(days=1)) == [
        sunday + timedelta(days=1 - 3), sunday - timedelta(days=3),
    ]  # fmt: skip


@given(
    days=st.integers(-400, 400),
    quiet=st.sets(st.integers(0, 6), max_size=6),
    start=st.dates(date(2000, 1, 1), date(2099, 1, 1)),
)
def test_every_date_is_reminded_of_once(days: int, quiet: set[int], start: date) -> None:
    asked = rule(On.SERVICE_DUE, days, quiet_days=sorted(quiet))
    told = [on_day for ahead in range(40) for on_day in dates.days_reminded_of(asked, start + timedelta(days=ahead))]
    assert len(told) == len(set(told))
    inner = [start + timedelta(days=ahead - days) for ahead in range(7, 33)]
    assert set(inner) <= set(told)


def test_all_days_quiet_is_never() -> None:
    assert dates.days_reminded_of(rule(On.SERVICE_DUE, 0, quiet_days=list(range(7))), DAY) == []


@pytest.mark.parametrize("asked_in", ["Asia/Kolkata", "America/New_York", "UTC"])
def test_what_is_owed_counts_from_the_day_in_the_workspace_whoever_asks(owner: Member, asked_in: str) -> None:
    """The preview runs in the workspace's zone, the job in none."""
    Workspace.objects.of(owner.workspace_id).update(time_zone="America/New_York")
    evening = datetime(
        2026, 11, 25, 1, 0, tzinfo=UTC
    )  # the evening of the 24th in New York, the morning of the 25th in India
    owed = make_record(owner, fee_paise=10_000)
    ServiceRecord.objects.of(owner.workspace_id).filter(pk=owed.pk).update(status="delivered", delivered_at=evening)
    with timezone.override(ZoneInfo(asked_in)):
        assert of(owner, On.UNPAID, 0, day=date(2026, 11, 24)) == [(owed.pk, date(2026, 11, 24))]
        assert of(owner, On.UNPAID, 0, day=date(2026, 11, 25)) == []
