"""Service records among the answers of the search page and the palette."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.desk.models import ServiceRecord
from amanat.people.search_views import Finder, Found


def services(request: MemberRequest, ids: Sequence[UUID]) -> dict[UUID, Found]:
    """Records by number, service or acknowledgement number, with the person they are for; only those the member may see."""
    records = ServiceRecord.objects.of(request.workspace).visible_to(request.member).alive().filter(pk__in=ids)
    columns = ("pk", "title", "number", "acknowledgement", "contact__name", "company__name")
    found = {}
    for key, title, number, acknowledgement, contact, company in records.values_list(*columns):
        note = " · ".join(part for part in (contact or company, acknowledgement) if part)
        found[key] = Found(reverse("desk:service", args=[key]), f"{title} #{number}", note, "clipboard-list")
    return found


FINDER = Finder("service", _("Services"), services, May.READ_SERVICES)
