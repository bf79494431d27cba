"""Probes of consent and purposes: an invented person goes through the real gate.

They run inside a savepoint that is taken back, so the invented person is seen by nobody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.basis import (
    consent,
    forms,
    gate,
    hours,
    notices,
    objections,
    reading,
    restrictions,
    rules,
)
from amanat.basis.consent import How
from amanat.basis.models import Decision, Method, Objection, Restriction
from amanat.core import routes
from amanat.people import masking, vocabulary
from amanat.people.models import Contact, Email, Phone
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, probe

#: Of nobody: numbers and addresses that are set aside for tests, and a name that no one bears.
NUMBER, MAIL, NAME = "+919899000029", "xqzbasis@canary.example", "Xqzbasis Vwkcanary"
_ZONE = ZoneInfo("Asia/Kolkata")
HERSELF = How(Method.LINK)


def person(asked: Asked, **fields: object) -> Contact:
    contact = Contact.objects.create(
        workspace_id=asked.workspace_id, name=NAME, main_phone=NUMBER, main_email=MAIL, **fields
    )
    Phone.objects.create(workspace_id=asked.workspace_id, contact=contact, number=NUMBER)
    Email.objects.create(workspace_id=asked.workspace_id, contact=contact, address=MAIL)
    return contact


def answer_of(
    asked: Asked, contact: Contact, purpose: str, channel: str = "", at: datetime | None = None
) -> gate.Answer:
    moment = at or asked.at
    today = moment.astimezone(_ZONE).date()
    return gate.decide(contact, workspace=asked.workspace_id, purpose=purpose, channel=channel, at=moment, today=today)


def agrees(asked: Asked, contact: Contact, purpose: str, channel: str, at: datetime) -> None:
    workspace = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id)
    notice = notices.show(workspace=workspace, purposes=[purpose], language="en", at=at)
    consent.give(contact=contact, purpose=purpose, channels=[channel], notice=notice, how=HERSELF, at=at)


def reachable(policy: Policy, wanted: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those whose channel somebody named carries; the others are refused for that alone."""
    return [
        (purpose, channel)
        for purpose, channel in wanted
        if not channel or rules.CARRIERS.get(channel, "mail") in policy.recipients
    ]


def asked_of_people(asked: Asked) -> list[tuple[str, str]]:
    in_force = rules.of(asked.workspace_id)
    return [(purpose, channel) for purpose, channels in in_force.asked_of_people() for channel in channels]


def _without_asking(policy: Policy) -> list[str]:
    """Purposes that no law in scope makes depend on a yes, that are about the person, and that no law orders."""
    found = []
    for name, purpose in policy.purposes.items():
        grounds = set(purpose.basis.values()) if isinstance(purpose.basis, dict) else {purpose.basis}
        if purpose.grain == "person" and rules.CONSENT not in grounds and not purpose.per:
            found.append(name)
    return found


@probe(
    "basis.consent-first",
    _("Nothing that needs a yes happens without one, channel by channel"),
    keys=("P-BASIS", "F-PREFS"),
    rules=("purposes",),
    minutes=60,
)
def consent_first(asked: Asked) -> Finding:
    """The invented person is asked for everything before and after one yes: the yes opens that purpose and channel and no other."""
    wanted = asked_of_people(asked)
    contact = person(asked)
    before = gate.overview(contact, workspace=asked.workspace_id, wanted=wanted, at=asked.at, today=asked.at.date())
    leaks = sum(answer.is_agreed for answer in before)
    opened = beyond = 0
    for one in reachable(asked.policy, wanted):
        agrees(asked, contact, *one, asked.at)
        after = gate.overview(contact, workspace=asked.workspace_id, wanted=wanted, at=asked.at, today=asked.at.date())
        opened += after[wanted.index(one)].is_agreed
        beyond += sum(answer.is_agreed for answer, other in zip(after, wanted, strict=True) if other != one)
        consent.withdraw(contact=contact, purpose=one[0], channels=[one[1]], how=HERSELF, at=asked.at)
    expected = len(reachable(asked.policy, wanted))
    return Finding(
        leaks == 0 and beyond == 0 and opened == expected,
        _(
            "{pairs} purposes and channels tried: {leaks} open without a yes, {opened} open after one, {beyond} opened by the yes to another"
        ),
        {"pairs": len(wanted), "leaks": leaks, "opened": opened, "expected": expected, "beyond": beyond},
    )


@probe(
    "basis.withdrawal",
    _("Taking back a yes, or saying stop, holds at once"),
    keys=("R-WITHDRAW", "R-UNSUB"),
    rules=("rights.opt_out_effect", "purposes"),
    minutes=60,
)
def withdrawal_holds(asked: Asked) -> Finding:
    """From the withdrawal to the gate's refusal, measured; also for another record with the same number."""
    wanted = reachable(asked.policy, asked_of_people(asked))
    contact, twin = person(asked), person(asked)
    open_after, slowest = 0, 0.0
    for purpose, channel in wanted:
        for each in (contact, twin):
            agrees(asked, each, purpose, channel, asked.at - timedelta(hours=1))
        started = time.monotonic()
        consent.withdraw(contact=contact, purpose=purpose, channels=[channel], how=HERSELF, at=asked.at)
        open_after += answer_of(asked, contact, purpose, channel).is_agreed
        slowest = max(slowest, time.monotonic() - started)
        if channel:
            open_after += answer_of(asked, twin, purpose, channel).is_agreed
    promised = (asked.policy.rights.opt_out_effect.after(asked.at) - asked.at).total_seconds()
    return Finding(
        open_after == 0 and slowest <= promised,
        _(
            "{tried} withdrawals: {open} still open after it; the slowest took {milliseconds} ms of {promised} s promised"
        ),
        {"tried": len(wanted), "open": open_after, "milliseconds": round(slowest * 1000), "promised": int(promised)},
    )


@probe(
    "basis.service-continues",
    _("What the service needs goes on after a stop"),
    keys=("R-SERVCONT",),
    rules=("purposes",),
)
def service_continues(asked: Asked) -> Finding:
    contact = person(asked)
    for purpose, channel in reachable(asked.policy, asked_of_people(asked)):
        agrees(asked, contact, purpose, channel, asked.at - timedelta(hours=1))
        consent.withdraw(contact=contact, purpose=purpose, channels=[channel], how=HERSELF, at=asked.at)
    names = _without_asking(asked.policy)
    going = [name for name in names if answer_of(asked, contact, name).is_agreed]
    return Finding(
        bool(names) and going == names,
        _("After a stop of everything {going} of {all} purposes of the service go on"),
        {"going": len(going), "all": len(names)},
    )


@probe(
    "basis.objection-and-restriction",
    _("An objection and a restriction stop the use at once"),
    keys=("R-OBJECT", "R-RESTRICT"),
    rules=("rights.kinds",),
)
def objection_and_restriction(asked: Asked) -> Finding:
    contact = person(asked)
    names = [name for name in _without_asking(asked.policy) if not _is_ordered(asked.policy, name)]
    objections.make(contact=contact, how=HERSELF, at=asked.at)
    against_objection = sum(answer_of(asked, contact, name).is_agreed for name in names)
    objections.withdraw(contact=contact, how=HERSELF, at=asked.at)
    restrictions.impose(contact=contact, ground=Restriction.Ground.REQUEST, how=HERSELF, at=asked.at)
    against_restriction = sum(answer_of(asked, contact, name).is_agreed for name in names)
    restrictions.lift(contact=contact, ground=Restriction.Ground.REQUEST, how=HERSELF, at=asked.at)
    back = sum(answer_of(asked, contact, name).is_agreed for name in names)
    return Finding(
        against_objection == 0 and against_restriction == 0 and back == len(names),
        _("{purposes} purposes tried: {objected} went on against an objection, {restricted} against a restriction"),
        {"purposes": len(names), "objected": against_objection, "restricted": against_restriction, "back": back},
    )


def _is_ordered(policy: Policy, name: str) -> bool:
    basis = policy.purposes[name].basis
    return rules.is_legal_duty(frozenset(basis.values() if isinstance(basis, dict) else {basis}))


@probe(
    "basis.children",
    _("A child's data is used for nothing until a guardian agreed"),
    keys=("C-AGE",),
    rules=("children",),
)
def children(asked: Asked) -> Finding:
    """A person one day too young is refused for every purpose that no law orders; one of age is not."""
    age, today = asked.policy.children.min_age, asked.at.astimezone(_ZONE).date()
    of_age = date(today.year - age, today.month, min(today.day, 28))
    names = [name for name in _without_asking(asked.policy) if not _is_ordered(asked.policy, name)]
    child = person(asked, birthday=of_age.replace(year=of_age.year + 1))
    adult = person(asked, birthday=of_age)
    used = sum(answer_of(asked, child, name).is_agreed for name in names)
    refused = sum(not answer_of(asked, adult, name).is_agreed for name in names)
    return Finding(
        used == 0 and refused == 0,
        _(
            "{purposes} purposes tried: {used} would use the data of a child under {age}, {refused} refuse somebody of that age"
        ),
        {"purposes": len(names), "used": used, "refused": refused, "age": age},
    )


@probe(
    "basis.hours",
    _("Texts and calls keep the hours"),
    keys=(),  # sending itself comes later; the gate is ready for it
    rules=("policy.law", "purposes"),
)
def hours_are_kept(asked: Asked) -> Finding:
    """Every quarter of an hour of a week, for each purpose over a channel that rings."""
    begin = asked.at.astimezone(hours.zone_of(NUMBER, "")).replace(hour=0, minute=0, second=0, microsecond=0)
    quarters = [begin + timedelta(minutes=15 * number) for number in range(7 * 96)]
    tried = wrong = 0
    contact = person(asked)
    for purpose, channel in reachable(asked.policy, asked_of_people(asked)):
        window = hours.window(asked.policy, purpose, channel)
        if window is None:
            continue
        agrees(asked, contact, purpose, channel, asked.at - timedelta(days=1))
        facts, question = gate.known(
            contact, workspace=asked.workspace_id, purpose=purpose, channel=channel, at=asked.at, today=asked.at.date()
        )
        for moment in quarters:
            answer = gate.judge(facts, gate.Question(question.rules, purpose, channel, moment, question.today))
            is_inside = moment.weekday() in window.days and window.opens <= moment.time() < window.closes
            tried, wrong = tried + 1, wrong + (answer.is_allowed != is_inside)
    return Finding(
        wrong == 0,
        _("{tried} moments of a week tried, {wrong} answered against the hours"),
        {"tried": tried, "wrong": wrong},
    )


@probe(
    "basis.purpose-of-reading",
    _("A purpose reads the fields it needs and no other"),
    keys=("P-ONLY", "MINIM"),
    rules=("purposes", "data"),
)
def purpose_of_reading(asked: Asked) -> Finding:
    """Every page names a purpose of the policy; a purpose the policy does not know reads nothing and is allowed nothing."""
    named = {route.purpose for route in routes.table().values()}
    unknown = sorted(named - asked.policy.purposes.keys())
    leaks = len(reading.fields_of(asked.policy, "xqzprobe", masking.KINDS)) + _shown_to_nobodys_purpose(asked)
    wider = 0
    for name, purpose in asked.policy.purposes.items():
        terms = {term for kind in purpose.uses for term in asked.policy.data[kind].terms}
        tenants = any(asked.policy.data[kind].of == "tenant" for kind in purpose.uses)
        wider += sum(
            masking.KINDS[field] not in terms and not tenants and masking.KINDS[field] != "pd:Identifying"
            for field in reading.fields_of(asked.policy, name, masking.KINDS)
        )
    try:
        answer_of(asked, person(asked), "xqzprobe")
        refused = False
    except rules.UnknownPurpose:
        refused = True
    return Finding(
        not unknown and leaks == 0 and wider == 0 and refused,
        _(
            "{routes} pages name {purposes} purposes, {unknown} of them not in the policy; an undeclared purpose reads {leaks} fields"
        ),
        {
            "routes": len(routes.table()),
            "purposes": len(named),
            "unknown": len(unknown),
            "leaks": leaks,
            "wider": wider,
        },
    )


def _shown_to_nobodys_purpose(asked: Asked) -> int:
    """How many fields the guard of every page shows an owner who reads for a purpose that nobody declared."""
    owner = Member(workspace_id=asked.workspace_id, role=Role.OWNER)
    held = masking.guard(owner, vocabulary.of(asked.workspace_id), "xqzprobe")
    return sum(bool(held.shown(name, NAME)) for name in masking.KINDS)


@probe(
    "basis.decisions",
    _("What was refused and what was allowed is written down with its rule"),
    keys=("T-CONSREC",),
    rules=("keep.evidence",),
)
def decisions_are_kept(asked: Asked) -> Finding:
    """A decision asked in earnest leaves a row; every yes on file was shown a notice or names its file."""
    contact = person(asked)
    wanted = asked_of_people(asked)[:1]
    before = Decision.objects.of(asked.workspace_id).filter(contact=contact).count()
    for purpose, channel in wanted:
        gate.decide(
            contact,
            workspace=asked.workspace_id,
            purpose=purpose,
            channel=channel,
            at=asked.at,
            today=asked.at.date(),
            what="probe",
        )
    written = Decision.objects.of(asked.workspace_id).filter(contact=contact).count() - before
    return Finding(
        written == len(wanted),
        _("{asked} decisions asked, {written} written down"),
        {"asked": len(wanted), "written": written},
    )


@probe(
    "basis.no-sale",
    _("Opting out of sale is honored and written down"),
    keys=("R-OPTSALE",),
    rules=("never",),
)
def no_sale(asked: Asked) -> Finding:
    contact = person(asked)
    objections.opt_out_of_sale(contact, how=How(Method.SIGNAL), at=asked.at)
    written = Objection.objects.of(asked.workspace_id).filter(contact=contact, purpose=objections.SALE).count()
    selling = [name for name, one in asked.policy.purposes.items() if "Sell" in one.term]
    return Finding(
        written == 1 and not selling and "dpv:SellDataToThirdParties" in asked.policy.never,
        _("The browser's signal is written down ({written} record); {selling} purposes sell data"),
        {"written": written, "selling": len(selling)},
    )


@probe(
    "basis.nothing-ticked",
    _("Nothing is ticked beforehand"),
    keys=("VOLUNT",),
    rules=("purposes", "data"),
)
def nothing_ticked(asked: Asked) -> Finding:
    """The forms by which people agree are drawn, with every purpose there is."""
    drawn = list(_forms(asked))
    ticked = sum(html.count(" checked") for html in drawn)
    boxes = sum(html.count('type="checkbox"') for html in drawn)
    return Finding(
        ticked == 0 and boxes > 0,
        _("{boxes} boxes drawn, {ticked} of them ticked beforehand"),
        {"boxes": boxes, "ticked": ticked},
    )


def _forms(asked: Asked) -> Iterator[str]:
    choices = forms.wanted(rules.of(asked.workspace_id), "en")
    yield forms.AskForm(choices=choices).as_p()
    yield forms.JoinForm(choices=choices).as_p()
