"""Nothing undeclared reaches a reader's device: the outermost layer looks at every answer's cookies and drops the rest."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase

from amanat.basis import rules, storage
from amanat.core import tenancy
from amanat.policy.format import Policy
from amanat.publishing.versions import NoWorkspace

log = logging.getLogger(__name__)
type GetResponse = Callable[[HttpRequest], HttpResponseBase]
_OF_A_WORKSPACE = re.compile(r"/w/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/")


def declared_storage_only(get_response: GetResponse) -> GetResponse:
    """Drop every cookie that is neither the site's own nor declared and agreed to; shorten those that would stay too long."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.cookies or response.has_header("Set-Cookie"):
            _clean(request, response)
        return response

    return middleware


def _clean(request: HttpRequest, response: HttpResponseBase) -> None:
    if response.has_header("Set-Cookie"):  # written past the cookie jar, where nobody can tell what it is
        del response["Set-Cookie"]
        log.warning("undeclared cookie dropped", extra={"cookie": "written as a header"})
    own = storage.own_cookies()
    others = [name for name in response.cookies if name not in own]
    here = workspace_of(request) if others else None
    policy = _policy(here) if here else None
    said = response.cookies.get(storage.CHOICE_COOKIE)  # what is chosen with this very request holds for its answer
    chosen = storage.choice(request, here, now=said.value if said else None) if here else None
    for name in list(response.cookies):
        morsel = response.cookies[name]
        if morsel["max-age"] in (0, "0"):
            continue  # it takes one away
        if not storage.may_set(name, policy, chosen):
            del response.cookies[name]
            if name in request.COOKIES:  # it came while it was agreed to
                response.delete_cookie(name, samesite="Lax")
            log.warning("undeclared cookie dropped", extra={"cookie": name[:60]})
            continue
        life = storage.life_of(name, policy)
        if life is not None and _is_longer(morsel["max-age"], morsel["expires"], life):
            morsel["max-age"], morsel["expires"] = int(life.total_seconds()), ""


def _is_longer(max_age: object, expires: object, life: timedelta) -> bool:
    """A cookie without an age ends with the browser; one with a date alone is given an age instead."""
    if max_age in ("", None):
        return bool(expires)
    return int(str(max_age)) > life.total_seconds()


def workspace_of(request: HttpRequest) -> UUID | None:
    """The workspace whose public page is asked for."""
    found = _OF_A_WORKSPACE.match(request.path_info)
    return UUID(found[1]) if found else None


def _policy(workspace_id: UUID) -> Policy | None:
    try:
        with tenancy.inside(workspace_id):
            return rules.of(workspace_id).policy
    except (NoWorkspace, DatabaseError):
        return None
