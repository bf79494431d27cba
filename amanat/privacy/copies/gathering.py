"""Everything that is held about a person: the rows that `privacy.erasure.belongings` finds by the declarations, with their values.

What an erasure takes away and what a copy tells are found by the same walk, so neither can know more than the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _

from amanat.core import vault
from amanat.core.models import StoredFile
from amanat.core.personal_data import Held, Personal
from amanat.core.tenancy import WorkspaceRow
from amanat.privacy.erasure import belongings

type Row = dict[str, Any]

#: What only the machine needs: keys and hashes.
_LEFT_OUT = frozenset(
    {"workspace_id", "wrapped_key", "principal", "guardian_principal", "code", "digest", "object_name"}
)
#: In their order; tables of later packages follow by name.
_FIRST = (
    "people.Contact", "people.Phone", "people.Email", "people.Address", "desk.ServiceRecord", "desk.Payment", "desk.Task",
    "desk.SupportCase",
    "desk.Paper", "people.Interaction", "people.Attachment", "basis.ConsentRecord", "basis.Objection", "basis.Restriction",
    "basis.Decision",
)  # fmt: skip
#: The kind of the archives themselves: they hold all this once more, so they are told and not packed again.
ARCHIVE = "copy"


@dataclass(slots=True)
class Table:
    """The rows of one table that are about the person, as values by the name of the field; sealed ones are opened."""

    model: type[WorkspaceRow]
    held: Held
    rows: list[Row] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def fields(self) -> list[models.Field[Any, Any]]:
        return _told(self.model)

    def personal(self, name: str) -> Personal | None:
        return self.held.personal.get(name)


@dataclass(slots=True)
class Gathered:
    """All of it. `files` are those to be packed."""

    workspace_id: UUID
    contact_ids: tuple[UUID, ...]
    tables: dict[str, Table]
    files: list[StoredFile] = field(default_factory=list)

    def rows(self, label: str) -> list[Row]:
        return self.tables[label].rows if label in self.tables else []

    def counts(self) -> dict[str, int]:
        return {label: len(table.rows) for label, table in self.tables.items()}

    def strings(self, kinds: frozenset[str]) -> Iterator[str]:
        """Every text in a field of one of the DPV kinds, those inside JSON too."""
        for table in self.tables.values():
            told = [name for name, personal in table.held.personal.items() if personal.kind in kinds]
            for row in table.rows:
                for name in told:
                    yield from _strings(row.get(name))


def of(contact_ids: Iterable[UUID], *, workspace_id: UUID) -> Gathered:
    """What is held about the contacts (usually one). Needs the transaction of the workspace."""
    belong = belongings.of(list(contact_ids), workspace_id=workspace_id)
    found = Gathered(workspace_id, belong.contact_ids, {})
    for model in sorted((model for model, ids in belong.rows.items() if ids), key=_place):
        held = belongings.held(model)
        assert held is not None  # a test walks all models
        table = Table(model, held, list(_rows(model, list(belong.rows[model]), workspace_id)))
        found.tables[table.label] = table
    files = StoredFile.objects.of(workspace_id).filter(pk__in=list(belong.files)).exclude(kind=ARCHIVE)
    found.files = list(files.order_by("created_at", "id"))
    return found


def _rows(model: type[WorkspaceRow], ids: list[UUID], workspace_id: UUID) -> Iterator[Row]:
    """The rows in the order they came, for ids are made in the order of time."""
    told, opened = _told(model), _sealed(model)
    manager: Any = model.objects
    query = manager.of(workspace_id).filter(pk__in=ids).order_by("id")
    for values in query.values_list(*(one.attname for one in told)):
        row = {one.name: value for one, value in zip(told, values, strict=True)}
        for name, context_of in opened.items():
            if row.get(name):
                context = context_of(model(id=row["id"], workspace_id=workspace_id))
                row[name] = _opened(row[name], workspace_id, context)
        yield row


def _opened(token: bytes, workspace_id: UUID, context: str) -> str:
    """The text under the seal. One damaged value must not withhold all the rest, so it is told as such."""
    try:
        return vault.open_text(token, workspace_id=workspace_id, context=context)
    except vault.VaultRefused:
        return _("damaged: it cannot be opened any more")


@cache
def _told(model: type[WorkspaceRow]) -> list[models.Field[Any, Any]]:
    """The fields that are told, in the order of the table."""
    opened = _sealed(model)
    return [
        one
        for one in model._meta.local_concrete_fields
        if one.name not in _LEFT_OUT and (one.name in opened or not isinstance(one, models.BinaryField))
    ]


@cache
def _sealed(model: type[WorkspaceRow]) -> Mapping[str, Any]:
    """How the place of each sealed value of a table is found."""
    return {
        one.field: one.context_of for one in vault.sealed_columns() if one.model is model and one.field not in _LEFT_OUT
    }


def _place(model: type[WorkspaceRow]) -> tuple[int, str]:
    label = model._meta.label
    return (_FIRST.index(label) if label in _FIRST else len(_FIRST), label)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for below in value.values():
            yield from _strings(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _strings(below)
