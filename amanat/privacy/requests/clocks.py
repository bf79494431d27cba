"""By when a request is to be answered: what the policy promises, what the laws allow, when the owner is reminded.

The promise is `rights.due`, or the first period of a law that protects the person where that is shorter; it never moves. A law may know an
extension ("P1M+P2M"): it counts only when the person is told, with the reason, inside the law's first period, and it moves the day by
which the law wants an answer. It does not unsay the promise on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from amanat.policy.durations import Duration
from amanat.policy.format import Policy, Rights

#: When the owner is reminded: at half of the time, and so long before its end.
BEFORE_THE_END = (timedelta(days=7), timedelta(days=2), timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Extension:
    """More time: the person must be told before `told_before` (excluded), the answer is due at `until`."""

    told_before: datetime
    until: datetime


def regimes_of(policy: Policy, protecting: Iterable[str]) -> list[str]:
    """The laws of the policy that count for a person, in the policy's order; all of them when nothing is known of her."""
    known = set(protecting)
    return [law for law in policy.head.regimes if law in known] or list(policy.head.regimes)


def promised(rights: Rights, regimes: Sequence[str], received_at: datetime) -> datetime:
    """When the answer is due without any extension: the earliest of the promise and the laws' first periods."""
    first = [rights.due, *(rights.regimes[law] for law in regimes if law in rights.regimes)]
    return min(period.alone.after(received_at) for period in first)


def extension(rights: Rights, regimes: Sequence[str], received_at: datetime) -> Extension | None:
    """The extension the laws allow for such a request; None where none of them knows one, or another leaves no more time."""
    limits = [rights.regimes[law] for law in regimes if law in rights.regimes]
    extendable = [limit for limit in limits if limit.extension is not None]
    if not extendable:
        return None
    until = min(_longest(limit, received_at) for limit in limits)
    if until <= promised(rights, regimes, received_at):
        return None
    return Extension(min(limit.alone.after(received_at) for limit in extendable), until)


def _longest(limit: Duration, received_at: datetime) -> datetime:
    more = limit.extension
    if more is None:
        return limit.alone.after(received_at)
    if limit.months and more.months:  # a month and two more are three from the start, not two from the end of the first
        return Duration(months=limit.months + more.months).after(received_at)
    return more.after(limit.alone.after(received_at))


def reminders(received_at: datetime, due_at: datetime) -> list[datetime]:
    """When the owner is reminded, in order, each after the receipt; short times have fewer."""
    half = received_at + (due_at - received_at) / 2
    return sorted({half, *(due_at - before for before in BEFORE_THE_END if due_at - before > half)})


def reminders_passed(received_at: datetime, due_at: datetime, at: datetime) -> int:
    """How many of the reminders should have been sent by `at`."""
    return sum(moment <= at for moment in reminders(received_at, due_at))


def is_soon(due_at: datetime, at: datetime) -> bool:
    """Whether a week or less is left."""
    return at < due_at <= at + BEFORE_THE_END[0]
