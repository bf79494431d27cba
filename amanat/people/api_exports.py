"""The API of exports."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import BaseModel, Field

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import Moment, Strict, answer
from amanat.accounts.permissions import May
from amanat.core import clock, files, ledger
from amanat.people import exporting, lists, vocabulary
from amanat.people.models import ExportRun

router = Router()


class ExportIn(Strict):
    scope: Literal["contacts", "companies", "workspace"]
    format: Literal["csv", "xlsx", "vcf3", "vcf4", "json"]
    filters: Annotated[dict[str, Annotated[list[str], Field(max_length=lists.MOST_VALUES)]], Field(max_length=50)] = (
        Field(
            default={}, description="Filters of the list, as its address has them.", examples=[{"has_phone": ["yes"]}]
        )
    )
    sort: str = Field(default="-created", max_length=40)


class ExportOut(BaseModel):
    id: UUID
    scope: Literal["contacts", "companies", "workspace"]
    format: str
    state: Literal["queued", "running", "done", "failed", "expired"]
    total: int | None
    problem: str
    file: str | None = Field(description="Where to fetch it, for 24 hours; null until it is done.")
    created_at: Moment
    ended_at: Moment | None


@router.post("/exports", response={202: ExportOut, 409: None}, summary="Ask for an export", tags=["Exports"])
@needs("export", May.EXPORT)
def create_export(request: HttpRequest, export: ExportIn) -> HttpResponse:
    """It is written in the background; read it until `file` says where to fetch it."""
    asked = cast(ApiRequest, request)
    if export.scope == "workspace":
        if export.filters:
            raise ValidationError({"filters": _("The whole workspace has no filters.")})
        run: ExportRun | None = exporting.of_workspace(format=export.format, by=asked.member, at=clock.now())
    else:
        on = "contact" if export.scope == "contacts" else "company"
        wanted = QueryDict(mutable=True)
        for name, values in export.filters.items():
            wanted.setlist(name, list(values))
        wanted["sort"] = export.sort
        definition = lists.parse(wanted, on=on, words=vocabulary.of(asked.workspace))
        run = exporting.of_list(
            definition=definition, format=export.format, by=asked.member, at=clock.now(), at_once=False
        ).run
    assert run is not None  # nothing is answered at once here
    return answer(_export(run), status=202, location=f"/api/v1/exports/{run.pk}")


@router.get("/exports/{uuid:export_id}", response=ExportOut, summary="Read an export", tags=["Exports"])
@needs("export", May.EXPORT)
def get_export(request: HttpRequest, export_id: UUID) -> ExportOut:
    return _export(_mine(request, export_id))


@router.get(
    "/exports/{uuid:export_id}/file",
    response={200: None, 409: None},
    summary="Fetch the file of an export",
    tags=["Exports"],
    openapi_extra={
        "responses": {
            200: {
                "content": {
                    kind: {"schema": {"type": "string", "format": "binary"}}
                    for kind in ("application/zip", exporting.FORMATS["xlsx"][0])
                }
            }
        }
    },
)
@needs("export", May.EXPORT)
def export_file(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    """A ZIP, or a workbook. Each fetching is written down."""
    asked, run = cast(ApiRequest, request), _mine(request, export_id)
    if run.state != ExportRun.State.DONE or run.file is None:
        raise exporting.ExportRefused(_("There is no file yet, or no more."))
    at = clock.now()
    ExportRun.objects.of(asked.workspace).filter(pk=run.pk).update(taken_at=at)
    ledger.write(
        "people.export.taken", workspace=asked.workspace, by=asked.member, about=run, at=at, token=str(asked.token.pk)
    )
    return files.serve(run.file)


def _mine(request: HttpRequest, export_id: UUID) -> ExportRun:
    """An export that the token's member asked for herself; those of others do not exist."""
    asked = cast(ApiRequest, request)
    rows = ExportRun.objects.of(asked.workspace).filter(created_by=asked.member)
    found = rows.select_related("file").filter(pk=export_id).first()
    if found is None:
        raise Http404
    return found


def _export(run: ExportRun) -> ExportOut:
    is_done = run.state == ExportRun.State.DONE
    return ExportOut(
        id=run.pk,
        scope=cast(Any, run.scope),
        format=run.format,
        state=cast(Any, run.state),
        total=run.total,
        problem=run.problem,
        file=f"/api/v1/exports/{run.pk}/file" if is_done else None,
        created_at=run.created_at,
        ended_at=run.ended_at,
    )
