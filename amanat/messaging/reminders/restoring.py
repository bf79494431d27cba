"""After a restore: what the rules sent since the backup was made is in no row any more, and must not go out a second time."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef

from amanat.accounts.models import Workspace
from amanat.core import ledger
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying, moving_over
from amanat.messaging.reminders.models import MessageBatch, Reminder, ReminderRule

#: How many days before today are written down as left out.
_MOST_DAYS = 7
#: The reason, for reminders that wait and for those that are left out.
RESTORED = ordering.RESTORED
_OPEN = (Dispatch.State.TODO, Dispatch.State.SENDING, Dispatch.State.UNKNOWN, Dispatch.State.HELD)
_State = Reminder.State


def hold(workspace_id: UUID, *, made_at: datetime, at: datetime) -> int:
    """Nothing that may have gone between the backup's moment and `at` goes by itself; returns how many reminders wait for a member now.

    Today's reminders wait for approval, whatever their rule says, and so does what an earlier day put off to today; those of the days
    before are left out; no further channel is tried for what was sent before the backup; a message to many that was under way is
    stopped. In the caller's transaction.
    """
    zone = ZoneInfo(Workspace.objects.of(workspace_id).get().time_zone)
    first, today = made_at.astimezone(zone).date(), at.astimezone(zone).date()
    first = max(first, today - timedelta(days=_MOST_DAYS))
    known = Reminder.objects.of(workspace_id).filter(day__gte=first)
    known.filter(state=_State.WAITS).update(reason=RESTORED)
    _end_those_under_way(workspace_id)
    MessageBatch.objects.of(workspace_id).filter(state=MessageBatch.State.SENDING).update(
        state=MessageBatch.State.STOPPED, ended_at=at
    )
    for rule in ReminderRule.objects.of(workspace_id).filter(ended_at__isnull=True):
        for ahead in range((today - first).days):
            carrying.write_down(rule, first + timedelta(days=ahead), state=_State.SKIPPED, reason=RESTORED)
        carrying.write_down(rule, today, state=_State.WAITS, reason=RESTORED)
        put_off = moving_over.too_many(rule, today)
        for_today = [row.pk for row in moving_over.held_over(rule, today)]
        put_off.filter(pk__in=for_today).update(day=today, state=_State.WAITS, reason=RESTORED)
        if first < today:
            put_off.update(state=_State.SKIPPED, reason=RESTORED)
    waiting: int = known.filter(state=_State.WAITS, reason=RESTORED).count()
    if waiting:
        ledger.write("messaging.reminders.held", workspace=workspace_id, at=at, count=waiting)
    return waiting


def _end_those_under_way(workspace_id: UUID) -> None:
    """Sent over one channel when the backup was made: the next may have been tried since. What is held still is a member's to release."""
    waits = Dispatch.objects.of(workspace_id).filter(source_id=OuterRef("id"), source=carrying.SOURCE, state__in=_OPEN)
    rows = Reminder.objects.of(workspace_id).filter(~Exists(waits), state=_State.ORDERED)
    rows.update(state=_State.DONE, reason=RESTORED)


__all__ = ["RESTORED", "hold"]
