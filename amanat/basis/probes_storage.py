"""Probes of what is put on a reader's device, and of what pages tell others: an invented cookie goes through the real guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test.client import RequestFactory
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from amanat.basis import middleware, public_views, storage
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.publishing.visiting import visit

_TRACKER = "_xqzprobe"


def _through_the_guard(
    asked: Asked, names: Sequence[str], *, chosen: Sequence[str] | None = None, signal: bool = False
) -> list[str]:
    """Names of the cookies that reach the device when a page of the workspace sets all of `names`."""

    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse()
        for name in names:
            response.set_cookie(name, "x", max_age=10**9)
        return response

    request = RequestFactory(headers={storage.SIGNAL: "1"} if signal else {}).get(f"/w/{asked.workspace_id}/cookies/")
    if chosen is not None:
        request.COOKIES[storage.CHOICE_COOKIE] = storage.with_choice(request, asked.workspace_id, chosen)
    response = middleware.declared_storage_only(view)(request)
    return sorted(response.cookies)


def _names(policy: Policy, *kinds: str) -> list[str]:
    return [name for name, key in storage.of_policy(policy).items() if key.kind in kinds]


@probe(
    "basis.storage-register",
    _("Nothing undeclared reaches a reader's device"),
    keys=("K-REG",),
    rules=("storage",),
    minutes=60,
)
def storage_register(asked: Asked) -> Finding:
    """An undeclared cookie is sent through the guard; every cookie of the site's own stands in the policy and in the middle of the way."""
    let_through = _through_the_guard(asked, [_TRACKER])
    undeclared = sorted(storage.own_cookies().keys() - storage.of_policy(asked.policy).keys())
    layers = list(settings.MIDDLEWARE)
    setters = layers.index("django.contrib.sessions.middleware.SessionMiddleware")
    is_in_the_way = "amanat.basis.middleware.declared_storage_only" in layers[:setters]
    return Finding(
        not let_through and not undeclared and is_in_the_way,
        _("{through} undeclared cookies were let through; {undeclared} of the site's {own} are not in the policy")
        if is_in_the_way
        else _("the layer that drops undeclared cookies does not stand before the pages: look at MIDDLEWARE"),
        {"through": len(let_through), "undeclared": len(undeclared), "own": len(storage.own_cookies())},
    )


@probe(
    "basis.storage-consent",
    _("Storage for figures and offers waits for a yes and obeys the browser's signal"),
    keys=("K-ANALYT", "K-MKT", "K-BROWSER"),
    rules=("storage",),
    minutes=60,
)
def storage_consent(asked: Asked) -> Finding:
    """All keys of these kinds: without a choice, after a no, after a yes, after a yes with the signal, and their life."""
    names = _names(asked.policy, *storage.ASKED)
    closed = [
        *_through_the_guard(asked, names),
        *_through_the_guard(asked, names, chosen=()),
        *_through_the_guard(asked, names, chosen=storage.ASKED, signal=True),
    ]
    opened = _through_the_guard(asked, names, chosen=storage.ASKED)
    return Finding(
        not closed and opened == sorted(names),
        _("{keys} keys tried: {closed} set without a yes or against the signal, {opened} set after a yes"),
        {"keys": len(names), "closed": len(closed), "opened": len(opened)},
    )


@probe(
    "basis.storage-life",
    _("Cookies of sign-in and settings live no longer than promised"),
    keys=("K-SIGNIN", "K-PREF"),
    rules=("storage",),
)
def storage_life(asked: Asked) -> Finding:
    too_long = 0
    declared = storage.of_policy(asked.policy)
    for name, own in storage.own_cookies().items():
        if name in declared and own.life is not None and own.life > storage.longest(declared[name]):
            too_long += 1
    flags = (
        settings.SESSION_COOKIE_HTTPONLY and settings.CSRF_COOKIE_HTTPONLY and settings.SESSION_COOKIE_SAMESITE == "Lax"
    )
    is_bound = settings.SESSION_COOKIE_SECURE or not settings.BASE_URL.startswith("https")
    return Finding(
        too_long == 0 and flags and is_bound,
        _(
            "{cookies} cookies compared with the policy: {long} live longer than promised; hidden from scripts: {hidden}"
        ),
        {"cookies": len(storage.own_cookies()), "long": too_long, "hidden": flags, "bound": is_bound},
    )


@probe(
    "basis.public-pages-without-cookies",
    _("Public pages work without cookies and say what is kept"),
    keys=("K-DEGRADE", "K-CLEAR"),
    rules=("storage",),
)
def without_cookies(asked: Asked) -> Finding:
    """The page of choices is asked for as by a browser that keeps nothing."""
    request = RequestFactory().get(f"/w/{asked.workspace_id}/choices/")
    page = public_views.start(request, asked.workspace_id)
    text = page.content.decode()
    has_link = f"/w/{asked.workspace_id}/cookies/" in text
    strange = sorted(set(page.cookies) - storage.own_cookies().keys())
    return Finding(
        page.status_code == 200 and has_link and not strange,
        _("The page answered {status}; it leads to the register of what is kept: {link}"),
        {"status": page.status_code, "link": has_link, "strange": len(strange)},
    )


@probe(
    "basis.device-permissions",
    _("No page may ask for microphone, camera or place"),
    keys=("S-PERM-NEED", "S-PERM-CONS", "S-PERM-CHANGE"),
    rules=("security",),
    scope=Scope.INSTALLATION,
)
def device_permissions(asked: Asked) -> Finding:
    """The header of a page as a stranger is answered it, through all layers of the site."""
    header = _headers().get("Permissions-Policy", "")
    allowed = [name for name in ("camera", "microphone", "geolocation") if f"{name}=()" not in header]
    return Finding(
        not allowed, _("{allowed} of 3 permissions of the device may be asked for"), {"allowed": len(allowed)}
    )


def _headers() -> Mapping[str, str]:
    """What goes with the page of signing in, which everybody sees first."""
    return visit(reverse("account_login")).headers


@probe(
    "basis.no-other-host",
    _("Pages load nothing from other hosts"),
    keys=("K-ANALYT", "K-MKT"),
    rules=("storage.keys",),
    scope=Scope.INSTALLATION,
)
def no_other_host(asked: Asked) -> Finding:
    """What the header of a page, as a stranger is answered it, lets a browser load; without the header, anything."""
    allowed = [words.split() for words in _headers().get("Content-Security-Policy", "").split(";") if words.strip()]
    elsewhere = [
        source
        for directive, *sources in allowed
        for source in sources
        if directive not in {"frame-ancestors", "base-uri"} and _is_elsewhere(source)
    ]
    is_closed = any(directive == "default-src" for directive, *_sources in allowed)
    return Finding(
        is_closed and not elsewhere,
        _("pages may load from {elsewhere} other hosts")
        if is_closed
        else _("pages do not tell browsers from where they may load: the header Content-Security-Policy is missing"),
        {"elsewhere": len(elsewhere)},
    )


def _is_elsewhere(source: str) -> bool:
    """Whether a source of the header is another host; the server of live events is this one, on the port above."""
    if not source.startswith(("http", "*", "ws")):
        return False
    return urlsplit(source).hostname != urlsplit(settings.BASE_URL).hostname


@probe(
    "basis.links",
    _("Links do not tell other sites where the reader comes from"),
    keys=("L-THIRD",),
    rules=("storage.signals", "policy"),
    scope=Scope.INSTALLATION,
)
def links(asked: Asked) -> Finding:
    """The header about what is told to other sites, as a stranger is answered it."""
    told = _headers().get("Referrer-Policy", "")
    is_silent = told in {"same-origin", "no-referrer"}
    return Finding(
        is_silent,
        _("other sites are told: {told}") if told else _("browsers are not told what to tell: the header is missing"),
        {"told": "nothing" if is_silent else told},
    )
