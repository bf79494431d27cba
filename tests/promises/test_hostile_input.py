"""Hostile values in every field of every route: never an error of ours, and a refused request changes no row.

Which fields a route reads is not written down here: each route is first asked with an empty form, and what it looked for
is noted. A field added tomorrow is in this test tomorrow.

Every value goes into all fields at once. What a field's own check refused needs no second try: alone it would be refused in the same
way. Values that got past it, or that no form looked at, are sent again among plausible ones, so that they reach what lies behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.forms.forms import BaseForm
from django.http import QueryDict
from django.test import Client

from amanat import api
from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.accounts.tests.api_client import owners_program
from amanat.core import routes, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.routes import Route
from amanat.core.tenancy import WorkspaceRow
from amanat.web.templatetags.amanat import IN_WORKSPACE
from tests.promises import cast
from tests.promises.cast import undone, unrendered
from tests.promises.test_api import BODIES, ROWS
from tests.promises.test_isolation import url_of

pytestmark = pytest.mark.slow  # every form with every bad value takes a minute in all

type Try = tuple[str, dict[str, str], bool]  # what it is called, the fields, whether the page is rendered

HOSTILE: dict[str, str] = {
    "nothing": "",
    "NUL": "a\x00b",
    "long": "x" * 100_000,
    "lone surrogate": "a\ud800b",
    "huge number": "9" * 400,
    "beyond bigint": "92233720368547758.08",
    "first day": "0001-01-01",
    "last day": "9999-12-31",
    "digits of another script": "१२३४५६७८९०²",
    "controls": "a\r\nBcc: x@example.in\x1b\u202e\u2028",
    "object": '{"a": [1, {"b": "\\u0000"}]}',
    "deep": "[" * 20_000,
    "markup": "<svg onload=alert(1)>{{7*7}}{% x %}%s%(a)s",
    "nobody's id": str(UUID(int=0)),
    "path": "../../../etc/passwd",
}
#: Also among plausible values in the other fields: these get past more checks than the rest.
ALONE = ("NUL", "beyond bigint", "last day", "object")

PLAUSIBLE: dict[str, str] = {
    "name": "Asha Patil", "title": "Call back", "subject": "Call back", "text": "Came by", "email": "asha@example.in",
    "phone": "+919822041737", "due_on": "2026-12-02", "day": "2026-12-02", "amount": "100.00", "method": "cash",
    "kind": "note", "label": "Home", "format": "csv", "scope": "contacts", "on": "contact", "role": "agent",
    "sort": "-created", "act": "follow_up_on", "time": "10:30", "what": "stage", "key": "passport", "sees": "all", "password": "correct horse 88",
}  # fmt: skip
#: The walk is cut into so many tests.
PARTS = 4  # each fills a workspace of its own
PLACE = re.compile(r"\{(\w+)\}")


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
        last = "due_on" if name.endswith("_on") else name.rsplit("-", 1)[-1]
        found[name] = PLAUSIBLE.get(last) or ids.get(last.removesuffix("_id").replace("_", "")) or "1"
    return found


@dataclass
class Checks:
    """What the forms of a request thought of each field's own value, before they compared fields with each other."""

    looked_at: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    @property
    def taken(self) -> set[str]:
        return self.looked_at - self.refused


@contextmanager
def checked() -> Iterator[Checks]:
    """Notes what the forms think while this is open."""
    found, clean = Checks(), BaseForm._clean_fields

    def noting(form: Any) -> None:
        clean(form)
        found.looked_at |= {form.add_prefix(name) for name in form.fields}
        found.refused |= {form.add_prefix(name) for name in form.errors}

    BaseForm._clean_fields = noting  # type: ignore[method-assign]
    try:
        yield found
    finally:
        BaseForm._clean_fields = clean  # type: ignore[method-assign]


def _everywhere(names: set[str], turn: int) -> Iterator[Try]:
    """Each value in all fields. Every third is also shown again in the page, from route to route another third.

    Where nothing is read, one request tells all.
    """
    for number, word in enumerate(HOSTILE if names else list(HOSTILE)[:1]):
        yield word, dict.fromkeys(names, HOSTILE[word]), (number + turn) % 3 == 0


def _alone(word: str, names: set[str], fitting: dict[str, str]) -> Iterator[Try]:
    """One field at a time; of the four values that a field gets alone one is shown again, from field to field another."""
    for place, name in enumerate(sorted(names)):
        yield f"{word} in {name}", fitting | {name: HOSTILE[word]}, ALONE.index(word) == place % len(ALONE)


@pytest.fixture
def stage(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, WorkspaceRow]:
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    return cast.fill(shree)


@pytest.mark.parametrize("number", range(PARTS))
def test_hostile_forms_make_no_error_of_ours(number: int, stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    found = _walk("POST", number, stage, shree)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("number", range(PARTS))
def test_hostile_addresses_make_no_error_of_ours(number: int, stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    found = _walk("GET", number, stage, shree)
    assert found == [], "\n".join(found)


def test_hostile_forms_of_strangers_make_no_error_of_ours(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    """Signed out, at the doors that stand open."""
    doors = [(pattern, route) for pattern, route in _of("POST") if route.rule is routes.anyone]
    found = _send_all("POST", doors, Client(), stage, shree, is_quick=True)
    assert found == [], "\n".join(found)


def _walk(method: str, number: int, stage: dict[str, WorkspaceRow], shree: Workspace) -> list[str]:
    client = factories.signed_in(factories.owner_of(shree))
    return _send_all(method, _of(method)[number::PARTS], client, stage, shree, is_quick=method == "GET")


def _of(method: str) -> list[tuple[str, Route]]:
    return [
        (pattern, route)
        for pattern, route in sorted(routes.addresses().items())
        if method in route.methods and not pattern.startswith("api/")
    ]


def _send_all(
    method: str, chosen: list[tuple[str, Route]], client: Client, stage: dict[str, WorkspaceRow], shree: Workspace,
    *, is_quick: bool = False,
) -> list[str]:  # fmt: skip
    client.raise_request_exception = False
    found: list[str] = []
    before = _changes(shree)

    def send(tried: Try) -> int:
        what, fields, is_rendered = tried
        with nullcontext() if is_rendered else unrendered():
            status, after, error = _ask(client, method, url, fields, shree=shree)
        if status >= 500 and route.name != "healthz":
            found.append(f"{method} {route.path}, {what}: {status} {error}")
        if after not in (None, before):
            found.append(f"{method} {route.path}, {what}: refused with {status}, but a row changed")
        return int(status)

    for turn, (pattern, route) in enumerate(chosen):
        url = url_of(pattern, route, stage, shree)
        names = read_by(client, method, url, stage)
        checks = {}
        for tried in _everywhere(names, turn):
            with checked() as checks[tried[0]]:
                send((f"{tried[0]} everywhere", *tried[1:]))
        if not is_quick and len(names) > 1:  # one field has had them all
            fitting = plausible(names, stage)
            is_fine = send(("plausible values", fitting, False)) < 400
            for number, word in enumerate(ALONE):
                taken = checks[word].taken & names
                is_shown = number == turn % len(ALONE)
                together = (
                    f"{word} in {', '.join(sorted(taken))}",
                    fitting | dict.fromkeys(taken, HOSTILE[word]),
                    is_shown,
                )
                is_blocked = len(taken) > 0 and send(together) >= 400 and is_fine and len(taken) > 1
                for tried in _alone(word, names - checks[word].looked_at | (taken if is_blocked else set()), fitting):
                    send(tried)
    return found


def _changes(workspace: Workspace) -> int:
    """How many changes of rows the database itself has written into the ledger (a trigger of every table)."""
    with tenancy.inside(workspace):
        return LedgerEntry.objects.of(workspace).count()


#: What stands in every form and is looked at before its route: with another value none would be reached.
_OF_EVERY_FORM = {"csrfmiddlewaretoken", IN_WORKSPACE}


def read_by(client: Client, method: str, url: str, rows: dict[str, WorkspaceRow]) -> set[str]:
    """The fields a route looks for: those of an empty form, then those it asks for once these are given, and again."""
    names: set[str] = set()
    for step in range(3):
        with noted() as found, unrendered() if step else nullcontext():  # a page may look for some too
            _ask(client, method, url, plausible(names, rows))
        found -= _OF_EVERY_FORM
        if found <= names:
            break
        names |= found
    return names


def _ask(client: Client, method: str, url: str, fields: dict[str, str], *, shree: Workspace | None = None) -> Any:
    """The status; how many changes the ledger has after a refusal; what was raised. Whatever it did is undone."""
    fields = {name: value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for name, value in fields.items()}
    with undone(client):
        if method == "GET":
            response: Any = client.get(url, {name: value[:4000] for name, value in fields.items()})
        else:
            response = client.post(url, fields)
        if response.streaming:
            list(response.streaming_content)
        refused = 400 <= response.status_code < 500 and method != "GET" and shree is not None
        after = _changes(shree) if refused and shree else None
    return response.status_code, after, repr(response.exc_info[1])[:300] if response.exc_info else ""


#: The same for programs: values of the wrong kind, beyond what a column holds, beyond what a text may be.
HOSTILE_JSON: dict[str, Any] = {
    "NUL": "a\x00b", "lone surrogate": "a\ud800b", "long": "x" * 100_000, "huge number": 10**400, "beyond bigint": 2**63,
    "negative": -1, "fraction": 0.5, "first day": "0001-01-01", "last day": "9999-12-31", "array": [[1]], "object": {"a": {"b": 1}},
    "nothing": None,
}  # fmt: skip


@pytest.mark.parametrize("part", range(2))
def test_hostile_json_makes_no_error_of_ours(part: int, stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    """As with forms: everywhere; then among good values those that were not refused by name."""
    program, found = owners_program(shree), []
    before = _changes(shree)

    def send(method: str, path: str, body: dict[str, Any], what: str) -> Any:
        url = PLACE.sub(lambda match: str(stage[ROWS[match[1]]].pk), path)
        with transaction.atomic():
            response = program.send(method, url, body)
            changed = response.status_code >= 400 and _changes(shree) != before
            transaction.set_rollback(True)
        if response.status_code >= 500 or changed:
            found.append(f"{method} {path}, {what}: {response.status_code}, changed: {changed}")
        return response

    for (method, path), body in sorted(BODIES.items())[part::2]:
        filled = {
            name: str(stage[value].pk) if value in stage else value
            for name, value in body.items()
            if isinstance(value, str)
        }
        good = body | filled
        names = _properties(method, path) | set(body)
        is_fine = send(method, path, good, "good values").status_code < 400
        for word, value in HOSTILE_JSON.items():
            response = send(method, path, dict.fromkeys(names, value), f"{word} everywhere")
            if response.status_code == 400:  # no body that holds it is read at all
                continue
            taken = names - _refused_by_name(response)
            together = send(method, path, good | dict.fromkeys(taken, value), f"{word} in {', '.join(sorted(taken))}")
            if together.status_code >= 400 and is_fine and len(taken) > 1:
                for name in sorted(taken):
                    send(method, path, good | {name: value}, f"{word} in {name}")
    assert found == [], "\n".join(found)


def _refused_by_name(response: Any) -> set[str]:
    """The fields of the body that a refusal points at."""
    errors = json.loads(response.content).get("errors", []) if response.status_code == 422 else []
    return {str(error.get("pointer", "")).split("/")[1] for error in errors if "/" in str(error.get("pointer", ""))}


@cache
def _described() -> Any:
    return json.loads(api.document())


def _properties(method: str, path: str) -> set[str]:
    """The names that an operation takes in its body, as its description says."""
    described = _described()
    said = described["paths"][f"/api/v1{path}"][method.lower()].get("requestBody", {})
    shape = said.get("content", {}).get("application/json", {}).get("schema", {})
    name = shape.get("$ref", "").rpartition("/")[2]
    return set(described["components"]["schemas"].get(name, shape).get("properties", {}))


NO_JSON = (
    b"[" * 100_000,
    b'{"name": "' + b"\xff" * 10 + b'"}',
    b"\x00",
    b"{",
    b"1e99999",
    b'"' + b"x" * 3_000_000 + b'"',
)


def test_a_body_that_is_no_json_is_refused(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    program = owners_program(shree)
    before = cast.digest(shree)
    for body in NO_JSON:
        assert program.post("/contacts", body).status_code in {400, 413, 422}, body[:20]
        assert cast.digest(shree) == before, body[:20]
