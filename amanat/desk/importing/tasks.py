"""Tasks with their repetition. Of a series the occurrences that are here already stay, whatever their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.permissions import May
from amanat.core.recurrence import BadRepeat, Repeat
from amanat.desk.importing.records import take_members
from amanat.desk.models import ServiceRecord, Task
from amanat.people.importing import checking, made, parts
from amanat.people.importing.checking import Column
from amanat.people.importing.links import Links
from amanat.people.importing.parts import Line
from amanat.people.models import Company, Contact, ImportRun

_ABOUT: dict[str, Any] = {"contact_id": Contact, "company_id": Company, "record_id": ServiceRecord}


def _fit(links: Links, lines: Sequence[Line]) -> None:
    here = {column: links.resolved(model, [line.row[column] for line in lines]) for column, model in _ABOUT.items()}
    known = _occurrences(links, lines)
    for line in lines:
        row = line.row
        for column, found in here.items():
            wanted, row[column] = row[column], found.get(row[column])
            if wanted and row[column] is None:
                line.warn(column, _("Whom or what it is about is not here."), wanted)
        take_members(
            links, line, assignee_id="assignee_email", created_by_id="created_by_email", done_by_id="done_by_email"
        )
        row["created_at"] = row["created_at"] or links.at
        _settle_series(row)
        if row["series_id"] is not None:
            place = (row["series_id"], row["occurrence"])
            line.is_known = place in known
            known.add(place)


def _settle_series(row: dict[str, Any]) -> None:
    """What repeats needs a series and the day it began; what is of a series may have ended repeating."""
    if row["repeat"] is not None:
        row["series_id"] = row["series_id"] or row["id"]
        row["series_start_on"] = row["series_start_on"] or row["first_due_on"] or row["due_on"]


def _occurrences(links: Links, lines: Sequence[Line]) -> set[tuple[str, int]]:
    series = {line.row["series_id"] for line in lines if line.row["series_id"]}
    rows = Task.objects.of(links.workspace_id).filter(series_id__in=series)
    return {(str(one), place) for one, place in rows.values_list("series_id", "occurrence")} if series else set()


def _repeat(given: Any) -> dict[str, Any]:
    try:
        return Repeat.from_json(checking.facts(given)).to_json()
    except BadRepeat:
        raise ValueError(_("This is not a rule of repetition.")) from None


def _undo(run: ImportRun, ids: Sequence[UUID]) -> set[UUID]:
    held = made.held(run.workspace_id, Task, ids)
    made.remove(Task, run.workspace_id, [pk for pk in ids if pk not in held])
    return held


PART = parts.Part(
    key="tasks", kind="task", title=gettext_lazy("Tasks"), model=Task, shown="title", order=70,
    needs=(May.WRITE_TASKS,), fit=_fit, undo=_undo, undo_order=1,
    columns=(
        Column("id", checking.identity, needed=True), Column("title", checking.text(200, least=1), needed=True),
        Column("kind", checking.one_of(Task.Kind.values), default=Task.Kind.TODO.value),
        Column("notes", checking.text(5_000), default=""), Column("contact_id", checking.identity),
        Column("company_id", checking.identity), Column("record_id", checking.identity),
        Column("assignee_email", checking.email), Column("due_on", checking.day, needed=True),
        Column("due_time", checking.clock_time), Column("first_due_on", checking.day), Column("repeat", _repeat),
        Column("series_id", checking.identity), Column("series_start_on", checking.day),
        Column("occurrence", checking.number(1, 10**6), default=1), Column("created_by_email", checking.email),
        Column("created_at", checking.moment), Column("done_at", checking.moment), Column("done_by_email", checking.email),
        Column("cancelled_at", checking.moment),
    ),
)  # fmt: skip
