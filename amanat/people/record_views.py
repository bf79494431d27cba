"""The page of one contact or company, its forms, its notes and files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
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
from amanat.accounts.permissions import May
from amanat.core import clock, files, phones
from amanat.core.models import StoredFile
from amanat.people import bin as bins
from amanat.people import (
    cards,
    companies,
    contacts,
    differences,
    drafts,
    notes,
    record_pages,
    timeline,
    vocabulary,
)  # fmt: skip
from amanat.people.drafts import CompanyDraft, ContactDraft, RecordDraft
from amanat.people.forms import CompanyForm, ContactForm, NoteForm, RecordForm, moment, uuid_or_none
from amanat.people.models import Attachment, Company, Contact, RecordQuerySet
from amanat.people.records import Same, Stale
from amanat.people.vocabulary import Vocabulary

PAGE = 30


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


def find(request: MemberRequest, pages: Pages, identity: UUID) -> Any:
    """The record, if the member may see it and it is not in the bin."""
    rows: RecordQuerySet[Any] = pages.model.objects.of(request.workspace).visible_to(request.member).alive()
    if pages is CONTACT:
        rows = rows.select_related("company")
    record = rows.filter(pk=identity).first()
    if record is None:
        raise Http404
    return record


def contact(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    return _page(request, CONTACT, find(request, CONTACT, contact_id))


def company(request: MemberRequest, company_id: UUID) -> HttpResponse:
    return _page(request, COMPANY, find(request, COMPANY, company_id))


def _page(request: MemberRequest, pages: Pages, record: Any, *, note: NoteForm | None = None) -> HttpResponse:
    tab = request.GET.get("tab", "")
    after = timeline.Place.parse(request.GET.get("after", ""))
    words = vocabulary.of(request.workspace)
    kinds = timeline.kinds.of_tab(tab) if tab else None
    lines = timeline.of(record, kinds=kinds, after=after, limit=PAGE + 1)
    here = reverse(pages.page, args=[record.pk])
    more = ""
    if len(lines) > PAGE:
        lines = lines[:PAGE]
        query = {"after": str(timeline.Place(lines[-1].happened_at, lines[-1].pk))} | ({"tab": tab} if tab else {})
        more = f"{here}?{urlencode(query)}"
    context: dict[str, Any] = {
        "record": record, "on": pages.on, "words": words, "older_url": more,
        "lines": record_pages.lines(lines, words), "is_older": after is not None,
    }  # fmt: skip
    if after is not None and getattr(request, "htmx", False):
        return render(request, "people/_lines.html", context)
    context |= {
        "note_form": note or NoteForm(),
        "tabs": record_pages.tabs(here, tab),
        "cards": cards.of(request, record),
        "may_write": request.member.may(May.WRITE_CONTACTS),
        "may_delete": request.member.may(May.DELETE_CONTACTS),
        "may_merge": request.member.may(May.MERGE_CONTACTS),
        "listing_url": reverse(pages.listing),
    }
    context |= record_pages.facts(request, record, words)
    return render(request, "people/record.html", context, status=422 if note is not None and note.errors else 200)


def contact_new(request: MemberRequest) -> HttpResponse:
    return _new(request, CONTACT)


def company_new(request: MemberRequest) -> HttpResponse:
    return _new(request, COMPANY)


def _new(request: MemberRequest, pages: Pages) -> HttpResponse:
    words = vocabulary.of(request.workspace)
    draft = _suggested(request, pages, words)
    form = pages.form(
        request.POST if request.method == "POST" else None, words=words, draft=draft, member=request.member
    )
    same: list[Same] = []
    if request.method == "POST" and form.is_valid():
        asked: Any = form.draft()
        if not request.POST.get("anyway"):
            same = _same(request, pages, asked)
        if not same:
            try:
                made = pages.rule.create(
                    workspace=request.workspace, by=request.member, at=clock.now(), draft=asked, words=words
                )
            except ValidationError as problem:
                form.refuse(problem)
            else:
                return to(reverse(pages.page, args=[made.pk]))
    return _form(request, pages, form, None, same=same)


def _suggested(request: MemberRequest, pages: Pages, words: Vocabulary) -> RecordDraft:
    """A new record begins as the member's own, with what the address brings along (a number typed into the search)."""
    given: dict[str, Any] = {"name": request.GET.get("name", "")[:200], "owner": request.member.pk}
    if number := request.GET.get("phone", "")[:40]:
        given["phones"] = [(number, "")]
    if pages is CONTACT and (identity := uuid_or_none(request.GET.get("company", ""))):
        found = Company.objects.of(request.workspace).visible_to(request.member).alive().filter(pk=identity).first()
        if found is not None:
            given |= {"company_id": found.pk, "company_name": found.name}
    return ContactDraft(**given) if pages is CONTACT else CompanyDraft(**given)


def contact_edit(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    return _edit(request, CONTACT, contact_id)


def company_edit(request: MemberRequest, company_id: UUID) -> HttpResponse:
    return _edit(request, COMPANY, company_id)


def _edit(request: MemberRequest, pages: Pages, identity: UUID) -> HttpResponse:
    record = find(request, pages, identity)
    words = vocabulary.of(request.workspace)
    before: Any = pages.rule.as_draft(record, words)
    form = pages.form(
        request.POST if request.method == "POST" else None, words=words, draft=before, member=request.member
    )
    same: list[Same] = []
    if request.method == "POST" and form.is_valid():
        asked: Any = form.draft()
        if not request.POST.get("anyway"):
            same = _same(request, pages, asked, but=record.pk, known=before)
        if not same:
            try:
                seen_at = moment(request.POST.get("seen_at", "")) or record.updated_at
                changes = {"changes": asked, "seen_at": seen_at, "words": words}
                pages.rule.change(**{pages.on: record}, by=request.member, at=clock.now(), **changes)
            except ValidationError as problem:
                form.refuse(problem)
            except Stale as stale:
                return _form(request, pages, form, record, stale=_stale(stale, before, asked, words))
            else:
                return to(reverse(pages.page, args=[record.pk]))
    return _form(request, pages, form, record, same=same)


def _stale(stale: Stale, before: RecordDraft, asked: RecordDraft, words: Vocabulary) -> dict[str, Any]:
    """What somebody else wrote meanwhile, beside what stands in the form."""
    found = differences.between(before, asked, words)
    return {
        "at": stale.record.updated_at,
        "lines": [
            (differences.label(name), theirs, mine)
            for name, (theirs, mine) in found.items()
            if not name.startswith("custom-")
        ],
    }


def _same(
    request: MemberRequest,
    pages: Pages,
    asked: RecordDraft,
    *,
    but: UUID | None = None,
    known: RecordDraft | None = None,
) -> list[Same]:
    """Others with one of the phones or e-mails that are new in the form; by name when it has neither."""
    old_numbers = {number for number, _label in known.phones} if known else set()
    old_mails = {address for address, _label in known.emails} if known else set()
    numbers = [
        one for one in (phones.parse(number) for number, _label in asked.phones) if one and one not in old_numbers
    ]
    mails = [
        one for one in (address.strip().lower() for address, _label in asked.emails) if one and one not in old_mails
    ]
    name = "" if numbers or mails or known else asked.name
    if not (numbers or mails or name):
        return []
    found: list[Same] = pages.rule.likely_same(member=request.member, phones=numbers, emails=mails, name=name, but=but)
    return found


def _form(
    request: MemberRequest,
    pages: Pages,
    form: RecordForm,
    record: Any,
    *,
    same: Sequence[Same] = (),
    stale: dict[str, Any] | None = None,
) -> HttpResponse:
    problems = bool(form.errors or form.row_errors or same or stale)
    seen_at = stale["at"] if stale else record.updated_at if record is not None else None
    if request.method == "POST" and record is not None and not stale:
        seen_at = moment(request.POST.get("seen_at", "")) or seen_at
    context = {
        "form": form, "record": record, "on": pages.on, "same": record_pages.sames(same), "stale": stale,
        "seen_at": seen_at.isoformat() if seen_at else "", "words": form.words, "is_quick": bool(request.GET.get("quick")),
        "back_url": reverse(pages.page, args=[record.pk]) if record is not None else reverse(pages.listing),
        "listing_url": reverse(pages.listing), "has_row_errors": bool(form.row_errors),
        "same_url": reverse("people:same", args=[pages.on]),
    }  # fmt: skip
    return render(request, "people/form.html", context, status=422 if problems and request.method == "POST" else 200)


def same(request: MemberRequest, on: str) -> HttpResponse:
    """While somebody types a number, an address or a name: whom it belongs to already."""
    if on not in {"contact", "company"}:
        raise Http404
    pages = CONTACT if on == "contact" else COMPANY
    numbers = [one for one in (phones.parse(text[:60]) for text in request.GET.getlist("phone_number")[:20]) if one]
    mails = [text.strip().lower()[:254] for text in request.GET.getlist("email_address")[:20] if "@" in text]
    name = request.GET.get("name", "").strip()[:200]
    found: list[Same] = []
    if numbers or mails or len(name) > 3:
        but = uuid_or_none(request.GET.get("but", ""))
        found = pages.rule.likely_same(
            member=request.member, phones=numbers, emails=mails, name="" if but else name, but=but
        )
    return render(request, "people/_same.html", {"same": record_pages.sames(found)})


def company_names(request: MemberRequest) -> HttpResponse:
    """Names of companies that go on as typed, as options of a datalist."""
    typed = request.GET.get("company_name", "").strip()[:100]
    names: list[str] = []
    if typed:
        rows = Company.objects.of(request.workspace).visible_to(request.member).alive()
        start = drafts.sort_name(typed)
        names = list(
            rows.filter(sort_name__gte=start, sort_name__lt=start + "\U0010ffff")
            .order_by("sort_name")
            .values_list("name", flat=True)[:8]
        )
    return render(request, "people/_options.html", {"names": names})


def contact_note(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    return _note(request, CONTACT, contact_id)


def company_note(request: MemberRequest, company_id: UUID) -> HttpResponse:
    return _note(request, COMPANY, company_id)


def _note(request: MemberRequest, pages: Pages, identity: UUID) -> HttpResponse:
    record = find(request, pages, identity)
    form = NoteForm(request.POST, request.FILES)
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


def attachment(request: MemberRequest, attachment_id: UUID) -> HttpResponseBase:
    """A file from a timeline, as a download; its contact or company must be one the member may see."""
    found = Attachment.objects.of(request.workspace).filter(pk=attachment_id).first()
    if found is None:
        raise Http404
    if found.contact_id:
        find(request, CONTACT, found.contact_id)
    elif found.company_id:
        find(request, COMPANY, found.company_id)
    else:
        raise Http404
    stored = StoredFile.objects.of(request.workspace).get(pk=found.file_id)
    return files.serve(stored, name=found.name)


def contact_follow_up(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    return _follow_up(request, CONTACT, contact_id)


def company_follow_up(request: MemberRequest, company_id: UUID) -> HttpResponse:
    return _follow_up(request, COMPANY, company_id)


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


def contact_delete(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    return _delete(request, CONTACT, contact_id)


def company_delete(request: MemberRequest, company_id: UUID) -> HttpResponse:
    return _delete(request, COMPANY, company_id)


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
