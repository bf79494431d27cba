"""The probe of masks: what a role need not know is not shown to it, whatever the page."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.accounts.permissions import Role
from amanat.people import masking, vocabulary
from amanat.policy.probing import Asked, Finding, probe

_TEXT = "Xqzprobe Vwkcanary"
#: Fields that a role need not see whole, written here once more: what is taken out of the masks is missing there.
HIDDEN: Mapping[str, tuple[str, ...]] = {
    Role.AGENT: ("birthday",),
    Role.AUDITOR: ("birthday", "phones", "emails", "addresses"),
}


@probe(
    "basis.masked",
    _("Members see masked what their role need not know"),
    keys=("S-NEED",),
    rules=("security.access", "purposes.service"),
)
def masked(asked: Asked) -> Finding:
    """An agent and an auditor read an invented person through the guard of every page, as a cell of a list and on her own page."""
    words = vocabulary.of(asked.workspace_id)
    shown = tried = 0
    for role, names in HIDDEN.items():
        held = masking.guard(Member(workspace_id=asked.workspace_id, role=role), words, masking.SERVICE)
        for name in names:
            drawn = (held.cell(name, lambda _row: _TEXT)(None), held.shown(name, _TEXT))
            tried, shown = tried + len(drawn), shown + drawn.count(_TEXT)
    return Finding(
        shown == 0,
        _("{tried} sensitive values were read as an agent and as an auditor, {shown} of them were shown whole"),
        {"tried": tried, "shown": shown},
    )
