"""Pages of messages to many: people chosen from the list, a text picked, looked at, sent, reported, stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.accounts.access import MemberRequest, see_other
from amanat.core import clock
from amanat.messaging.channels import templates
from amanat.messaging.channels.models import MessageTemplate
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import batching, reporting
from amanat.messaging.reminders.models import MessageBatch
from amanat.people import list_views
from amanat.people.list_filters import Refused

_State = MessageBatch.State
#: People of a draft who are shown.
SHOWN = 50
#: People of a draft who are looked at for its numbers.
LOOKED_AT = 2_000


def batches(request: MemberRequest) -> HttpResponse:
    """The last messages to many."""
    waits = Dispatch.objects.of(request.workspace).filter(
        source=batching.SOURCE, source_id=OuterRef("pk"), state__in=("todo", "sending")
    )
    rows = (
        MessageBatch.objects.of(request.workspace).select_related("template", "made_by").annotate(waits=Exists(waits))
    )
    found = list(rows.order_by("-id")[:100])
    for row in found:
        row.state = _as_seen(row.state, has_waiting=row.waits)
    return render(request, "messaging/batches.html", {"batches": found})


def begin(request: MemberRequest) -> HttpResponse:
    """The contacts ticked in a list become a draft."""
    try:
        people = list_views.chosen(request, "contact")
    except Refused as refused:
        messages.error(request, str(refused))
        return see_other(reverse("people:contacts"))
    batch = batching.begin(by=request.member, at=clock.now(), people=people)
    return see_other(reverse("messaging:batch", args=[batch.pk]))


def batch(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    """A draft with its preview, or what became of a batch that was sent."""
    found = _batch(request, batch_id)
    context: dict[str, Any] = {"batch": found, "count": len(found.people)}
    if found.state == _State.DRAFT:
        usable = batching.usable(request.workspace.pk)
        chosen = next((each for each in usable if str(each.pk) == request.GET.get("template", "")), None)
        context |= {"templates": usable, "chosen": chosen}
        if chosen is not None:
            looked = batching.look(found.people[:LOOKED_AT], chosen, at=clock.now())
            context |= {
                "going": [(each.contact, templates.filled(each.text, each.values)) for each in looked.going[:SHOWN]],
                "going_count": len(looked.going),
                "reasons": [
                    (reporting.in_words(reason), count, looked.left_out.get(reason, []))
                    for reason, count in looked.refused.most_common()
                ],
                "is_cut": len(found.people) > LOOKED_AT,
            }
    else:
        context |= _report(found) | {"held": batching.held(found).count()}
        found.state = _as_seen(found.state, has_waiting=context["report"]["waiting"] > 0)
    return render(request, "messaging/batch.html", context)


def send(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    found = _batch(request, batch_id)
    template = get_object_or_404(
        MessageTemplate.objects.of(request.workspace), pk=_uuid(request.POST.get("template", "")), ended_at__isnull=True
    )
    if batching.send(batch=found, template=template, by=request.member, at=clock.now()):
        messages.success(request, _("On its way. This page shows how far it is."))
    else:
        messages.info(request, _("Somebody sent it before you, so nothing was sent twice. This page shows what went."))
    return see_other(reverse("messaging:batch", args=[batch_id]))


def stop(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    count = batching.stop(batch=_batch(request, batch_id), by=request.member, at=clock.now())
    words = ngettext("Stopped. %(n)d message is not sent.", "Stopped. %(n)d messages are not sent.", count)
    messages.success(request, words % {"n": count})
    return see_other(reverse("messaging:batch", args=[batch_id]))


def let_go(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    """What a restore held back is sent, or left out because it had gone out before."""
    waits = list(batching.held(_batch(request, batch_id)).values_list("id", flat=True))
    was_sent = request.POST.get("was_sent") == "yes"
    count = ordering.let_go(by=request.member, at=clock.now(), ids=waits, is_sent=was_sent)
    if was_sent:
        words = ngettext("%(n)d message is left out.", "%(n)d messages are left out.", count)
    else:
        words = ngettext("%(n)d message is on its way.", "%(n)d messages are on their way.", count)
    messages.success(request, words % {"n": count})
    return see_other(reverse("messaging:batch", args=[batch_id]))


def _as_seen(state: str, *, has_waiting: bool) -> str:
    """A batch whose last message has not left is still being sent, though all is ordered."""
    return _State.SENDING if state == _State.DONE and has_waiting else state


def _report(batch: MessageBatch) -> dict[str, Any]:
    """Counts of the outbox, one statement, and the reasons of all who get nothing."""
    rows = Dispatch.objects.of(batch.workspace_id).filter(source="batch", source_id=batch.pk)
    counts = rows.aggregate(
        waiting=Count("id", filter=Q(state__in=("todo", "sending"))),
        sent=Count("id", filter=Q(state="done")),
        delivered=Count("id", filter=Q(delivery__in=("delivered", "read"))),
        read=Count("id", filter=Q(delivery="read")),
        unknown=Count("id", filter=Q(state="unknown")),
        failed=Count("id", filter=Q(state="dead") | Q(delivery="failed")),
        replied=Count("contact", filter=Exists(_answers()), distinct=True),
    )
    later = rows.filter(state__in=("refused", "dropped")).values_list("reason").annotate(n=Count("id"))
    reasons = dict(batch.refused)
    for reason, count in later:
        reasons[reason] = reasons.get(reason, 0) + count
    ranked = sorted(reasons.items(), key=lambda each: -each[1])
    return {"report": counts, "reasons": [(reporting.in_words(reason), count, []) for reason, count in ranked]}


def _answers() -> QuerySet[Message]:
    """What a person wrote within a week of a message to her."""
    return Message.objects.filter(
        workspace_id=OuterRef("workspace_id"),
        contact=OuterRef("contact"),
        direction=Message.Direction.IN,
        happened_at__gte=OuterRef("sent_at"),
        happened_at__lt=OuterRef("sent_at") + timedelta(days=7),
    )


def _batch(request: MemberRequest, batch_id: UUID) -> MessageBatch:
    return get_object_or_404(MessageBatch.objects.of(request.workspace).select_related("template"), pk=batch_id)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
