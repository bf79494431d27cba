"""What became of a message to many for each person: who is behind each number of the report, page by page, and all of it as a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from amanat.accounts.models import Member
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import batching, reporting
from amanat.messaging.reminders.models import BatchRefusal, MessageBatch
from amanat.people import masking, vocabulary
from amanat.people.models import Contact

PAGE = 50
LEFT_OUT = "left_out"
WAITING = Q(state__in=("todo", "sending", "held"))
SENT = Q(state="done")
DELIVERED = Q(delivery__in=("delivered", "read"))
READ = Q(delivery="read")
FAILED = Q(state="dead") | Q(delivery="failed")
UNKNOWN = Q(state="unknown")
_OPEN = frozenset({Dispatch.State.TODO, Dispatch.State.SENDING, Dispatch.State.HELD})
_LATER = Q(state__in=("refused", "dropped"))
#: What a page may be asked for, with its heading.
KINDS: dict[str, tuple[str | Promise, Q]] = {
    "waiting": (gettext_lazy("Waiting"), WAITING),
    "sent": (gettext_lazy("Sent"), SENT),
    "delivered": (pgettext_lazy("message", "Delivered"), DELIVERED),
    "read": (gettext_lazy("Read"), READ),
    "answered": (gettext_lazy("Answered"), Q()),
    "failed": (gettext_lazy("Failed"), FAILED),
    "unknown": (gettext_lazy("Not clear whether it was sent"), UNKNOWN),
    LEFT_OUT: (gettext_lazy("Not sent, and why"), _LATER),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One person, what she got, and why not where she got nothing."""

    contact: Contact
    said: str | Promise = ""
    why: str | Promise = ""
    at: datetime | None = None
    address: str = ""
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """Some of the people of one kind. `page` begins at 1; `pages` is how many there are."""

    title: str | Promise
    count: int
    lines: list[Line]
    page: int
    pages: int


def answers() -> QuerySet[Message]:
    """What a person wrote within a week of a message to her."""
    return Message.objects.filter(
        workspace_id=OuterRef("workspace_id"),
        contact=OuterRef("contact"),
        direction=Message.Direction.IN,
        happened_at__gte=OuterRef("sent_at"),
        happened_at__lt=OuterRef("sent_at") + timedelta(days=7),
    )


def shown(batch: MessageBatch, kind: str, *, by: Member, reason: str = "", page: int = 1) -> Shown:
    """The people of one kind that `by` may see, in order of name. Raises KeyError for a kind that is none."""
    title, wanted = KINDS[kind]
    seen = Contact.objects.of(batch.workspace_id).visible_to(by)
    if kind == LEFT_OUT:
        refused, later = _refused(batch), _sent(batch).filter(wanted)
        if reason:
            refused, later = refused.filter(reason=reason), later.filter(reason=reason)
        people = seen.filter(Q(pk__in=refused.values("contact")) | Q(pk__in=later.values("contact")))
    else:
        rows = _sent(batch).filter(wanted)
        people = seen.filter(pk__in=(rows.filter(Exists(answers())) if kind == "answered" else rows).values("contact"))
    count = people.count()
    pages = max(-(-count // PAGE), 1)
    page = min(max(page, 1), pages)
    part = list(people.order_by("name", "id")[(page - 1) * PAGE : page * PAGE])
    return Shown(title, count, _lines(batch, part), page, pages)


def headings() -> list[str]:
    return [_("Name"), _("Sent to"), _("What became of it"), _("When"), _("Answered"), _("Why")]


def table(batch: MessageBatch, *, by: Member) -> Iterator[list[str]]:
    """One row for each person that `by` may see, in the order in which they were chosen; what her role hides stays hidden."""
    words = vocabulary.of(batch.workspace_id)
    guard = masking.guard(by, words, masking.SERVICE)
    seen = Contact.objects.of(batch.workspace_id).visible_to(by)
    for part in batched(batch.people, batching.AT_ONCE):
        for line in _lines(batch, list(seen.filter(pk__in=part).order_by("id"))):
            field = "emails" if "@" in line.address else "phones"
            yield [
                line.contact.name,
                guard.about(line.contact.pk).shown(field, line.address),
                str(line.said),
                f"{timezone.localtime(line.at):%Y-%m-%d %H:%M}" if line.at else "",
                _("yes") if line.is_answered else "",
                str(line.why),
            ]


def _sent(batch: MessageBatch) -> QuerySet[Dispatch]:
    return Dispatch.objects.of(batch.workspace_id).filter(source=batching.SOURCE, source_id=batch.pk)


def _refused(batch: MessageBatch) -> QuerySet[BatchRefusal]:
    return BatchRefusal.objects.of(batch.workspace_id).filter(batch=batch)


def _lines(batch: MessageBatch, people: list[Contact]) -> list[Line]:
    """Two statements, however many."""
    ids = [contact.pk for contact in people]
    rows = _sent(batch).filter(contact__in=ids).select_related("account").annotate(is_answered=Exists(answers()))
    sent = {row.contact_id: row for row in rows}
    refused = dict(_refused(batch).filter(contact__in=ids).values_list("contact_id", "reason"))
    return [_line(contact, sent.get(contact.pk), refused) for contact in people]


def _line(contact: Contact, row: Dispatch | None, refused: dict[UUID, str]) -> Line:
    if row is None:
        reason = refused.get(contact.pk, "")
        return Line(contact, _("Not sent") if reason else "", reporting.in_words(reason) if reason else "")
    is_open = row.state in _OPEN
    has_failed = row.state == Dispatch.State.DEAD or row.delivery == Dispatch.Delivery.FAILED
    is_delayed = row.delivery == Dispatch.Delivery.SENT and bool(row.error_code)
    has_reason = row.reason and (is_open or row.state in {Dispatch.State.REFUSED, Dispatch.State.DROPPED})
    why = reporting.in_words(row.reason) if has_reason else ""
    return Line(
        contact,
        Dispatch.Delivery(row.delivery).label if row.delivery else Dispatch.State(row.state).label,
        reporting.failure(row.account, row.error_code) if has_failed or is_delayed else why,
        row.due_at if is_open else row.sent_at or row.ended_at,
        row.address,
        row.is_answered,  # type: ignore[attr-defined]
    )
