"""What the buttons of a conversation do: who takes care of it, when it comes back, whether it was read, what became of a message."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone, localtime, make_aware
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.models import Member
from amanat.core import clock
from amanat.messaging.inbox import chosen, reacting, threads
from amanat.messaging.inbox.models import Message
from amanat.messaging.inbox.saying import SayRefused
from amanat.messaging.inbox.threads import ThreadRefused
from amanat.messaging.inbox.views import thread_of
from amanat.messaging.outbox import ordering, settling
from amanat.messaging.outbox.models import Dispatch
from amanat.web import formatting

_SNOOZES = {"3h": timedelta(hours=3), "1d": timedelta(days=1), "7d": timedelta(days=7)}


def assign(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    found, wanted = thread_of(request, thread_id), request.POST.get("to", "")
    to: Member | None = None
    if wanted:
        try:
            to = Member.objects.of(request.workspace).filter(pk=UUID(wanted), ended_at__isnull=True).first()
        except ValueError:
            to = None
        if to is None:
            raise Http404
    try:
        threads.assign(thread=found, to=to, by=request.member, at=clock.now())
    except ThreadRefused as refused:
        messages.error(request, str(refused))
    return chosen.back(request, found)


def snooze(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    """Until a number of hours or days from now, a moment, or, with nothing, no longer."""
    found, now = thread_of(request, thread_id), clock.now()
    until = _until(request, now)
    try:
        threads.snooze(thread=found, until=until, by=request.member, at=now)
    except ThreadRefused as refused:
        messages.error(request, str(refused))
        return chosen.back(request, found)
    if until is None:
        return chosen.back(request, found)
    messages.success(request, _("It comes back on %(time)s.") % {"time": formatting.short_time(until, now=now)})
    return chosen.to_list(request)


def _until(request: MemberRequest, now: datetime) -> datetime | None:
    wanted = request.POST.get("for", "")
    if wanted == "morning":
        morning = localtime(now).replace(hour=9, minute=0, second=0, microsecond=0)
        return morning if morning > now else morning + timedelta(days=1)
    if wanted in _SNOOZES:
        return now + _SNOOZES[wanted]
    try:
        moment = parse_datetime(request.POST.get("until", ""))
    except ValueError:
        return None
    if moment is None or moment.tzinfo is not None:
        return moment
    return make_aware(moment, get_current_timezone())


def close(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    found = thread_of(request, thread_id)
    threads.close(thread=found, by=request.member, at=clock.now())
    messages.success(request, _("The conversation is closed. It opens again when the person writes."))
    return chosen.to_list(request)


def reopen(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    found = thread_of(request, thread_id)
    threads.reopen(thread=found, by=request.member, at=clock.now())
    return chosen.back(request, found)


def read(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    """It was seen: by the page itself where scripts run, else by a button."""
    found = thread_of(request, thread_id)
    threads.mark_read(thread=found, by=request.member, at=clock.now())
    return HttpResponse(status=204) if request.headers.get("X-Inbox") else chosen.back(request, found)


def unread(request: MemberRequest, thread_id: UUID) -> HttpResponse:
    threads.mark_unread(thread=thread_of(request, thread_id), by=request.member)
    return chosen.to_list(request)


def react(request: MemberRequest, message_id: UUID) -> HttpResponse:
    """Put an emoji on a message of the person, or with none take ours away. The page's own script asks without wanting a page."""
    message = Message.objects.of(request.workspace).select_related("account").filter(pk=message_id).first()
    if message is None or message.thread_id is None:
        raise Http404
    found = thread_of(request, message.thread_id)
    try:
        reacting.react(message=message, emoji=request.POST.get("emoji", ""), by=request.member, at=clock.now())
    except SayRefused as refused:
        if request.headers.get("X-Inbox"):
            return HttpResponse(str(refused), status=409, content_type="text/plain; charset=utf-8")
        messages.error(request, str(refused))
        return chosen.back(request, found)
    if request.headers.get("X-Inbox"):
        return HttpResponse(status=204)
    return see_other(chosen.beside(request, reverse("messaging:thread", args=[found.pk])) + f"#m-{message.pk}")


def settle(request: MemberRequest, dispatch_id: UUID) -> HttpResponse:
    """Somebody found out whether a message was sent, which the provider did not tell."""
    row = Dispatch.objects.of(request.workspace).select_related("message").filter(pk=dispatch_id).first()
    if row is None:
        raise Http404
    found = thread_of(request, row.message.thread_id)
    was_sent = request.POST.get("was_sent") == "yes"
    if row.state == Dispatch.State.HELD:
        decided = ordering.let_go(by=request.member, at=clock.now(), ids=[row.pk], is_sent=was_sent).count
    else:
        decide = settling.settle_sent if was_sent else settling.settle_again
        decided = decide(dispatches=[row], by=request.member)
    if not decided:
        messages.info(request, _("It was settled meanwhile."))
    return chosen.back(request, found)
