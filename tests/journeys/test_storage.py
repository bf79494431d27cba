"""What really reaches a browser that said yes to nothing: no request to another host, only declared cookies, everything works."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.journeys.browsers import PHONE, Town

pytestmark = [pytest.mark.slow, pytest.mark.journey]

DECLARED = {"session", "csrf", "language", "theme", "choices", "storage_choice"}
KEPT = "() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]"


def test_without_a_yes_only_declared_cookies_and_no_other_host(town: Town, seated: Any) -> None:
    owner = seated("csc", "owner")
    page = owner.go("/consent/forms/")
    page.locator("[name=title]").fill("Village fair")
    page.locator("main form input[name=wanted]").first.check()
    page.get_by_role("button", name="Make the form").click()
    form = urlsplit(page.locator("main a[href*='/w/'][href*='/forms/']").first.get_attribute("href") or "").path
    here = form[: form.index("/forms/")]

    visitor, hosts = town.visitor(**PHONE), set[str]()
    visitor.page.on("request", lambda asked: hosts.add(urlsplit(asked.url).netloc))
    for path in ("/accounts/login/", "/cookies/", f"{here}/cookies/", f"{here}/choices/", form):
        seen = visitor.go(path)
        assert seen.locator(".device-banner").count() == 0, "nothing is set that would have to be asked for"
        assert seen.evaluate(KEPT) == [], path
        cookies = {one["name"] for one in visitor.context.cookies()}  # type: ignore[typeddict-item]
        assert cookies <= {"csrf"}, path
    assert hosts == {urlsplit(visitor.base).netloc}
    assert visitor.go(form).locator("input[type=checkbox]:checked").count() == 0

    signed_in = {one["name"] for one in owner.context.cookies()}  # type: ignore[typeddict-item]
    assert "session" in signed_in and signed_in <= DECLARED


def test_public_pages_work_in_a_browser_that_keeps_no_cookie(town: Town, seated: Any) -> None:
    owner = seated("csc", "owner")
    page = owner.go("/contacts/")
    page.locator("tbody a.row-link").first.click()
    page.wait_for_load_state()
    owner.go(owner.path + "choices/")
    where = urlsplit(owner.page.locator("main a[href*='/w/'][href*='/choices/']").get_attribute("href") or "").path
    visitor = town.visitor(extra_http_headers={"Sec-GPC": "1"})
    for path in (where, where.replace("choices", "cookies")):
        visitor.go(path)
        visitor.context.clear_cookies()
        assert visitor.page.locator("h1").count() == 1
    assert "It is obeyed" in visitor.text()
