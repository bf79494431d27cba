"""The books end too: services and payments whose years are over, of living and of erased people alike.

**Design of the part that destroys.** A service counts from the latest of the day it was made, the day it was delivered and the days money
came for it. It goes when the promise of `keep.billing` and every floor the law sets there are over (CGST Act section 36, Companies Act
section 128(5)), by the days of the workspace, with its payments, papers and lines of the timeline; a task about somebody lives on without it. What is still
in hand never goes. The receipts' numbers are not used again.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from amanat.accounts.models import Workspace
from amanat.desk import papers
from amanat.desk.models import ServiceRecord
from amanat.policy.format import Policy
from amanat.privacy.retention import reckoning, tables

_BATCH = 500
_ENDED = """
FROM desk_servicerecord r
LEFT JOIN LATERAL (SELECT max(p.paid_on) AS paid_on FROM desk_payment p
    WHERE p.workspace_id = r.workspace_id AND p.record_id = r.id) paid ON true
WHERE r.workspace_id = %s AND r.created_at < %s AND NOT r.status = ANY(%s)
  AND greatest((r.created_at AT TIME ZONE %s)::date, (r.delivered_at AT TIME ZONE %s)::date, paid.paid_on) <= %s
"""


def count(workspace_id: UUID, policy: Policy, *, at: datetime) -> int:
    """How many services have ended by `at`."""
    return int(_asked("SELECT count(*)", "", workspace_id, policy, at)[0][0])


def sweep(workspace_id: UUID, policy: Policy, *, at: datetime) -> int:
    """Delete one batch of services that have ended; returns how many."""
    with transaction.atomic():
        gone = [
            row[0]
            for row in _asked("SELECT r.id", f"LIMIT {_BATCH} FOR UPDATE OF r SKIP LOCKED", workspace_id, policy, at)
        ]
        if gone:
            papers.delete_all(gone, workspace=workspace_id, at=at)
            tables.delete(ServiceRecord, gone, workspace_id=workspace_id)
    return len(gone)


def _asked(what: str, after: str, workspace_id: UUID, policy: Policy, at: datetime) -> list[tuple[Any, ...]]:
    zone = Workspace.objects.of(workspace_id).values_list("time_zone", flat=True).get()
    last = last_day(policy, at.astimezone(ZoneInfo(zone)).date())
    if last is None:
        return [(0,)] if "count" in what else []
    in_hand = [str(status) for status in ServiceRecord.IN_HAND]
    with connection.cursor() as cursor:
        cursor.execute(f"{what} {_ENDED} {after}", [workspace_id, at, in_hand, zone, zone, last])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def last_day(policy: Policy, today: date) -> date | None:
    """The latest day whose books have ended by `today`; None when the policy lets them end by nothing."""
    term = reckoning.term(policy, "billing", "issued")
    return term.last_day_due(today) if term else None
