"""The forms of contacts and companies: new, edit, and what they ask while somebody types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.once import only_once
from amanat.core import clock, phones
from amanat.people import differences, drafts, masking, meanwhile, record_pages, vocabulary
from amanat.people.drafts import CompanyDraft, ContactDraft, RecordDraft
from amanat.people.forms import RecordForm, moment, uuid_or_none
from amanat.people.models import Company, Contact
from amanat.people.record_views import CONTACT, PAGES, Pages, each, find, to
from amanat.people.records import Same, Stale
from amanat.people.vocabulary import Vocabulary


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


def _edit(request: MemberRequest, pages: Pages, identity: UUID) -> HttpResponse:
    record = find(request, pages, identity)
    words = vocabulary.of(request.workspace)
    before: Any = pages.rule.as_draft(record, words)
    hidden = _hidden(request, record, words)
    if masking.EVERYTHING in hidden:
        messages.error(request, _("The use of this person's data is restricted. Open it on its page first."))
        return to(reverse(pages.page, args=[record.pk]))
    form = pages.form(
        request.POST if request.method == "POST" else None,
        words=words,
        draft=before,
        member=request.member,
        hidden=hidden,
    )
    same: list[Same] = []
    if request.method == "POST" and form.is_valid():
        asked: Any = form.draft()
        if not request.POST.get("anyway"):
            same = _same(request, pages, asked, but=record.pk, known=before)
        if not same:
            seen_at = moment(request.POST.get("seen_at", "")) or record.updated_at
            try:
                changes = {"changes": asked, "seen_at": seen_at, "words": words}
                pages.rule.change(**{pages.on: record}, by=request.member, at=clock.now(), **changes)
            except ValidationError as problem:
                form.refuse(problem)
            except Stale as stale:
                return _stale(request, pages, form, stale.record, asked=asked, seen_at=seen_at)
            else:
                return to(reverse(pages.page, args=[record.pk]))
    return _form(request, pages, form, record, same=same)


def _hidden(request: MemberRequest, record: Any, words: Vocabulary) -> frozenset[str]:
    """The fields of a contact that this member does not see, all ("*") of a restricted one."""
    if not isinstance(record, Contact):
        return frozenset()
    held, is_restricted = masking.for_record(
        masking.guard(request.member, words, request.purpose), request.member, record
    )
    return frozenset({masking.EVERYTHING}) if is_restricted else held.withheld | held.masked


def _stale(
    request: MemberRequest, pages: Pages, form: RecordForm, record: Any, *, asked: RecordDraft, seen_at: datetime
) -> HttpResponse:
    """The form again: what only others changed is in it, what both changed shows theirs beside what was typed."""
    words = form.words
    theirs: Any = pages.rule.as_draft(record, words)
    try:
        mine = drafts.cleaned(asked, words, on=pages.on)
    except ValidationError as problem:
        form.refuse(problem)
        return _form(request, pages, form, record)
    found = meanwhile.since(seen_at, record, theirs=theirs, mine=mine, words=words)
    fresh = pages.form(
        form.with_values_of(theirs, found.taken), words=words, draft=theirs, member=request.member, hidden=form.hidden
    )
    fresh.tell(found)
    labels = {f"custom-{one.key}": one.label for one in words.fields_on(pages.on)}
    stale = {
        "at": record.updated_at,
        "taken": ", ".join(labels.get(name) or differences.label(name) for name in found.taken),
        "has_both": bool(found.both),
    }
    return _form(request, pages, fresh, record, stale=stale)


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
    if on not in PAGES:
        raise Http404
    pages = PAGES[on]
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


contact_new, company_new = map(only_once, each(_new))
contact_edit, company_edit = each(_edit)
