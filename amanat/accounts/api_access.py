"""The rule of API routes: a token, its scope, its member's permission; one transaction; repeats answered once.

`needs(...)` marks each operation with what it requires; `ApiTokens` reads the marks of a path's operations by method.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from amanat.accounts import access, api_tokens
from amanat.accounts.access import MemberRequest
from amanat.accounts.models import ApiToken, Member
from amanat.accounts.permissions import May
from amanat.core import clock, ids, tenancy
from amanat.core.models import IdempotentAnswer
from amanat.core.routes import Route

Run = Callable[[], HttpResponseBase]
KEY_LENGTH = 255


class ApiRequest(MemberRequest):
    """A request that `ApiTokens` admitted."""

    token: ApiToken


@dataclass(frozen=True)
class Needs:
    scope: str
    permission: May


def needs(scope: str, permission: May) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say which scope a token and which permission its member must have for this operation."""

    def mark(operation: Callable[..., Any]) -> Callable[..., Any]:
        operation.needs = Needs(scope, permission)  # type: ignore[attr-defined]
        return operation

    return mark


def problem(status: int, title: str, *, detail: str = "", errors: list[dict[str, str]] | None = None) -> HttpResponse:
    """A refusal after RFC 9457; `errors` lists each wrong field as {"pointer": "/phones/0", "detail": "..."}."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    return HttpResponse(json.dumps(body), status=status, content_type="application/problem+json")


@dataclass(frozen=True)
class ApiTokens:
    """Whoever holds a token with the scope, whose member has the permission. `by_method` maps GET, POST ... to needs."""

    by_method: Mapping[str, Needs] = field(hash=False)

    @property
    def name(self) -> str:
        marks = ", ".join(f"{method} {mark.scope}" for method, mark in sorted(self.by_method.items()))
        return f"token with {marks}"

    def admit(self, request: HttpRequest, route: Route, run: Run) -> HttpResponseBase:
        workspace_id = api_tokens.workspace_of(request.headers.get("Authorization", ""))
        if workspace_id is None:
            return _unknown_token()
        with tenancy.inside(workspace_id):
            response = self._admit_inside(cast(ApiRequest, request), workspace_id, route, run)
            if response.status_code >= 400:
                transaction.set_rollback(True)
        return response

    def _admit_inside(self, request: ApiRequest, workspace_id: UUID, route: Route, run: Run) -> HttpResponseBase:
        found = api_tokens.authenticate(request.headers.get("Authorization", ""))
        if found is None:
            return _unknown_token()
        request.token, request.member = found
        request.workspace = request.member.workspace
        needed = self.by_method["GET" if request.method == "HEAD" else str(request.method)]
        if needed.scope not in request.token.scopes:
            return problem(403, "The token lacks a scope", detail=f"This needs the scope {needed.scope}.")
        if not request.member.may(needed.permission):
            return problem(403, "The member may not do this", detail=f"This needs: {needed.permission.value}.")
        if request.method not in ("GET", "HEAD"):
            access.name_actor(request.member.id)
        with timezone.override(ZoneInfo(request.workspace.time_zone)):
            key = request.headers.get("Idempotency-Key", "")
            if request.method != "POST" or not key:
                return run()
            if len(key) > KEY_LENGTH:
                return problem(400, "The Idempotency-Key is too long", detail=f"At most {KEY_LENGTH} characters.")
            return once(request.member, route.name, key, request.body, cast(Callable[[], HttpResponse], run))


def _unknown_token() -> HttpResponse:
    response = problem(401, "A valid token is needed", detail="Send it as Authorization: Bearer amt_...")
    response["WWW-Authenticate"] = "Bearer"
    return response


def once(member: Member, route: str, key: str, body: bytes, run: Callable[[], HttpResponse]) -> HttpResponse:
    """Run a POST once for a key: repeats within seven days get the first answer, parallel ones wait for it.

    The row is inserted before the work, in the same transaction: a second caller blocks on the unique key until the
    first has committed or rolled back. A refused request rolls its row back, so it may be tried again.
    """
    digest = hashlib.sha256(body).hexdigest()
    mine = IdempotentAnswer(
        id=ids.new(),
        workspace_id=member.workspace_id,
        member_id=member.id,
        route=route,
        key=key,
        request_digest=digest,
        created_at=clock.now(),
    )
    IdempotentAnswer.objects.bulk_create([mine], ignore_conflicts=True)
    row = IdempotentAnswer.objects.of(member.workspace_id).get(member_id=member.id, route=route, key=key)
    if row.id != mine.id:
        if row.request_digest != digest:
            return problem(422, "The Idempotency-Key was used for another request", detail="Use a new key for new content.")
        answer = HttpResponse(bytes(row.body or b""), status=row.status or 200, content_type="application/json")
        answer["Idempotent-Replayed"] = "true"
        return answer
    response = run()
    if response.status_code < 400:
        row.status, row.body = response.status_code, response.content
        row.save(update_fields=["status", "body"])
    return response
