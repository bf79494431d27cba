"""Whom a breach touched: found from the ledger and the log of who saw whom, in a span of time, by actor and table.

The ledger names the first rows of each statement and counts the rest; what it only counts is told as a number, so that nobody takes a list
for complete that is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import Q

from amanat.accounts.models import Workspace
from amanat.core.models import LedgerEntry
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.desk.models import Paper, PaperOpening
from amanat.people.models import Contact
from amanat.privacy.copies.models import Sighting
from amanat.privacy.incidents.models import AffectedPerson

Found = AffectedPerson.Found
EXPORTS = ("people.contacts.exported", "people.workspace.exported")


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked through: from `since` until `until` (excluded), by one member or all, in one table or all."""

    since: datetime
    until: datetime
    actor: UUID | None = None
    table: str = ""  #: label of a model, such as "people.Contact"


@dataclass(slots=True)
class Traces:
    """Contacts by how they were found, rows that are only counted, and exports in the span (which may have held anybody)."""

    contacts: dict[UUID, Found] = field(default_factory=dict)
    uncounted: int = 0
    exports: int = 0


def in_logs(workspace_id: UUID, span: Span) -> Traces:
    """The people whose data was changed, opened or exported in the span. Needs the transaction of the workspace."""
    traces = Traces()
    by_table: dict[str, set[UUID]] = {}
    entries = LedgerEntry.objects.of(workspace_id).filter(at__gte=span.since, at__lt=span.until)
    if span.actor:
        entries = entries.filter(actor=span.actor)
    for event, about, facts in entries.values_list("event", "about", "facts").iterator(chunk_size=2_000):
        if event in EXPORTS:
            traces.exports += 1
        elif event.startswith("row."):
            ids = facts.get("ids", [])
            by_table.setdefault(str(facts.get("table", "")), set()).update(UUID(one) for one in ids)
            if _is_about_people(str(facts.get("table", "")), span.table):
                traces.uncounted += max(int(facts.get("count", 0)) - len(ids), 0)
        elif about and not span.table:
            by_table.setdefault(Contact._meta.db_table, set()).add(about)
    for table, ids in by_table.items():
        for contact in _contacts_of(workspace_id, table, ids, only=span.table):
            traces.contacts.setdefault(contact, Found.LEDGER)
    for contact in _seen(workspace_id, span):
        traces.contacts.setdefault(contact, Found.SEEN)
    return traces


def _contacts_of(workspace_id: UUID, table: str, ids: set[UUID], *, only: str) -> Iterable[UUID]:
    """The contacts to which rows of a table belong, those that are still here."""
    model = next((model for model in workspace_models() if model._meta.db_table == table), None)
    if model is None or (only and model._meta.label != only):
        return []
    if model is Contact:
        rows = Contact.objects.of(workspace_id).filter(pk__in=ids)
        return list(rows.values_list("pk", flat=True))
    path = _path_to_contact(model)
    if not path:
        return []
    manager: type = model
    rows = manager.objects.of(workspace_id).filter(pk__in=ids, **{f"{path}__isnull": False})  # type: ignore[attr-defined]
    return list(rows.values_list(path, flat=True))


def _path_to_contact(model: type[WorkspaceRow]) -> str:
    """The lookup from a row to its contact: its own key, or that of the service it hangs on."""
    keys = {one.name: one.related_model for one in model._meta.local_fields if isinstance(one, WorkspaceForeignKey)}
    if keys.get("contact") is Contact:
        return "contact_id"
    return "record__contact_id" if "record" in keys and keys["record"] is apps.get_model("desk.ServiceRecord") else ""


def _is_about_people(table: str, only: str) -> bool:
    model = next((model for model in workspace_models() if model._meta.db_table == table), None)
    if model is None or (only and model._meta.label != only):
        return False
    return model is Contact or bool(_path_to_contact(model))


def _seen(workspace_id: UUID, span: Span) -> Iterable[UUID]:
    """Those whose page or papers were opened. A page is written down once on a day of the workspace: the day counts, not the minute."""
    if span.table:
        return []
    zone = ZoneInfo(Workspace.objects.of(workspace_id).values_list("time_zone", flat=True).get())
    days = Q(on__gte=span.since.astimezone(zone).date(), on__lte=span.until.astimezone(zone).date())
    pages = Sighting.objects.of(workspace_id).filter(days)
    papers = PaperOpening.objects.of(workspace_id).filter(at__gte=span.since, at__lt=span.until)
    if span.actor:
        pages, papers = pages.filter(member_id=span.actor), papers.filter(member_id=span.actor)
    opened = Paper.objects.of(workspace_id).filter(pk__in=papers.values("paper_id"), contact__isnull=False)
    return [*pages.values_list("contact_id", flat=True), *opened.values_list("contact_id", flat=True)]
