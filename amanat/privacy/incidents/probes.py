"""Probes of incidents: people and authorities told in time, the way practiced."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from amanat.core import jobs
from amanat.policy.probing import Asked, Finding, probe
from amanat.privacy.incidents import clocks
from amanat.privacy.incidents.models import AffectedPerson, Audience, Incident, IncidentClock

#: A period that was broken is shown for so long.
REMEMBERED = timedelta(days=90)
#: A way that was not gone for so long is forgotten. Our own figure, half of the interval at which people are trained.
PRACTICED = timedelta(days=183)


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
    keys=("S-BR-LAW",),
    rules=("breach",),
    minutes=6 * 60,
)
def every_clock(asked: Asked) -> Finding:
    """Open breaches against the audiences of the policy; the periods of the clocks against the policy's; the job that warns."""
    periods = clocks.periods(asked.policy)
    open_ones = list(Incident.objects.of(asked.workspace_id).filter(closed_at__isnull=True, is_drill=False))
    rows = IncidentClock.objects.of(asked.workspace_id).filter(incident__in=open_ones)
    there = {(row.incident_id, row.audience): row.due_at for row in rows}
    wrong = sum(
        (due_at := there.get((one.pk, audience.value))) is None or due_at > latest
        for one in open_ones
        for audience, latest in clocks.due(asked.policy, noticed_at=one.noticed_at).items()
    )
    warns = "privacy.incident.warnings" in jobs.registered()
    return Finding(
        not wrong and warns and Audience.PEOPLE in periods,
        _("{audiences} audiences are named; {open} breaches are open, {wrong} clocks are missing or too slow"),
        {"audiences": len(periods), "open": len(open_ones), "wrong": wrong, "warns": warns},
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
