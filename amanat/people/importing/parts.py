"""The lists of a workspace's export that are taken back besides contacts and companies, and how their rows are written.

Each list is a `Part`: its columns, what it points at, what goes along with a row. Packages above register theirs. Rows keep the ids
they had, so a file that is imported again finds all it made: what is here already stays as it is, whatever the file says.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core.tenancy import WorkspaceRow
from amanat.people.importing import checking, made, rowsets
from amanat.people.importing.checking import Column
from amanat.people.importing.links import Links
from amanat.people.importing.readings import Counts, Reading, insert_problems
from amanat.people.importing.values import Problem
from amanat.people.models import ImportRun

Columns = dict[str, Any]
#: The name under which all lists of a file are taken together.
EVERYTHING = "everything"


@dataclass(slots=True)
class Line:
    """A checked row on its way into its table."""

    reading: Reading
    row: Columns
    #: left out without a word, as it is here already in another form
    is_known: bool = False
    #: left out without a word, as it says something about nobody who is here
    is_nobodys: bool = False

    def lose(self, column: str, reason: str, value: object = "") -> None:
        """Refuse the row."""
        self.reading.fail(column, str(value or "")[:200], reason)

    def warn(self, column: str, reason: str, value: object = "") -> None:
        """Take the row without this value."""
        self.reading.problems.append(Problem(column, str(value or "")[:200], reason))

    @property
    def is_good(self) -> bool:
        return not self.is_known and not self.is_nobodys and not self.reading.is_lost


def _nothing(links: Links, lines: Sequence[Line]) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Part:
    """One list. `key` is its name in the file, `kind` (at most 10 letters) its name in the notes for undoing."""

    key: str
    kind: str
    title: str | Promise
    model: type[WorkspaceRow]
    columns: tuple[Column, ...]
    #: the column that tells a row from others in the preview
    shown: str
    #: lists with a lower one are taken before, as this one points at them; contacts have 30
    order: int
    needs: tuple[May, ...] = ()
    #: replaces references by ids of this workspace and refuses what cannot be; the lines are those that are new here
    fit: Callable[[Links, Sequence[Line]], None] = _nothing
    #: writes what goes along with the lines that were written
    follow: Callable[[Links, Sequence[Line]], None] = _nothing
    #: columns that may change without anybody having touched the row
    loose: tuple[str, ...] = ()
    #: takes rows away again that nobody touched; returns those that have to stay. Without it all stay.
    undo: Callable[[ImportRun, Sequence[UUID]], set[UUID]] | None = None
    #: lists with a lower one are undone before
    undo_order: int = 0


_parts: dict[str, Part] = {}


def register(part: Part) -> None:
    """Add a list; the same key again replaces it."""
    _parts[part.key] = part


def registered() -> dict[str, Part]:
    return dict(_parts)


def order() -> list[str]:
    """All lists in the order in which they are taken."""
    places = {**_PEOPLE, **{key: part.order for key, part in _parts.items()}}
    return sorted(places, key=lambda key: places[key])


#: Where contacts and companies, which have rules of their own, come among the lists.
_PEOPLE = {"companies": 20, "contacts": 30}


def title_of(key: str) -> str:
    """What people call a list."""
    if key in _parts:
        return str(_parts[key].title)
    return {"contacts": _("Contacts"), "companies": _("Companies")}.get(key, key)


def shown_name(reading: Reading) -> str:
    """By what a row of a list is told from others in the preview."""
    part = _parts.get(reading.cells[0]) if reading.cells else None
    return str(reading.values.get(part.shown) or "") if part and reading.values else ""


def may_not(member: Member, present: Iterable[str]) -> bool:
    """Whether the member lacks a permission that one of these lists needs."""
    return any(not member.may(need) for key in present if key in _parts for need in _parts[key].needs)


def reading_of(part: Part, number: int, cells: list[str], record: dict[str, Any]) -> Reading:
    """What a row says, checked by itself."""
    reading = Reading(number, cells, None)
    if not record:
        reading.fail("", "", _("This record is not readable JSON."))
        return reading
    reading.values = checking.columns_of(record, part.columns, reading.problems)
    return reading


@dataclass(slots=True)
class PartBatch:
    """Writes the rows of one batch of one list; needs the transaction that also moves the position of the run."""

    part: Part
    links: Links
    counts: Counts = field(default_factory=Counts)

    def write(self, readings: list[Reading]) -> Counts:
        lines = self._new(readings)
        if lines:
            self.part.fit(self.links, lines)
        good = [line for line in lines if line.is_good]
        self.counts.unchanged += sum(line.is_known for line in lines)
        self.counts.skipped += sum(line.is_nobodys for line in lines)
        self.counts.created += len(good)
        run = self.links.run
        if good:
            rowsets.insert(self.part.model, [line.row for line in good], workspace_id=run.workspace_id)
            self.part.follow(self.links, good)
            if self.part.undo is not None:
                ids = [line.row["id"] for line in good]
                made.note(run, self.part.kind, self.part.model, ids, loose=self.part.loose)
        self.counts.failed += sum(reading.is_lost for reading in readings if not reading.is_blank)
        insert_problems(run, readings)
        return self.counts

    def _new(self, readings: list[Reading]) -> list[Line]:
        """Those whose id is not here yet; of an id that stands twice in the batch, the first."""
        given = [reading for reading in readings if reading.values is not None]
        here = self.links.here(self.part.model, [reading.values["id"] for reading in given if reading.values])
        lines = []
        for reading in given:
            assert reading.values is not None
            if reading.values["id"] in here:
                self.counts.unchanged += 1
            else:
                here.add(reading.values["id"])
                lines.append(Line(reading, reading.values))
        return lines
