"""Support cases. What was said of them comes with the timeline; the kept counts of closed ones go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import May
from amanat.desk.cases import counting, handling
from amanat.desk.cases.models import SupportCase
from amanat.desk.importing import numbering
from amanat.desk.importing.records import take_members
from amanat.people import search
from amanat.people.importing import checking, made, parts
from amanat.people.importing.checking import Column
from amanat.people.importing.links import Links
from amanat.people.importing.parts import Line
from amanat.people.models import Contact, ImportRun

State = SupportCase.State
_HIGHEST_NUMBER = 10**12


def _fit(links: Links, lines: Sequence[Line]) -> None:
    contacts = links.resolved(Contact, [line.row["contact_id"] for line in lines])
    for line in lines:
        row = line.row
        row["contact_id"] = contacts.get(row["contact_id"])
        if row["contact_id"] is None:
            line.lose("contact_id", _("Whom it is for is not here: it is not in the file, or could not be taken."))
            continue
        take_members(
            links, line, owner_id="owner_email", created_by_id="created_by_email", closed_by_id="closed_by_email"
        )
        row["created_at"] = row["created_at"] or links.at
        _settle(row, links)
    numbering.keep_or_give(
        [line for line in lines if line.is_good], links.workspace_id, model=SupportCase, what="support_case"
    )


def _settle(row: dict[str, Any], links: Links) -> None:
    """A closed case has the moment from which it is kept; what is not closed has neither that nor an answer how happy people were."""
    if row["state"] == State.CLOSED:
        row["closed_at"] = row["closed_at"] or links.at
    else:
        row |= {"closed_at": None, "closed_by_id": None, "satisfaction": None}


def _follow(links: Links, lines: Sequence[Line]) -> None:
    """What the cases are found by, and how many were closed."""
    wanted = {line.row["contact_id"] for line in lines}
    people = {str(one.pk): one for one in Contact.objects.of(links.workspace_id).filter(pk__in=wanted)}
    cases = [
        SupportCase(
            id=UUID(str(row["id"])), workspace_id=links.workspace_id, number=row["number"], subject=row["subject"],
            contact=people[str(row["contact_id"])],
        )
        for row in (line.row for line in lines)
    ]  # fmt: skip
    search.index(handling.entry(case, case.contact) for case in cases)
    _count(((line.row["closed_at"], line.row["satisfaction"]) for line in lines), links.workspace_id)


def _count(closings: Iterable[tuple[Any, int | None]], workspace_id: UUID, *, taken_back: bool = False) -> None:
    workspace = Workspace.objects.of(workspace_id).get(pk=workspace_id)
    years = [
        (counting.year_of(datetime.fromisoformat(at) if isinstance(at, str) else at, workspace), satisfaction)
        for at, satisfaction in closings
        if at
    ]
    counting.count(years, workspace=workspace_id, taken_back=taken_back)


def _undo(run: ImportRun, ids: Sequence[UUID]) -> set[UUID]:
    held = made.held(run.workspace_id, SupportCase, ids)
    going = [pk for pk in ids if pk not in held]
    rows = SupportCase.objects.of(run.workspace_id).filter(pk__in=going)
    _count(rows.values_list("closed_at", "satisfaction"), run.workspace_id, taken_back=True)
    search.forget(going, workspace=run.workspace_id)
    made.remove(SupportCase, run.workspace_id, going)
    return held


PART = parts.Part(
    key="cases", kind="case", title=gettext_lazy("Support cases"), model=SupportCase, shown="subject", order=75,
    needs=(May.WRITE_CASES,), fit=_fit, follow=_follow, undo=_undo, undo_order=1,
    columns=(
        Column("id", checking.identity, needed=True), Column("number", checking.number(1, _HIGHEST_NUMBER), needed=True),
        Column("contact_id", checking.identity), Column("subject", checking.text(150, least=1), needed=True),
        Column("what", checking.text(10_000), default=""), Column("state", checking.one_of(State.values), needed=True),
        Column("owner_email", checking.email), Column("due_on", checking.day, needed=True),
        Column("created_at", checking.moment), Column("created_by_email", checking.email),
        Column("closed_at", checking.moment), Column("closed_by_email", checking.email),
        Column("outcome", checking.text(10_000), default=""), Column("satisfaction", checking.number(1, 5)),
    ),
)  # fmt: skip
