"""An import from the upload to the report.

The file is kept encrypted; the job unpacks it into a file without a name for as long as it reads. Rows are written a thousand at a
time, and **the transaction that writes them also moves `ImportRun.position`**: whenever the worker dies, the rows before the position
are there once and the rows after it not at all, and whoever goes on begins at the position. Of two workers that hold the same run by
mistake, one finds that the position has moved and leaves. Batches of one workspace wait for each other, so two imports at once see
each other's people.

A row that the database refuses takes nobody with it: its batch is halved until the row stands alone and is reported.
"""

import logging
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db import DataError, IntegrityError, connection
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock, files, jobs, ledger, tenancy
from amanat.core.filetypes import FileType, register_kind
from amanat.core.models_files import StoredFile
from amanat.people.importing import converting, jsonfiles, readers
from amanat.people.importing.converting import Conversion
from amanat.people.importing.mapping import Mapping
from amanat.people.importing.references import References
from amanat.people.importing.tables import FileRefused, Limits, Row, Table
from amanat.people.importing.values import Problem
from amanat.people.importing.writing import Batch, Counts, Reading, Rules
from amanat.people.models import BIN, ImportRun

log = logging.getLogger(__name__)

MOST_BYTES = 100 * files.MEGABYTE
BATCH = 1000
LIMITS = Limits(file_bytes=MOST_BYTES)
State = ImportRun.State

_MEMBER = "import"
register_kind("import", allowed=frozenset({FileType.ZIP}), most_bytes=MOST_BYTES + files.MEGABYTE)


class ImportRefused(Exception):
    """The import cannot do this now; the text says why."""


def upload(*, source: IO[bytes], name: str, by: Member, at: datetime) -> ImportRun:
    """Keep the file and guess what its columns mean. Raises FileRefused (of `core.files` or of the readers) in words."""
    with _wrapped(source) as wrapped:
        file = files.store(wrapped, workspace_id=by.workspace_id, name=f"{name}.zip", by=by.pk, kind="import")
    run = ImportRun(
        workspace_id=by.workspace_id,
        file=file,
        file_name=name[:200],
        created_by=by,
        created_at=at,
        options={"part": ""},
    )
    with opened(run) as table:
        mapping = converting.guess(table)
        run.options = {"part": table.part, "on": converting.kind_of(table)}
    run.mapping = mapping.to_json()
    run.save(force_insert=True)
    ledger.write("people.import.uploaded", workspace=by.workspace_id, by=by, about=run, at=at, bytes=file.size)
    return run


@contextmanager
def _wrapped(source: IO[bytes]) -> Iterator[IO[bytes]]:
    """The file inside a ZIP, not compressed. The store takes a list with a tag of HTML in its notes for a web page, and refuses old
    workbooks; what a file is, the readers find out, and it is never given out again."""
    with tempfile.TemporaryFile() as wrapped:
        with zipfile.ZipFile(wrapped, "w") as archive, archive.open(_MEMBER, "w", force_zip64=True) as member:
            size = 0
            while piece := source.read(1 << 18):
                if not size:
                    _refuse_programs(piece)
                size += len(piece)
                if size > MOST_BYTES:
                    raise FileRefused(
                        _("The file is larger than %(size)s MB. Split it and import the parts.")
                        % {"size": MOST_BYTES // files.MEGABYTE}
                    )
                member.write(piece)
        wrapped.seek(0)
        yield wrapped


def _refuse_programs(start: bytes) -> None:
    """A program read as Windows-1252 is a table of rubbish; NUL stands in no text but UTF-16."""
    if start.startswith((b"PK", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b"\xfe\xff")):
        return
    odd, even = start[:4096:2].count(0), start[1:4096:2].count(0)
    is_wide = max(odd, even) > 200 or (odd == 0) != (even == 0)
    if start.startswith((b"MZ", b"\x7fELF", b"#!", b"%PDF")) or (0 in start[:4096] and not is_wide):
        raise FileRefused(_("This is not a list: programs and documents cannot be imported."))


def choose_part(*, run: ImportRun, part: str) -> None:
    """Take another sheet of the workbook, or another file of the archive. Raises FileRefused."""
    _require(run, State.UPLOADED)
    run.options = {**run.options, "part": part}
    with opened(run) as table:
        run.mapping = converting.guess(table).to_json()
        run.options["on"] = converting.kind_of(table)
    run.save(update_fields=["mapping", "options"])


@contextmanager
def opened(run: ImportRun) -> Iterator[Table]:
    """The file as a table. Raises FileRefused, in words also when the file is gone or damaged."""
    with unpacked(run) as path:
        part = run.options.get("part", "")
        inner = jsonfiles.inside_archive(path, LIMITS)
        if inner is not None or jsonfiles.looks_like(path):
            yield jsonfiles.open_table(inner.path if inner and inner.path else path, part, LIMITS)
        else:
            yield readers.open_table(path, run.file_name, part=part, limits=LIMITS)


@contextmanager
def unpacked(run: ImportRun) -> Iterator[str]:
    """A path under which the file can be read inside the block; entering needs the transaction. Raises FileRefused."""
    file = _file_of(run)
    if file is None:
        raise FileRefused(_("The file is not here any more. Upload it again."))
    with tempfile.NamedTemporaryFile(prefix="import-") as copy:
        try:
            with tempfile.TemporaryFile() as wrapped:
                wrapped.writelines(files.read(file))
                wrapped.seek(0)
                with zipfile.ZipFile(wrapped) as archive, archive.open(_MEMBER) as member:
                    shutil.copyfileobj(member, copy, 1 << 18)
        except (files.FileDamaged, zipfile.BadZipFile, KeyError) as damage:
            raise FileRefused(_("The file was damaged in our store. Upload it again.")) from damage
        copy.flush()
        yield copy.name


def _file_of(run: ImportRun) -> StoredFile | None:
    return StoredFile.objects.of(run.workspace_id).filter(pk=run.file_id).first() if run.file_id else None


def start(*, run: ImportRun, mapping: Mapping, options: dict[str, Any], by: Member, at: datetime) -> None:
    """Queue the import with what the person decided. Raises ImportRefused."""
    _require(run, State.UPLOADED)
    if not by.may(May.IMPORT):
        raise ImportRefused(_("You may not import."))
    run.mapping = mapping.to_json()
    run.options = {**run.options, **options}
    with opened(run) as table:
        run.options["fields"] = converting.prepare_fields(run, mapping, table, by=by, at=at)
    run.created_by = by
    run.state = State.QUEUED
    run.save(update_fields=["mapping", "options", "created_by", "state"])
    ledger.write("people.import.started", workspace=run.workspace_id, by=by, about=run, at=at)
    jobs.enqueue("people.import", workspace=run.workspace_id, run=str(run.pk))


def stop(*, run: ImportRun, by: Member, at: datetime) -> None:
    """End after the batch that is being written; what is done stays, and the import can go on later."""
    waiting = ImportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=State.QUEUED)
    if not waiting.update(state=State.STOPPED, ended_at=at):
        running = ImportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=State.RUNNING)
        running.update(stop_requested_at=at)
    ledger.write("people.import.stopped", workspace=run.workspace_id, by=by, about=run, at=at)


def go_on(*, run: ImportRun, by: Member, at: datetime) -> None:
    """Continue a stopped or failed import behind its last row; whoever continues it answers for the rest."""
    _require(run, State.STOPPED, State.FAILED)
    if not by.may(May.IMPORT):
        raise ImportRefused(_("You may not import."))
    ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(
        state=State.QUEUED, stop_requested_at=None, problem="", ended_at=None, created_by=by
    )
    ledger.write("people.import.continued", workspace=run.workspace_id, by=by, about=run, at=at)
    jobs.enqueue("people.import", workspace=run.workspace_id, run=str(run.pk))


def cancel(*, run: ImportRun, by: Member, at: datetime) -> None:
    """Throw away an upload that was never started, with its file."""
    _require(run, State.UPLOADED)
    file = _file_of(run)
    ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).delete()
    if file is not None:
        files.delete(file)
    ledger.write("people.import.cancelled", workspace=run.workspace_id, by=by, about=run, at=at)


def forget_old_files(workspace: UUID, *, at: datetime) -> int:
    """Delete the files of imports that are 30 days old, and those that ended well after a day; returns how many."""
    old = ImportRun.objects.of(workspace).filter(file__isnull=False)
    due = list(
        old.filter(
            Q(created_at__lte=at - BIN) | Q(state__in=[State.DONE, State.UNDONE], ended_at__lte=at - timedelta(days=1))
        )
    )
    for run in due:
        file = _file_of(run)
        ImportRun.objects.of(workspace).filter(pk=run.pk).update(file=None)
        if file is not None:
            files.delete(file)
    return len(due)


def _require(run: ImportRun, *states: str) -> None:
    if run.state not in states:
        raise ImportRefused(_("This import is not waiting for that any more. Reload the page."))


# --- the job -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Work:
    """What the job holds between two batches."""

    run: ImportRun
    conversion: Conversion
    rules: Rules
    references: References | None = None


def work(workspace_id: UUID, run_id: UUID) -> None:
    """Do an import that is queued, or go on with one whose worker died. Nothing happens when it is not to be done."""
    with tenancy.inside(workspace_id):
        run = ImportRun.objects.of(workspace_id).select_for_update().filter(pk=run_id).first()
        if run is None or run.state not in {State.QUEUED, State.RUNNING}:
            return
        member = _importer(run)
        if member is None:
            return
        run.state = State.RUNNING
        run.started_at = run.started_at or clock.now()
        run.save(update_fields=["state", "started_at"])
        language = member.user.language
    with translation.override(language):
        try:
            _import(run)
        except FileRefused as refusal:
            _end(run, State.FAILED, refusal.reason)


def _importer(run: ImportRun) -> Member | None:
    """Whoever started the import, if she still may; otherwise the run ends here."""
    member = (
        Member.objects.of(run.workspace_id)
        .select_related("user")
        .filter(pk__in=[run.created_by_id], ended_at__isnull=True)
        .first()
    )
    if member is not None and member.may(May.IMPORT):
        return member
    problem = _("Whoever started this import may not import any more. Somebody who may can let it go on.")
    ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(
        state=State.FAILED, problem=problem, ended_at=clock.now()
    )
    ledger.write("people.import.refused", workspace=run.workspace_id, about=run, at=clock.now())
    return None


def _import(run: ImportRun) -> None:
    with ExitStack() as kept:
        with tenancy.inside(run.workspace_id):
            table = kept.enter_context(opened(run))
            conversion = converting.conversion(
                run, Mapping.from_json(run.mapping), table, region=settings.DEFAULT_REGION
            )
        if run.total is None:
            # Also proves that the file can be read to its end, before its first row is written.
            run.total = sum(1 for _row in table.rows())
            with tenancy.inside(run.workspace_id):
                ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(total=run.total)
        held = _Work(run, conversion, Rules.of(run.options))
        rows = islice(table.rows(), run.position, None)
        while batch := list(islice(rows, BATCH)):
            if not _write(held, batch):
                return
        _end(run, State.DONE, "")


def _write(held: _Work, rows: list[Row]) -> bool:
    """Write rows and move the position behind them. False: the run was stopped, or is somebody else's."""
    try:
        return _write_together(held, rows)
    except (IntegrityError, DataError) as error:
        held.references = None
        if len(rows) == 1:
            log.warning(
                "row of an import refused by the database",
                extra={"run": str(held.run.pk), "error": type(error).__name__},
            )
            return _write_together(held, rows, refused=True)
        half = len(rows) // 2
        return _write(held, rows[:half]) and _write(held, rows[half:])
    except BaseException:
        held.references = None
        raise


def _write_together(held: _Work, rows: list[Row], *, refused: bool = False) -> bool:
    run = held.run
    readings = [held.conversion.reading(row) for row in rows]
    if refused:
        readings = [
            Reading(row.number, list(row.cells), None, [Problem("", "", _("The database refused this row."))])
            for row in rows
        ]
    with tenancy.inside(run.workspace_id, actor=run.created_by_id):
        _one_batch_at_a_time(run.workspace_id)
        current = ImportRun.objects.of(run.workspace_id).select_for_update().get(pk=run.pk)
        if current.state != State.RUNNING:
            return False
        if current.position != run.position:
            return False  # another worker has the run
        if current.stop_requested_at is not None:
            ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(
                state=State.STOPPED, stop_requested_at=None, ended_at=clock.now()
            )
            return False
        if _importer(current) is None:
            return False
        counts = Batch(run, held.rules, _references(held)).write(readings)
        _advance(current, run.position + len(readings), counts)
    run.position += len(readings)
    return True


def _references(held: _Work) -> References:
    if held.references is None:
        assert held.run.started_at is not None
        held.references = References(held.run, held.run.started_at.isoformat(), may_make_stages=True)
        held.references.load()
    return held.references


def _one_batch_at_a_time(workspace_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('people.import'), hashtext(%s))", [str(workspace_id)])


def _advance(current: ImportRun, position: int, counts: Counts) -> None:
    ImportRun.objects.of(current.workspace_id).filter(pk=current.pk).update(
        position=position,
        created=current.created + counts.created,
        updated=current.updated + counts.updated,
        skipped=current.skipped + counts.skipped,
        failed=current.failed + counts.failed,
    )


def _end(run: ImportRun, state: str, problem: str) -> None:
    with tenancy.inside(run.workspace_id, actor=run.created_by_id):
        now = clock.now()
        changed = ImportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=State.RUNNING)
        if changed.update(state=state, problem=problem[:300], ended_at=now):
            done = ImportRun.objects.of(run.workspace_id).get(pk=run.pk)
            ledger.write(
                "people.import.ended",
                workspace=run.workspace_id,
                by=run.created_by_id,
                about=run,
                at=now,
                state=state,
                created=done.created,
                updated=done.updated,
                skipped=done.skipped,
                failed=done.failed,
            )
