"""What the owner's pages add to the sidebar."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.web import navigation
from amanat.web.navigation import Entry


def register() -> None:
    navigation.register(Entry("trust", 15, _("Policy"), "scroll-text", "publishing:policy", May.READ_TRUST))
