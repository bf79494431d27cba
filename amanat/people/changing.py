"""Making and changing one contact or company: what is the same for both. `contacts` and `companies` say what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from amanat.accounts.models import Member
from amanat.core import ids, ledger, tally
from amanat.core.tenancy import HasId, WorkspaceRow, workspace_id_of
from amanat.people import custom_fields, differences, drafts, records, rows, search, timeline, vocabulary
from amanat.people.differences import Differences
from amanat.people.drafts import RecordDraft
from amanat.people.models import Company, Contact, RecordQuerySet, Source, Tag
from amanat.people.records import Lines, Stale
from amanat.people.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Kind[Row: (Contact, Company), Draft: RecordDraft]:
    """What differs between contacts and companies."""

    on: str
    #: the rows to lock, with all that `as_draft` reads
    rows: Callable[[Row], RecordQuerySet[Row]]
    as_draft: Callable[[Row, Vocabulary, Lines], Draft]
    columns: Callable[[Draft], dict[str, Any]]
    #: sets what a draft only names; returns rows that had to be made for it
    settle: Callable[[Row, Draft, Differences, Member | None, datetime], list[WorkspaceRow]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a new record comes from. `detail` is e.g. the name of the file or of the API token."""

    by: Member | None
    at: datetime
    source: str = Source.FORM
    detail: str = ""


def first_columns(origin: Origin, *, workspace: HasId | UUID) -> dict[str, Any]:
    """The columns of a new record that say whose it is and where it came from."""
    return {
        "id": ids.new(),
        "workspace_id": workspace_id_of(workspace),
        "source": origin.source,
        "source_detail": origin.detail[:200],
        "created_at": origin.at,
        "created_by": origin.by,
        "updated_at": origin.at,
    }


def first_rows(
    record: Contact | Company, draft: RecordDraft, origin: Origin, *, summary: timeline.Said
) -> list[WorkspaceRow]:
    """A new record with all that hangs on it, its first line and its entry in the search, unsaved."""
    about: dict[str, Any] = {records.holder(record): record}
    told = timeline.line(
        workspace=record.workspace_id, kind="created", summary=summary, happened_at=origin.at, actor=origin.by,
        data={"source": origin.source, "detail": origin.detail[:200]}, **about,
    )  # fmt: skip
    lines = records.reach_rows(record, draft, source=origin.source, at=origin.at)
    return [record, *lines, told, search.row_of(records.entry_of(record, draft))]


def change[Row: (Contact, Company), Draft: RecordDraft](
    kind: Kind[Row, Draft],
    record: Row,
    *,
    by: Member | None,
    at: datetime,
    changes: Draft | Mapping[str, Any],
    seen_at: datetime | None,
    words: Vocabulary | None,
) -> Row:
    """Change `record`: a whole draft, or only the named fields of one. Raises ValidationError, Stale."""
    words = words or vocabulary.of(record.workspace_id)
    with transaction.atomic():
        record = kind.rows(record).select_for_update(of=("self",)).get(pk=record.pk)
        if seen_at is not None and record.updated_at != seen_at:
            raise Stale(record)
        lines = records.reaches(record)
        before = kind.as_draft(record, words, lines)
        after = _after(kind, before, changes, words)
        records.check_external_id(by, before=before.external_id, after=after.external_id)
        found = differences.between(before, after, words)
        if found:
            _write(kind, record, after, lines, words, by=by, at=at, found=found)
    return record


def _after[Row: (Contact, Company), Draft: RecordDraft](
    kind: Kind[Row, Draft], before: Draft, changes: Draft | Mapping[str, Any], words: Vocabulary
) -> Draft:
    if not isinstance(changes, Mapping):
        return drafts.cleaned(changes, words, on=kind.on)
    named = dict(changes)
    custom = custom_fields.merged(words.fields_on(kind.on), before.custom, named.pop("custom", {}))
    if "company_name" in named:
        named.setdefault("company_id", None)
    return drafts.cleaned(replace(before, **named), words, on=kind.on, stored_custom=custom)


def _write[Row: (Contact, Company), Draft: RecordDraft](
    kind: Kind[Row, Draft],
    record: Row,
    after: Draft,
    lines: Lines,
    words: Vocabulary,
    *,
    by: Member | None,
    at: datetime,
    found: Differences,
) -> None:
    workspace = record.workspace_id
    made: list[WorkspaceRow] = kind.settle(record, after, found, by, at)
    tags: list[Tag]
    in_use = {one.key for one in words.fields_on(kind.on)}
    retired = {key: value for key, value in record.custom.items() if key not in in_use}
    record.tag_ids, tags = records.tag_ids(after.tags, words, workspace=workspace)
    record.updated_at = at
    for column, value in kind.columns(after).items():
        setattr(record, column, value)
    record.custom |= retired  # their values stay
    about: dict[str, Any] = {kind.on: record}
    labels = differences.own_labels(found, words.fields_on(kind.on))
    told = timeline.line(
        workspace=workspace, kind="change", summary=differences.summary(found, labels), happened_at=at, actor=by,
        data=differences.as_data(found, labels), **about,
    )  # fmt: skip
    records.refuse_double_id(record.save)
    rows.insert([*tags, *made, *records.replace_reaches(record, after, lines, at=at), told])
    if any(isinstance(row, Company) for row in made):
        tally.add("companies", 1, workspace=workspace)
    search.index([records.entry_of(record, after)])
    ledger.write(f"people.{kind.on}.changed", workspace=workspace, by=by, about=record, at=at, fields=sorted(found))
