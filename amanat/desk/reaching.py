"""From a line of the home page to the person: a number to call, and WhatsApp with the words ready."""

from __future__ import annotations

from urllib.parse import quote

from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.desk.home import Overview, Reach
from amanat.people import masking, vocabulary


class Reaching:
    """Where the lines of one page lead. Who may only read reaches nobody, and a number that is hidden elsewhere is hidden here."""

    def __init__(self, request: MemberRequest, shown: Overview) -> None:
        self._workspace = request.workspace.name
        self._guard: masking.Guard | None = None
        tasks = [line.reach for line in (*shown.due, *shown.late)]
        others = [*(line.reach for line in shown.unpaid), *(line.reach for line in shown.expected)]
        may = request.member.may(May.WRITE_TASKS) or request.member.may(May.WRITE_CONTACTS)
        if may and any([*tasks, *others]):
            self._guard = masking.guard(request.member, vocabulary.of_request(request), request.purpose)

    def of(self, reach: Reach | None, text: str = "") -> tuple[str, str, str]:
        """Whom, the address to call, the address to write: `text` follows the greeting. Empty where it leads nowhere."""
        held = self._guard
        if reach is None or held is None or held.hides("phones") or reach.contact in held.restricted:
            return "", "", ""
        greeting = _("Hello %(name)s, this is %(workspace)s.") % {"name": reach.name, "workspace": self._workspace}
        words = quote(f"{greeting} {text}".rstrip())
        return reach.name, f"tel:{reach.phone}", f"https://wa.me/{reach.phone.lstrip('+')}?text={words}"
