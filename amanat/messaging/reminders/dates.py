"""Which dates a rule reminds of on a day: of services, follow-ups, birthdays, own fields, and of what is still owed.

A rule's day is counted from the date: -7 is a week before it. A day on which the rule is quiet passes what falls on it to
the last open day before the date, or, for a rule that comes after the date, to the next open day. 29 February is kept on
28 February in other years.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from amanat.accounts.models import Workspace
from amanat.desk.models import ServiceRecord
from amanat.messaging.reminders.models import ReminderRule
from amanat.people.models import Contact

_A_WEEK = 7
_On = ReminderRule.On
#: What the key of an own field of services begins with in a rule; one of contacts stands alone.
OF_SERVICE = "service."


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something of somebody that falls on a day. `about` is the service record, or the contact where the date is the person's own."""

    contact_id: UUID
    about: UUID
    on_day: date


def days_reminded_of(rule: ReminderRule, day: date) -> list[date]:
    """The dates that the rule reminds of on `day`: none on a quiet day, several after or before quiet ones."""
    quiet = set(rule.quiet_days)
    if day.weekday() in quiet:
        return []
    planned, step = [day], timedelta(days=1 if rule.days <= 0 else -1)
    for ahead in range(1, _A_WEEK):
        other = day + step * ahead
        if other.weekday() not in quiet:
            break
        planned.append(other)
    return [each - timedelta(days=rule.days) for each in planned]


def instead_of(rule: ReminderRule, day: date) -> date | None:
    """On which day the rule tells of what falls on `day`, where it is quiet then; None on an open day."""
    if day.weekday() not in rule.quiet_days:
        return None
    step = timedelta(days=-1 if rule.days <= 0 else 1)
    others = (day + step * ahead for ahead in range(1, _A_WEEK))
    return next((other for other in others if other.weekday() not in rule.quiet_days), None)


def occasions(rule: ReminderRule, day: date, *, contact: UUID | None = None) -> Iterator[Occasion]:
    """What the rule reminds of on `day`, of living contacts only, ordered by contact. One statement for each date."""
    for on_day in days_reminded_of(rule, day):
        seen = (Occasion(person, about, on_day) for person, about in _found(rule, on_day))
        yield from sorted(
            (each for each in seen if contact in {None, each.contact_id}), key=lambda each: each.contact_id
        )


def standing(rule: ReminderRule, on_day: date, about: Collection[UUID]) -> set[UUID]:
    """Which of these, that the rule reminds of on `on_day`, are still so: neither moved nor done nor paid."""
    return {each for _person, each in _found(rule, on_day, about)}


def _found(rule: ReminderRule, on_day: date, only: Collection[UUID] | None = None) -> list[tuple[UUID, UUID]]:
    found = _of_contacts(rule, on_day, only) if is_of_person(rule) else _of_records(rule, on_day, only)
    return [*found, *_followed(rule, on_day, only)] if rule.on == _On.FOLLOW_UP else found


def is_of_person(rule: ReminderRule) -> bool:
    """Whether the date is the contact's own, not that of a service."""
    return rule.on == _On.BIRTHDAY or (rule.on == _On.FIELD and not rule.field.startswith(OF_SERVICE))


def _of_records(rule: ReminderRule, on_day: date, only: Collection[UUID] | None) -> list[tuple[UUID, UUID]]:
    records = ServiceRecord.objects.of(rule.workspace_id).alive()
    if only is not None:
        records = records.filter(pk__in=only)
    records = records.filter(contact__isnull=False, contact__deleted_at__isnull=True)
    if rule.service_id is not None:
        records = records.filter(service=rule.service_id)
    match rule.on:
        case _On.SERVICE_DUE:
            records = records.filter(due_on=on_day, status__in=ServiceRecord.IN_HAND)
        case _On.SERVICE_EXPIRY:
            # who has come again for it needs no reminder
            later = ServiceRecord.objects.of(rule.workspace_id).alive().filter(expires_on__gt=on_day)
            later = later.filter(contact__in=records.filter(expires_on=on_day).values("contact"))
            again = set(later.filter(service__isnull=False).values_list("contact_id", "service_id"))
            rows = records.filter(expires_on=on_day).exclude(status__in=("refused", "cancelled"))
            return [
                (person, about)
                for person, about, service in rows.values_list("contact_id", "id", "service_id")
                if (person, service) not in again
            ]
        case _On.FOLLOW_UP:
            records = records.filter(follow_up_on=on_day)
        case _On.FIELD:
            records = records.filter(custom__contains={rule.field.removeprefix(OF_SERVICE): on_day.isoformat()})
        case _On.UNPAID:
            # The day of delivery is the workspace's, whoever asks: a page, or a job that knows no zone.
            zone = ZoneInfo(Workspace.objects.of(rule.workspace_id).values_list("time_zone", flat=True).get())
            first = datetime.combine(on_day, time(0), zone)
            records = records.filter(
                balance_paise__gt=0, delivered_at__gte=first, delivered_at__lt=datetime.combine(on_day + timedelta(days=1), time(0), zone),
                status=ServiceRecord.Status.DELIVERED,
            )  # fmt: skip
    return list(records.values_list("contact_id", "id"))


def _followed(rule: ReminderRule, on_day: date, only: Collection[UUID] | None) -> list[tuple[UUID, UUID]]:
    if rule.service_id is not None:
        return []
    people = _people(rule, only).filter(follow_up_on=on_day)
    return [(person, person) for person in people.values_list("id", flat=True)]


def _people(rule: ReminderRule, only: Collection[UUID] | None) -> QuerySet[Contact]:
    people = Contact.objects.of(rule.workspace_id).alive()
    return people if only is None else people.filter(pk__in=only)


def _of_contacts(rule: ReminderRule, on_day: date, only: Collection[UUID] | None) -> list[tuple[UUID, UUID]]:
    people = _people(rule, only)
    if rule.on == _On.BIRTHDAY:
        born = Q(birthday__month=on_day.month, birthday__day=on_day.day)
        if (on_day.month, on_day.day) == (2, 28) and not calendar.isleap(on_day.year):
            born |= Q(birthday__month=2, birthday__day=29)
        people = people.filter(born, birthday__lte=on_day)
    else:
        people = people.filter(custom__contains={rule.field: on_day.isoformat()})
    return list(people.values_list("id", F("id")))
