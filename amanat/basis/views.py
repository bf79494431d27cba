"""The choices of a contact: what holds, asking at the counter, taking back, and why the gate answers as it does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.basis import (
    asking,
    consent,
    explaining,
    forms,
    gate,
    objections,
    pauses,
    receipts,
    rules,
    suppression,
    wording,
)
from amanat.basis.consent import How
from amanat.basis.forms import AskForm, CodeForm, WithdrawForm
from amanat.basis.models import Asking, ConsentRecord, Method, Notice, Objection, Suppression
from amanat.basis.rules import Rules
from amanat.core import clock, outbox
from amanat.people import cards
from amanat.people.models import Company, Contact
from amanat.policy.format import Policy
from amanat.publishing import versions

#: Records shown on the page; the whole history is in the person's copy.
SHOWN = 50
_TONES = {"given": "green", "refused": "grey", "withdrawn": "red"}


#: `consent.standing`, for the statement of all cards: by hand, for every contact's page asks it.
_STANDING = """
SELECT DISTINCT ON (r.purpose, r.channel) r.id, r.workspace_id, r.purpose, r.channel, r.what, r.at, r.notice_id,
    n.policy_version AS notice_version
FROM basis_consentrecord r LEFT JOIN basis_notice n ON n.workspace_id = r.workspace_id AND n.id = r.notice_id
WHERE r.workspace_id = %s AND r.contact_id = %s AND r.at <= %s ORDER BY r.purpose, r.channel, r.at DESC, r.id DESC
"""


#: The latest about whole addresses, whatever the purpose: what came back, was complained of or was ended altogether.
_SUPPRESSED = """
SELECT DISTINCT ON (digest, channel) what, reason, array_position(%s, digest) AS place, at FROM basis_suppression
WHERE workspace_id = %s AND digest = ANY(%s) AND purpose = '' AND at <= %s ORDER BY digest, channel, at DESC, id DESC
"""


#: `objections.of_person`, likewise.
_OBJECTED = """
SELECT DISTINCT ON (purpose) id, workspace_id, purpose, what, at, method, until_yes, evidence FROM basis_objection
WHERE workspace_id = %s AND contact_id = %s AND at <= %s ORDER BY purpose, at DESC, id DESC
"""


def card_reads(request: MemberRequest, person: Contact | Company) -> Mapping[str, cards.Read]:
    here, now = request.workspace.pk, clock.now()
    assert isinstance(person, Contact)  # the card stands on no other page
    digests = [suppression.digest(address, workspace_id=here) for address in (person.main_phone, person.main_email)]
    return {
        "basis.standing": (_STANDING, [here, person.pk, now]),
        "basis.objected": (_OBJECTED, [here, person.pk, now]),
        "basis.suppressed": (_SUPPRESSED, [digests, here, digests, now]),
    }


def card(request: MemberRequest, person: Contact | Company) -> dict[str, Any] | None:
    """The card on a contact's page: what the person agreed to and may be used now."""
    language = get_language() or "en"
    in_force = rules.of_version(versions.of_request(request))
    policy = in_force.policy
    standing = {(row["purpose"], row["channel"]): _record(row) for row in cards.rows(request, "basis.standing")}
    lines = [
        {
            "title": wording.phrase(policy, key, language),
            "what": record.get_what_display(),
            "at": record.at,
            "tone": _TONES[record.what],
        }
        if record.what != ConsentRecord.What.GIVEN or consent.still_counts(record, in_force)
        else {
            "title": wording.phrase(policy, key, language),
            "what": _("To be asked again"),
            "at": record.at,
            "tone": "marigold",
        }
        for key, record in standing.items()
        if key[0] in policy.purposes
    ]
    objected = [cards.instance(Objection, row) for row in cards.rows(request, "basis.objected")]
    lines += [
        {"title": _use(policy, one.purpose, language), "what": _said(one), "at": one.at, "tone": "red"}
        for one in objected
        if one.what == Objection.What.MADE
    ]
    lines += [
        {
            "title": explaining.SENTENCES[gate.Reason.SUPPRESSED],
            "what": f"{_('E-mail') if row['place'] == 2 else _('Phone')} · {Suppression.Reason(row['reason']).label}",
            "at": datetime.fromisoformat(row["at"]),
            "tone": "red",
        }
        for row in cards.rows(request, "basis.suppressed")
        if row["what"] == Suppression.What.ADDED
    ]
    return {"lines": lines, "url": reverse("basis:choices", args=[person.pk])}


def _use(policy: Policy, purpose: str, language: str) -> str:
    """What an objection is to."""
    if not purpose:
        return _("Every use that no law orders")
    if purpose == objections.SALE:
        return _("Sale of data")
    return wording.purpose(policy, purpose, language) if purpose in policy.purposes else purpose


def _said(one: Objection) -> str:
    is_unclear = one.what == Objection.What.MADE and objections.is_pause(one)
    return _("Paused by a message") if is_unclear else one.said


def _record(row: Mapping[str, Any]) -> ConsentRecord:
    record = cards.instance(ConsentRecord, row)
    record.notice = Notice(record.notice_id, policy_version=row["notice_version"]) if row["notice_id"] else None
    return record


def choices(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """Every purpose and channel with what holds, and the form that asks."""
    person = person_of(request, contact_id)
    in_force = rules.of(request.workspace.pk)
    form = _ask_form(request, person, in_force)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            asked = _ask(request, person, form)
            if asked is not None:
                return see_other(reverse("basis:asked", args=[person.pk, asked.pk]))
        status = 422
    return render(request, "basis/choices.html", _page(request, person, in_force) | {"form": form}, status=status)


def asked(request: MemberRequest, contact_id: UUID, asking_id: UUID) -> HttpResponse:
    """The notice to read out, and the field for the code. Wrong codes are counted, so they answer by a redirect and not a refusal."""
    person, question = person_of(request, contact_id), _question(request, contact_id, asking_id)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _confirmed(request, person, question, form.cleaned_data["code"])
    policy, language = rules.of(request.workspace.pk).policy, get_language() or "en"
    context = {
        "person": person, "question": question, "form": form, "is_over": question.answered_at or clock.now() >= question.ends_at,
        "asked": [wording.phrase(policy, (purpose, channel), language) for purpose, channel in question.wanted if purpose in policy.purposes],
    }  # fmt: skip
    return render(request, "basis/asked.html", context, status=422 if form.is_bound else 200)


def declined(request: MemberRequest, contact_id: UUID, asking_id: UUID) -> HttpResponse:
    person, question = person_of(request, contact_id), _question(request, contact_id, asking_id)
    try:
        asking.decline(asking=question, by=request.member, at=clock.now())
        messages.success(request, _("Written down: the person said no."))
    except asking.Over:
        messages.error(request, _("This question is over. Ask again."))
    return see_other(reverse("basis:choices", args=[person.pk]))


def withdrawn(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """The person takes an agreement back: one click, no code, at once."""
    person = person_of(request, contact_id)
    in_force = rules.of(request.workspace.pk)
    form = WithdrawForm(request.POST, choices=forms.wanted(in_force, "en"))
    if not form.is_valid():
        return render(
            request,
            "basis/choices.html",
            _page(request, person, in_force) | {"form": _ask_form(request, person, in_force)},
            status=422,
        )
    purpose, channel = forms.as_wanted(form.cleaned_data["wanted"])
    how = How(Method(form.cleaned_data["method"]), by=request.member)
    written = consent.withdraw(contact=person, purpose=purpose, channels=[channel], how=how, at=clock.now())
    if any(one.what == ConsentRecord.What.WITHDRAWN for one in written):
        messages.success(request, _("Taken back. From now on nothing is sent for this."))
    else:
        messages.success(request, _("No agreement stood. Nothing is sent for this."))
    return see_other(reverse("basis:choices", args=[person.pk]))


def asked_again(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """Somebody asked the person whose message sounded like a stop: she wants messages, or none."""
    person, wants = person_of(request, contact_id), request.POST.get("wants") == "yes"
    if not pauses.answered(person, wants=wants, by=request.member, at=clock.now()):
        messages.info(request, _("It was answered meanwhile."))
    elif wants:
        messages.success(request, _("Written down. What the person agreed to before is sent again."))
    else:
        messages.success(request, _("Written down: the person wants none of this. From now on nothing is sent for it."))
    return see_other(reverse("basis:choices", args=[person.pk]))


def person_of(request: MemberRequest, contact_id: UUID) -> Contact:
    found = Contact.objects.of(request.workspace).visible_to(request.member).alive().filter(pk=contact_id).first()
    if found is None:
        raise Http404
    return found


def _question(request: MemberRequest, contact_id: UUID, asking_id: UUID) -> Asking:
    found = (
        Asking.objects.of(request.workspace)
        .select_related("notice", "contact")
        .filter(pk=asking_id, contact=contact_id)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _ask_form(request: MemberRequest, person: Contact, in_force: Rules) -> AskForm:
    """The form, in the person's own language where the site speaks it."""
    reader = get_language() or "en"
    language = person.language if person.language in dict(settings.LANGUAGES) else reader
    choices = forms.wanted(in_force, reader)
    return AskForm(request.POST or None, choices=choices, initial={"language": language})


def _ask(request: MemberRequest, person: Contact, form: AskForm) -> Asking | None:
    """The question, or None with the reason at the form."""
    try:
        return asking.ask(
            contact=person, workspace=request.workspace, language=form.cleaned_data["language"],
            wanted=[forms.as_wanted(one) for one in form.cleaned_data["wanted"]], by=request.member, at=clock.now(),
        )  # fmt: skip
    except asking.NoAddress:
        form.add_error(None, _("This person has neither a phone number nor an e-mail address to send the code to."))
    except asking.TooMany:
        form.add_error(None, _("Too many codes were sent to this person. Try again in an hour."))
    except outbox.NotSent:
        form.add_error(None, _("The code could not be sent. Try again, or use an e-mail address."))
    return None


def _confirmed(request: MemberRequest, person: Contact, question: Asking, code: str) -> HttpResponse:
    back = reverse("basis:choices", args=[person.pk])
    try:
        asking.confirm(asking=question, code=code, by=request.member, at=clock.now())
        messages.success(request, _("Confirmed and written down."))
    except asking.WrongCode:
        messages.error(request, _("This is not the code. Ask the person to read it again."))
        back = reverse("basis:asked", args=[person.pk, question.pk])
    except asking.TooMany:
        messages.error(request, _("Too many wrong codes. Ask again with a new code."))
    except asking.Over:
        messages.error(request, _("This question is over. Ask again."))
    return see_other(back)


def _page(request: MemberRequest, person: Contact, in_force: Rules) -> dict[str, Any]:
    now, language = clock.now(), get_language() or "en"
    today = clock.today(request.workspace.time_zone)
    standing = consent.standing(person, at=now)
    wanted = [(purpose, channel) for purpose, channels in in_force.asked_of_people() for channel in channels]
    answers = gate.overview(person, workspace=request.workspace, wanted=wanted, at=now, today=today)
    objected = objections.of_person(person, at=now)
    opened = objections.opened(person, objected, at=now)
    groups: dict[str, list[dict[str, Any]]] = {}
    for key, answer in zip(wanted, answers, strict=True):
        row = {
            "channel": wording.channel(in_force.policy, *key, language),
            "value": f"{key[0]}.{key[1]}",
            "is_allowed": answer.is_agreed,
            "sentence": _sentence(answer.reason, objections.against(objected, opened, *key)),
            "may_withdraw": key in standing and standing[key].what == ConsentRecord.What.GIVEN,
        }
        groups.setdefault(wording.purpose(in_force.policy, key[0], language), []).append(row)
    return {
        "person": person,
        "groups": list(groups.items()),
        "paused": [
            wording.purpose(in_force.policy, one.purpose, language)
            for one in objected.values()
            if objections.is_pause(one) and one.purpose in in_force.policy.purposes
        ],
        "objects": bool(objections.proper(objected)),
        "public_url": request.build_absolute_uri(reverse("basis:public_start", args=[request.workspace.pk])),
        "may_write": request.member.may(May.WRITE_CONTACTS),
        "history": _history(person, in_force.policy, language),
    }


def _sentence(reason: gate.Reason, against: Objection | None) -> str:
    """Why, in words; where she wants none of it, that comes before the address that is stopped with it."""
    is_wish = against is not None and against.until_yes
    if is_wish and reason in {gate.Reason.OBJECTION, gate.Reason.SUPPRESSED}:
        return _("The person wants none of this.")
    return str(explaining.SENTENCES[reason])


def _history(person: Contact, policy: Policy, language: str) -> list[dict[str, Any]]:
    """What she said, the newest first."""
    here = person.workspace_id
    acts = ConsentRecord.objects.of(here).filter(contact=person).select_related("by").order_by("-at", "-id")[:SHOWN]
    objected = Objection.objects.of(here).filter(contact=person).select_related("by").order_by("-at", "-id")[:SHOWN]
    lines: list[dict[str, Any]] = [
        {
            "title": wording.phrase(policy, (one.purpose, one.channel), language)
            if one.purpose in policy.purposes
            else one.purpose,
            "what": one.get_what_display(),
            "source": one.declared_source,
            "is_declared": one.is_declared,
            "tone": _TONES[one.what],
            "url": receipts.address_of(one),
        }
        | _when_and_how(one)
        for one in acts
    ]
    lines += [
        {
            "title": _use(policy, one.purpose, language),
            "what": _said(one),
            "tone": "red" if one.what == Objection.What.MADE else "grey",
        }
        | _when_and_how(one)
        for one in objected
    ]
    return sorted(lines, key=lambda line: line["at"], reverse=True)[:SHOWN]


def _when_and_how(one: ConsentRecord | Objection) -> dict[str, Any]:
    return {"at": one.at, "method": one.get_method_display(), "by": one.by.name if one.by else ""}
