"""The list of settings pages that stands beside each of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from amanat.accounts import outbox_access
from amanat.accounts.permissions import May

register = template.Library()

#: Heading, then for each page: label, icon, URL name, permission (None: everybody).
GROUPS = (
    (
        _("My account"),
        (
            (_("Name and language"), "circle-user", "accounts:profile", None),
            (_("Signing in"), "fingerprint-pattern", "mfa_index", None),
            (_("Devices"), "smartphone", "accounts:devices", None),
            (_("Login history"), "history", "accounts:history", None),
        ),
    ),
    (
        _("Workspace"),
        (
            (_("Details"), "store", "accounts:workspace", May.MANAGE_WORKSPACE),
            (_("Members"), "users", "accounts:members", May.MANAGE_MEMBERS),
            (_("Teams"), "users-round", "accounts:teams", May.MANAGE_MEMBERS),
            (_("Roles"), "id-card", "accounts:roles", May.READ_CONTACTS),
            (_("Security"), "shield-check", "accounts:security", May.MANAGE_WORKSPACE),
            (_("API tokens"), "key-round", "accounts:tokens", May.MANAGE_TOKENS),
        ),
    ),
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
    request = context["request"]
    member = getattr(request, "member", None)
    groups = []
    for title, pages in GROUPS:
        shown = [
            {"label": label, "icon": icon, "url": url, "is_current": request.path.startswith(url)}
            for label, icon, url_name, permission in pages
            if permission is None or (member is not None and member.may(permission))
            for url in [reverse(url_name)]
        ]
        if shown:
            groups.append((title, shown))
    return {"groups": groups}
