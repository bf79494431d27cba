"""From a line of the home page to the person: a number to call, and WhatsApp with the words ready. A press is written down."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.desk.home import Overview, Reach
from amanat.people import masking, vocabulary


class Reaching:
    """Where the lines of one page lead. Who may only read reaches nobody, and a number that is hidden elsewhere is hidden here."""

    def __init__(self, request: MemberRequest, shown: Overview) -> None:
        self._workspace, self._member = request.workspace.name, request.member
        self._guard: masking.Guard | None = None
        tasks = [line.reach for line in (*shown.due, *shown.late)]
        others = [*(line.reach for line in shown.unpaid), *(line.reach for line in shown.expected)]
        may = request.member.may(May.WRITE_TASKS) or request.member.may(May.WRITE_CONTACTS)
        if may and any([*tasks, *others]):
            self._guard = masking.guard(request.member, vocabulary.of_request(request), request.purpose)

    def of(self, reach: Reach | None, text: str = "") -> dict[str, str]:
        """Whom, the addresses to call and to write, and where a press is written down: `text` follows the greeting.

        Without what leads nowhere.
        """
        held = self._guard
        if reach is None or held is None or held.hides("phones") or reach.contact in held.restricted:
            return {}
        greeting = _("Hello %(name)s, this is %(workspace)s.") % {"name": reach.name, "workspace": self._workspace}
        words = quote(f"{greeting} {text}".rstrip())
        return {
            "whom": reach.name,
            "call_url": f"tel:{reach.phone}",
            "whatsapp_url": f"https://wa.me/{reach.phone.lstrip('+')}?text={words}",
            "noted_url": noted_at(self._member, reach.contact),
        }


def noted_at(member: Member, contact_id: UUID) -> str:
    """Where it is written down that somebody was about to call or write, but for the last part, which says how; "" for who may not."""
    if not member.may(May.WRITE_CONTACTS):
        return ""
    return reverse("messaging:intend", args=[contact_id, "call"]).removesuffix("call/")
