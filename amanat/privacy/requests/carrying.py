"""Carrying out what was asked: each kind by the rule that does it in life, never by a note that it was done.

What only stops something (withdrawal, objection, restriction, no sale), what writes down a nomination, and a copy for the person herself are
carried out at once when a code to her own address showed who she is. Erasure, correction, complaints, reviews, and everything a guardian
or agent asks wait for a member.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.models import Member, Workspace
from amanat.basis import objections, restrictions, rules, suppression
from amanat.basis.consent import How as SaidHow
from amanat.basis.models import Method, Restriction, Suppression
from amanat.core import ids, vault
from amanat.desk import todo
from amanat.desk.models import Task
from amanat.desk.todo import NewTask, TaskRefused
from amanat.people import contacts, vocabulary
from amanat.people.drafts import AddressDraft
from amanat.people.models import Contact, Email, Phone
from amanat.privacy.copies import making
from amanat.privacy.erasure import erasing
from amanat.privacy.requests import asking, nominees, telling
from amanat.privacy.requests import details as wording
from amanat.privacy.requests.asking import NotIdentified, RequestRefused, What
from amanat.privacy.requests.details import Details
from amanat.privacy.requests.models import Kind, Nomination, RightsRequest

State, Outcome, Reason = RightsRequest.State, RightsRequest.Outcome, RightsRequest.Reason

#: Carried out without a member, when a code to her own address showed who asks.
AT_ONCE = frozenset(
    {Kind.WITHDRAW, Kind.OBJECT, Kind.RESTRICT, Kind.OPT_OUT_SALE, Kind.NOMINATE, Kind.ACCESS, Kind.PORT}
)
#: Whose answer is what a member writes.
IN_WORDS = frozenset({Kind.GRIEVANCE, Kind.HUMAN_REVIEW})
COPIES = frozenset({Kind.ACCESS, Kind.PORT})
CORRECTIONS = frozenset({Kind.CORRECT, Kind.UPDATE})
_METHODS = {
    RightsRequest.How.SELF_SERVICE: Method.LINK,
    RightsRequest.How.EMAIL: Method.MESSAGE,
    RightsRequest.How.PHONE: Method.PHONE,
    RightsRequest.How.POST: Method.POST,
    RightsRequest.How.COUNTER: Method.FORM,
    RightsRequest.How.PROTOCOL: Method.API,
}
LABELS = {
    "name": gettext_lazy("Name"),
    "phone": gettext_lazy("Phone number"),
    "email": gettext_lazy("E-mail"),
    "address": gettext_lazy("Address"),
    "birthday": gettext_lazy("Date of birth"),
    "language": gettext_lazy("Language"),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One value that the person wants set right, beside the present one."""

    name: str
    label: Any
    present: str
    wanted: str


def may_carry_itself_out(request: RightsRequest) -> bool:
    """Whether nobody needs to look at it first."""
    return (
        request.kind in AT_ONCE
        and request.how == RightsRequest.How.SELF_SERVICE
        and request.who == RightsRequest.Who.PERSON
        and request.state == State.OPEN
        and request.identified_by_id is None
    )


def fulfil(
    *,
    request: RightsRequest,
    by: Member | None,
    at: datetime,
    answer: str = "",
    accepted: Collection[str] | None = None,
) -> RightsRequest:
    """Do what was asked and tell the person; a copy and an erasure are ordered, and finished by `following.follow`.

    `accepted` names the values of a correction that are taken over (None: all); with some left out, `answer` must say why.
    Raises AlreadyAnswered, NotIdentified, RequestRefused.
    """
    with transaction.atomic():
        held = asking.locked(request)
        if held.contact is None and held.kind not in IN_WORDS:
            raise NotIdentified(_("Make sure first whose data it is about."))
        if held.state == State.DOING and held.kind not in IN_WORDS:
            raise RequestRefused(_("It is being carried out already."))
        if held.who == RightsRequest.Who.NOMINEE and held.contact is not None:
            _check_nominee(held)
        _HOW_TO[Kind(held.kind)](_Case(held, wording.of(held), by, at, answer.strip(), accepted))
    return held


def _check_nominee(held: RightsRequest) -> None:
    if nominees.of(held.contact_id, workspace_id=held.workspace_id) is None:  # type: ignore[arg-type]  # there is a contact
        raise RequestRefused(_("This person named no nominee. Refuse it, or ask who else may act."))


@dataclass(frozen=True, slots=True)
class _Case:
    """One request in hand, locked."""

    request: RightsRequest
    said: Details
    by: Member | None
    at: datetime
    answer: str
    accepted: Collection[str] | None

    @property
    def contact(self) -> Contact:
        contact: Contact | None = self.request.contact
        assert contact is not None
        return contact

    @property
    def workspace(self) -> Workspace:
        return Workspace.objects.of(self.request.workspace_id).get(pk=self.request.workspace_id)

    @property
    def how(self) -> SaidHow:
        method = _METHODS[RightsRequest.How(self.request.how)]
        return SaidHow(method, by=self.by, evidence={"request": str(self.request.pk)})

    def done(self, outcome: RightsRequest.Outcome = Outcome.GRANTED, **facts: Any) -> None:
        asking.finish(self.request, outcome, answer=self.answer, by=self.by, at=self.at)
        asking.step(self.request, What.FULFILLED, at=self.at, by=self.by, outcome=outcome.value, **facts)
        if telling.answered(self.request):
            asking.step(self.request, What.TOLD, at=self.at, by=None)

    def begun(self, result_id: UUID, **facts: Any) -> None:
        """Ordered; the end comes later."""
        held = self.request
        held.state, held.begun_at, held.result_id = State.DOING, self.at, result_id
        if self.answer:
            held.answer = vault.seal_text(
                self.answer[: wording.TEXT], workspace_id=held.workspace_id, context=wording.place_of_answer(held)
            )
        held.save(update_fields=["state", "begun_at", "result_id", "answer"])
        asking.step(held, What.BEGUN, at=self.at, by=self.by, **facts)


def _copy(case: _Case) -> None:
    copy = making.order(
        workspace=case.workspace, contact_id=case.contact.pk, language=case.request.language, by=case.by, at=case.at,
        request_id=case.request.pk,
    )  # fmt: skip
    case.begun(copy.pk, copy=str(copy.pk))


def _erase(case: _Case) -> None:
    """The last message goes out before the address does."""
    told = telling.begun(case.request)
    erasure = erasing.order(
        workspace=case.workspace, contact_ids=[case.contact.pk], because="request", by=case.by, at=case.at,
        request_id=case.request.pk,
    )  # fmt: skip
    case.begun(erasure.pk, erasure=str(erasure.pk), told=told)


def _restrict(case: _Case) -> None:
    restrictions.impose(contact=case.contact, ground=Restriction.Ground.REQUEST, how=case.how, at=case.at)
    case.done()


def _object(case: _Case) -> None:
    """To the purposes named, or to all; to advertising always, for that objection is absolute (GDPR article 21(3))."""
    known = set(rules.of(case.request.workspace_id).policy.purposes)
    wanted = [one for one in case.said.purposes if one in known]
    for purpose in wanted or [""]:
        objections.make(contact=case.contact, how=case.how, at=case.at, purpose=purpose)
    case.done(purposes=wanted)


def _withdraw(case: _Case) -> None:
    """What she agreed to is taken back, and nothing that she would have to agree to is wanted."""
    in_force = rules.of(case.request.workspace_id)
    taken_back = 0
    for purpose, _channels in in_force.asked_of_people():
        records = objections.want_none(contact=case.contact, purpose=purpose, how=case.how, at=case.at)
        taken_back += len(records)
    case.done(records=taken_back)


def _opt_out_of_sale(case: _Case) -> None:
    """Nothing is sold, and no purpose allows it; that hers never may be is written down all the same, with the keyed hashes of her
    addresses, which outlive an erasure."""
    here = case.request.workspace_id
    addresses = [
        *Phone.objects.of(here).filter(contact=case.contact).values_list("number", flat=True),
        *Email.objects.of(here).filter(contact=case.contact).values_list("address", flat=True),
    ]
    objections.opt_out_of_sale(case.contact, how=case.how, at=case.at)
    added = suppression.add(
        addresses, workspace=here, reason=Suppression.Reason.OPT_OUT, at=case.at, purpose=objections.SALE
    )
    case.done(addresses=added)


def _nominate(case: _Case) -> None:
    said, here = case.said, case.request.workspace_id
    if not (said.nominee_name and said.nominee_address):
        raise RequestRefused(_("A nomination needs a name and an address."))
    Nomination.objects.of(here).filter(contact=case.contact, ended_at__isnull=True).update(ended_at=case.at)
    nomination = Nomination(
        id=ids.new(), workspace_id=here, contact=case.contact, request=case.request, made_at=case.at
    )
    nominee = {"name": said.nominee_name, "address": said.nominee_address, "relation": said.nominee_relation}
    nomination.nominee = vault.seal_text(
        json.dumps(nominee, ensure_ascii=False), workspace_id=here, context=wording.place_of_nominee(nomination)
    )
    nomination.save(force_insert=True)
    case.done(nomination=str(nomination.pk))


def _correct(case: _Case) -> None:
    if case.by is None:
        raise RequestRefused(_("A member looks at a correction first."))
    wanted = dict(case.said.values)
    accepted = wanted if case.accepted is None else {name: wanted[name] for name in wanted if name in case.accepted}
    if len(accepted) < len(wanted) and not case.answer:
        raise RequestRefused(_("Write why a value is not taken over."))
    if not accepted and not case.answer:
        raise RequestRefused(_("Write what was done."))
    if accepted:
        _take_over(case, accepted)
    outcome = Outcome.GRANTED if len(accepted) == len(wanted) else Outcome.PARTLY
    case.done(outcome, fields=sorted(accepted), not_taken=sorted(set(wanted) - set(accepted)))


def _take_over(case: _Case, accepted: dict[str, str]) -> None:
    """The values become the contact's by the rules that change contacts, checks and history included."""
    words = vocabulary.of(case.request.workspace_id)
    now = contacts.as_draft(_fresh(case.contact), words)
    changes: dict[str, Any] = {name: accepted[name] for name in ("name", "language") if name in accepted}
    if "birthday" in accepted:
        changes["birthday"] = _as_day(accepted["birthday"])
    if "phone" in accepted:
        changes["phones"] = _first(accepted["phone"], now.phones)
    if "email" in accepted:
        changes["emails"] = _first(accepted["email"].lower(), now.emails)
    if "address" in accepted:
        country = now.addresses[0].country if now.addresses else ""
        changes["addresses"] = [AddressDraft(street=accepted["address"], country=country), *now.addresses[1:]]
    try:
        contacts.change(contact=case.contact, by=case.by, at=case.at, changes=changes, words=words)
    except ValidationError as invalid:
        raise RequestRefused(" ".join(invalid.messages)) from invalid


def _first(value: str, present: Any) -> list[tuple[str, str]]:
    """The new one takes the place of the first; what else was there stays."""
    label = present[0][1] if present else ""
    return [(value, label), *(one for one in list(present)[1:] if one[0] != value)]


def _as_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as bad:
        raise RequestRefused(_("The date of birth is written like 1990-12-31.")) from bad


def _answer(case: _Case) -> None:
    if not case.answer:
        raise RequestRefused(_("Write the answer."))
    if case.by is None:
        raise RequestRefused(_("A human answers this."))
    case.done()


def _review(case: _Case) -> None:
    """A human looks at it: first it is given to one as a task, then she answers in words."""
    if case.by is None:
        raise RequestRefused(_("A human answers this."))
    if case.answer:
        if case.request.result_id is not None:
            _finish_task(case, case.by)
        case.done()
    elif case.request.state != State.DOING:
        task = reviewing(case.request, by=case.by, at=case.at)
        case.begun(task.pk, task=str(task.pk))
    else:
        raise RequestRefused(_("Write the answer."))


def reviewing(request: RightsRequest, *, by: Member, at: datetime, assignee: Member | None = None) -> Task:
    """A task for the human who looks at it, or who must answer in time."""
    zone = ZoneInfo(by.workspace.time_zone)
    due = min(request.due_at, max(at, request.due_at - timedelta(days=1)))
    title = _("Answer the request %(number)s: %(what)s") % {"number": request.short, "what": request.get_kind_display()}
    wanted = NewTask(title=title, due_on=due.astimezone(zone).date(), assignee=assignee or by)
    try:
        return todo.create(by=by, at=at, wanted=wanted, contact=request.contact)
    except TaskRefused as refused:
        raise RequestRefused(str(refused)) from refused


def _finish_task(case: _Case, by: Member) -> None:
    tasks = Task.objects.of(case.request.workspace_id)
    task = tasks.filter(pk=case.request.result_id).first() if case.request.result_id else None
    if task is not None:
        todo.finish(task=task, by=by, at=case.at)


_HOW_TO: dict[Kind, Callable[[_Case], None]] = {
    Kind.ACCESS: _copy,
    Kind.PORT: _copy,
    Kind.ERASE: _erase,
    Kind.RESTRICT: _restrict,
    Kind.OBJECT: _object,
    Kind.WITHDRAW: _withdraw,
    Kind.OPT_OUT_SALE: _opt_out_of_sale,
    Kind.NOMINATE: _nominate,
    Kind.CORRECT: _correct,
    Kind.UPDATE: _correct,
    Kind.GRIEVANCE: _answer,
    Kind.HUMAN_REVIEW: _review,
}


def compared(request: RightsRequest) -> list[Comparison]:
    """What the person wants set right, each beside what stands there now."""
    said = wording.of(request)
    if request.contact is None or not said.values:
        return [Comparison(name, LABELS[name], "", value) for name, value in said.values.items()]
    now = contacts.as_draft(_fresh(request.contact), vocabulary.of(request.workspace_id))
    first = now.addresses[0] if now.addresses else AddressDraft()
    present = {
        "name": now.name,
        "phone": now.phones[0][0] if now.phones else "",
        "email": now.emails[0][0] if now.emails else "",
        "address": ", ".join(
            part
            for part in (first.street, first.locality, first.city, first.district, first.state, first.postal_code)
            if part
        ),
        "birthday": now.birthday.isoformat() if now.birthday else "",
        "language": now.language,
    }
    return [Comparison(name, LABELS[name], present[name], value) for name, value in said.values.items()]


def _fresh(contact: Contact) -> Contact:
    """With its company, as a draft of it needs."""
    found: Contact = Contact.objects.of(contact.workspace_id).select_related("company").get(pk=contact.pk)
    return found
