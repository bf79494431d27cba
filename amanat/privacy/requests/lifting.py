"""A restriction that the person asked for is lifted by the owner, and only after she was told that it will be (GDPR article 18(3)).

Two acts, each with its line in the request: the message with the reason, then the lifting. Where no sure address is known, the member tells
her by other ways; that she was to be told is written down all the same.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.basis import restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction
from amanat.privacy.requests import asking, telling
from amanat.privacy.requests.asking import RequestRefused, What
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest


class Stage(StrEnum):
    """How far it is."""

    STANDS = "stands"
    TOLD = "told"


def stage(request: RightsRequest) -> Stage | None:
    """None when nothing is restricted by this request any more, or its person is gone."""
    if request.kind != Kind.RESTRICT or request.contact_id is None or not _stands(request):
        return None
    steps = RequestStep.objects.of(request.workspace_id).filter(request=request, what=What.LIFT_TOLD)
    return Stage.TOLD if steps.exists() else Stage.STANDS


def _stands(request: RightsRequest) -> bool:
    newest = (
        Restriction.objects.of(request.workspace_id)
        .filter(contact=request.contact, ground=Restriction.Ground.REQUEST)
        .order_by("-at", "-id")
        .first()
    )
    return newest is not None and newest.what == Restriction.What.IMPOSED


def announce(*, request: RightsRequest, why: str, by: Member, at: datetime) -> bool:
    """Tell the person that it will be lifted, and why. Returns whether a message was sent. Raises RequestRefused."""
    with transaction.atomic():
        held = _held(request, Stage.STANDS, _("Nothing is restricted by this request."))
        was_sent = telling.to_be_lifted(held, why)
        asking.step(held, What.LIFT_TOLD, at=at, by=by, sent=was_sent)
    return was_sent


def lift(*, request: RightsRequest, by: Member, at: datetime) -> Restriction:
    """Use is possible again, as far as nothing else stands against it. Raises RequestRefused before the person was told."""
    with transaction.atomic():
        held = _held(request, Stage.TOLD, _("Tell the person first."))
        assert held.contact is not None  # or there was no stage
        lifted = restrictions.lift(
            contact=held.contact,
            ground=Restriction.Ground.REQUEST,
            how=How(Method.FORM, by=by, evidence={"request": str(held.pk)}),
            at=at,
        )
        asking.step(held, What.LIFTED, at=at, by=by)
    return lifted


def _held(request: RightsRequest, wanted: Stage, otherwise: str) -> RightsRequest:
    """The request, locked, if it is at the stage wanted."""
    rows = RightsRequest.objects.of(request.workspace_id).select_related("contact")
    held: RightsRequest = rows.select_for_update(of=("self",)).get(pk=request.pk)
    if stage(held) != wanted:
        raise RequestRefused(otherwise)
    return held


__all__ = ["Stage", "announce", "lift", "stage"]
