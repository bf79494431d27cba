"""What was too much for its person on a day and goes out on a later one, before what is new there. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from amanat.accounts.models import Workspace
from amanat.messaging.reminders import dates, planning
from amanat.messaging.reminders.models import Reminder, ReminderRule

#: What was too much for one day is tried for a week.
_MOVES_FOR = timedelta(days=7)


def held_over(rule: ReminderRule, day: date) -> list[Reminder]:
    """What was too much for its person on an earlier day and may go on this one: the rule says so, and what it reminds of is still ahead or open."""
    if not rule.moves_over or day.weekday() in rule.quiet_days:
        return []
    rows = too_many(rule, day).filter(day__gte=day - _MOVES_FOR)
    if rule.days <= 0:
        rows = rows.filter(on_day__gte=day)
    groups: dict[date, list[Reminder]] = {}
    for row in rows.order_by("id"):
        groups.setdefault(row.on_day, []).append(row)
    found = []
    for on_day, group in groups.items():
        there = dates.standing(rule, on_day, [row.about for row in group])
        found += [row for row in group if row.about in there]
    return found


def too_many(rule: ReminderRule, day: date) -> QuerySet[Reminder]:
    """What an earlier day put off, whether it may still go on `day` or not."""
    rows = Reminder.objects.of(rule.workspace_id).filter(rule=rule, state=Reminder.State.REFUSED)
    return rows.filter(reason=planning.CAP_MOVES, day__lt=day)


def in_turn(
    rows: Iterable[Reminder], rules: Mapping[UUID, ReminderRule], workspace: Workspace
) -> list[tuple[ReminderRule, list[Reminder]]]:
    """Reminders of several rules in the order in which they take the messages that a person may have on a day.

    What has waited since an earlier day comes first, of one day the earlier hour. A reminder is written on the day it was new.
    """
    zone = ZoneInfo(workspace.time_zone)

    def turn(row: Reminder) -> tuple[object, ...]:
        rule = rules[row.rule_id]
        return row.created_at.astimezone(zone).date(), rule.at, rule.pk

    ordered = sorted((row for row in rows if row.rule_id in rules), key=lambda row: (*turn(row), row.pk))
    groups = [list(group) for _turn, group in groupby(ordered, key=turn)]
    return [(rules[group[0].rule_id], group) for group in groups]
