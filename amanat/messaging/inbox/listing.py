"""The list of conversations: whose they are, the newest first, with what was said last. Paged by key, so the last page costs what the first does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.models import Member
from amanat.core.vault import VaultRefused
from amanat.desk import prepared
from amanat.desk.prepared import Part, Standins
from amanat.messaging.inbox import bodies, threads
from amanat.messaging.inbox.models import Mention, Message, Thread
from amanat.messaging.outbox.models import Dispatch
from amanat.people import search
from amanat.people.timeline import Place
from amanat.web import formatting

PAGE = 40
#: Nothing is counted further: what is more is shown as "99+".
MOST = formatting.MOST_IN_A_BADGE + 1
SNIPPET = 90
#: Of messages that could not be sent no more are looked at, from the newest on: a list of dead numbers must not slow the page.
MOST_TROUBLED = 2_000
#: The views of the list, by their name in addresses.
VIEWS: dict[str, str | Promise] = {
    "mine": gettext_lazy("Mine"),
    "unassigned": gettext_lazy("Unassigned"),
    "all": gettext_lazy("All"),
    "mentions": gettext_lazy("Mentions of me"),
    "snoozed": gettext_lazy("Snoozed"),
    "closed": gettext_lazy("Closed"),
    "unclear": gettext_lazy("Not clear whether it was sent"),
    "failed": gettext_lazy("Could not be sent"),
}
#: What an empty one says.
EMPTY: dict[str, str | Promise] = {
    "mine": gettext_lazy("Nothing is waiting for you. Conversations you answer become yours."),
    "unassigned": gettext_lazy("Somebody takes care of every conversation."),
    "all": gettext_lazy("No conversation is open."),
    "mentions": gettext_lazy("No note that names you is unread."),
    "snoozed": gettext_lazy("Nothing is snoozed. What is put away comes back at its time, or when the person writes."),
    "closed": gettext_lazy("Nothing is closed. A closed conversation opens again when the person writes."),
    "unclear": gettext_lazy("Of every message it is clear whether it was sent."),
    "failed": gettext_lazy("Everything could be sent."),
}
#: Views that are shown as tabs; the others stand in the menu beside.
TABS = ("mine", "unassigned", "all")
_COLUMNS = (
    "id", "contact_id", "contact__name", "last_at", "unread", "assigned_to_id", "last_message_id", "last_message__body",
    "last_message__kind", "last_message__direction", "last_message__channel",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One conversation as the list shows it."""

    id: UUID
    contact_id: UUID
    name: str
    snippet: str
    at: str
    moment: str  #: for machines
    unread: int
    tone: int
    initials: str
    channel: str
    is_restricted: bool = False
    message_id: UUID | None = None  #: the message that a search found


@dataclass(frozen=True, slots=True)
class Page:
    lines: Sequence[Line]
    after: str = ""  #: the key of the next page


def of_view(view: str, *, member: Member, at: datetime) -> QuerySet[Thread]:  # noqa: PLR0911 (a table of views)
    """The conversations of a view that `member` may see, in no order."""
    rows = threads.visible(member)
    is_open = Q(closed_at__isnull=True)
    awake = is_open & (Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=at))
    match view:
        case "mine":
            return rows.filter(awake, assigned_to=member.pk)
        case "unassigned":
            return rows.filter(awake, threads.nobody_has())
        case "snoozed":
            return rows.filter(is_open, snoozed_until__gt=at)
        case "closed":
            return rows.filter(closed_at__isnull=False)
        case "mentions":
            mine = Mention.objects.of(member.workspace_id).filter(
                thread=OuterRef("pk"), member=member.pk, seen_at__isnull=True
            )
            return rows.filter(Exists(mine))
        case "unclear" | "failed":
            troubled = _troubled(view, member).order_by("-created_at")[:MOST_TROUBLED]
            return rows.filter(pk__in=troubled.values("message__thread"))
    return rows.filter(awake)


def _troubled(view: str, member: Member) -> QuerySet[Dispatch]:
    rows = Dispatch.objects.of(member.workspace_id)
    if view == "unclear":
        return rows.filter(state__in=(Dispatch.State.UNKNOWN, Dispatch.State.HELD))
    return rows.filter(Q(state=Dispatch.State.DEAD) | Q(delivery=Dispatch.Delivery.FAILED))


def page(
    view: str,
    *,
    member: Member,
    at: datetime,
    after: str = "",
    restricted: frozenset[UUID] = frozenset(),
    size: int = PAGE,
) -> Page:
    """One page of a view."""
    place = Place.parse(after)
    values: dict[str, Any] = {"now": at}
    if place is not None:
        values |= {"moment": place.happened_at, "place": place.id}
    build = partial(_rows, view=view, size=size, is_first=place is None)
    found = prepared.rows(f"inbox {view} {size} {place is None}", build, member=member, values=values)
    more, found = len(found) > size, found[:size]
    lines = drawn(found, member=member, at=at, restricted=restricted)
    return Page(lines, str(Place(found[-1][3], found[-1][0])) if more else "")


def _rows(standins: Standins, *, view: str, size: int, is_first: bool) -> QuerySet[Thread, Any]:
    rows = of_view(view, member=standins.member, at=standins.moment("now"))
    if not is_first:
        place = (standins.moment("moment"), standins.identity("place"))
        rows = rows.filter(TupleLessThan(Tuple(F("last_at"), F("id")), place))
    return rows.order_by("-last_at", "-id").values_list(*_COLUMNS)[: size + 1]


def counts(*, member: Member, at: datetime) -> Counter[str]:
    """How many there are of the views whose number one wants to know, `MOST` at most, in one statement."""
    return Counter(prepared.read(f"inbox counts {MOST}", _counted, member=member, values={"now": at}))


def _counted(standins: Standins) -> dict[str, Part]:
    now = standins.moment("now")
    views = ("mine", "unassigned", "mentions", "unclear", "snoozed")
    return {
        view: Part(of_view(view, member=standins.member, at=now).order_by().values("pk")[:MOST], "count")
        for view in views
    }


def first_view(count: Mapping[str, int]) -> str:
    """What somebody sees who asks for nothing in particular: her own, else what nobody has, else everything."""
    return next((view for view in ("mine", "unassigned") if count.get(view)), "all")


def found(query: str, *, member: Member, at: datetime, restricted: frozenset[UUID] = frozenset()) -> Page:
    """Conversations with people of that name or number, then those in which it was said, newest first."""
    people = [hit.id for hit in search.find(query, member=member, kinds=["contact"], limit=10)]
    by_words = bodies.find(query, member=member, limit=PAGE)
    rows = list(threads.visible(member).filter(contact__in=people).values_list(*_COLUMNS)) if people else []
    lines = drawn(rows, member=member, at=at, restricted=restricted)
    lines.sort(key=lambda line: people.index(line.contact_id))
    said = list(
        Message.objects.of(member.workspace_id)
        .filter(pk__in=by_words, contact__deleted_at__isnull=True)
        .values_list(
            "thread_id", "contact_id", "contact__name", "happened_at", Value(0), Value(0), "id", "body", "kind", "direction", "channel"
        )
    ) if by_words else []  # fmt: skip
    said.sort(key=lambda row: by_words.index(row[6]))
    return Page([*lines, *drawn(said, member=member, at=at, restricted=restricted, is_search=True)])


def drawn(
    rows: Iterable[Sequence[Any]],
    *,
    member: Member,
    at: datetime,
    restricted: frozenset[UUID] = frozenset(),
    is_search: bool = False,
) -> list[Line]:
    lines = []
    for row in rows:
        key, contact, name, moment, unread, _assigned, message, body, kind, direction, channel = row
        is_restricted = contact in restricted
        text = (
            ""
            if is_restricted
            else snippet(body, kind, direction, workspace_id=member.workspace_id, message_id=message)
        )
        lines.append(
            Line(
                id=key, contact_id=contact, name=name, snippet=_("restricted") if is_restricted else text,
                at=when(moment, now=at), moment=moment.isoformat(), unread=unread,
                tone=formatting.avatar_tone(contact), initials=formatting.initials(name), channel=channel or "",
                is_restricted=is_restricted, message_id=message if is_search else None,
            )
        )  # fmt: skip
    return lines


def snippet(body: Any, kind: str | None, direction: str | None, *, workspace_id: UUID, message_id: UUID | None) -> str:
    """The beginning of what was said; of what has no words, what it is."""
    if message_id is None:
        return ""
    try:
        text = " ".join(bodies.opened(body, workspace_id=workspace_id, message_id=message_id)[:400].split())
    except VaultRefused:
        text = "…"
    if not text:
        text = str(Message.Kind(kind).label) if kind in Message.Kind.values else ""
    text = text if len(text) <= SNIPPET else f"{text[:SNIPPET]}…"
    return _("Note: %(text)s") % {"text": text} if direction == Message.Direction.NOTE else text


def when(moment: datetime, *, now: datetime) -> str:
    """10:06 today; Yesterday; Thu within a week; then the day."""
    local, here = timezone.localtime(moment), timezone.localtime(now)
    days = (here.date() - local.date()).days
    if days <= 0:
        return formatting.clock_time(moment)
    if days == 1:
        return _("Yesterday")
    return str(date_format(local, "D")) if days < 7 else formatting.short_day(moment, now=now)
