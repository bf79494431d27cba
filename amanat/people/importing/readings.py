"""What is shared by everything that writes rows of a file: what the person chose, a row on its way, and the counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from amanat.core import ids
from amanat.people.importing import rowsets
from amanat.people.importing.drafts import Draft
from amanat.people.importing.values import Problem
from amanat.people.models import ImportProblem, ImportRun


@dataclass(frozen=True, slots=True)
class Rules:
    """What the person chose. `existing` is "update", "skip" or "add"; ids are texts."""

    on: str = "contact"
    existing: str = "update"
    file_wins: bool = False
    names_must_agree: bool = False
    tag: str = ""
    stage_id: str | None = None
    owner_id: str | None = None
    team_id: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Rules":
        names = ("on", "existing", "file_wins", "names_must_agree", "tag", "stage_id", "owner_id", "team_id")
        return cls(**{name: options[name] for name in names if options.get(name)})


@dataclass(slots=True)
class Reading:
    """A row of the file on its way: `draft` is what it says about a contact or company, `values` the columns of any other
    row; both are None when nothing of it can be used."""

    number: int
    cells: list[str]
    draft: Draft | None
    problems: list[Problem] = field(default_factory=list)
    values: dict[str, Any] | None = None

    @property
    def is_lost(self) -> bool:
        return self.draft is None and self.values is None

    @property
    def is_blank(self) -> bool:
        return self.is_lost and not self.problems

    def fail(self, column: str, value: str, reason: str) -> None:
        """Nothing of this row is written."""
        self.draft = self.values = None
        self.problems.append(Problem(column, value, reason))


@dataclass(slots=True)
class Counts:
    """`unchanged`: what is here already and said nothing new; `skipped`: blank rows, and who is here where they were to be left."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0

    def count_lost(self, reading: Reading) -> None:
        if reading.is_blank:
            self.skipped += 1
        else:
            self.failed += 1


def insert_problems(run: ImportRun, readings: Iterable[Reading]) -> None:
    """Keep the rows of which something could not be taken, for the report."""
    rows = [
        {
            "id": ids.text(),
            "run_id": str(run.pk),
            "row_number": reading.number,
            "values": {"cells": [_storable(cell) for cell in reading.cells]},
            "reasons": [
                {"column": problem.column, "value": _storable(problem.value)[:200], "reason": problem.reason}
                for problem in reading.problems
            ],
            "is_failure": reading.is_lost,
        }
        for reading in readings
        if reading.problems
    ]
    rowsets.insert(ImportProblem, rows, workspace_id=run.workspace_id)


def _storable(text: str) -> str:
    """What PostgreSQL can hold: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
