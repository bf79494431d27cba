"""The page of the bin."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import F
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.accounts import access
from amanat.accounts.access import MemberRequest
from amanat.core import clock
from amanat.people import bin as deleted
from amanat.people.models import BIN

PAGE = 50


def bin_page(request: MemberRequest) -> HttpResponse:
    """What is in the bin, the last deleted first."""
    on = "company" if request.GET.get("on") == "company" else "contact"
    rows: Any = (
        deleted.KINDS[on].objects.of(request.workspace).visible_to(request.member).filter(deleted_at__isnull=False)
    )
    after = _place(request.GET.get("after", ""))
    if after is not None:
        rows = rows.filter(TupleLessThan(Tuple(F("deleted_at"), F("id")), after))
    found = list(rows.order_by("-deleted_at", "-id").values("pk", "name", "deleted_at", "deleted_by__name")[: PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    for row in found:
        row["goes_at"] = row["deleted_at"] + BIN
    next_url = (
        f"?on={on}&after={found[-1]['deleted_at'].isoformat()}~{found[-1]['pk']}".replace("+", "%2B") if more else ""
    )
    tabs = [
        {"label": _("Contacts"), "url": "?on=contact", "is_current": on == "contact"},
        {"label": _("Companies"), "url": "?on=company", "is_current": on == "company"},
    ]
    return render(request, "people/bin.html", {"rows": found, "on": on, "next_url": next_url, "tabs": tabs})


def _place(text: str) -> tuple[datetime, UUID] | None:
    moment, _tilde, identity = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        return (at, UUID(identity)) if at.tzinfo else None
    except ValueError:
        return None


def bin_act(request: MemberRequest) -> HttpResponseBase:
    """Restore the chosen, or, after a fresh sign-in, delete them for good."""
    on = "company" if request.POST.get("on") == "company" else "contact"
    ids = [identity for text in request.POST.getlist("ids") if (identity := _uuid(text)) is not None]
    details: dict[str, Any] = {
        "model": deleted.KINDS[on], "workspace": request.workspace, "by": request.member, "at": clock.now(), "ids": ids,
    }  # fmt: skip
    if request.POST.get("act") == "purge":
        if not access.is_fresh(request):
            return access.to_reauthentication(request)
        count = deleted.purge(**details)
        text = ngettext("%(count)s was deleted for good.", "%(count)s were deleted for good.", count) % {"count": count}
    else:
        count, without_id = deleted.restore(**details)
        text = ngettext("%(count)s is back.", "%(count)s are back.", count) % {"count": count}
        if without_id:
            messages.warning(
                request, _("%(count)s lost the external id, as another record has it now.") % {"count": without_id}
            )
    (messages.success if count else messages.info)(request, text)
    return HttpResponseRedirect(f"{reverse('people:bin')}?on={on}")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
