"""Probes of incidents: people and authorities told in time, the way practiced."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Workspace
from amanat.basis import rules
from amanat.core import jobs
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, probe
from amanat.privacy.incidents import reporting
from amanat.privacy.incidents.models import AffectedPerson, Audience, Incident, IncidentClock
from amanat.privacy.incidents.reporting import Report

#: A period that was broken is shown for so long.
REMEMBERED = timedelta(days=90)
#: A way that was not gone for so long is forgotten. Our own figure, half of the interval at which people are trained.
PRACTICED = timedelta(days=183)
#: Where a policy says "without delay". The shortest period that a law names: CERT-In, 6 hours.
_AT_ONCE = timedelta(hours=6)


def _broken(asked: Asked, audiences: list[Audience]) -> tuple[int, int]:
    """How many clocks of these audiences run or ran lately, and how many of them were broken."""
    rows = IncidentClock.objects.of(asked.workspace_id).filter(audience__in=audiences, incident__is_drill=False)
    recent = rows.filter(Q(told_at__isnull=True) | Q(incident__noticed_at__gte=asked.at - REMEMBERED))
    broken = recent.filter(Q(told_at__gt=F("due_at")) | Q(told_at__isnull=True, due_at__lt=asked.at))
    return recent.count(), broken.count()


@probe(
    "incidents.people",
    _("People touched by a breach are told in time"),
    keys=("S-BR-IND",),
    rules=("breach.people",),
    minutes=30,
)
def people(asked: Asked) -> Finding:
    """No clock towards people is broken, and nobody on the list of a closed breach was left out."""
    running, broken = _broken(asked, [Audience.PEOPLE])
    rows = AffectedPerson.objects.of(asked.workspace_id).filter(incident__is_drill=False)
    told = rows.filter(told_at__isnull=False).count()
    left = rows.filter(told_at__isnull=True, problem="", incident__closed_at__isnull=False).count()
    return Finding(
        not broken and not left,
        _("{clocks} breaches in 90 days, {broken} told too late; {told} people told, {left} left out"),
        {"clocks": running, "broken": broken, "told": told, "left": left},
    )


@probe(
    "incidents.authorities",
    _("Authorities hear of a breach in time"),
    keys=("S-BR-REG",),
    rules=("breach.board_first", "breach.board_detail", "breach.eu_authority", "breach.certin"),
    minutes=30,
)
def authorities(asked: Asked) -> Finding:
    running, broken = _broken(asked, [audience for audience in Audience if audience != Audience.PEOPLE])
    return Finding(
        not broken,
        _("{clocks} reports were due in 90 days, {broken} were late"),
        {"clocks": running, "broken": broken},
    )


@probe(
    "incidents.clocks",
    _("Each breach has a clock for every audience that the policy names, and the warning runs"),
    keys=("S-BR-LAW", "S-BR-REG", "S-BR-IND"),
    rules=("breach",),
    minutes=6 * 60,
)
def every_clock(asked: Asked) -> Finding:
    """Open breaches, and an invented one reported this moment, against the periods of the policy itself; the job that warns."""
    periods = _promised(asked.policy)
    open_ones = list(Incident.objects.of(asked.workspace_id).filter(closed_at__isnull=True, is_drill=False))
    rows = IncidentClock.objects.of(asked.workspace_id).filter(incident__in=open_ones)
    there = {(row.incident_id, row.audience): row.due_at for row in rows}
    wrong = sum(
        (due_at := there.get((one.pk, audience.value))) is None or due_at > latest
        for one in open_ones
        for audience, latest in _latest(asked.policy, one.noticed_at).items()
    )
    slow = _slow_when_reported(asked)
    warns = "privacy.incident.warnings" in jobs.registered()
    return Finding(
        not wrong and not slow and warns and Audience.PEOPLE in periods,
        _(
            "{audiences} audiences are named; {open} breaches are open, {wrong} clocks are missing or too slow; of a breach reported now, {slow}"
        ),
        {"audiences": len(periods), "open": len(open_ones), "wrong": wrong, "slow": slow, "warns": warns},
    )


def _promised(policy: Policy) -> dict[Audience, Duration]:
    """The periods as the policy has them: not asked of what sets the clocks."""
    named = {audience: getattr(policy.breach, audience.value, None) for audience in Audience}
    return {audience: period.alone for audience, period in named.items() if period is not None}


def _latest(policy: Policy, noticed_at: datetime) -> dict[Audience, datetime]:
    """ "At once" leaves the time in which a report is written."""
    at_once = noticed_at + _AT_ONCE
    return {
        audience: at_once if (end := period.after(noticed_at)) <= noticed_at else end
        for audience, period in _promised(policy).items()
    }


def _slow_when_reported(asked: Asked) -> int:
    """An invented breach is reported by the real rule: how many clocks are missing or end after the promised time."""
    policy = rules.of(asked.workspace_id).policy
    known = Report(
        kind=Incident.Kind.ACCESS, title="Xqzprobe", nature="Xqzprobe", happened_from=asked.at, happened_to=asked.at,
        noticed_at=asked.at,
    )  # fmt: skip
    made = reporting.report(workspace=Workspace.objects.of(asked.workspace_id).get(), what=known, by=None, at=asked.at)
    ends = dict(IncidentClock.objects.of(asked.workspace_id).filter(incident=made).values_list("audience", "due_at"))
    return sum(
        (end := ends.get(audience.value)) is None or end > latest
        for audience, latest in _latest(policy, asked.at).items()
    )


@probe(
    "incidents.drill",
    _("The way of a breach was practiced"),
    keys=("S-IR",),
    rules=("breach", "security"),
)
def practiced(asked: Asked) -> Finding:
    """The last drill, or real breach, that went to its end, with every clock stopped."""
    of_one = IncidentClock.objects.of(asked.workspace_id).filter(incident=OuterRef("pk"))
    gone = Incident.objects.of(asked.workspace_id).filter(
        Exists(of_one), ~Exists(of_one.filter(told_at__isnull=True)), closed_at__isnull=False
    )
    last = gone.order_by("-closed_at").values_list("closed_at", flat=True).first()
    days = (asked.at - last).days if last else None
    return Finding(
        last is not None and asked.at - last <= PRACTICED,
        _("Last practiced {days} days ago; at most {most} are allowed")
        if last
        else _("Never practiced: run `amanat incident drill`"),
        {"days": days, "most": PRACTICED.days},
    )
