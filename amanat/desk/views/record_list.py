"""The list of services: its views, filters and columns, and one state for the ticked ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import columns, listing, services, veil
from amanat.desk.forms import as_uuid
from amanat.desk.listing import Filters, Page
from amanat.desk.models import ServiceRecord
from amanat.desk.views import finding
from amanat.people import list_views, lists, vocabulary
from amanat.people.models import CustomField
from amanat.people.vocabulary import FieldWord, Vocabulary

Status = ServiceRecord.Status
_EMPTY = Page([], None, None)


def service_list(request: MemberRequest) -> HttpResponse:
    words = vocabulary.of(request.workspace)
    filters = Filters.read(request.GET, words)
    today, held = clock.today(request.workspace.time_zone), veil.guard(request.member, words, request.purpose)
    reading = columns.Reading(words, today, guard=held)
    page = _page(request, filters, reading)
    known = columns.all_of(words)
    shown = columns.chosen(known, request.GET.getlist("columns"))
    offered = finding.offered(request)
    may_write = request.member.may(May.WRITE_SERVICES)
    context = {
        "filters": filters,
        "tabs": _tabs(request.GET, filters),
        "heads": [(column.label, column.head) for column in shown],
        "body": columns.body(page.records, shown, reading, ticks=may_write),
        "page": page,
        "summary": _("%(count)d on this page") % {"count": len(page.records)},
        "services": offered,
        "members": words.active_members(),
        "own_filters": [_own_filter(one, filters) for one in words.fields_on("service")],
        "column_choices": [(column.key, column.label, column in shown) for column in known],
        "kept": [pair for pair in _pairs(request.GET) if pair[0] != "columns"],
        "kept_columns": request.GET.getlist("columns"),
        "statuses": Status.choices,
        "chips": _chips(request.GET, filters, words, {service.pk: service.name for service in offered}),
        "may_write": may_write,
        "may_catalogue": request.member.may(May.MANAGE_CATALOGUE),
    }
    return render(request, "desk/services.html", context)


def _page(request: MemberRequest, filters: Filters, reading: columns.Reading) -> Page:
    """One page; an empty one, with the reason told, when own fields would have to be looked for too long."""
    found = listing.rows(request.member, filters, today=reading.today)
    after, before = request.GET.get("after"), request.GET.get("before")
    try:
        if filters.custom:
            found = found.filter(listing.custom(request.member, filters, reading.words))
        with lists.bounded(lists.Definition(on="service", filters=filters.custom)):
            return listing.page(found, filters.view, after=after, before=before)
    except lists.Refused as refused:
        messages.error(request, str(refused))
        return _EMPTY


def _pairs(query: QueryDict) -> list[tuple[str, str]]:
    """The list's address without the place in it."""
    return [
        (name, value) for name, values in query.lists() if name not in {"after", "before"} for value in values if value
    ]


def _tabs(query: QueryDict, filters: Filters) -> list[dict[str, Any]]:
    words = {
        "in_hand": _("In hand"), "due": _("Due and late"), "unpaid": _("Unpaid"), "expiring": _("Expiring"),
        "all": _("All"), "bin": _("Bin"),
    }  # fmt: skip
    kept = QueryDict(mutable=True)
    kept.setlist("columns", query.getlist("columns"))
    tail = f"&{kept.urlencode()}" if query.getlist("columns") else ""
    return [
        {"label": words[view], "url": f"?view={view}{tail}", "is_current": filters.view == view}
        for view in listing.VIEWS
    ]


def _own_filter(one: FieldWord, filters: Filters) -> dict[str, Any]:
    """A control for a field of the workspace's own: a list where there is one, else a text."""
    choices: Sequence[tuple[str, str]] = [(choice, choice) for choice in one.choices]
    if one.kind == CustomField.Kind.YES_NO:
        choices = [("yes", _("Yes")), ("no", _("No"))]
    name = f"custom.{one.key}"
    if one.kind in lists.RANGED:
        ends = [(f"{name}.{side}", label) for side, label in zip(lists.SIDES, (_("From"), _("To")), strict=True)]
        is_day = one.kind in {CustomField.Kind.DATE, CustomField.Kind.TIME}
        values = [(end, label, next(iter(filters.custom.get(end, ())), "")) for end, label in ends]
        return {"label": one.label, "ends": values, "is_day": is_day}
    return {"name": name, "label": one.label, "choices": choices, "value": next(iter(filters.custom.get(name, ())), "")}


def _chips(query: QueryDict, filters: Filters, words: Vocabulary, services: dict[UUID, str]) -> list[dict[str, str]]:
    shown: list[tuple[str, str, str]] = []
    if filters.status:
        shown.append(("status", _("Status"), str(Status(filters.status).label)))
    if filters.service:
        shown.append(("service", _("Service"), services.get(filters.service, "?")))
    if filters.owner:
        shown.append(("owner", _("Who does it"), words.member_name(filters.owner) or "?"))
    own = lists.custom_names(words.fields_on("service"))
    yes_no = {"yes": _("yes"), "no": _("no")}
    for name, values in filters.custom.items():
        told = yes_no if own[name][0].kind == CustomField.Kind.YES_NO else {}
        in_words = [told.get(value) or lists.custom_in_words(own[name][0], value) for value in values]
        shown.append((name, own[name][0].label, ", ".join(in_words)))
    chips = []
    for key, label, value in shown:
        side = own[key][1] if key in own else ""
        rest = query.copy()
        for gone in (key, "after", "before"):
            rest.pop(gone, None)
        chips.append(
            {
                "label": label,
                "relation": list_views.relation(key, side, is_list=False),
                "value": value,
                "remove_url": f"?{rest.urlencode()}",
            }
        )
    return chips


def bulk_status(request: MemberRequest) -> HttpResponse:
    """The ticked records go to one state; what cannot is named."""
    status = request.POST.get("status", "")
    chosen = [identity for text in request.POST.getlist("ids")[: listing.PAGE] if (identity := as_uuid(text))]
    back = see_other(reverse("desk:services") + f"?view={Filters.read(request.POST).view}")
    if status not in Status.values or not chosen:
        messages.warning(request, _("Tick some services and choose a state."))
        return back
    rows = ServiceRecord.objects.of(request.workspace).visible_to(request.member).alive().filter(pk__in=chosen)
    done = services.set_many(records=list(rows), status=status, by=request.member, at=clock.now())
    if done["moved"]:
        messages.success(
            request,
            _("%(count)d moved to “%(status)s”.") % {"count": len(done["moved"]), "status": Status(status).label},
        )
    if done["refused"]:
        numbers = ", ".join(f"#{record.number}" for record in done["refused"])
        messages.warning(request, _("Not possible for %(numbers)s; they stay as they are.") % {"numbers": numbers})
    return back
