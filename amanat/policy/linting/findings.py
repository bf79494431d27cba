"""What a check is, what it finds, and the one table of all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from amanat.policy import law
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.policy.inventory import Inventory
from amanat.policy.law import Figure, Pack, Regime
from amanat.policy.reading import Document, Place


class Severity(StrEnum):
    ERROR = "error"  #: may not be published
    WARNING = "warning"  #: may be, but should be looked at


@dataclass(frozen=True)
class Finding:
    """One thing to mend: which `check` found it, where, what is `wrong`, and what to write `instead`."""

    check: str
    severity: Severity
    path: str
    line: int
    wrong: str
    instead: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.severity}: {self.path}: {self.wrong} {self.instead} [{self.check}]"


@dataclass(frozen=True)
class Case:
    """What a check may look at."""

    policy: Policy
    document: Document | None = None
    inventory: Inventory | None = None

    @cached_property
    def packs(self) -> tuple[Pack, ...]:
        return law.packs(self.policy.head.law)

    @cached_property
    def regimes(self) -> dict[str, Regime]:
        """The laws in scope that a chosen pack knows."""
        known = {name: regime for pack in self.packs for name, regime in pack.regimes.items()}
        return {name: known[name] for name in self.policy.head.regimes if name in known}

    def figures(self, key: str) -> Iterator[tuple[Pack, Figure]]:
        """Every chosen pack's figure of this name."""
        return ((pack, pack.figures[key]) for pack in self.packs if key in pack.figures)

    def limits(self, key: str) -> Iterator[tuple[Pack, Figure, Duration]]:
        """As `figures`, those that are durations, with the duration."""
        return ((pack, found, found.value) for pack, found in self.figures(key) if isinstance(found.value, Duration))

    def line(self, place: Place) -> int:
        if self.document is None:
            return 1
        if len(place) > 1 and place[0] == "clauses" and isinstance(place[1], str):
            numbers = [number for number, clause in enumerate(self.policy.clauses) if clause.id == place[1]]
            place = ("clauses", numbers[-1] if numbers else 0, *place[2:])
        return self.document.line(place)


#: Where, what is wrong, what to write instead.
Complaint = tuple[Place, str, str]
CheckFunction = Callable[[Case], Iterable[Complaint]]


@dataclass(frozen=True)
class Check:
    id: str
    severity: Severity
    run: CheckFunction

    def findings(self, case: Case) -> Iterator[Finding]:
        for place, wrong, instead in self.run(case):
            yield Finding(self.id, self.severity, ".".join(map(str, place)), case.line(place), wrong, instead)


#: Every check by its id, in the order of reading.
CHECKS: dict[str, Check] = {}


def check(identity: str, severity: Severity = Severity.ERROR) -> Callable[[CheckFunction], CheckFunction]:
    """Put a function into the table."""

    def register(function: CheckFunction) -> CheckFunction:
        if identity in CHECKS:
            raise ValueError(f"two checks are called {identity}")
        CHECKS[identity] = Check(identity, severity, function)
        return function

    return register
