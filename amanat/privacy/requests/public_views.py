"""The public page on which a person uses her rights: no account, no script needed, a cookie only after the code.

What is told never depends on whether somebody is known: an unknown address gets the same pages and no code. Who cannot use a code (a
guardian, an agent, somebody with a new number) writes a request that the desk looks at; it says nothing about anybody either.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.signing import BadSignature, TimestampSigner
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from amanat.accounts.access import see_other
from amanat.accounts.models import Workspace
from amanat.basis import passcodes, public_views, rules
from amanat.basis.forms import CodeForm
from amanat.basis.models import Passcode
from amanat.core import clock, files, filetypes, limits, tenancy
from amanat.core.filetypes import FileRefused, FileType
from amanat.core.limits import Limit
from amanat.people.models import Contact
from amanat.policy import references
from amanat.policy.format import Policy
from amanat.privacy.copies import making
from amanat.privacy.copies.making import NoSuchCopy
from amanat.privacy.requests import asking, authorities, carrying, following, identifying, showing
from amanat.privacy.requests.asking import RequestRefused
from amanat.privacy.requests.details import Asker, Details
from amanat.privacy.requests.forms import AddressForm, AskForm, StatusForm, UnprovedForm, WhoseForm
from amanat.privacy.requests.models import Kind, RightsRequest

How, Who = RightsRequest.How, RightsRequest.Who

#: What can be asked, in the words of somebody who asks, in the order of the page: (kind, words, icon, what happens).
WAYS: tuple[tuple[Kind, Any, str, Any], ...] = (
    (Kind.ACCESS, gettext_lazy("See my data"), "eye", gettext_lazy("A copy of everything about you, to read and to keep.")),
    (Kind.CORRECT, gettext_lazy("Correct it"), "pencil", gettext_lazy("Something is wrong or missing.")),
    (Kind.UPDATE, gettext_lazy("Bring it up to date"), "refresh-cw", gettext_lazy("Something has changed: a new number, a new address.")),
    (Kind.ERASE, gettext_lazy("Erase it"), "trash-2", gettext_lazy("Everything about you goes, but for what a law makes us keep.")),
    (Kind.WITHDRAW, gettext_lazy("Stop messages"), "bell-off", gettext_lazy("Everything you agreed to is taken back, at once.")),
    (Kind.GRIEVANCE, gettext_lazy("Complain"), "message-square-warning", gettext_lazy("Our grievance officer looks at it and answers.")),
    (Kind.OBJECT, gettext_lazy("Object to a use"), "ban", gettext_lazy("Your data is no longer used for what you name, at once.")),
    (Kind.RESTRICT, gettext_lazy("Keep it, but do not use it"), "pause", gettext_lazy("Your data is only stored until you say otherwise.")),
    (Kind.PORT, gettext_lazy("Take it along"), "download", gettext_lazy("Your data in files that other services can read.")),
    (Kind.NOMINATE, gettext_lazy("Name somebody for me"), "user-plus", gettext_lazy("Who may use these rights for you after death or in illness.")),
    (Kind.OPT_OUT_SALE, gettext_lazy("Never sell it"), "shield-check", gettext_lazy("Nobody's data is sold here; yours is marked so for good.")),
    (Kind.HUMAN_REVIEW, gettext_lazy("Let a human decide"), "user-check", gettext_lazy("A human looks again at what a program worked out about you.")),
)  # fmt: skip
_WORDS = {kind: words for kind, words, _icon, _what in WAYS}
_WHATS = {kind: what for kind, _words, _icon, what in WAYS}

#: How many requests one person, one place, one workspace may make without anybody looking.
A_PERSON = Limit(10, timedelta(days=1), per="person")
UNPROVED = Limit(200, timedelta(days=1), per="workspace")
TRIES = Limit(10, timedelta(hours=1), per="request")
_CODES = "rights request code"
#: The kind of files that guardians and agents show.
PROOF = "proof of a request"
files.register_kind(PROOF, allowed=filetypes.PICTURES | {FileType.PDF}, most_bytes=10 * files.MEGABYTE)
_TOKEN_LIFE = timedelta(minutes=15)
_signer = TimestampSigner(salt="amanat.privacy.requests.status")


def start(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """What she can ask for; with a kind chosen, where the code goes."""
    with tenancy.inside(workspace_id):
        workspace = public_views.workspace_of(workspace_id)
        policy = rules.of(workspace_id).policy
        kind = _kind(request.GET.get("kind", ""), policy)
        if kind is None:
            return render(request, "privacy/requests_public.html", _first_page(workspace, policy))
        if public_views.opened_by(request, workspace_id) is not None and request.method == "GET":
            return see_other(reverse("privacy:public_request_ask", args=[workspace_id, kind.value]))
        form = AddressForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            sent = _send_code(form, workspace)
            if sent is not None:
                return see_other(reverse("privacy:public_request_code", args=[workspace_id, kind.value, sent.pk]))
        context = _page(workspace, kind) | {"form": form}
        return render(request, "privacy/requests_public_address.html", context, status=422 if form.errors else 200)


def _send_code(form: AddressForm, workspace: Workspace) -> Passcode | None:
    try:
        return passcodes.send(workspace=workspace, address=form.cleaned_data["address"], at=clock.now())
    except passcodes.NoAddress:
        form.add_error("address", _("This is neither a phone number nor an e-mail address."))
    except passcodes.TooMany:
        form.add_error("address", _("Too many codes were sent. Try again in an hour."))
    return None


def code(request: HttpRequest, workspace_id: UUID, kind: str, passcode_id: UUID) -> HttpResponse:
    """The code that came. Wrong ones are counted, so they answer by a redirect and not a refusal."""
    with tenancy.inside(workspace_id):
        workspace = public_views.workspace_of(workspace_id)
        chosen = _kind_or_404(kind, rules.of(workspace_id).policy)
        passcode = Passcode.objects.of(workspace_id).filter(pk=passcode_id).first()
        if passcode is None:
            raise Http404
        form = CodeForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return _opened(request, passcode, chosen, form.cleaned_data["code"])
        context = _page(workspace, chosen) | {"form": form}
        return render(request, "privacy/requests_public_code.html", context, status=422 if form.errors else 200)


def _opened(request: HttpRequest, passcode: Passcode, kind: Kind, typed: str) -> HttpResponse:
    here = passcode.workspace_id
    try:
        passcodes.open_with(passcode, code=typed, at=clock.now())
    except passcodes.WrongCode:
        messages.error(request, _("This is not the code that was sent."))
        return see_other(reverse("privacy:public_request_code", args=[here, kind.value, passcode.pk]))
    except (passcodes.TooMany, passcodes.Over):
        messages.error(request, _("This code no longer works. Ask for a new one."))
        return see_other(f"{reverse('privacy:public_request', args=[here])}?kind={kind.value}")
    response = see_other(reverse("privacy:public_request_ask", args=[here, kind.value]))
    public_views.keep_open(response, passcode)
    return response


def ask(request: HttpRequest, workspace_id: UUID, kind: str) -> HttpResponse:
    """What exactly she wants; with her code still open."""
    with tenancy.inside(workspace_id):
        workspace = public_views.workspace_of(workspace_id)
        in_force = rules.of(workspace_id)
        chosen = _kind_or_404(kind, in_force.policy)
        passcode = public_views.opened_by(request, workspace_id)
        if passcode is None:
            return see_other(f"{reverse('privacy:public_request', args=[workspace_id])}?kind={chosen.value}")
        address = passcodes.address_of(passcode)
        people = passcodes.people_with(workspace_id, address)
        data = request.POST if request.method == "POST" else None
        language = get_language() or "en"
        form = AskForm(data, kind=chosen, in_force=in_force, language=language)
        whose = WhoseForm(data, prefix="whose") if len(people) > 1 else None
        if form.is_valid() and (whose is None or whose.is_valid()) and people:
            person = _who_of(people, whose)
            extra = (
                {}
                if whose is None
                else {"name": whose.cleaned_data["name"], "last_month": whose.cleaned_data["last_month"]}
            )
            details = form.details(reply_to=address, **extra)
            return _taken(
                request, workspace, chosen, person=person, details=details, spent_by=f"{workspace_id} {address}"
            )
        context = _page(workspace, chosen) | {"form": form, "whose": whose, "is_at_once": chosen in carrying.AT_ONCE}
        return render(request, "privacy/requests_public_ask.html", context, status=422 if data is not None else 200)


def _who_of(people: Any, whose: WhoseForm | None) -> Contact | None:
    if whose is None:
        return identifying.among(people, name="")
    return identifying.among(people, name=whose.cleaned_data["name"], last_month=whose.cleaned_data["last_month"])


def unproved(request: HttpRequest, workspace_id: UUID, kind: str) -> HttpResponse:
    """Without a code: for a guardian or an agent with a paper, or somebody who cannot be reached at what is on file."""
    with tenancy.inside(workspace_id):
        workspace = public_views.workspace_of(workspace_id)
        in_force = rules.of(workspace_id)
        chosen = _kind_or_404(kind, in_force.policy)
        is_sent, language = request.method == "POST", get_language() or "en"
        form = UnprovedForm(request.POST if is_sent else None, request.FILES if is_sent else None)
        wanted = AskForm(
            request.POST if is_sent else None, kind=chosen, in_force=in_force, language=language, prefix="asked"
        )
        if form.is_valid() and wanted.is_valid():
            answer = _take_unproved(request, workspace, chosen, form, wanted)
            if answer is not None:
                return answer
        context = _page(workspace, chosen) | {"form": form, "wanted": wanted}
        return render(request, "privacy/requests_public_unproved.html", context, status=422 if is_sent else 200)


def _take_unproved(
    request: HttpRequest, workspace: Workspace, kind: Kind, form: UnprovedForm, wanted: AskForm
) -> HttpResponse | None:
    said, proof = form.cleaned_data, None
    if said.get("proof"):
        try:
            proof = files.store(said["proof"], workspace_id=workspace.pk, name=said["proof"].name, by=None, kind=PROOF)
        except FileRefused as refused:
            form.add_error("proof", str(refused))
            return None
    more = {
        name: said[name] for name in ("name", "reply_to", "about_name", "about_address", "last_month") if said.get(name)
    }
    asker = Asker(who=Who(said["who"]), language=get_language() or "en", proof=proof)
    return _taken(
        request, workspace, kind, person=None, details=wanted.details(**more), spent_by=str(workspace.pk), asker=asker
    )


def _taken(
    request: HttpRequest,
    workspace: Workspace,
    kind: Kind,
    *,
    person: Contact | None,
    details: Details,
    spent_by: str,
    asker: Asker | None = None,
) -> HttpResponse:
    """Take it down, carry it out where nobody has to look, and show the code of its page, once."""
    limit = UNPROVED if asker else A_PERSON
    if not limits.spend("rights request", spent_by, limit).allowed:
        context = _page(workspace, kind) | {"officer": rules.of(workspace.pk).policy.parties}
        return render(request, "privacy/requests_public_busy.html", context, status=429)
    at = clock.now()
    made = asking.open_request(
        workspace=workspace, contact=person, kind=kind, how=How.SELF_SERVICE, by=None, at=at, details=details,
        asker=asker or Asker(language=get_language() or "en"),
    )  # fmt: skip
    problem = ""
    if carrying.may_carry_itself_out(made):
        try:
            secret = made.secret
            made = carrying.fulfil(request=made, by=None, at=at)
            made.secret = secret
        except RequestRefused as refused:
            problem = str(refused)
    context = _status(made, at) | {
        "workspace": workspace,
        "reference": asking.shown_code(made.secret),
        "problem": problem,
    }
    return render(request, "privacy/requests_public_done.html", context)


def status(request: HttpRequest, workspace_id: UUID, request_id: UUID) -> HttpResponse:
    """How a request stands, for whoever has its code. A wrong code is counted and says nothing else."""
    with tenancy.inside(workspace_id):
        workspace = public_views.workspace_of(workspace_id)
        form = StatusForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            found = _with_code(request_id, workspace_id, form.cleaned_data["code"])
            if found is not None:
                now = clock.now()
                if following.follow_one(found, at=now):
                    found.refresh_from_db()
                context = _status(found, now) | {"workspace": workspace, "token": _token(found)}
                return render(request, "privacy/requests_public_status.html", context)
            form.add_error("code", _("This code does not fit, or it was tried too often. Try again in an hour."))
        context = {"workspace": workspace, "form": form}
        return render(request, "privacy/requests_public_status.html", context, status=422 if form.errors else 200)


def _with_code(request_id: UUID, workspace_id: UUID, typed: str) -> RightsRequest | None:
    whose = f"{workspace_id} {request_id}"
    if not limits.spend(_CODES, whose, TRIES).allowed:
        return None
    found: RightsRequest | None = (
        RightsRequest.objects.of(workspace_id).select_related("contact").filter(pk=request_id).first()
    )
    if found is None or not asking.opens_with(found, typed):
        return None
    limits.forgive(_CODES, whose, TRIES)  # who has the code may look as often as they like
    return found


def take_back(request: HttpRequest, workspace_id: UUID, request_id: UUID) -> HttpResponse:
    """She takes her request back."""
    with tenancy.inside(workspace_id):
        workspace = public_views.workspace_of(workspace_id)
        found = _with_token(request, workspace_id, request_id)
        if found is None:
            return see_other(reverse("privacy:public_request_status", args=[workspace_id, request_id]))
        at, problem = clock.now(), ""
        try:
            found = asking.revoke(request=found, at=at)
        except RequestRefused as refused:
            problem = str(refused)
        context = _status(found, at) | {"workspace": workspace, "token": _token(found), "problem": problem}
        return render(request, "privacy/requests_public_status.html", context)


def take_copy(request: HttpRequest, workspace_id: UUID, request_id: UUID) -> HttpResponseBase:
    """The copy that was made for the request, while it lies ready."""
    with tenancy.inside(workspace_id):
        public_views.workspace_of(workspace_id)
        found = _with_token(request, workspace_id, request_id)
        back = reverse("privacy:public_request_status", args=[workspace_id, request_id])
        if found is None or found.kind not in carrying.COPIES or found.result_id is None:
            return see_other(back)
        try:
            handed = making.open_for_person(found.result_id, workspace_id, at=clock.now())
        except NoSuchCopy:
            messages.error(request, _("The copy is not ready, or its time is over. You can ask for a new one."))
            return see_other(back)
    response = StreamingHttpResponse(handed.pieces, content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(True, handed.name)
    response["Content-Length"] = str(handed.size)
    response["Cache-Control"] = "no-store"
    return response


def _token(found: RightsRequest) -> str:
    """Stands for the code for a quarter of an hour, so that it need not be typed for each button."""
    return _signer.sign(str(found.pk))


def _with_token(request: HttpRequest, workspace_id: UUID, request_id: UUID) -> RightsRequest | None:
    try:
        named = _signer.unsign(request.POST.get("token", ""), max_age=_TOKEN_LIFE)
    except BadSignature:
        return None
    if named != str(request_id):
        return None
    found: RightsRequest | None = (
        RightsRequest.objects.of(workspace_id).select_related("contact").filter(pk=request_id).first()
    )
    return found


def _kind(text: str, policy: Policy) -> Kind | None:
    return Kind(text) if text in policy.rights.kinds and text in Kind.values else None


def _kind_or_404(text: str, policy: Policy) -> Kind:
    found = _kind(text, policy)
    if found is None:
        raise Http404
    return found


def _first_page(workspace: Workspace, policy: Policy) -> dict[str, Any]:
    offered = [
        {"kind": kind.value, "words": words, "icon": icon, "what": what}
        for kind, words, icon, what in WAYS
        if kind in policy.rights.kinds
    ]
    return {
        "workspace": workspace, "ways": offered, "due": policy.rights.due.alone.in_words(_language()), "parties": policy.parties,
        "officer_title": _title(policy), "authorities": authorities.of(policy.head.regimes),
    }  # fmt: skip


def _title(policy: Policy) -> str:
    return references.listed(references.in_words(policy, "parties.officer.title", _language()), _language())


def _language() -> str:
    language = (get_language() or "en")[:2]
    return language if language in {"en", "hi", "mr"} else "en"


def _page(workspace: Workspace, kind: Kind) -> dict[str, Any]:
    return {"workspace": workspace, "kind": kind.value, "words": _WORDS[kind], "what": _WHATS[kind]}


def _status(found: RightsRequest, at: datetime) -> dict[str, Any]:
    return {
        **showing.to_whoever_asked(found, at),
        "words": _WORDS[Kind(found.kind)],
        "status_path": reverse("privacy:public_request_status", args=[found.workspace_id, found.pk]),
    }
