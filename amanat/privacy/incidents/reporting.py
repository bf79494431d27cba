"""The register of breaches: reported, people found, audiences told in their time, proven, closed. Drills go the same way, marked.

Every breach is kept, also one without risk (GDPR article 33(5)). DPDP Rule 7 knows no threshold: each person touched is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import access, alarms
from amanat.accounts.models import Member, Workspace
from amanat.basis import rules
from amanat.core import jobs, ledger, tenancy
from amanat.people.models import Contact
from amanat.privacy.incidents import clocks, finding
from amanat.privacy.incidents.finding import Span, Traces
from amanat.privacy.incidents.models import AffectedPerson, Audience, Incident, IncidentClock

JOB = "privacy.incident.tell"
_PIECE = 5_000
Found = AffectedPerson.Found


class StillRunning(Exception):
    """A breach is not closed while an audience was not told or people wait; `what` says who."""

    def __init__(self, what: list[str]) -> None:
        super().__init__(", ".join(what))
        self.what = what


class Closed(Exception):
    """The breach is closed; its record does not change any more."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is known when a breach is reported; the rest comes with time (`describe`)."""

    kind: str
    title: str
    nature: str
    happened_from: datetime
    happened_to: datetime
    noticed_at: datetime
    place: str = ""
    consequences: str = ""
    measures: str = ""
    advice: str = ""
    cause: str = ""


def report(*, workspace: Workspace, what: Report, by: Member | None, at: datetime, is_drill: bool = False) -> Incident:
    """Write a breach down and start its clocks; owners are told at once."""
    policy = rules.of(workspace.pk).policy
    with transaction.atomic():
        incident = Incident.objects.create(
            workspace_id=workspace.pk, reported_at=at, reported_by=by, is_drill=is_drill,
            **{name: getattr(what, name) for name in Report.__slots__},
        )  # fmt: skip
        IncidentClock.objects.bulk_create(
            IncidentClock(workspace_id=workspace.pk, incident=incident, audience=audience, due_at=due_at)
            for audience, due_at in clocks.due(policy, noticed_at=what.noticed_at).items()
        )
        ledger.write(
            "privacy.incident.reported",
            workspace=workspace,
            by=by,
            about=incident,
            at=at,
            kind=what.kind,
            is_drill=is_drill,
        )
        _tell_owners(
            incident,
            workspace,
            _("A breach was reported"),
            _("Its clocks are running. What is due first stands at the top of its page."),
        )
    return incident


def describe(*, incident: Incident, by: Member, at: datetime, **words: Any) -> Incident:
    """Write more down, or better: only words, never the times from which clocks run. `in_languages` as in the table. Raises Closed."""
    allowed = {"title", "nature", "place", "consequences", "measures", "advice", "cause", "in_languages"}
    if words.keys() - allowed:
        raise ValueError(f"not to be changed: {sorted(words.keys() - allowed)}")
    with transaction.atomic():
        row = _open(incident)
        for name, text in words.items():
            setattr(row, name, text)
        row.save(update_fields=list(words))
        ledger.write(
            "privacy.incident.described", workspace=row.workspace_id, by=by, about=row, at=at, fields=sorted(words)
        )
    return row


def add_from_logs(*, incident: Incident, span: Span, by: Member | None, at: datetime) -> tuple[int, Traces]:
    """Find who was touched in the logs and put them on the list; returns how many are new, and what was found."""
    traces = finding.in_logs(incident.workspace_id, span)
    added = _add(incident, traces.contacts.items(), by=by, at=at)
    return added, traces


def add_named(*, incident: Incident, contact_ids: Iterable[UUID], by: Member, at: datetime) -> int:
    """Put people on the list whom a member names; ids of nobody here are left out."""
    rows = Contact.objects.of(incident.workspace_id).filter(pk__in=list(contact_ids)).values_list("pk", flat=True)
    return _add(incident, ((pk, Found.NAMED) for pk in rows), by=by, at=at)


def add_everyone(*, incident: Incident, by: Member, at: datetime) -> int:
    """Put every contact of the workspace on the list: an export of the whole, a stolen backup."""
    rows = Contact.objects.of(incident.workspace_id).values_list("pk", flat=True).iterator(chunk_size=_PIECE)
    return _add(incident, ((pk, Found.NAMED) for pk in rows), by=by, at=at)


def _add(incident: Incident, found: Iterable[tuple[UUID, Found]], *, by: Member | None, at: datetime) -> int:
    here = incident.workspace_id
    with transaction.atomic():
        _open(incident)
        before = AffectedPerson.objects.of(here).filter(incident=incident).count()
        AffectedPerson.objects.bulk_create(
            (AffectedPerson(workspace_id=here, incident=incident, contact_id=pk, found=how, added_at=at) for pk, how in found),
            batch_size=_PIECE, ignore_conflicts=True,
        )  # fmt: skip
        added = AffectedPerson.objects.of(here).filter(incident=incident).count() - before
        if added:
            ledger.write("privacy.incident.people_found", workspace=here, by=by, about=incident, at=at, count=added)
    return added


def order_telling(*, incident: Incident, by: Member, at: datetime) -> None:
    """Let a job tell everybody on the list who was not told. Raises Closed."""
    with transaction.atomic():
        _open(incident)
        ledger.write("privacy.incident.telling", workspace=incident.workspace_id, by=by, about=incident, at=at)
        jobs.enqueue(
            JOB, workspace=incident.workspace_id, once=f"{JOB}:{incident.pk}", incident=str(incident.pk), by=str(by.pk)
        )


def told(*, incident: Incident, audience: Audience, proof: str, by: Member | None, at: datetime) -> IncidentClock:
    """An authority was told, with what proves it. A second telling does not move the first. Raises Closed."""
    with transaction.atomic():
        _open(incident)
        clock = (
            IncidentClock.objects.of(incident.workspace_id)
            .select_for_update()
            .get(incident=incident, audience=audience)
        )
        if clock.told_at is None:
            clock.told_at, clock.told_by, clock.proof = at, by, proof[:300]
            clock.save(update_fields=["told_at", "told_by", "proof"])
            ledger.write(
                "privacy.incident.told",
                workspace=incident.workspace_id,
                by=by,
                about=incident,
                at=at,
                audience=audience.value,
                was_late=clock.is_late(at),
            )
    return clock


def close(*, incident: Incident, lessons: str, by: Member | None, at: datetime) -> Incident:
    """The breach is dealt with. Raises Closed, StillRunning."""
    here = incident.workspace_id
    with transaction.atomic():
        row = _open(incident)
        running = IncidentClock.objects.of(here).filter(incident=row, told_at__isnull=True).order_by("due_at")
        waiting = [str(Audience(audience).label) for audience in running.values_list("audience", flat=True)]
        if waiting:
            raise StillRunning(waiting)
        row.closed_at, row.closed_by, row.lessons = at, by, lessons
        row.save(update_fields=["closed_at", "closed_by", "lessons"])
        ledger.write("privacy.incident.closed", workspace=here, by=by, about=row, at=at)
    return row


def warn_due(*, at: datetime) -> int:
    """Warn owners of every clock that is about to break and was not warned of; returns how many. Run every few minutes."""
    return sum(_warn(workspace_id, at) for workspace_id in access.workspace_ids())


def _warn(workspace_id: UUID, at: datetime) -> int:
    with tenancy.inside(workspace_id):
        rows = (
            IncidentClock.objects.of(workspace_id)
            .select_related("incident")
            .filter(told_at__isnull=True, warned_at__isnull=True)
        )
        ripe = [
            row
            for row in rows.filter(incident__closed_at__isnull=True).select_for_update(of=("self",), skip_locked=True)
            if clocks.warn_at(noticed_at=row.incident.noticed_at, due_at=row.due_at) <= at
        ]
        if not ripe:
            return 0
        workspace = Workspace.objects.of(workspace_id).get(pk=workspace_id)
        for row in ripe:
            row.warned_at = at
            row.save(update_fields=["warned_at"])
            ledger.write(
                "privacy.incident.warned", workspace=workspace_id, about=row.incident, at=at, audience=row.audience
            )
            left = row.due_at - at
            said = {"audience": row.get_audience_display(), "hours": left.total_seconds() / 3_600}
            if left > timedelta(0):
                title, body = _("A period is about to break"), _("%(audience)s must be told within %(hours).1f hours.")
            else:
                title, body = _("A period is over"), _("%(audience)s should have been told by now. Tell them at once.")
            _tell_owners(row.incident, workspace, title, body % said)
    return len(ripe)


def _tell_owners(incident: Incident, workspace: Workspace, subject: str, body: str) -> None:
    """Mails go out when the transaction is through. They name the breach, never what is in it."""
    mark = _("DRILL: ") if incident.is_drill else ""
    url = settings.BASE_URL + reverse("privacy:incident", args=[incident.pk])
    alarms.tell_owners(workspace.pk, subject=f"{mark}{subject}: {workspace.name}", body=f"{mark}{body}\n\n{url}\n")


def _open(incident: Incident) -> Incident:
    row = Incident.objects.of(incident.workspace_id).select_for_update(of=("self",)).get(pk=incident.pk)
    if not row.is_open:
        raise Closed
    return row
