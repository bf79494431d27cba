"""The catalogue's services. One whose key is here already is the one that is here, whatever its id."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.desk.models import Service
from amanat.people.importing import checking, links, made, parts
from amanat.people.importing.checking import Column
from amanat.people.importing.links import Links
from amanat.people.importing.parts import Line
from amanat.people.models import ImportRun

_SMALL = checking.number(0, 32_767)


def _fit(found: Links, lines: Sequence[Line]) -> None:
    keys = {line.row["key"] for line in lines}
    known = {
        key: str(pk) for key, pk in Service.objects.of(found.workspace_id).filter(key__in=keys).values_list("key", "pk")
    }
    moved = {}
    for line in lines:
        row = line.row
        if row["key"] in known:
            line.is_known = True
            moved[row["id"]] = known[row["key"]]
        known.setdefault(row["key"], row["id"])
        row["created_at"] = row["created_at"] or found.at
    links.note_moved(found.run, moved)


def _undo(run: ImportRun, ids: Sequence[UUID]) -> set[UUID]:
    held = made.held(run.workspace_id, Service, ids)
    made.remove(Service, run.workspace_id, [pk for pk in ids if pk not in held])
    return held


PART = parts.Part(
    key="catalogue", kind="catalogue", title=_("Catalogue"), model=Service, shown="name", order=40,
    needs=(May.MANAGE_CATALOGUE,), fit=_fit, undo=_undo, undo_order=4,
    columns=(
        Column("id", checking.identity, needed=True), Column("key", checking.text(60, least=1), needed=True),
        Column("name", checking.text(120, least=1), needed=True), Column("names", checking.words(120), default=dict),
        Column("category", checking.text(60), default=""), Column("fee_paise", checking.paise, default=0),
        Column("documents", checking.texts(80), default=list), Column("steps", checking.texts(120), default=list),
        Column("usual_days", _SMALL), Column("validity_months", _SMALL), Column("remind_days_before", _SMALL, default=15),
        Column("papers_vanish", checking.yes_no, default=False), Column("is_active", checking.yes_no, default=True),
        Column("position", _SMALL, default=0), Column("created_at", checking.moment),
    ),
)  # fmt: skip
