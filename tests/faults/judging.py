"""What a drill of the outbox is judged by: the provider's own record of what it accepted, against what was ordered."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from tests.faults.plan import OPT_OUT
from tests.faults.provider import Provider
from tests.faults.traffic import Leavers, patiently

if TYPE_CHECKING:
    from amanat.messaging.channels.models import ChannelAccount


@dataclass
class Verdict:
    """What happened, by the provider's record. `rescued_in` is the longest time a message stayed claimed by a dead worker."""

    ordered: int = 0
    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    opted_out: int = 0
    after_opt_out: int = 0  #: accepted more than five seconds after the opt-out was answered
    refused: int = 0
    without_reason: int = 0
    states: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    freezes: int = 0
    answers_lost: int = 0
    failed: int = 0
    limited: int = 0
    unknown_at_most: int = 0
    rescued_in: float = 0.0
    restarts: int = 0
    database_back_in: float = 0.0
    settled_in: float = 0.0  #: seconds from the last fault until all was clear
    without_decision: int = 0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return (
            not (self.lost or self.doubled or self.after_opt_out or self.without_decision or self.without_reason)
            and self.unknown <= self.ordered / 1000
            and self.rescued_in <= 60
        )


def watch(account: ChannelAccount, verdict: Verdict, *, tell: bool) -> Counter[str]:
    """Count states, and note how long a claim was over before somebody saw to it."""
    states = patiently(lambda: counted(account))
    verdict.unknown_at_most = max(verdict.unknown_at_most, states["unknown"])
    verdict.rescued_in = max(verdict.rescued_in, states["over"])
    if tell:
        print(f"kills {verdict.kills} freezes {verdict.freezes} {dict(states)}", file=sys.stderr)
    return states


def counted(account: ChannelAccount) -> Counter[str]:
    from django.db import connection

    from amanat.core import tenancy

    with tenancy.inside(account.workspace_id) as here, connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, count(*) FROM messaging_dispatch WHERE workspace_id = %s GROUP BY 1 UNION ALL "
            "SELECT 'unreported', count(*) FROM messaging_dispatch WHERE workspace_id = %s AND state = 'done' AND delivery = '' "
            "UNION ALL SELECT 'over', coalesce(max(extract(epoch FROM clock_timestamp() - begun_at)), 0)::int "
            "FROM messaging_dispatch WHERE workspace_id = %s AND state = 'sending'",
            [here, here, here],
        )
        return Counter({name: int(count) for name, count in cursor.fetchall()})


def judge(
    provider: Provider, account: ChannelAccount, ordered: set[UUID], leavers: Leavers, verdict: Verdict
) -> None:  # fmt: skip
    from amanat.basis.models import Decision
    from amanat.core import tenancy
    from amanat.messaging.outbox.models import Dispatch

    with tenancy.inside(account.workspace_id) as here:
        rows = Dispatch.objects.of(here).filter(pk__in=ordered)
        states = dict(rows.values_list("pk", "state"))
        to_leavers = dict(rows.filter(contact__in=list(leavers.left_at)).values_list("pk", "contact_id"))
        verdict.without_reason = rows.filter(state__in=["refused", "dropped"], reason="").count()
        refused = set(rows.filter(state="refused", reason="suppressed").values_list("pk", flat=True))
        undecided = rows.filter(state="done", decided_at__isnull=True).count()
        decisions = Decision.objects.of(here).filter(what="message", is_allowed=True).count()
    verdict.ordered = len(ordered)
    verdict.states = dict(Counter(states.values()))
    verdict.accepted = sum(provider.accepted[str(key)] > 0 for key in ordered)
    verdict.doubled = sum(provider.accepted[str(key)] > 1 for key in ordered)
    verdict.unknown = sum(state == "unknown" for state in states.values())
    verdict.opted_out, verdict.refused = len(leavers.left_at), len(refused)
    verdict.after_opt_out = sum(
        provider.came.get(str(key), 0.0) > leavers.left_at[person] + OPT_OUT for key, person in to_leavers.items()
    )
    #: Said to be sent and never accepted, or neither accepted nor shown to anybody nor refused to who opted out.
    rightly = refused & to_leavers.keys()
    verdict.lost = sum(not provider.accepted[str(key)] for key in ordered - rightly if states.get(key) != "unknown")
    verdict.without_decision = undecided + max(0, verdict.accepted - decisions)
    verdict.answers_lost, verdict.failed, verdict.limited = (
        provider.counts["lost"], provider.counts["failed"], provider.counts["limited"],
    )  # fmt: skip
