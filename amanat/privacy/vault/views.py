"""Pages of the sealed store: how much lies there until when, and the requests by law to open one record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.core import clock
from amanat.people import timeline
from amanat.privacy import laws
from amanat.privacy.vault import releasing
from amanat.privacy.vault.models import SealedRecord, VaultRelease

_SHOWN = 50


class AskForm(forms.Form):
    """Whom it is about, who demands it and why."""

    address = forms.CharField(label=gettext_lazy("Phone or e-mail of the person"), max_length=254)
    authority = forms.CharField(label=gettext_lazy("Who demands it"), max_length=160)
    reason = forms.CharField(label=gettext_lazy("Legal reason"), max_length=300)


def store(request: MemberRequest) -> HttpResponse:
    """How many records lie there, by law and day of destruction, and a form to ask for one."""
    form = AskForm(sent(request))
    if form.is_valid():
        try:
            releasing.ask(workspace=request.workspace, by=request.member, at=clock.now(), **form.cleaned_data)
        except releasing.NothingSealed:
            form.add_error("address", _("Nothing is sealed of a person with this address."))
        else:
            messages.success(request, _("Asked. Another member must allow it."))
            return see_other(reverse("privacy:vault"))
    rows = SealedRecord.objects.of(request.workspace)
    releases = VaultRelease.objects.of(request.workspace).select_related("asked_by", "allowed_by", "opened_by")
    days = rows.values("law", "ends_on").annotate(count=Count("pk")).order_by("ends_on", "law")[:_SHOWN]
    context = {
        "form": form,
        "days": [day | {"law": ", ".join(laws.in_words([day["law"]]))} for day in days],
        "releases": list(releases.order_by("-asked_at")[:_SHOWN]),
    }
    return render(request, "privacy/vault_store.html", context, status=422 if form.errors else 200)


def allow(request: MemberRequest, vault_release_id: UUID) -> HttpResponse:
    return _decided(request, vault_release_id, is_allowed=True)


def refuse(request: MemberRequest, vault_release_id: UUID) -> HttpResponse:
    return _decided(request, vault_release_id, is_allowed=False)


def _decided(request: MemberRequest, vault_release_id: UUID, *, is_allowed: bool) -> HttpResponse:
    release = get_object_or_404(VaultRelease.objects.of(request.workspace), pk=vault_release_id)
    decide = releasing.allow if is_allowed else releasing.refuse
    try:
        decide(release=release, by=request.member, at=clock.now())
    except releasing.ReleaseRefused:
        messages.error(request, _("Somebody else must decide this, and only once."))
    return see_other(reverse("privacy:vault"))


def open_once(request: MemberRequest, vault_release_id: UUID) -> HttpResponse:
    """The record, shown this one time."""
    release = get_object_or_404(VaultRelease.objects.of(request.workspace), pk=vault_release_id)
    try:
        body = releasing.open_once(release=release, by=request.member, at=clock.now())
    except (releasing.ReleaseRefused, releasing.NothingSealed):
        messages.error(request, _("This record cannot be opened, or not any more."))
        return see_other(reverse("privacy:vault"))
    return render(request, "privacy/vault_opened.html", {"body": _shown(body), "release": release})


def _shown(body: Mapping[str, Any]) -> dict[str, Any]:
    """The record for reading: days as days, kinds of lines in words."""
    return {
        **body,
        "known_since": date.fromisoformat(body["known_since"]),
        "erased_on": date.fromisoformat(body["erased_on"]),
        "happened": [(date.fromisoformat(day), timeline.kinds.get(kind).label) for day, kind in body["happened"]],
    }
