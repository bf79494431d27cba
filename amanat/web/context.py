"""The context processor of the shell."""

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext_lazy as _

from amanat.web import navigation

THEME_COOKIE = "amanat_theme"
THEMES = {"system": _("As this device"), "light": _("Light"), "dark": _("Dark")}
#: Entries of the bottom bar beside New and More.
ON_THE_PHONE = 3


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(THEME_COOKIE, "system")
    return chosen if chosen in THEMES else "system"


def shell(request: HttpRequest) -> dict[str, object]:
    """What `web/base.html` and `web/public.html` need. `member` and `workspace` are None for a signed-out visitor."""
    sections = navigation.shown(request)
    return {
        "member": getattr(cast(Any, request), "member", None),
        "workspace": getattr(cast(Any, request), "workspace", None),
        "navigation": sections,
        "phone_bar": sections["work"][:ON_THE_PHONE],
        "offers": navigation.offers(request),
        "theme": theme_of(request),
        "themes": THEMES,
        "languages": settings.LANGUAGES,
        "language": get_language() or settings.LANGUAGE_CODE,
        "direction": "rtl" if get_language_bidi() else "ltr",
    }
