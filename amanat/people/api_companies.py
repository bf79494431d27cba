"""The API of companies."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import Field

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import LISTED, After, Limit, Listed, Moment, answer, seen_at
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.people import api_records, companies, records, vocabulary
from amanat.people.api_records import (
    LikelyIn,
    LineOut,
    LinePage,
    NoteIn,
    RecordFilters,
    RecordIn,
    RecordLine,
    RecordOut,
    SamePage,
)
from amanat.people.drafts import CompanyDraft
from amanat.people.models import Company, Source
from amanat.people.vocabulary import Vocabulary

router = Router(tags=["Companies"])


class CompanyIn(RecordIn):
    """A customer's firm."""

    gstin: str = Field(default="", max_length=15, examples=["27AAPFU0939F1ZV"])
    website: str = Field(default="", max_length=200)
    industry: str = Field(default="", max_length=80)


class CompanyChange(CompanyIn):
    """Only the fields that are to change. `updated_at` as it was read refuses the change (409) if somebody was quicker."""

    updated_at: Moment | None = None


class CompanyOut(RecordOut):
    gstin: str
    website: str
    industry: str


class CompanyLine(RecordLine):
    gstin: str
    website: str
    industry: str


class CompanyPage(Listed[CompanyLine]):
    """One page of companies."""


class CompanyFilters(RecordFilters):
    """Filters of the list. Several values of one filter mean any of them; ids, or `none`. A custom field is `custom.<key>`."""


@router.get("/companies", response=CompanyPage, summary="List companies")
@needs("contacts:read", May.READ_CONTACTS)
def list_companies(request: HttpRequest, filters: Query[CompanyFilters]) -> CompanyPage:
    """Companies the member may see and that are not in the bin, a page at a time."""
    words = vocabulary.of(cast(ApiRequest, request).workspace)
    rows, following = api_records.page_of(
        request, words, on="company", values=("gstin", "website", "industry"), after=filters.after, size=filters.limit
    )
    return CompanyPage(items=[CompanyLine(**row) for row in rows], next=following)


@router.post("/companies", response={201: CompanyOut}, summary="Add a company")
@needs("contacts:write", May.WRITE_CONTACTS)
def create_company(request: HttpRequest, company: CompanyIn) -> HttpResponse:
    asked = cast(ApiRequest, request)
    words = vocabulary.of(asked.workspace)
    values = {"owner": asked.member.pk} | api_records.draft_values(company, words, on="company")
    made = companies.create(
        workspace=asked.workspace,
        by=asked.member,
        at=clock.now(),
        draft=CompanyDraft(**values),
        source=Source.API,
        source_detail=asked.token.name,
        words=words,
    )
    return answer(_shape(made, words), status=201, location=f"/api/v1/companies/{made.pk}", updated_at=made.updated_at)


@router.post("/companies/likely-duplicates", response=SamePage, summary="Find companies that may be the same firm")
@needs("contacts:read", May.READ_CONTACTS)
def likely_same_companies(request: HttpRequest, wanted: LikelyIn) -> SamePage:
    """By phone, by e-mail, then by name. A POST, so that numbers and names stand in no log of addresses; it changes nothing."""
    return api_records.likely(request, wanted, companies.likely_same)


@router.get("/companies/{uuid:company_id}", response=CompanyOut, summary="Read a company")
@needs("contacts:read", May.READ_CONTACTS)
def get_company(request: HttpRequest, company_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    company = api_records.find(asked, Company, company_id)
    return answer(_shape(company, vocabulary.of(asked.workspace)), updated_at=company.updated_at)


@router.patch(
    "/companies/{uuid:company_id}", response={200: CompanyOut, 409: None, 412: None}, summary="Change a company"
)
@needs("contacts:write", May.WRITE_CONTACTS)
def change_company(request: HttpRequest, company_id: UUID, change: CompanyChange) -> HttpResponse:
    """Fields that are left out stay; a list that is given replaces the whole list."""
    asked = cast(ApiRequest, request)
    company, words = api_records.find(asked, Company, company_id), vocabulary.of(asked.workspace)
    changed = companies.change(
        company=company,
        by=asked.member,
        at=clock.now(),
        changes=api_records.draft_values(change, words, on="company"),
        seen_at=seen_at(request, change.updated_at),
        words=words,
    )
    return answer(_shape(changed, words), updated_at=changed.updated_at)


@router.delete("/companies/{uuid:company_id}", response={204: None}, summary="Move a company to the bin")
@needs("contacts:write", May.DELETE_CONTACTS)
def delete_company(request: HttpRequest, company_id: UUID) -> HttpResponse:
    """It waits there for 30 days and can be restored."""
    api_records.put_into_bin(request, Company, company_id)
    return HttpResponse(status=204)


@router.post(
    "/companies/{uuid:company_id}/restoration", response=CompanyOut, summary="Bring a company back from the bin"
)
@needs("contacts:write", May.DELETE_CONTACTS)
def restore_company(request: HttpRequest, company_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    api_records.take_out_of_bin(request, Company, company_id)
    company = api_records.find(asked, Company, company_id)
    return answer(_shape(company, vocabulary.of(asked.workspace)), updated_at=company.updated_at)


@router.get("/companies/{uuid:company_id}/timeline", response=LinePage, summary="Read a company's timeline")
@needs("contacts:read", May.READ_CONTACTS)
def company_timeline(request: HttpRequest, company_id: UUID, limit: Limit = LISTED, after: After = "") -> LinePage:
    asked = cast(ApiRequest, request)
    company, words = api_records.find(asked, Company, company_id), vocabulary.of(asked.workspace)
    return api_records.timeline_of(request, company, words, after=after, limit=limit)


@router.post(
    "/companies/{uuid:company_id}/notes", response={201: LineOut}, summary="Write a note on a company's timeline"
)
@needs("contacts:write", May.WRITE_CONTACTS)
def company_note(request: HttpRequest, company_id: UUID, note: NoteIn) -> HttpResponse:
    asked = cast(ApiRequest, request)
    company = api_records.find(asked, Company, company_id)
    line = api_records.write_note(request, company, note, vocabulary.of(asked.workspace))
    return answer(line, status=201, location=f"/api/v1/companies/{company.pk}/timeline")


def _shape(company: Company, words: Vocabulary) -> CompanyOut:
    return CompanyOut(
        **api_records.shared(company, records.reaches(company), words, on="company"),
        gstin=company.gstin,
        website=company.website,
        industry=company.industry,
    )
