"""The rule of API routes: a token, its scope, its member's permission; one transaction; repeats answered once.

`needs(...)` marks each operation with what it requires; `ApiTokens` reads the marks of a path's operations by method.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from amanat.accounts import access, api_tokens, second_factors
from amanat.accounts.access import MemberRequest
from amanat.accounts.models import ApiToken, Member
from amanat.accounts.permissions import May
from amanat.core import bodies, clock, ids, routes, tenancy
from amanat.core.limits import Limit
from amanat.core.models import IdempotentAnswer
from amanat.core.routes import Route

Run = Callable[[], HttpResponseBase]
#: The longest Idempotency-Key, and how long its answer is kept.
KEY_LENGTH = 255
KEPT_FOR = timedelta(days=7)
_MINUTE = timedelta(minutes=1)
#: One count for all routes of the API together, so that many routes do not make many allowances.
LIMITS = (
    Limit(1200, _MINUTE, per="token", name="api reads", methods=("GET",)),
    Limit(600, _MINUTE, per="token", name="api writes", methods=("POST", "PUT", "PATCH", "DELETE")),
)
_KEPT_HEADERS = ("Location", "ETag")


class ApiRequest(MemberRequest):
    """A request that `ApiTokens` admitted."""

    token: ApiToken


@dataclass(frozen=True)
class Needs:
    """What an operation requires: a scope of the token (any of them where it is empty) and a permission of its member."""

    scope: str
    permission: May | None


def needs(scope: str, permission: May | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say which scope a token and which permission its member must have for this operation."""

    def mark(operation: Callable[..., Any]) -> Callable[..., Any]:
        operation.needs = Needs(scope, permission)  # type: ignore[attr-defined]
        return operation

    return mark


def problem(status: int, title: str, *, detail: str = "", errors: list[dict[str, str]] | None = None) -> HttpResponse:
    """A refusal after RFC 9457. `errors` lists each wrong value as {"pointer": "/phones/0", "detail": "..."}, or with
    "parameter" in place of the pointer where it stood in the address."""
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
        marks = ", ".join(f"{method} {mark.scope or 'any scope'}" for method, mark in sorted(self.by_method.items()))
        return f"token with {marks}"

    def admit(self, request: HttpRequest, route: Route, run: Run) -> HttpResponseBase:
        response = self._admit(request, route, run)
        if response.status_code == 401:
            return routes.count_stranger(request, route) or response
        return response

    def _admit(self, request: HttpRequest, route: Route, run: Run) -> HttpResponseBase:
        workspace_id = api_tokens.workspace_of(request.headers.get("Authorization", ""))
        if workspace_id is None:
            return _unknown_token()
        if _is_too_large(request):
            return problem(413, _("The request is too large"))
        if bodies.length_of(request) > bodies.SMALL:
            refused = _received(request, workspace_id)
            if refused is not None:
                return refused
        with tenancy.inside(workspace_id):
            response = self._admit_inside(cast(ApiRequest, request), route, run)
            if response.status_code >= 400:
                transaction.set_rollback(True)
        return response

    def _admit_inside(self, request: ApiRequest, route: Route, run: Run) -> HttpResponseBase:
        found = api_tokens.authenticate(request.headers.get("Authorization", ""))
        if found is None:
            return _unknown_token()
        _workspace_id, request.token, request.member = found
        request.workspace, request.purpose = request.member.workspace, route.purpose
        refused = self._refused(request)
        if refused is not None:
            return refused
        if request.method not in ("GET", "HEAD"):
            access.name_actor(request.member.id)
        with timezone.override(ZoneInfo(request.workspace.time_zone)):
            key = request.headers.get("Idempotency-Key", "")
            if request.method != "POST" or not key:
                return run()
            if len(key) > KEY_LENGTH or not key.isprintable():
                detail = _("At most %d printable characters.") % KEY_LENGTH
                return problem(400, _("The Idempotency-Key cannot be used"), detail=detail)
            return once(request.member, route.name, key, digest_of(request), cast(Callable[[], HttpResponse], run))

    def _refused(self, request: ApiRequest) -> HttpResponse | None:
        needed = self.by_method["GET" if request.method == "HEAD" else str(request.method)]
        if needed.scope and needed.scope not in request.token.scopes:
            return problem(403, _("The token lacks a scope"), detail=_("This needs the scope %s.") % needed.scope)
        if needed.permission is not None and not request.member.may(needed.permission):
            return lacks(needed.permission)
        if access.is_closing(request.workspace, request):
            return problem(423, _("The workspace is being closed: it can only be read"))
        if request.workspace.requires_mfa and not second_factors.has_one(request.member.user_id):
            detail = _("The workspace asks its members for a second factor, and the token's member has none.")
            return problem(403, _("A second factor is needed"), detail=detail)
        return None


def lacks(permission: May) -> HttpResponse:
    """The refusal of a member without a permission."""
    detail = _("This needs the permission: %s.") % permission.value
    return problem(403, _("The member may not do this"), detail=detail)


def _received(request: HttpRequest, workspace_id: UUID) -> HttpResponse | None:
    """Take a large upload in, once its token is known and before a transaction waits for it; None, or the refusal."""
    with tenancy.inside(workspace_id):
        found = api_tokens.authenticate(request.headers.get("Authorization", ""))
    if found is None:
        return _unknown_token()
    refused = bodies.receive(request, whose=str(found[1].pk), known=True)
    return (
        problem(refused, _("The request is too large") if refused == 413 else _("Try again later")) if refused else None
    )


def _is_too_large(request: HttpRequest) -> bool:
    """Whether a body that is read into memory is beyond the limit; uploads have one of their own."""
    if str(request.content_type).startswith("multipart/"):
        return False
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
    except ValueError:
        return False


def _unknown_token() -> HttpResponse:
    detail = _("Send it as Authorization: Bearer amt_...")
    response = problem(401, _("A valid token is needed"), detail=detail)
    response["WWW-Authenticate"] = "Bearer"
    return response


def digest_of(request: HttpRequest) -> str:
    """What makes two requests the same: address and content. Of an upload its parts count, not how they are separated."""
    digest = hashlib.sha256(request.get_full_path().encode())
    if str(request.content_type).startswith("multipart/"):
        for name, value in sorted(request.POST.lists()):
            digest.update(repr((name, value)).encode())
        for name, files in sorted(request.FILES.lists()):
            for file in files:
                digest.update(repr((name, file.name, file.size)).encode())
                for piece in file.chunks():
                    digest.update(piece)
                file.seek(0)
    else:
        digest.update(request.body)
    return digest.hexdigest()


def once(member: Member, route: str, key: str, digest: str, run: Callable[[], HttpResponse]) -> HttpResponse:
    """Run a POST once for a key: repeats within seven days get the first answer, parallel ones wait for it.

    The row is inserted before the work, in the same transaction: a second caller blocks on the unique key until the
    first has committed or rolled back. A refused request rolls its row back, so it may be tried again.
    """
    mine = _claimed(member, route, key, digest)
    if mine is None:
        return _repeated(member, route, key, digest)
    response = run()
    if response.status_code < 400:
        IdempotentAnswer.objects.of(member.workspace_id).filter(pk=mine).update(
            status=response.status_code, body=_kept(response)
        )
    return response


def _claimed(member: Member, route: str, key: str, digest: str) -> UUID | None:
    """The id of the new row, or None where the key was used before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_idempotentanswer (id, workspace_id, member_id, route, key, request_digest, created_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (workspace_id, member_id, route, key) DO NOTHING RETURNING id",
            [ids.new(), member.workspace_id, member.pk, route, key, digest, clock.now()],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _repeated(member: Member, route: str, key: str, digest: str) -> HttpResponse:
    row = IdempotentAnswer.objects.of(member.workspace_id).get(member_id=member.pk, route=route, key=key)
    if row.request_digest != digest:
        title = _("The Idempotency-Key was used for another request")
        return problem(422, title, detail=_("Use a new key for new content."))
    head, _blank, content = bytes(row.body or b"\n").partition(b"\n")
    response = HttpResponse(content, status=row.status or 200, content_type="application/json; charset=utf-8")
    for name, value in json.loads(head or b"{}").items():
        response[name] = value
    response["Idempotent-Replayed"] = "true"
    return response


def _kept(response: HttpResponse) -> bytes:
    """An answer as it is kept: a line of headers, then the content."""
    headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    return json.dumps(headers).encode() + b"\n" + response.content


def sweep_answers(workspace_id: UUID, *, at: datetime) -> int:
    """Delete the answers of a workspace that nobody may ask for any more; returns how many."""
    old = IdempotentAnswer.objects.of(workspace_id).filter(created_at__lt=at - KEPT_FOR)
    return old.delete()[0]
