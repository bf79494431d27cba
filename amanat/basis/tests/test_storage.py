"""Nothing undeclared reaches a device: the guard, the register, the choice, the browser's signal."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils.translation import override

from amanat.accounts.models import Workspace
from amanat.basis import middleware, storage
from amanat.core.ids import new
from amanat.policy import ready


@pytest.fixture
def counting() -> Iterator[None]:
    """Some package counts visits, as the policy declares."""
    storage.use("usage")
    yield
    storage._used.discard("usage")


def answered(path: str, *cookies: tuple[str, dict[str, object]], **headers: str) -> HttpResponse:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("ok")
        for name, options in cookies:
            response.set_cookie(name, "x", **options)  # type: ignore[arg-type]
        return response

    request = RequestFactory().get(path, headers=headers)
    request.COOKIES.update({"storage_choice": headers["choice"]} if "choice" in headers else {})
    response = middleware.declared_storage_only(view)(request)
    assert isinstance(response, HttpResponse)
    return response


def test_an_undeclared_cookie_never_reaches_the_wire_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "amanat.basis.middleware"):
        response = answered("/contacts/", ("session", {}), ("_tracker", {"max_age": 60}))
    assert list(response.cookies) == ["session"]
    assert [record.__dict__["cookie"] for record in caplog.records] == ["_tracker"]


def test_a_cookie_written_as_a_header_is_dropped_too() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("ok")
        response["Set-Cookie"] = "_tracker=1"
        return response

    response = middleware.declared_storage_only(view)(RequestFactory().get("/"))
    assert not response.has_header("Set-Cookie")


def test_a_cookie_stays_no_longer_than_promised() -> None:
    response = answered("/", ("session", {"max_age": 90 * 86400}), ("language", {"max_age": 60}))
    assert response.cookies["session"]["max-age"] == 14 * 86400
    assert response.cookies["language"]["max-age"] == 60


def test_taking_a_cookie_away_is_always_let_through() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("ok")
        response.delete_cookie("_tracker")
        return response

    assert "_tracker" in middleware.declared_storage_only(view)(RequestFactory().get("/")).cookies


@pytest.mark.parametrize(
    ("chosen", "signal", "is_set"),
    [(None, "", False), ((), "", False), (("marketing",), "", False), (("analytics",), "", True), (("analytics",), "1", False)],
)  # fmt: skip
def test_a_declared_key_for_figures_needs_a_yes_and_no_signal(
    shree: Workspace, chosen: tuple[str, ...] | None, signal: str, is_set: bool
) -> None:
    bare = RequestFactory().get("/")
    headers = {"Sec-GPC": signal} if signal else {}
    if chosen is not None:
        headers["choice"] = storage.with_choice(bare, shree.pk, chosen)
    response = answered(f"/w/{shree.pk}/choices/", ("usage", {"max_age": 10**9}), **headers)
    assert list(response.cookies) == (["usage"] if is_set else [])
    if is_set:
        assert response.cookies["usage"]["max-age"] <= timedelta(days=184).total_seconds()


def test_a_choice_counts_for_its_workspace_only(shree: Workspace, other: Workspace) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["storage_choice"] = storage.with_choice(request, shree.pk, ["analytics"])
    assert storage.choice(request, shree.pk) == {"analytics"}
    assert storage.choice(request, other.pk) is None
    request.COOKIES["storage_choice"] = storage.with_choice(request, other.pk, [])
    assert storage.choice(request, shree.pk) == {"analytics"}
    assert storage.choice(request, other.pk) == frozenset()


@pytest.mark.parametrize("rubbish", ["", "....", "a" * 5000, "12345678-x", "zz-a", "12345678-a-a-q"])
def test_a_choice_written_by_somebody_else_means_nothing(shree: Workspace, rubbish: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["storage_choice"] = rubbish
    assert storage.choice(request, shree.pk) is None


def test_the_register_names_every_cookie_with_its_life(shree: Workspace) -> None:
    for path in ("/cookies/", f"/w/{shree.pk}/cookies/"):
        page = Client().get(path)
        text = page.content.decode()
        assert page.status_code == 200
        assert all(f"<code>{name}</code>" in text for name in storage.own_cookies())
        assert "14 days" in text and "15 minutes" in text
        assert "There is nothing to choose" in text
    assert Client().get(f"/w/{new()}/cookies/").status_code == 404


@pytest.mark.parametrize(("language", "life"), [("hi", "14 दिन"), ("mr", "14 दिवस")])
def test_a_life_stands_in_the_register_as_people_say_it(language: str, life: str) -> None:
    """Marathi bends the days of "14 days ago" otherwise than those of a life."""
    with override(language):
        assert storage.shown_life(timedelta(days=14)) == life


def test_nobody_is_asked_while_nothing_is_set_that_needs_a_yes(shree: Workspace) -> None:
    page = Client().get(f"/w/{shree.pk}/choices/")
    assert b"device-banner" not in page.content
    assert f'href="/w/{shree.pk}/cookies/"'.encode() in page.content


def test_refusing_is_as_easy_as_accepting_and_neither_is_asked_twice(shree: Workspace, counting: None) -> None:
    path = f"/w/{shree.pk}/choices/"
    for act, kinds in (("refuse", frozenset()), ("accept", {"analytics"})):
        client = Client()
        page = client.get(path).content.decode()
        assert page.count('class="button" name="act"') == 2, "two buttons alike, on the first layer"
        done = client.post(f"/w/{shree.pk}/cookies/", {"act": act, "next": path})
        assert (done.status_code, done["Location"]) == (303, path)
        request = RequestFactory().get("/")
        request.COOKIES["storage_choice"] = done.cookies["storage_choice"].value
        assert storage.choice(request, shree.pk) == kinds
        assert b"device-banner" not in client.get(path).content


def test_taking_a_yes_back_takes_the_key_away_at_once(shree: Workspace, counting: None) -> None:
    client = Client()
    client.post(f"/w/{shree.pk}/cookies/", {"act": "choose", "kinds": ["analytics"]})
    client.cookies["usage"] = "visitor"
    done = client.post(f"/w/{shree.pk}/cookies/", {"act": "refuse"})
    assert done.cookies["usage"]["max-age"] == 0


def test_a_choice_holds_for_the_answer_that_brings_it(shree: Workspace) -> None:
    """Whatever counts visits does not know yet that the yes was taken back with this request."""
    request = RequestFactory().post(f"/w/{shree.pk}/cookies/")
    request.COOKIES = {"storage_choice": storage.with_choice(request, shree.pk, ["analytics"]), "usage": "visitor"}

    def view(asked: HttpRequest) -> HttpResponse:
        response = HttpResponse("ok")
        response.set_cookie("storage_choice", storage.with_choice(asked, shree.pk, []))
        response.set_cookie("usage", "visitor", max_age=60)
        return response

    response = middleware.declared_storage_only(view)(request)
    assert response.cookies["usage"]["max-age"] == 0  # type: ignore[attr-defined]


def test_the_signal_of_the_browser_is_a_no_that_asks_nothing(shree: Workspace, counting: None) -> None:
    client = Client(headers={"Sec-GPC": "1"})
    assert b"device-banner" not in client.get(f"/w/{shree.pk}/choices/").content
    page = client.get(f"/w/{shree.pk}/cookies/").content.decode()
    assert "It is obeyed" in page and 'name="kinds"' not in page
    done = client.post(f"/w/{shree.pk}/cookies/", {"act": "accept"})
    request = RequestFactory().get("/")
    request.COOKIES["storage_choice"] = done.cookies["storage_choice"].value
    assert storage.choice(request, shree.pk) == frozenset()
    assert Client().get("/.well-known/gpc.json").json()["gpc"] is True


def test_where_no_workspace_is_nothing_is_asked(db: None, counting: None) -> None:
    for page in ("privacy/", "choices/"):
        missing = Client().get(f"/w/{new()}/{page}")
        assert missing.status_code == 404 and b"device-banner" not in missing.content


def test_another_site_cannot_be_the_way_back(shree: Workspace) -> None:
    done = Client().post(f"/w/{shree.pk}/cookies/", {"act": "refuse", "next": "https://evil.example/"})
    assert done["Location"] == f"/w/{shree.pk}/cookies/"


def test_no_ready_policy_promises_shorter_storage_than_the_site_keeps() -> None:
    for name in ready.names():
        policy = ready.policy(name)
        for device, key in storage.of_policy(policy).items():
            own = storage.own_cookies().get(device)
            assert own is None or own.life is None or own.life <= storage.longest(key), (name, device)
