"""Chromium as people use it: pages that remember everything that went wrong on them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from amanat.web.tests import chromium

PATIENCE = 30_000  #: milliseconds; only a fault waits so long, and a busy machine is none
expect.set_options(timeout=PATIENCE)
DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
PASSWORD = "marigold river 4711 lantern"
CODE = re.compile(r"^\s*([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})\s*$", re.MULTILINE)


@contextmanager
def browser_of_this_machine() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium.program(), args=chromium.ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class App:
    """An authenticator app that shows each code once, because a site takes it once."""

    def __init__(self, secret: str) -> None:
        self._secret, self._shown = secret, 0

    def next_code(self) -> str:
        """The code of this half minute, or of the next one, which a site takes too. Waits when both were shown."""
        while (step := max(int(time.time()) // 30, self._shown + 1)) > int(time.time()) // 30 + 1:
            time.sleep(1)
        self._shown = step
        return totp_code(self._secret, step)


def totp_code(secret: str, step: int) -> str:
    """What an authenticator app shows for `secret` in a half minute, counted from 1970 (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8), hashlib.sha1)
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


#: The apps of those members of the demo who have one, by their address.
APPS: dict[str, App] = {}


@dataclass
class Visitor:
    """One person at one browser. `faults` holds what no page may do: console errors, script errors, calls elsewhere,
    and a question before leaving where nothing is lost; a journey that means to leave sets `leaves`."""

    base: str
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)
    leaves: bool = False
    asked: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)  #: what the accessibility checker found to be readable

    def watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url} script: {error}"))
        page.on("dialog", self._asked)
        page.on("request", self._requested)
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        refused = "Failed to load resource" in message.text  # a refusal is what some journeys are about
        if message.type in {"error", "warning"} and not refused:
            self.faults.append(f"{self.page.url} console: {message.text}")

    def _asked(self, dialog: Dialog) -> None:
        self.asked.append(dialog.type)
        if dialog.type != "beforeunload" or not self.leaves:
            self.faults.append(f"{self.page.url} dialog {dialog.type}: {dialog.message}")
        dialog.accept()

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        is_ours = request.url.startswith((self.base, self.live))
        if parts.scheme in {"http", "https", "ws", "wss"} and not is_ours:
            self.faults.append(f"{self.page.url} asked elsewhere: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.url} answered {response.status}")

    @property
    def live(self) -> str:
        """Where pages hear live events: the port above."""
        parts = urlsplit(self.base)
        return f"http://{parts.hostname}:{(parts.port or 0) + 1}/live/"

    def go(self, path: str) -> Page:
        self.page.goto(path if path.startswith("http") else self.base + path)
        return self.page

    def text(self) -> str:
        """What the page says in its main part, with plain blanks."""
        return self.page.locator("main").inner_text().replace("\xa0", " ").replace("\u202f", " ")

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def press(self, name: str, **options: Any) -> None:
        """The button of that name on the page, not in a menu."""
        self.page.get_by_role("button", name=name, **options).first.click()

    def confirm(self, name: str) -> None:
        """Answer the question that the page asks before a loss."""
        self.page.locator("dialog[open]").get_by_role("button", name=name).click()

    def sign_in(self, email: str, password: str) -> None:
        self.go("/accounts/login/")
        self.page.get_by_label("E-mail", exact=False).first.fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        with self.page.expect_navigation():
            self.page.locator("main form button.button-primary").first.click()
        if email in APPS and self.path == "/accounts/2fa/authenticate/":
            self.page.locator("input[name=code]").first.fill(APPS[email].next_code())
            with self.page.expect_navigation():
                self.page.locator("main form button.button-primary").first.click()

    def sign_out(self) -> None:
        self.context.clear_cookies()

    def close(self) -> None:
        self.context.close()


class Town:
    """Everybody who visits the site, in one browser."""

    def __init__(self, browser: Browser, base: str) -> None:
        self.browser, self.base = browser, base
        self.visitors: list[Visitor] = []

    def visitor(self, state: Any = None, looks: Any = False, **options: Any) -> Visitor:
        """A browser of somebody's own; `state` is another's, signed in. One who `looks` has the accessibility checker with her."""
        settings: dict[str, Any] = {"locale": "en-IN", "timezone_id": "Asia/Kolkata", **(options or DESK)}
        context = self.browser.new_context(storage_state=state, **settings)
        context.set_default_timeout(PATIENCE)
        if looks:
            context.add_init_script(script=chromium.BEFORE_ALL)
        made = Visitor(self.base, context, context.new_page())
        made.watch(made.page)
        self.visitors.append(made)
        return made

    def letter(self, to: str, holding: str = "") -> str:
        """The newest mail or text to `to` in the outbox of this machine, which a worker may still be writing."""
        reader = self.browser.new_context()
        page, found = reader.new_page(), list[str]()
        for _ in range(40):
            page.goto(self.base + "/outbox/")
            found = [
                article.inner_text()
                for article in page.locator("article.kept-message").all()
                if to in article.locator("strong").first.inner_text()
            ]
            if any(holding in text for text in found):
                break
            page.wait_for_timeout(250)
        reader.close()
        matching = [text for text in found if holding in text]
        assert matching, f"nothing to {to} in the outbox: {found}"
        return matching[0]

    def code(self, to: str) -> str:
        found = CODE.search(self.letter(to))
        assert found, "no code in the mail"
        return found[1]

    def link(self, to: str, part: str) -> str:
        found = re.search(rf"https?://\S*{part}\S*", self.letter(to, part))
        assert found, "no link in the mail"
        return found[0]


def bones(page: Page) -> list[str]:
    """What every page has: one main heading, a title, no scrolling sideways."""
    seen = page.evaluate(f"{chromium.LOOKING}; looking.bones()")
    found = [] if seen["headings"] == 1 else [f"{seen['headings']} main headings"]
    found += [] if len(seen["title"]) > 2 else ["no title"]
    return found + ([f"scrolls sideways by {seen['sideways']}"] if seen["sideways"] > 0 else [])


def serious(page: Page, read: set[str] | None = None, rules: Sequence[str] = LEVELS) -> list[str]:
    """Serious and critical findings; `read` is what earlier pages have shown to be readable, where there were any."""
    found = chromium.findings(page, rules, set() if read is None else read)
    return [place for impact, place in found if impact in {"serious", "critical"}]


def fresh_address(name: str) -> str:
    return f"{name}.{secrets.token_hex(4)}@journey.example"
