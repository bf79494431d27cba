"""The one route table: every route says who may call it, how often, whether it needs a fresh sign-in, what it records.

`route()` is the only way to make a URL pattern; a system check stops the start when a pattern was made otherwise. The
isolation matrix of the tests is generated from `table()`. What a `Rule` means is decided above, in `accounts.access`:
it gets the request and a function that runs the view, and answers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.utils.translation import gettext as _

from amanat.core import diskspace, limits, outbox
from amanat.core.limits import Limit

View = Callable[..., HttpResponseBase]
#: The purpose of a route that names no other: carrying out what people came for.
SERVICE = "service"


class Rule(Protocol):
    """Who may call a route. `name` stands in the table; `admit` runs the view or refuses."""

    @property
    def name(self) -> str: ...

    def admit(self, request: HttpRequest, route: Route, run: Callable[[], HttpResponseBase]) -> HttpResponseBase: ...


@dataclass(frozen=True)
class Route:
    """One line of the table.

    `methods` are those the view answers. `fresh` asks for a sign-in not older than 15 minutes. `records` names the
    ledger events the route writes itself. `limits` are spent for the methods in `limited` (default: unsafe ones).
    """

    name: str
    path: str
    rule: Rule
    methods: tuple[str, ...]
    limits: tuple[Limit, ...] = ()
    limited: tuple[str, ...] = ("POST", "PUT", "PATCH", "DELETE")
    fresh: bool = False
    records: tuple[str, ...] = ()
    purpose: str = SERVICE  #: why a member reads personal data there: a purpose of the policy
    view: View = field(repr=False, compare=False, default=lambda request: HttpResponse(status=500))


@dataclass(frozen=True)
class Anyone:
    """A public route: it must not read a workspace's rows, or names the workspace itself from a signed link."""

    name: str = "anyone"

    def admit(self, request: HttpRequest, route: Route, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        return run()


anyone = Anyone()

#: Tokens that nobody has, from one network: each would have a count of its own.
STRANGERS, _STRANGERS = Limit(60, timedelta(minutes=1)), "unknown token"

_table: dict[str, Route] = {}


def table() -> dict[str, Route]:
    """All declared routes by name."""
    return dict(_table)


def route(
    pattern: str,
    view: View,
    *,
    name: str,
    rule: Rule,
    methods: Sequence[str] = ("GET",),
    limits: Sequence[Limit] = (),
    limited: Sequence[str] = ("POST", "PUT", "PATCH", "DELETE"),
    fresh: bool = False,
    records: Sequence[str] = (),
    purpose: str = SERVICE,
) -> URLPattern:
    """Declare a route and make its URL pattern."""
    declared = Route(
        name,
        pattern,
        rule,
        tuple(methods),
        tuple(limits),
        tuple(limited),
        fresh=fresh,
        records=tuple(records),
        purpose=purpose,
        view=view,
    )
    if name in _table and _table[name].path != pattern:
        raise ValueError(f"two routes are called {name}")
    _table[name] = declared
    return path(pattern, guarded(declared), name=name)


def guarded(declared: Route) -> View:
    """The view of a route behind its rule and its limits."""

    @functools.wraps(declared.view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in declared.methods:
            response = refusal(request, 405)
            response["Allow"] = ", ".join(declared.methods)
            return response
        if method != "GET" and declared.rule is not anyone and diskspace.is_short():  # one may always sign in and read
            return refusal(request, 503)
        over = _over_limit(request, declared)
        if over is not None:
            return over
        try:
            return declared.rule.admit(request, declared, functools.partial(declared.view, request, *args, **kwargs))
        except outbox.NotSent:  # outside of any transaction: nothing of the request is kept
            return refusal(request, 502)

    answer.route = declared  # type: ignore[attr-defined]
    return answer


def _over_limit(request: HttpRequest, declared: Route) -> HttpResponseBase | None:
    method = "GET" if request.method == "HEAD" else request.method
    for limit in declared.limits:
        if method not in (limit.methods or declared.limited):
            continue
        whose = _whose(request, limit)
        if not whose:
            continue
        verdict = limits.spend(limit.name or declared.name, whose, limit)
        if not verdict.allowed:
            return _too_often(request, verdict.retry_after)
    return None


def _too_often(request: HttpRequest, seconds: int) -> HttpResponse:
    response = refusal(request, 429)
    response["Retry-After"] = str(seconds)
    return response


def count_stranger(request: HttpRequest, declared: Route) -> HttpResponse | None:
    """A token nobody has: what was counted for it goes, and where it came from is counted instead. Outside of any transaction.

    The refusal when too many of them come from there. Who has a token is let in from there all the same.
    """
    for limit in declared.limits:
        if limit.per == "token":
            limits.forgive(limit.name or declared.name, _whose(request, limit), limit)
    verdict = limits.spend(_STRANGERS, _network(request), STRANGERS)
    return None if verdict.allowed else _too_often(request, verdict.retry_after)


def _network(request: HttpRequest) -> str:
    return limits.network_of(str(request.META.get("REMOTE_ADDR", "")))


def _whose(request: HttpRequest, limit: Limit) -> str:
    if limit.per == "address":
        return _network(request)
    if limit.per == "account":
        return next((request.POST[key] for key in ("login", "email", "phone") if request.POST.get(key)), "")
    if limit.per == "session":
        return request.session.session_key or ""
    if limit.per == "token":
        # Without the word before it and its blanks, which could be written in many ways.
        token = request.headers.get("Authorization", "").split()[-1:]
        return token[0] if token else _network(request)
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else ""


def refusal(request: HttpRequest, status: int) -> HttpResponse:
    """A refusal in words, as a page for people and as a problem (RFC 9457) for programs."""
    titles = {
        400: _("This request makes no sense"),
        403: _("You may not do this"),
        404: _("Not found"),
        405: _("This cannot be done here"),
        408: _("That took too long to arrive"),
        412: _("You have gone to another workspace meanwhile"),
        413: _("This is too large"),
        423: _("This workspace is being closed: it can only be read"),
        429: _("Too many tries. Wait a little and try again."),
        502: _("The message could not be sent"),
        503: _("Nothing can be saved at the moment: the disk is nearly full"),
    }
    if request.path.startswith("/api/"):
        from django.http import JsonResponse

        problem = {"type": "about:blank", "title": titles[status], "status": status}
        return JsonResponse(problem, status=status, content_type="application/problem+json")
    template = "400.html" if status in {405, 408} else f"{status}.html"
    return render(request, template, {"title": titles[status]}, status=status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Whatever no route answers to; Django calls it."""
    return refusal(request, 404)


def addresses() -> dict[str, Route]:
    """The declared routes by their whole pattern, prefixes of includes and all."""
    walked = _walk(get_resolver().url_patterns)
    return {pattern: callback.route for pattern, callback in walked if hasattr(callback, "route")}


def undeclared() -> list[str]:
    """Patterns that were not made by `route()`."""
    return [pattern for pattern, callback in _walk(get_resolver().url_patterns) if not hasattr(callback, "route")]


def _walk(patterns: Sequence[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        here = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here)
        else:
            yield here, pattern.callback
