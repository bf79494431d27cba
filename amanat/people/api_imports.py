"""The API of imports."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import File, Router
from ninja.files import UploadedFile
from pydantic import AfterValidator, BaseModel, Field, StrictInt, WithJsonSchema

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import (
    LISTED,
    After,
    Flag,
    Limit,
    Listed,
    Moment,
    Strict,
    answer,
    broken_key,
    key_of,
    next_of,
)
from amanat.accounts.permissions import May
from amanat.core import clock, files
from amanat.people import import_forms, vocabulary
from amanat.people.importing import runs, undo, uploads
from amanat.people.importing.mapping import Mapping, Target
from amanat.people.importing.runs import ImportRefused
from amanat.people.importing.tables import FileRefused
from amanat.people.models import ImportProblem, ImportRun

router = Router()

State = ImportRun.State
_TARGETS = [
    *(target.value for target in Target if target is not Target.CUSTOM),
    *(f"custom-{kind}" for kind in ("text", "number", "amount", "date")),
]


def _known_target(word: str) -> str:
    if word not in _TARGETS:
        raise ValueError("there is no such meaning of a column")
    return word


_Target = Annotated[str, AfterValidator(_known_target), WithJsonSchema({"type": "string", "enum": _TARGETS})]


class ColumnIn(Strict):
    index: Annotated[StrictInt, Field(ge=0, le=10_000)]
    target: _Target
    order: Literal["dmy", "mdy", "ymd"] | None = Field(default=None, description="Of dates.")


class ImportOptions(Strict):
    """What happens with the rows. What is left out stays."""

    on: Literal["contact", "company"] = "contact"
    existing: Literal["update", "skip", "add"] = Field(
        default="update", description="Who is here already: fill what is empty, leave, or always add a new one."
    )
    file_wins: Flag = Field(default=False, description="Replace values that differ.")
    names_must_agree: Flag = Field(default=False, description="The same phone with another name is another person.")
    tag: str = Field(default="", max_length=60)
    stage_id: UUID | None = None
    owner_id: UUID | None = None
    team_id: UUID | None = None


class ImportChange(Strict):
    part: str | None = Field(
        default=None, max_length=200, description="Another sheet or file of the archive; guessed anew."
    )
    columns: Annotated[list[ColumnIn], Field(max_length=1000)] = []
    options: ImportOptions | None = None


class ColumnOut(BaseModel):
    index: int
    column: str
    target: str
    confidence: float = Field(description="1 for a known layout, less for a guess.")
    samples: list[str]
    options: dict[str, str]


class ImportOut(BaseModel):
    id: UUID
    file_name: str
    state: Literal["uploaded", "queued", "running", "stopped", "done", "failed", "undoing", "undone"]
    layout: str
    columns: list[ColumnOut]
    options: dict[str, Any]
    total: int | None
    position: int = Field(description="Rows that are done.")
    created: int
    updated: int
    unchanged: int = Field(description="Rows that brought nothing new.")
    skipped: int
    failed: int
    problem: str
    created_by_id: UUID | None
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    undone_at: Moment | None


class ImportPage(Listed[ImportOut]):
    """One page of imports, newest first."""


class ProblemRow(BaseModel):
    """A row that was not taken, or taken with a value left out."""

    row_number: int
    is_failure: bool
    cells: list[str]
    reasons: list[dict[str, Any]]


class ProblemPage(Listed[ProblemRow]):
    """One page of problems, in the order of the file."""


@router.get("/imports", response=ImportPage, summary="List imports", tags=["Imports"])
@needs("import", May.IMPORT)
def list_imports(request: HttpRequest, limit: Limit = LISTED, after: After = "") -> ImportPage:
    found = ImportRun.objects.of(cast(ApiRequest, request).workspace)
    key = key_of(after)
    if key is not None:
        found = found.filter(pk__lt=key)
    rows = list(found.order_by("-id")[: limit + 1])
    following = next_of(request, str(rows[limit - 1].pk) if len(rows) > limit else None)
    return ImportPage(items=[_shape(run) for run in rows[:limit]], next=following)


@router.post("/imports", response={201: ImportOut}, summary="Upload a file to import", tags=["Imports"])
@needs("import", May.IMPORT)
def upload(request: HttpRequest, file: File[UploadedFile]) -> HttpResponse:
    """CSV, XLSX, vCard, JSON or a ZIP of one. What its columns mean is guessed; look at it, then start the import."""
    asked = cast(ApiRequest, request)
    strangers = [*request.POST, *(name for name in request.FILES if name != "file")]
    if strangers:
        raise ValidationError({name: _("There is no such field.") for name in strangers})
    if (file.size or 0) > uploads.MOST_BYTES:
        detail = _("The file is larger than %(size)s MB. Split it and import the parts.") % {"size": 100}
        raise ValidationError({"file": detail})
    try:
        run = runs.upload(source=cast(Any, file), name=file.name or "file", by=asked.member, at=clock.now())
    except (FileRefused, files.FileRefused) as refusal:
        raise ValidationError({"file": str(refusal)}) from None
    return answer(_shape(run), status=201, location=f"/api/v1/imports/{run.pk}")


@router.get("/imports/{uuid:run_id}", response=ImportOut, summary="Read an import", tags=["Imports"])
@needs("import", May.IMPORT)
def get_import(request: HttpRequest, run_id: UUID) -> ImportOut:
    return _shape(_find(request, run_id))


@router.patch(
    "/imports/{uuid:run_id}",
    response={200: ImportOut, 409: None},
    summary="Correct an import before it starts",
    tags=["Imports"],
)
@needs("import", May.IMPORT)
def change_import(request: HttpRequest, run_id: UUID, change: ImportChange) -> ImportOut:
    """Columns that are not named keep the meaning that was guessed."""
    run = _find(request, run_id, locked=True)
    if run.state != State.UPLOADED:
        raise ImportRefused(_("This import is not waiting for that any more. Reload the page."))
    if change.part is not None:
        try:
            runs.choose_part(run=run, part=change.part)
        except FileRefused as refusal:
            raise ValidationError({"part": str(refusal)}) from None
    mapping = Mapping.from_json(run.mapping)
    known = {match.index for match in mapping.columns}
    missing = [place for place, each in enumerate(change.columns) if each.index not in known]
    if missing:
        raise ValidationError({f"columns-{place}": _("The file has no such column.") for place in missing})
    words: dict[str, str] = {}
    for column in change.columns:
        words[f"column-{column.index}"] = column.target
        if column.order is not None:
            words[f"order-{column.index}"] = column.order
    # Twice: the meaning of a column comes first, then the order of its dates.
    mapping = import_forms.changed_mapping(import_forms.changed_mapping(mapping, words), words)
    run.mapping = mapping.to_json()
    if change.options is not None:
        run.options = {**run.options, **_options(change.options, run)}
    run.save(update_fields=["mapping", "options"])
    return _shape(run)


@router.delete(
    "/imports/{uuid:run_id}",
    response={204: None, 409: None},
    summary="Throw away a file that was not imported",
    tags=["Imports"],
)
@needs("import", May.IMPORT)
def cancel_import(request: HttpRequest, run_id: UUID) -> HttpResponse:
    runs.cancel(run=_find(request, run_id, locked=True), by=cast(ApiRequest, request).member, at=clock.now())
    return HttpResponse(status=204)


@router.post(
    "/imports/{uuid:run_id}/start", response={202: ImportOut, 409: None}, summary="Start an import", tags=["Imports"]
)
@needs("import", May.IMPORT)
def start_import(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """It is done in the background; read it to watch `position` come up to `total`."""
    run = _find(request, run_id, locked=True)
    runs.start(
        run=run, mapping=Mapping.from_json(run.mapping), options={}, by=cast(ApiRequest, request).member, at=clock.now()
    )
    return _accepted(request, run_id)


@router.post("/imports/{uuid:run_id}/stop", response={202: ImportOut}, summary="Stop an import", tags=["Imports"])
@needs("import", May.IMPORT)
def stop_import(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """After the rows that are being written; what is done stays, and it can go on."""
    runs.stop(run=_find(request, run_id), by=cast(ApiRequest, request).member, at=clock.now())
    return _accepted(request, run_id)


@router.post(
    "/imports/{uuid:run_id}/continuation",
    response={202: ImportOut, 409: None},
    summary="Let a stopped import go on",
    tags=["Imports"],
)
@needs("import", May.IMPORT)
def continue_import(request: HttpRequest, run_id: UUID) -> HttpResponse:
    runs.go_on(run=_find(request, run_id, locked=True), by=cast(ApiRequest, request).member, at=clock.now())
    return _accepted(request, run_id)


@router.post(
    "/imports/{uuid:run_id}/undoing",
    response={202: ImportOut, 409: None},
    summary="Take an import back as a whole",
    tags=["Imports"],
)
@needs("import", May.IMPORT)
def undo_import(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """What somebody changed since stays."""
    undo.start(run=_find(request, run_id, locked=True), by=cast(ApiRequest, request).member, at=clock.now())
    return _accepted(request, run_id)


@router.get(
    "/imports/{uuid:run_id}/problems", response=ProblemPage, summary="List the problems of an import", tags=["Imports"]
)
@needs("import", May.IMPORT)
def list_problems(request: HttpRequest, run_id: UUID, limit: Limit = LISTED, after: After = "") -> ProblemPage:
    run = _find(request, run_id)
    found = ImportProblem.objects.of(run.workspace_id).filter(run=run)
    if after:
        if not after.isascii() or not after.isdecimal() or len(after) > 9:
            raise broken_key()
        found = found.filter(row_number__gt=int(after))
    rows = list(found.order_by("row_number")[: limit + 1])
    items = [
        ProblemRow(
            row_number=row.row_number,
            is_failure=row.is_failure,
            cells=[str(cell) for cell in row.values.get("cells", [])],
            reasons=list(row.reasons),
        )
        for row in rows[:limit]
    ]
    return ProblemPage(
        items=items, next=next_of(request, str(rows[limit - 1].row_number) if len(rows) > limit else None)
    )


def _find(request: HttpRequest, run_id: UUID, *, locked: bool = False) -> ImportRun:
    rows = ImportRun.objects.of(cast(ApiRequest, request).workspace)
    found = (rows.select_for_update() if locked else rows).filter(pk=run_id).first()
    if found is None:
        raise Http404
    return found


def _options(options: ImportOptions, run: ImportRun) -> dict[str, Any]:
    """The options that were given, as the run keeps them. Raises ValidationError for ids of nobody here."""
    words = vocabulary.of(run.workspace_id)
    active = {member.id for member in words.active_members()}
    known: dict[str, Any] = {"stage_id": words.stages, "owner_id": active, "team_id": words.teams}
    given = {name: getattr(options, name) for name in options.model_fields_set}
    wrong = [name for name, ids in known.items() if given.get(name) is not None and given[name] not in ids]
    if wrong:
        raise ValidationError({f"options-{name}": _("There is no such record here.") for name in wrong})
    return {name: str(value) if isinstance(value, UUID) else value or None for name, value in given.items()}


def _accepted(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return answer(_shape(_find(request, run_id)), status=202)


def _shape(run: ImportRun) -> ImportOut:
    mapping = Mapping.from_json(run.mapping) if run.mapping else None
    shown = {"part", *ImportOptions.model_fields}
    return ImportOut(
        id=run.pk,
        file_name=run.file_name,
        state=cast(Any, run.state),
        layout=mapping.layout if mapping else "",
        columns=[
            ColumnOut(
                index=match.index,
                column=match.column,
                target=match.target.value,
                confidence=match.confidence,
                samples=list(match.samples),
                options=dict(match.options),
            )
            for match in (mapping.columns if mapping else ())
        ],
        options={name: value for name, value in run.options.items() if name in shown},
        total=run.total,
        position=run.position,
        created=run.created,
        updated=run.updated,
        unchanged=run.unchanged,
        skipped=run.skipped,
        failed=run.failed,
        problem=run.problem,
        created_by_id=run.created_by_id,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        undone_at=run.undone_at,
    )
