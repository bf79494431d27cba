"""Pages of partners: who they are, what they were given, and handing data over to one."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.accounts.once import only_once
from amanat.basis import explaining, rules
from amanat.basis.gate import Reason
from amanat.core import clock
from amanat.core.downloads import download
from amanat.people import differences, lists, saved_views, vocabulary
from amanat.people.list_menu import Link
from amanat.people.models import Company, Contact
from amanat.people.vocabulary import Vocabulary
from amanat.policy import partners as named
from amanat.privacy.registers import ended, partners
from amanat.privacy.registers.models import Handover, HandoverPerson
from amanat.privacy.registers.partner_forms import AGREED, HandoverForm, ToldForm
from amanat.privacy.registers.partners import HandoverRefused, Partner
from amanat.privacy.registers.views import page
from amanat.publishing import versions

LISTED = 100


def overview(request: MemberRequest) -> HttpResponse:
    """The partners of the policy, what each may have and was given, and the newest handovers."""
    words, here = vocabulary.of_request(request), request.workspace.pk
    policy = rules.of(here).policy
    given = partners.given(here)
    lines = [
        {
            "partner": one,
            "may_have": ", ".join(partners.fields_of(policy, one.purpose, words).values()),
            "given": given.get(one.name),
        }
        for one in partners.known(policy, workspace_id=here, at=clock.now()).values()
    ]
    rows = list(Handover.objects.of(request.workspace).order_by("-prepared_at", "-id")[:LISTED])
    counted = partners.counts(rows)
    handovers = [_line(row, words, *counted.get(row.pk, (0, 0))) for row in rows]
    context = page(
        request, "register_partners", lines=lines, handovers=handovers, to_tell=ended.waiting(here, at=clock.now()),
        whom=request.GET.urlencode(),
    )  # fmt: skip
    return render(request, "privacy/registers_partners.html", context)


def _line(row: Handover, words: Vocabulary, fit: int, out: int) -> dict[str, Any]:
    return {"row": row, "fit": fit, "out": out, "by": words.member_name(row.prepared_by_id)}


@only_once
def new(request: MemberRequest, recipient: str) -> HttpResponse:
    """Choose about whom, what and what for. The page asks for a fresh sign-in."""
    words, policy, now = vocabulary.of_request(request), rules.of(request.workspace.pk).policy, clock.now()
    partner = partners.known(policy, workspace_id=request.workspace.pk, at=now).get(recipient)
    if partner is None:
        raise Http404
    offered = partners.fields_of(policy, partner.purpose, words)
    form = HandoverForm(
        sent(request), people=_people(request, partner, words), offered=[(k, str(capfirst(v))) for k, v in offered.items()]
    )  # fmt: skip
    if form.is_valid():
        values = form.cleaned_data
        try:
            made = partners.prepare(
                contact_ids=_chosen(request, values["whom"], partner, words), recipient=recipient, fields=values["fields_given"],
                why=values["why"], format=values["format"], by=request.member, at=now,
            )  # fmt: skip
        except (HandoverRefused, lists.Refused) as refused:
            form.add_error(None, str(refused))
        else:
            return see_other(reverse("privacy:register_handover", args=[made.pk]))
    context = page(request, "register_partners", partner=partner, form=form)
    return render(request, "privacy/registers_handover_new.html", context, status=422 if form.errors else 200)


def _people(request: MemberRequest, partner: Partner, words: Vocabulary) -> list[tuple[str, str]]:
    """Whom a handover can be about: the person whose page led here, those who agreed, and the lists the member keeps."""
    found = []
    person = _person(request)
    if person is not None:
        found.append((f"contact:{person.pk}", person.name))
    if request.GET.keys() - {"contact"}:
        found.append(("list", _("The list you came from")))
    found.append((AGREED, _("Everybody who agreed to %(party)s") % {"party": partner.party}))
    views = saved_views.seen_by(request.member, on="contact")
    return found + [(f"view:{view.pk}", _("Saved view: %(name)s") % {"name": view.name}) for view in views]


def _person(request: MemberRequest) -> Contact | None:
    try:
        wanted = UUID(request.GET.get("contact", ""))
    except ValueError:
        return None
    return Contact.objects.of(request.workspace).visible_to(request.member).filter(pk=wanted).first()


def _chosen(request: MemberRequest, whom: str, partner: Partner, words: Vocabulary) -> list[UUID]:
    """The ids of the people; the form has seen to it that `whom` is one of those offered. Raises lists.Refused."""
    if whom == AGREED:
        return partners.agreed(request.workspace.pk, partner.purpose)
    kind, _colon, identity = whom.partition(":")
    if kind == "contact":
        return [UUID(identity)]
    given: Any = request.GET
    if kind == "view":
        view = saved_views.find(request.member, UUID(identity))
        given = _address(view.definition if view else {})
    else:
        given = given.copy()
        given.pop("contact", None)
    return partners.of_list(lists.parse(given, on="contact", words=words), by=request.member, words=words)


def _address(definition: dict[str, Any]) -> QueryDict:
    """A saved view as the address of its list."""
    given = QueryDict(mutable=True)
    for name, values in definition.get("filters", {}).items():
        given.setlist(name, values)
    return given


def handover(request: MemberRequest, handover_id: UUID) -> HttpResponse:
    """Who is in it, who is left out and why, and the way to the file."""
    row = get_object_or_404(Handover.objects.of(request.workspace).select_related("prepared_by"), pk=handover_id)
    words = vocabulary.of_request(request)
    people = HandoverPerson.objects.of(request.workspace).filter(handover=row).select_related("contact")
    refused = list(people.filter(is_allowed=False).order_by("id"))
    reasons = Counter(one.reason for one in refused)
    own = differences.own_labels(row.fields, words.fields_on("contact"))
    fit = people.filter(is_allowed=True)
    context = page(
        request, "register_partners", row=row, fit=fit.count(), fits=_named(fit.order_by("id")[:LISTED]),
        refused=_named(refused[:LISTED]), is_more=len(refused) > LISTED,
        reasons=[{"why": explaining.SENTENCES[Reason(reason)], "count": count} for reason, count in reasons.most_common()],
        fields=", ".join(own.get(name) or differences.label(name) for name in row.fields), is_open=row.expires_at > clock.now(),
    )  # fmt: skip
    return render(request, "privacy/registers_handover.html", context)


def _named(rows: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": row.contact.name if row.contact else _("an erased person"),
            "url": reverse("people:contact", args=[row.contact_id]) if row.contact_id else "",
            "why": explaining.SENTENCES[Reason(row.reason)],
            "given_at": row.given_at,
        }
        for row in rows
    ]


def take(request: MemberRequest, handover_id: UUID) -> HttpResponseBase:
    """The file. Everybody in it is asked about once more, and written down."""
    row = get_object_or_404(Handover.objects.of(request.workspace), pk=handover_id)
    try:
        taken = partners.take(handover=row, by=request.member, at=clock.now())
    except HandoverRefused as refused:
        messages.error(request, str(refused))
        return see_other(reverse("privacy:register_handover", args=[row.pk]))
    return download(taken.pieces, taken.name, taken.content_type)


def told(request: MemberRequest, handover_person_id: UUID) -> HttpResponse:
    """The letter to a partner about somebody who took her yes back, and what became of it."""
    found = HandoverPerson.objects.of(request.workspace).select_related("handover")
    row = get_object_or_404(found, pk=handover_person_id, ended_at__isnull=False)
    form = ToldForm(sent(request))
    if form.is_valid():
        if ended.told(row=row, answer=form.cleaned_data["answer"], by=request.member, at=clock.now()):
            messages.success(request, _("Noted. It stands in the ledger."))
        else:
            messages.error(request, _("Somebody noted it meanwhile."))
        return see_other(reverse("privacy:register_partners"))
    context = page(request, "register_partners", row=row, letter=ended.letter(row), form=form)
    context["is_over"] = row.told_at is None and row.pk in ended.agreed_again([row], at=clock.now())
    return render(request, "privacy/registers_partner_told.html", context, status=422 if form.errors else 200)


def _parties(request: MemberRequest) -> list[tuple[str, str]]:
    """Partners by name in the policy and to people."""
    policy = rules.of_version(versions.of_request(request)).policy
    found = {id(one): name for name, one in policy.recipients.items()}
    return [(found[id(one)], one.name) for one in named.of(policy).values()]


def list_links(_request: MemberRequest) -> list[Link]:
    """For the menu of the list of contacts: the people of the list as it is filtered. Which partners there are, the page says to which it leads."""
    return [Link(_("Hand data over to a partner"), "send", reverse("privacy:register_partners"))]


def card(request: MemberRequest, person: Contact | Company) -> dict[str, Any] | None:
    """The card of a contact's page, where the policy names partners: the way to hand this person's data to one."""
    parties = _parties(request)
    if not parties:
        return None
    return {
        "partners": [
            {"party": party, "url": f"{reverse('privacy:register_handover_new', args=[name])}?contact={person.pk}"}
            for name, party in parties
        ]
    }


__all__ = ["card", "handover", "list_links", "new", "overview", "take", "told"]
