"""The owner and her people: an invitation, limits that hold, a seat that ends, second factors, sessions, login history."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.journeys import browsers
from tests.journeys.browsers import Town, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.journey]


def totp_code(secret: str, later: int = 0) -> str:
    """What an authenticator app shows for `secret`, now or `later` half minutes on."""
    return browsers.totp_code(secret, int(time.time()) // 30 + later)


def test_member_is_invited_limited_and_her_seat_ended(town: Town, seated) -> None:  # type: ignore[no-untyped-def]
    owner = seated("csc", "owner")
    page = owner.page
    address = browsers.fresh_address("nanda")
    owner.go("/settings/teams/")
    page.get_by_label("Name", exact=True).fill("Evening desk")
    with page.expect_navigation():
        owner.press("Make the team")
    owner.go("/settings/members/invite/")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Role").select_option("agent")
    page.get_by_label("Sees").select_option("team")
    page.get_by_label("Team").select_option(label="Evening desk")
    with page.expect_navigation():
        owner.press("Send the invitation")

    nanda = _join(town, address)
    assert "Nothing is planned for today" in nanda.text()
    nanda.go("/contacts/")
    assert "No contacts yet" in nanda.text(), "she sees nobody of the other teams"
    nanda.go("/search/?q=sunita")
    assert "Nothing found" in nanda.text()
    owner.go("/contacts/")
    theirs = page.locator("a.row-link").first.get_attribute("href")
    assert nanda.page.request.get(owner.base + str(theirs)).status == 404
    assert nanda.page.request.get(owner.base + "/settings/members/").status == 403

    # What she adds herself she sees, and so does the owner.
    nanda.go("/contacts/new/")
    nanda.page.get_by_label("Name", exact=False).first.fill("Evening Visitor")
    with nanda.page.expect_navigation():
        nanda.press("Save")
    nanda.go("/contacts/")
    assert "Evening Visitor" in nanda.text()
    nanda.go("/settings/roles/")
    exporting = nanda.page.locator("tr", has_text="Export lists and the whole workspace").locator("td")
    assert [bool(cell.locator("svg").count()) for cell in exporting.all()] == [True, True, False, False]

    owner.go("/settings/members/")
    page.get_by_role("link", name="Nanda Evening").click()
    owner.press("End the seat")
    owner.confirm("End the seat")
    page.wait_for_url("**/settings/members/")
    nanda.page.reload()
    assert nanda.path.startswith("/workspaces/"), "her next click is refused"
    assert "Shree CSC Kendra" not in nanda.text()


def _join(town: Town, address: str) -> Visitor:
    """Somebody opens the link in the mail, makes an account and joins."""
    visitor = town.visitor()
    page = visitor.page
    visitor.go(town.link(address, "/join/"))
    page.get_by_role("link", name="Sign up").first.click()
    assert page.get_by_label("E-mail").input_value() == address
    page.get_by_label("Your name").fill("Nanda Evening")
    page.get_by_label("Password", exact=True).fill(browsers.PASSWORD)
    with page.expect_navigation():
        visitor.press("Sign up")
    page.locator("input[name=code]").fill(town.code(address))
    with page.expect_navigation():
        visitor.press("Go on")
    if "/join/" in page.url:
        with page.expect_navigation():
            visitor.press("Join")
    assert visitor.path == "/"
    return visitor


def test_second_factor_is_demanded_set_up_and_used(town: Town, demo) -> None:  # type: ignore[no-untyped-def]
    """The owner demands it; the agent is led to set it up, gets recovery codes, and signs in with the app from then on."""
    shop = demo["calling"]["members"]
    owner_seat, agent_seat = shop[0], shop[1]
    agent = town.visitor()
    agent.sign_in(agent_seat["email"], agent_seat["password"])
    agent.go("/contacts/")
    owner = town.visitor()
    owner.sign_in(owner_seat["email"], owner_seat["password"])
    english(owner)
    english(agent)
    owner.go("/accounts/2fa/totp/deactivate/")
    with owner.page.expect_navigation():
        owner.page.locator("main form:not([action*=logout]) button").last.click()
    _demand(owner)
    assert "Set up a second factor for yourself first" in owner.text()
    owner.go("/accounts/2fa/")
    _set_up(owner)
    for path in ("/accounts/2fa/", "/accounts/2fa/totp/deactivate/", "/accounts/2fa/recovery-codes/"):
        owner.go(path)
        assert browsers.bones(owner.page) + browsers.serious(owner.page) == []
    _demand(owner)
    assert "yourself first" not in owner.text()

    agent.go("/contacts/")
    assert agent.path == "/settings/second-factor-needed/", "no page of the workspace before it is set up"
    secret = _set_up(agent)
    agent.go("/contacts/")
    assert agent.path == "/contacts/"

    again = town.visitor()
    again.sign_in(agent_seat["email"], agent_seat["password"])
    assert again.path == "/accounts/2fa/authenticate/"
    again.page.locator("input[name=code]").first.fill("000000")
    with again.page.expect_navigation():
        again.page.locator("main form button.button-primary").first.click()
    expect(again.page.locator(".field-error, .notice").first).to_be_visible()
    # An app's code works once: the one that set it up is used, so the next half minute's is taken.
    again.page.locator("input[name=code]").first.fill(totp_code(secret, later=1))
    with again.page.expect_navigation():
        again.page.locator("main form button.button-primary").first.click()
    again.go("/contacts/")
    assert again.path == "/contacts/"


def _demand(owner: Visitor) -> None:
    owner.go("/settings/security/")
    owner.page.get_by_label("Members need a second factor").check()
    with owner.page.expect_navigation():
        owner.press("Save")


def _set_up(visitor: Visitor) -> str:
    page = visitor.page
    page.get_by_role("link", name=re.compile("app", re.IGNORECASE)).first.click()
    page.wait_for_url("**/2fa/totp/activate/**")
    page.locator("summary", has_text="cannot scan").click()
    secret = page.locator("code.code").inner_text().strip()
    page.locator("input[name=code]").fill(totp_code(secret))
    with page.expect_navigation():
        visitor.press("Switch on")
    assert "recovery" in visitor.text().lower()
    codes = re.findall(r"^\s*[0-9a-z]{8}\s*$", visitor.text(), re.MULTILINE)
    assert len(codes) == 10, visitor.text()
    return secret


def english(visitor: Visitor) -> None:
    """The demo's calling desk works in Marathi; this reader does not."""
    page = visitor.go("/settings/account/")
    page.locator("select[name=language]").select_option("en")
    with page.expect_navigation():
        page.locator("main form button.button-primary").first.click()


def test_other_browser_is_signed_out_and_failures_are_listed(town: Town, demo) -> None:  # type: ignore[no-untyped-def]
    seat = demo["agency"]["members"][1]  # nobody else's journey needs this seat to stay signed in
    stranger = town.visitor()
    stranger.sign_in(seat["email"], "not her password 1234")
    assert stranger.path == "/accounts/login/"
    counter, home = town.visitor(), town.visitor()
    counter.sign_in(seat["email"], seat["password"])
    home.sign_in(seat["email"], seat["password"])
    english(home)
    home.go("/settings/devices/")
    shown = home.page.locator("ul.lines li")
    assert shown.count() >= 2
    assert shown.filter(has_text="this device").count() == 1
    while shown.filter(has_not_text="this device").count():
        with home.page.expect_navigation():
            shown.filter(has_not_text="this device").first.get_by_role("button").click()
    counter.go("/contacts/")
    assert counter.path == "/accounts/login/", "the other browser is out at its next click"
    home.go("/settings/history/")
    rows = home.page.locator("tbody tr").all_inner_texts()
    assert sum("Signed in" in row for row in rows) >= 2
    assert any("password" in row.lower() for row in rows), rows
    home.go("/contacts/")
    assert home.path == "/contacts/"
