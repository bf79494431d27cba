"""Rules made, changed, paused and ended, each in the ledger."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from amanat.accounts.models import Member
from amanat.core import jobs, ledger
from amanat.messaging.outbox import ordering
from amanat.messaging.reminders import carrying
from amanat.messaging.reminders.models import Reminder, ReminderRule

#: Works out one rule soon instead of at the next round.
ROUND = "messaging.reminders.round"
_State = Reminder.State


def make(*, by: Member, at: datetime, values: dict[str, Any]) -> ReminderRule:
    """A new rule, paused until somebody has seen whom it would write to."""
    rule = ReminderRule.objects.create(
        workspace_id=by.workspace_id, made_by=by, created_at=at, is_paused=True, **values
    )
    ledger.write("messaging.rule.made", workspace=by.workspace_id, by=by, about=rule, at=at, **_facts(rule))
    return rule


def change(*, rule: ReminderRule, by: Member, at: datetime, values: dict[str, Any]) -> None:
    """What is ordered already goes its way; the rest follows the rule as it is now."""
    for name, value in values.items():
        setattr(rule, name, value)
    rule.save(update_fields=list(values))
    ledger.write("messaging.rule.changed", workspace=by.workspace_id, by=by, about=rule, at=at, **_facts(rule))
    if not rule.is_paused:
        _soon(rule)


def pause(*, rule: ReminderRule, by: Member, at: datetime) -> int:
    """Nothing more is worked out, and what waits in the outbox is taken back; returns how many."""
    rule.is_paused = True
    rule.save(update_fields=["is_paused"])
    stopped = _take_back(rule, at)
    ledger.write("messaging.rule.paused", workspace=by.workspace_id, by=by, about=rule, at=at, taken_back=stopped)
    return stopped


def resume(*, rule: ReminderRule, by: Member, at: datetime, today: date) -> None:
    """From today on; what the pause left out stays left out."""
    rule.is_paused, rule.last_day = False, today
    rule.save(update_fields=["is_paused", "last_day"])
    ledger.write("messaging.rule.resumed", workspace=by.workspace_id, by=by, about=rule, at=at)
    _soon(rule)


def end(*, rule: ReminderRule, by: Member, at: datetime) -> None:
    """The rule is over; what it did stays in its report."""
    rule.ended_at, rule.is_paused = at, True
    rule.save(update_fields=["ended_at", "is_paused"])
    _take_back(rule, at)
    waiting = Reminder.objects.of(rule.workspace_id).filter(rule=rule, state=_State.WAITS)
    waiting.update(state=_State.SKIPPED, reason="rule_ended")
    ledger.write("messaging.rule.ended", workspace=by.workspace_id, by=by, about=rule, at=at)


def _soon(rule: ReminderRule) -> None:
    jobs.enqueue(ROUND, workspace=rule.workspace_id, once=f"{ROUND}:{rule.pk}", rule=str(rule.pk))


def _take_back(rule: ReminderRule, at: datetime) -> int:
    ordered = Reminder.objects.of(rule.workspace_id).filter(rule=rule, state=_State.ORDERED)
    ids = list(ordered.values_list("id", flat=True))
    return ordering.take_back(workspace=rule.workspace_id, at=at, source_ids=ids, reason=carrying.PAUSED) if ids else 0


def _facts(rule: ReminderRule) -> dict[str, Any]:
    return {"on": rule.on, "days": rule.days, "channels": list(rule.channels), "purpose": rule.purpose}
