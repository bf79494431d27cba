"""An owner without a lawyer: from a fresh workspace to a published policy, seeing each sentence change and the law refuse."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from amanat.web.tests import chromium
from tests.journeys import browsers
from tests.journeys.browsers import DESK, PHONE, Town, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.journey]

DETAILS = {
    "Name of your firm": "Sahyadri Seva Kendra",
    "Office": "Nashik, India",
    "E-mail for questions about privacy": "privacy@sahyadri.example",
    "Telephone": "+91 253 222 3344",
    "Postal address": "Main Road, Nashik 422001",
    "Their e-mail": "grievance@sahyadri.example",
    "Courts of": "Nashik",
}


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_owner_publishes_a_policy(town: Town, demo: dict[str, Any], size: dict[str, Any]) -> None:
    visitor = _fresh_workspace(town, demo, size)
    page = visitor.page
    visitor.go("/policy/")
    assert "You have not published a policy yet" in visitor.text()
    _look(visitor)
    visitor.go("/policy/start/")
    for label, text in DETAILS.items():
        page.get_by_label(label, exact=False).first.fill(text)
    page.get_by_label("Service centre").check()
    _look(visitor)
    with page.expect_navigation():
        visitor.press("Make the draft")
    assert visitor.path == "/policy/draft/"
    assert "May be published" in visitor.text()
    assert "Support cases: 2 years after they are closed." in visitor.text()
    _look(visitor)

    _change_a_sentence(visitor)
    _meet_the_law(visitor)

    visitor.go("/policy/draft/preview/")
    assert "Support cases: 18 months after they are closed." in visitor.text()
    _look(visitor)
    page.get_by_role("link", name="मराठी").click()
    expect(page.locator("article h2")).to_have_text("गोपनीयता धोरण")
    visitor.go("/policy/draft/review/")
    assert "At once" in visitor.text()
    _look(visitor)
    with page.expect_navigation():
        visitor.press("Publish")
    assert visitor.path == "/policy/"
    assert "Version 1" in visitor.text()

    anyone = town.visitor(**size)
    anyone.go(page.get_by_role("link", name="Public page").get_attribute("href") or "")
    said = anyone.page.locator("body").inner_text()
    assert "Sahyadri Seva Kendra" in said
    assert "Support cases: 18 months after they are closed." in said
    assert anyone.context.cookies() == []


def _change_a_sentence(visitor: Visitor) -> None:
    """The new sentence stands there before it is saved."""
    page = visitor.page
    page.locator("#clause-keep-support").get_by_role("link", name="Change").click()
    page.wait_for_url("**/clauses/keep-support/")
    number = page.get_by_label("How long support is kept after case closed", exact=False).first
    number.fill("18")
    page.get_by_label("Unit: How long support is kept after case closed").select_option("M")
    expect(page.locator("#effect .editing-after")).to_have_text(
        re.compile("Support cases: 18 months after they are closed.")
    )
    expect(page.locator("#effect .editing-before")).to_have_text(
        re.compile("Support cases: 2 years after they are closed.")
    )
    _look(visitor)
    with page.expect_navigation():
        visitor.press("Save in the draft")
    assert visitor.path == "/policy/draft/"
    assert "Support cases: 18 months after they are closed." in visitor.text()


def _meet_the_law(visitor: Visitor) -> None:
    """Nobody under eighteen, and no logs of fourteen days: told at once, refused when saved, nothing typed is lost."""
    page = visitor.page
    visitor.go("/policy/draft/clauses/children/")
    age = page.get_by_label("The lowest age")
    age.fill("16")
    expect(page.locator("#effect")).to_contain_text("This cannot be saved")
    expect(page.locator("#effect")).to_contain_text("A child is anyone under 18")
    visitor.press("Save in the draft")
    expect(page.locator(".field-error")).to_contain_text("A child is anyone under 18")
    assert page.get_by_label("The lowest age").input_value() == "16"
    _look(visitor)
    visitor.leaves = True
    visitor.go("/policy/draft/clauses/keep-usage/")
    page.get_by_label("How long security is kept after seen", exact=False).first.fill("14")
    page.get_by_label("Unit: How long security is kept after seen").select_option("D")
    page.locator("summary", has_text="More rules").click()
    for tick in page.locator("input[name='r:keep.security.floor']").all():
        tick.uncheck()
    visitor.press("Save in the draft")
    expect(page.locator("main")).to_contain_text("can end before the law allows it")
    assert page.locator("[name='r:keep.security.until.seen']").input_value() == "14"
    visitor.go("/policy/draft/")
    assert "Security logs: 1 year." in visitor.text()
    visitor.leaves = False


def _fresh_workspace(town: Town, demo: dict[str, Any], size: dict[str, Any]) -> Visitor:
    """A session of its own: entering a workspace changes only this one."""
    owner = next(member for member in demo["csc"]["members"] if member["role"] == "owner")
    visitor = town.visitor(looks=True, **size)
    visitor.sign_in(owner["email"], owner["password"])
    visitor.go("/workspaces/new/")
    page = visitor.page
    page.get_by_label("Name of the shop or firm").fill("Sahyadri Seva Kendra")
    page.get_by_label("Kind of business").select_option("csc")
    page.get_by_label("Place").fill("Nashik")
    with page.expect_navigation():
        visitor.press("Make the workspace")
    return visitor


def _look(visitor: Visitor) -> None:
    """Each page in light and dark: no fault of the checker, one heading, nothing sideways."""
    for scheme, rules in (("light", browsers.LEVELS), ("dark", chromium.COLOURS)):
        visitor.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        assert browsers.serious(visitor.page, visitor.read, rules) == [], (visitor.path, scheme)
    assert browsers.bones(visitor.page) == [], visitor.path
    visitor.page.emulate_media(color_scheme="light")


def test_two_owners_edit_without_a_script(town: Town, demo: dict[str, Any]) -> None:
    """Plain requests carry the whole way; who comes second sees both texts."""
    visitor = _fresh_workspace(town, demo, DESK)
    plain = town.visitor(visitor.context.storage_state(), java_script_enabled=False, **DESK)
    page = plain.page
    plain.go("/policy/start/")
    for label, text in DETAILS.items():
        page.get_by_label(label, exact=False).first.fill(text)
    page.get_by_label("Agency").check()
    with page.expect_navigation():
        plain.press("Make the draft")
    plain.go("/policy/draft/clauses/keep-support/")
    visitor.go("/policy/draft/clauses/keep-support/")
    for who, number in ((visitor, "3"), (plain, "4")):
        who.page.locator("[name='r:keep.support.until.case_closed']").fill(number)
        with who.page.expect_response(lambda answer: answer.request.method == "POST" and "/try/" not in answer.url):
            who.press("Save in the draft")
    plain.page.wait_for_load_state()
    assert "changed this meanwhile to: 3 years" in plain.text()
    assert page.locator("[name='r:keep.support.until.case_closed']").input_value() == "4"
    with page.expect_navigation():
        plain.press("Save in the draft")
    assert "Support cases: 4 years after they are closed." in plain.text()
