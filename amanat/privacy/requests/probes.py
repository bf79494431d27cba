"""Probes of the rights desk: what the page says about requests, measured on the requests there are and on the rules that answer them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Max
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Workspace
from amanat.basis import consent, regimes
from amanat.basis.models import Objection, Restriction
from amanat.core.routes import addresses as routes_by_pattern
from amanat.core.routes import anyone
from amanat.people.models import Contact
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, probe
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.requests import asking, authorities, carrying, clocks
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest
from amanat.publishing import versions
from amanat.publishing.visiting import visit

What, Outcome, State = RequestStep.What, RightsRequest.Outcome, RightsRequest.State
_SINCE = timedelta(days=365)


def _answered(asked: Asked, kinds: Iterable[Kind]) -> Any:
    return RightsRequest.objects.of(asked.workspace_id).filter(
        kind__in=list(kinds), state=State.ANSWERED, answered_at__gte=asked.at - _SINCE
    )


def _offers(policy: Policy, *kinds: Kind) -> bool:
    return set(kinds) <= set(policy.rights.kinds)


@probe(
    "requests.clock", _("Requests are answered in the promised time"), keys=("R-CLOCK",),
    rules=("rights.due", "rights.regimes"), minutes=60,
)  # fmt: skip
def clock(asked: Asked) -> Finding:
    """Judged by the promise, which an extension does not move."""
    rows = RightsRequest.objects.of(asked.workspace_id)
    open_ones = rows.filter(state__in=RightsRequest.OPEN)
    late = open_ones.filter(promised_at__lte=asked.at).count()
    done = rows.filter(state=State.ANSWERED, answered_at__gte=asked.at - _SINCE)
    late_answers = done.filter(answered_at__gt=F("promised_at"), answered_at__gte=asked.at - timedelta(days=90)).count()
    days = _days_too_many(asked)
    slowest = done.aggregate(longest=Max(F("answered_at") - F("received_at")))["longest"]
    said = _(
        "{open} open, {late} late; slowest answered in {slowest} days; {late_answers} answered late in 90 days; a request taken down now gets {days} days more than promised"
    )
    facts = {
        "open": open_ones.count(), "late": late, "slowest": slowest.days + (slowest.seconds > 0) if slowest else 0,
        "answered": done.count(), "late_answers": late_answers,
        "extended": rows.filter(extended_at__isnull=False, received_at__gte=asked.at - _SINCE).count(), "days": days,
    }  # fmt: skip
    return Finding(late == 0 and late_answers == 0 and not days, said, facts)


def _days_too_many(asked: Asked) -> int:
    """An invented person, whom nothing can be sent to, asks by the real rule: how many days her clock runs beyond the promise."""
    workspace = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id)
    policy = versions.in_force(workspace, asked.at).policy
    person = Contact.objects.create(workspace_id=asked.workspace_id, name="Xqzprobe Vwkcanary")
    kind = next(one for one in policy.rights.kinds if one in Kind.values)
    asking_for = asking.open_request(
        workspace=workspace, contact=person, kind=kind, how=RightsRequest.How.SELF_SERVICE, by=None, at=asked.at
    )
    rights = policy.rights
    limits = [rights.due, *(rights.regimes[law] for law in asking_for.regimes if law in rights.regimes)]
    latest = min(limit.alone.after(asked.at) for limit in limits)
    return -((latest - asking_for.promised_at).days) if asking_for.promised_at > latest else 0


@probe(
    "requests.law", _("No request is past the law's last day"), keys=("R-GDPRREST",), rules=("rights.regimes",), minutes=60,
)  # fmt: skip
def law(asked: Asked) -> Finding:
    """Every refusal has a reason, an answer and a route; every extension was told inside the first period; nothing is asked to be paid."""
    rows = RightsRequest.objects.of(asked.workspace_id)
    past = rows.filter(state__in=RightsRequest.OPEN, due_at__lte=asked.at).count()
    refused = rows.filter(outcome=Outcome.REFUSED, answered_at__gte=asked.at - _SINCE)
    bare = refused.filter(reason="").count() + refused.filter(answered_by__isnull=True).count()
    silent = [
        one
        for one in rows.filter(extended_at__isnull=False, received_at__gte=asked.at - _SINCE).iterator(500)
        if _told_late(asked.policy, one)
    ]
    said = _("{past} past their day, {refused} refused, {bare} without reason or person, {silent} extended too late")
    facts = {"past": past, "refused": refused.count(), "bare": bare, "silent": len(silent)}
    return Finding(past == 0 and bare == 0 and not silent, said, facts)


def _told_late(policy: Policy, one: RightsRequest) -> bool:
    allowed = clocks.extension(policy.rights, one.regimes, one.received_at)
    return one.extended_at is None or allowed is None or one.extended_at >= allowed.told_before


@probe(
    "requests.regimes", _("The law that protects a person decides the clock and the authority"), keys=("R-REGIME",),
    rules=("rights.regimes",), minutes=24 * 60,
)  # fmt: skip
def by_regime(asked: Asked) -> Finding:
    """Asks the rule about people in India, Germany, California and Brazil, and looks at the clock of each."""
    scope, received = asked.policy.head.regimes, asked.at
    wrong = 0
    for country in ("IN", "DE", "US", "BR", ""):
        laws = clocks.regimes_of(asked.policy, regimes.protecting(scope, country=country))
        due = clocks.promised(asked.policy.rights, laws, received)
        strict = all(
            due <= asked.policy.rights.regimes[one].alone.after(received)
            for one in laws
            if one in asked.policy.rights.regimes
        )
        wrong += not (laws and strict and all(authorities.knows(one) for one in laws))
    without = (
        RightsRequest.objects.of(asked.workspace_id).filter(regimes=[], received_at__gte=asked.at - _SINCE).count()
    )
    said = _("5 places asked, {wrong} with a wrong clock or authority; {without} requests without a law")
    return Finding(wrong == 0 and without == 0, said, {"wrong": wrong, "without": without, "laws": len(scope)})


@probe(
    "requests.access", _("Whoever asks gets a copy of the data"), keys=("R-ACCESS", "R-PORT", "R-KNOW"), rules=("rights.kinds",),
)  # fmt: skip
def access(asked: Asked) -> Finding:
    """Every request answered with yes has a copy with rows of the person in it."""
    granted = _answered(asked, carrying.COPIES).filter(outcome=Outcome.GRANTED)
    ids = list(granted.values_list("result_id", flat=True)[:2000])
    made = PersonCopy.objects.of(asked.workspace_id).filter(pk__in=ids, made_at__isnull=False).exclude(counts={})
    answered, copies = len(ids), made.count()
    said = _("{answered} answered, {copies} copies made; offered: {offered}")
    offered = _offers(asked.policy, Kind.ACCESS, Kind.PORT)
    return Finding(offered and copies == answered, said, {"answered": answered, "copies": copies, "offered": offered})


@probe("requests.correct", _("Corrections become what is on file"), keys=("R-CORRECT",), rules=("rights.kinds",))
def correct(asked: Asked) -> Finding:
    """Every correction answered with yes was made by a member, and the ledger has the change of the contact."""
    granted = _answered(asked, carrying.CORRECTIONS).filter(outcome=Outcome.GRANTED)
    steps = RequestStep.objects.of(asked.workspace_id).filter(request__in=granted, what=What.FULFILLED)
    with_fields = [one for one in steps.select_related("request") if one.facts.get("fields")]
    answered, by_nobody = granted.count(), granted.filter(answered_by__isnull=True).count()
    offered = _offers(asked.policy, Kind.CORRECT, Kind.UPDATE)
    said = _("{answered} answered, {changed} changed the record, {by_nobody} without a member")
    facts = {"answered": answered, "changed": len(with_fields), "by_nobody": by_nobody, "offered": offered}
    return Finding(offered and by_nobody == 0, said, facts)


@probe("requests.restrict", _("Restricted data is only stored"), keys=("R-RESTRICT",), rules=("rights.kinds",))
def restrict(asked: Asked) -> Finding:
    """Every restriction answered with yes stands as an act that the gate reads."""
    return _each_has_its_act(
        asked, Kind.RESTRICT, Restriction.objects.of(asked.workspace_id).filter(what=Restriction.What.IMPOSED)
    )


@probe(
    "requests.object", _("Objections hold at once"), keys=("R-OBJECT",), rules=("rights.kinds", "rights.opt_out_effect")
)
def object_(asked: Asked) -> Finding:
    return _each_has_its_act(
        asked, Kind.OBJECT, Objection.objects.of(asked.workspace_id).filter(what=Objection.What.MADE)
    )


def _each_has_its_act(asked: Asked, kind: Kind, acts: Any) -> Finding:
    granted = list(
        _answered(asked, [kind]).filter(outcome=Outcome.GRANTED).values_list("principal", "answered_at")[:2000]
    )
    known = set(acts.filter(principal__in=[one for one, _at in granted]).values_list("principal", flat=True))
    missing = sum(bytes(one) not in {bytes(each) for each in known} for one, _at in granted if one is not None)
    offered = _offers(asked.policy, kind)
    said = _("{answered} answered, {missing} without the act that the gate reads")
    return Finding(offered and missing == 0, said, {"answered": len(granted), "missing": missing, "offered": offered})


@probe(
    "requests.withdraw",
    _("Taking consent back is as easy as giving it"),
    keys=("R-WITHDRAW",),
    rules=("rights.kinds", "rights.opt_out_effect"),
)
def withdraw(asked: Asked) -> Finding:
    """What withdrawals asked for was written inside the promised time, and nothing that was taken back stands."""
    done = list(_answered(asked, [Kind.WITHDRAW]).select_related("contact")[:500])
    effect = asked.policy.rights.opt_out_effect
    slow = sum(
        one.answered_at is not None
        and one.answered_at > effect.after(max(one.identified_at or one.received_at, one.received_at))
        for one in done
        if one.how == RightsRequest.How.SELF_SERVICE
        and one.who == RightsRequest.Who.PERSON
        and one.identified_by_id is None
    )
    standing = sum(
        any(
            record.what == "given" and record.at <= one.answered_at
            for record in consent.standing(one.contact, at=asked.at).values()
        )
        for one in done
        if one.contact is not None and one.answered_at is not None
    )
    offered = _offers(asked.policy, Kind.WITHDRAW) and bool(reverse("basis:public_start", args=[asked.workspace_id]))
    said = _("{answered} answered, {slow} slower than promised, {standing} with a consent that stands")
    return Finding(
        offered and not slow and not standing,
        said,
        {"answered": len(done), "slow": slow, "standing": standing, "offered": offered},
    )


@probe(
    "requests.channels",
    _("Requests are taken on every way the policy names"),
    keys=("R-CHANNEL",),
    rules=("rights.by", "parties.contact"),
)
def channels(asked: Asked) -> Finding:
    """The public page answers without an account, the desk takes down the other ways, and each named way can be used."""
    ways = {one.value for one in RightsRequest.How} | {"agent"}
    unknown = [one for one in asked.policy.rights.by if one not in ways]
    contact = asked.policy.parties.contact
    empty = [one for one in ("email", "phone", "post") if one in asked.policy.rights.by and not getattr(contact, one)]
    page = _is_public("privacy:public_request", asked) and _answers("privacy:public_request", asked)
    unconfirmed = (
        RightsRequest.objects.of(asked.workspace_id)
        .filter(received_at__gte=asked.at - timedelta(days=30), state__in=RightsRequest.OPEN)
        .exclude(steps__what=What.RECEIVED)
        .count()
    )
    said = _("{ways} ways named, {unknown} not taken down, {empty} without an address; public page open: {page}")
    facts = {
        "ways": len(asked.policy.rights.by),
        "unknown": len(unknown),
        "empty": len(empty),
        "page": page,
        "unlogged": unconfirmed,
    }
    return Finding(page and not unknown and not empty and not unconfirmed, said, facts)


def _is_public(name: str, asked: Asked) -> bool:
    """Whether the address is answered for anyone."""
    try:
        found: Any = resolve(reverse(name, args=[asked.workspace_id])).func
    except NoReverseMatch:
        return False
    return found.route.rule is anyone


def _answers(name: str, asked: Asked) -> bool:
    """Whether a stranger is really shown the page."""
    return visit(reverse(name, args=[asked.workspace_id])).status == 200


@probe(
    "requests.control",
    _("People can do all of it themselves"),
    keys=("R-CONTROL",),
    rules=("rights.kinds", "rights.by"),
)
def control(asked: Asked) -> Finding:
    """Every right of the policy has a rule that carries it out, and is offered on the public page."""
    unknown = [one for one in asked.policy.rights.kinds if one not in Kind.values]
    page = _is_public("privacy:public_request", asked) and _answers("privacy:public_request", asked)
    said = _(
        "{kinds} rights, {unknown} that nothing carries out, {at_once} carried out at once without a member; page open: {page}"
    )
    at_once = sum(one in asked.policy.rights.kinds for one in carrying.AT_ONCE)
    facts = {"kinds": len(asked.policy.rights.kinds), "unknown": len(unknown), "at_once": at_once, "page": page}
    return Finding(page and not unknown and "self_service" in asked.policy.rights.by, said, facts)


@probe(
    "requests.complain",
    _("Complaints are answered, and the authority is named"),
    keys=("R-COMPLAIN",),
    rules=("parties.officer", "rights.kinds"),
)
def complain(asked: Asked) -> Finding:
    """Of each law in scope the authority is known; complaints are open to everyone and none is late."""
    unknown = [one for one in asked.policy.head.regimes if not authorities.knows(one)]
    complaints = RightsRequest.objects.of(asked.workspace_id).filter(kind=Kind.GRIEVANCE)
    late = complaints.filter(state__in=RightsRequest.OPEN, promised_at__lte=asked.at).count()
    wordless = complaints.filter(state=State.ANSWERED, contact__isnull=False, answer__isnull=True).count()
    offered = _offers(asked.policy, Kind.GRIEVANCE)
    said = _("{laws} laws, {unknown} without an authority; {late} complaints late, {wordless} answered without words")
    facts = {
        "laws": len(asked.policy.head.regimes),
        "unknown": len(unknown),
        "late": late,
        "wordless": wordless,
        "offered": offered,
    }
    return Finding(offered and not unknown and not late and not wordless, said, facts)


@probe("requests.machine", _("No machine refuses or decides alone"), keys=("R-ADM",), rules=("never", "rights.kinds"))
def machine(asked: Asked) -> Finding:
    """Refusals, partial answers, corrections, erasures and reviews each name the member who decided."""
    decided = RightsRequest.objects.of(asked.workspace_id).filter(
        state=State.ANSWERED, answered_at__gte=asked.at - _SINCE
    )
    hard = decided.filter(outcome__in=[Outcome.REFUSED]) | decided.filter(
        kind__in=[*carrying.IN_WORDS, *carrying.CORRECTIONS, Kind.ERASE]
    )
    alone = hard.filter(answered_by__isnull=True).count()
    offered = _offers(asked.policy, Kind.HUMAN_REVIEW)
    said = _("{decided} decisions, {alone} without a person; review by a human offered: {offered}")
    return Finding(alone == 0 and offered, said, {"decided": hard.count(), "alone": alone, "offered": offered})


@probe(
    "requests.no_discrimination",
    _("Nothing depends on whether somebody used a right"),
    keys=("R-NONDISC",),
    rules=("never",),
)
def no_discrimination(asked: Asked) -> Finding:
    """No table outside of the rights desk and its proofs points at a request, so no price or permission can depend on one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT source.relname FROM pg_constraint c JOIN pg_class source ON source.oid = c.conrelid "
            "JOIN pg_class target ON target.oid = c.confrelid WHERE c.contype = 'f' AND target.relname = ANY(%s)",
            [[RightsRequest._meta.db_table, RequestStep._meta.db_table]],
        )
        pointing = [name for (name,) in cursor.fetchall()]
    foreign = outside(pointing)
    said = _("{tables} tables point at requests, {outside} of them outside of the rights desk")
    return Finding(not foreign, said, {"tables": len(pointing), "outside": len(foreign)})


def outside(tables: Iterable[str]) -> list[str]:
    """Those of the tables that are not of the rights desk and its neighbours."""
    return [name for name in tables if not name.startswith("privacy_")]


@probe(
    "requests.sale",
    _("Data is not sold, and who says so is heard"),
    keys=("R-OPTSALE",),
    rules=("never", "rights.opt_out_effect", "storage.signals"),
)
def sale(asked: Asked) -> Finding:
    """The policy forbids selling, no purpose allows it, the signal is obeyed, and each opt-out stands."""
    forbids = any("sell" in one.lower() for one in asked.policy.never)
    signal = any(one.path == ".well-known/gpc.json" for one in routes_by_pattern().values())
    granted = _each_has_its_act(
        asked, Kind.OPT_OUT_SALE, Objection.objects.of(asked.workspace_id).filter(what=Objection.What.MADE)
    )
    said = _(
        "forbidden: {forbids}, signal of the browser obeyed: {signal}, {answered} opt-outs, {missing} without effect"
    )
    facts = {**granted.facts, "forbids": forbids, "signal": signal}
    return Finding(granted.is_kept and forbids and signal and "sec-gpc" in asked.policy.storage.signals, said, facts)
