"""Pages of likely duplicates and of merging."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from amanat.accounts.access import MemberRequest
from amanat.core import clock, jobs
from amanat.people import bin as deleted
from amanat.people import custom_fields, duplicates, masking, merging, search, vocabulary
from amanat.people.merging import FIELDS, MergeRefused
from amanat.people.models import Address, Company, Contact, Email, Merge, Phone
from amanat.people.vocabulary import Vocabulary
from amanat.web import formatting

LISTED = 30
_LABELS: dict[str, Any] = {
    "name": gettext_lazy("Name"), "company_id": gettext_lazy("Company"), "job_title": gettext_lazy("Job title"),
    "stage_id": gettext_lazy("Stage"), "language": gettext_lazy("Language"), "birthday": gettext_lazy("Birthday"),
    "owner_id": pgettext_lazy("contact", "Owner"), "team_id": gettext_lazy("Team"), "follow_up_on": gettext_lazy("Next follow-up"),
    "external_id": gettext_lazy("External id"), "notes": gettext_lazy("Notes"), "gstin": gettext_lazy("GSTIN"),
    "website": gettext_lazy("Website"), "industry": gettext_lazy("Industry"),
}  # fmt: skip


def duplicate_list(request: MemberRequest) -> HttpResponse:
    """Pairs that are probably one person, the surest first."""
    page = duplicates.page(request.workspace, after=request.GET.get("after", ""))
    wanted = {identity for pair in page.pairs for identity in (pair.first_id, pair.second_id)}
    columns = ("pk", "name", "main_phone", "main_email", "created_at", "company__name")
    rows = Contact.objects.of(request.workspace).visible_to(request.member).alive().filter(pk__in=wanted)
    held = masking.guard(request.member, vocabulary.of(request.workspace), request.purpose)
    people = {row["pk"]: _reach(held, row["pk"], row) for row in rows.values(*columns)}
    pairs = [
        {
            "first": people[pair.first_id],
            "second": people[pair.second_id],
            "reasons": [duplicates.reason_words(reason) for reason in pair.reasons],
            "is_sure": pair.score >= 80,
        }
        for pair in page.pairs
        if pair.first_id in people and pair.second_id in people
    ]
    context = {"pairs": pairs, "next_url": f"?after={page.after}" if page.after else ""}
    return render(request, "people/duplicates.html", context)


def _reach(held: masking.Guard, identity: UUID, row: dict[str, Any]) -> dict[str, Any]:
    """The row with the number, the address and the company as this member sees them."""
    hers = held.about(identity)
    columns = {"main_phone": "phones", "main_email": "emails", "company__name": "company"}
    return row | {column: hers.shown(name, row[column] or "") for column, name in columns.items()}


def duplicates_look(request: MemberRequest) -> HttpResponseBase:
    jobs.enqueue("people.duplicates", workspace=request.workspace, once=f"people.duplicates:{request.workspace.pk}")
    messages.info(request, _("We are looking. New pairs stand here in a moment."))
    return HttpResponseRedirect(reverse("people:duplicates"))


def duplicate_dismiss(request: MemberRequest) -> HttpResponseBase:
    try:
        first, second = UUID(request.POST.get("first", "")), UUID(request.POST.get("second", ""))
    except ValueError:
        raise Http404 from None
    duplicates.dismiss(first=first, second=second, workspace=request.workspace, by=request.member, at=clock.now())
    messages.success(request, _("They stay two people and are not shown here again."))
    return HttpResponseRedirect(reverse("people:duplicates"))


def _record(request: MemberRequest, on: str, identity: UUID) -> Contact | Company:
    model = deleted.KINDS.get(on)
    if model is None:
        raise Http404
    rows: Any = model.objects.of(request.workspace).visible_to(request.member).alive()
    if model is Contact:
        rows = rows.select_related("company")
    found: Contact | Company | None = rows.filter(pk=identity).first()
    if found is None:
        raise Http404
    return found


def merge_with(request: MemberRequest, on: str, record_id: UUID) -> HttpResponse:
    """Choose the other one."""
    record = _record(request, on, record_id)
    query = request.GET.get("q", "").strip() or record.name
    hits = [hit.id for hit in search.find(query, member=request.member, kinds=[on], limit=20) if hit.id != record.pk]
    model = deleted.KINDS[on]
    found = {
        row.pk: row
        for row in model.objects.of(request.workspace).visible_to(request.member).alive().filter(pk__in=hits)
    }
    others = [found[hit] for hit in hits if hit in found]
    if on == "contact":
        held = masking.guard(request.member, vocabulary.of_request(request), request.purpose)
        for other in others:
            if isinstance(other, Contact):
                masking.veil(other, held.about(other.pk))
    return render(request, "people/merge_with.html", {"record": record, "on": on, "others": others, "q": query})


def merge_page(request: MemberRequest, on: str, keep_id: UUID, gone_id: UUID) -> HttpResponseBase:
    """Field by field; POST merges."""
    keep, gone = _record(request, on, keep_id), _record(request, on, gone_id)
    words = vocabulary.of_request(request)
    whole = masking.guard(request.member, words, request.purpose) if on == "contact" else masking.Guard()
    if {keep.pk, gone.pk} & whole.restricted:
        messages.error(request, _("The use of this person's data is restricted. Open it on its page first."))
        return HttpResponseRedirect(
            reverse("people:contact", args=[keep.pk if keep.pk in whole.restricted else gone.pk])
        )
    if request.method == "POST":
        names = [*FIELDS[on], *(f"custom-{field.key}" for field in words.fields_on(on))]
        choices = {
            name: value
            for name in names
            if (value := request.POST.get(name, "")) in {merging.KEEP, merging.GONE, merging.BOTH}
        }
        try:
            merging.merge(keep=keep, gone=gone, choices=choices, by=request.member, at=clock.now())
        except MergeRefused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("people:duplicates"))
        messages.success(request, _("The two are one now. Under “Merges” this can be undone for 30 days."))
        return HttpResponseRedirect(reverse(f"people:{on}", args=[keep.pk]))
    context = {
        "keep": keep,
        "gone": gone,
        "on": on,
        "lines": _lines(on, keep, gone, words, whole),
        "united": _united(on, keep, gone),
    }
    return render(request, "people/merge.html", context)


def _lines(
    on: str, keep: Contact | Company, gone: Contact | Company, words: Vocabulary, held: masking.Guard
) -> list[dict[str, Any]]:
    """The fields that one of the two has, with both values as this member reads them."""
    found = []
    for name in FIELDS[on]:
        values = [_shown(getattr(record, name), name, record, words) for record in (keep, gone)]
        if any(values):
            found.append(_veiled(_line(name, _LABELS[name], values), held, name.removesuffix("_id")))
    for field in words.fields_on(on):
        values = [custom_fields.shown(field, record.custom.get(field.key)) for record in (keep, gone)]
        if any(values):
            found.append(_veiled(_line(f"custom-{field.key}", field.label, values), held, f"custom-{field.key}"))
    return found


def _line(name: str, label: Any, values: list[str]) -> dict[str, Any]:
    kept, lost = values
    has_both = name == "notes" and kept and lost and kept != lost
    chosen = merging.BOTH if has_both else merging.KEEP if kept else merging.GONE
    return {
        "name": name, "label": label, "kept": kept, "lost": lost, "is_same": kept == lost, "has_both": has_both, "chosen": chosen,
    }  # fmt: skip


def _veiled(line: dict[str, Any], held: masking.Guard, name: str) -> dict[str, Any]:
    return line | {side: held.shown(name, line[side]) for side in ("kept", "lost")}


def _shown(  # noqa: PLR0911 - one return a field
    value: Any, name: str, record: Contact | Company, words: Vocabulary
) -> str:
    if value is None or value == "":
        return ""
    match name:
        case "company_id":
            return record.company.name if isinstance(record, Contact) and record.company else ""
        case "stage_id":
            return words.stage_name(value)
        case "owner_id":
            return words.member_name(value)
        case "team_id":
            return words.teams.get(value, "")
        case "birthday" | "follow_up_on":
            return formatting.day(value)
    return str(value)


def _united(on: str, keep: Contact | Company, gone: Contact | Company) -> list[str]:
    """What both have together: phones, e-mails, towns; those of the one that stays first."""
    holder = f"{on}_id"

    def of(model: type[Phone] | type[Email] | type[Address]) -> list[Any]:
        rows = model.objects.of(keep.workspace_id).filter(**{f"{holder}__in": [keep.pk, gone.pk]})
        return sorted(rows.order_by("position", "id"), key=lambda row: getattr(row, holder) == gone.pk)

    shown = [formatting.phone(row.number) for row in of(Phone)] + [row.address for row in of(Email)]
    return list(dict.fromkeys(filter(None, [*shown, *map(str, of(Address))])))


def merges(request: MemberRequest) -> HttpResponse:
    """What was merged lately, to be undone."""
    found = list(Merge.objects.of(request.workspace).select_related("merged_by").order_by("-merged_at")[:LISTED])
    names = _names_of_undone(request, found)
    rows = [
        {
            "merge": merge,
            "kept": merge.before.get("after", {}).get("name") or names.get(merge.kept_id, ""),
            "gone": merge.before.get("gone", {}).get("name") or names.get(merge.gone_id, ""),
            "may_undo": merge.undone_at is None and bool(merge.before),
        }
        for merge in found
    ]
    return render(request, "people/merges.html", {"rows": rows})


def _names_of_undone(request: MemberRequest, found: list[Merge]) -> dict[UUID, str]:
    """Of records that are two again: what a merge kept of them is gone with its undoing."""
    ids = {identity for merge in found if merge.undone_at for identity in (merge.kept_id, merge.gone_id)}
    names: dict[UUID, str] = {}
    for model in (Contact, Company):
        rows: Any = model.objects.of(request.workspace)
        names |= dict(rows.visible_to(request.member).filter(pk__in=ids).values_list("pk", "name")) if ids else {}
    return names


def merge_undo(request: MemberRequest, merge_id: UUID) -> HttpResponseBase:
    merge = Merge.objects.of(request.workspace).filter(pk=merge_id).first()
    if merge is None:
        raise Http404
    try:
        told = merging.undo(merge=merge, by=request.member, at=clock.now())
    except MergeRefused as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("people:merges"))
    for sentence in told:
        messages.warning(request, sentence)
    messages.success(request, _("They are two again."))
    return HttpResponseRedirect(reverse("people:merges"))
