"""Service records. They keep their numbers where these are free; what was paid comes with the payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.permissions import May
from amanat.desk import books
from amanat.desk.importing import numbering
from amanat.desk.models import Service, ServiceRecord
from amanat.people import search
from amanat.people.importing import checking, customs, made, parts
from amanat.people.importing.checking import Column
from amanat.people.importing.links import Links
from amanat.people.importing.parts import Line
from amanat.people.models import Company, Contact, ImportRun
from amanat.people.search import Entry

KIND = "service"
#: What payments move; a record is untouched also when they have.
LOOSE = ("paid_paise", "balance_paise")
_HIGHEST_NUMBER = 10**12


def _fit(links: Links, lines: Sequence[Line]) -> None:
    contacts = links.resolved(Contact, [line.row["contact_id"] for line in lines])
    companies = links.resolved(Company, [line.row["company_id"] for line in lines])
    services = links.resolved(Service, [line.row["service_id"] for line in lines])
    own = {line.row["id"] for line in lines}
    repeated = links.here(ServiceRecord, [line.row["repeats_id"] for line in lines]) | own
    for line in lines:
        row = line.row
        row["contact_id"], row["company_id"] = contacts.get(row["contact_id"]), companies.get(row["company_id"])
        for_nobody = not row["contact_id"] and not row["company_id"]
        if for_nobody and row["erased_at"]:
            books.brought_back(row)
        elif for_nobody:
            line.lose("contact_id", _("Whom it is for is not here: it is not in the file, or could not be taken."))
            continue
        else:
            row["erased_at"] = None
        row["service_id"] = services.get(row["service_id"])
        row["repeats_id"] = row["repeats_id"] if row["repeats_id"] in repeated else None
        row["custom"] = customs.taken(row["custom"], links.fields.get("service", {}), line.reading.problems)
        take_members(links, line, owner_id="owner_email", created_by_id="created_by_email")
        row |= {"paid_paise": 0, "updated_at": links.at, "created_at": row["created_at"] or links.at}
    _without_lost_repeats(lines, own)
    numbering.keep_or_give(
        [line for line in lines if line.is_good], links.workspace_id, model=ServiceRecord, what="service_record"
    )


def _without_lost_repeats(lines: Sequence[Line], own: set[str]) -> None:
    """A record of the same batch that is refused cannot be the one that another repeats."""
    lost = own - {line.row["id"] for line in lines if line.is_good}
    for line in lines:
        if line.row["repeats_id"] in lost:
            line.row["repeats_id"] = None


def take_members(links: Links, line: Line, **columns: str) -> None:
    """Put the ids of members for their e-mails: {column: key of the e-mail}. Who is to do something has to be here."""
    for column, key in columns.items():
        email = line.row.pop(key)
        line.row[column] = links.member(email)
        if email and line.row[column] is None and column in {"owner_id", "assignee_id"}:
            line.warn(key, _("No member of this workspace has this e-mail address."), email)


def _follow(links: Links, lines: Sequence[Line]) -> None:
    """What the records are found by."""
    people: dict[str | None, list[Any]] = {}
    for model, column in ((Contact, "contact_id"), (Company, "company_id")):
        wanted = {line.row[column] for line in lines if line.row[column]}
        rows = model.objects.of(links.workspace_id).filter(pk__in=wanted)
        people |= {str(pk): told for pk, *told in rows.values_list("pk", "name", "owner_id", "team_id")}
    search.index(
        Entry(
            kind=KIND, id=UUID(row["id"]), workspace_id=links.workspace_id, words=[row["title"], name, row["acknowledgement"]],
            digits=[row["acknowledgement"], str(row["number"])], owner_id=owner, team_id=team,
        )
        for row in (line.row for line in lines)
        if row["deleted_at"] is None
        for name, owner, team in [people.get(row["contact_id"] or row["company_id"], ["", row["owner_id"], None])]
    )  # fmt: skip


def _undo(run: ImportRun, ids: Sequence[UUID]) -> set[UUID]:
    """Payments of the import went before; whatever else points at a record keeps it."""
    held = made.held(run.workspace_id, ServiceRecord, ids, own={ServiceRecord: ("NOT (id = ANY(%s))", [list(ids)])})
    going = [pk for pk in ids if pk not in held]
    ServiceRecord.objects.of(run.workspace_id).filter(repeats_id__in=going).update(repeats_id=None)
    search.forget(going, workspace=run.workspace_id)
    made.remove(ServiceRecord, run.workspace_id, going)
    return held


_DAY = checking.day
PART = parts.Part(
    key="services", kind=KIND, title=gettext_lazy("Services"), model=ServiceRecord, shown="title", order=50,
    needs=(May.WRITE_SERVICES,), fit=_fit, follow=_follow, undo=_undo, undo_order=3, loose=LOOSE,
    columns=(
        Column("id", checking.identity, needed=True), Column("number", checking.number(1, _HIGHEST_NUMBER), needed=True),
        Column("contact_id", checking.identity), Column("company_id", checking.identity),
        Column("service_id", checking.identity), Column("title", checking.text(120, least=1), needed=True),
        Column("status", checking.one_of(ServiceRecord.Status.values), needed=True),
        Column("acknowledgement", checking.text(60), default=""), Column("fee_paise", checking.paise, needed=True),
        Column("quantity", checking.number(0, 32_767), default=1), Column("due_on", _DAY), Column("expires_on", _DAY),
        Column("follow_up_on", _DAY), Column("steps", checking.texts(120), default=list),
        Column("steps_done", checking.texts(120), default=list), Column("documents", checking.texts(80), default=list),
        Column("documents_seen", checking.texts(80), default=list), Column("notes", checking.text(10_000), default=""),
        Column("custom", checking.facts, default=dict), Column("owner_email", checking.email),
        Column("papers_vanish", checking.yes_no, default=False), Column("repeats_id", checking.identity),
        Column("created_at", checking.moment), Column("created_by_email", checking.email),
        Column("delivered_at", checking.moment), Column("deleted_at", checking.moment), Column("erased_at", checking.moment),
    ),
)  # fmt: skip
