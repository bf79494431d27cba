"""Rows that say nothing by which anybody is known: no phone, no e-mail, no external id. A shop's first list is often names alone.

Such a person is the one of an earlier import when a file of this name brought her, under this name, and she still has all that the row
says. What stands twice in the file stood for two people, so the second such row means the second of them. Of everybody else only the
name is the same: she is added, and the report tells how many.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.people.importing import entries
from amanat.people.importing.drafts import Draft
from amanat.people.importing.matching import Known

#: What browsers and people add to the name of a file that they have twice.
_COPY = re.compile(r"(?i)^copy of |[ _-]*(?:\(\d+\)|copy(?: \d+)?)$")
#: Ids of those whom rows of this import meant so far.
Seen = set[str]


def is_nameless(draft: Draft) -> bool:
    """Whether nothing but its name tells whose row it is."""
    return not (draft.our_id or draft.external_id or draft.phones or draft.emails) and bool(draft.shown_name)


@dataclass(slots=True)
class Again:
    """Finds such people for one batch of contacts; `seen` grows: nobody is meant by two rows."""

    run_id: str
    file_name: str
    seen: Seen
    #: ids that earlier imports of a file of this name made, in their order, by sorted name
    _made: dict[str, list[str]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def load(self, drafts: Iterable[Draft], *, workspace_id: UUID) -> set[str]:
        """Returns the ids of those who may be meant. Needs the transaction."""
        sources: dict[str, set[str]] = {}
        for draft in drafts:
            if is_nameless(draft):
                sources.setdefault(entries.sort_name(draft.shown_name), set()).add(self._source(draft))
        if not sources:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sort_name, id, source_detail, source = 'file' AND import_run_id IS NOT NULL FROM people_contact "
                "WHERE workspace_id = %s AND sort_name = ANY(%s) AND deleted_at IS NULL AND import_run_id IS DISTINCT FROM %s ORDER BY id",
                [workspace_id, list(sources), self.run_id],
            )
            for name, identity, source, is_of_file in cursor.fetchall():
                self._names.add(name)
                if is_of_file and _stem(source) in sources[name]:
                    self._made.setdefault(name, []).append(str(identity))
        return {identity for made in self._made.values() for identity in made}

    def find(self, draft: Draft, by_id: dict[str, Known], *, company_id: str | None) -> Known | None:
        """Whom the row means, if she was here before this import."""
        if not is_nameless(draft):
            return None
        made = self._made.get(entries.sort_name(draft.shown_name), ())
        source = self._source(draft)
        fitting = [
            known
            for known in (by_id[identity] for identity in made if identity in by_id and identity not in self.seen)
            if _stem(known.row["source_detail"]) == source and _has_all(known, draft, company_id)
        ]
        found = min(fitting, key=_facts, default=None)
        if found is not None:
            self.seen.add(found.id)
        return found

    def is_namesake(self, draft: Draft) -> bool:
        """Whether somebody of this very name was here before this import."""
        return is_nameless(draft) and entries.sort_name(draft.shown_name) in self._names

    def _source(self, draft: Draft) -> str:
        return _stem(draft.source_detail or self.file_name)


def _stem(file_name: str) -> str:
    """The name of a file without its ending and without what tells copies of it apart."""
    stem = file_name.rpartition(".")[0] or file_name
    return _COPY.sub("", _COPY.sub("", stem.strip())).strip().casefold()


def _facts(known: Known) -> tuple[int, str]:
    """Who has fewest facts besides comes first: those with more have a row of their own."""
    row = known.row
    said = (
        row["job_title"],
        row["birthday"],
        row["company_id"],
        row["notes"],
        known.towns,
        row["custom"],
        known.phones,
        known.emails,
    )
    return sum(map(bool, said)), known.id


def _has_all(known: Known, draft: Draft, company_id: str | None) -> bool:
    row: dict[str, Any] = known.row
    said = {"job_title": draft.job_title, "birthday": draft.birthday, "company_id": company_id}
    return (
        str(row["name"]).casefold() == draft.shown_name[:200].casefold()
        and all(not value or row[column] == value for column, value in said.items())
        and draft.notes in row["notes"]
        and all(row["custom"].get(key) == value for key, value in draft.custom.items())
        and {address.parts.get("city", "") for address in draft.addresses} <= known.towns | {""}
    )
