"""The lists of contacts and companies: pages, changes of many rows at once, saved views."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.people import bin as bins
from amanat.people import bulk, columns, companies, contacts, list_menu, lists, masking, panels, saved_views, vocabulary
from amanat.people.bulk import UNSET, BulkChanges
from amanat.people.forms import uuid_or_none
from amanat.people.list_menu import Link
from amanat.people.lists import Context, Definition, Refused
from amanat.people.models import Company, Contact, CustomField, SavedView
from amanat.people.vocabulary import FieldWord, Vocabulary
from amanat.web import formatting

_URLS = {"contact": "people:contacts", "company": "people:companies"}


def contact_list(request: MemberRequest) -> HttpResponse:
    return _list(request, "contact")


def company_list(request: MemberRequest) -> HttpResponse:
    return _list(request, "company")


@dataclass(frozen=True)
class _Asked:
    """What a request asks of a list."""

    definition: Definition
    view: SavedView | None
    views: list[SavedView]
    words: Vocabulary
    problem: str = ""


def _asked(request: MemberRequest, on: str, given: QueryDict) -> _Asked:
    words = vocabulary.of(request.workspace)
    views = saved_views.seen_by(request.member, on=on)
    view = next((one for one in views if str(one.pk) == given.get("view", "")), None)
    source: Any = given
    if view is not None:
        source = dict(view.definition) | {name: given[name] for name in ("sort",) if given.get(name)}
        source.setdefault("filters", {})
    try:
        definition = lists.parse(source, on=on, words=words)
        lists.filtered(definition, member=request.member, words=words)
    except Refused as refused:
        return _Asked(Definition(on), None, views, words, str(refused))
    return _Asked(definition, view, views, words)


def _list(request: MemberRequest, on: str) -> HttpResponse:
    started = time.perf_counter()
    if words := request.GET.get("q", "").strip():
        return HttpResponseRedirect(_url(reverse("people:search"), [("q", words)]))  # lists filter, the search finds
    asked = _asked(request, on, request.GET)
    shown = columns.of(on, asked.words, asked.definition.columns)
    names = columns.needed(shown)
    problem, page, count, more = asked.problem, lists.Page([], None, None), 0, False
    if not problem:
        try:
            page = lists.page(
                asked.definition, member=request.member, words=asked.words,
                values=columns.expressions(names, on=on, workspace=request.workspace),
                after=request.GET.get("after", ""), before=request.GET.get("before", ""),
            )  # fmt: skip
            count, more = lists.count(asked.definition, member=request.member, words=asked.words)
        except Refused as refused:
            problem = str(refused)
    is_first_run = not page.rows and not problem and not asked.definition.filters and not request.GET.get("after")
    links = [] if is_first_run else list_menu.links_for(request, on)
    context = _context(request, asked, page, shown, links, is_first_run=is_first_run)
    context |= {
        "problem": problem,
        "body": columns.body(page.rows, names, shown, asked.words, on=on, guard=_guard(request, asked, shown)),
        "is_empty": not page.rows,
        "is_first_run": is_first_run,
        "count": count,
        "count_text": formatting.number(count, get_language() or "en") + ("+" if more else ""),
        "summary": _summary(len(page.rows), count, more, started),
    }
    return render(request, "people/list.html", context, status=400 if problem else 200)


def _guard(request: MemberRequest, asked: _Asked, shown: list[columns.Column]) -> masking.Guard | None:
    """What the member may not see of the people of a list; asking for it is written down."""
    if asked.definition.on != "contact":
        return None
    held = masking.guard(request.member, asked.words, request.purpose)
    masking.note(held, request.member, map(columns.field_of, shown))
    return held


def _summary(rows: int, count: int, more: bool, started: float) -> str:
    language = get_language() or "en"
    total = formatting.number(count, language) + ("+" if more else "")
    return _("%(rows)s of %(total)s · %(ms)d ms") % {
        "rows": formatting.number(rows, language), "total": total, "ms": (time.perf_counter() - started) * 1000,
    }  # fmt: skip


def _context(
    request: MemberRequest,
    asked: _Asked,
    page: lists.Page,
    shown: list[columns.Column],
    links: list[Link],
    *,
    is_first_run: bool,
) -> dict[str, Any]:
    definition, words, on = asked.definition, asked.words, asked.definition.on
    base, here = reverse(_URLS[on]), [*asked.definition.pairs(), ("sort", asked.definition.sort)]
    keep = [("view", str(asked.view.pk))] if asked.view else definition.pairs()
    if asked.view and definition.sort != (asked.view.definition.get("sort") or "-created"):
        keep.append(("sort", definition.sort))
    all_name = _("All contacts") if on == "contact" else _("All companies")
    tabs = [{"label": all_name, "url": base, "is_current": asked.view is None and not definition.filters}]
    tabs += [
        {
            "label": view.name,
            "url": f"{base}?view={view.pk}",
            "is_current": asked.view is not None and view.pk == asked.view.pk,
        }
        for view in asked.views
    ]
    return {
        "on": on, "base": base, "words": words, "definition": definition, "tabs": tabs, "view": asked.view,
        "may_change_view": asked.view is not None and saved_views.may_change(asked.view, request.member),
        "may_share": request.member.may(May.SHARE_VIEWS), "may_write": request.member.may(May.WRITE_CONTACTS),
        "may_import": request.member.may(May.IMPORT), "may_export": request.member.may(May.EXPORT),
        "may_delete": request.member.may(May.DELETE_CONTACTS),
        "heads": [_head(column, definition, base) for column in shown],
        "name_head": _head(columns.Column("name", _("Name"), (), str, sort="name"), definition, base),
        "chips": _chips(request, definition, words, base), "panel": partial(panels.filters, definition, words),
        "sorts": partial(panels.orders, definition, base), "pairs": definition.pairs(), "query": urlencode(keep),
        "column_choices": partial(panels.columns, columns.all_of(on, words), shown, definition, base),
        "kept_order": panels.hidden([pair for pair in definition.pairs() if pair[0] in {"sort", "columns"}], but=""),
        "tools": _tools(asked, keep, _settable(request, words, on), links, is_first_run=is_first_run),
        "links": [{"label": link.label, "icon": link.icon, "url": _url(link.url, here)} for link in links],
        "export_url": _url(reverse("people:export_list", args=[_URLS[on].removeprefix("people:")]), definition.pairs()),
        "may_merge": request.member.may(May.MERGE_CONTACTS),
        "next_url": _url(base, [*keep, ("after", page.after)]) if page.after else "",
        "previous_url": _url(base, [*keep, ("before", page.before)]) if page.before else "",
        "has_stages": bool(words.stages) and on == "contact",
        "stage_options": partial(panels.options, [(one.id, one.name) for one in words.stages.values()]),
        "member_options": partial(panels.options, [(one.id, one.name) for one in words.active_members()]),
        "own_values": partial(panels.own_values, _settable(request, words, on)),
        "team_options": partial(panels.options, list(words.teams.items())),
        "bulk_offers": bulk.offers_for(request.member) if on == "contact" else [],
        "tag_options": partial(panels.options, [(one.name, "") for one in words.tags.values()]),
    }  # fmt: skip


def _settable(request: MemberRequest, words: Vocabulary, on: str) -> list[FieldWord]:
    """The custom fields that the member may set for many at once: those she sees."""
    held = masking.guard(request.member, words, request.purpose) if on == "contact" else masking.Guard()
    return [one for one in words.fields_on(on) if not held.hides(f"custom-{one.key}")]


def _tools(
    asked: _Asked, keep: list[tuple[str, Any]], own: list[FieldWord], links: list[Link], *, is_first_run: bool
) -> tuple[object, ...]:
    """All that the menus, the filters and the bulk bar of a list depend on, beside the member herself."""
    view = asked.view
    is_view = (view.pk, view.name, view.is_shared, view.member_id) if view else ()
    return (
        asked.definition.on,
        asked.words.key,
        tuple(asked.definition.pairs()),
        tuple(keep),
        is_view,
        is_first_run,
        len(own),
        tuple((str(link.label), link.url) for link in links),
    )


def _url(base: str, pairs: list[tuple[str, Any]]) -> str:
    return f"{base}?{urlencode(pairs)}" if pairs else base


def _head(column: columns.Column, definition: Definition, base: str) -> dict[str, Any]:
    """A column's head; a click on the sorted one turns the order."""
    current = definition.sort.removeprefix("-") == column.sort.removeprefix("-") and bool(column.sort)
    wanted = column.sort
    if current:
        wanted = definition.sort.removeprefix("-") if definition.sort.startswith("-") else f"-{definition.sort}"
    pairs = [pair for pair in definition.pairs() if pair[0] != "sort"]
    return {
        "label": column.label,
        "classes": " ".join(name for name in column.classes.split() if name == "phone-hide"),
        "url": _url(base, [*pairs, ("sort", wanted)]) if column.sort else "",
        "direction": ("descending" if definition.sort.startswith("-") else "ascending") if current else "",
    }


def _chips(request: MemberRequest, definition: Definition, words: Vocabulary, base: str) -> list[dict[str, str]]:
    context = Context(request.member, words, definition.on)
    own_names, found = lists.custom_names(words.fields_on(definition.on)), []
    for name, values in definition.filters.items():
        own, side = own_names.get(name, (None, ""))
        label = own.label if own else str(lists.FILTERS[name].label)
        found.append(
            {
                "label": label,
                "relation": relation(name, side, is_list=len(values) > 1),
                "value": lists.in_words(context, name, values),
                "remove_url": _url(base, lists.without(definition, name).pairs()),
            }
        )
    return found


def relation(name: str, side: str, *, is_list: bool) -> str:
    """The word between a filter and its value; `side` is the end of a stretch that it gives."""
    if side:
        return _("from") if side == "from" else _("to")
    if name.endswith(("_after", "_before")):
        return ""
    return _("is any of") if is_list else _("is")


def change_contacts(request: MemberRequest) -> HttpResponse:
    return _change_many(request, "contact")


def change_companies(request: MemberRequest) -> HttpResponse:
    return _change_many(request, "company")


def _change_many(request: MemberRequest, on: str) -> HttpResponse:
    """The bulk bar: `ids` or, with `everything`, all that match the list whose address is in `query`."""
    back = _back(request, on)
    try:
        ids = chosen(request, on)
        act = request.POST.get("act", "")
        if act == "delete":
            count = _delete(request, on, ids)
            text = ngettext("%(count)d moved to the bin", "%(count)d moved to the bin", count)
        else:
            rule = contacts.bulk_change if on == "contact" else companies.bulk_change
            changes = _changes(request, on, act)
            count = rule(workspace=request.workspace, by=request.member, at=clock.now(), ids=ids, changes=changes)
            text = ngettext("%(count)d changed", "%(count)d changed", count)
    except Refused as refused:
        messages.error(request, str(refused))
    except ValidationError as problem:
        messages.error(request, " ".join(problem.messages))
    else:
        messages.success(request, text % {"count": count})
    return back


def _back(request: MemberRequest, on: str) -> HttpResponseRedirect:
    query = QueryDict(request.POST.get("query", "")[:2000])
    response = HttpResponseRedirect(
        _url(reverse(_URLS[on]), [(name, value) for name, values in query.lists() for value in values])
    )
    response.status_code = 303
    return response


def chosen(request: MemberRequest, on: str) -> list[UUID]:
    """The ids that the bulk bar sent: the ticked rows, or all that match the list. Raises Refused."""
    if request.POST.get("everything"):
        asked = _asked(request, on, QueryDict(request.POST.get("query", "")[:4000]))
        if asked.problem:
            raise Refused(asked.problem)
        return lists.ids_of(asked.definition, member=request.member, words=asked.words, most=bulk.MOST)
    found = [uuid_or_none(text) for text in request.POST.getlist("ids")[: bulk.MOST]]
    ticked = [one for one in found if one is not None]
    if not ticked:
        raise Refused(_("Choose at least one row."))
    return ticked


def _changes(request: MemberRequest, on: str, act: str) -> BulkChanges:
    value = request.POST.get(act, "").strip()
    if act in {"stage", "owner", "team"}:
        if not value:
            raise Refused(_("Choose what to set."))
        chosen = None if value == lists.NONE else uuid_or_none(value)
        if chosen is None and value != lists.NONE:
            raise Refused(_("“%(value)s” is not known here.") % {"value": value[:40]})
        return BulkChanges(
            stage=chosen if act == "stage" else UNSET,
            owner=chosen if act == "owner" else UNSET,
            team=chosen if act == "team" else UNSET,
        )
    if act == "follow_up_on":
        day = parse_date(value) if value else None
        if value and day is None:
            raise Refused(_("“%(value)s” is not a date.") % {"value": value[:40]})
        return BulkChanges(follow_up_on=day)
    for prefix in (panels.SET_OWN, panels.EMPTY_OWN):
        if act.startswith(prefix):
            return BulkChanges(
                custom=_own_value(request, on, act.removeprefix(prefix), is_emptied=prefix == panels.EMPTY_OWN)
            )
    if act in {"add_tag", "remove_tag"} and (tag := request.POST.get("tag_name", "").strip()):
        return BulkChanges(add_tag=tag) if act == "add_tag" else BulkChanges(remove_tag=tag)
    raise Refused(_("Choose what to set."))


def _own_value(request: MemberRequest, on: str, key: str, *, is_emptied: bool) -> dict[str, Any]:
    """The value of the custom field that the bulk bar sent for all chosen rows."""
    if is_emptied:
        return {key: None}
    values = [value for value in request.POST.getlist(f"own-{key}") if value.strip()]
    if not values:
        raise Refused(_("Choose what to set."))
    fields = vocabulary.of(request.workspace).fields_on(on)
    several = any(one.key == key and one.kind == CustomField.Kind.CHOICES for one in fields)
    return {key: values if several else values[0]}


def _delete(request: MemberRequest, on: str, ids: list[UUID]) -> int:
    if not request.member.may(May.DELETE_CONTACTS):
        raise Refused(_("You may not move contacts to the bin."))
    return bins.delete(
        model=Contact if on == "contact" else Company,
        workspace=request.workspace,
        ids=ids,
        by=request.member,
        at=clock.now(),
    )


def save_view(request: MemberRequest) -> HttpResponse:
    """Keep the list whose address is in `query` under a name."""
    on = request.POST.get("on", "contact")
    if on not in _URLS:
        raise Http404
    asked = _asked(request, on, QueryDict(request.POST.get("query", "")[:4000]))
    try:
        view = saved_views.save(
            member=request.member, at=clock.now(), name=request.POST.get("name", ""), definition=asked.definition,
            is_shared=bool(request.POST.get("is_shared")) and request.member.may(May.SHARE_VIEWS),
        )  # fmt: skip
    except ValidationError as problem:
        messages.error(request, " ".join(problem.messages))
        return _back(request, on)
    messages.success(request, _("The view is kept."))
    return _to(f"{reverse(_URLS[on])}?view={view.pk}")


def change_view(request: MemberRequest, view_id: UUID) -> HttpResponse:
    """Rename, share or delete a view."""
    view = saved_views.find(request.member, view_id)
    if view is None:
        raise Http404
    base = reverse(_URLS[view.on])
    if not saved_views.may_change(view, request.member):
        messages.error(request, _("This view belongs to somebody else."))
        return _to(f"{base}?view={view.pk}")
    if request.POST.get("act") == "delete":
        saved_views.delete(view=view, member=request.member)
        messages.success(request, _("The view is deleted; its contacts are as they were."))
        return _to(base)
    shared = bool(request.POST.get("is_shared")) and (view.is_shared or request.member.may(May.SHARE_VIEWS))
    try:
        saved_views.change(
            view=view, member=request.member, at=clock.now(), name=request.POST.get("name", ""), is_shared=shared
        )
    except ValidationError as problem:
        messages.error(request, " ".join(problem.messages))
    return _to(f"{base}?view={view.pk}")


def _to(url: str) -> HttpResponseRedirect:
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response
