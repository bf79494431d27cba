"""Pages of what a restore held back: how much it is, and a decision about all of it or one group at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.models import Member
from amanat.core import clock, ledger_words
from amanat.core.models import LedgerEntry
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.ordering import Decided
from amanat.messaging.reminders import held as holding
from amanat.messaging.reminders.held import Group
from amanat.web import formatting

_SEND, _LEAVE = "send", "leave"
#: How long a decision stands on the page, for who comes second, and how many are shown.
_SHOWN_FOR, _SHOWN = timedelta(days=1), 5


def held(request: MemberRequest) -> HttpResponse:
    """What is held, in groups, and what was decided in the last day by whom."""
    now = clock.now()
    groups = holding.groups(request.workspace, at=now)
    context = {
        "groups": groups,
        "count": sum(one.count for one in groups),
        "in_time": sum(one.in_time for one in groups),
        "decided": _decided(request),
    }
    return render(request, "messaging/held.html", context)


def decide(request: MemberRequest) -> HttpResponse:
    """First what would happen, in words; then it happens. `group` is one of them, or all; `count` is how many the member was shown."""
    given = request.POST if request.method == "POST" else request.GET
    what, key = given.get("what", ""), given.get("group", "")
    groups = holding.groups(request.workspace, at=clock.now())
    chosen = [one for one in groups if not key or one.key == key]
    if what not in {_SEND, _LEAVE}:
        messages.error(request, _("Choose whether they are sent or left out. Nothing was done."))
        return see_other(reverse("messaging:held"))
    if not chosen:
        messages.info(
            request, _("Nothing of it is held any more: somebody decided before you. What was decided stands below.")
        )
        return see_other(reverse("messaging:held"))
    if request.method == "POST":
        return _carry_out(request, what, chosen[0] if key else None, sum(one.count for one in chosen))
    return render(request, "messaging/held_decide.html", _asked(what, key, chosen))


def words(decided: Decided, *, shown: int = 0) -> str:
    """What a decision did, and how many of those that were `shown` somebody else had decided about."""
    said = []
    for count, sentence in (
        (decided.released, ngettext("%(n)s message is on its way.", "%(n)s messages are on their way.", decided.released)),
        (decided.left_out, ngettext("%(n)s message is left out.", "%(n)s messages are left out.", decided.left_out)),
        (decided.too_late, ngettext("%(n)s was too late and is dropped.", "%(n)s were too late and are dropped.", decided.too_late)),
        (
            shown - decided.count,
            ngettext("About %(n)s somebody else had decided.", "About %(n)s somebody else had decided.", shown - decided.count),
        ),
    ):  # fmt: skip
        if count > 0:
            said.append(sentence % {"n": formatting.number(count, get_language() or "en")})
    return " ".join(said) or _("Nothing of it is held any more: somebody decided before you.")


def _asked(what: str, key: str, chosen: list[Group]) -> dict[str, Any]:
    count, late = sum(one.count for one in chosen), sum(one.late for one in chosen)
    return {
        "what": _LEAVE if count == late else what,
        "is_too_late": what == _SEND and count == late,
        "key": key,
        "group": chosen[0] if key else None,
        "count": count,
        "late": late,
        "in_time": count - late,
    }


def _carry_out(request: MemberRequest, what: str, group: Group | None, count: int) -> HttpResponse:
    """Refused when more is held than the member was asked about, or nobody asked her."""
    text = request.POST.get("count", "")
    shown = int(text) if text.isdecimal() and len(text) < 10 else 0
    if shown < count:
        messages.error(request, _("More is held than you were asked about. Nothing was done: look again."))
        return see_other(reverse("messaging:held"))
    ids = list(holding.rows(request.workspace, group).values_list("id", flat=True))
    decided = ordering.let_go(by=request.member, at=clock.now(), ids=ids, is_sent=what == _LEAVE)
    tell = messages.success if decided.count else messages.info
    tell(request, words(decided, shown=shown))
    return see_other(reverse("messaging:held"))


def _decided(request: MemberRequest) -> list[dict[str, Any]]:
    """The last decisions: when, by whom, what. Two statements."""
    entries = LedgerEntry.objects.of(request.workspace).filter(
        event__in=ordering.DECISIONS, at__gte=clock.now() - _SHOWN_FOR
    )
    last = list(entries.order_by("-at", "-id")[:_SHOWN])
    by: dict[UUID, Member] = Member.objects.of(request.workspace).in_bulk({one.actor for one in last if one.actor})
    return [
        {
            "at": one.at,
            "by": by[one.actor].name if one.actor in by else "",
            "what": ledger_words.of(one.event, one.facts),
        }
        for one in last
    ]
