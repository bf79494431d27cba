"""The public page on which a person sees and changes her own choices: no account, a code to her own phone or mailbox.

It never shows a name or anything else that is kept about her: only what she agreed to. The one cookie is set after the right code, lives
15 minutes and holds the number of the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import see_other
from amanat.accounts.models import Workspace
from amanat.basis import (
    consent,
    forms,
    notices,
    objections,
    passcodes,
    pauses,
    receipts,
    rules,
    storage,
    suppression,
    wording,
)
from amanat.basis.consent import How
from amanat.basis.forms import AddressForm, ChangeForm, CodeForm
from amanat.basis.models import ConsentRecord, Method, Passcode
from amanat.core import clock, tenancy
from amanat.people.models import Contact

COOKIE = "__Host-choices" if settings.SESSION_COOKIE_SECURE else "choices"
_SALT = "amanat.basis.choices"


def start(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """Which phone number or e-mail address is hers."""
    form = AddressForm(request.POST or None)
    with tenancy.inside(workspace_id):
        workspace = workspace_of(workspace_id)
        if request.method == "POST" and form.is_valid():
            try:
                sent = passcodes.send(workspace=workspace, address=form.cleaned_data["address"], at=clock.now())
                return see_other(reverse("basis:public_code", args=[workspace_id, sent.pk]))
            except passcodes.NoAddress:
                form.add_error("address", _("This is neither a phone number nor an e-mail address."))
            except passcodes.TooMany:
                form.add_error("address", _("Too many codes were sent. Try again in an hour."))
    context = {"workspace": workspace, "form": form}
    return render(request, "basis/public_start.html", context, status=422 if form.errors else 200)


def code(request: HttpRequest, workspace_id: UUID, passcode_id: UUID) -> HttpResponse:
    """The code that came. Wrong ones are counted, so they answer by a redirect and not a refusal."""
    form = CodeForm(request.POST or None)
    with tenancy.inside(workspace_id):
        workspace = workspace_of(workspace_id)
        passcode = Passcode.objects.of(workspace_id).filter(pk=passcode_id).first()
        if passcode is None:
            raise Http404
        if request.method == "POST" and form.is_valid():
            return _opened(request, passcode, form.cleaned_data["code"])
    context = {"workspace": workspace, "form": form}
    return render(request, "basis/public_code.html", context, status=422 if form.errors else 200)


def mine(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """What she agreed to, each with a button that turns it: as easy one way as the other."""
    with tenancy.inside(workspace_id):
        workspace = workspace_of(workspace_id)
        passcode = passcodes.opened(workspace_id, _cookie(request), at=clock.now())
        if passcode is None:
            return see_other(reverse("basis:public_start", args=[workspace_id]))
        address = passcodes.address_of(passcode)
        people = passcodes.people_with(workspace_id, address)
        if request.method == "POST" and request.POST.get("act") == "allow":
            return _allow(request, workspace, address)
        if request.method == "POST" and request.POST.get("act") == "use_again":
            return _use_again(request, workspace, people)
        if request.method == "POST":
            return _change(request, workspace, people)
        return render(
            request, "basis/public_mine.html", _page(workspace, people) | {"stopped": _stopped(workspace, address)}
        )


def leave(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """Close the page at once, on a phone that others use too."""
    with tenancy.inside(workspace_id):
        workspace_of(workspace_id)
        Passcode.objects.of(workspace_id).filter(pk=_cookie(request)).delete()
    response = see_other(reverse("basis:public_start", args=[workspace_id]))
    response.delete_cookie(COOKIE, samesite="Strict")
    return response


def workspace_of(workspace_id: UUID) -> Workspace:
    found = Workspace.objects.of(workspace_id).filter(pk=workspace_id).first()
    if found is None:
        raise Http404
    return found


def _cookie(request: HttpRequest) -> UUID:
    """The number of the code in the cookie; one that fits nothing when there is none."""
    try:
        return UUID(request.get_signed_cookie(COOKIE, salt=_SALT))
    except (KeyError, BadSignature, ValueError):
        return UUID(int=0)


def _opened(request: HttpRequest, passcode: Passcode, typed: str) -> HttpResponse:
    back = reverse("basis:public_code", args=[passcode.workspace_id, passcode.pk])
    try:
        passcodes.open_with(passcode, code=typed, at=clock.now())
    except passcodes.WrongCode:
        messages.error(request, _("This is not the code that was sent."))
        return see_other(back)
    except (passcodes.TooMany, passcodes.Over):
        messages.error(request, _("This code no longer works. Ask for a new one."))
        return see_other(reverse("basis:public_start", args=[passcode.workspace_id]))
    if storage.has_signal(request):  # her browser speaks for her: no click is needed
        people = passcodes.people_with(passcode.workspace_id, passcodes.address_of(passcode))
        for person in people:
            objections.opt_out_of_sale(person, how=How(Method.SIGNAL), at=clock.now())
    response = see_other(reverse("basis:public_mine", args=[passcode.workspace_id]))
    keep_open(response, passcode)
    return response


def _change(request: HttpRequest, workspace: Workspace, people: list[Contact] | Any) -> HttpResponse:
    """Her act holds for every record that has her address: she does not know, nor need to, that there are two."""
    if request.POST.get("act") == "no_sale":
        for person in people:
            objections.opt_out_of_sale(person, how=How(Method.LINK), at=clock.now())
        messages.success(request, _("Done. It holds from this moment."))
        return see_other(reverse("basis:public_mine", args=[workspace.pk]))
    form = ChangeForm(request.POST, choices=forms.wanted(rules.of(workspace.pk), "en"))
    if not form.is_valid():
        return render(request, "basis/public_mine.html", _page(workspace, people), status=422)
    purpose, channel = forms.as_wanted(form.cleaned_data["wanted"])
    at, how, notice = clock.now(), How(Method.LINK), None
    if form.cleaned_data["act"] == "give":
        try:
            notice = notices.as_shown(form.cleaned_data["shown"], workspace=workspace, purposes=[purpose], at=at)
        except notices.Stale:
            return render(request, "basis/public_mine.html", _page(workspace, people, stale=purpose), status=422)
    for person in people:
        if notice is not None:
            consent.give(contact=person, purpose=purpose, channels=[channel], notice=notice, how=how, at=at)
            pauses.end(person, how=how, at=at, only={purpose})
        else:
            consent.withdraw(contact=person, purpose=purpose, channels=[channel], how=how, at=at)
    messages.success(request, _("Done. It holds from this moment."))
    return see_other(reverse("basis:public_mine", args=[workspace.pk]))


def _use_again(request: HttpRequest, workspace: Workspace, people: Sequence[Contact]) -> HttpResponse:
    """She takes an objection back that she made as a request."""
    now, purpose = clock.now(), request.POST.get("use")
    who = [person for person in people if purpose is not None and purpose in _objected(person, now)]
    if purpose is None or not who:
        raise Http404
    for person in who:
        objections.withdraw(contact=person, how=How(Method.LINK), at=now, purpose=purpose)
    messages.success(request, _("Done. It holds from this moment."))
    return see_other(reverse("basis:public_mine", args=[workspace.pk]))


def _objected(person: Contact, at: datetime) -> set[str]:
    return objections.proper(objections.of_person(person, at=at))


def _stopped(workspace: Workspace, address: str) -> list[dict[str, str]]:
    """What she once stopped although it needs no yes, such as news about her own order: she can allow it again, and nobody else would know how."""
    in_force, language = rules.of(workspace.pk), get_language() or "en"
    return [
        {"value": f"{purpose}.{channel}", "title": wording.phrase(in_force.policy, (purpose, channel), language)}
        for purpose, channel in suppression.standing([address], workspace=workspace, at=clock.now())
        if purpose in in_force.policy.purposes and not in_force.rests_on_consent(purpose)
    ]


def _allow(request: HttpRequest, workspace: Workspace, address: str) -> HttpResponse:
    wanted = forms.as_wanted(request.POST.get("wanted", ""))
    if f"{wanted[0]}.{wanted[1]}" not in {one["value"] for one in _stopped(workspace, address)}:
        raise Http404
    suppression.allow([address], workspace=workspace, at=clock.now(), scopes=[wanted], by=None)
    messages.success(request, _("Done. It holds from this moment."))
    return see_other(reverse("basis:public_mine", args=[workspace.pk]))


def _page(workspace: Workspace, people: list[Contact] | Any, *, stale: str = "") -> dict[str, Any]:
    """A yes counts as hers only where all records with her address have it. `stale` is the purpose whose notice has to be read again."""
    language, now = get_language() or "en", clock.now()
    in_force = rules.of(workspace.pk)
    standing = [consent.standing(person, at=now) for person in people]
    found = [(person, objections.of_person(person, at=now)) for person in people]
    objected = [(each, objections.opened(person, each, at=now)) for person, each in found]
    groups = []
    for purpose, channels in in_force.asked_of_people():
        rows = []
        for channel in channels:
            records = [acts.get((purpose, channel)) for acts in standing]
            agreed = bool(records) and all(one is not None and consent.still_counts(one, in_force) for one in records)
            last = next((one for one in records if one is not None), None)
            stops = [
                one
                for found, again in objected
                if (one := objections.against(found, again, purpose, channel)) and not objections.is_pause(one)
            ]
            objects = any(not one.until_yes for one in stops)
            rows.append(
                {
                    "channel": wording.channel(in_force.policy, purpose, channel, language),
                    "value": f"{purpose}.{channel}",
                    "objects": objects,
                    "wants_none": bool(stops) and not objects,
                    "agreed": agreed and (objects or not stops),
                    "taken_back": last is not None and last.what == ConsentRecord.What.WITHDRAWN,
                    "receipt": receipts.address_of(last) if agreed and last is not None else "",
                }
            )
        notice = notices.offer(workspace=workspace, purposes=[purpose], language=language, in_force=in_force)
        title = wording.purpose(in_force.policy, purpose, language)
        groups.append({"title": title, "rows": rows, "notice": notice, "is_new": purpose == stale})
    no_sale = bool(people) and all(objections.SALE in objections.standing(person, at=now) for person in people)
    said = forms.read_again() if stale else ""
    uses = sorted({purpose for person in people for purpose in _objected(person, now)})
    return {
        "workspace": workspace,
        "groups": groups,
        "no_sale": no_sale,
        "read_again": said,
        "objected": [
            {
                "use": one,
                "title": wording.purpose(in_force.policy, one, language) if one else _("Every use that no law orders"),
            }
            for one in uses
            if not one or one in in_force.policy.purposes
        ],
    }


def opened_by(request: HttpRequest, workspace_id: UUID) -> Passcode | None:
    """The code that this browser typed, while what it opened is still open: for the other public pages that ask who she is."""
    return passcodes.opened(workspace_id, _cookie(request), at=clock.now())


def keep_open(response: HttpResponse, passcode: Passcode) -> None:
    """Set the one cookie of the public pages, after the right code."""
    response.set_signed_cookie(
        COOKIE, str(passcode.pk), salt=_SALT, max_age=int(passcodes.OPEN_FOR.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Strict",
    )  # fmt: skip
