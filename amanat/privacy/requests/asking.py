"""Requests of people: taken down, given a clock, refused or taken back. What fulfils them stands in `carrying`.

A request never waits for a member to notice it: it has its clock and its receipt from the moment it comes. Where it is not clear whose
data it is about, it has no contact and nothing is told about anybody; the clock runs all the same. Two who answer at once answer once:
the row is locked and looked at again.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.basis import principals, regimes
from amanat.core import files, ids, jobs, ledger, tally, vault
from amanat.people.models import Address, Contact
from amanat.policy.format import Policy
from amanat.privacy.requests import authorities, clocks, telling
from amanat.privacy.requests import details as wording
from amanat.privacy.requests.details import Asker, Details
from amanat.privacy.requests.models import Kind, Nomination, RequestStep, RightsAgent, RightsRequest
from amanat.publishing import versions

How, State, Who, What = RightsRequest.How, RightsRequest.State, RightsRequest.Who, RequestStep.What
Outcome, Reason = RightsRequest.Outcome, RightsRequest.Reason

#: Of a code that opens the status page: no letters or digits that look alike, some 49 bits.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_HALF = 5
#: The kept count of open requests, shown in the navigation.
OPEN_COUNT = "rights_requests"
#: The job that tells an agent's program how a request stands (`callbacks`).
CALLBACK = "privacy.request.callback"


class RequestRefused(ValueError):
    """It cannot be done with this request; the text says why."""


class AlreadyAnswered(RequestRefused):
    """Somebody answered meanwhile, or the person took it back."""


class NotIdentified(RequestRefused):
    """It is not clear whose data it is about."""


def open_request(
    *,
    workspace: Workspace,
    contact: Contact | None,
    kind: Kind | str,
    how: RightsRequest.How | str,
    by: Member | None,
    at: datetime,
    details: Details | None = None,
    asker: Asker | None = None,
    agent: RightsAgent | None = None,
) -> RightsRequest:
    """Take a request down and confirm its receipt; `.secret` of the answer is the code of its status page, told only now.

    `contact` is given when it is clear who she is: by a code to her own address (`by` is None), or because `by` knows her or saw a paper.
    Raises RequestRefused for a kind that the policy in force does not offer, and for a guardian or agent without a name.
    """
    asker = asker or Asker()
    said = (details or Details()).cleaned()
    policy = versions.in_force(workspace, at).policy
    chosen = Kind(kind)
    _check(chosen, said, asker, policy)
    laws = regimes_for(contact, policy)
    code, identity = _new_code(), ids.new()
    due = clocks.promised(policy.rights, laws, at)
    request = RightsRequest(
        id=identity, workspace_id=workspace.pk, kind=chosen, contact=contact, who=asker.who, how=How(how),
        state=State.OPEN if contact else State.UNCLEAR, regimes=laws, language=asker.language, proof=asker.proof,
        code=_digest(code, identity, workspace.pk), received_at=at, written_by=by, promised_at=due, due_at=due,
        identified_at=at if contact else None, identified_by=by if contact else None, agent=agent,
        callback=said.callback if agent is not None else "",
        principal=principals.digest(contact.pk, workspace_id=workspace.pk) if contact else None,
    )  # fmt: skip
    request.details = wording.seal(said, request)
    request.secret = code
    with transaction.atomic():
        request.save(force_insert=True)
        tally.add(OPEN_COUNT, 1, workspace=workspace)
        step(request, What.RECEIVED, at=at, by=by, kind=chosen.value, how=request.how, due=due.isoformat())
        if contact:
            step(request, What.IDENTIFIED, at=at, by=by)
        if telling.confirm_receipt(request, said, workspace=workspace):
            step(request, What.CONFIRMED, at=at, by=None)
    return request


def _check(kind: Kind, said: Details, asker: Asker, policy: Policy) -> None:
    if kind not in policy.rights.kinds:
        raise RequestRefused(_("The published policy does not offer this."))
    if asker.who != Who.PERSON and not (said.name and said.reply_to):
        raise RequestRefused(_("Whoever asks for somebody else gives a name and an address for the answer."))


def identify(*, request: RightsRequest, contact: Contact, by: Member, at: datetime) -> RightsRequest:
    """The desk has made sure whose data it is about. The clock gets the laws that protect her; it never runs longer for it."""
    with transaction.atomic():
        held = locked(request)
        held.contact = contact
        held.principal = principals.digest(contact.pk, workspace_id=held.workspace_id)
        held.identified_at, held.identified_by = at, by
        if held.state == State.UNCLEAR:
            held.state = State.OPEN
        policy = versions.in_force(held.workspace_id, at).policy
        held.regimes = regimes_for(contact, policy)
        if held.extended_at is None:
            held.promised_at = min(held.promised_at, clocks.promised(policy.rights, held.regimes, held.received_at))
            held.due_at = held.promised_at
        held.save(update_fields=[
            "contact", "principal", "identified_at", "identified_by", "state", "regimes", "promised_at", "due_at",
        ])  # fmt: skip
        step(held, What.IDENTIFIED, at=at, by=by)
    return held


def extension_of(request: RightsRequest, at: datetime) -> clocks.Extension | None:
    """The more time that the laws still allow, None when there is none or it is too late to tell the person."""
    if not request.is_open or request.extended_at is not None:
        return None
    policy = versions.in_force(request.workspace_id, at).policy
    found = clocks.extension(policy.rights, request.regimes, request.received_at)
    return found if found is not None and at < found.told_before else None


def extend(*, request: RightsRequest, reason: str, by: Member, at: datetime) -> RightsRequest:
    """Take the time a law allows for a hard case, and tell the person why. Raises RequestRefused."""
    if not reason.strip():
        raise RequestRefused(_("Write why it takes longer: the person is told."))
    with transaction.atomic():
        held = locked(request)
        allowed = extension_of(held, at)
        if allowed is None:
            raise RequestRefused(
                _(
                    "No law that protects this person gives more time now: it must be told inside the first period, once."
                )
            )
        held.extended_at, held.due_at, held.extension_reason = at, allowed.until, reason.strip()[:500]
        held.warned = clocks.reminders_passed(held.received_at, held.due_at, at)
        held.save(update_fields=["extended_at", "due_at", "extension_reason", "warned"])
        is_told = telling.extended(held)
        step(held, What.EXTENDED, at=at, by=by, until=allowed.until.isoformat(), told=is_told)
    return held


def refuse(
    *, request: RightsRequest, reason: RightsRequest.Reason | str, answer: str, by: Member, at: datetime
) -> RightsRequest:
    """Say no, with the reason and the route to the authority. Only a member can: no machine refuses. Raises RequestRefused."""
    if reason not in Reason.values:
        raise RequestRefused(_("Choose the reason: the person has a right to it."))
    if not answer.strip():
        raise RequestRefused(_("Write an answer that the person understands."))
    with transaction.atomic():
        held = locked(request)
        finish(held, Outcome.REFUSED, answer=answer, reason=Reason(reason), by=by, at=at)
        step(
            held,
            What.REFUSED,
            at=at,
            by=by,
            reason=held.reason,
            authorities=[one.law for one in authorities.of(held.regimes)],
        )
        _tell(held, at)
    return held


def revoke(*, request: RightsRequest, at: datetime, by: Member | None = None) -> RightsRequest:
    """The person takes it back. What was carried out already stays."""
    with transaction.atomic():
        held = locked(request)
        if held.state == State.DOING:
            raise RequestRefused(_("It is being carried out already."))
        held.state, held.revoked_at = State.REVOKED, at
        held.save(update_fields=["state", "revoked_at"])
        tally.add(OPEN_COUNT, -1, workspace=held.workspace_id)
        step(held, What.REVOKED, at=at, by=by)
    return held


def finish(
    held: RightsRequest,
    outcome: RightsRequest.Outcome,
    *,
    answer: str,
    by: Member | None,
    at: datetime,
    reason: RightsRequest.Reason | None = None,
) -> None:
    """Close a locked request with its answer; the caller writes the step and tells the person."""
    held.state, held.outcome, held.reason = State.ANSWERED, outcome, reason or ""
    held.answered_at, held.answered_by = at, by
    if answer.strip():
        held.answer = vault.seal_text(
            answer.strip()[: wording.TEXT], workspace_id=held.workspace_id, context=wording.place_of_answer(held)
        )
    held.save(update_fields=["state", "outcome", "reason", "answered_at", "answered_by", "answer"])
    tally.add(OPEN_COUNT, -1, workspace=held.workspace_id)


def _tell(held: RightsRequest, at: datetime) -> None:
    if telling.answered(held):
        step(held, What.TOLD, at=at, by=None)


def locked(request: RightsRequest) -> RightsRequest:
    """The row, held by this transaction, as it is now. Raises AlreadyAnswered when it is not open any more."""
    held: RightsRequest = (
        RightsRequest.objects.of(request.workspace_id)
        .select_for_update(of=("self",))
        .select_related("contact", "answered_by")
        .get(pk=request.pk)
    )
    if held.state == State.REVOKED:
        raise AlreadyAnswered(_("The person took this request back."))
    if not held.is_open:
        who = held.answered_by.name if held.answered_by else _("the system")
        raise AlreadyAnswered(_("%(who)s answered this request meanwhile.") % {"who": who})
    return held


def step(
    request: RightsRequest, what: RequestStep.What, *, at: datetime, by: Member | None, **facts: Any
) -> RequestStep:
    """Write down what happened: in the log of the request, and in the ledger. `facts` without personal data."""
    ledger.write(f"privacy.request.{what.value}", workspace=request.workspace_id, by=by, about=request, at=at, **facts)
    if request.callback:  # its program hears how it stands when the transaction is through
        jobs.enqueue(CALLBACK, workspace=request.workspace_id, once=f"{CALLBACK}:{request.pk}", request=str(request.pk))
    return RequestStep.objects.create(
        workspace_id=request.workspace_id, request=request, what=what, at=at, by=by, facts=facts
    )


def regimes_for(contact: Contact | None, policy: Policy) -> list[str]:
    """The laws of the policy that protect a person; all of them while it is not clear who she is."""
    if contact is None:
        return clocks.regimes_of(policy, ())
    country = (
        Address.objects.of(contact.workspace_id)
        .filter(contact=contact)
        .exclude(country="")
        .order_by("position", "id")
        .values_list("country", flat=True)
        .first()
    )
    found = regimes.protecting(policy.head.regimes, country=country or "", phone=contact.main_phone)
    return clocks.regimes_of(policy, found)


def opens_with(request: RightsRequest, code: str) -> bool:
    """Whether somebody typed the code of the status page, however it is spaced."""
    plain = "".join(letter for letter in code.upper() if letter in _LETTERS)
    return hmac.compare_digest(_digest(plain, request.pk, request.workspace_id), bytes(request.code))


def shown_code(code: str) -> str:
    """ "7KQ2M-4XPWT"."""
    return f"{code[:_HALF]}-{code[_HALF:]}"


def _new_code() -> str:
    return "".join(secrets.choice(_LETTERS) for _letter in range(2 * _HALF))


def _digest(code: str, request_id: UUID, workspace_id: UUID) -> bytes:
    return vault.fingerprint(f"{request_id}:{code}", workspace_id=workspace_id, purpose="rights request")


def let_go(model: Any, workspace: UUID, contact_ids: Sequence[UUID], at: datetime) -> None:
    """Before contacts are purged: what they asked stays as proof, without them, their words and the papers they showed."""
    if model is not Contact:
        return
    mine = RightsRequest.objects.of(workspace).filter(contact__in=list(contact_ids))
    papers = [one.proof for one in mine.filter(proof__isnull=False).select_related("proof") if one.proof is not None]
    mine.update(contact=None, details=None, answer=None, extension_reason="", proof=None)
    for paper in papers:
        files.delete(paper)
    Nomination.objects.of(workspace).filter(contact__in=list(contact_ids)).update(contact=None, nominee=None)
