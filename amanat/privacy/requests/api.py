"""The API of requests: how they stand, and taking one down. Answering stays with a member at the desk."""

from __future__ import annotations

from typing import Annotated, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import BaseModel, Field

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import LISTED, After, Flag, Limit, Listed, Moment, Strict, answer, broken_key, next_of
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.people.models import Contact
from amanat.privacy.requests import asking, listing
from amanat.privacy.requests import details as asked_for
from amanat.privacy.requests.details import Asker, Details
from amanat.privacy.requests.models import RightsRequest

router = Router(tags=["Requests"])

_KINDS = Literal[
    "access", "correct", "update", "erase", "restrict", "object", "port", "withdraw", "nominate", "grievance", "opt_out_sale",
    "human_review",
]  # fmt: skip
_Short = Annotated[str, Field(max_length=asked_for.SHORT)]


class RequestIn(Strict):
    """A request that reached you on another way than the public page."""

    kind: _KINDS
    how: Literal["email", "phone", "post", "counter"]
    contact_id: UUID | None = Field(default=None, description="Left out while it is not clear whose data it is about.")
    is_sure: Flag = Field(default=False, description="Needed with a contact: you made sure who asks.")
    who: Literal["person", "guardian", "agent", "nominee"] = "person"
    text: str = Field(default="", max_length=asked_for.TEXT)
    name: _Short = Field(default="", description="Of who asks for somebody else.")
    reply_to: _Short = Field(default="", description="Where the answer goes when somebody else asks.")
    language: Literal["en", "hi", "mr"] = "en"


class RequestOut(BaseModel):
    id: UUID
    kind: _KINDS
    state: Literal["unclear", "open", "doing", "answered", "revoked"]
    outcome: Literal["", "granted", "partly", "refused"]
    reason: str
    how: str
    who: str
    contact_id: UUID | None
    regimes: list[str]
    received_at: Moment
    promised_at: Moment
    due_at: Moment
    extended_at: Moment | None
    answered_at: Moment | None


class OpenedOut(RequestOut):
    code: str = Field(description="Opens the status page; told only now.")


class RequestPage(Listed[RequestOut]):
    """One page of requests."""


class RequestFilters(BaseModel):
    view: Literal["open", "soon", "late", "done", "all"] = "open"
    limit: Limit = LISTED
    after: After = ""


@router.get("/requests", response=RequestPage, summary="List requests")
@needs("requests:read", May.READ_TRUST)
def list_requests(request: HttpRequest, filters: Query[RequestFilters]) -> RequestPage:
    """Open ones by the day they are due, others newest first."""
    asked = cast(ApiRequest, request)
    if filters.after and not listing.is_place(filters.after, filters.view):
        raise broken_key()
    rows = listing.rows(asked.workspace.pk, filters.view, at=clock.now())
    page = listing.page(rows, filters.view, after=filters.after, limit=filters.limit)
    return RequestPage(items=[_shape(one) for one in page.requests], next=next_of(request, page.after))


@router.get("/requests/{uuid:request_id}", response=RequestOut, summary="Read a request")
@needs("requests:read", May.READ_TRUST)
def get_request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    found = RightsRequest.objects.of(asked.workspace).filter(pk=request_id).first()
    if found is None:
        raise Http404
    return answer(_shape(found))


@router.post("/requests", response={201: OpenedOut, 409: None}, summary="Take a request down")
@needs("requests:write", May.ANSWER_REQUESTS)
def open_request(request: HttpRequest, wanted: RequestIn) -> HttpResponse:
    """Its clock runs from now; the person is told, where an address is sure."""
    asked = cast(ApiRequest, request)
    made = asking.open_request(
        workspace=asked.workspace, contact=_person(asked, wanted), kind=wanted.kind, how=wanted.how, by=asked.member,
        at=clock.now(), details=Details(text=wanted.text, name=wanted.name, reply_to=wanted.reply_to),
        asker=Asker(who=RightsRequest.Who(wanted.who), language=wanted.language),
    )  # fmt: skip
    told = OpenedOut(**_shape(made).model_dump(), code=asking.shown_code(made.secret))
    return answer(told, status=201, location=f"/api/v1/requests/{made.pk}")


def _person(asked: ApiRequest, wanted: RequestIn) -> Contact | None:
    if wanted.contact_id is None:
        return None
    if not wanted.is_sure:
        raise ValidationError({"is_sure": _("Make sure who asks, or leave the contact out.")})
    found: Contact | None = (
        Contact.objects.of(asked.workspace).visible_to(asked.member).alive().filter(pk=wanted.contact_id).first()
    )
    if found is None:
        raise ValidationError({"contact_id": _("There is no such contact here.")})
    return found


def _shape(one: RightsRequest) -> RequestOut:
    return RequestOut.model_validate({name: getattr(one, name) for name in RequestOut.model_fields})
