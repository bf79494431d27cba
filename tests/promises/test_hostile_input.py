"""Hostile values in every field of every route: never an error of ours, and a refused request changes no row.

Which fields a route reads is not written down here: each route is first asked with an empty form, and what it looked for
is noted. A field added tomorrow is in this test tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.http import QueryDict
from django.test import Client

from amanat import api
from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.accounts.tests.api_client import owners_program
from amanat.core import routes, tenancy
from amanat.core.routes import Route
from amanat.core.tenancy import WorkspaceRow
from amanat.desk.models import ServiceRecord
from amanat.people.models import Company, ImportRun
from tests.promises import cast
from tests.promises.test_api import ROWS
from tests.promises.test_isolation import url_of

HOSTILE: dict[str, str] = {
    "nothing": "",
    "NUL": "a\x00b",
    "long": "x" * 100_000,
    "lone surrogate": "a\ud800b",
    "not a number": "NaN",
    "huge number": "9" * 400,
    "beyond bigint": "92233720368547758.08",
    "negative": "-1",
    "exponent": "1e400",
    "first day": "0001-01-01",
    "last day": "9999-12-31",
    "last moment": "9999-12-31T23:59",
    "digits of another script": "१२३४५६७८९०²",
    "controls": "a\r\nBcc: x@example.in\x1b\u202e\u2028",
    "object": '{"a": [1, {"b": "\\u0000"}]}',
    "array": "[[1]]",
    "deep": "[" * 20_000,
    "markup": "<svg onload=alert(1)>{{7*7}}{% x %}%s%(a)s",
    "nobody's id": str(UUID(int=0)),
    "path": "../../../etc/passwd",
}
#: One field at a time, the others plausible: these values get past more checks than the rest.
ALONE = ("NUL", "beyond bigint", "huge number", "last day", "first day", "object", "lone surrogate")

PLAUSIBLE: dict[str, str] = {
    "name": "Asha Patil", "title": "Call back", "subject": "Call back", "text": "Came by", "email": "asha@example.in",
    "phone": "+919822041737", "due_on": "2026-12-02", "day": "2026-12-02", "amount": "100.00", "method": "cash",
    "kind": "note", "label": "Home", "format": "csv", "scope": "contacts", "on": "contact", "role": "agent",
    "sort": "-created", "time": "10:30", "what": "stage", "key": "passport", "sees": "all", "password": "correct horse 88",
}  # fmt: skip
#: Signing out or choosing no workspace would end the walk; a sign-in with a secret has tests of its own.
PARTS = 10


@contextmanager
def noted() -> Iterator[set[str]]:
    """The names that are looked for in forms and addresses while this is open."""
    names: set[str] = set()
    kept = {name: getattr(QueryDict, name) for name in ("__getitem__", "get", "getlist", "__contains__")}

    def noting(method: Any) -> Any:
        def look(self: QueryDict, key: Any, *rest: Any) -> Any:
            names.add(str(key))
            return method(self, key, *rest)

        return look

    for name, method in kept.items():
        setattr(QueryDict, name, noting(method))
    try:
        yield names
    finally:
        for name, method in kept.items():
            if name in QueryDict.__dict__:
                delattr(QueryDict, name)
            if getattr(QueryDict, name) is not method:
                setattr(QueryDict, name, method)


def plausible(names: set[str], rows: dict[str, WorkspaceRow]) -> dict[str, str]:
    ids = {label.split(".")[1].lower(): str(row.pk) for label, row in rows.items()}
    ids |= {"ids": ids["contact"], "owner": ids["member"], "assignee": ids["member"], "record": ids["servicerecord"]}
    found = {}
    for name in names:
        last = name.rsplit("-", 1)[-1]
        found[name] = PLAUSIBLE.get(last) or ids.get(last.removesuffix("_id").replace("_", "")) or "1"
    return found


def _tries(names: set[str], rows: dict[str, WorkspaceRow]) -> Iterator[tuple[str, dict[str, str]]]:
    for word, value in HOSTILE.items():
        yield f"{word} everywhere", dict.fromkeys(names, value)
    fitting = plausible(names, rows)
    for name in sorted(names):
        for word in ALONE:
            yield f"{word} in {name}", fitting | {name: HOSTILE[word]}


@pytest.fixture
def stage(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, WorkspaceRow]:
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    rows = cast.fill(shree)
    with tenancy.inside(shree):  # as an import is once its file was read; the cast knows no more than "some JSON"
        mapping = {"layout": "table", "on": "contact", "columns": []}
        ImportRun.objects.of(shree).update(mapping=mapping)
        Company.objects.of(shree).update(gstin="")
        ServiceRecord.objects.of(shree).update(number=900_000)  # the counter of the workspace begins at 1
    return rows


def _part(number: int, method: str) -> list[tuple[str, Route]]:
    mine = [
        (pattern, route)
        for pattern, route in sorted(routes.addresses().items())
        if method in route.methods and not pattern.startswith("api/")
    ]
    return mine[number::PARTS]


@pytest.mark.parametrize("number", range(PARTS))
def test_hostile_forms_make_no_error_of_ours(number: int, stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    found = _walk("POST", number, stage, shree)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("number", range(PARTS))
def test_hostile_addresses_make_no_error_of_ours(number: int, stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    found = _walk("GET", number, stage, shree)
    assert found == [], "\n".join(found)


def _walk(method: str, number: int, stage: dict[str, WorkspaceRow], shree: Workspace) -> list[str]:
    client = factories.signed_in(factories.owner_of(shree))
    client.raise_request_exception = False
    found: list[str] = []
    before = cast.digest(shree)
    for pattern, route in _part(number, method):
        url = url_of(pattern, route, stage, shree)
        with noted() as names:
            _ask(client, method, url, {})
        names -= {"csrfmiddlewaretoken"}
        for what, fields in _tries(names, stage):
            status, after, error = _ask(client, method, url, fields, shree=shree)
            if status >= 500 and route.name != "healthz":
                found.append(f"{method} {route.path}, {what}: {status} {error}")
            if after not in ("", before):
                found.append(f"{method} {route.path}, {what}: refused with {status}, but a row changed")
    return found


def _ask(client: Client, method: str, url: str, fields: dict[str, str], *, shree: Workspace | None = None) -> Any:
    """The status; the digest of the rows after a refusal; what was raised. Whatever it did is undone."""
    fields = {name: value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for name, value in fields.items()}
    with transaction.atomic():
        if method == "GET":
            response: Any = client.get(url, {name: value[:4000] for name, value in fields.items()})
        else:
            response = client.post(url, fields)
        if response.streaming:
            list(response.streaming_content)
        refused = 400 <= response.status_code < 500 and method != "GET" and shree is not None
        after = cast.digest(shree) if refused and shree else ""
        transaction.set_rollback(True)
    return response.status_code, after, repr(response.exc_info[1])[:300] if response.exc_info else ""
