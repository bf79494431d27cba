"""The manifest, the service worker, the offline page, the choice of theme and language, and the answer to a forged form."""

import json
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.cache import cache_control

from amanat.web.context import THEME_COOKIE, THEMES

WORKER = Path(__file__).parent / "worker.js"
#: Where a notice without an address leads; pages below it show what came by themselves.
PUSHED_TO = "/inbox/"
A_YEAR = 365 * 86400
#: What the worker keeps for a start without a network: the shell, no page of anyone's data.
KEPT_OFFLINE = (
    "web/css/tokens.css",
    "web/css/base.css",
    "web/css/shell.css",
    "web/css/components.css",
    "web/css/public.css",
    "web/js/shell.js",
    "web/js/lists.js",
    "web/js/forms.js",
    "web/vendor/htmx/htmx.min.js",
    "web/vendor/lucide/sprite.svg",
    "web/vendor/inter/inter-latin-wght-normal.woff2",
    "web/icons/icon.svg",
)


@cache_control(max_age=3600, public=True)
def manifest(request: HttpRequest) -> JsonResponse:
    icons = [
        {
            "src": static(f"web/icons/{name}-{side}.png"),
            "sizes": f"{side}x{side}",
            "type": "image/png",
            "purpose": purpose,
        }
        for name, purpose in (("icon", "any"), ("maskable", "maskable"))
        for side in (192, 512)
    ]
    return JsonResponse(
        {
            "name": "Amanat",
            "short_name": "Amanat",
            "id": "/",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f7f6f2",
            "theme_color": "#0f5c55",
            "icons": icons,
        },
        content_type="application/manifest+json",
    )


@cache
def _worker_text(offline: str, kept: tuple[str, ...], icon: str) -> str:
    code = WORKER.read_text(encoding="utf-8")
    version = sha256("\n".join([code, *kept]).encode()).hexdigest()[:16]
    choices = {"version": version, "offline": offline, "kept": kept, "icon": icon, "inbox": PUSHED_TO}
    return f"const choices = {json.dumps(choices)};\n{code}"


@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """The worker, with the addresses of this release's static files; a new release has another text, so browsers take it up."""
    # Without hashed names a kept file would never be refreshed, so a developer's browser keeps the offline page alone.
    kept = () if settings.DEBUG else tuple(static(name) for name in KEPT_OFFLINE)
    return HttpResponse(
        _worker_text(reverse("web:offline"), kept, static("web/icons/icon-192.png")),
        content_type="text/javascript; charset=utf-8",
    )


def offline(request: HttpRequest) -> HttpResponse:
    """What is shown when the network is gone. Kept on the device, so it says nothing about anyone: no member, no workspace."""
    return render(request, "web/offline.html", {"member": None, "workspace": None, "navigation": {}, "offers": []})


def switch_theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme on this device; `theme` is a key of `THEMES`."""
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        return HttpResponse("theme: light, dark or system", status=400, content_type="text/plain; charset=utf-8")
    response = _back(request)
    _keep(response, THEME_COOKIE, theme)
    return response


def switch_language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language on this device, and with the user who is signed in: hers comes before the device's.

    `language` is one of the languages of the settings.
    """
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES) or not check_for_language(language):
        return HttpResponse("language: not offered here", status=400, content_type="text/plain; charset=utf-8")
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        user.language = language
        user.save(update_fields=["language"])
    response = _back(request)
    _keep(response, settings.LANGUAGE_COOKIE_NAME, language)
    return response


def forgery_suspected(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The answer to a form whose token is missing or old (setting CSRF_FAILURE_VIEW). `reason` is for developers, not shown."""
    return render(request, "403_csrf.html", status=403)


def _back(request: HttpRequest) -> HttpResponseRedirect:
    target = request.POST.get("next") or request.META.get("HTTP_REFERER", "")
    hosts = {request.get_host()}
    return HttpResponseRedirect(target if url_has_allowed_host_and_scheme(target, hosts, request.is_secure()) else "/")


def _keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=A_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, httponly=True
    )
