"""A program that talks to the API with a token, for tests."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

from django.test import Client

from amanat.accounts import api_tokens
from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy

PREFIX = "/api/v1"


_computers = itertools.count()


def another_computer() -> str:
    """An address that no other caller of this run has, so that their wrong tokens are not counted together."""
    number = next(_computers)
    return f"198.{18 + number // 65_536 % 2}.{number // 256 % 256}.{number % 256}"


class Program:
    """Sends JSON with a token from a computer of its own; `post("/contacts", {...})` answers like Django's test client."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.client = Client(enforce_csrf_checks=True, REMOTE_ADDR=another_computer())

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        path = path if path.startswith(PREFIX) else f"{PREFIX}{path}"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            given.setdefault("Authorization", f"Bearer {self.token}")
        return self.client.generic(method, path, content, content_type="application/json", headers=given)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, **headers)

    def upload(self, path: str, fields: dict[str, Any], **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"{PREFIX}{path}", fields, headers={"Authorization": f"Bearer {self.token}", **given})


def token_of(member: Member, *scopes: str) -> str:
    """The text of a new token; without scopes it has them all."""
    with tenancy.inside(member.workspace_id):
        _token, text = api_tokens.make(
            member=member,
            name="Tally sync",
            scopes=scopes or api_tokens.Scope.values,
            expires_at=clock.now() + timedelta(days=29),
            at=clock.now(),
        )
    return text


def program(member: Member, *scopes: str) -> Program:
    return Program(token_of(member, *scopes))


def owners_program(workspace: Workspace, *scopes: str) -> Program:
    return program(owner_of(workspace), *scopes)
