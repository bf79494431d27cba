"""The context processor of the shell."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext_lazy as _

from amanat.web import navigation

THEME_COOKIE = "theme"  #: as the policy calls it
THEMES = {"system": _("As this device"), "light": _("Light"), "dark": _("Dark")}
#: Entries of the bottom bar beside New and More.
ON_THE_PHONE = 3


type DeviceLine = Callable[[HttpRequest], dict[str, Any] | None]
_device_lines: list[DeviceLine] = []


def tell_of_the_device(line: DeviceLine) -> None:
    """Let public pages say what is kept on the reader's device; the package that knows calls this in AppConfig.ready().

    The function gives {"url": of the register, "kinds": asked about, if any, "here": where to come back to}.
    """
    _device_lines[:] = [line]


def _device_line(request: HttpRequest) -> dict[str, Any] | None:
    try:
        return next((line(request) for line in _device_lines), None)
    except NoReverseMatch:  # the pages of that package are not among the routes in use
        return None


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(THEME_COOKIE, "system")
    return chosen if chosen in THEMES else "system"


def _of_phone(entries: list[navigation.Shown]) -> list[navigation.Shown]:
    """Those with a place in the bottom bar, and others where there are too few of them; in the order of the sidebar."""
    chosen = sorted(entries, key=lambda entry: not entry.is_on_phone)[:ON_THE_PHONE]
    return [entry for entry in entries if entry in chosen]


def shell(request: HttpRequest) -> dict[str, object]:
    """What `web/base.html` and `web/public.html` need. `member` and `workspace` are None for a signed-out visitor.

    The navigation is made when a template first asks for it: a fragment for htmx must not pay for the badges.
    """
    sections = SimpleLazyObject(partial(navigation.shown, request))
    return {
        "member": getattr(cast(Any, request), "member", None),
        "workspace": getattr(cast(Any, request), "workspace", None),
        "live_url": settings.CONFIGURATION.live_url,
        "navigation": sections,
        "phone_bar": SimpleLazyObject(lambda: _of_phone(sections["work"])),
        "device": SimpleLazyObject(partial(_device_line, request)),
        "offers": SimpleLazyObject(partial(navigation.offers, request)),
        "theme": theme_of(request),
        "themes": THEMES,
        "languages": settings.LANGUAGES,
        "language": get_language() or settings.LANGUAGE_CODE,
        "direction": "rtl" if get_language_bidi() else "ltr",
    }
