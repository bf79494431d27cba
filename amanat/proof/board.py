"""What the board shows, read in few statements: the policy in force, its clauses judged, the figures above them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from amanat.core import clock
from amanat.proof import attesting, evidence, judging, running
from amanat.proof.judging import Judged, Known, State
from amanat.proof.running import Suite


@dataclass(frozen=True, slots=True)
class Board:
    """The state of all promises of a workspace at a moment."""

    suite: Suite
    clauses: tuple[Judged, ...]
    at: datetime
    known: Known

    @property
    def states(self) -> dict[State, int]:
        """How many different promises are in each state; one that stands in several clauses counts once, at its worst."""
        worst: dict[str, State] = {}
        order = [State.BROKEN, State.DUE, State.KEPT, State.STATEMENT]
        for clause in self.clauses:
            for promise in clause.promises:
                known = worst.get(promise.key, State.STATEMENT)
                worst[promise.key] = min(known, promise.state, key=order.index)
        return Counter(worst.values())

    @property
    def checked_at(self) -> datetime | None:
        return max((found.at for found in self.known.evidence.values()), default=None)

    def clause(self, clause_id: str) -> Judged | None:
        return next((one for one in self.clauses if one.clause.id == clause_id), None)


def of(workspace_id: UUID, *, at: datetime | None = None) -> Board:
    """The board of a workspace, inside of which this is asked: three statements."""
    moment = at or clock.now()
    suite = running.suite(workspace_id, at=moment)
    known = Known(
        probes=suite.probes,
        evidence=evidence.latest(workspace_id, list(suite.probes)),
        standings=attesting.standings(workspace_id, suite.in_force.policy),
        policy_number=suite.in_force.number,
        at=moment,
        today=judging.today_of(moment, suite.in_force.time_zone),
    )
    return Board(suite, tuple(judging.clauses(suite.in_force.policy, known)), moment, known)
