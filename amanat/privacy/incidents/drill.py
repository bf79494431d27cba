"""A drill: the whole way of a breach with the real people of a workspace, marked as a drill, in which nobody is written to.

It shows that the logs lead to people, that drafts stand in every language, that each clock runs and stops, and how long it took.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.basis import rules
from amanat.core import tenancy
from amanat.privacy.incidents import reporting, telling
from amanat.privacy.incidents.finding import Span
from amanat.privacy.incidents.models import Audience, Incident, IncidentClock
from amanat.privacy.incidents.reporting import Report

#: How far back the logs are looked through.
LOOKED_BACK = timedelta(days=1)


@dataclass(slots=True)
class Outcome:
    """What a drill showed."""

    incident_id: UUID
    people: int = 0
    told: int = 0
    drafts: int = 0
    clocks: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def as_text(self) -> str:
        lines = [
            f"Drill {self.incident_id}",
            f"  people found in the logs: {self.people}",
            f"  people who could be told: {self.told}",
            f"  drafts: {self.drafts}",
        ]
        lines += [f"  {audience}: {due}" for audience, due in self.clocks.items()]
        return "\n".join([*lines, f"  time taken: {self.seconds:.2f} s", "Nobody was written to."])


def run(*, workspace_id: UUID, at: datetime) -> Outcome:
    """Go through a breach of the last day. Raises Workspace.DoesNotExist."""
    began = time.monotonic()
    with tenancy.inside(workspace_id):
        workspace = Workspace.objects.of(workspace_id).get(pk=workspace_id)
        what = Report(
            kind=Incident.Kind.ACCESS, title=_("Drill"), nature=_("Drill: somebody used the password of a member."), place=_("nowhere"),
            happened_from=at - LOOKED_BACK, happened_to=at, noticed_at=at, consequences=_("None: this is a drill."),
            measures=_("None: this is a drill."), advice=_("Nothing: this is a drill."), cause=_("A drill."),
        )  # fmt: skip
        incident = reporting.report(workspace=workspace, what=what, by=None, at=at, is_drill=True)
        people, _traces = reporting.add_from_logs(incident=incident, span=Span(at - LOOKED_BACK, at), by=None, at=at)
        drafts = telling.drafts(incident, workspace=workspace, policy=rules.of(workspace_id).policy)
    told = telling.tell_people(incident.pk, workspace_id=workspace_id, by=None, at=at)
    with tenancy.inside(workspace_id):
        rows = list(IncidentClock.objects.of(workspace_id).filter(incident=incident).order_by("due_at"))
        for row in rows:
            if row.audience != Audience.PEOPLE:
                reporting.told(incident=incident, audience=Audience(row.audience), proof=_("drill"), by=None, at=at)
        reporting.close(
            incident=incident,
            lessons=_("Drill of %(seconds).1f seconds.") % {"seconds": time.monotonic() - began},
            by=None,
            at=at,
        )
    due = {row.audience: f"due {row.due_at:%Y-%m-%d %H:%M} UTC, stopped" for row in rows}
    return Outcome(incident.pk, people, told, len(drafts), due, time.monotonic() - began)
