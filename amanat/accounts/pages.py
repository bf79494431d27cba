"""Routes of pages by their shape: one that shows, one with a form, an act behind a button. `core.routes` declares them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from django.http import HttpResponseBase
from django.urls import URLPattern
from django.views import View

from amanat.accounts.access import WRITES
from amanat.core import routes
from amanat.core.limits import Limit
from amanat.core.routes import Rule

Page = Callable[..., HttpResponseBase] | type[View]


def page(pattern: str, view: Page, name: str, rule: Rule, *records: str, **more: Any) -> URLPattern:
    """A page that only shows. `records` names the ledger events its view writes; `more` is as in `routes.route`."""
    answers = cast(Any, view).as_view() if isinstance(view, type) else view
    return routes.route(pattern, answers, name=name, rule=rule, records=records, **more)


def form(
    pattern: str, view: Page, name: str, rule: Rule, *records: str, limits: Sequence[Limit] = WRITES, **more: Any
) -> URLPattern:
    """A page with a form: shown by GET, sent by POST."""
    return page(pattern, view, name, rule, *records, methods=("GET", "POST"), limits=limits, **more)


def act(pattern: str, view: Page, name: str, rule: Rule, *records: str, fresh: bool = False) -> URLPattern:
    """What a button does: POST alone, and a redirect."""
    return page(pattern, view, name, rule, *records, methods=("POST",), limits=WRITES, fresh=fresh)
