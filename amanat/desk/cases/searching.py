"""Cases among the answers of the search page and the palette."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.desk.cases import veil
from amanat.desk.cases.models import SupportCase
from amanat.people import vocabulary
from amanat.people.search_views import Finder, Found


def cases(request: MemberRequest, ids: Sequence[UUID]) -> dict[UUID, Found]:
    """Cases by number, subject or person; only those the member may see. Of a restricted person only that there is one."""
    held = veil.guard(request.member, vocabulary.of_request(request))
    rows = SupportCase.objects.of(request.workspace).visible_to(request.member).for_people_here().filter(pk__in=ids)
    return {
        case.pk: Found(
            reverse("desk:case", args=[case.pk]),
            str(case) if veil.tells(held, case.contact_id) else _("Case #%(number)d") % {"number": case.number},
            case.contact.name,
            "life-buoy",
        )
        for case in rows.select_related("contact")
    }


FINDER = Finder("case", gettext_lazy("Support cases"), cases, May.READ_CASES)
