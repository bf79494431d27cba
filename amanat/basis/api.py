"""The API of choices: a program of the workspace passes on that somebody takes an agreement back."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import BaseModel, Field

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import Moment, Strict, answer
from amanat.accounts.permissions import May
from amanat.basis import consent, objections, rules
from amanat.basis.consent import How
from amanat.basis.models import Method
from amanat.core import clock
from amanat.people.models import Contact

router = Router(tags=["Contacts"])


class WithdrawalIn(Strict):
    """What the person wants no more of."""

    purpose: str = Field(max_length=40, description="A purpose that people are asked for, by its name in your policy.")
    channel: str = Field(default="", max_length=40, description="Left out: every channel of the purpose.")


class WithdrawalOut(BaseModel):
    id: UUID
    purpose: str
    channel: str
    what: str = Field(description='"withdrawn" where a yes stood, "refused" where none did.')
    at: Moment


class WithdrawalsOut(BaseModel):
    items: list[WithdrawalOut]


@router.post(
    "/contacts/{uuid:contact_id}/withdrawals", response={201: WithdrawalsOut}, summary="Take an agreement back"
)
@needs("contacts:write", May.WRITE_CONTACTS)
def withdraw(request: HttpRequest, contact_id: UUID, wanted: WithdrawalIn) -> HttpResponse:
    """For the person, who said so to your program. From the answer on nothing is sent for it, also what waits already.

    The answer names what was written of each channel. Where nothing was agreed to, nothing is taken back: without a channel the
    wish for none stands for every one, also for those that are added later.
    """
    asked = cast(ApiRequest, request)
    person = Contact.objects.of(asked.workspace).visible_to(asked.member).alive().filter(pk=contact_id).first()
    if person is None:
        raise Http404
    offered = dict(rules.of(asked.workspace.pk).asked_of_people())
    if wanted.purpose not in offered:
        raise ValidationError({"purpose": _("People are not asked for this.")})
    if wanted.channel and wanted.channel not in offered[wanted.purpose]:
        raise ValidationError({"channel": _("People are not asked for this.")})
    how, now = How(Method.API, by=asked.member), clock.now()
    if wanted.channel:
        records = consent.withdraw(contact=person, purpose=wanted.purpose, channels=[wanted.channel], how=how, at=now)
    else:
        records = objections.want_none(contact=person, purpose=wanted.purpose, how=how, at=now)
    shown = [
        WithdrawalOut(id=one.pk, purpose=one.purpose, channel=one.channel, what=one.what, at=one.at) for one in records
    ]
    return answer(WithdrawalsOut(items=shown), status=201)
