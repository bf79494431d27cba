"""When something ends: the periods of a policy counted from a moment, in Python and in the database alike.

Whichever trigger comes first ends the keeping; a floor that the law sets holds against each of them. Months are counted on the calendar
and days as 24 hours, all in UTC, as `policy.durations` writes it down; PostgreSQL's intervals do the same (a month after 31 January is the
end of February), which a test holds to the hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, reduce
from typing import Any

from amanat.policy import law, ready
from amanat.policy.durations import Duration, shorter
from amanat.policy.format import Keep, Policy
from amanat.policy.law import Floor, floors

_DAY = timedelta(days=1)
_EVER = 40_000  #: days to look back for a day that is due, a little more than a hundred years


@dataclass(frozen=True)
class Term:
    """One way in which a rule ends: `period` after the trigger, yet not before all `floors` have."""

    keep: str
    trigger: str
    period: Duration
    floors: tuple[Floor, ...] = ()
    warn: Duration | None = None

    def ends_at(self, moment: datetime) -> datetime:
        """When it ends if the trigger fell on `moment` (aware)."""
        return max([self.period.after(moment), *(_floor_ends_at(floor, moment) for floor in self.floors)])

    def ends_on(self, day: date) -> date:
        """The first day without it, for what bears only a day."""
        return max([self.period.after_day(day), *(floors.ends_on(floor, day) for floor in self.floors)]) + _DAY

    def last_day_due(self, today: date) -> date:
        """The latest day whose records have ended by `today`."""
        first, last = today - timedelta(days=_EVER), today
        while first < last:
            middle = first + (last - first + _DAY) // 2
            if self.ends_on(middle) <= today:
                first = middle
            else:
                last = middle - _DAY
        return first

    def due(self, moment: str, at: datetime) -> tuple[str, list[Any]]:
        """The condition that an SQL expression of an aware moment lies so far back that it has ended by `at`.

        Its first part lets an index be used, the others are exact.
        """
        said = f"{moment} <= %s"
        values: list[Any] = [self._newest(at)]
        for period in self._periods:
            said += f" AND {_later(moment, period)} <= %s"
            values.append(at)
        days = [floor for floor in self.floors if not floor.period]
        if days:
            said += f" AND ({moment} AT TIME ZONE 'UTC')::date <= %s"
            values.append(self.last_day_due(at.astimezone(UTC).date()))
        return said, values

    def ends(self, moment: str) -> str:
        """The SQL expression of when it ends, for floors that are periods."""
        return "greatest(" + ", ".join(_later(moment, period) for period in self._periods) + ")"

    @property
    def _periods(self) -> list[Duration]:
        return [self.period, *(floor.period for floor in self.floors if floor.period)]

    def _newest(self, at: datetime) -> datetime:
        """No moment after this one can have ended: `at` less the period, with room for the shortest months."""
        return at - timedelta(seconds=max(period.bounds[0] for period in self._periods))


def _floor_ends_at(floor: Floor, moment: datetime) -> datetime:
    if floor.period:
        return floor.period.after(moment)
    return datetime.combine(floors.ends_on(floor, moment.astimezone(UTC).date()) + _DAY, time(), UTC)


def _later(moment: str, period: Duration) -> str:
    # Whole numbers of our own, never text from a policy.
    added = f"make_interval(months => {int(period.months)}, secs => {int(period.seconds)})"
    return f"(({moment} AT TIME ZONE 'UTC' + {added}) AT TIME ZONE 'UTC')"


@cache
def _default() -> Policy:
    return ready.policy("default")


def rule(policy: Policy, name: str) -> Keep:
    """The rule `name` of `keep`. Where a policy has none, the ready one's holds, so that nothing stays for ever unsaid."""
    return policy.keep.get(name) or _default().keep[name]


def term(policy: Policy, name: str, trigger: str) -> Term | None:
    """How a rule ends by a trigger; None when it does not."""
    keep = rule(policy, name)
    period = keep.until.get(trigger)
    if period is None:
        return None
    company = policy.parties.operator.company
    found = floors.named(keep, law.packs(policy.head.law))
    binding = tuple(floor for floor in found if floors.applies(floor, company=company))
    return Term(name, trigger, period.alone, binding, keep.warn)


def strictest(policies: Iterable[Policy], name: str, trigger: str) -> Term | None:
    """One term for what belongs to several workspaces at once: the shortest of their periods, all of their floors."""
    terms = [one for policy in policies if (one := term(policy, name, trigger))]
    if not terms:
        return None
    warnings = [one.warn for one in terms if one.warn]
    return Term(
        name,
        trigger,
        reduce(shorter, (one.period for one in terms)),
        tuple({floor.id: floor for one in terms for floor in one.floors}.values()),
        max(warnings, key=lambda warn: warn.bounds) if warnings else None,
    )


def earliest(terms: Sequence[tuple[Term, datetime]]) -> tuple[Term, datetime] | None:
    """Of several terms with the moments they count from: the one that ends first, and when."""
    ended = [(one, one.ends_at(moment)) for one, moment in terms]
    return min(ended, key=lambda pair: pair[1]) if ended else None
