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
from amanat.people.models import Company, Contact

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
    firm = Company.objects.create(workspace_id=owner.workspace_id, name="Patil and Sons")
    changed(record, contact=None, company=firm)
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
    assert of(owner, On.FIELD, -1, field="service.slot") == []


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
    same = rule(On.SERVICE_DUE, 1, quiet_days=[6])
    assert dates.days_reminded_of(same, sunday + timedelta(days=1)) == [sunday, sunday - timedelta(days=1)]
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


def changed(record: ServiceRecord, **known: Any) -> ServiceRecord:
    ServiceRecord.objects.of(record.workspace_id).filter(pk=record.pk).update(**known)
    return record


def test_only_who_came_again_for_the_same_and_later_is_left_alone(owner: Member) -> None:
    insurance, licence = make_service(owner.workspace, "Crop insurance"), make_service(owner.workspace, "Licence")
    year = timedelta(days=365)
    reminded = []
    for number, (service, later, known) in enumerate(
        (
            (insurance, DAY + year, {}),
            (licence, DAY + year, {}),
            (insurance, DAY, {}),
            (insurance, DAY + year, {"deleted_at": clock.now()}),
        )
    ):
        asha = make_contact(owner, f"Asha {number}")
        reminded.append(make_record(owner, contact=asha, service=insurance, expires_on=DAY))
        again = make_record(owner, contact=asha, service=service, expires_on=later)
        changed(again, **known)
        if later == DAY:
            reminded.append(again)
    asked = of(owner, On.SERVICE_EXPIRY, service=insurance)
    assert {about for about, _day in asked} == {one.pk for one in reminded[1:]}


def test_what_expires_is_told_of_except_where_it_never_was(owner: Member) -> None:
    """Also for what is in no catalogue, though somebody comes again for another such thing."""
    asha = make_contact(owner, "Asha")
    there = make_record(owner, contact=asha, expires_on=DAY, title="Bus pass")
    make_record(owner, contact=asha, expires_on=DAY + timedelta(days=30), title="Gas card")
    for status in ("refused", "cancelled"):
        changed(make_record(owner, expires_on=DAY), status=status)
    changed(make_record(owner, expires_on=DAY), deleted_at=clock.now())
    delivered = changed(make_record(owner, expires_on=DAY), status="delivered")
    assert {about for about, _day in of(owner, On.SERVICE_EXPIRY)} == {there.pk, delivered.pk}


def test_what_is_owed_was_delivered_on_that_very_day_and_is_not_paid(owner: Member) -> None:
    first = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)  # the 25th begins in Nashik
    moments = (
        first - timedelta(microseconds=1),
        first,
        first + timedelta(days=1, microseconds=-1),
        first + timedelta(days=1),
    )
    owed = [
        changed(make_record(owner, fee_paise=1), status="delivered", delivered_at=moment) for moment in moments
    ]  # fmt: skip
    changed(make_record(owner, fee_paise=100), status="cancelled", delivered_at=first)
    changed(make_record(owner, fee_paise=100, paid_paise=100), status="delivered", delivered_at=first)
    assert {about for about, _day in of(owner, On.UNPAID)} == {owed[1].pk, owed[2].pk}


def test_of_a_follow_up_of_people_only_those_who_are_there_and_none_where_a_service_is_chosen(owner: Member) -> None:
    here, passport = owner.workspace_id, make_service(owner.workspace, "Passport")
    asha, gone = make_contact(owner, "Asha"), make_contact(owner, "Gone")
    Contact.objects.of(here).filter(pk__in=[asha.pk, gone.pk]).update(follow_up_on=DAY, birthday=DAY.replace(year=1990))
    Contact.objects.of(here).filter(pk=gone.pk).update(deleted_at=clock.now())
    wanted = make_record(owner, service=passport, follow_up_on=DAY)
    make_record(owner, service=passport, follow_up_on=DAY + timedelta(days=1))
    assert [about for about, _day in of(owner, On.BIRTHDAY)] == [asha.pk]
    assert {about for about, _day in of(owner, On.FOLLOW_UP)} == {asha.pk, wanted.pk}
    assert of(owner, On.FOLLOW_UP, service=passport) == [(wanted.pk, DAY)]


def test_of_several_people_in_their_order_or_of_one_alone(owner: Member) -> None:
    people = [make_contact(owner, name) for name in ("Asha", "Ravi", "Meera")]
    for contact in reversed(people):
        make_record(owner, contact=contact, due_on=DAY)
    asked = rule(On.SERVICE_DUE, workspace_id=owner.workspace_id)
    assert [each.contact_id for each in dates.occasions(asked, DAY)] == sorted(one.pk for one in people)
    assert [each.contact_id for each in dates.occasions(asked, DAY, contact=people[1].pk)] == [people[1].pk]


def test_what_still_stands_of_those_that_were_named(owner: Member) -> None:
    here = owner.workspace_id
    done, moved, stays, unasked = (make_record(owner, due_on=DAY) for _one in range(4))
    changed(done, status="delivered")
    changed(moved, due_on=DAY + timedelta(days=1))
    asked = rule(On.SERVICE_DUE, workspace_id=here)
    assert dates.standing(asked, DAY, [done.pk, moved.pk, stays.pk]) == {stays.pk} != {unasked.pk}
    assert dates.standing(asked, DAY, []) == set()
    asha, ravi = born(owner, DAY.replace(year=1990)), born(owner, DAY.replace(year=1991))
    assert dates.standing(rule(On.BIRTHDAY, workspace_id=here), DAY, [ravi.pk]) == {ravi.pk} != {asha.pk}


def test_whose_date_it_is() -> None:
    assert dates.is_of_person(rule(On.BIRTHDAY)) and dates.is_of_person(rule(On.FIELD, field="anniversary"))
    assert not dates.is_of_person(rule(On.FIELD, field="service.slot"))
    assert not any(dates.is_of_person(rule(on)) for on in (On.SERVICE_DUE, On.SERVICE_EXPIRY, On.FOLLOW_UP, On.UNPAID))
