"""The API of support cases."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import BaseModel, Field, StrictInt

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import Day, Flag, Listed, Moment, Strict, answer, require_same, tag_of
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import api_finding
from amanat.desk.api_finding import Listing, shaped
from amanat.desk.cases import handling, veil
from amanat.desk.cases.handling import NewCase
from amanat.desk.cases.models import SupportCase
from amanat.people import masking, vocabulary
from amanat.people.masking import Guard

router = Router(tags=["Support cases"])

_STATES = Literal["open", "waiting", "closed"]
_Text = Annotated[str, Field(max_length=10_000)]


class CaseDetails(Strict):
    what: _Text = Field(default="", description="What happened.")
    due_on: Day | None = Field(default=None, description="By when it is answered. Left out: in three days.")
    owner_id: UUID | None = Field(default=None, description="Who has it.")


class CaseIn(CaseDetails):
    contact_id: UUID
    subject: str = Field(min_length=1, max_length=150, examples=["Wrong name on the card"])


class CaseChange(CaseDetails):
    """Only what is to change."""

    subject: str = Field(default="", max_length=150)


class CaseOut(BaseModel):
    """A case. Its words are null where the purpose does not reach them, or the use of the person's data is restricted."""

    id: UUID
    number: int
    contact_id: UUID
    subject: str | None
    what: str | None
    state: _STATES
    owner_id: UUID | None
    due_on: Day
    created_at: Moment
    created_by_id: UUID | None
    closed_at: Moment | None
    outcome: str | None
    satisfaction: int | None


class CasePage(Listed[CaseOut]):
    """One page of cases."""


class CaseFilters(Listing):
    state: Literal["not_closed", "open", "waiting", "closed", "all"] = "not_closed"
    contact_id: UUID | None = None
    owner_id: UUID | None = None


class CaseNoteIn(Strict):
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    now_waits: Flag = Field(default=False, description="Whether it is now the customer's turn.")


class ClosingIn(Strict):
    outcome: Annotated[str, Field(min_length=1, max_length=10_000)]
    satisfaction: Annotated[StrictInt, Field(ge=1, le=5)] | None = None


@router.get("/cases", response=CasePage, summary="List support cases")
@needs("cases:read", May.READ_CASES)
def list_cases(request: HttpRequest, filters: Query[CaseFilters]) -> CasePage:
    """Newest first."""
    asked = cast(ApiRequest, request)
    found = SupportCase.objects.of(asked.workspace).visible_to(asked.member).for_people_here()
    if filters.state == "not_closed":
        found = found.unsolved()
    elif filters.state != "all":
        found = found.filter(state=filters.state)
    about = {"contact_id": filters.contact_id, "owner_id": filters.owner_id}
    found = found.filter(Q(**{name: value for name, value in about.items() if value is not None}))
    rows, following = api_finding.newest(request, found, filters.after, filters.limit)
    held = veil.guard(asked.member, vocabulary.of(asked.workspace))
    return CasePage(items=[_shape(case, held) for case in rows], next=following)


@router.post("/cases", response={201: CaseOut}, summary="Take up a support case")
@needs("cases:write", May.WRITE_CASES)
def take_up_case(request: HttpRequest, case: CaseIn) -> HttpResponse:
    asked = cast(ApiRequest, request)
    contact, _company = api_finding.people_of(asked, case.contact_id, None)
    assert contact is not None  # it is named, so it is here or was refused
    if _guard(asked, contact)[1]:
        raise ValidationError({"contact_id": _("There is no such record here.")})
    _require_subject(case.subject)
    wanted = NewCase(
        subject=case.subject, what=case.what, due_on=case.due_on,
        owner=api_finding.member_of(asked, case.owner_id, name="owner_id"),
    )  # fmt: skip
    made = handling.take_up(contact=contact, wanted=wanted, by=asked.member, at=clock.now())
    return _answer(asked, made, status=201, location=f"/api/v1/cases/{made.pk}")


@router.get("/cases/{uuid:case_id}", response=CaseOut, summary="Read a support case")
@needs("cases:read", May.READ_CASES)
def get_case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    return _answer(asked, _find(asked, case_id))


@router.patch("/cases/{uuid:case_id}", response={200: CaseOut, 412: None}, summary="Change a support case")
@needs("cases:write", May.WRITE_CASES)
def change_case(request: HttpRequest, case_id: UUID, change: CaseChange) -> HttpResponse:
    """What is left out stays."""
    asked = cast(ApiRequest, request)
    case = _writable(asked, case_id)
    require_same(
        request, tag_of(_shape(handling.locked(case), veil.guard(asked.member, vocabulary.of(asked.workspace))))
    )
    details: dict[str, Any] = {name: getattr(change, name) for name in change.model_fields_set}
    if "subject" in details:
        _require_subject(details["subject"])
    if "due_on" in details and details["due_on"] is None:
        raise ValidationError({"due_on": _("This cannot be empty.")})
    if "owner_id" in details:
        details["owner"] = api_finding.member_of(asked, details.pop("owner_id"), name="owner_id")
    return _answer(asked, handling.change(case=case, by=asked.member, at=clock.now(), **details))


@router.post("/cases/{uuid:case_id}/notes", response={200: CaseOut, 409: None}, summary="Write down what was done")
@needs("cases:write", May.WRITE_CASES)
def note_case(request: HttpRequest, case_id: UUID, note: CaseNoteIn) -> HttpResponse:
    """It stands on the timeline of the contact. Not in a closed case (409)."""
    asked = cast(ApiRequest, request)
    case = _writable(asked, case_id)
    return _answer(
        asked, handling.note(case=case, text=note.text, now_waits=note.now_waits, by=asked.member, at=clock.now())
    )


@router.post("/cases/{uuid:case_id}/closing", response={200: CaseOut, 409: None}, summary="Close a support case")
@needs("cases:write", May.WRITE_CASES)
def close_case(request: HttpRequest, case_id: UUID, closing: ClosingIn) -> HttpResponse:
    """The time it is kept is counted from now. A closed one stays as it is (409)."""
    asked = cast(ApiRequest, request)
    case = _writable(asked, case_id)
    closed = handling.close(
        case=case, outcome=closing.outcome, satisfaction=closing.satisfaction, by=asked.member, at=clock.now()
    )
    return _answer(asked, closed)


@router.delete("/cases/{uuid:case_id}/closing", response=CaseOut, summary="Reopen a support case")
@needs("cases:write", May.WRITE_CASES)
def reopen_case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """The closing is taken back. Of an open one nothing changes."""
    asked = cast(ApiRequest, request)
    return _answer(asked, handling.reopen(case=_writable(asked, case_id), by=asked.member, at=clock.now()))


def _find(request: ApiRequest, case_id: UUID) -> SupportCase:
    """A case the member may see; anything else does not exist."""
    seen = SupportCase.objects.of(request.workspace).visible_to(request.member).for_people_here()
    found: SupportCase | None = seen.select_related("contact").filter(pk=case_id).first()
    if found is None:
        raise Http404
    return found


def _writable(request: ApiRequest, case_id: UUID) -> SupportCase:
    """The same, and not of a person whose data is closed."""
    case = _find(request, case_id)
    if _guard(request, case.contact)[1]:
        raise Http404
    return case


def _guard(request: ApiRequest, contact: Any) -> tuple[Guard, bool]:
    return masking.for_record(veil.guard(request.member, vocabulary.of(request.workspace)), request.member, contact)


def _require_subject(subject: str) -> None:
    if not subject.strip():
        raise ValidationError({"subject": _("Write in a few words what it is about.")})


def _answer(request: ApiRequest, case: SupportCase, *, status: int = 200, location: str = "") -> HttpResponse:
    shape = _shape(case, veil.guard(request.member, vocabulary.of(request.workspace)))
    response = answer(shape, status=status, location=location)
    response["ETag"] = tag_of(shape)
    return response


def _shape(case: SupportCase, held: Guard) -> CaseOut:
    words = {name: getattr(case, name) for name in ("subject", "what", "outcome")}
    return shaped(CaseOut, case, **(words if veil.tells(held, case.contact_id) else dict.fromkeys(words)))
