"""The search: a page, and the answers of the palette."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.core import phones
from amanat.people import masking, script, search, vocabulary
from amanat.people.models import Company, Contact
from amanat.web import formatting, navigation

ON_THE_PAGE, IN_THE_PALETTE = 50, 8


@dataclass(frozen=True, slots=True)
class Found:
    """One answer as it is drawn."""

    url: str
    title: str
    note: str = ""
    icon: str = ""
    tone: int = 0


@dataclass(frozen=True, slots=True)
class Finder:
    """How hits of a kind become answers: `find` reads them at once, by id, and leaves out what the member may not see."""

    kind: str
    label: str | Promise
    find: Callable[[MemberRequest, Sequence[UUID]], dict[UUID, Found]]
    permission: May = May.READ_CONTACTS


_finders: dict[str, Finder] = {}


def register(finder: Finder) -> None:
    """Add the kind of a package above; called in AppConfig.ready()."""
    _finders[finder.kind] = finder


def _contacts(request: MemberRequest, ids: Sequence[UUID]) -> dict[UUID, Found]:
    rows = Contact.objects.of(request.workspace).visible_to(request.member).alive().filter(pk__in=ids)
    held = masking.guard(request.member, vocabulary.of_request(request), request.purpose)
    number_of = held.cell("phones", lambda number: phones.international(number) if number else "")
    mail_of, company_of = held.cell("emails", str), held.cell("company", lambda name: name or "")
    found = {}
    for key, name, number, mail, company in rows.values_list("pk", "name", "main_phone", "main_email", "company__name"):
        note = " · ".join(part for part in (number_of(number) or mail_of(mail), company_of(company)) if part)
        if key in held.restricted:
            note = _("restricted")
        found[key] = Found(reverse("people:contact", args=[key]), name, note, tone=formatting.avatar_tone(key))
    return found


def _companies(request: MemberRequest, ids: Sequence[UUID]) -> dict[UUID, Found]:
    rows = Company.objects.of(request.workspace).visible_to(request.member).alive().filter(pk__in=ids)
    return {
        key: Found(reverse("people:company", args=[key]), name, gstin, "building-2")
        for key, name, gstin in rows.values_list("pk", "name", "gstin")
    }


register(Finder("contact", gettext_lazy("Contacts"), _contacts))
register(Finder("company", gettext_lazy("Companies"), _companies))


def answers(request: MemberRequest, query: str, *, limit: int) -> list[dict[str, Any]]:
    """What was found, in groups, best first within each."""
    kinds = [finder.kind for finder in _finders.values() if request.member.may(finder.permission)]
    words = vocabulary.of_request(request)
    hits = search.find(query, member=request.member, kinds=kinds, limit=limit, vocabulary_of=words)
    groups = []
    for finder in _finders.values():
        ids = [hit.id for hit in hits if hit.kind == finder.kind]
        found = finder.find(request, ids) if ids else {}
        if found:
            groups.append({"label": finder.label, "items": [found[key] for key in ids if key in found]})
    return groups


def search_page(request: MemberRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[: search.MOST_LETTERS]
    groups = answers(request, query, limit=ON_THE_PAGE) if query else []
    context = {"query": query, "groups": groups, "new": _new(request, query)}
    return render(request, "people/search.html", context)


def palette(request: MemberRequest) -> HttpResponse:
    """The answers under the palette's field: records, then what the member can do."""
    query = request.GET.get("q", "").strip()[: search.MOST_LETTERS]
    groups = answers(request, query, limit=IN_THE_PALETTE) if query else []
    return render(
        request, "people/_palette.html", {"query": query, "groups": groups, "actions": _actions(request, query)}
    )


def _actions(request: MemberRequest, query: str) -> list[Found]:
    """Pages and things to make whose name has the words; then a new contact with what was typed."""
    wanted = script.latin(query).split()
    sections = navigation.shown(request)
    made = [(f"{_('New')}: {offer.label}", offer) for offer in navigation.offers(request)]
    pages = [(str(entry.label), entry) for section in sections.values() for entry in section if not entry.by_post]
    found = [
        Found(entry.url, title, icon=entry.icon)
        for title, entry in pages + made
        if wanted and _has_words(script.latin(title).split(), wanted)
    ][:5]
    new = _new(request, query)
    return [*found, new] if new else found


def _has_words(title: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether each wanted word begins one of the title's."""
    return all(any(word.startswith(part) for word in title) for part in wanted)


def _new(request: MemberRequest, query: str) -> Found | None:
    if not query or not request.member.may(May.WRITE_CONTACTS):
        return None
    number = phones.parse(query)
    given = {"phone": phones.national(number)} if number else {"name": query}
    return Found(
        f"{reverse('people:contact_new')}?{urlencode(given)}",
        _("New contact “%(text)s”") % {"text": query[:60]},
        icon="user-plus",
    )
