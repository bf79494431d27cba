"""The list of settings pages that stands beside each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from amanat.accounts import outbox_access
from amanat.web.navigation import Shown

register = template.Library()
#: What of the member's menus stands beside the settings, too.
_SETTINGS = "/settings/"

#: One's own pages, for whoever is signed in, with a workspace or without: label, icon, URL name.
OWN = (
    (_("Name and language"), "circle-user", "accounts:profile"),
    (_("Signing in"), "fingerprint-pattern", "mfa_index"),
    (_("Devices"), "smartphone", "accounts:devices"),
    (_("Login history"), "history", "accounts:history"),
)


@register.filter
def shows_outbox(request: HttpRequest) -> bool:
    """Whether this caller may look into the outbox."""
    return outbox_access.is_open_to(request)


@register.filter
def spell_duration(length: timedelta) -> str:
    """ "5 min", "3 h", "2 days": how long a session has been in use."""
    minutes = int(length.total_seconds()) // 60
    if minutes < 60:
        return gettext("%(count)s min") % {"count": max(minutes, 1)}
    if minutes < 48 * 60:
        return gettext("%(count)s h") % {"count": minutes // 60}
    return gettext("%(count)s days") % {"count": minutes // (24 * 60)}


@register.inclusion_tag("accounts/_nav.html", takes_context=True)
def settings_nav(context: Mapping[str, Any]) -> dict[str, object]:
    """One's own pages, then those of the workspace that any package has registered and this member may open."""
    request = context["request"]
    own = [Shown(label, icon, reverse(name)) for label, icon, name in OWN]
    known = {page.url for page in own}
    mine = context["navigation"].get("member", ())
    own += [entry for entry in mine if entry.url.startswith(_SETTINGS) and entry.url not in known]
    beside = [entry for section in ("workspace", "trust") for entry in context["navigation"][section]]
    shared = [entry for entry in beside if entry.url.startswith(_SETTINGS)]
    groups = [(_("My account"), own), (_("Workspace"), shared)]
    return {"groups": [(title, _marked(pages, request.path)) for title, pages in groups if pages]}


def _marked(pages: list[Shown], path: str) -> list[Shown]:
    return [replace(page, is_current=path.startswith(page.addresses)) for page in pages]
