"""The catalogue: services, their order, ready packs."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language

from amanat.accounts.access import MemberRequest, see_other
from amanat.core import clock
from amanat.desk import catalogue, packfiles
from amanat.desk.forms import CatalogueForm
from amanat.desk.models import Service
from amanat.desk.views import finding


def catalogue_page(request: MemberRequest) -> HttpResponse:
    services = list(Service.objects.of(request.workspace).order_by("position", "id"))
    language = get_language() or "en"
    context = {
        "services": [service for service in services if service.is_active],
        "retired": [service for service in services if not service.is_active],
        "packs": [
            {
                "key": pack.key,
                "name": packfiles.in_language(pack.name, language),
                "about": packfiles.in_language(pack.about, language),
                "count": len(pack.services),
                "is_ours": pack.key == request.workspace.kind,
            }
            for pack in sorted(packfiles.all_packs().values(), key=lambda pack: pack.key != request.workspace.kind)
        ],
    }
    return render(request, "desk/catalogue.html", context)


def catalogue_new(request: MemberRequest) -> HttpResponse:
    form = CatalogueForm(request.POST or None, initial={"remind_days_before": 15})
    if request.method == "POST" and form.is_valid():
        catalogue.add(workspace=request.workspace, by=request.member, at=clock.now(), **form.cleaned_data)
        return see_other(reverse("desk:catalogue"))
    return render(request, "desk/catalogue_edit.html", {"form": form}, status=422 if request.method == "POST" else 200)


def catalogue_edit(request: MemberRequest, service_id: UUID) -> HttpResponse:
    service = finding.service_of(request, service_id)
    form = CatalogueForm(request.POST or None, instance=service)
    if request.method == "POST" and form.is_valid():
        fresh = finding.service_of(request, service_id)  # the form has written into the first one
        catalogue.change(service=fresh, by=request.member, at=clock.now(), **form.cleaned_data)
        return see_other(reverse("desk:catalogue"))
    context = {"form": form, "service": service}
    return render(request, "desk/catalogue_edit.html", context, status=422 if request.method == "POST" else 200)


def catalogue_move(request: MemberRequest, service_id: UUID) -> HttpResponse:
    service = finding.service_of(request, service_id)
    places = -1 if request.POST.get("direction") == "up" else 1
    catalogue.move(service=service, places=places, by=request.member, at=clock.now())
    return see_other(reverse("desk:catalogue"))


def catalogue_retire(request: MemberRequest, service_id: UUID) -> HttpResponse:
    """Retire a service, or bring a retired one back."""
    service = finding.service_of(request, service_id)
    act = catalogue.retire if service.is_active else catalogue.bring_back
    act(service=service, by=request.member, at=clock.now())
    return see_other(reverse("desk:catalogue"))
