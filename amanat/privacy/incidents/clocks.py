"""The clocks of a breach: one for each audience that the policy names, all running from when the breach became known."""

from __future__ import annotations

from datetime import datetime, timedelta

from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.privacy.incidents.models import Audience

#: A warning goes out when this part of a period is over: at 48 of 72 hours, at 4 of 6.
WARN_AFTER = 2 / 3
#: Nobody writes a report in the second in which a breach becomes known: "at once" is broken after this. Our own figure, the shortest
#: period that a law names (CERT-In, 6 hours).
AT_ONCE = timedelta(hours=6)


def periods(policy: Policy) -> dict[Audience, Duration]:
    """How long after a breach is known each audience of the policy must have heard."""
    named = {audience: getattr(policy.breach, audience.value) for audience in Audience}
    return {audience: period for audience, period in named.items() if period is not None}


def due(policy: Policy, *, noticed_at: datetime) -> dict[Audience, datetime]:
    """Until when each audience must have heard."""
    ends = {audience: period.alone.after(noticed_at) for audience, period in periods(policy).items()}
    return {audience: end if end > noticed_at else noticed_at + AT_ONCE for audience, end in ends.items()}


def warn_at(*, noticed_at: datetime, due_at: datetime) -> datetime:
    """When whoever answers is warned that a period is about to break."""
    return noticed_at + (due_at - noticed_at) * WARN_AFTER
