"""The API of conversations: read them, write, note, give them to somebody. The same rules as the pages."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router

from amanat.accounts import bulk_reads
from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import answer, broken_key, next_of
from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.core.vault import VaultRefused
from amanat.messaging.inbox import answering, bodies, listing, picking, reacting, saying, showing, threads
from amanat.messaging.inbox.api_shapes import (
    AssignIn,
    ChoicesIn,
    ChoicesOut,
    FileOut,
    MessageFilters,
    MessageIn,
    MessageOut,
    MessagePage,
    NoteIn,
    OptionOut,
    Paged,
    ReactionIn,
    ThreadChange,
    ThreadFilters,
    ThreadOut,
    ThreadPage,
    Wanted,
)
from amanat.messaging.inbox.choices import Offer, Problem
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.saying import OfferRefused, SayRefused, Words
from amanat.messaging.inbox.threads import ThreadRefused
from amanat.people import masking, vocabulary
from amanat.people.models import Contact
from amanat.people.timeline import Place

router = Router(tags=["Conversations"])


@router.get("/threads", response=ThreadPage, summary="List conversations")
@needs("messages:read", May.READ_CONTACTS)
def list_threads(request: HttpRequest, filters: Query[ThreadFilters]) -> ThreadPage:
    """The one last written in comes first."""
    asked = cast(ApiRequest, request)
    rows = listing.of_view(filters.view, member=asked.member, at=clock.now())
    if filters.contact_id is not None:
        rows = rows.filter(contact=filters.contact_id)
    found, more = _page(rows, filters, "last_at")
    key = str(Place(found[-1].last_at, found[-1].pk)) if more else None
    return ThreadPage(items=[_thread(one) for one in found], next=next_of(request, key))


@router.get("/threads/{uuid:thread_id}", response=ThreadOut, summary="Read a conversation")
@needs("messages:read", May.READ_CONTACTS)
def get_thread(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    return answer(_thread(_find(cast(ApiRequest, request), thread_id)))


@router.get("/threads/{uuid:thread_id}/messages", response=MessagePage, summary="List the messages of a conversation")
@needs("messages:read", May.READ_CONTACTS)
def list_messages(request: HttpRequest, thread_id: UUID, filters: Query[MessageFilters]) -> MessagePage:
    """Newest first. Nothing of a person whose use is restricted."""
    asked = cast(ApiRequest, request)
    thread = _find(asked, thread_id)
    if filters.after and Place.parse(filters.after) is None:
        raise broken_key()
    _require_open(asked, thread.contact_id)
    found, older = showing.messages(thread, before=filters.after, limit=filters.limit)
    bulk_reads.count(token=asked.token, member=asked.member, contacts=1)
    return MessagePage(items=[_message(one) for one in reversed(found)], next=next_of(request, older or None))


@router.get("/messages", response=MessagePage, summary="Find messages by their words")
@needs("messages:read", May.READ_CONTACTS)
def find_messages(request: HttpRequest, filters: Query[Wanted]) -> MessagePage:
    """Whole words, in whatever script they were written; newest first."""
    asked = cast(ApiRequest, request)
    held = masking.guard(asked.member, vocabulary.of(asked.workspace), asked.purpose)
    keys = bodies.find(filters.q, member=asked.member, limit=filters.limit)
    rows = showing.with_progress(Message.objects.of(asked.workspace).filter(pk__in=keys)) if keys else []
    found = sorted((row for row in rows if row.contact_id not in held.restricted), key=lambda row: keys.index(row.pk))
    bulk_reads.count(token=asked.token, member=asked.member, contacts=len({row.contact_id for row in found}))
    return MessagePage(items=[_message(one) for one in found], next=None)


@router.post("/messages", response={201: MessageOut}, summary="Write to a person")
@needs("messages:write", May.WRITE_CONTACTS)
def send_message(request: HttpRequest, message: MessageIn) -> HttpResponse:
    """It is ordered to be sent; whether it may be is decided when it leaves, and stands in `state`. Send an Idempotency-Key."""
    asked = cast(ApiRequest, request)
    contact = _contact(asked, message.contact_id)
    offer = _offer(message.choices)
    channel, words = str(message.channel), Words(text=message.text, subject=message.subject, offer=offer)
    try:
        if message.template_text_id is not None:
            pick = picking.pick(message.template_text_id, contact, workspace=asked.workspace)
            channel, words = pick.channel, Words(template=pick.text, values=pick.values, offer=offer)
        thread = Thread.objects.of(asked.workspace).filter(contact=contact.pk).first()
        words = answering.as_answer(words, channel=channel, thread=thread)
        said = saying.say(contact=contact, channel=channel, words=words, by=asked.member, at=clock.now())
    except OfferRefused as refused:
        raise ValidationError({_field_of(one): one.says for one in reversed(refused.problems)}) from None
    except SayRefused as refused:
        raise ValidationError(str(refused)) from None
    return _answer(said)


@router.put("/messages/{uuid:message_id}/reaction", response=MessageOut, summary="React to a message of a person")
@needs("messages:write", May.WRITE_CONTACTS)
def put_reaction(request: HttpRequest, message_id: UUID, reaction: ReactionIn) -> HttpResponse:
    """On WhatsApp, instead of what is there of yours. It goes out as a message of its own (kind `reaction`), which answers nothing."""
    asked = cast(ApiRequest, request)
    put = _react(asked, message_id, reaction.emoji)
    assert put is not None  # only of one taken away nothing is left
    return answer(_message(next(iter(showing.with_progress(Message.objects.of(asked.workspace).filter(pk=put))))))


@router.delete("/messages/{uuid:message_id}/reaction", response={204: None}, summary="Take your reaction away")
@needs("messages:write", May.WRITE_CONTACTS)
def delete_reaction(request: HttpRequest, message_id: UUID) -> HttpResponse:
    _react(cast(ApiRequest, request), message_id, "")
    return HttpResponse(status=204)


def _react(request: ApiRequest, message_id: UUID, emoji: str) -> UUID | None:
    found = Message.objects.of(request.workspace).select_related("account").filter(pk=message_id).first()
    if found is None or found.thread_id is None:
        raise Http404
    _require_open(request, _find(request, found.thread_id).contact_id)
    try:
        put = reacting.react(message=found, emoji=emoji, by=request.member, at=clock.now())
    except SayRefused as refused:
        raise ValidationError({"emoji": str(refused)}) from None
    return put.pk if put else None


def _offer(wanted: ChoicesIn | None) -> Offer | None:
    if wanted is None:
        return None
    return Offer([(one.title, one.description) for one in wanted.options], bool(wanted.label.strip()), wanted.label)


def _field_of(problem: Problem) -> str:
    """Of several at one field the first is told."""
    match problem.part:
        case "text":
            return "text"
        case "label":
            return "choices.label"
    return f"choices.options.{problem.place}.{problem.part}"


@router.post("/threads/{uuid:thread_id}/notes", response={201: MessageOut}, summary="Write a private note")
@needs("messages:write", May.WRITE_CONTACTS)
def write_note(request: HttpRequest, thread_id: UUID, note: NoteIn) -> HttpResponse:
    """Members named with @ are told."""
    asked = cast(ApiRequest, request)
    thread = _find(asked, thread_id)
    _require_open(asked, thread.contact_id)
    try:
        return _answer(threads.note(thread=thread, text=note.text, by=asked.member, at=clock.now()))
    except ThreadRefused as refused:
        raise ValidationError({"text": str(refused)}) from None


@router.put("/threads/{uuid:thread_id}/assignee", response=ThreadOut, summary="Give a conversation to a member")
@needs("messages:write", May.WRITE_CONTACTS)
def assign_thread(request: HttpRequest, thread_id: UUID, assign: AssignIn) -> HttpResponse:
    asked = cast(ApiRequest, request)
    thread, to = _find(asked, thread_id), None
    if assign.member_id is not None:
        to = Member.objects.of(asked.workspace).filter(pk=assign.member_id).first()
        if to is None:
            raise ValidationError({"member_id": _("There is no such member here.")})
    try:
        threads.assign(thread=thread, to=to, by=asked.member, at=clock.now())
    except ThreadRefused as refused:
        raise ValidationError({"member_id": str(refused)}) from None
    return answer(_thread(_find(asked, thread_id)))


@router.patch("/threads/{uuid:thread_id}", response=ThreadOut, summary="Close, open or put away a conversation")
@needs("messages:write", May.WRITE_CONTACTS)
def change_thread(request: HttpRequest, thread_id: UUID, change: ThreadChange) -> HttpResponse:
    """What is left out stays."""
    asked, now = cast(ApiRequest, request), clock.now()
    thread = _find(asked, thread_id)
    try:
        if "snoozed_until" in change.model_fields_set:
            until = change.snoozed_until
            threads.snooze(thread=thread, until=until, by=asked.member, at=now)
    except ThreadRefused as refused:
        raise ValidationError({"snoozed_until": str(refused)}) from None
    if change.is_closed is not None and change.is_closed != (thread.closed_at is not None):
        act = threads.close if change.is_closed else threads.reopen
        act(thread=thread, by=asked.member, at=now)
    return answer(_thread(_find(asked, thread_id)))


@router.post("/threads/{uuid:thread_id}/read", response=ThreadOut, summary="Mark a conversation as read")
@needs("messages:write", May.WRITE_CONTACTS)
def mark_read(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    threads.mark_read(thread=_find(asked, thread_id), by=asked.member, at=clock.now())
    return answer(_thread(_find(asked, thread_id)))


def _page(rows: Any, filters: Paged, column: str) -> tuple[list[Any], bool]:
    if filters.after:
        place = Place.parse(filters.after)
        if place is None:
            raise broken_key()
        rows = rows.filter(TupleLessThan(Tuple(F(column), F("id")), (place.happened_at, place.id)))
    found = list(rows.order_by(f"-{column}", "-id")[: filters.limit + 1])
    return found[: filters.limit], len(found) > filters.limit


def _find(request: ApiRequest, thread_id: UUID) -> Thread:
    """A conversation with somebody the member may see; anything else does not exist."""
    found = threads.visible(request.member).filter(pk=thread_id).first()
    if found is None:
        raise Http404
    return found


def _contact(request: ApiRequest, contact_id: UUID) -> Contact:
    found: Contact | None = (
        Contact.objects.of(request.workspace).visible_to(request.member).alive().filter(pk=contact_id).first()
    )
    if found is None:
        raise ValidationError({"contact_id": _("There is no such contact here.")})
    if _is_restricted(request, found.pk):
        raise ValidationError({"contact_id": _("The data may only be stored")})
    return found


def _require_open(request: ApiRequest, contact_id: UUID) -> None:
    """What is restricted is stored and shown to nobody."""
    if _is_restricted(request, contact_id):
        raise Http404


def _is_restricted(request: ApiRequest, contact_id: UUID) -> bool:
    held = masking.guard(request.member, vocabulary.of(request.workspace), request.purpose)
    return contact_id in held.restricted


def _answer(message: Message) -> HttpResponse:
    shown = next(iter(showing.with_progress(Message.objects.of(message.workspace_id).filter(pk=message.pk))))
    return answer(_message(shown), status=201, location=f"/api/v1/threads/{message.thread_id}/messages")


def _thread(thread: Thread) -> ThreadOut:
    return ThreadOut.model_construct(
        **{name: getattr(thread, name) for name in ThreadOut.model_fields},
    )


def _message(message: Any) -> MessageOut:
    sending = message.sending or {}
    return MessageOut.model_construct(
        **{name: getattr(message, name) for name in _PLAIN},
        text=_opened(message, "body"),
        subject=_opened(message, "subject"),
        state=sending.get("state"),
        delivery=sending.get("delivery"),
        reason=sending.get("reason"),
        choices=_choices(message),
        files=[FileOut(name=name, trouble=trouble) for _key, name, _type, trouble, _kept in message.attached or ()],
    )


def _choices(message: Message) -> ChoicesOut | None:
    found = showing.offered(message)
    options = [OptionOut(title=one.title, description=one.description) for one in found.offered]
    return ChoicesOut(label=found.label, options=options) if options else None


_PLAIN = (
    "id",
    "thread_id",
    "contact_id",
    "direction",
    "kind",
    "channel",
    "language",
    "by_id",
    "answers_id",
    "happened_at",
)


def _opened(message: Message, field: bodies.Field) -> str:
    try:
        return bodies.open(message, field)
    except VaultRefused:
        return ""
