"""Who and what a record of our own file points at: ids of the place it came from, as ids of this workspace.

A contact or company keeps the id it had. When that id cannot be kept (its record was found here under another id by its phone, or
was once erased for good here), the import notes where it went; `Links` reads these notes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from amanat.core import ids
from amanat.core.tenancy import WorkspaceRow
from amanat.people.importing import rowsets
from amanat.people.importing.references import References
from amanat.people.models import CustomField, ImportChange, ImportRun

#: `ImportChange.record_kind` of such a note.
MOVED = "moved"
Model = type[WorkspaceRow]


def note_moved(run: ImportRun, moved: Mapping[str, str]) -> None:
    """Keep {id in the file: id here} for the rows that follow, in the transaction that makes it true."""
    rows = [
        {"id": ids.text(), "run_id": str(run.pk), "record_kind": MOVED, "record_id": here, "before": {}, "after": {"was": was}}
        for was, here in moved.items()
    ]  # fmt: skip
    rowsets.insert(ImportChange, rows, workspace_id=run.workspace_id)


@dataclass(slots=True)
class Links:
    """Good for the batches of one list, until a transaction is rolled back. Needs an open transaction."""

    run: ImportRun
    references: References
    #: custom fields by the sort of record they are on, then by their name in the file
    fields: Mapping[str, Mapping[str, CustomField]]
    _moved: dict[str, str] | None = None

    @property
    def workspace_id(self) -> UUID:
        return self.run.workspace_id

    @property
    def at(self) -> str:
        """When the import started; what it makes carries this as its time of change."""
        return self.references.at

    def member(self, email: str | None) -> str | None:
        return self.references.members.get(email) if email else None

    def here(self, model: Model, wanted: Iterable[str | None], *, alive: bool = False) -> set[str]:
        """Which of these ids have a row in this workspace; with `alive`, not in the bin."""
        asked = sorted({one for one in wanted if one})
        if not asked:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT id FROM "{model._meta.db_table}" '  # noqa: S608 - our own table
                f"WHERE workspace_id = %s AND id = ANY(%s::uuid[]){' AND deleted_at IS NULL' if alive else ''}",
                [self.workspace_id, asked],
            )
            return {str(row[0]) for row in cursor.fetchall()}

    def resolved(self, model: Model, wanted: Iterable[str | None], *, alive: bool = False) -> dict[str, str]:
        """{id in the file: id here} of those rows that are here."""
        asked = {one: self.moved.get(one, one) for one in wanted if one}
        found = self.here(model, asked.values(), alive=alive)
        return {was: now for was, now in asked.items() if now in found}

    @property
    def moved(self) -> dict[str, str]:
        if self._moved is None:
            notes = ImportChange.objects.of(self.workspace_id).filter(run=self.run, record_kind=MOVED)
            self._moved = {after["was"]: str(now) for after, now in notes.values_list("after", "record_id")}
        return self._moved
