"""Jobs of reminders: each morning what the day asks for, through the day what came up since, and the next channel."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from amanat.accounts import access
from amanat.accounts.models import Workspace
from amanat.core import clock, jobs, tenancy
from amanat.messaging.reminders import batching, carrying, planning, setting, trying
from amanat.messaging.reminders.models import ReminderRule

log = logging.getLogger(__name__)

#: How many missed days are written down as left out after a standstill.
MOST_MISSED = 7


@jobs.periodic(
    "messaging.reminders",
    "*/10 * * * *",
    purpose="Remind customers of what is due, as the workspace set it and they agreed",
)
def remind() -> None:
    """One workspace or rule that fails does not keep the others waiting."""
    for workspace_id in access.workspace_ids():
        try:
            remind_one(workspace_id)
        except Exception:
            log.exception("reminders failed", extra={"workspace": str(workspace_id)})


@jobs.periodic(
    "messaging.tests_forget", "35 3 * * *", purpose="Forget tests of reminders that members had sent to themselves"
)
def forget_tests() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            trying.forget(workspace_id, at=clock.now())


@jobs.job(batching.ORDER, purpose="Hand one message to many people to the outbox, where they agreed")
def order_batch(workspace_id: UUID, batch: str) -> None:
    batching.carry_out(UUID(batch), workspace_id=workspace_id, at=clock.now())


@jobs.job(setting.ROUND, purpose="Work out a reminder rule as soon as somebody let it work or changed it")
def work_out_soon(workspace_id: UUID, rule: str) -> None:
    remind_one(workspace_id, only=UUID(rule))


@jobs.job(carrying.CARRY_ON, purpose="Try the next channel for reminders that did not arrive")
def carry_on(workspace_id: UUID) -> None:
    at = clock.now()
    with tenancy.inside(workspace_id):
        zone = Workspace.objects.of(workspace_id).get().time_zone
        carrying.carry_on(workspace_id, at=at, today=clock.today(zone))


def remind_one(workspace_id: UUID, *, only: UUID | None = None) -> None:
    """What is due now of one workspace, of `only` one rule where given."""
    at = clock.now()
    with tenancy.inside(workspace_id):
        zone = ZoneInfo(Workspace.objects.of(workspace_id).get().time_zone)
        rules = planning.in_turn(ReminderRule.objects.of(workspace_id).filter(ended_at__isnull=True))
    today = at.astimezone(zone).date()
    carrying.take_up([rule for rule in rules if not rule.is_paused], today, at=at)
    rules = [rule for rule in rules if only in {None, rule.pk}]
    for rule in rules:
        if rule.is_paused:
            continue
        first = max(rule.last_day or today, today - timedelta(days=MOST_MISSED))
        for ahead in range(1, (today - first).days):
            carrying.miss(rule, first + timedelta(days=ahead))
        carrying.work_out(rule, today, at=at)
        with tenancy.inside(workspace_id):
            ReminderRule.objects.of(workspace_id).filter(pk=rule.pk).update(last_day=today)
    if rules:
        with tenancy.inside(workspace_id):
            carrying.end_unapproved(workspace_id, today=today)
            carrying.carry_on(workspace_id, at=at, today=today)
