"""Support cases: the list, one case, a new one, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.once import only_once
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import persons
from amanat.desk.cases import counting, handling, listing, veil
from amanat.desk.cases.counting import Year
from amanat.desk.cases.forms import CaseForm, ClosingForm, NewCaseForm, NoteForm
from amanat.desk.cases.handling import CaseRefused, NewCase
from amanat.desk.cases.listing import Filters
from amanat.desk.cases.models import SupportCase
from amanat.desk.persons import PersonUnclear
from amanat.desk.views import choosing, finding
from amanat.people import masking, record_pages, vocabulary
from amanat.people.models import Contact, Interaction
from amanat.web import formatting

State = SupportCase.State
#: Tone of the tag of each state.
TONES: dict[str, str] = {State.OPEN: "blue", State.WAITING: "marigold", State.CLOSED: "green"}
_MOST_LINES = 200
#: So many years of kept counts are told: the cases themselves may be gone by then.
_YEARS = 5


def case_list(request: MemberRequest) -> HttpResponse:
    filters, member = Filters.read(request.GET), request.member
    today, now = clock.today(request.workspace.time_zone), clock.now()
    found = listing.rows(member, filters, today=today)
    page = listing.page(found, filters, after=request.GET.get("after"), before=request.GET.get("before"))
    words = vocabulary.of_request(request)
    held = veil.guard(member, words)
    context = {
        "filters": filters,
        "tabs": _tabs(filters),
        "lines": [
            {
                "case": case,
                "title": case.subject if veil.tells(held, case.contact_id) else _("Not shown"),
                "tone": TONES[case.state],
                "owner": words.member_name(case.owner_id),
                "is_late": case.is_late(today),
                "day": formatting.short_day(case.closed_at or case.due_on, now=now),
            }
            for case in page.cases
        ],
        "page": page,
        "summary": _("%(count)d on this page") % {"count": len(page.cases)},
        "years": _years(request) if filters.is_closed and not filters.query else [],
        "may_write": member.may(May.WRITE_CASES),
    }
    return render(request, "desk/cases.html", context)


def _tabs(filters: Filters) -> list[dict[str, Any]]:
    words = {"open": _("Not closed"), "mine": _("Mine"), "late": _("Late"), "closed": _("Closed")}
    tail = QueryDict(mutable=True)
    if filters.query:
        tail["q"] = filters.query
    rest = f"&{tail.urlencode()}" if filters.query else ""
    return [
        {"label": words[view], "url": f"?view={view}{rest}", "is_current": filters.view == view}
        for view in listing.VIEWS
    ]


def _years(request: MemberRequest) -> list[str]:
    """What the kept counts say of this year and of those before, for whoever sees all of it."""
    if not request.member.sees_all:
        return []
    year = counting.year_of(clock.now(), request.workspace)
    counted = counting.of_years([year - back for back in range(_YEARS)], workspace=request.workspace)
    return [_year_told(one, found) for one, found in counted.items() if found.closed or one == year]


def _year_told(year: int, counted: Year) -> str:
    said = ngettext("%(count)d closed in %(year)d.", "%(count)d closed in %(year)d.", counted.closed)
    text = said % {"count": counted.closed, "year": year}
    if counted.satisfaction is None:
        return text
    happy = _("How happy people were: %(mean).1f of 5, from %(count)d answers.")
    return f"{text} {happy % {'mean': counted.satisfaction, 'count': counted.rated}}"


@only_once
def case_new(request: MemberRequest) -> HttpResponse:
    """A new case; `?contact=` and `?subject=` fill the form in."""
    members = finding.members(request)
    people: list[dict[str, Any]] = []
    if request.method != "POST":
        form = NewCaseForm(members=members, initial=_first_values(request))
        return render(request, "desk/case_new.html", {"form": form, "people": people, "back": _back(request)})
    form = NewCaseForm(request.POST, members=members)
    if form.is_valid():
        try:
            return see_other(reverse("desk:case", args=[_take_up(request, form.cleaned_data).pk]))
        except PersonUnclear as unclear:
            form.add_error("person", str(unclear))
            people = choosing.options(request, [one for one in unclear.people if isinstance(one, Contact)])
        except CaseRefused as refused:
            form.add_error("subject", str(refused))
    context = {"form": form, "people": people, "back": _back(request)}
    return render(request, "desk/case_new.html", context, status=422)


def _first_values(request: MemberRequest) -> dict[str, Any]:
    today = clock.today(request.workspace.time_zone)
    return {
        "due_on": handling.usual_day(today),
        "owner": str(request.member.pk),
        "subject": request.GET.get("subject", "").replace("\x00", "")[:150],
        **choosing.first_person(request),
    }


def _back(request: MemberRequest) -> str:
    """The person's page where the case is of one, else the list."""
    chosen = choosing.first_person(request)
    return reverse("people:contact", args=[chosen["contact"]]) if "contact" in chosen else reverse("desk:cases")


def _take_up(request: MemberRequest, data: dict[str, Any]) -> SupportCase:
    at = clock.now()
    person = persons.chosen(request.member, data, at=at)
    if not isinstance(person, Contact):
        raise PersonUnclear(_("A case is of a person. Choose whom of this company."))
    if _is_closed_to(request, person):
        raise PersonUnclear(_("The use of this person's data is restricted. Open it on its page first."))
    wanted = NewCase(subject=data["subject"], what=data["what"], due_on=data["due_on"], owner=data["owner"])
    return handling.take_up(contact=person, wanted=wanted, by=request.member, at=at)


def _is_closed_to(request: MemberRequest, contact: Contact) -> bool:
    """Whether nothing is read or written of the person: the use of the data is restricted and this member has not opened it."""
    held = veil.guard(request.member, vocabulary.of_request(request))
    return masking.for_record(held, request.member, contact)[1]


def case(request: MemberRequest, case_id: UUID) -> HttpResponse:
    return page_of(request, _case_of(request, case_id))


def _case_of(request: MemberRequest, case_id: UUID) -> SupportCase:
    """A case the member may see; anything else does not exist."""
    rows = SupportCase.objects.of(request.workspace).visible_to(request.member).for_people_here()
    found: SupportCase | None = (
        rows.select_related("contact", "owner", "created_by", "closed_by").filter(pk=case_id).first()
    )
    if found is None:
        raise Http404
    return found


def page_of(
    request: MemberRequest,
    found: SupportCase,
    *,
    note_form: NoteForm | None = None,
    closing_form: ClosingForm | None = None,
    refused: str = "",
    written: str = "",
    status: int = 200,
) -> HttpResponse:
    member, words = request.member, vocabulary.of_request(request)
    held, is_restricted = masking.for_record(veil.guard(member, words), member, found.contact)
    tells = not is_restricted and not held.hides("words")
    context = {
        "case": found,
        "contact": found.contact,
        "title": found.subject if tells else _("Case #%(number)d") % {"number": found.number},
        "tells": tells,
        "is_restricted": is_restricted,
        "open_url": masking.opening_url(found.contact_id, masking.EVERYTHING) if is_restricted else "",
        "phone": "" if is_restricted or not found.contact.main_phone
        else held.shown("phones", formatting.phone(found.contact.main_phone)),
        "tone": TONES[found.state],
        "is_late": found.is_late(clock.today(request.workspace.time_zone)),
        "lines": record_pages.lines(_history(found), words) if tells else "",
        "note_form": note_form or NoteForm(),
        "closing_form": closing_form or ClosingForm(initial={"outcome": found.outcome}),
        "may_write": member.may(May.WRITE_CASES) and tells,
        "refused": refused,
        "written": written,
    }  # fmt: skip
    return render(request, "desk/case.html", context, status=status)


def _history(found: SupportCase) -> list[Interaction]:
    """The newest lines first, without their link: it leads here."""
    rows = Interaction.objects.of(found.workspace_id).filter(reference_id=found.pk, kind="case")
    lines = list(rows.order_by("-happened_at", "-id")[:_MOST_LINES])
    for line in lines:
        line.data.pop("url", None)
    return lines


def case_edit(request: MemberRequest, case_id: UUID) -> HttpResponse:
    found = _writable(request, case_id)
    form = CaseForm(request.POST or None, instance=found, members=finding.members(request))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            details = {name: form.cleaned_data[name] for name in handling.CHANGEABLE}
            try:
                handling.change(case=found, by=request.member, at=clock.now(), **details)
                return see_other(reverse("desk:case", args=[case_id]))
            except CaseRefused as refused:
                form.add_error("subject", str(refused))
    return render(request, "desk/case_edit.html", {"form": form, "case": found}, status=status)


def _writable(request: MemberRequest, case_id: UUID) -> SupportCase:
    """A case that the member may see and read: nobody writes about a person whose data is closed to her."""
    found = _case_of(request, case_id)
    if _is_closed_to(request, found.contact):
        raise Http404
    return found


def case_note(request: MemberRequest, case_id: UUID) -> HttpResponse:
    """Write down what was done or said, and whether it is now the customer's turn."""
    found, form = _writable(request, case_id), NoteForm(request.POST)
    if form.is_valid():
        waits = request.POST.get("then") == "wait"

        def keep() -> object:
            return handling.note(
                case=found, text=form.cleaned_data["text"], by=request.member, at=clock.now(), now_waits=waits
            )

        return _act(request, found, keep, written=form.cleaned_data["text"])
    return page_of(request, found, note_form=form, status=422)


def case_close(request: MemberRequest, case_id: UUID) -> HttpResponse:
    found, form = _writable(request, case_id), ClosingForm(request.POST)
    if form.is_valid():

        def end() -> object:
            return handling.close(case=found, by=request.member, at=clock.now(), **form.cleaned_data)

        return _act(request, found, end, written=form.cleaned_data["outcome"])
    return page_of(request, found, closing_form=form, status=422)


def case_reopen(request: MemberRequest, case_id: UUID) -> HttpResponse:
    found = _writable(request, case_id)
    return _act(request, found, lambda: handling.reopen(case=found, by=request.member, at=clock.now()))


def _act(request: MemberRequest, found: SupportCase, rule: Callable[[], object], *, written: str = "") -> HttpResponse:
    """Apply a rule and go back to the case. A refusal is told there, with what was written: somebody else was quicker."""
    try:
        rule()
    except CaseRefused as refused:
        return page_of(request, _case_of(request, found.pk), refused=str(refused), written=written, status=422)
    return see_other(reverse("desk:case", args=[found.pk]))
