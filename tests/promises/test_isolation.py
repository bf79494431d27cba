"""The isolation matrix: every route of the table, eight actors, ids of another's rows in path, query and body.

An actor outside the workspace must see no canary and change no row; inside it, the lowest role must change no row and
the agent of another team must see no contact that is not hers. A refused request changes nothing at all.

Whom a route's rule turns away before the route's own code has run, is asked no more than needed: the rule looks at no field of a
form. Where the code has run, everything is tried; only a page whose very address names nothing is not asked again with more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.core import clock, ids, routes
from amanat.core.routes import Route
from amanat.core.tenancy import WorkspaceRow
from tests.promises import cast
from tests.promises.cast import CANARY, unrendered

OUTSIDE = {
    "nobody",
    "owner of another workspace",
    "ended seat",
    "disabled user",
    "expired session",
    "user without a workspace",
}
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")

#: Parameters whose name is not that of a model.
OTHER_PARAMETERS: dict[str, Any] = {
    "secret": "x" * 32,
    "token": "x" * 32,
    "number": 1,
    "path": "security.training_every",
    "pk": 1,
    "key": "canary",
    "kind": "access",
    "format": "csv",
    "year": 2026,
    "month": 12,
    "week": 48,
    "on": "contact",
    "what": "contacts",
    "device_id": "x" * 40,
    "block": "recipients",
    "name": "mail",
    "clause_id": "children",
    "trade": "agency",
    "ending": "csv",
    "agent_id": "canary",
    "recipient": "canary",
    "way": "call",
    "provider": "whatsapp_cloud",
    "language": "hi",
}


def _model_of(parameter: str, rows: dict[str, WorkspaceRow]) -> WorkspaceRow | None:
    wanted = parameter.removesuffix("_id").replace("_", "")
    aliases = {"record": "servicerecord", "service": "service", "run": "importrun", "import": "importrun",
               "export": "exportrun", "field": "customfield", "view": "savedview", "invitation": "invitation",
               "request": "rightsrequest", "form": "publicform", "agent": "rightsagent", "found": "childfound",
               "item": "erasureopenitem", "copy": "personcopy", "disclosure": "authoritydisclosure", "token": "apitoken",
               "keep": "contact", "gone": "contact", "case": "supportcase", "account": "channelaccount", "template": "messagetemplate"}  # fmt: skip
    for name in (wanted, aliases.get(wanted, "")):
        for label, row in rows.items():
            if label.split(".")[1].lower() == name:
                return row
    return None


def url_of(pattern: str, route: Route, rows: dict[str, WorkspaceRow], workspace: Workspace) -> str:
    def value(found: re.Match[str]) -> str:
        converter, name = found.group(1), found.group(2)
        if name in {"workspace", "workspace_id"}:
            return workspace.id.hex if converter != "uuid" else str(workspace.id)
        row = _model_of(name, rows)
        if row is not None:
            return str(row.id)
        if name in OTHER_PARAMETERS:
            return str(OTHER_PARAMETERS[name])
        if converter == "uuid":
            return str(ids.new())
        pytest.fail(f"the parameter {name} of {route.name} is unknown: add it to the cast")

    return "/" + PARAMETER.sub(value, pattern)


def _attempts(
    pattern: str, route: Route, rows: dict[str, WorkspaceRow], workspace: Workspace
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    url = url_of(pattern, route, rows, workspace)
    foreign = {f"{label.split('.')[1].lower()}": str(row.id) for label, row in rows.items()}
    foreign |= {f"{name}_id": value for name, value in list(foreign.items())}
    foreign |= {"ids": foreign["contact"], "id": foreign["contact"], "workspace_id": str(workspace.id)}
    for method in sorted(route.methods, key=lambda method: method == "GET"):
        yield method, url, {}
        yield method, url, foreign


def _send(client: Client, method: str, url: str, fields: dict[str, Any]) -> Any:
    if method == "GET":
        return client.get(url, fields)
    if url.startswith("/api/"):
        return client.generic(method, url, __import__("json").dumps(fields), content_type="application/json")
    return getattr(client, method.lower())(url, fields)


def _body(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return f"{response.headers.get('Location', '')} {content.decode('utf-8', 'replace')}"


@pytest.fixture
def stage(shree: Workspace, other: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, WorkspaceRow]:
    """The workspace filled with canaries; limits out of the way, they have tests of their own."""
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    return cast.fill(shree)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of routes whose own code has run: past their rule."""
    names: list[str] = []

    def noting(admit: Any) -> Any:
        def note(rule: routes.Rule, request: Any, route: Route, run: Any) -> Any:
            return admit(rule, request, route, lambda: (names.append(route.name), run())[1])

        return note

    for kind in {type(route.rule) for route in routes.addresses().values()}:
        monkeypatch.setattr(kind, "admit", noting(kind.admit))
    return names


#: Turned away by every rule in the same way for all methods. What "nobody" may do, is tried by every method.
TURNED_AWAY = OUTSIDE - {"nobody", "owner of another workspace"}
#: What even a reader may change: the address of her own calendar feed and her own saved views.
HER_OWN = {"feed_settings", "view_new", "view"}
ACTORS = sorted(OUTSIDE | {"lowest role", "agent of the wrong team"})


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.slow
def test_no_route_shows_or_changes_what_is_not_the_actors(
    actor: str, stage: dict[str, WorkspaceRow], shree: Workspace, other: Workspace, ran: list[str]
) -> None:
    client = cast.actors(shree, other, stage)[actor]()
    leaks, before, asked, entered = [], cast.digest(shree), 0, set()
    for pattern, route in routes.addresses().items():
        turned_away = ""  # by which method
        for method, url, fields in _attempts(pattern, route, stage, shree):
            if turned_away and (method == turned_away or (actor in TURNED_AWAY and not ran)):
                continue
            if actor == "lowest role" and method == "GET" and not fields:
                continue  # only a change would be wrong, or an error of ours; what an auditor sees has a walk of its own
            ran.clear()
            with cast.undone(client), unrendered() if actor == "lowest role" else nullcontext():
                rows = cast.written() if method != "GET" else 0
                response = _send(client, method, url, fields)
                text = _body(response)
                changed = method != "GET" and cast.written() != rows and cast.digest(shree) != before
            leaks += _judge(actor, route, method, response.status_code, text, changed=changed)
            is_nowhere = response.status_code == 404 and method == "GET" and PARAMETER.search(pattern)
            turned_away = "" if ran and not is_nowhere else method
            entered |= {*ran}
            asked += 1
    assert leaks == []
    assert asked >= len(routes.addresses()) and len(entered) > 20  # the doors that stand open at the least
    assert cast.digest(shree) == before


def _judge(actor: str, route: Route, method: str, status: int, text: str, *, changed: bool) -> list[str]:
    where = f"{method} {route.path} answered {status} to {actor}"
    found = []
    if status >= 500 and route.name != "healthz":  # no worker runs here
        found.append(f"{where}: an error of ours")
    if changed and (actor in OUTSIDE or status >= 400):
        found.append(f"{where}: a row changed")
    if actor in OUTSIDE and CANARY in text:
        found.append(f"{where}: showed a canary: {text[max(0, text.index(CANARY) - 60) : text.index(CANARY) + 60]!r}")
    if actor == "agent of the wrong team" and f"{CANARY} Contact name" in text:
        found.append(f"{where}: showed a contact of another team")
    if actor == "lowest role" and changed and route.name not in HER_OWN:
        found.append(f"{where}: the lowest role changed a row")
    return found


@pytest.mark.slow
def test_the_canaries_would_be_seen(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    """The owner of the workspace sees them: so their absence elsewhere means something."""
    from amanat.accounts.tests import factories

    client = factories.signed_in(factories.owner_of(shree))
    contact = stage["people.Contact"]
    assert CANARY in client.get(f"/contacts/{contact.id}/").content.decode()
    assert CANARY in client.get("/contacts/").content.decode()


@pytest.mark.slow
def test_the_digest_would_change(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    from amanat.core import tenancy
    from amanat.people.models import Contact

    before = cast.digest(shree)
    with tenancy.inside(shree):
        rows = cast.written()
        assert cast.written() == rows
        Contact.objects.of(shree).update(updated_at=clock.now())
    assert cast.written() > rows
    assert cast.digest(shree) != before


def test_rows_that_are_written_and_taken_back_are_counted_too(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    """A savepoint that is rolled back takes none off the count: what one request does cannot hide what another did."""
    from amanat.core import tenancy
    from amanat.people.models import Contact

    with tenancy.inside(shree):
        before = cast.written()
        with transaction.atomic():
            Contact.objects.of(shree).update(updated_at=clock.now())
            transaction.set_rollback(True)
        once = cast.written()
        Contact.objects.of(shree).update(updated_at=clock.now())
    assert before < once < cast.written()
