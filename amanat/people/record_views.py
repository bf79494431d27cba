"""The page of one contact or company, its notes and files, its follow-up, and moving it to the bin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.once import only_once
from amanat.accounts.permissions import May
from amanat.core import clock, files
from amanat.core.models import StoredFile
from amanat.people import bin as bins
from amanat.people import (
    cards,
    companies,
    contacts,
    masking,
    notes,
    record_pages,
    timeline,
    vocabulary,
)  # fmt: skip
from amanat.people.drafts import CompanyDraft, ContactDraft, RecordDraft
from amanat.people.forms import CompanyForm, ContactForm, NoteForm
from amanat.people.models import Attachment, Company, Contact, RecordQuerySet

PAGE = 30
type View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Pages:
    """What differs between the pages of contacts and those of companies."""

    on: str
    model: type[Contact] | type[Company]
    form: type[ContactForm] | type[CompanyForm]
    rule: Any
    empty: Callable[[], RecordDraft]
    listing: str
    page: str


CONTACT = Pages("contact", Contact, ContactForm, contacts, ContactDraft, "people:contacts", "people:contact")
COMPANY = Pages("company", Company, CompanyForm, companies, CompanyDraft, "people:companies", "people:company")
PAGES = {"contact": CONTACT, "company": COMPANY}


def each(view: Callable[..., HttpResponse]) -> tuple[View, View]:
    """The view of contacts and that of companies, of one that is told which pages it is for and the id in the address."""

    def of(pages: Pages) -> View:
        @wraps(view)
        def shown(request: MemberRequest, **address: UUID) -> HttpResponse:
            return view(request, pages, *address.values())

        return shown

    return of(CONTACT), of(COMPANY)


def find(request: MemberRequest, pages: Pages, identity: UUID) -> Any:
    """The record, if the member may see it and it is not in the bin."""
    rows: RecordQuerySet[Any] = pages.model.objects.of(request.workspace).visible_to(request.member).alive()
    if pages is CONTACT:
        rows = rows.select_related("company")
    record = rows.filter(pk=identity).first()
    if record is None:
        raise Http404
    return record


def _open(request: MemberRequest, pages: Pages, identity: UUID) -> HttpResponse:
    return _page(request, pages, find(request, pages, identity))


def _page(request: MemberRequest, pages: Pages, record: Any, *, note: NoteForm | None = None) -> HttpResponse:
    tab = request.GET.get("tab", "")
    after = timeline.Place.parse(request.GET.get("after", ""))
    words = vocabulary.of_request(request)
    kinds = timeline.kinds.of_tab(tab) if tab else None
    veiled = record_pages.veil(request, record, words)
    lines = [] if veiled.is_restricted else timeline.of(record, kinds=kinds, after=after, limit=PAGE + 1)
    here = reverse(pages.page, args=[record.pk])
    more = ""
    if len(lines) > PAGE:
        lines = lines[:PAGE]
        query = {"after": str(timeline.Place(lines[-1].happened_at, lines[-1].pk))} | ({"tab": tab} if tab else {})
        more = f"{here}?{urlencode(query)}"
    context: dict[str, Any] = {
        "record": record, "on": pages.on, "words": words, "older_url": more,
        "lines": record_pages.lines(lines, words, hidden=veiled.names), "is_older": after is not None,
    }  # fmt: skip
    if after is not None and getattr(request, "htmx", False):
        return render(request, "people/_lines.html", context)
    context |= {
        "note_form": note or NoteForm(),
        "tabs": record_pages.tabs(here, tab),
        "cards": cards.of(request, record, is_restricted=veiled.is_restricted),
        "may_write": request.member.may(May.WRITE_CONTACTS) and not veiled.is_restricted,
        "may_delete": request.member.may(May.DELETE_CONTACTS),
        "may_merge": request.member.may(May.MERGE_CONTACTS),
        "listing_url": reverse(pages.listing),
    }
    context |= record_pages.facts(request, record, words, veiled)
    return render(request, "people/record.html", context, status=422 if note is not None and note.errors else 200)


def _note(request: MemberRequest, pages: Pages, identity: UUID) -> HttpResponse:
    record = find(request, pages, identity)
    form = NoteForm(request.POST, request.FILES)
    if _is_closed(request, record):
        messages.error(request, _("The use of this person's data is restricted. Open it on its page first."))
        return to(reverse(pages.page, args=[record.pk]))
    if form.is_valid():
        given = form.cleaned_data
        try:
            notes.write(
                record=record, by=request.member, at=clock.now(), text=given["note"], kind=given["kind"] or "note",
                file=given["file"], file_name=given["file"].name if given["file"] else "",
            )  # fmt: skip
        except files.FileRefused as refused:
            form.add_error("file", str(refused))
        else:
            return to(reverse(pages.page, args=[record.pk]))
    return _page(request, pages, record, note=form)


def _is_closed(request: MemberRequest, record: Any) -> bool:
    """Whether nothing is read or written of the record: the use of its data is restricted and this member has not opened it."""
    if not isinstance(record, Contact):
        return False
    whole = masking.guard(request.member, vocabulary.of_request(request), request.purpose)
    return masking.for_record(whole, request.member, record)[1]


def attachment(request: MemberRequest, attachment_id: UUID) -> HttpResponseBase:
    """A file from a timeline, as a download; its contact or company must be one the member may see."""
    found = Attachment.objects.of(request.workspace).filter(pk=attachment_id).first()
    if found is None:
        raise Http404
    if found.contact_id:
        if _is_closed(request, find(request, CONTACT, found.contact_id)):
            raise Http404
    elif found.company_id:
        find(request, COMPANY, found.company_id)
    else:
        raise Http404
    stored = StoredFile.objects.of(request.workspace).get(pk=found.file_id)
    return files.serve(stored, name=found.name)


def _follow_up(request: MemberRequest, pages: Pages, identity: UUID) -> HttpResponse:
    """Set the next follow-up: `in` days from today, `day` as a date, or nothing to take it away."""
    record = find(request, pages, identity)
    today = clock.today(request.workspace.time_zone)
    steps = {"1": 1, "3": 3, "7": 7}
    day: date | None = None
    if request.POST.get("in") in steps:
        day = today + timedelta(days=steps[request.POST["in"]])
    elif text := request.POST.get("day", "").strip():
        try:
            day = parse_date(text)
        except ValueError:
            day = None
        if day is None:
            messages.error(request, _("“%(value)s” is not a date.") % {"value": text[:40]})
            return to(reverse(pages.page, args=[record.pk]))
    try:
        pages.rule.change(**{pages.on: record}, by=request.member, at=clock.now(), changes={"follow_up_on": day})
    except ValidationError as problem:  # something written down before is not well formed any more
        messages.error(request, " ".join(problem.messages))
    return to(reverse(pages.page, args=[record.pk]))


def _delete(request: MemberRequest, pages: Pages, identity: UUID) -> HttpResponse:
    record = find(request, pages, identity)
    bins.delete(model=pages.model, workspace=request.workspace, ids=[record.pk], by=request.member, at=clock.now())
    messages.success(request, _("%(name)s is in the bin for 30 days.") % {"name": record.name})
    return to(reverse(pages.listing))


def to(url: str) -> HttpResponseRedirect:
    """On to another page after a change."""
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


contact, company = each(_open)
contact_note, company_note = map(only_once, each(_note))
contact_follow_up, company_follow_up = each(_follow_up)
contact_delete, company_delete = each(_delete)
