"""The API of contacts."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from amanat.accounts import bulk_reads
from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import LISTED, After, Day, Limit, Listed, Moment, answer, seen_at
from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.people import api_records, contacts, records, vocabulary
from amanat.people.api_records import (
    LikelyIn,
    LineOut,
    LinePage,
    Names,
    NoteIn,
    RecordFilters,
    RecordIn,
    RecordLine,
    RecordOut,
    SamePage,
)
from amanat.people.drafts import ContactDraft
from amanat.people.models import Company, Contact, Source
from amanat.people.vocabulary import Vocabulary

router = Router(tags=["Contacts"])

_LINE_VALUES = (
    "main_phone", "main_email", "company_id", "company__name", "job_title", "stage_id", "language",
)  # fmt: skip


class ContactIn(RecordIn):
    """A contact has a name or a phone number. `company_id` wins over `company`, a name that makes one where there is none."""

    company_id: UUID | None = None
    company: str = Field(default="", max_length=200)
    job_title: str = Field(default="", max_length=120)
    stage_id: UUID | None = None
    language: str = Field(default="", max_length=10)
    birthday: Day | None = None


class ContactChange(ContactIn):
    """Only the fields that are to change. `updated_at` as it was read refuses the change (409) if somebody was quicker."""

    updated_at: Moment | None = None


class ContactOut(RecordOut):
    company_id: UUID | None
    company: str
    job_title: str
    stage_id: UUID | None
    stage: str
    language: str
    birthday: Day | None


class ContactLine(RecordLine):
    phone: str = Field(description="The first one.")
    email: str
    company_id: UUID | None
    company: str
    job_title: str
    stage_id: UUID | None
    stage: str
    language: str


class ContactPage(Listed[ContactLine]):
    """One page of contacts."""


class ContactFilters(RecordFilters):
    """Filters of the list. Several values of one filter mean any of them; ids, or `none`. A custom field is `custom.<key>`."""

    stage: Names = []
    company: Names = Field(default=[], description="Ids or names.")
    has_phone: Names = Field(default=[], description="`yes` or `no`.")
    has_email: Names = Field(default=[], description="`yes` or `no`.")


@router.get("/contacts", response=ContactPage, summary="List contacts")
@needs("contacts:read", May.READ_CONTACTS)
def list_contacts(request: HttpRequest, filters: Query[ContactFilters]) -> ContactPage:
    """Contacts the member may see and that are not in the bin, a page at a time."""
    asked = cast(ApiRequest, request)
    words = vocabulary.of(asked.workspace)
    rows, following = api_records.page_of(
        request, words, on="contact", values=_LINE_VALUES, after=filters.after, size=filters.limit
    )
    for row in rows:
        row |= {
            "phone": row.pop("main_phone"),
            "email": row.pop("main_email"),
            "company": row.pop("company__name") or "",
            "stage": words.stage_name(row["stage_id"]),
        }
    bulk_reads.count(token=asked.token, member=asked.member, contacts=len(rows))
    return ContactPage(items=[ContactLine(**api_records.guarded(asked, words, row)) for row in rows], next=following)


@router.post("/contacts", response={201: ContactOut}, summary="Add a contact")
@needs("contacts:write", May.WRITE_CONTACTS)
def create_contact(request: HttpRequest, contact: ContactIn) -> HttpResponse:
    """Others with the same phone or e-mail are not looked for: ask `likely-duplicates` first."""
    asked = cast(ApiRequest, request)
    words = vocabulary.of(asked.workspace)
    values = {"owner": asked.member.pk} | _values(contact, words, asked.member)
    made = contacts.create(
        workspace=asked.workspace,
        by=asked.member,
        at=clock.now(),
        draft=ContactDraft(**values),
        source=Source.API,
        source_detail=asked.token.name,
        words=words,
    )
    return answer(
        _shape(asked, made, words), status=201, location=f"/api/v1/contacts/{made.pk}", updated_at=made.updated_at
    )


@router.post("/contacts/likely-duplicates", response=SamePage, summary="Find contacts that may be the same person")
@needs("contacts:read", May.READ_CONTACTS)
def likely_duplicates(request: HttpRequest, wanted: LikelyIn) -> SamePage:
    """By phone, by e-mail, then by name. A POST, so that numbers and names stand in no log of addresses; it changes nothing."""
    return api_records.likely(request, wanted, contacts.likely_same)


@router.get("/contacts/{uuid:contact_id}", response=ContactOut, summary="Read a contact")
@needs("contacts:read", May.READ_CONTACTS)
def get_contact(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    contact = api_records.find(asked, Contact, contact_id)
    bulk_reads.count(token=asked.token, member=asked.member, contacts=1)
    return answer(_shape(asked, contact, vocabulary.of(asked.workspace)), updated_at=contact.updated_at)


@router.patch(
    "/contacts/{uuid:contact_id}", response={200: ContactOut, 409: None, 412: None}, summary="Change a contact"
)
@needs("contacts:write", May.WRITE_CONTACTS)
def change_contact(request: HttpRequest, contact_id: UUID, change: ContactChange) -> HttpResponse:
    """Fields that are left out stay; a list that is given replaces the whole list."""
    asked = cast(ApiRequest, request)
    contact, words = api_records.find(asked, Contact, contact_id), vocabulary.of(asked.workspace)
    changed = contacts.change(
        contact=contact,
        by=asked.member,
        at=clock.now(),
        changes=_values(change, words, asked.member),
        seen_at=seen_at(request, change.updated_at),
        words=words,
    )
    return answer(_shape(asked, changed, words), updated_at=changed.updated_at)


@router.delete("/contacts/{uuid:contact_id}", response={204: None}, summary="Move a contact to the bin")
@needs("contacts:write", May.DELETE_CONTACTS)
def delete_contact(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """It waits there for 30 days and can be restored."""
    api_records.put_into_bin(request, Contact, contact_id)
    return HttpResponse(status=204)


@router.post(
    "/contacts/{uuid:contact_id}/restoration", response=ContactOut, summary="Bring a contact back from the bin"
)
@needs("contacts:write", May.DELETE_CONTACTS)
def restore_contact(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    api_records.take_out_of_bin(request, Contact, contact_id)
    contact = api_records.find(asked, Contact, contact_id)
    return answer(_shape(asked, contact, vocabulary.of(asked.workspace)), updated_at=contact.updated_at)


@router.get("/contacts/{uuid:contact_id}/timeline", response=LinePage, summary="Read a contact's timeline")
@needs("contacts:read", May.READ_CONTACTS)
def contact_timeline(request: HttpRequest, contact_id: UUID, limit: Limit = LISTED, after: After = "") -> LinePage:
    asked = cast(ApiRequest, request)
    contact, words = api_records.find(asked, Contact, contact_id), vocabulary.of(asked.workspace)
    return api_records.timeline_of(request, contact, words, after=after, limit=limit)


@router.post(
    "/contacts/{uuid:contact_id}/notes", response={201: LineOut}, summary="Write a note on a contact's timeline"
)
@needs("contacts:write", May.WRITE_CONTACTS)
def contact_note(request: HttpRequest, contact_id: UUID, note: NoteIn) -> HttpResponse:
    asked = cast(ApiRequest, request)
    contact = api_records.find(asked, Contact, contact_id)
    line = api_records.write_note(request, contact, note, vocabulary.of(asked.workspace))
    return answer(line, status=201, location=f"/api/v1/contacts/{contact.pk}/timeline")


def _values(given: ContactIn, words: Vocabulary, member: Member) -> dict[str, Any]:
    """The draft's fields that were given. A company the member may not see does not exist for her."""
    values = api_records.draft_values(given, words, on="contact")
    if "company" in values:
        values["company_name"] = values.pop("company")
    wanted = values.get("company_id")
    if wanted is not None:
        seen = Company.objects.of(member.workspace_id).visible_to(member).alive()
        if not seen.filter(pk=wanted).exists():
            raise ValidationError({"company_id": _("There is no such company here.")})
    elif "company_id" in values and "company_name" not in values:
        values["company_name"] = ""
    return values


def _shape(request: ApiRequest, contact: Contact, words: Vocabulary) -> ContactOut:
    company = contact.company
    found = api_records.shared(contact, records.reaches(contact), words, on="contact") | {
        "company_id": contact.company_id,
        "company": company.name if company is not None else "",
        "job_title": contact.job_title,
        "stage_id": contact.stage_id,
        "stage": words.stage_name(contact.stage_id),
        "language": contact.language,
        "birthday": contact.birthday,
    }
    return ContactOut(**api_records.guarded(request, words, found))
