"""An objection that came as a request is taken back at the desk when the person has changed her mind.

As with a consent at the counter, a member's word for it is not enough: a code goes to the person's own phone or mailbox, and the code she
tells back is the proof. Only the objections of this request go; a restriction, another objection and a consent that was taken back stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.basis import objections, passcodes, restrictions, rules, wording
from amanat.basis.consent import How
from amanat.basis.models import Method, Passcode
from amanat.people.models import Contact
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.requests import asking
from amanat.privacy.requests.asking import RequestRefused, What
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest

#: For whom a code to the person herself says enough. A guardian's or nominee's objection is not hers to take back.
_HERS = frozenset({RightsRequest.Who.PERSON, RightsRequest.Who.AGENT})


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a request still stands, and whether a code is on its way to the person."""

    uses: tuple[str, ...]  #: purposes; "" is every one that no law orders
    sent_to: str = ""  #: masked; "" while no code is open
    is_restricted: bool = False  #: her data is only stored, whatever becomes of the objection


def standing(request: RightsRequest, *, at: datetime) -> Standing | None:
    """None when nothing of it stands any more, or nobody is there who could take it back."""
    uses = _uses(request, at)
    if not uses or request.contact is None:
        return None
    open_one = _open_code(request, at)
    is_restricted = bool(restrictions.standing(request.contact, at=at))
    return Standing(uses, open_one[1] if open_one else "", is_restricted)


def named(uses: tuple[str, ...], workspace_id: UUID, language: str) -> list[str]:
    """The uses in words."""
    policy = rules.of(workspace_id).policy
    return [wording.purpose(policy, one, language) if one else _("Every use that no law orders") for one in uses]


def ask(*, request: RightsRequest, by: Member, at: datetime) -> str:
    """Send the person a code; returns the address it went to, masked. Raises RequestRefused, NoAddress, TooMany, outbox.NotSent."""
    with transaction.atomic():
        held, contact, uses = _held(request, at)
        workspace = Workspace.objects.of(held.workspace_id).get(pk=held.workspace_id)
        with translation.override(held.language):
            listed = "; ".join(named(uses, held.workspace_id, held.language))
            body = _(
                "%(who)s asks whether you take back your objection to: %(what)s. If you do, tell them the code %(code)s. It works for 15 minutes."
            )
        passcode, sent_to = passcodes.ask(
            contact, about=_about(held), workspace=workspace, body=body, what=listed, language=held.language, at=at
        )
        asking.step(held, What.BACK_ASKED, at=at, by=by, code=str(passcode.pk), sent_to=sent_to)
    return sent_to


def confirm(*, request: RightsRequest, code: str, by: Member, at: datetime) -> tuple[str, ...]:
    """She told the code: what stands of the request is taken back; returns which uses. Raises RequestRefused, Over, TooMany, WrongCode.

    A wrong try is counted in the open transaction: the caller must let it commit.
    """
    if not _uses(request, at):
        raise _nothing_left()
    open_one = _open_code(request, at)
    if open_one is None:
        raise passcodes.Over
    passcodes.open_with(open_one[0], code=code, at=at)
    with transaction.atomic():
        held, contact, uses = _held(request, at)
        evidence = {"request": str(held.pk), "code": str(open_one[0].pk)}
        for purpose in uses:
            objections.withdraw(
                contact=contact, how=How(Method.COUNTER, by=by, evidence=evidence), at=at, purpose=purpose
            )
        asking.step(held, What.BACK, at=at, by=by, purposes=list(uses), code=evidence["code"])
    return uses


def _held(request: RightsRequest, at: datetime) -> tuple[RightsRequest, Contact, tuple[str, ...]]:
    """The request, locked, with its person and what of it stands. Raises RequestRefused."""
    rows = RightsRequest.objects.of(request.workspace_id).select_related("contact")
    held: RightsRequest = rows.select_for_update(of=("self",)).get(pk=request.pk)
    uses = _uses(held, at)
    if held.contact is None or not uses:
        raise _nothing_left()
    return held, held.contact, uses


def _nothing_left() -> RequestRefused:
    return RequestRefused(_("Nothing of this objection stands any more, or the person cannot take it back."))


def _uses(request: RightsRequest, at: datetime) -> tuple[str, ...]:
    """The objections that this request made and that stand; none where the person is in the bin or is being erased."""
    contact = request.contact
    if request.kind != Kind.OBJECT or contact is None or request.who not in _HERS or contact.deleted_at is not None:
        return ()
    done = RequestStep.objects.of(request.workspace_id).filter(request=request, what=What.FULFILLED).first()
    if done is None or _is_being_erased(contact):
        return ()
    found = objections.of_person(contact, at=at)
    made = done.facts.get("purposes") or [""]
    return tuple(one for one in made if one in found and not found[one].until_yes)


def _is_being_erased(contact: Contact) -> bool:
    over = (Erasure.State.DONE, Erasure.State.FAILED)
    ordered = Erasure.objects.of(contact.workspace_id).filter(contact_ids__contains=[contact.pk])
    return ordered.exclude(state__in=over).exists()


def _open_code(request: RightsRequest, at: datetime) -> tuple[Passcode, str] | None:
    """The newest code of this request, while it may be typed, and where it went."""
    sent = (
        RequestStep.objects.of(request.workspace_id)
        .filter(request=request, what=What.BACK_ASKED)
        .order_by("-id")
        .first()
    )
    if sent is None:
        return None
    codes = Passcode.objects.of(request.workspace_id).filter(
        pk=sent.facts["code"], opened_at__isnull=True, ends_at__gt=at
    )
    passcode = codes.first()
    return (passcode, sent.facts["sent_to"]) if passcode is not None else None


def _about(request: RightsRequest) -> str:
    return f"objection of request {request.pk}"


__all__ = ["Standing", "ask", "confirm", "named", "standing"]
