"""What holds people besides their own rows: files of exports and imports, rows of files that were not taken, answers kept for repeated
requests of programs, messages and jobs that wait. Each of these is destroyed without being looked through where it may be made again.

- **Exports.** Any file of an export may hold anybody, so all of them go; whoever needs one asks for it again. One being written now is
  waited for.
- **Imports.** Files of imports that ended well go at once instead of after a day. Those of imports that wait, stopped or failed are still
  needed to go on: they are read row by row; one that names somebody, or cannot be read, is an open item.
- **What an export searched for, and the name and columns of a file whose import ended well,** become empty where they name somebody.
- **Rows of a file that were not taken** and **answers of the API** go where they name one of the people.
- **Answers to public forms** that wait for their code, and **codes** that were sent to her, go.
- **Events of providers** that wait or were parked and name them go.
- **Records of the sandbox**, where the providers are played, lose the lines that name them.
- **Messages** of the local outbox to their addresses go; **jobs** that wait and name their ids go.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection
from pathlib import PurePath
from uuid import UUID

from django.conf import settings
from django.db import connection

from amanat.core import files
from amanat.core.models import IdempotentAnswer, LocalMessage
from amanat.core.models_files import StoredFile
from amanat.messaging.sandbox import record as sandbox
from amanat.people import exporting
from amanat.people.importing import uploads
from amanat.people.importing.tables import FileRefused
from amanat.people.models import ExportRun, ImportProblem, ImportRun
from amanat.privacy.erasure import schema, sealed, traces
from amanat.privacy.erasure.traces import BYTES_AT_ONCE
from amanat.privacy.erasure.wanted import Wanted

_EXPORT, _IMPORT = ExportRun.State, ImportRun.State
_ENDED_WELL = (_IMPORT.DONE, _IMPORT.UNDONE)


def clear(wanted: Wanted, *, workspace_id: UUID) -> dict[str, int]:
    """Destroy all of it, in the caller's transaction. Doing it twice changes nothing. Returns how many of each, by label."""
    names_one = traces.test_of_texts(wanted)
    done = {
        "people.ExportRun": _exports(workspace_id, names_one),
        "people.ImportRun": _imports(workspace_id, names_one),
        "core.LocalMessage": _messages(wanted),
        "procrastinate_jobs": _jobs(wanted),
        "messaging.ProviderEvent": sealed.drop_events(names_one, workspace_id=workspace_id),
        **sealed.drop_waiting(names_one, workspace_id=workspace_id),
        "sandbox": sandbox.forget(settings.CONFIGURATION.data / "sandbox", names_one),
        **_named(wanted, workspace_id),
    }
    return {label: count for label, count in done.items() if count}


def _exports(here: UUID, names_one: Callable[[str], bool]) -> int:
    """An export that is being written is waited for; one that begins later waits for us and is written without the people."""
    exporting.wait_for_all(here)
    known = ExportRun.objects.of(here).filter(file__isnull=False)
    runs = list(known.select_for_update(of=("self",)).order_by("id"))
    ExportRun.objects.of(here).filter(pk__in=[run.pk for run in runs]).update(state=_EXPORT.EXPIRED, file=None)
    _delete_files(here, [run.file_id for run in runs])
    asked = ExportRun.objects.of(here).exclude(state__in=[_EXPORT.QUEUED, _EXPORT.RUNNING]).exclude(definition={})
    naming = [run.pk for run in asked if names_one(_said(run.definition))]
    ExportRun.objects.of(here).filter(pk__in=naming).update(definition={})
    return len({*naming, *(run.pk for run in runs)})


def _said(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _imports(here: UUID, names_one: Callable[[str], bool]) -> int:
    ended = ImportRun.objects.of(here).filter(file__isnull=False, state__in=_ENDED_WELL)
    runs = list(ended.select_for_update(of=("self",)).order_by("id"))
    ImportRun.objects.of(here).filter(pk__in=[run.pk for run in runs]).update(file=None)
    _delete_files(here, [run.file_id for run in runs])
    over = ImportRun.objects.of(here).filter(state__in=_ENDED_WELL).exclude(file_name="", mapping={})
    naming = [run for run in over if names_one(f"{run.file_name}\n{_said(run.mapping)}")]
    for run in naming:
        ending = PurePath(run.file_name).suffix
        run.file_name, run.mapping = "…" if names_one(ending) else f"…{ending}", {}
        run.save(update_fields=["file_name", "mapping"])
    return len({run.pk for run in (*naming, *runs)})


def imports_to_look_at(wanted: Wanted, *, workspace_id: UUID, is_whole: bool) -> list[UUID]:
    """Imports that may still go on whose file names one of the people, or cannot be read; long ones wait for the whole search."""
    known = ImportRun.objects.of(workspace_id).filter(file__isnull=False).exclude(state__in=_ENDED_WELL)
    runs = known.select_related("file").order_by("id")
    names_one = traces.test_of_texts(wanted)
    return [run.pk for run in runs if (not is_whole and run.file.size > BYTES_AT_ONCE) or _names(run, names_one)]


def _names(run: ImportRun, names_one: Callable[[str], bool]) -> bool:
    """The file is kept as the import reads it, wrapped; so it is read as the import would, whatever its kind."""
    try:
        with uploads.opened(run) as table:
            texts = itertools.chain([table.columns], ([*row.cells, *row.extra] for row in table.rows()))
            return any(names_one("\n".join(cells)) for cells in texts)
    except FileRefused:
        return True


def _delete_files(here: UUID, ids: Collection[UUID | None]) -> None:
    for file in StoredFile.objects.of(here).filter(pk__in=[pk for pk in ids if pk is not None]):
        files.delete(file)


def _named(wanted: Wanted, here: UUID) -> dict[str, int]:
    """Rows that say nothing beyond what the people's own rows said: found by the indexes of tokens."""
    tokens = [*wanted.tokens, *(pk.upper() for pk in wanted.ids)]
    # Thousands of tokens cost the index of an empty table as much as that of a full one.
    models = [model for model in (ImportProblem, IdempotentAnswer) if model.objects.of(here).exists()]
    if not models:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT place, id FROM find_traces(%s::text[], %s::text[], '{}')", [[m._meta.label for m in models], tokens]
        )
        found = [(place, pk) for place, pk in cursor.fetchall()]
        counts = {}
        for model in models:
            ids = [pk for place, pk in found if place == model._meta.label]
            text = schema.as_text(model, schema.texts(model))
            if ids:
                cursor.execute(
                    f'DELETE FROM "{model._meta.db_table}" t WHERE t.workspace_id = %s AND t.id = ANY(%s) '  # noqa: S608 - our own table
                    f"AND trace_tokens({text}) && %s::text[]",
                    [here, ids, tokens],
                )
            counts[model._meta.label] = cursor.rowcount if ids else 0
    return counts


def _messages(wanted: Wanted) -> int:
    """Mails and texts that were kept because no provider is set. They are of no workspace: only whole addresses count."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'DELETE FROM "{LocalMessage._meta.db_table}" WHERE "to" = ANY(%s)',  # noqa: S608 - our own table
            [[*wanted.reach, *wanted.addresses]],
        )
        return int(cursor.rowcount)


def _jobs(wanted: Wanted) -> int:
    """Jobs that wait and whose arguments name one of the people by id: there is nobody to do them for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs job WHERE job.status = 'todo' AND EXISTS (SELECT 1 FROM jsonb_path_query("
            "job.args, 'lax $.** ? (@.type() == \"string\")') AS said(value) WHERE said.value #>> '{}' = ANY(%s))",
            [wanted.ids],
        )
        return int(cursor.rowcount)
