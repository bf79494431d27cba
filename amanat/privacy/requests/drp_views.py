"""The Data Rights Protocol 1.0 over HTTP: signed messages in, status objects out. Every refusal is a JSON object (section 3.06)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from amanat.accounts.models import Workspace
from amanat.basis import public_views
from amanat.core import clock, tenancy
from amanat.privacy.requests import agents, following
from amanat.privacy.requests.agents import MessageRefused

type Answer = Callable[[Workspace], HttpResponse]


def business(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """What a directory lists of the business."""
    with tenancy.inside(workspace_id):
        return JsonResponse(agents.business(public_views.workspace_of(workspace_id)))


@csrf_exempt
def exercise(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    def answer(workspace: Workspace) -> HttpResponse:
        agent = agents.with_token(workspace, _authorization(request))
        made = agents.exercise(workspace=workspace, agent=agent, body=_body(request), at=clock.now())
        return JsonResponse(agents.state_of(made))

    return _answered(workspace_id, answer)


@csrf_exempt
def one(request: HttpRequest, workspace_id: UUID, request_id: UUID) -> HttpResponse:
    """GET says how it stands, DELETE takes it back."""

    def answer(workspace: Workspace) -> HttpResponse:
        agent = agents.with_token(workspace, _authorization(request))
        if request.method == "DELETE":
            found = agents.revoke(
                workspace=workspace, agent=agent, request_id=request_id, body=_body(request), at=clock.now()
            )
        else:
            found = agents.of_agent(workspace=workspace, agent=agent, request_id=request_id)
            if following.follow_one(found, at=clock.now()):
                found.refresh_from_db()
        return JsonResponse(agents.state_of(found))

    return _answered(workspace_id, answer)


@csrf_exempt
def agent(request: HttpRequest, workspace_id: UUID, agent_id: str) -> HttpResponse:
    """POST pairs an agent with a token, GET says whether its token still works."""

    def answer(workspace: Workspace) -> HttpResponse:
        if request.method == "POST":
            token = agents.pair(workspace=workspace, agent_id=agent_id, body=_body(request), at=clock.now())
            return JsonResponse({"agent-id": agent_id, "token": token})
        if agents.with_token(workspace, _authorization(request)).agent_id != agent_id:
            raise MessageRefused(403, "The token is of another agent.")
        return JsonResponse({})

    return _answered(workspace_id, answer)


def _answered(workspace_id: UUID, answer: Answer) -> HttpResponse:
    """The answer, or the refusal; a refused message leaves no trace but its use."""
    with tenancy.inside(workspace_id):
        workspace = public_views.workspace_of(workspace_id)
        try:
            response = answer(workspace)
        except MessageRefused as refused:
            if not refused.message:
                return HttpResponse(status=refused.status)
            said: dict[str, Any] = {"code": str(refused.status), "message": refused.message}
            if refused.is_fatal:
                said["fatal"] = True
            response = JsonResponse(said, status=refused.status)
    response["Cache-Control"] = "no-store"
    return response


def _authorization(request: HttpRequest) -> str:
    return request.headers.get("Authorization", "")


def _body(request: HttpRequest) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not str(length).isdigit() or int(length) > agents.MOST_BYTES:
        raise MessageRefused(413, "The message is too large.")
    return request.body
