"""The books stay, the person goes: what is left of a service when the contact or company it was for is erased.

**Design of the part that destroys.** `people.bin.purge` calls `keep` before it walks what hangs on the people who go. A service for
which money was asked or taken stops pointing at its person, so the walk does not reach it, and loses in the same statements everything
that the books do not need: notes, own fields, acknowledgement and payment references, checklists, days of work still to come, its papers, tasks,
lines of the timeline and words of the search. What stays is the number, the service, the amounts, how and on which day money came, and
which member took it. The title a person typed may name somebody: it becomes the catalogue's name, or the plain word "Service".

- A service without money has nothing for the books, and one in the bin was never meant to be there: the walk deletes both.
- A service that also belongs to another contact or company stays theirs, whole.
- Constraints of the tables hold it to that (`models.ONLY_THE_BOOKS`); the rules refuse every later change.

Kept because the law says so: CGST Act section 36 (72 months from the due date of the annual return), Companies Act section 128(5)
(8 financial years). The reasons are in docs/decisions/0007-books-stay-the-person-goes.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts import workspaces
from amanat.desk import papers
from amanat.desk.models import Payment, Service, ServiceRecord, Task
from amanat.people import search
from amanat.people.bin import Kind
from amanat.people.models import Contact, Interaction
from amanat.people.search import Entry

#: What is emptied; `models.ONLY_THE_BOOKS` holds it so.
EMPTY: dict[str, Any] = {
    "acknowledgement": "", "notes": "", "custom": {}, "steps": [], "documents": [], "steps_done": [], "documents_seen": [],
    "papers_vanish": False, "due_on": None, "expires_on": None, "follow_up_on": None,
}  # fmt: skip
_ENDED = ServiceRecord.Status.CANCELLED


def brought_back(row: dict[str, Any]) -> None:
    """Make a row of an export what it may be: one of an erased person holds the books alone, whatever the file says of it."""
    row |= EMPTY | {"repeats_id": None, "deleted_at": None}
    if row["status"] in ServiceRecord.IN_HAND:
        row["status"] = _ENDED.value


def keep(model: Kind, workspace: UUID, ids: Sequence[UUID], at: datetime) -> int:
    """Detach the services of people who are about to be erased from them, for the books. Returns how many."""
    own, other = ("contact", "company") if model is Contact else ("company", "contact")
    payments = Payment.objects.of(workspace).filter(record=OuterRef("pk"))
    theirs = ServiceRecord.objects.of(workspace).filter(
        Q(fee_paise__gt=0) | Exists(payments),
        **{f"{own}__in": list(ids), f"{other}__isnull": True, "deleted_at__isnull": True},
    )
    kept = list(theirs.select_for_update(of=("self",)).order_by("id").values_list("pk", flat=True))
    if kept:
        _forget_around(workspace, kept, at)
        _strip(workspace, kept, at)
        _index(workspace, kept)
    return len(kept)


def _forget_around(workspace: UUID, kept: list[UUID], at: datetime) -> None:
    """What hangs on the services: a task about somebody else lives on without the service."""
    papers.delete_all(kept, workspace=workspace, at=at)
    tasks = Task.objects.of(workspace).filter(record__in=kept)
    about_them = ServiceRecord.objects.of(workspace).filter(pk=OuterRef("record_id"))
    of_others = Q(contact__isnull=False) & ~Exists(about_them.filter(contact_id=OuterRef("contact_id")))
    firms = Q(company__isnull=False) & ~Exists(about_them.filter(company_id=OuterRef("company_id")))
    tasks.filter(of_others | firms).update(record=None)
    tasks.delete()
    Interaction.objects.of(workspace).filter(reference_id__in=kept).delete()
    ServiceRecord.objects.of(workspace).filter(repeats__in=kept).update(repeats=None)


def _strip(workspace: UUID, kept: list[UUID], at: datetime) -> None:
    records = ServiceRecord.objects.of(workspace).filter(pk__in=kept)
    with translation.override(workspaces.by_id(workspace).language):
        plain_word = _("Service")
    in_catalogue = Service.objects.of(workspace).filter(pk=OuterRef("service_id")).values("name")[:1]
    records.update(
        contact=None,
        company=None,
        erased_at=at,
        updated_at=at,
        repeats=None,
        title=Coalesce(Subquery(in_catalogue), Value(plain_word)),
        status=Case(When(status__in=ServiceRecord.IN_HAND, then=Value(_ENDED)), default="status"),
        **EMPTY,
    )
    Payment.objects.of(workspace).filter(record__in=kept).update(reference="", cancel_reason="")


def _index(workspace: UUID, kept: list[UUID]) -> None:
    """Found by number and service from now on, no longer by a name."""
    search.forget(kept, workspace=workspace)
    rows = ServiceRecord.objects.of(workspace).filter(pk__in=kept).values_list("pk", "title", "number", "owner_id")
    search.index(
        Entry(kind="service", id=pk, workspace_id=workspace, words=[title], digits=[str(number)], owner_id=owner)
        for pk, title, number, owner in rows
    )
