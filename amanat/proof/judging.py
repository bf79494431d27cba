"""What evidence and attestations make of the promises of a policy: pure, no query runs here.

A promise (a key of the clauses) is kept only by a check that ran, in time, and found it kept, or by an attestation that has not lapsed.
A clause is broken when one of its promises is; due when one is late or lapsed; kept when at least one is checked and nothing is wrong,
with how many of its promises that covers; a statement when nothing checks it. Nothing is ever green for want of a check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from amanat.policy.format import Clause, Policy
from amanat.policy.probing import Probe
from amanat.proof.attesting import Standing
from amanat.proof.models import Evidence, Outcome


class State(StrEnum):
    """The four seals of the whole product."""

    KEPT = "kept"
    DUE = "due"
    BROKEN = "broken"
    STATEMENT = "statement"


_WORST = (State.BROKEN, State.DUE, State.KEPT)


@dataclass(frozen=True, slots=True)
class Check:
    """A probe with its newest evidence, as it counts now."""

    probe: Probe
    evidence: Evidence | None
    state: State


@dataclass(frozen=True, slots=True)
class Promise:
    """One key of a clause, with what shows it."""

    key: str
    state: State
    checks: tuple[Check, ...] = ()
    standings: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A clause with its promises."""

    clause: Clause
    state: State
    promises: tuple[Promise, ...] = field(default=())

    @property
    def checked(self) -> int:
        """How many of its promises are shown by anything."""
        return sum(one.state is not State.STATEMENT for one in self.promises)

    @property
    def kept(self) -> int:
        return sum(one.state is State.KEPT for one in self.promises)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Its probes, each once, the worst first."""
        found = {check.probe.name: check for promise in self.promises for check in promise.checks}
        return tuple(sorted(found.values(), key=lambda check: (_WORST.index(check.state), check.probe.name)))

    @property
    def standings(self) -> tuple[Standing, ...]:
        found = {one.subject.path: one for promise in self.promises for one in promise.standings}
        return tuple(found.values())

    @property
    def checked_at(self) -> datetime | None:
        """The oldest of the newest findings: the clause as a whole was checked no later."""
        return min((check.evidence.at for check in self.checks if check.evidence), default=None)


@dataclass(frozen=True, slots=True)
class Known:
    """All that is judged from."""

    probes: Mapping[str, Probe]
    evidence: Mapping[str, Evidence]
    standings: Mapping[str, Standing]
    policy_number: int
    at: datetime
    today: date


def fresh_for(probe: Probe) -> timedelta:
    """How long after its evidence a probe is due again."""
    return timedelta(minutes=probe.minutes)


def late_after(probe: Probe) -> timedelta:
    """How old evidence may be: what the probe says, and a quarter of it and a quarter of an hour for the queue of jobs."""
    return timedelta(minutes=probe.minutes * 1.25 + 15)


def check(probe: Probe, found: Evidence | None, *, policy_number: int, at: datetime) -> Check:
    if found is None:
        return Check(probe, None, State.DUE)
    if found.outcome not in {Outcome.KEPT, Outcome.DUE}:
        return Check(probe, found, State.BROKEN)
    is_late = found.outcome == Outcome.DUE or found.policy_number != policy_number or at - found.at > late_after(probe)
    return Check(probe, found, State.DUE if is_late else State.KEPT)


def today_of(at: datetime, time_zone: str) -> date:
    return at.astimezone(ZoneInfo(time_zone)).date()


def clauses(policy: Policy, known: Known) -> list[Judged]:
    """Every clause of the policy, in its order."""
    checks = {
        name: check(one, known.evidence.get(name), policy_number=known.policy_number, at=known.at)
        for name, one in known.probes.items()
    }
    return [judged(clause, policy, checks, known) for clause in policy.clauses]


def keys_of(clause: Clause, policy: Policy) -> tuple[str, ...]:
    """The promises of a clause; one that names all data promises something of each kind of it."""
    if "data" not in clause.rests:
        return clause.probe
    kinds = (f"DATA {term}" for kind in policy.data.values() for term in kind.terms)
    return tuple(dict.fromkeys([*clause.probe, *kinds]))


def judged(clause: Clause, policy: Policy, checks: Mapping[str, Check], known: Known) -> Judged:
    if clause.kind == "disclaimer":
        return Judged(clause, State.STATEMENT, tuple(Promise(key, State.STATEMENT) for key in clause.probe))
    promises = tuple(_promise(key, checks, known) for key in keys_of(clause, policy))
    states = {promise.state for promise in promises}
    state = next((worst for worst in _WORST if worst in states), State.STATEMENT)
    return Judged(clause, state, promises)


def _promise(key: str, checks: Mapping[str, Check], known: Known) -> Promise:
    proving = tuple(check for check in checks.values() if key in check.probe.keys)
    attested = tuple(one for one in known.standings.values() if key in one.subject.keys)
    states = {check.state for check in proving} | {_attested(one, known.today) for one in attested}
    state = next((worst for worst in _WORST if worst in states), State.STATEMENT)
    return Promise(key, state, proving, attested)


def _attested(one: Standing, today: date) -> State:
    return State.KEPT if one.is_valid(today) and not one.is_nearly_due(today) else State.DUE


def is_shown(judged_clause: Judged, today: date) -> bool:
    """Words that only an attestation bears are shown while every one of their attestations is valid."""
    if judged_clause.clause.kind != "attested":
        return True
    return bool(judged_clause.standings) and all(one.is_valid(today) for one in judged_clause.standings)


__all__ = [
    "Check",
    "Judged",
    "Known",
    "Promise",
    "Standing",
    "State",
    "check",
    "clauses",
    "fresh_for",
    "is_shown",
    "judged",
    "keys_of",
    "late_after",
    "today_of",
]
