"""Who of a file is here already: by external id, then by phone, then by e-mail address, each asked once for a batch.

Rows of the file are compared with each other too: a person who was added by an earlier row is found by a later one.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.people import script
from amanat.people.importing import entries, rowsets
from amanat.people.importing.drafts import Draft
from amanat.people.importing.references import folded
from amanat.people.models import Company, Contact

Kind = type[Contact] | type[Company]


@dataclass(slots=True, eq=False)
class Known:
    """A contact or company, there before or made by this batch. `row` holds its columns as JSON, `was` what they were before."""

    row: dict[str, Any]
    is_new: bool
    our_id: str = ""
    was: dict[str, Any] | None = None
    phones: dict[str, str] = field(default_factory=dict)  #: number -> label, in order
    emails: dict[str, str] = field(default_factory=dict)
    has_address: bool = False
    towns: set[str] = field(default_factory=set)
    new_phones: list[dict[str, Any]] = field(default_factory=list)
    new_emails: list[dict[str, Any]] = field(default_factory=list)
    new_addresses: list[dict[str, Any]] = field(default_factory=list)
    is_changed: bool = False

    @property
    def id(self) -> str:
        return str(self.row["id"])

    def remember(self) -> None:
        """Keep the columns as they are now, before the first change of this batch."""
        if self.was is None:
            self.was = {**self.row, "custom": dict(self.row["custom"]), "tag_ids": list(self.row["tag_ids"])}


class Everyone:
    """The records that the rows of one batch may be about."""

    def __init__(self, kind: Kind, *, run_id: str, names_must_agree: bool) -> None:
        self.kind = kind
        self.holder = "contact_id" if kind is Contact else "company_id"
        self.run_id = run_id
        self.names_must_agree = names_must_agree
        self.by_id: dict[str, Known] = {}
        self._in_bin: dict[str, Known] = {}
        self._external: dict[str, Known] = {}
        self._phones: dict[str, list[Known]] = {}
        self._emails: dict[str, list[Known]] = {}
        self._names: dict[str, list[Known]] = {}

    def load(self, drafts: Iterable[Draft], *, workspace_id: UUID, besides: Collection[str] = ()) -> None:
        """Find and lock, in the order of their ids, the records that `drafts` may be about, and those with the ids `besides`."""
        drafts = list(drafts)
        wanted = self._ids_wanted(drafts, workspace_id).union(besides)
        for row in rowsets.as_json(self.kind, wanted, workspace_id=workspace_id, lock=True):
            alive = row["deleted_at"] is None
            (self.by_id if alive else self._in_bin)[row["id"]] = Known(row, is_new=False)
        self._load_reaches(workspace_id)
        for known in self.by_id.values():
            self._enter(known)

    def _ids_wanted(self, drafts: list[Draft], workspace_id: UUID) -> set[str]:
        table = self.kind._meta.db_table
        external = {draft.external_id for draft in drafts if draft.external_id}
        numbers = {phone.number for draft in drafts for phone in draft.phones}
        addresses = {email.address for draft in drafts for email in draft.emails}
        ours = {draft.our_id for draft in drafts if draft.our_id}
        names = {draft.name for draft in drafts if draft.name} if self.kind is Company else set()
        parts: list[str] = []
        parameters: list[Any] = []
        # The names of tables and columns are ours.
        for values, query in (
            (external, f'SELECT id FROM "{table}" WHERE workspace_id = %s AND external_id = ANY(%s) AND external_id <> \'\' AND deleted_at IS NULL'),  # noqa: S608
            (numbers, f"SELECT {self.holder} FROM people_phone WHERE workspace_id = %s AND number = ANY(%s) AND {self.holder} IS NOT NULL"),  # noqa: S608
            (addresses, f"SELECT {self.holder} FROM people_email WHERE workspace_id = %s AND address = ANY(%s) AND {self.holder} IS NOT NULL"),  # noqa: S608
            (names, f'SELECT id FROM "{table}" WHERE workspace_id = %s AND sort_name = ANY(%s) AND deleted_at IS NULL'),  # noqa: S608
        ):  # fmt: skip
            if values:
                parts.append(query)
                parameters += [
                    workspace_id,
                    [entries.sort_name(name) for name in names] if values is names else list(values),
                ]
        found = set(ours)
        if parts:
            with connection.cursor() as cursor:
                cursor.execute(" UNION ".join(parts), parameters)
                found |= {str(row[0]) for row in cursor.fetchall()}
        return found

    def _load_reaches(self, workspace_id: UUID) -> None:
        records = self.by_id | self._in_bin
        if not records:
            return
        wanted = list(records)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {self.holder}, 'phone', number, label FROM people_phone "  # noqa: S608
                f"WHERE workspace_id = %s AND {self.holder} = ANY(%s::uuid[]) "
                f"UNION ALL SELECT {self.holder}, 'email', address, label FROM people_email "
                f"WHERE workspace_id = %s AND {self.holder} = ANY(%s::uuid[]) "
                f"UNION ALL SELECT {self.holder}, 'address', city, '' FROM people_address "
                f"WHERE workspace_id = %s AND {self.holder} = ANY(%s::uuid[])",
                [workspace_id, wanted] * 3,
            )
            for identity, sort, value, label in cursor.fetchall():
                known = records[str(identity)]
                if sort == "address":
                    known.has_address = True
                    known.towns.add(value)
                else:
                    (known.phones if sort == "phone" else known.emails)[value] = label

    def _enter(self, known: Known) -> None:
        if known.row["external_id"]:
            self._external[known.row["external_id"]] = known
        for number in known.phones:
            self._phones.setdefault(number, []).append(known)
        for address in known.emails:
            self._emails.setdefault(address, []).append(known)
        if self.kind is Company:
            self._names.setdefault(folded(known.row["name"]), []).append(known)

    def add(self, known: Known) -> None:
        """Let later rows find a record that this batch makes."""
        self.by_id[known.id] = known
        self._enter(known)

    def extend(self, known: Known) -> None:
        """Let later rows find a record by what this batch adds to it."""
        for number in known.phones:
            if known not in self._phones.setdefault(number, []):
                self._phones[number].append(known)
        for address in known.emails:
            if known not in self._emails.setdefault(address, []):
                self._emails[address].append(known)
        if known.row["external_id"]:
            self._external[known.row["external_id"]] = known

    def by_external_id(self, external_id: str) -> Known | None:
        return self._external.get(external_id) if external_id else None

    def find(self, draft: Draft) -> Known | None:
        """The record that `draft` is about, or None. One of the bin only when it is the very one that we wrote."""
        if draft.our_id in self.by_id:
            return self.by_id[draft.our_id]
        certain = self.by_external_id(draft.external_id)
        if certain is not None:
            return certain
        candidates: list[Known] = []
        for phone in draft.phones:
            candidates += self._phones.get(phone.number, ())
        for email in draft.emails:
            candidates += self._emails.get(email.address, ())
        if not candidates and draft.name:
            candidates += self._names.get(folded(draft.name), ())
        fitting = [known for known in candidates if self._may_be(known, draft)]
        agreeing = [known for known in fitting if names_agree(str(known.row["name"]), draft.name)]
        if agreeing:
            return min(agreeing, key=lambda known: known.id)
        if self.names_must_agree or not fitting:
            return self._in_bin.get(draft.our_id)
        return min(fitting, key=lambda known: known.id)

    def _may_be(self, known: Known, draft: Draft) -> bool:
        external_id = known.row["external_id"]
        if draft.external_id and external_id and draft.external_id != external_id:
            return False
        # Rows that we exported were different records, so they stay different.
        return not (draft.our_id and (known.is_new or known.row.get("import_run_id") == self.run_id))


def names_agree(one: str, other: str) -> bool:
    """Whether two names share a word, by sound; a missing name agrees with any."""
    if not one or not other or one == other:
        return True
    sounds = [{sound for sound in script.key(name).split() if len(sound) > 1} for name in (one, other)]
    return not sounds[0] or not sounds[1] or bool(sounds[0] & sounds[1])
