"""Everything out again: a list, or the whole workspace, as CSV, XLSX, vCard or JSON, and what goes out can come back in unchanged.

A short list is answered at once. A long one and the whole workspace are written by a job into an encrypted file that is kept for 24 hours;
each download of it is a link for one opening by the member who asked, alive for five minutes. Packages above add their tables to the
export of the whole workspace with `register`.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any
from uuid import UUID

from django.db import connection
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts import access
from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock, files, jobs, ledger, spreadsheets, tenancy
from amanat.core.models_files import StoredFile
from amanat.people import lists, vcard_writing, vocabulary
from amanat.people.importing import jsonfiles, ours
from amanat.people.importing.drafts import ADDRESS_PARTS, AddressDraft, Draft, EmailDraft, PhoneDraft
from amanat.people.importing.ours import Widths
from amanat.people.models import Address, Company, Contact, CustomField, Email, ExportRun, Phone

#: Rows that are answered at once.
AT_ONCE = 2_000
KEPT = timedelta(hours=24)
PURPOSE = "export"
_PIECE = 1_000
FORMATS = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "vcf3": ("text/vcard; charset=utf-8", "vcf"),
    "vcf4": ("text/vcard; charset=utf-8", "vcf"),
    "json": ("application/json", "json"),
}
State = ExportRun.State


class ExportRefused(Exception):
    """This cannot be exported so; the text says why."""


@dataclass(frozen=True)
class Dataset:
    """A table of the export of the whole workspace. Functions get the workspace and run inside its transaction.

    `columns` are the headings, `rows` their cells as texts, `objects` the same rows as JSON objects.
    """

    key: str
    title: str | Promise
    columns: Callable[[UUID], list[str]]
    rows: Callable[[UUID], Iterator[Sequence[str]]]
    objects: Callable[[UUID], Iterator[dict[str, Any]]]


_datasets: dict[str, Dataset] = {}


def register(dataset: Dataset) -> None:
    """Add a table to the export of the whole workspace; the same key again replaces it."""
    _datasets[dataset.key] = dataset


def datasets() -> list[Dataset]:
    return list(_datasets.values())


# --- records -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Records:
    """Contacts or companies on their way out, in pieces."""

    on: str
    workspace_id: UUID
    #: the ids in the order of the list; None: all that are not in the bin, oldest first
    ids: Sequence[UUID] | None = None

    @property
    def model(self) -> type[Contact] | type[Company]:
        return Contact if self.on == "contact" else Company

    def fields(self) -> list[CustomField]:
        found = CustomField.objects.of(self.workspace_id).filter(on=self.on, retired_at__isnull=True)
        return list(found.order_by("position", "created_at", "id"))

    def widths(self) -> Widths:
        return Widths(self._most(Phone), self._most(Email), self._most(Address), self.fields())

    def _most(self, model: type[Phone] | type[Email] | type[Address]) -> int:
        """The most of a kind that one of the records has."""
        column = f"{self.on}_id"
        sql = f'SELECT max(n) FROM (SELECT count(*) AS n FROM "{model._meta.db_table}" WHERE workspace_id = %s AND {column} '  # noqa: S608
        with connection.cursor() as cursor:
            if self.ids is None:
                cursor.execute(f"{sql} IS NOT NULL GROUP BY {column}) AS counted", [self.workspace_id])
            else:
                cursor.execute(f"{sql} = ANY(%s) GROUP BY {column}) AS counted", [self.workspace_id, list(self.ids)])
            return int(cursor.fetchone()[0] or 0)

    def drafts(self) -> Iterator[Draft]:
        owners = {seat.pk: seat.user.email for seat in Member.objects.of(self.workspace_id).select_related("user")}
        words = vocabulary.of(self.workspace_id)
        for piece in self._pieces():
            yield from self._drafts(piece, owners, words)

    def _pieces(self) -> Iterator[list[UUID]]:
        if self.ids is not None:
            for start in range(0, len(self.ids), _PIECE):
                yield list(self.ids[start : start + _PIECE])
            return
        after = UUID(int=0)
        while True:
            rows = self.model.objects.of(self.workspace_id).alive().filter(pk__gt=after).order_by("pk")
            found = list(rows.values_list("pk", flat=True)[:_PIECE])
            if found:
                yield found
                after = found[-1]
            if len(found) < _PIECE:
                return

    def _drafts(self, piece: list[UUID], owners: dict[UUID, str], words: vocabulary.Vocabulary) -> Iterator[Draft]:
        here, holder = self.workspace_id, f"{self.on}_id"
        rows: dict[UUID, Any] = {row.pk: row for row in self.model.objects.of(here).filter(pk__in=piece)}
        drafts = {pk: self._draft(row, owners, words) for pk, row in rows.items()}
        chosen = {f"{holder}__in": piece}
        for phone in Phone.objects.of(here).filter(**chosen).order_by("position", "id"):
            drafts[getattr(phone, holder)].phones.append(
                PhoneDraft(phone.number, phone.label, phone.extension, phone.is_whatsapp)
            )
        for email in Email.objects.of(here).filter(**chosen).order_by("position", "id"):
            drafts[getattr(email, holder)].emails.append(EmailDraft(email.address, email.label))
        for address in Address.objects.of(here).filter(**chosen).order_by("position", "id"):
            parts = {part: value for part in ADDRESS_PARTS if (value := getattr(address, part))}
            drafts[getattr(address, holder)].addresses.append(AddressDraft(address.label, parts))
        if self.on == "contact":
            companies = {row.company_id for row in rows.values() if row.company_id}
            names = (
                dict(Company.objects.of(here).filter(pk__in=companies).values_list("pk", "name")) if companies else {}
            )
            for pk, row in rows.items():
                drafts[pk].company = names.get(row.company_id, "")
        return (drafts[pk] for pk in piece if pk in drafts)

    def _draft(self, row: Any, owners: dict[UUID, str], words: vocabulary.Vocabulary) -> Draft:
        draft = Draft(
            0,
            our_id=str(row.pk),
            name=row.name,
            owner=owners.get(row.owner_id, ""),
            team=words.teams.get(row.team_id, ""),
            follow_up_on=row.follow_up_on.isoformat() if row.follow_up_on else None,
            external_id=row.external_id,
            source_detail=row.source_detail,
            created_at=row.created_at.isoformat(),
            notes=row.notes,
            tags=words.tag_names(row.tag_ids),
            custom={key: value for key, value in row.custom.items() if value is not None},
        )
        if self.on == "contact":
            draft.job_title, draft.language = row.job_title, row.language
            draft.stage = words.stage_name(row.stage_id)
            draft.birthday = row.birthday.isoformat() if row.birthday else None
        else:
            draft.gstin, draft.website, draft.industry = row.gstin, row.website, row.industry
        return draft


def _of_all(on: str) -> Dataset:
    def columns(workspace: UUID) -> list[str]:
        return ours.columns(on, Records(on, workspace).widths())

    def rows(workspace: UUID) -> Iterator[Sequence[str]]:
        records = Records(on, workspace)
        widths = records.widths()
        return (ours.cells(on, draft, widths) for draft in records.drafts())

    def objects(workspace: UUID) -> Iterator[dict[str, Any]]:
        return (ours.as_object(on, draft) for draft in Records(on, workspace).drafts())

    title = gettext_lazy("Contacts") if on == "contact" else gettext_lazy("Companies")
    return Dataset("contacts" if on == "contact" else "companies", title, columns, rows, objects)


register(_of_all("contact"))
register(_of_all("company"))


# --- formats -------------------------------------------------------------------------------------------------------


def written(records: Records, format: str) -> Iterator[bytes]:
    """A list in one of the formats, piece by piece. Raises ExportRefused."""
    if format in {"vcf3", "vcf4"}:
        if records.on != "contact":
            raise ExportRefused(_("Contact cards are for people. Choose another format for companies."))
        return vcard_writing.write(records.drafts(), records.fields(), version="3.0" if format == "vcf3" else "4.0")
    if format == "json":
        part = "contacts" if records.on == "contact" else "companies"
        return _json(records.workspace_id, [(part, (ours.as_object(records.on, draft) for draft in records.drafts()))])
    widths = records.widths()
    columns = ours.columns(records.on, widths)
    rows = (ours.cells(records.on, draft, widths) for draft in records.drafts())
    return spreadsheets.write_csv(columns, rows) if format == "csv" else _xlsx(columns, rows)


def _xlsx(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        try:
            spreadsheets.write_xlsx(columns, rows, file)
        except spreadsheets.SpreadsheetRefused as refusal:
            raise ExportRefused(refusal.reason) from refusal
        file.seek(0)
        while piece := file.read(1 << 18):
            yield piece


def _json(workspace: UUID, parts: Sequence[tuple[str, Iterable[dict[str, Any]]]]) -> Iterator[bytes]:
    """One head line, then one record a line: see `people.importing.jsonfiles`."""
    fields = {on: [ours.field_object(one) for one in Records(on, workspace).fields()] for on in ("contact", "company")}
    head = {
        "format": jsonfiles.FORMAT, "version": jsonfiles.VERSION, "exported_at": clock.now().isoformat(), "fields": fields,
        "parts": [name for name, _objects in parts],
    }  # fmt: skip
    yield (json.dumps(head, ensure_ascii=False)[:-1] + ",\n").encode()
    for name, objects in parts:
        yield f'"{name}":[\n'.encode()
        lines: list[str] = []
        lead = ""
        for found in objects:
            lines.append(lead + json.dumps(found, ensure_ascii=False, default=str))
            lead = ",\n"
            if len(lines) == _PIECE:
                yield "".join(lines).encode()
                lines = []
        yield ("".join(lines) + "\n],\n").encode()
    yield b'"end":true}\n'


def whole(workspace: UUID, format: str, file: IO[bytes]) -> int:
    """The whole workspace into `file`, and how many rows that is: JSON as one file, CSV as a ZIP of one each, XLSX as a workbook with
    a sheet each, cards of its contacts."""
    counted = _Counted()
    if format in {"vcf3", "vcf4"}:
        records = Records("contact", workspace)
        version = "3.0" if format == "vcf3" else "4.0"
        for piece in vcard_writing.write(counted.each(records.drafts()), records.fields(), version=version):
            file.write(piece)
    elif format == "json":
        parts = [(one.key, counted.each(one.objects(workspace))) for one in datasets()]
        for piece in _json(workspace, parts):
            file.write(piece)
    elif format == "xlsx":
        tables = ((one.key, one.columns(workspace), counted.each(one.rows(workspace))) for one in datasets())
        try:
            spreadsheets.write_workbook(tables, file)
        except spreadsheets.SpreadsheetRefused as refusal:
            raise ExportRefused(refusal.reason) from refusal
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in datasets():
                rows = counted.each(one.rows(workspace))
                with archive.open(f"{one.key}.csv", "w", force_zip64=True) as member:
                    for piece in spreadsheets.write_csv(one.columns(workspace), rows):
                        member.write(piece)
    return counted.count


@dataclass(slots=True)
class _Counted:
    """Counts what passes through."""

    count: int = 0

    def each[Thing](self, things: Iterable[Thing]) -> Iterator[Thing]:
        for thing in things:
            self.count += 1
            yield thing


# --- asking for it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """A short list, ready, or the run that will make a long one."""

    name: str
    content_type: str
    pieces: Iterator[bytes] | None
    run: ExportRun | None = None


def of_list(*, definition: lists.Definition, format: str, by: Member, at: datetime, at_once: bool = True) -> Answer:
    """Export a list as the member sees it; without `at_once`, a short one is queued too.

    Raises ExportRefused, and `lists.Refused` for a list that makes no sense.
    """
    _check(by, format)
    words = vocabulary.of(by.workspace_id)
    rows = lists.rows_of(definition, member=by, words=words)
    ids = list(rows.values_list("pk", flat=True)[: AT_ONCE + 1])
    scope = "contacts" if definition.on == "contact" else "companies"
    content_type, ending = FORMATS[format]
    name = f"{scope}-{at:%Y-%m-%d}.{ending}"
    if at_once and len(ids) <= AT_ONCE:
        records = Records(definition.on, by.workspace_id, ids)
        pieces = iter(list(written(records, format)))
        ledger.write(f"people.{scope}.exported", workspace=by.workspace_id, by=by, at=at, count=len(ids), format=format)
        return Answer(name, content_type, pieces)
    run = _queue(scope, format, {"on": definition.on, **definition.as_json()}, by, at)
    return Answer(name, content_type, None, run)


def of_workspace(*, format: str, by: Member, at: datetime) -> ExportRun:
    """Queue the export of everything. Raises ExportRefused."""
    _check(by, format)
    if not by.sees_all:
        raise ExportRefused(_("Only somebody who sees all contacts may export the whole workspace."))
    return _queue("workspace", format, {}, by, at)


def _check(by: Member, format: str) -> None:
    if not by.may(May.EXPORT):
        raise ExportRefused(_("You may not export."))
    if format not in FORMATS:
        raise ExportRefused(_("There is no such format."))


def _queue(scope: str, format: str, definition: dict[str, Any], by: Member, at: datetime) -> ExportRun:
    run = ExportRun.objects.create(
        workspace_id=by.workspace_id, scope=scope, format=format, definition=definition, created_by=by, created_at=at
    )
    ledger.write("people.export.asked", workspace=by.workspace_id, by=by, about=run, at=at, scope=scope, format=format)
    jobs.enqueue("people.export", workspace=by.workspace_id, run=str(run.pk))
    return run


def go_on(*, run: ExportRun, by: Member, at: datetime) -> None:
    """Write the file of an export that failed after all. Raises ExportRefused."""
    _check(by, run.format)
    if run.scope == "workspace" and not by.sees_all:
        raise ExportRefused(_("Only somebody who sees all contacts may export the whole workspace."))
    failed = ExportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=State.FAILED)
    if not failed.update(state=State.QUEUED, problem="", ended_at=None):
        raise ExportRefused(_("This export did not fail. Reload the page."))
    ledger.write(
        "people.export.asked", workspace=run.workspace_id, by=by, about=run, at=at, scope=run.scope, format=run.format
    )
    jobs.enqueue("people.export", workspace=run.workspace_id, run=str(run.pk))


def work(workspace: UUID, run_id: UUID) -> None:
    """Write the file of a queued export; from the beginning again when a worker died over it."""
    with tenancy.inside(workspace):
        run = ExportRun.objects.of(workspace).select_for_update().filter(pk=run_id).first()
        if run is None or run.state not in {State.QUEUED, State.RUNNING}:
            return
        member = (
            Member.objects.of(workspace)
            .select_related("user")
            .filter(pk__in=[run.created_by_id], ended_at__isnull=True)
            .first()
        )
        if member is None or not member.may(May.EXPORT):
            _end(run, State.FAILED, problem=_("Whoever asked for this export may not export any more."))
            return
        member.team_ids = list(member.team_seats.values_list("team_id", flat=True))
        with translation.override(member.user.language), tempfile.TemporaryFile() as file:
            try:
                count, name = _write(run, member, file)
                file.seek(0)
                stored = files.store(file, workspace_id=workspace, name=name, by=member.pk, kind="export")
            except (ExportRefused, files.FileRefused, lists.Refused) as refusal:
                _end(run, State.FAILED, problem=str(refusal))
                return
        run.file = stored
        _end(run, State.DONE, count=count)
        ledger.write(
            f"people.{run.scope}.exported",
            workspace=workspace,
            by=member,
            about=run,
            at=clock.now(),
            count=count,
            format=run.format,
        )


def _write(run: ExportRun, member: Member, file: IO[bytes]) -> tuple[int, str]:
    """Text goes into a ZIP: it is a tenth as long, and the file store wants to know what a text is."""
    day = f"{clock.now():%Y-%m-%d}"
    ending = FORMATS[run.format][1]
    if run.scope == "workspace":
        if run.format in {"csv", "xlsx"}:
            name = f"workspace-{day}.xlsx" if run.format == "xlsx" else f"workspace-{day}.zip"
            return whole(run.workspace_id, run.format, file), name
        with _zipped(file, f"workspace-{day}.{ending}") as inner:
            return whole(run.workspace_id, run.format, inner), f"workspace-{day}.zip"
    definition = lists.parse(
        {name: value for name, value in run.definition.items() if name != "on"},
        on=run.definition["on"],
        words=(words := vocabulary.of(run.workspace_id)),
    )
    ids = list(lists.rows_of(definition, member=member, words=words).values_list("pk", flat=True))
    pieces = written(Records(definition.on, run.workspace_id, ids), run.format)
    if run.format == "xlsx":
        file.writelines(pieces)
        return len(ids), f"{run.scope}-{day}.xlsx"
    with _zipped(file, f"{run.scope}-{day}.{ending}") as inner:
        inner.writelines(pieces)
    return len(ids), f"{run.scope}-{day}.zip"


@contextmanager
def _zipped(file: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as inner,
    ):
        yield inner


def _end(run: ExportRun, state: str, *, problem: str = "", count: int | None = None) -> None:
    run.state, run.problem, run.ended_at = state, problem[:300], clock.now()
    run.total, run.position = count, count or 0
    run.save(update_fields=["state", "problem", "ended_at", "total", "position", "file"])


def expire_due(workspace: UUID, *, at: datetime) -> int:
    """Delete the files of exports after their 24 hours; returns how many."""
    with tenancy.inside(workspace):
        due = list(ExportRun.objects.of(workspace).filter(state=State.DONE, ended_at__lte=at - KEPT))
        for run in due:
            file = StoredFile.objects.of(workspace).filter(pk__in=[run.file_id]).first()
            ExportRun.objects.of(workspace).filter(pk=run.pk).update(state=State.EXPIRED, file=None)
            if file is not None:
                files.delete(file)
    return len(due)


def expire_all() -> int:
    """The hourly round through all workspaces."""
    return sum(expire_due(workspace, at=clock.now()) for workspace in access.workspace_ids())
