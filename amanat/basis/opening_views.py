"""Opening a masked value: the page that asks why."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.basis import openings, views
from amanat.basis.forms import OpenForm
from amanat.basis.models import Opening
from amanat.core import clock
from amanat.people import masking, vocabulary


def open_value(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """Which value, for what, in the reader's own words; then back to the person's page, where it shows for 15 minutes."""
    person = views.person_of(request, contact_id)
    words = vocabulary.of(request.workspace)
    name = request.GET.get("field", "")
    labels = openings.LABELS | {f"custom-{one.key}": one.label for one in words.fields_on("contact")}
    held = masking.guard(request.member, words, request.purpose)
    if name not in labels or (name in held.withheld and person.pk not in held.restricted):
        raise Http404  # what the purpose does not need has no way around it
    form = OpenForm(sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            openings.open_value(
                contact=person, name=name, purpose=request.purpose, reason=Opening.Reason(form.cleaned_data["reason"]),
                words=form.cleaned_data["words"], by=request.member, at=clock.now(),
            )  # fmt: skip
            return see_other(reverse("people:contact", args=[person.pk]))
        except openings.NoReason:
            form.add_error("words", _("Say in a few words what you need it for."))
    context = {"person": person, "form": form, "label": labels[name]}
    return render(request, "basis/open.html", context, status=422 if form.errors else 200)
