"""One conversation as its page shows it: days, bubbles, notes, what was done meanwhile, and how far each message of ours got."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import F, JSONField
from django.db.models.expressions import RawSQL
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import html
from amanat.core.filetypes import FILMS, PICTURES, SOUNDS, FileType
from amanat.core.vault import VaultRefused
from amanat.desk import prepared
from amanat.desk.prepared import Part, Standins
from amanat.messaging.channels.contract import Choices
from amanat.messaging.channels.models import Channel
from amanat.messaging.inbox import bodies, choices, progress, reacting
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.progress import Progress
from amanat.people import timeline
from amanat.people.forms import LANGUAGES
from amanat.people.models import Interaction
from amanat.people.timeline import Place
from amanat.people.vocabulary import Vocabulary
from amanat.web import formatting

PAGE = 50
#: Messages of ours that are words alone: they can be taken up again.
WORDS = frozenset({Message.Kind.TEXT, Message.Kind.BUTTONS})
_NOTHING = Choices(())
#: Letters of Indian scripts are joined or kept apart by these.
_JOINERS = frozenset("\u200c\u200d")
#: Lines of the timeline that stand between the messages, being about what people write of.
DONE_MEANWHILE = ("service", "payment", "task", "paper")
_FILES = """(SELECT jsonb_agg(jsonb_build_array(f.id, f.name, f.content_type, f.trouble, f.file_id IS NOT NULL) ORDER BY f.position)
    FROM messaging_messagefile f WHERE f.workspace_id = messaging_message.workspace_id AND f.message_id = messaging_message.id)"""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a message; `player` is the element that shows or plays it in the page, "" where browsers do not; `hint` says what to do then."""

    url: str
    name: str
    trouble: str
    is_waiting: bool
    player: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """One choice below a message of ours, and whether the person tapped it."""

    title: str
    description: str
    is_chosen: bool


@dataclass(slots=True)
class Bubble:
    """One thing on the page. `kind` is "in", "out", "note", "day" or "done"."""

    kind: str
    id: str = ""
    text: SafeString | str = ""
    at: str = ""
    moment: str = ""
    head: str = ""
    subject: str = ""
    by: str = ""
    icon: str = ""
    url: str = ""
    language: str = ""
    is_text: bool = False
    files: list[File] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    may_react: bool = False
    reacted: str = ""  #: the emoji of ours that is on it
    untold: Progress | None = None  #: of our reaction, where something is wrong with it
    quoted: str = ""
    label: str = ""  #: what opens the list of `offered`, "" for buttons
    offered: list[Offered] = field(default_factory=list)
    progress: Progress | None = None

    @property
    def may_be_taken_up(self) -> bool:
        """Whether its words may be taken into a new message: a text of ours that did not reach the person."""
        return self.is_text and self.progress is not None and self.progress.may_write_again


@dataclass(frozen=True, slots=True)
class Shown:
    bubbles: Sequence[Bubble]
    older: str = ""  #: the key of what was said before
    last_id: str = ""  #: of the newest message, by which an answer given meanwhile is noticed


def messages(thread: Thread, *, before: str = "", limit: int = PAGE) -> tuple[list[Message], str]:
    """The newest messages before a place, oldest first, and the place before them. One statement."""
    rows: Any = Message.objects.of(thread.workspace_id).filter(thread=thread.pk).select_related("text_of__template")
    place = Place.parse(before)
    if place is not None:
        rows = rows.filter(TupleLessThan(Tuple(F("happened_at"), F("id")), (place.happened_at, place.id)))
    rows = with_progress(rows)
    found = list(rows.order_by("-happened_at", "-id")[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    found.reverse()
    return found, str(Place(found[0].happened_at, found[0].pk)) if more else ""


def with_progress(rows: Any) -> Any:
    """The messages with what became of their sending, and their files: `sending` and `attached`."""
    return rows.annotate(
        sending=RawSQL(progress.SENDING, [], output_field=JSONField()),  # noqa: S611 (our own text without values)
        attached=RawSQL(_FILES, [], output_field=JSONField()),  # noqa: S611 (the same)
    )


def show(
    thread: Thread, words: Vocabulary, *, by: Member, now: datetime, before: str = "", limit: int = PAGE
) -> Shown:  # fmt: skip
    """The part of the conversation that a page shows. Two statements, also for an older part: it has what was put on it since."""
    found, older = messages(thread, before=before, limit=limit)
    done = _done(thread, found[0].happened_at, by) if found and not before else []
    texts = {message.pk: said_in(message) for message in found}
    later = _put_on(thread, found) if before else []
    texts_of_later = {message.pk: said_in(message) for message in later}
    marks, said_by = [*found, *later], texts | texts_of_later
    chosen = {(one.answers_id, said_by[one.pk]) for one in marks if one.kind == Message.Kind.CHOICE}
    reactions = _reactions(marks, said_by, now)
    drawn: list[tuple[datetime, Bubble]] = [
        (message.happened_at, _bubble(message, texts, reactions, words, now, thread=thread, chosen=chosen))
        for message in found
        if message.kind != Message.Kind.REACTION or (message.answers_id not in texts and texts[message.pk])
    ]
    drawn += done
    drawn.sort(key=lambda pair: pair[0])
    said = [message.pk for message in found if message.direction != Message.Direction.NOTE]
    return Shown(_with_days(drawn, now), older, str(said[-1]) if said else "")


def _put_on(thread: Thread, found: Sequence[Message]) -> list[Message]:
    """Reactions to these messages, and choices tapped below them, that stand on a newer page. On the newest there are none."""
    rows = Message.objects.of(thread.workspace_id).filter(
        thread=thread.pk,
        answers__in=[message.pk for message in found],
        kind__in=(Message.Kind.REACTION, Message.Kind.CHOICE),
    )
    rows = rows.exclude(pk__in=[message.pk for message in found]).order_by("happened_at", "id")
    return list(with_progress(rows)[: 4 * PAGE])


@dataclass(slots=True)
class _Reactions:
    """What was put on one message: of each side the newest that did not fail; an empty one takes back what was there."""

    by_side: dict[str, str] = field(default_factory=dict)
    untold: Progress | None = None


def _reactions(found: Sequence[Message], texts: Mapping[UUID, str], now: datetime) -> Mapping[UUID, _Reactions]:
    known: dict[UUID, _Reactions] = {}
    for message in found:
        if message.kind != Message.Kind.REACTION or not message.answers_id:
            continue
        on = known.setdefault(message.answers_id, _Reactions())
        sending: Mapping[str, Any] | None = message.sending  # type: ignore[attr-defined]
        stands = progress.of(sending, now=now) if sending else None
        if stands is None or not stands.has_failed:
            on.by_side[message.direction] = texts[message.pk]
        if stands is not None:
            label = _("Your reaction %(emoji)s: %(state)s") % {"emoji": texts[message.pk], "state": stands.label}
            on.untold = replace(stands, label=label) if stands.has_failed or stands.is_unclear else None
    return known


def _done(thread: Thread, since: datetime, by: Member) -> list[tuple[datetime, Bubble]]:
    values = {"person": thread.contact_id, "since": since}
    lines = prepared.read(f"meanwhile {PAGE}", _meanwhile, member=by, values=values)["lines"]
    return [(moment := datetime.fromisoformat(line["happened_at"]), _done_bubble(line, moment)) for line in lines]


def _meanwhile(standins: Standins) -> dict[str, Part]:
    lines = Interaction.objects.of(standins.member.workspace_id).filter(
        contact_id=standins.identity("person"), kind__in=DONE_MEANWHILE, happened_at__gte=standins.moment("since")
    )
    newest = lines.order_by("-happened_at", "-id").values("happened_at", "kind", "summary", "data")
    return {"lines": Part(newest[:PAGE])}


def _done_bubble(line: Mapping[str, Any], moment: datetime) -> Bubble:
    data = line["data"] if isinstance(line["data"], dict) else {}
    return Bubble(
        "done", text=line["summary"], icon=timeline.kinds.get(line["kind"]).icon, url=str(data.get("url") or ""),
        at=formatting.clock_time(moment), moment=moment.isoformat(),
    )  # fmt: skip


def _with_days(drawn: Sequence[tuple[datetime, Bubble]], now: datetime) -> list[Bubble]:
    shown: list[Bubble] = []
    last: date | None = None
    for moment, bubble in drawn:
        day = timezone.localtime(moment).date()
        if day != last:
            shown.append(Bubble("day", text=day_words(day, now=now), moment=day.isoformat()))
            last = day
        shown.append(bubble)
    return shown


def day_words(day: date, *, now: datetime) -> str:
    """Today, Yesterday, Thursday within a week, else the day."""
    days = (timezone.localtime(now).date() - day).days
    if days in {0, 1}:
        return _("Today") if days == 0 else _("Yesterday")
    return str(date_format(day, "l")) if 0 < days < 7 else formatting.short_day(day, now=now)


def _bubble(
    message: Message, texts: Mapping[UUID, str], reactions: Mapping[UUID, _Reactions], words: Vocabulary, now: datetime, *,
    thread: Thread, chosen: Container[tuple[UUID | None, str]],
) -> Bubble:  # fmt: skip
    offer = offered(message)
    sending: Mapping[str, Any] | None = message.sending  # type: ignore[attr-defined]
    answers = texts.get(message.answers_id, "") if message.answers_id else ""
    on = reactions.get(message.pk, _Reactions())
    return Bubble(
        kind=message.direction,
        id=str(message.pk),
        text=_html(message, texts[message.pk]),
        at=formatting.clock_time(message.happened_at),
        moment=message.happened_at.isoformat(),
        head=_head(message),
        subject=_opened(message, "subject"),
        by=words.member_name(message.by_id),
        language=message.language,
        is_text=message.kind in WORDS,
        files=[_file(*one) for one in message.attached or ()],  # type: ignore[attr-defined]
        reactions=[one for one in on.by_side.values() if one],
        may_react=not reacting.why_not(message, thread, now),
        reacted=on.by_side.get(Message.Direction.OUT, ""),
        untold=on.untold,
        quoted=" ".join(answers[:120].split()),
        label=offer.label,
        offered=[Offered(one.title, one.description, (message.pk, one.title) in chosen) for one in offer.offered],
        progress=progress.of(sending, now=now) if sending else None,
    )


def _file(key: str, name: str, content_type: str, trouble: str, is_kept: bool) -> File:
    url = reverse("messaging:inbox_file", args=[key]) if is_kept else ""
    player = _player(content_type) if is_kept else ""
    hint = _("No browser plays this kind of recording (AMR). Download it and open it in a player such as VLC.")
    return File(
        url, _readable(name) or _what(content_type), trouble, not is_kept and not trouble, player,
        hint if is_kept and content_type == FileType.AMR else "",
    )  # fmt: skip


def _readable(name: str) -> str:
    """A file's name without what turns its letters round or hides them: "photo\u202egnp.exe" must not look like a picture."""
    return "".join(
        letter for letter in name if letter in _JOINERS or unicodedata.category(letter) not in {"Cf", "Cc"}
    ).strip()


def _player(content_type: str) -> str:
    if content_type in SOUNDS - {FileType.AMR}:  # no browser plays AMR
        return "audio"
    if content_type in PICTURES:
        return "picture"
    return "video" if content_type in FILMS else ""


def _what(content_type: str) -> str:
    """What to call a file that came without a name, as voice messages do."""
    known = {"audio": _("Voice message"), "video": _("Video"), "image": _("Picture")}
    return known.get(content_type.partition("/")[0], content_type or _("File"))


def _head(message: Message) -> str:
    """Template renewal_due · Marathi; SMS or e-mail, where it was not WhatsApp."""
    parts = []
    if message.text_of is not None:
        parts.append(_("Template %(name)s") % {"name": message.text_of.template.name})
        parts.append(dict(LANGUAGES).get(message.text_of.language, message.text_of.language))
    if message.kind == Message.Kind.INTENDED:
        parts.append(_("Opened on a phone of ours"))
    if message.channel and message.channel != Channel.WHATSAPP:
        parts.append(str(Channel(message.channel).label) if message.channel in Channel.values else _("Call"))
    if message.kind in {Message.Kind.CHOICE, Message.Kind.LOCATION, Message.Kind.OTHER}:
        parts.append(str(Message.Kind(message.kind).label))
    return " · ".join(str(part) for part in parts)


def offered(message: Message) -> Choices:
    """What stands below a message to be tapped; nothing where it cannot be opened any more."""
    try:
        return choices.of(message) or _NOTHING
    except VaultRefused:
        return _NOTHING


def said_in(message: Message) -> str:
    """What a message says, or that it cannot be opened any more."""
    return _opened(message, "body")


def _opened(message: Message, name: bodies.Field) -> str:
    try:
        return bodies.open(message, name)
    except VaultRefused:
        return _("This text cannot be opened any more.")


def _html(message: Message, text: str) -> SafeString:
    """A mail as it was laid out, cleaned once more; else the text with its lines and links."""
    laid_out = _opened(message, "html") if message.html else ""
    try:
        return mark_safe(html.clean(laid_out) if laid_out else html.text_to_html(text))  # noqa: S308 (cleaned or escaped by core.html)
    except html.TooLong:
        return mark_safe(html.text_to_html(text))  # noqa: S308 (escaped by core.html)
