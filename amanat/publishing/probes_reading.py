"""Probes of how the public page reads: for people who use the keyboard or listen to it."""

from __future__ import annotations

from itertools import pairwise

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from amanat.policy.probing import Asked, Finding, probe
from amanat.publishing.probes import PARTS
from amanat.publishing.visiting import Visited, visit


@probe(
    "publishing.readable",
    _("The public page can be read by keyboard and by ear"),
    keys=("F-A11Y",),
    rules=("policy",),
)
def readable(asked: Asked) -> Finding:
    """The page leads past its head, names its language, lists its parts with a jump to each, and its headings leave out no level."""
    seen = visit(f"{reverse('publishing:public_policy', args=[asked.workspace_id])}?lang=en")
    jumps = {link.removeprefix("#") for link in seen.links if link.startswith("#")}
    dangling = len(jumps - seen.ids)
    leads_past = bool(seen.links) and seen.links[0] == "#main"
    unlisted = len({part for part in PARTS if part in seen.ids} - jumps)
    facts: dict[str, int | float | str | bool | None] = {
        "status": seen.status,
        "leads_past": leads_past,
        "language": seen.language,
        "dangling": dangling,
        "unlisted": unlisted,
        "skipped": _skipped(seen),
        "wordless": seen.wordless,
    }
    kept = seen.status == 200 and leads_past and bool(seen.language)
    return Finding(
        kept and not (dangling or unlisted or facts["skipped"] or seen.wordless),
        _(
            "Its first link leads past the head: {leads_past}. {unlisted} parts are not in its list, {dangling} jumps lead nowhere, {skipped} headings leave out a level, {wordless} pictures have no words."
        ),
        facts,
    )


def _skipped(seen: Visited) -> int:
    """Headings more than one level below the one before; a page that does not begin with one heading of the first level counts."""
    levels = seen.headings
    return sum(below - above > 1 for above, below in pairwise(levels)) + (levels.count(1) != 1 or levels[:1] != (1,))
