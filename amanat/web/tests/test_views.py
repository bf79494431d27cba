"""The manifest, the worker, the choices of a device, and the pages that say no."""

import json
import re
import subprocess
from pathlib import Path
from shutil import which
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from amanat.web import context, views


@pytest.fixture
def client(settings: Settings) -> Client:
    settings.MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
    return Client()


def test_manifest_names_icons_that_exist(client: Client) -> None:
    response = client.get("/manifest.webmanifest")
    manifest = response.json()
    assert response["Content-Type"] == "application/manifest+json"
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    assert all(finders.find(icon["src"].removeprefix("/static/")) for icon in manifest["icons"])


def test_worker_keeps_static_files_and_the_offline_page_only(client: Client) -> None:
    text = client.get("/sw.js").content.decode()
    choices = json.loads(text.splitlines()[0].removeprefix("const choices = ").rstrip(";"))
    assert choices["offline"] == "/offline/"
    assert all(address.startswith("/static/web/") for address in choices["kept"])
    assert all(finders.find(address.removeprefix("/static/")) for address in choices["kept"])
    assert re.findall(r"cache\.(add|addAll|put)\(([^)]*)", text) == [
        ("addAll", "choices.kept"),
        ("put", "choices.offline, answer"),
    ]


def test_worker_is_read_again_each_time_and_changes_with_the_release(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/sw.js")
    assert "no-cache" in first["Cache-Control"]
    assert first["Content-Type"].startswith("text/javascript")
    monkeypatch.setattr(views, "static", lambda name: f"/static/{name}?2")
    assert client.get("/sw.js").content.splitlines()[0] != first.content.splitlines()[0]


def test_offline_page_says_nothing_about_anyone(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context.navigation, "shown", lambda request: {"work": []})
    text = client.get("/offline/").content.decode()
    assert "no connection" in text
    request: Any = RequestFactory().get("/offline/")
    request.member, request.workspace = (
        SimpleNamespace(pk=1, name="Rekha", may=lambda permission: True),
        "Shree CSC Kendra",
    )
    shown = views.offline(request).content.decode()
    assert "Rekha" not in shown and "Shree" not in shown


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_theme_is_kept_and_leads_back(client: Client, theme: str) -> None:
    response = client.post("/theme/", {"theme": theme, "next": "/contacts/?page=2"})
    assert (response.status_code, response["Location"]) == (302, "/contacts/?page=2")
    cookie = response.cookies[context.THEME_COOKIE]
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == (theme, "Lax", True)


@pytest.mark.parametrize(
    ("path", "data"),
    [("/theme/", {"theme": "pink"}), ("/theme/", {}), ("/language/", {"language": "xx"}), ("/language/", {})],
)
def test_unknown_choices_are_refused_and_change_nothing(client: Client, path: str, data: dict[str, str]) -> None:
    response = client.post(path, data)
    assert response.status_code == 400
    assert not response.cookies


@pytest.mark.parametrize("target", ["//elsewhere.example/", "https://elsewhere.example/", "javascript:alert(1)", ""])
def test_nobody_is_led_to_another_site(client: Client, target: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": target})["Location"] == "/"


def test_language_is_kept_for_the_device(client: Client, settings: Settings) -> None:
    response = client.post("/language/", {"language": "hi", "next": "/"})
    assert response.cookies[settings.LANGUAGE_COOKIE_NAME].value == "hi"


def test_language_of_a_signed_in_user_is_kept_with_her() -> None:
    saved: list[list[str]] = []
    request: Any = RequestFactory().post("/language/", {"language": "mr"})

    def save(update_fields: list[str]) -> None:
        saved.append(update_fields)

    request.user = SimpleNamespace(is_authenticated=True, language="en", save=save)
    views.switch_language(request)
    assert (request.user.language, saved) == ("mr", [["language"]])


@pytest.mark.parametrize("path", ["/theme/", "/language/"])
def test_choices_need_a_post_with_a_token(settings: Settings, path: str) -> None:
    settings.MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
    strict = Client(enforce_csrf_checks=True)
    assert strict.get(path).status_code == 405
    refused = strict.post(path, {"theme": "dark", "language": "hi"})
    assert refused.status_code == 403
    assert "too old" in refused.content.decode()


@pytest.mark.parametrize("page", ["400", "403", "403_csrf", "404", "429", "500"])
def test_error_pages_need_no_request_and_offer_a_way_on(page: str) -> None:
    text = render_to_string(f"{page}.html", {})
    assert 'href="/"' in text
    assert page[:3] in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("minutes", "words"), [(1, "Wait 1 minute and"), (3, "Wait 3 minutes and"), (None, "Wait a few minutes")]
)
def test_too_often_says_how_long_to_wait(minutes: int | None, words: str) -> None:
    assert words in render_to_string("429.html", {"wait_minutes": minutes})


def test_shell_stands_without_a_member(rf: RequestFactory) -> None:
    """A user who has no workspace yet sees the frame, empty."""
    text = render_to_string("web/base.html", {}, request=rf.get("/"))
    assert "<h1>" in text and "None" not in text


def test_shell_carries_the_token_for_htmx(rf: RequestFactory) -> None:
    text = render_to_string("web/base.html", {}, request=rf.get("/"))
    assert re.search(r"""hx-headers:inherited='\{"X-CSRFToken": "[A-Za-z0-9]{64}"\}'""", text)


def test_style_guide_is_not_part_of_the_site(settings: Settings) -> None:
    from amanat.web import urls

    assert not settings.DEBUG
    assert "styleguide" not in str(urls.urlpatterns)


@pytest.mark.skipif(which("node") is None, reason="a JavaScript parser is not installed here")
@pytest.mark.parametrize(
    "script", [*(Path(views.__file__).parent / "static/web/js").glob("*.js"), views.WORKER], ids=lambda path: path.name
)
def test_scripts_parse(script: Path, tmp_path: Path) -> None:
    module = tmp_path / "script.mjs"
    module.write_text(script.read_text())
    assert subprocess.run(["node", "--check", str(module)], capture_output=True, check=False).returncode == 0
