"""What every answer carries and every door refuses: headers, forged forms, odd methods, odd addresses."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.accounts.tests.api_client import another_computer
from amanat.core import routes
from amanat.core.routes import Route
from amanat.core.tenancy import WorkspaceRow
from tests.promises import cast
from tests.promises.cast import unrendered
from tests.promises.test_isolation import url_of

#: The same for everybody and without a word about anyone: browsers may keep them.
THE_SAME_FOR_ALL = {
    "manifest", "service_worker", "public_policy", "public_versions", "public_feed", "public_version", "public_status",
    "public_status_json", "public_recipients", "public_json", "own_policy", "own_versions", "own_feed", "own_status", "own_recipients",
    "own_policy_json", "privacy_control",
}  # fmt: skip


@pytest.fixture
def stage(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, WorkspaceRow]:
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    return cast.fill(shree)


def _all(method: str, rows: dict[str, WorkspaceRow], workspace: Workspace) -> list[tuple[Route, str]]:
    return [
        (route, url_of(pattern, route, rows, workspace))
        for pattern, route in sorted(routes.addresses().items())
        if method in route.methods
    ]


def _owner(workspace: Workspace, *, enforce_csrf_checks: bool = False) -> Client:
    client = factories.signed_in(factories.owner_of(workspace))
    client.handler.enforce_csrf_checks = enforce_csrf_checks
    return client


@pytest.mark.slow
def test_no_answer_is_kept_framed_or_guessed_at(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    client, found = _owner(shree), []
    for route, url in _all("GET", stage, shree):
        if route.name in {"account_logout"}:
            continue
        with unrendered():  # what stands in a page changes no header
            response = client.get(url)
        kept = response.headers.get("Cache-Control", "")
        where = f"{route.path} ({response.status_code})"
        if "no-store" not in kept and route.name not in THE_SAME_FOR_ALL:
            found.append(f"{where} may be kept: {kept!r}")
        if "public" in kept and route.name not in THE_SAME_FOR_ALL:
            found.append(f"{where} is public")
        for name, value in {
            "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
        }.items():  # fmt: skip
            if response.headers.get(name) != value:
                found.append(f"{where} has {name}: {response.headers.get(name)}")
        if response.headers.get("Referrer-Policy") not in {"same-origin", "no-referrer"}:
            found.append(f"{where} tells others where one comes from")
        policy = response.headers.get("Content-Security-Policy", "")
        if "frame-ancestors 'none'" not in policy or "unsafe" in policy:
            found.append(f"{where} has the policy {policy!r}")
    assert found == []


@pytest.mark.slow
def test_forged_forms_are_refused_and_change_nothing(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    client, found = _owner(shree, enforce_csrf_checks=True), []
    before = cast.digest(shree)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for route, url in _all(method, stage, shree):
            for headers in ({}, {"HX-Request": "true"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
                with unrendered():
                    status = client.generic(method, url, headers=headers, REMOTE_ADDR=another_computer()).status_code
                # With a token in a header or in the address, never a cookie; mail programs press one of them.
                for_programs = "/drp/v1/" in url or "<str:token>" in route.path
                expected = {401, 404} if url.startswith("/api/") else {400, 401, 403, 404} if for_programs else {403}
                if status not in expected:
                    found.append(f"{method} {route.path} {headers}: {status}")
    assert found == []
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_a_private_page_has_no_other_name(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    """Path and cache confusion: nothing answers under a page's address with something behind it."""
    client, found = _owner(shree), []
    for route, url in _all("GET", stage, shree):
        for tail in ("x.css", "/x.css", "%2Fx.css", ";x.css", "..;/x.css"):
            if url == "/" and tail.startswith("/"):
                continue  # the client of tests takes it for a host
            with unrendered():
                status = client.get(url + tail).status_code
            if status == 200:
                found.append(f"{route.path} answers under {url}{tail}")
    assert found == []


@pytest.mark.slow
def test_methods_a_route_did_not_declare_are_refused(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    client, found = _owner(shree), []
    before = cast.digest(shree)
    for pattern, route in sorted(routes.addresses().items()):
        url = url_of(pattern, route, stage, shree)
        for method in ("OPTIONS", "TRACE", "PUT", "DELETE", "PROPFIND"):
            if method in route.methods:
                continue
            with unrendered():  # the same page tells each of them
                status = client.generic(method, url).status_code
            if status != 405:
                found.append(f"{method} {route.path}: {status}")
    assert found == []
    assert cast.digest(shree) == before


@pytest.mark.slow
def test_a_question_changes_no_row(stage: dict[str, WorkspaceRow], shree: Workspace) -> None:
    """GET and HEAD are safe: a link in a mail, a prefetch or a preview does nothing."""
    client, asked = _owner(shree), _all("GET", stage, shree)
    with cast.undone(client):
        is_one_to_blame = _change_a_row(client, shree, asked)
    found = [route.path for route, url in asked if is_one_to_blame and _change_a_row(client, shree, [(route, url)])]
    assert (is_one_to_blame, found) == (False, [])


def _change_a_row(client: Client, workspace: Workspace, asked: list[tuple[Route, str]]) -> bool:
    """Whether they do together: to look at all rows after each takes as long as to ask."""
    before = cast.digest(workspace)
    for _route, url in asked:
        client.get(url)
        with unrendered():  # the same page, which is not sent
            client.head(url)
    return cast.digest(workspace) != before


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:80@evil.example", "local host", ""]
)
def test_another_host_is_refused(host: str, shree: Workspace) -> None:
    client = _owner(shree)
    assert client.get("/contacts/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "\t//evil.example"]
)
def test_next_leads_nowhere_else(target: str, shree: Workspace) -> None:
    client = _owner(shree)
    rows = [
        client.post(reverse("web:theme"), {"theme": "dark", "next": target}),
        client.post(reverse("web:language"), {"language": "en", "next": target}),
        client.post(
            reverse("desk:task_new"), {"title": "Call", "due_on": "2026-12-01", "kind": "todo", "next": target}
        ),
        client.get(reverse("account_login"), {"next": target}),
    ]
    for response in rows:
        where = response.headers.get("Location", "/")
        assert where.startswith("/") and not where.startswith(("//", "/\\"))
    assert target not in client.get(reverse("desk:task_new"), {"next": target}).content.decode()


def test_a_forged_referer_does_not_lead_away(shree: Workspace) -> None:
    stale = factories.signed_in(factories.owner_of(shree), fresh=False)
    address = reverse("people:export_workspace")
    response = stale.post(address, {"format": "csv"}, headers={"Referer": "https://evil.example//evil.example/x"})
    asked = stale.get(response["Location"])
    assert 'value="//evil' not in asked.content.decode()
