"""The rights desk: what is asked, by when, and what answering it will do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from amanat.accounts import access
from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.basis import passcodes
from amanat.basis.forms import CodeForm
from amanat.core import clock, files, ledger, outbox
from amanat.people import cards
from amanat.people.models import Company, Contact
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.requests import (
    asking,
    authorities,
    carrying,
    following,
    lifting,
    listing,
    nominees,
    relenting,
    showing,
    telling,
)
from amanat.privacy.requests import details as asked
from amanat.privacy.requests.asking import RequestRefused
from amanat.privacy.requests.forms import (
    AnswerForm,
    ExtendForm,
    IdentifyForm,
    LiftForm,
    RefuseForm,
)
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest
from amanat.privacy.requests.taking_down_views import visible_contact


def requests_list(request: MemberRequest) -> HttpResponse:
    """Open ones by the day they are due, others newest first."""
    now = clock.now()
    view = request.GET.get("view", "")
    view = view if view in listing.VIEWS else "open"
    found = listing.page(
        listing.rows(request.workspace.pk, view, at=now), view,
        after=request.GET.get("after", "")[:80], before=request.GET.get("before", "")[:80],
    )  # fmt: skip
    words = {
        "open": pgettext("requests", "Open"),
        "soon": _("Due soon"),
        "late": _("Late"),
        "done": _("Done"),
        "all": _("All"),
    }
    context = {
        "view": view,
        "tabs": [{"label": words[one], "url": f"?view={one}", "is_current": one == view} for one in listing.VIEWS],
        "lines": [showing.line(one, now) for one in found.requests],
        "page": found,
        "summary": _("%(count)d on this page") % {"count": len(found.requests)},
        "may_answer": request.member.may(May.ANSWER_REQUESTS),
        "may_manage": request.member.may(May.MANAGE_POLICY),
        "public_url": request.build_absolute_uri(reverse("privacy:public_request", args=[request.workspace.pk])),
    }
    return render(request, "privacy/requests_list.html", context)


def request_page(request: MemberRequest, request_id: UUID) -> HttpResponse:
    return _shown(request, _find(request, request_id))


def _shown(request: MemberRequest, found: RightsRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    now = clock.now()
    if following.follow_one(found, at=now):
        found = _find(request, found.pk)
    may_answer = request.member.may(May.ANSWER_REQUESTS)
    said = asked.of(found)
    extension = asking.extension_of(found, now) if may_answer else None
    steps = RequestStep.objects.of(request.workspace).filter(request=found).select_related("by").order_by("id")
    context = {
        "found": found,
        "person": found.contact,
        "said": said,
        "answer": asked.answer_of(found),
        "line": showing.line(found, now),
        "steps": [showing.step(one) for one in steps],
        "is_nominee": found.who == RightsRequest.Who.NOMINEE,
        "nominee": nominees.compared(found.contact_id, said, workspace_id=found.workspace_id)
        if found.who == RightsRequest.Who.NOMINEE and found.contact_id
        else None,
        "compared": carrying.compared(found) if found.kind in carrying.CORRECTIONS else [],
        "foreseen": showing.foreseen(found, now) if may_answer and found.is_open else [],
        "authorities": authorities.of(found.regimes),
        "regimes": ", ".join(showing.LAWS.get(law, law) for law in found.regimes),
        "may_answer": may_answer,
        "extension": extension,
        "reaches": bool(telling.address_of(found, said)),
        "can_do": may_answer and found.state in ("open", "doing" if found.kind in carrying.IN_WORDS else "open"),
        "in_words": found.kind in carrying.IN_WORDS,
        "do_label": showing.DO[Kind(found.kind)](),
        "is_dangerous": found.kind == Kind.ERASE,
        "answer_form": forms.get("answer_form") or AnswerForm(),
        "refuse_form": forms.get("refuse_form") or RefuseForm(prefix="refuse"),
        "extend_form": forms.get("extend_form") or ExtendForm(prefix="extend"),
        "lift_form": forms.get("lift_form") or LiftForm(prefix="lift"),
        "lift_stage": lifting.stage(found) if request.member.may(May.MANAGE_POLICY) else None,
        "back": _objection(found, now) if may_answer else None,
        "back_form": forms.get("back_form") or CodeForm(),
        "identify_form": forms.get("identify_form") or IdentifyForm(prefix=""),
        "reviewer_url": reverse("desk:task", args=[found.result_id])
        if found.kind == Kind.HUMAN_REVIEW and found.result_id
        else "",
        "erasure": Erasure.objects.of(request.workspace).filter(pk=found.result_id).first()
        if found.kind == Kind.ERASE and found.result_id
        else None,
    }
    return render(request, "privacy/requests_request.html", context, status=status)


def _objection(found: RightsRequest, now: datetime) -> dict[str, Any] | None:
    """What of an objection can be taken back here."""
    stands = relenting.standing(found, at=now)
    if stands is None:
        return None
    return {"stands": stands, "uses": relenting.named(stands.uses, found.workspace_id, get_language() or "en")}


def identify(request: MemberRequest, request_id: UUID) -> HttpResponse:
    """Whose data it is about: chosen by a member who made sure of it."""
    found = _find(request, request_id)
    form = IdentifyForm(request.POST)
    person = (
        visible_contact(request, form.cleaned_data["contact"])
        if form.is_valid() and form.cleaned_data["contact"]
        else None
    )
    if person is None:
        form.add_error("person", _("Choose the person from the list."))
        return _shown(request, found, status=422, identify_form=form)
    return _done(
        request, found, lambda: asking.identify(request=found, contact=person, by=request.member, at=clock.now())
    )


def fulfil(request: MemberRequest, request_id: UUID) -> HttpResponse:
    found = _find(request, request_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _shown(request, found, status=422, answer_form=form)
    accepted = form.cleaned_data["accepted"] if found.kind in carrying.CORRECTIONS else None
    return _done(
        request, found,
        lambda: carrying.fulfil(
            request=found, by=request.member, at=clock.now(), answer=form.cleaned_data["answer"], accepted=accepted
        ),
        answer_form=form,
    )  # fmt: skip


def refuse(request: MemberRequest, request_id: UUID) -> HttpResponse:
    found = _find(request, request_id)
    form = RefuseForm(request.POST, prefix="refuse")
    if not form.is_valid():
        return _shown(request, found, status=422, refuse_form=form)
    return _done(
        request, found,
        lambda: asking.refuse(
            request=found, reason=form.cleaned_data["reason"], answer=form.cleaned_data["answer"], by=request.member,
            at=clock.now(),
        ),
        refuse_form=form,
    )  # fmt: skip


def extend(request: MemberRequest, request_id: UUID) -> HttpResponse:
    found = _find(request, request_id)
    form = ExtendForm(request.POST, prefix="extend")
    if not form.is_valid():
        return _shown(request, found, status=422, extend_form=form)
    return _done(
        request, found,
        lambda: asking.extend(request=found, reason=form.cleaned_data["reason"], by=request.member, at=clock.now()),
        extend_form=form,
    )  # fmt: skip


def lift(request: MemberRequest, request_id: UUID) -> HttpResponse:
    """First the message to the person, then the lifting."""
    found = _find(request, request_id)
    if lifting.stage(found) == lifting.Stage.TOLD:
        return _done(request, found, lambda: lifting.lift(request=found, by=request.member, at=clock.now()))
    form = LiftForm(request.POST, prefix="lift")
    if not form.is_valid():
        return _shown(request, found, status=422, lift_form=form)
    return _done(
        request, found,
        lambda: lifting.announce(request=found, why=form.cleaned_data["why"], by=request.member, at=clock.now()),
        lift_form=form,
    )  # fmt: skip


def objection_back(request: MemberRequest, request_id: UUID) -> HttpResponse:
    """First the code to the person, then the code she tells. Wrong ones are counted, so they answer by a redirect and not a refusal."""
    found, now = _find(request, request_id), clock.now()
    here = reverse("privacy:request", args=[found.pk])
    try:
        if request.POST.get("act") == "send":
            sent_to = relenting.ask(request=found, by=request.member, at=now)
            messages.success(request, _("A code was sent to %(address)s.") % {"address": sent_to})
            return see_other(here)
        form = CodeForm(request.POST)
        if not form.is_valid():
            return _shown(request, found, status=422, back_form=form)
        relenting.confirm(request=found, code=form.cleaned_data["code"], by=request.member, at=now)
        messages.success(request, _("The objection is taken back. What else stands against a use still holds."))
    except RequestRefused as refused:
        messages.error(request, str(refused))
    except passcodes.NoAddress:
        messages.error(request, _("This person has neither a phone number nor an e-mail address to send the code to."))
    except outbox.NotSent:
        messages.error(request, _("The code could not be sent. Try again, or use an e-mail address."))
    except passcodes.WrongCode:
        messages.error(request, _("This is not the code. Ask the person to read it again."))
    except passcodes.TooMany:
        messages.error(request, _("Too many codes were sent or tried. Try again in an hour."))
    except passcodes.Over:
        messages.error(request, _("This code no longer works. Send a new one."))
    return see_other(here)


def _done(request: MemberRequest, found: RightsRequest, act: Any, **forms: Any) -> HttpResponse:
    """Do it and show the page; who comes second is shown who was first."""
    here = reverse("privacy:request", args=[found.pk])
    try:
        act()
    except asking.AlreadyAnswered as meanwhile:
        messages.error(request, str(meanwhile))
        return see_other(here)
    except RequestRefused as refused:
        for form in forms.values():
            form.add_error(None, str(refused))
        if not forms:
            messages.error(request, str(refused))
            return see_other(here)
        return _shown(request, _find(request, found.pk), status=422, **forms)
    return see_other(here)


def proof(request: MemberRequest, request_id: UUID) -> HttpResponseBase:
    """The paper a guardian or agent showed; its opening is written down."""
    found = _find(request, request_id)
    if found.proof is None:
        raise Http404
    ledger.write(
        "privacy.request.proof_opened", workspace=request.workspace, by=request.member, about=found, at=clock.now()
    )
    return files.serve(found.proof)


def _find(request: MemberRequest, request_id: UUID) -> RightsRequest:
    """A request about a person the member may see, or about somebody not clear yet."""
    found: RightsRequest | None = (
        RightsRequest.objects.of(request.workspace)
        .select_related("contact", "answered_by", "written_by", "identified_by", "proof", "agent")
        .filter(pk=request_id)
        .first()
    )
    if found is None:
        raise Http404
    return found


def card(request: MemberRequest, person: Contact | Company) -> dict[str, Any] | None:
    """The card of a contact's page: what the person asked, and the button for a new request."""
    assert isinstance(person, Contact)
    now = clock.now()
    mine = [cards.instance(RightsRequest, row) for row in cards.rows(request, "requests.mine")]
    for one in mine:
        one.contact = person
    nominated = next(iter(cards.rows(request, "requests.nomination")), None)
    return {
        "lines": [showing.line(one, now) for one in mine],
        "nominated_at": datetime.fromisoformat(nominated["made_at"]) if nominated else None,
        "nomination_url": reverse("privacy:request", args=[nominated["request_id"]])
        if nominated and nominated["request_id"]
        else "",
        "new_url": f"{reverse('privacy:request_new')}?contact={person.pk}"
        if request.member.may(May.ANSWER_REQUESTS)
        else "",
    }


def card_reads(request: MemberRequest, person: Contact | Company) -> Mapping[str, cards.Read]:
    mine = (
        "SELECT id, workspace_id, kind, contact_id, how, state, outcome, received_at, due_at, answered_at "
        "FROM privacy_rightsrequest WHERE workspace_id = %s AND contact_id = %s ORDER BY id DESC LIMIT 5"
    )
    named = (
        "SELECT made_at, request_id FROM privacy_nomination WHERE workspace_id = %s AND contact_id = %s AND ended_at IS NULL "
        "LIMIT 1"
    )
    whose = [request.workspace.pk, person.pk]
    return {"requests.mine": (mine, whose), "requests.nomination": (named, whose)}


def open_count(request: HttpRequest) -> int | None:
    """The badge of the navigation: how many are open; asked once a request, for the board of promises shows it too."""
    here: Any = request
    if not hasattr(here, "open_rights_requests"):
        here.open_rights_requests = access.kept_count(here.member, asking.OPEN_COUNT)
    return here.open_rights_requests or None
