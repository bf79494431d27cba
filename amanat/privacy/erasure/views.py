"""Pages: what an erasure of a person would do, the list of erasures, one with its progress and open items, the certificate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.basis import rules
from amanat.core import clock, onward
from amanat.core.models_files import StoredFile
from amanat.desk.models import Payment, ServiceRecord
from amanat.people import cards
from amanat.people.models import Company, Contact
from amanat.privacy.erasure import belongings, certificates, children, erasing, lawful, places
from amanat.privacy.erasure.forms import AnswerForm, EraseForm
from amanat.privacy.erasure.models import ChildFound, Erasure, ErasureCertificate, ErasureOpenItem
from amanat.privacy.registers import partners

LISTED = 50
_TONES = {
    "ordered": "blue", "held": "marigold", "erasing": "blue", "searching": "blue", "done": "green", "failed": "red",
}  # fmt: skip


def card(request: MemberRequest, person: Contact | Company) -> dict[str, Any] | None:
    """The card of a contact's page: the way to its erasure, and whether its data is frozen as a child's."""
    found = next((cards.instance(ChildFound, row) for row in cards.rows(request, "erasure.child")), None)
    return {
        "erase_url": reverse("privacy:erase", args=[person.pk]),
        "child_url": reverse("privacy:child", args=[person.pk]),
        "guardian_url": reverse("basis:guardian", args=[person.pk]),
        "child": found,
    }


def card_reads(request: MemberRequest, person: Contact | Company) -> Mapping[str, cards.Read]:
    frozen = (
        "SELECT id, erase_by FROM privacy_childfound WHERE workspace_id = %s AND contact_id = %s AND state = %s "
        "ORDER BY id LIMIT 1"
    )
    return {"erasure.child": (frozen, [request.workspace.pk, person.pk, ChildFound.State.FROZEN.value])}


def erase(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """What would go, what would stay and why; the order. The page asks for a fresh sign-in."""
    person = _person(request, contact_id)
    form = EraseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        ordered = erasing.order(
            workspace=request.workspace, contact_ids=[person.pk], because=form.cleaned_data["because"], by=request.member,
            at=clock.now(),
        )  # fmt: skip
        return see_other(reverse("privacy:erasure", args=[ordered.pk]))
    theirs = belongings.of([person.pk], workspace_id=request.workspace.pk)
    goes, stays = _foretold(theirs, request.workspace.pk)
    held = lawful.held_back([person.pk], workspace_id=request.workspace.pk, at=clock.now())
    context = {"person": person, "form": form, "goes": goes, "stays": stays, "is_held": bool(held)}
    return render(request, "privacy/erasure_ask.html", context, status=422 if form.is_bound else 200)


def child(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """A member noticed that the contact is a child: frozen at once."""
    person = _person(request, contact_id)
    children.report(contact=person, how=ChildFound.How.MEMBER, by=request.member, at=clock.now())
    messages.success(request, _("Frozen. The data is erased in time unless a guardian agrees."))
    return see_other(reverse("people:contact", args=[person.pk]))


def child_clear(request: MemberRequest, found_id: UUID) -> HttpResponse:
    """It is no child after all."""
    found = ChildFound.objects.of(request.workspace).filter(pk=found_id).first()
    if found is None or found.contact_id is None:
        raise Http404
    person = _person(request, found.contact_id)
    if children.clear(found=found, state=ChildFound.State.CLEARED, by=request.member, at=clock.now()):
        messages.success(request, _("The data may be used again."))
    return see_other(reverse("people:contact", args=[person.pk]))


def erasures(request: MemberRequest) -> HttpResponse:
    """The newest erasures, those with open items first."""
    rows = list(Erasure.objects.of(request.workspace).select_related("by").order_by("-ordered_at", "-id")[:LISTED])
    lines = [_line(row) for row in rows]
    frozen = ChildFound.objects.of(request.workspace).filter(state=ChildFound.State.FROZEN, contact__isnull=False)
    seen = Contact.objects.of(request.workspace).visible_to(request.member)
    found = list(frozen.filter(contact__in=seen).select_related("contact").order_by("erase_by")[:LISTED])
    return render(request, "privacy/erasure_list.html", {"lines": lines, "children": found})


def erasure(request: MemberRequest, erasure_id: UUID) -> HttpResponse:
    """One erasure; the part that shows progress renews itself while it is under way."""
    row = _erasure(request, erasure_id)
    items = list(row.items.select_related("closed_by").order_by("closed_at", "kind", "id"))
    policy = rules.of(request.workspace.pk).policy
    context = {
        "row": row,
        "line": _line(row),
        "steps": [{**step, "title": _step(step["step"]), "at": parse_datetime(step["at"])} for step in row.steps],
        "gone": _counted(row.gone),
        "stayed": [{**one, "why": lawful.why(one["label"])} for one in _counted(row.stayed)],
        "items": [
            {"row": item, "place": places.in_words(item.place, policy), "how": _how(item), "form": AnswerForm()}
            for item in items
        ],
        "sealed": _sealed(row.sealed),
        "is_busy": row.state in Erasure.UNDER_WAY,
        "certificate": row.certificates.order_by("-issued_at", "-id").first(),
        "may_answer": request.member.may(May.ANSWER_REQUESTS),
        "may_search": row.state == Erasure.State.FAILED and row.wanted is not None,
    }
    part = request.GET.get("part") == "1"
    return render(request, "privacy/_erasure_state.html" if part else "privacy/erasure_page.html", context)


def close(request: MemberRequest, erasure_id: UUID, item_id: UUID) -> HttpResponse:
    """Somebody says what was done about an open item."""
    row = _erasure(request, erasure_id)
    item = ErasureOpenItem.objects.of(request.workspace).filter(pk=item_id, erasure=row).first()
    if item is None:
        raise Http404
    form = AnswerForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what was done, in a few words."))
        return see_other(reverse("privacy:erasure", args=[row.pk]))
    try:
        certificates.close(item=item, answer=form.cleaned_data["answer"], by=request.member, at=clock.now())
    except certificates.NotOpen:
        messages.error(request, _("Somebody answered this already."))
    return see_other(reverse("privacy:erasure", args=[row.pk]))


def search(request: MemberRequest, erasure_id: UUID) -> HttpResponse:
    """Search again, now that open items were dealt with."""
    row = _erasure(request, erasure_id)
    if not erasing.search_again(erasure=row, by=request.member, at=clock.now()):
        messages.error(request, _("There is nothing left to search for."))
    return see_other(reverse("privacy:erasure", args=[row.pk]))


def certificate(request: MemberRequest, erasure_id: UUID) -> HttpResponse:
    """The newest certificate of an erasure, for printing."""
    row = _erasure(request, erasure_id)
    found = ErasureCertificate.objects.of(request.workspace).filter(erasure=row).order_by("-issued_at", "-id").first()
    if found is None:
        raise Http404
    body = certificates.opened(found)
    if body is None:
        messages.error(request, _("The certificate cannot be read: its text is not the one that was issued."))
        return see_other(reverse("privacy:erasure", args=[row.pk]))
    policy = rules.of(request.workspace.pk).policy
    context = {
        "row": row,
        "certificate": found,
        "body": body,
        "gone": _counted(body["gone"]),
        "stayed": [{**one, "why": lawful.why(one["label"])} for one in _counted(body["stayed"])],
        "sealed": _sealed(body["sealed"]),
        "tables": len(body["tables_read"]),
        "rows": sum(body["tables_read"].values()),
        "asked": [lawful.named(label) for label in body["tables_asked_by_index"]],
        "looked_for": [
            (title, body["looked_for"][key], body["not_looked_for"].get(key, 0)) for key, title in _kinds().items()
        ],
        "closed": [{**one, "place": places.in_words(one["place"], policy)} for one in body["closed_by_people"]],
    }
    return render(request, "privacy/erasure_certificate.html", context)


def _kinds() -> dict[str, str]:
    return {
        "names": _("names"),
        "numbers": _("phone numbers"),
        "addresses": _("e-mail addresses"),
        "codes": _("numbers of papers and other systems"),
    }


def _person(request: MemberRequest, contact_id: UUID) -> Contact:
    found = Contact.objects.of(request.workspace).visible_to(request.member).filter(pk=contact_id).first()
    if found is None:
        raise Http404
    return found


def _erasure(request: MemberRequest, erasure_id: UUID) -> Erasure:
    found = Erasure.objects.of(request.workspace).select_related("by").filter(pk=erasure_id).first()
    if found is None:
        raise Http404
    return found


def _line(row: Erasure) -> dict[str, Any]:
    return {
        "row": row, "tone": _TONES[row.state], "people": len(row.contact_ids), "url": reverse("privacy:erasure", args=[row.pk]),
        "state": row.get_state_display(), "because": row.get_because_display(), "by": row.by.name if row.by else "",
    }  # fmt: skip


def _counted(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"label": label, "name": lawful.named(label), "count": count} for label, count in sorted(counts.items())]


def _sealed(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "until": date.fromisoformat(one["until"])} for one in records]


def _how(item: ErasureOpenItem) -> str | Promise:
    """What a member does about an item that is open, where whoever gave the data away says so."""
    receiver = onward.receivers().get(item.place) if item.closed_at is None else None
    if receiver is not None:
        return receiver.how
    if item.kind != ErasureOpenItem.Kind.RECIPIENT or item.closed_at is not None or not item.rows:
        return ""
    return partners.how(item.workspace_id, item.place, item.rows)


def _foretold(theirs: belongings.Belongings, here: UUID) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What would go and what would stay without the person, by kind, as the declarations say."""
    goes: dict[str, int] = {}
    stays: dict[str, int] = {}
    for model, rows in theirs.rows.items():
        declared = belongings.held(model)
        is_proof = getattr(model, "append_only", False) or declared is None or not lawful.goes_whole(declared)
        kept = len(rows) if is_proof else len(theirs.shared.get(model, ()))
        if model is ServiceRecord:
            records = ServiceRecord.objects.of(here).filter(pk__in=list(rows))
            paid = Payment.objects.of(here).filter(record__in=list(rows)).values("record")
            kept = (records.filter(fee_paise__gt=0) | records.filter(pk__in=paid)).count()
        _put(stays, model._meta.label, kept)
        _put(goes, model._meta.label, len(rows) - kept)
    _put(goes, StoredFile._meta.label, len(theirs.files))
    return _counted(goes), [{**one, "why": lawful.why(one["label"])} for one in _counted(stays)]


def _put(counts: dict[str, int], label: str, count: int) -> None:
    if count:
        counts[label] = count


def _step(name: str) -> str:
    return {
        "held": _("Held back by a legal hold"),
        "prepared": _("Law asked, addresses suppressed"),
        "erased": _("Rows, files and keys destroyed"),
        "searched": _("Everything searched"),
        "confirmed": _("Every row of every table read"),
    }.get(name, name)
