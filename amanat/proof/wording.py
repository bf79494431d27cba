"""Findings in the reader's language: the stored message, with its figures as readers write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.core import clock
from amanat.policy import probing
from amanat.proof.models import Evidence, Outcome
from amanat.web import formatting


def said(found: Evidence) -> str:
    """What a probe found; of one that could not run also which it is. A message of an older program whose places have changed is shown
    as it is stored."""
    known = probing.registered().get(found.probe)
    if found.outcome == Outcome.COULD_NOT_RUN and known is not None:
        reason = found.facts.get("reason", "")
        return _("Could not be checked: “%(what)s” (%(reason)s)") % {"what": known.title, "reason": reason}
    return filled(found.said, found.facts)


def day(value: date | None) -> str:
    return formatting.day(value) if value else "–"


def filled(message: str, facts: Mapping[str, Any]) -> str:
    words = _(message) if message else ""
    try:
        return words.format(**{name: _figure(name, value) for name, value in facts.items()})
    except (LookupError, ValueError, AttributeError):
        return words


def _figure(name: str, value: Any) -> str:
    """Facts called …_at are moments and …_on days, in ISO form; numbers are grouped; nothing is a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return formatting.number(value, get_language() or "en")
    if name.endswith("_at") or name == "at":
        return formatting.short_time(datetime.fromisoformat(str(value)), now=clock.now())
    if name.endswith("_on"):
        return formatting.day(date.fromisoformat(str(value)))
    return str(value)
