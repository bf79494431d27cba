"""Service records among the answers of the search page and the palette."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.desk import veil
from amanat.desk.models import ServiceRecord
from amanat.people import vocabulary
from amanat.people.search_views import Finder, Found


def services(request: MemberRequest, ids: Sequence[UUID]) -> dict[UUID, Found]:
    """Records by number, service or acknowledgement number, with the person they are for; only those the member may see."""
    held = veil.guard(request.member, vocabulary.of_request(request), request.purpose)
    rows = ServiceRecord.objects.of(request.workspace).visible_to(request.member).alive().filter(pk__in=ids)
    found = {}
    for record in rows.select_related("contact", "company"):
        number = veil.shown(held, "acknowledgement", record.acknowledgement)
        note = " · ".join(part for part in (record.for_whom, number) if part)
        found[record.pk] = Found(reverse("desk:service", args=[record.pk]), str(record), note, "clipboard-list")
    return found


FINDER = Finder("service", _("Services"), services, May.READ_SERVICES)
