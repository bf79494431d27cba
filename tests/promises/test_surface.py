"""The outer skin of the site: cookies, refusals, odd sizes, extra fields, texts that are code, objects asked for by name.

Threats T2, T6, T7, T9, T22 and T37, and the promise that no stored file is reachable by an address alone (P17).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Member, User, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.accounts.tests.api_client import owners_program
from amanat.core import configuration, routes, tenancy
from amanat.core.models import StoredFile
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceRow
from tests.promises import cast
from tests.promises.cast import unrendered
from tests.promises.test_hostile_input import plausible, read_by
from tests.promises.test_isolation import url_of

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)


def addresses(method: str, rows: dict[str, WorkspaceRow], workspace: Workspace) -> Iterator[str]:
    for pattern, route in sorted(routes.addresses().items()):
        if method in route.methods and not pattern.startswith("api/"):
            yield url_of(pattern, route, rows, workspace)


# --- Cookies --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_cookie_is_for_us_alone(shree: Workspace) -> None:
    """Not for scripts, not for other sites, for no other host; and nobody gets one that she does not need."""
    rows, faults, seen = cast.fill(shree), [], set()
    owner, nobody = factories.signed_in(factories.owner_of(shree)), Client()
    open_to_all = {
        url_of(pattern, route, rows, shree)
        for pattern, route in routes.addresses().items()
        if route.rule is routes.anyone
    }
    for url in addresses("GET", rows, shree):
        for client in (owner, nobody) if url in open_to_all else (owner,):
            with cast.undone(client), unrendered() if client is owner and url != "/contacts/" else nullcontext():
                cookies = client.get(url).cookies
            for name, cookie in cookies.items():
                seen.add(name)
                if not (cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"):
                    faults.append(f"{url}: {cookie.OutputString()}")
                if cookie["domain"]:
                    faults.append(f"{url}: {name} is for {cookie['domain']}")
    assert faults == []
    assert {"csrf"} <= seen <= {"session", "csrf", "language", "theme"}  # that one is asked for by the page itself


SETTINGS = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "amanat.settings"
from django.conf import settings
from django.db import connection
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def settings_at(address: str, *names: str) -> dict[str, Any]:
    environment = configuration.child_environment(AMANAT_BASE_URL=address)
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS, *names], env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_behind_https_cookies_are_bound_to_the_host_and_browsers_stay_with_https() -> None:
    found = settings_at(
        "https://crm.example.in",
        *("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE"),
        *("SECURE_HSTS_SECONDS", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEBUG", "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN"),
        *("SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN"),
    )  # fmt: skip
    assert found["SESSION_COOKIE_NAME"] == "__Host-session"
    assert found["CSRF_COOKIE_NAME"] == "__Host-csrf"
    assert found["SESSION_COOKIE_SECURE"] and found["CSRF_COOKIE_SECURE"] and found["LANGUAGE_COOKIE_SECURE"]
    assert found["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert "crm.example.in" in found["ALLOWED_HOSTS"] and "*" not in found["ALLOWED_HOSTS"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://crm.example.in"]
    assert found["DEBUG"] is False and found["MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN"] is False
    assert found["SESSION_COOKIE_DOMAIN"] is None and found["CSRF_COOKIE_DOMAIN"] is None


# --- Refusals -------------------------------------------------------------------------------------------------------


def _refusals(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, Any]]:
    client.raise_request_exception = False
    yield 400, client.get("/contacts/", headers={"Host": "evil.example"})
    yield 404, client.get("/nothing/here/")
    yield 404, client.get(f"/contacts/{'0' * 8}-0000-7000-8000-{'0' * 12}/")
    yield 405, client.delete("/contacts/")
    client.handler.enforce_csrf_checks = True
    yield 403, client.post(reverse("web:theme"), {"theme": "dark"})
    monkeypatch.setattr("amanat.core.diskspace.is_short", lambda: True)
    client.handler.enforce_csrf_checks = False
    yield 503, client.post("/contacts/new/", {"name": "Asha"})


def test_refusals_carry_every_header_that_pages_do(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    for status, response in _refusals(client, monkeypatch):
        assert response.status_code == status, response.request
        assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "no-store" in response.headers["Cache-Control"]


def test_a_mistake_of_ours_shows_nothing_of_the_inside(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("CANARY-OF-THE-INSIDE /srv/amanat postgresql://owner:secret@host/db")

    client = factories.signed_in(factories.owner_of(shree))
    client.raise_request_exception = False
    monkeypatch.setattr("amanat.core.routes.diskspace.is_short", broken)
    for headers in ({}, {"HX-Request": "true"}, {"Accept": "application/json"}):
        response = client.post("/contacts/new/", {"name": "Asha"}, headers=headers)
        text = response.content.decode()
        assert response.status_code == 500
        assert "CANARY" not in text and "Traceback" not in text and "RuntimeError" not in text
        assert {name: response.headers.get(name) for name in HEADERS} == HEADERS


# --- Sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["page=1000000000", "size=1000000000", "limit=-1", "after=" + "x" * 4_000, "q=" + "a" * 4_000, "q=" + "%25" * 1_000,
     "sort=" + "-name," * 500, "&".join(f"f{number}=1" for number in range(900)), "q=" + "(" * 2_000, "q=" + "a%20" * 1_500],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/contacts/", "/services/", "/search/"])
def test_odd_sizes_are_answered_soon(path: str, query: str, shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    began = time.process_time()
    response = client.get(f"{path}?{query}")
    assert response.status_code < 500
    assert len(response.content) < 500_000
    assert time.process_time() - began < 3


@pytest.mark.slow
def test_a_form_of_too_many_fields_or_bytes_is_refused_and_changes_nothing(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    before = cast.digest(shree)
    for fields in ({f"field{number}": "1" for number in range(2_100)}, {"name": "x" * 2_700_000}):
        response = client.post("/contacts/new/", fields)
        assert response.status_code == 400
    assert cast.digest(shree) == before


@pytest.mark.parametrize(
    "body", [b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"[" * 50_000, b'"' + b"\\u0000" * 10_000 + b'"', b"1" * 100_000]
)
def test_deep_and_endless_json_is_refused_at_once(body: bytes, shree: Workspace) -> None:
    began = time.process_time()
    assert owners_program(shree).post("/contacts", body).status_code in {400, 413, 422}
    assert time.process_time() - began < 3


# --- Extra fields ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_fields_nobody_asked_for_take_no_effect(shree: Workspace, other: Workspace) -> None:
    """T2: every form also gets what would be a gift, by the names of columns: another workspace, a higher role, an old time."""
    rows = cast.fill(shree)
    agent = factories.make_member(shree, Role.AGENT, name="Greedy Agent")
    client = factories.signed_in(agent)
    client.raise_request_exception = False
    gift = {
        "workspace": str(other.pk), "workspace_id": str(other.pk), "tenant": str(other.pk), "id": str(rows["people.Contact"].pk),
        "pk": "1", "role": "owner", "is_staff": "on", "is_superuser": "on", "is_active": "on", "is_admin": "1", "sees": "all",
        "created_at": "2001-01-01 00:00", "updated_at": "2001-01-01 00:00", "created_by": str(agent.pk), "deleted_at": "",
        "ended_at": "2001-01-01 00:00", "permissions": "all", "groups": "1", "_state": "x", "__class__": "x",
    }  # fmt: skip
    outside = cast.digest(other)
    for url in addresses("POST", rows, shree):
        with cast.undone(client), unrendered():
            fields = plausible(read_by(client, "POST", url, rows), rows)
            written = cast.written()
            status = client.post(url, fields | gift).status_code
            if cast.written() == written:
                continue
            with tenancy.inside(shree):
                greedy = Member.objects.of(shree).get(pk=agent.pk)
                assert (greedy.role, greedy.sees, greedy.ended_at) == (agent.role, agent.sees, None), url
                assert _rows_of_2001() == 0, url
            assert cast.digest(other) == outside, f"{url} answered {status}"
    assert not hasattr(User, "is_superuser") and not hasattr(User, "is_staff")


def _rows_of_2001() -> int:
    tables = [
        model._meta.db_table for model in workspace_models() if "created_at" in {f.name for f in model._meta.fields}
    ]
    old = " + ".join(f'(SELECT count(*) FROM "{table}" WHERE extract(year FROM created_at) = 2001)' for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {old}")
        return int(cursor.fetchone()[0])


# --- Texts that are code --------------------------------------------------------------------------------------------

CODE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}${7*7}"


class Crawler(HTMLParser):
    """Notes elements and attributes that only a text become code could have made."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if (tag == "img" and values.get("src") == "x") or any(name.startswith("on") for name in values):
            self.found.append(self.get_starttag_text() or tag)
        if tag == "script" and not values.get("src") and values.get("type") != "application/json":
            self.found.append("a script in the page")
        for name in ("href", "src", "action", "formaction"):
            is_picture = tag == "img" and (values.get(name) or "").startswith("data:image/svg+xml;base64,")  # a QR code
            if not is_picture and re.match(r"\s*(javascript|data|vbscript):", values.get(name) or "", re.IGNORECASE):
                self.found.append(f"{tag} {name}={values[name]}")


@pytest.mark.slow
def test_no_stored_text_becomes_code_on_any_page(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """T7: every text of every table is code; every page of the owner is read as a browser would."""
    monkeypatch.setattr(cast, "CANARY", CODE)
    monkeypatch.setattr(cast, "FILE_TEXT", "a text")
    with tenancy.inside(shree):
        shree.name = CODE
        shree.save(update_fields=["name"])
    rows = cast.fill(shree)
    client, found, shown = factories.signed_in(factories.owner_of(shree)), {}, 0
    for url in addresses("GET", rows, shree):
        page = client.get(url)
        parts = (
            [client.get(url, headers={"HX-Request": "true"})] if "HX-Request" in page.headers.get("Vary", "") else []
        )
        for response in (page, *parts):
            if response.streaming or not response.headers.get("Content-Type", "").startswith("text/html"):
                continue
            crawler = Crawler()
            crawler.feed(response.content.decode())
            shown += "alert(1)" in response.content.decode()
            if crawler.found:
                found[url] = crawler.found
            assert "49$" not in response.content.decode() and "\n" not in "".join(response.headers.values())
    assert found == {}
    assert shown > 20  # the texts did stand on the pages


@pytest.mark.slow
def test_no_address_reflects_code(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    for path in ("/contacts/", "/services/", "/search/", "/calendar/", reverse("account_login"), "/nothing/"):
        for name in ("q", "next", "sort", "view", "on", "tag", "source", CODE):
            crawler = Crawler()
            crawler.feed(client.get(path, {name: CODE}).content.decode())
            assert crawler.found == [], (path, name)


# --- Objects by name ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_stored_object_is_reachable_by_an_address_alone(shree: Workspace) -> None:
    rows = cast.fill(shree)
    with tenancy.inside(shree):
        names = list(StoredFile.objects.of(shree).values_list("object_name", flat=True))
    assert names and all((Path(settings.FILES_ROOT) / name).exists() for name in names)
    file = rows["core.StoredFile"]
    tails = [tail for name in names for tail in (name, name.split("/")[1], f"{file.pk}", f"{file.pk}/CANARY.txt")]
    stems = (
        "/",
        "/files/",
        "/media/",
        "/static/",
        "/static/../files/",
        "/uploads/",
        "/papers/file/",
        "/static/%2e%2e/files/",
        "/file/",
    )
    for client in (Client(), factories.signed_in(factories.owner_of(shree))):
        for stem in stems:
            for tail in tails:
                response = client.get(stem + tail)
                content = response.getvalue()
                assert response.status_code in {301, 302, 404}, stem + tail
                assert b"AMF1" not in content and b"text of a file" not in content
