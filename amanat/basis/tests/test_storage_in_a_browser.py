"""A real browser on a site that would like to count visits: what reaches it before a choice, after a no, a yes, and the browser's signal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, connections
from django.http import HttpRequest, HttpResponse
from playwright.sync_api import BrowserContext, Page, sync_playwright

from amanat.accounts.models import Workspace
from amanat.basis import storage
from amanat.web.tests import chromium

pytestmark = [pytest.mark.slow, pytest.mark.journey]


def counting_visits(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A package that sets what the policy declares for figures, and beside it what nobody declared."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.set_cookie("usage", "visitor", max_age=86400)
        response.set_cookie("_tracker", "visitor", max_age=86400)
        return response

    return middleware


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@pytest.fixture
def address(shree: Workspace, settings: Any) -> Iterator[str]:
    """The whole site in threads beside the test, one request at a time over the test's own connection, so that its rows are seen."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.counting_visits"]
    storage.use("usage")
    shared, turn = connection._connections[connection._alias], threading.Lock()  # type: ignore[attr-defined]
    handler = StaticFilesHandler(WSGIHandler())

    def one_at_a_time(environ: Any, start: Any) -> list[bytes]:
        with turn:
            connections["default"] = shared
            return list(handler(environ, start))

    shared.inc_thread_sharing()
    for signal in (request_started, request_finished):  # what ends a request would end the test's transaction
        signal.disconnect(close_old_connections)
    with make_server("127.0.0.1", 0, one_at_a_time, Threaded, Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    shared.dec_thread_sharing()
    storage._used.discard("usage")


def cookies(context: BrowserContext) -> set[str]:
    return {one["name"] for one in context.cookies()}  # type: ignore[typeddict-item]


def test_nothing_is_set_before_a_yes_and_a_no_is_as_easy(address: str, shree: Workspace) -> None:
    hosts, here = set[str](), f"{address}/w/{shree.pk}"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium.program(), args=chromium.ARGUMENTS)

        def visit(**options: Any) -> Page:
            context = browser.new_context(**options)
            context.on("request", lambda asked: hosts.add(urlsplit(asked.url).netloc))
            page = context.new_page()
            page.goto(f"{here}/choices/")
            assert cookies(context) <= {"csrf"}
            return page

        refusing = visit()
        yes, no = (refusing.locator(f".device-banner button[value={act}]") for act in ("accept", "refuse"))
        boxes = [button.bounding_box() for button in (yes, no)]
        looks = [button.evaluate("one => [one.className, getComputedStyle(one).color]") for button in (yes, no)]
        assert boxes[0] and boxes[1] and boxes[0]["y"] == boxes[1]["y"] and looks[0] == looks[1]
        no.click()
        refusing.wait_for_url(f"{here}/choices/")
        assert refusing.locator(".device-banner").count() == 0
        refusing.goto(f"{here}/cookies/")
        assert cookies(refusing.context) == {"csrf", "storage_choice"}

        agreeing = visit(java_script_enabled=False)
        agreeing.locator(".device-banner button[value=accept]").click()
        assert cookies(agreeing.context) == {"csrf", "storage_choice", "usage"}, "declared and agreed to, no other"
        agreeing.goto(f"{here}/cookies/")
        agreeing.locator("input[name=kinds]").first.uncheck()
        agreeing.locator("main button[value=choose]").click()
        assert cookies(agreeing.context) == {"csrf", "storage_choice"}, "taken back, it goes at once"

        signalling = visit(extra_http_headers={"Sec-GPC": "1"})
        assert signalling.locator(".device-banner").count() == 0
        signalling.goto(f"{here}/cookies/")
        assert "It is obeyed" in signalling.locator("main").inner_text()
        assert signalling.locator("input[name=kinds]").count() == 0 and cookies(signalling.context) <= {"csrf"}
        browser.close()
    assert hosts == {urlsplit(address).netloc}
