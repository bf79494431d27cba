"""The API of the words a workspace uses: stages, tags, custom fields; and of merging two contacts."""

from __future__ import annotations

from typing import Annotated, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import BaseModel, Field

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import Listed, Moment, Strict, answer
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.people import merging, vocabulary
from amanat.people.models import Company, Contact, Merge

router = Router(tags=["Words"])

_KINDS = Literal["contact", "company"]
_MODELS: dict[str, type[Contact] | type[Company]] = {"contact": Contact, "company": Company}


class StageOut(BaseModel):
    id: UUID
    name: str
    is_closed: bool = Field(description="Whoever is in it is no longer worked on.")


class StagePage(Listed[StageOut]):
    """All stages, in their order."""


class TagOut(BaseModel):
    id: UUID
    name: str


class TagPage(Listed[TagOut]):
    """All tags, by name."""


class FieldOut(BaseModel):
    id: UUID
    on: Literal["contact", "company", "service"]
    key: str = Field(description="The name of its value in `custom`.")
    label: str
    kind: str = Field(examples=["text", "number", "money", "date", "time", "yes_no", "choice", "choices"])
    choices: list[str]
    help_text: str
    is_required: bool
    is_personal: bool = Field(description="Whether its value says something about a person.")


class FieldPage(Listed[FieldOut]):
    """All custom fields in use, in the order of the forms."""


class MergeIn(Strict):
    keep_id: UUID
    gone_id: UUID = Field(description="The record that becomes a part of the other one.")
    kind: _KINDS = "contact"
    choices: Annotated[dict[str, Literal["keep", "gone", "both"]], Field(max_length=500)] = Field(
        default={},
        description="Whose value counts, by field (`both` for notes). A field that is not named keeps the one value there is.",
        examples=[{"name": "keep", "job_title": "gone", "notes": "both"}],
    )


class MergeOut(BaseModel):
    id: UUID
    kind: _KINDS
    kept_id: UUID
    gone_id: UUID
    merged_at: Moment
    undone_at: Moment | None
    left: list[str] = Field(default=[], description="After undoing: what could not be put back, in words.")


@router.get("/stages", response=StagePage, summary="List the stages of contacts")
@needs("contacts:read", May.READ_CONTACTS)
def list_stages(request: HttpRequest) -> StagePage:
    words = vocabulary.of(cast(ApiRequest, request).workspace)
    return StagePage(
        items=[StageOut(id=each.id, name=each.name, is_closed=each.is_closed) for each in words.stages.values()]
    )


@router.get("/tags", response=TagPage, summary="List the tags")
@needs("contacts:read", May.READ_CONTACTS)
def list_tags(request: HttpRequest) -> TagPage:
    words = vocabulary.of(cast(ApiRequest, request).workspace)
    return TagPage(items=[TagOut(id=each.id, name=each.name) for each in words.tags.values()])


@router.get("/custom-fields", response=FieldPage, summary="List the custom fields")
@needs("contacts:read", May.READ_CONTACTS)
def list_fields(request: HttpRequest) -> FieldPage:
    words = vocabulary.of(cast(ApiRequest, request).workspace)
    return FieldPage(
        items=[
            FieldOut(
                id=each.id,
                on=cast('Literal["contact", "company", "service"]', each.on),
                key=each.key,
                label=each.label,
                kind=each.kind,
                choices=list(each.choices),
                help_text=each.help_text,
                is_required=each.is_required,
                is_personal=bool(each.personal_kind),
            )
            for each in words.fields
        ]
    )


@router.post(
    "/merges", response={201: MergeOut, 409: None}, summary="Merge two contacts or companies", tags=["Contacts"]
)
@needs("contacts:write", May.MERGE_CONTACTS)
def merge(request: HttpRequest, wanted: MergeIn) -> HttpResponse:
    """All that hangs on the one that goes moves to the one that is kept. It can be undone for 30 days."""
    asked = cast(ApiRequest, request)
    seen = _MODELS[wanted.kind].objects.of(asked.workspace).visible_to(asked.member).alive()
    rows = {row.pk: row for row in seen.filter(pk__in=[wanted.keep_id, wanted.gone_id])}
    missing = [name for name in ("keep_id", "gone_id") if getattr(wanted, name) not in rows]
    if missing:
        raise ValidationError({name: _("There is no such record here.") for name in missing})
    made = merging.merge(
        keep=rows[wanted.keep_id], gone=rows[wanted.gone_id], choices=wanted.choices, by=asked.member, at=clock.now()
    )
    return answer(_shape(made), status=201, location=f"/api/v1/merges/{made.pk}")


@router.get("/merges/{uuid:merge_id}", response=MergeOut, summary="Read a merge", tags=["Contacts"])
@needs("contacts:read", May.MERGE_CONTACTS)
def get_merge(request: HttpRequest, merge_id: UUID) -> MergeOut:
    return _shape(_find(cast(ApiRequest, request), merge_id))


@router.post(
    "/merges/{uuid:merge_id}/undoing", response={200: MergeOut, 409: None}, summary="Undo a merge", tags=["Contacts"]
)
@needs("contacts:write", May.MERGE_CONTACTS)
def undo_merge(request: HttpRequest, merge_id: UUID) -> HttpResponse:
    """Two of one again. What was changed since stays, and `left` says so."""
    asked = cast(ApiRequest, request)
    left = merging.undo(merge=_find(asked, merge_id), by=asked.member, at=clock.now())
    return answer(_shape(_find(asked, merge_id), left))


def _find(request: ApiRequest, merge_id: UUID) -> Merge:
    found = Merge.objects.of(request.workspace).filter(pk=merge_id).first()
    if found is None or not (
        _MODELS[found.kind].objects.of(request.workspace).visible_to(request.member).filter(pk=found.kept_id).exists()
    ):
        raise Http404
    return found


def _shape(merge: Merge, left: list[str] | None = None) -> MergeOut:
    return MergeOut(
        id=merge.pk,
        kind=cast('Literal["contact", "company"]', merge.kind),
        kept_id=merge.kept_id,
        gone_id=merge.gone_id,
        merged_at=merge.merged_at,
        undone_at=merge.undone_at,
        left=left or [],
    )
