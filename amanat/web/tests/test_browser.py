"""The style guide in a real browser: no accessibility fault, nothing refused by the policy, keyboard, phone, right to left."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.conf import settings as site
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from playwright.sync_api import Browser, Page, Route, sync_playwright

from amanat.web.tests import chromium

pytestmark = [pytest.mark.slow, pytest.mark.journey]

LEVELS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = ["", "home/", "contacts/", "person/", "hindi/", "policy/", "sign-in/", "receipt/", "errors/404/", "errors/500/"]
DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The web package alone, served with its content security policy on a free port."""
    with (
        override_settings(
            ROOT_URLCONF="amanat.web.tests.urls",
            MIDDLEWARE=[
                "django.middleware.csp.ContentSecurityPolicyMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
            ],
            STORAGES=site.STORAGES
            | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}},
            ALLOWED_HOSTS=["127.0.0.1"],
            TIME_ZONE="Asia/Kolkata",
        ),
        make_server("127.0.0.1", 0, StaticFilesHandler(WSGIHandler()), Threaded, Quiet) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium.program(), args=chromium.ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    page: Page
    faults: list[str] = field(default_factory=list)  #: messages of the console, failed and foreign requests


@pytest.fixture(scope="module")
def read() -> set[str]:
    """What the checker found to be readable, of all pages."""
    return set()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[object]:
    with ExitStack() as stack:

        def start(path: str, looks: bool = False, **options: object) -> Visit:
            context = browser.new_context(**(options or DESK))  # type: ignore[arg-type]
            if looks:
                context.add_init_script(script=chromium.BEFORE_ALL)
            stack.callback(context.close)
            page = context.new_page()
            made = Visit(page)
            page.on(
                "console", lambda said: made.faults.append(said.text) if said.type in {"error", "warning"} else None
            )
            page.on("pageerror", lambda error: made.faults.append(str(error)))
            page.on("request", lambda asked: None if asked.url.startswith(address) else made.faults.append(asked.url))
            page.goto(address + path)
            page.wait_for_load_state("networkidle")
            return made

        yield start


@pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", PAGES)
def test_page_has_no_accessibility_fault(visit, read, path, device) -> None:  # type: ignore[no-untyped-def]
    """In light with every rule, in dark with those that ask for colours."""
    made = visit(f"styleguide/{path}", looks=True, color_scheme="light", reduced_motion="reduce", **device)
    assert made.faults == [fault for fault in made.faults if "status of 40" in fault or "status of 50" in fault]
    assert chromium.findings(made.page, LEVELS, read) == []
    made.page.emulate_media(color_scheme="dark")
    assert chromium.findings(made.page, chromium.COLOURS, read) == []


FINE = "<p style='color: #333'>Words</p><button style='width: 40px; height: 30px'>B</button>"
FAULTS = {
    "color-contrast": "<p style='color: #bbb'>Words</p>",
    "color-contrast of what floats": "<p style='background: #333; height: 40px'><b style='position: absolute; color: #555'>Words</b></p>",
    "color-contrast in another place": "<div style='background: #444'><p style='color: #333'>Words</p></div>",
    "color-contrast through a veil": "<div style='opacity: .4'><p style='color: #333'>Words</p></div>",
    "target-size": "<button style='width: 10px; height: 10px; padding: 0'>B</button>" * 2,
    "target-size under another": "<button style='width: 40px; height: 30px'>B</button>"
    "<button style='width: 40px; height: 28px; margin: -20px 0 0; display: block'>C</button>",
    "label": "<input>",
}


def test_what_is_not_judged_twice_is_not_overlooked(browser) -> None:  # type: ignore[no-untyped-def]
    """The checker is asked only where the answer is not known: each fault is found after a page that has none."""
    context = browser.new_context(**PHONE)
    context.add_init_script(script=chromium.BEFORE_ALL)
    page, read = context.new_page(), set[str]()
    around = "<html lang='en'><title>Try</title><meta name='viewport' content='width=device-width'><main>{}</main>"
    page.set_content(around.format(FINE))
    for _twice in range(2):
        assert chromium.findings(page, ["wcag2a", "wcag2aa", "wcag22aa"], read) == []
    assert len(read) == 2
    for fault, written in FAULTS.items():
        page.set_content(around.format(FINE + written))
        found = [place.split()[0] for _, place in chromium.findings(page, ["wcag2a", "wcag2aa", "wcag22aa"], read)]
        assert found == [fault.split()[0]], fault
    page.set_content(around.format("<p style='width: 600px'>Words</p>"))
    assert page.evaluate("looking.bones().sideways") > 0
    context.close()


@pytest.mark.parametrize("path", PAGES[:8])
def test_page_never_scrolls_sideways(visit, path) -> None:  # type: ignore[no-untyped-def]
    """720 is a desk at 200 %, 320 a phone whose owner needs large text (WCAG 1.4.10)."""
    page = visit(f"styleguide/{path}").page
    for width in (1024, 720, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", ["", "contacts/", "person/"])
def test_page_stands_in_a_right_to_left_script(visit, path) -> None:  # type: ignore[no-untyped-def]
    page = visit(f"styleguide/{path}").page
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    assert page.locator(".sidebar").bounding_box()["x"] > 1000


@pytest.mark.parametrize("path", ["", "home/", "contacts/", "person/", "sign-in/"])
def test_targets_are_large_enough_for_a_thumb(visit, path) -> None:  # type: ignore[no-untyped-def]
    page = visit(f"styleguide/{path}", **PHONE).page
    small = page.evaluate("""() => [...document.querySelectorAll('.button, .tabs a, .phone-bar > *, .menu-item, .back, .search-open')]
        .filter(e => e.checkVisibility()).filter(e => e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 120))""")
    assert small == []


def test_palette_opens_by_key_searches_and_follows(visit) -> None:  # type: ignore[no-untyped-def]
    made = visit("styleguide/home/")
    page = made.page
    page.route(
        "**/search/palette/?q=desh",
        lambda route: route.fulfill(
            content_type="text/html",
            body='<a href="/styleguide/policy/">Deshmukh Dairy</a><a href="/styleguide/person/">Sunita Deshmukh</a>',
        ),
    )
    page.route(
        "**/search/palette/?q=d*",
        lambda route: route.fallback() if route.request.url.endswith("desh") else route.fulfill(body=""),
    )
    page.keyboard.press("Control+k")
    page.keyboard.type("desh")
    page.wait_for_selector("#palette-results a.is-active")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/styleguide/person/")
    page.keyboard.press("/")
    assert page.locator("#palette-results a").all_inner_texts() == ["Sunita Deshmukh"]
    page.keyboard.press("Escape")
    assert not page.locator("#palette").is_visible()
    assert made.faults == []


def test_signing_out_forgets_what_was_opened(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/home/").page
    page.evaluate('sessionStorage.setItem(\'amanat.recent\', \'[{"href": "/", "text": "Sunita"}]\')')
    page.goto(page.url.replace("home", "sign-in"))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("sessionStorage.length") == 0


def test_list_is_worked_by_keyboard(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/contacts/").page
    bar = page.locator("[data-bulk]")
    assert not bar.is_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent.trim()").endswith("Arjun Mehta")
    page.keyboard.press("x")
    page.keyboard.press("k")
    page.keyboard.press("x")
    assert bar.locator("[data-bulk-count]").inner_text() == "2"
    page.locator("[data-select-all]").check()
    assert bar.locator("[data-bulk-count]").inner_text() == "11"
    assert page.locator("[data-select-matching]").is_visible()
    page.locator("[data-bulk-clear]").click()
    assert not bar.is_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/styleguide/person/")


def test_erasing_asks_once_and_says_what_happens(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/person/").page
    sent: list[str] = []
    page.route("**/styleguide/person/", lambda route: (sent.append(route.request.method), route.continue_()))
    page.get_by_role("button", name="Erase", exact=True).click()
    dialog = page.get_by_role("dialog", name="Erase Sunita Deshmukh?")
    assert "can be undone for 7 days" in dialog.inner_text()
    dialog.get_by_role("button", name="Keep as it is").click()
    assert sent == []
    page.get_by_role("button", name="Erase", exact=True).click()
    with page.expect_navigation():
        dialog.get_by_role("button", name="Erase 1 person").click()
    assert sent == ["POST"]


def test_money_is_grouped_at_rest_and_sent_plain(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/").page
    field = page.locator("#id_fee")
    assert field.input_value() == "12,06,500"
    field.focus()
    assert field.input_value() == "1206500"
    field.fill("45000.5")
    field.blur()
    assert field.input_value() == "45,000.5"
    assert page.evaluate("new FormData(document.querySelector('#id_fee').form).get('fee')") == "45000.5"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("300")
    assert field.input_value() == "300", "what is typed after Tab takes the place of the old figure"


def test_lost_connection_says_so_and_keeps_what_was_typed(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/").page
    page.locator("#id_name").fill("Sunita")
    page.context.set_offline(True)
    page.locator("#lost").wait_for(state="visible")
    page.get_by_role("button", name="Save").click()
    assert page.locator("#id_name").input_value() == "Sunita"
    page.context.set_offline(False)
    assert page.locator("#lost").is_visible(), "the form still waits to be sent"
    with page.expect_navigation():
        page.locator("[data-retry]").click()
    assert not page.locator("#lost").is_visible()


def _answer(route: Route, request: object, *, status: int, body: str) -> None:
    route.fulfill(status=status, body=body)


def test_refused_requests_are_said_and_leave_the_page_alone(visit) -> None:  # type: ignore[no-untyped-def]
    made = visit("styleguide/home/")
    page = made.page
    page.evaluate("""() => { const button = document.createElement('button'); button.id = 'try'; button.textContent = 'before';
        button.setAttribute('hx-post', '/nowhere/'); document.querySelector('main').append(button); htmx.process(button); }""")
    for status, words in ((500, "Something went wrong"), (403, "not allowed"), (429, "too often")):
        refusal = partial(_answer, status=status, body="<h1>page of the error</h1>")
        page.route("**/nowhere/", refusal)
        page.locator("#try").click()
        page.locator(".toast", has_text=words).wait_for()
        assert page.locator("#try").inner_text() == "before"
    page.route("**/nowhere/", lambda route: route.fulfill(status=422, body="at the field"))
    page.locator("#try").click()
    page.locator("#try", has_text="at the field").wait_for()


def test_htmx_sends_the_token_and_the_server_may_send_a_toast(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/home/").page
    page.evaluate("""() => { const button = document.createElement('button'); button.id = 'try'; button.textContent = 'go';
        button.setAttribute('hx-post', '/somewhere/'); document.querySelector('main').append(button); htmx.process(button); }""")
    tokens: list[str | None] = []

    def answer(route) -> None:  # type: ignore[no-untyped-def]
        tokens.append(route.request.headers.get("x-csrftoken"))
        route.fulfill(
            body="done", headers={"HX-Trigger": json.dumps({"amanat:toast": {"text": "Saved", "tone": "success"}})}
        )

    page.route("**/somewhere/", answer)
    page.locator("#try").click()
    page.locator(".toast", has_text="Saved").wait_for()
    assert tokens[0] and len(tokens[0]) == 64


def test_theme_is_chosen_at_once_and_stays(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/home/").page
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("[popovertarget=menu-member]").click()
    with page.expect_response("**/theme/"):
        page.locator("#menu-member button[value=dark]").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_pages_work_without_scripts(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/contacts/", java_script_enabled=False, **DESK).page
    page.locator("[popovertarget=menu-member]").click()
    assert page.locator("#menu-member").is_visible()
    assert page.locator(".search-open").get_attribute("href") == "/search/"
    page.locator("#menu-member button[value=dark]").click()
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_offline_a_page_becomes_the_offline_page(visit) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/home/").page
    page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    page.reload()
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    kept = page.evaluate("""async () => (await Promise.all((await caches.keys()).map(async name =>
        (await (await caches.open(name)).keys()).map(request => new URL(request.url).pathname)))).flat()""")
    assert "/offline/" in kept
    assert [path for path in kept if not path.startswith("/static/web/") and path != "/offline/"] == []
    page.context.set_offline(True)
    page.goto(page.url.replace("home", "person"))
    assert "There is no connection" in page.inner_text("h1")
    assert "Sunita" not in page.content()


TICKS_UNDER_THE_BAR = """() => [...document.querySelectorAll('tbody .tick input')].filter(box => {
    box.scrollIntoView({block: 'nearest'});
    const at = box.getBoundingClientRect();
    const seen = document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2);
    return seen && seen.closest('.bulk');
}).length"""


@pytest.mark.parametrize("size", [(720, 450), (844, 390), (390, 844)], ids=["200 %", "phone on its side", "phone"])
def test_no_tick_lies_under_the_bar_of_what_is_ticked(visit, size) -> None:  # type: ignore[no-untyped-def]
    page = visit("styleguide/contacts/", viewport={"width": size[0], "height": size[1]}).page
    page.locator("tbody .tick input").first.check()
    assert page.locator(".bulk").is_visible()
    assert page.evaluate(TICKS_UNDER_THE_BAR) == 0
