"""How many cases were closed in a year, and how happy people were. Kept counts: they stay when the cases themselves are erased."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from amanat.accounts.models import Workspace
from amanat.core import tally

_CLOSED, _RATED, _POINTS = "cases_closed", "cases_rated", "cases_points"


@dataclass(frozen=True, slots=True)
class Year:
    closed: int
    rated: int
    points: int

    @property
    def satisfaction(self) -> float | None:
        """From 1 to 5; None when nobody was asked."""
        return self.points / self.rated if self.rated else None


def year_of(at: datetime, workspace: Workspace) -> int:
    return at.astimezone(ZoneInfo(workspace.time_zone)).year


def count(closings: Iterable[tuple[int, int | None]], *, workspace: UUID, taken_back: bool = False) -> None:
    """Add closings, each its year and satisfaction, or take them back; part of the transaction that makes it true."""
    sign = -1 if taken_back else 1
    for year, satisfaction in closings:
        tally.add(f"{_CLOSED}.{year}", sign, workspace=workspace)
        if satisfaction:
            tally.add(f"{_RATED}.{year}", sign, workspace=workspace)
            tally.add(f"{_POINTS}.{year}", sign * satisfaction, workspace=workspace)


def of_year(year: int, *, workspace: Workspace) -> Year:
    return of_years([year], workspace=workspace)[year]


def of_years(years: Sequence[int], *, workspace: Workspace) -> dict[int, Year]:
    """One statement."""
    names = {year: [f"{what}.{year}" for what in (_CLOSED, _RATED, _POINTS)] for year in years}
    counted = tally.counts([name for each in names.values() for name in each], workspace=workspace)
    return {year: Year(*(counted[name] for name in each)) for year, each in names.items()}
