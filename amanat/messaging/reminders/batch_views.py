"""Pages of messages to many: people chosen from the list, a text picked, looked at, sent, reported, stopped."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.core import clock, ledger, spreadsheets
from amanat.core.downloads import download
from amanat.messaging.channels import templates
from amanat.messaging.channels.models import MessageTemplate
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import batch_people, batching, held_views, reporting
from amanat.messaging.reminders.models import MessageBatch
from amanat.people import list_views
from amanat.people.list_filters import Refused

_State = MessageBatch.State
#: People of a draft who are shown.
SHOWN = 50


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
    context: dict[str, Any] = {
        "batch": found, "count": len(found.people), "may_export": request.member.may(May.EXPORT),
    }  # fmt: skip
    if found.state == _State.DRAFT:
        usable = batching.usable(request.workspace.pk)
        chosen = next((each for each in usable if str(each.pk) == request.GET.get("template", "")), None)
        context |= {"templates": usable, "chosen": chosen}
        if chosen is not None:
            looked = batching.look(found.people, chosen, at=clock.now())
            context |= {
                "going": [(each.contact, templates.filled(each.text, each.values)) for each in looked.going[:SHOWN]],
                "going_count": len(looked.going),
                "reasons": [
                    (reporting.in_words(reason), count, looked.left_out.get(reason, []))
                    for reason, count in looked.refused.most_common()
                ],
            }
    else:
        context |= _report(found) | {"held": batching.held(found).count()}
        context["is_running"] = found.state == _State.SENDING or context["report"]["waiting"] > context["held"]
        found.state = _as_seen(found.state, has_waiting=context["report"]["waiting"] > 0)
        if request.headers.get("HX-Request") and "part" in request.GET:
            return _part(request, context)
        context |= _people(request, found)
    return render(request, "messaging/batch.html", context)


def _part(request: MemberRequest, context: dict[str, Any]) -> HttpResponse:
    """The report alone, which an open page asks for while messages leave; when none waits any more, the page is loaded once more."""
    response = render(request, "messaging/batch_report.html", context)
    if not context["is_running"]:
        response["HX-Refresh"] = "true"
    return response


def _people(request: MemberRequest, batch: MessageBatch) -> dict[str, Any]:
    """Who is behind the number that was chosen. `?show=` names it, `?why=` one reason, `?page=` goes on."""
    kind, page, why = request.GET.get("show", ""), request.GET.get("page", ""), request.GET.get("why", "")[:40]
    if kind not in batch_people.KINDS:
        return {}
    number = int(page) if page.isdecimal() and len(page) < 6 else 1
    shown = batch_people.shown(batch, kind, by=request.member, reason=why, page=number)
    return {"show": kind, "why": why, "people": shown, "why_words": reporting.in_words(why) if why else ""}


def table(request: MemberRequest, batch_id: UUID) -> HttpResponseBase:
    """The report as a file, one line for each person."""
    found, now = _batch(request, batch_id), clock.now()
    rows = list(batch_people.table(found, by=request.member))
    ledger.write("people.contacts.exported", workspace=request.workspace, by=request.member, at=now, count=len(rows))
    pieces = spreadsheets.write_csv(batch_people.headings(), rows)
    title = found.template.title if found.template is not None else _("Message to many")
    return download(pieces, f"{title} {found.created_at:%Y-%m-%d}.csv", "text/csv; charset=utf-8")


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
    if _batch(request, batch_id).state == _State.STOPPED:
        words = ngettext("Stopped. %(n)d message is not sent.", "Stopped. %(n)d messages are not sent.", count)
        messages.success(request, words % {"n": count})
    else:
        messages.info(request, _("Nothing of it waited any more: all had left."))
    return see_other(reverse("messaging:batch", args=[batch_id]))


def let_go(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    """What a restore held back is sent, or left out because it had gone out before."""
    waits = list(batching.held(_batch(request, batch_id)).values_list("id", flat=True))
    was_sent = request.POST.get("was_sent") == "yes"
    decided = ordering.let_go(by=request.member, at=clock.now(), ids=waits, is_sent=was_sent)
    messages.success(request, held_views.words(decided))
    return see_other(reverse("messaging:batch", args=[batch_id]))


def _as_seen(state: str, *, has_waiting: bool) -> str:
    """A batch whose last message has not left is still being sent, though all is ordered."""
    return _State.SENDING if state == _State.DONE and has_waiting else state


def _report(batch: MessageBatch) -> dict[str, Any]:
    """Counts of the outbox, and the reasons of all who get nothing or whom it did not reach."""
    rows = Dispatch.objects.of(batch.workspace_id).filter(source=batching.SOURCE, source_id=batch.pk)
    counts = rows.aggregate(
        waiting=Count("id", filter=batch_people.WAITING),
        sent=Count("id", filter=batch_people.SENT),
        delivered=Count("id", filter=batch_people.DELIVERED),
        read=Count("id", filter=batch_people.READ),
        answered=Count("contact", filter=Exists(batch_people.answers()), distinct=True),
        failed=Count("id", filter=batch_people.FAILED),
        unknown=Count("id", filter=batch_people.UNKNOWN),
    )
    later = rows.filter(state__in=("refused", "dropped")).values_list("reason").annotate(n=Count("id"))
    reasons = Counter(batch.refused) + Counter(dict(later))
    return {
        "report": counts,
        "numbers": [(kind, batch_people.KINDS[kind][0], n) for kind, n in counts.items() if n or kind != "unknown"],
        "failures": reporting.failures(rows),
        "reasons": [(reporting.in_words(reason), count, reason) for reason, count in reasons.most_common()],
    }


def _batch(request: MemberRequest, batch_id: UUID) -> MessageBatch:
    return get_object_or_404(MessageBatch.objects.of(request.workspace).select_related("template"), pk=batch_id)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
