"""Consent for the owner: who agreed to what, what the gate answered and why, what must not be written to, notices, forms."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.accounts.permissions import May
from amanat.basis import capturing, explaining, forms, passcodes, queries, rules, suppression, wording
from amanat.basis.forms import AddressForm, PublicFormForm
from amanat.basis.gate import Reason
from amanat.basis.models import Notice, PublicForm, Suppression
from amanat.basis.rules import Rules
from amanat.core import clock
from amanat.people.models import Contact

WEEKS = 12


def overview(request: MemberRequest) -> HttpResponse:
    """Counts per purpose and channel, and how many agreed and took back week by week."""
    in_force, language, now = rules.of(request.workspace.pk), get_language() or "en", clock.now()
    counted = queries.standing(request.workspace, at=now)
    rows = [
        {
            "title": wording.phrase(in_force.policy, (purpose, channel), language),
            **_figures(counted.get((purpose, channel), {})),
        }
        for purpose, channels in in_force.asked_of_people()
        for channel in channels
    ]
    trend = queries.trend(request.workspace, at=now, weeks=WEEKS)
    most = max((max(week.given, week.withdrawn) for week in trend), default=0)
    context = _tabs("overview") | {"rows": rows, "trend": trend, "has_trend": most > 0, "most": most}
    return render(request, "basis/consent.html", context)


def _figures(found: dict[str, int]) -> dict[str, int]:
    return {"given": found.get("given", 0), "refused": found.get("refused", 0), "withdrawn": found.get("withdrawn", 0)}


def decisions(request: MemberRequest) -> HttpResponse:
    """What the gate answered when it was asked in earnest, a page at a time."""
    in_force, language = rules.of(request.workspace.pk), get_language() or "en"
    wanted = queries.Wanted(
        answer=request.GET.get("answer", ""), reason=request.GET.get("reason", ""), purpose=request.GET.get("purpose", ""),
        on=parse_date_or_none(request.GET.get("on", "")), after=request.GET.get("after", ""), zone=request.workspace.time_zone,
    )  # fmt: skip
    try:
        page = queries.decisions(request.workspace, member=request.member, wanted=wanted)
    except queries.PlaceUnknown:
        raise Http404 from None
    query = request.GET.copy()
    query["after"] = page.after
    context = _tabs("decisions") | {
        "lines": [_decision(one, in_force, language) for one in page.rows],
        "reasons": [(one.value, explaining.SENTENCES[one]) for one in Reason],
        "purposes": [(name, wording.purpose(in_force.policy, name, language)) for name in in_force.policy.purposes],
        "wanted": wanted, "next_url": f"?{query.urlencode()}" if page.after else "",
    }  # fmt: skip
    return render(request, "basis/decisions.html", context)


def _decision(one: Any, in_force: Rules, language: str) -> dict[str, Any]:
    wanted = (one.purpose, one.channel)
    known = one.purpose in in_force.policy.purposes
    return {
        "at": one.at,
        "title": wording.phrase(in_force.policy, wanted, language) if known else one.purpose,
        "is_allowed": one.is_allowed,
        "sentence": explaining.SENTENCES[Reason(one.reason)] if one.reason in set(Reason) else one.reason,
        "rule": one.rule, "version": one.policy_version, "name": one.contact.name if one.contact else _("somebody erased"),
        "url": _explain_url(one) if one.contact and known else "",
    }  # fmt: skip


def _explain_url(one: Any) -> str:
    moment = one.at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{reverse('basis:explain')}?person={one.contact_id}&wanted={one.purpose}.{one.channel}&at={moment}"


def explain(request: MemberRequest) -> HttpResponse:
    """Why the gate answers as it does, for any person, purpose, channel and moment: every check, in words."""
    in_force, language = rules.of(request.workspace.pk), get_language() or "en"
    typed = request.GET.get("person", "").strip()
    choices = [
        (f"{purpose}.{channel}", wording.phrase(in_force.policy, (purpose, channel), language))
        for purpose in in_force.policy.purposes
        for channel in in_force.policy.purposes[purpose].per or ("",)
    ]
    value = request.GET.get("wanted", "")
    at = _moment(request.GET.get("at", ""), request.workspace.time_zone) or clock.now()
    person = _find(request, typed) if typed else None
    steps: list[dict[str, Any]] = []
    if person is not None and value in dict(choices):
        purpose, channel = forms.as_wanted(value)
        today = at.astimezone(ZoneInfo(request.workspace.time_zone)).date()
        found = explaining.explain(
            person, workspace=request.workspace, purpose=purpose, channel=channel, at=at, today=today
        )
        decisive = next(place for place, step in enumerate(found) if step.answer is not None)
        steps = [
            {
                "question": step.question,
                "sentence": step.sentence,
                "answer": step.answer,
                "is_decisive": place == decisive,
            }
            for place, step in enumerate(found)
            if place == decisive or place < len(found) - 1  # what would allow it is no answer where something refused
        ]
    context = _tabs("explain") | {
        "typed": typed, "person": person, "choices": choices, "value": value, "steps": steps,
        "at": at.astimezone(ZoneInfo(request.workspace.time_zone)), "is_unknown": bool(typed) and person is None,
    }  # fmt: skip
    return render(request, "basis/explain.html", context)


def _find(request: MemberRequest, typed: str) -> Contact | None:
    """By id, phone number or e-mail address, among those the member may see."""
    seen = Contact.objects.of(request.workspace).visible_to(request.member)
    try:
        return seen.filter(pk=UUID(typed)).first()
    except ValueError:
        pass
    try:
        to = passcodes.normal(typed)
    except passcodes.NoAddress:
        return None
    found = passcodes.people_with(request.workspace.pk, to)
    return seen.filter(pk__in=[one.pk for one in found]).first()


def _moment(text: str, zone: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


def parse_date_or_none(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None


def suppressed(request: MemberRequest) -> HttpResponse:
    """How many addresses must not be written to, and why; one can be added, or allowed again, by typing it."""
    form = AddressForm(sent(request))
    status = 200
    if request.method == "POST":
        if not request.member.may(May.ANSWER_REQUESTS):
            raise Http404
        if form.is_valid() and _suppress(request, form):
            return see_other(reverse("basis:suppressed"))
        status = 422
    context = _tabs("suppressed") | {
        "form": form, "rows": queries.suppressed(request.workspace, at=clock.now()), "may_change": request.member.may(May.ANSWER_REQUESTS),
    }  # fmt: skip
    return render(request, "basis/suppressed.html", context, status=status)


def _suppress(request: MemberRequest, form: AddressForm) -> bool:
    try:
        address = passcodes.normal(form.cleaned_data["address"])
    except passcodes.NoAddress:
        form.add_error("address", _("This is neither a phone number nor an e-mail address."))
        return False
    if request.POST.get("act") == "lift":
        count = suppression.allow(
            [address], workspace=request.workspace, at=clock.now(), by=request.member,
            scopes=_without_a_yes(request, address),
        )  # fmt: skip
        text = (
            _("The address may be written to again, where the person agreed.")
            if count
            else _("This address was not suppressed.")
        )
    else:
        reason = Suppression.Reason.COMPLAINT
        count = suppression.add([address], workspace=request.workspace, reason=reason, at=clock.now())
        text = _("Nothing is sent to this address any more.") if count else _("This address was suppressed already.")
    messages.success(request, text)
    return True


def _without_a_yes(request: MemberRequest, address: str) -> list[tuple[str, str]]:
    """What a member may allow again on a person's word: all that was stopped, but nothing that needs her own yes to begin with."""
    in_force = rules.of(request.workspace.pk)
    stands = suppression.standing([address], workspace=request.workspace, at=clock.now())
    return [
        (purpose, channel)
        for purpose, channel in stands
        if purpose not in in_force.policy.purposes or not in_force.rests_on_consent(purpose)
    ]


def notices(request: MemberRequest) -> HttpResponse:
    """Every text that people were shown, newest first, with its version and hash."""
    found = list(Notice.objects.of(request.workspace).order_by("-made_at", "-id")[:100])
    used = queries.uses_of(request.workspace, [one.pk for one in found])
    in_force, language = rules.of(request.workspace.pk), get_language() or "en"
    lines = [
        {
            "notice": one,
            "uses": used.get(one.pk, 0),
            "language": dict(settings.LANGUAGES).get(one.language, one.language),
            "asks": ", ".join(
                wording.purpose(in_force.policy, name, language) if name in in_force.policy.purposes else name
                for name in one.purposes
            ),
        }
        for one in found
    ]
    return render(request, "basis/notices.html", _tabs("notices") | {"lines": lines})


def public_forms(request: MemberRequest) -> HttpResponse:
    """The public forms, and a new one."""
    in_force, language = rules.of(request.workspace.pk), get_language() or "en"
    form = PublicFormForm(sent(request), choices=forms.wanted(in_force, language))
    if request.method == "POST" and not request.member.may(May.ANSWER_REQUESTS):
        raise Http404
    if request.method == "POST" and form.is_valid():
        capturing.make_form(
            workspace=request.workspace, title=form.cleaned_data["title"], by=request.member, at=clock.now(),
            wanted=[forms.as_wanted(one) for one in form.cleaned_data["wanted"]],
        )  # fmt: skip
        messages.success(request, _("The form is there. Give its address to people."))
        return see_other(reverse("basis:public_forms"))
    lines = [
        {
            "form": one,
            "url": request.build_absolute_uri(reverse("basis:public_form", args=[request.workspace.pk, one.pk])),
            "asks": "; ".join(
                wording.phrase(in_force.policy, (purpose, channel), language)
                for purpose, channel in one.wanted
                if purpose in in_force.policy.purposes
            ),
        }
        for one in PublicForm.objects.of(request.workspace).order_by("-made_at")[:50]
    ]
    context = _tabs("forms") | {"form": form, "lines": lines, "may_change": request.member.may(May.ANSWER_REQUESTS)}
    return render(request, "basis/forms.html", context, status=422 if form.errors else 200)


def close_form(request: MemberRequest, form_id: UUID) -> HttpResponse:
    found = PublicForm.objects.of(request.workspace).filter(pk=form_id).first()
    if found is None:
        raise Http404
    capturing.close_form(form=found, by=request.member, at=clock.now())
    messages.success(request, _("The form is closed. What people agreed to stands."))
    return see_other(reverse("basis:public_forms"))


def _tabs(current: str) -> dict[str, Any]:
    names = {
        "overview": ("basis:consent", _("Who agreed")), "decisions": ("basis:decisions", _("Decisions")), "explain": ("basis:explain", _("Explain")),
        "suppressed": ("basis:suppressed", _("Not to be written to")), "notices": ("basis:notices", _("Notices")), "forms": ("basis:public_forms", _("Forms")),
    }  # fmt: skip
    return {
        "tabs": [
            {"label": label, "url": reverse(url), "is_current": name == current} for name, (url, label) in names.items()
        ]
    }


__all__ = ["close_form", "decisions", "explain", "notices", "overview", "public_forms", "suppressed"]
