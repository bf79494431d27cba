"""The counter agent at speed: a service in seconds with the keyboard alone, and with a thumb on a phone."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.journeys import browsers
from tests.journeys.test_records import number

pytestmark = [pytest.mark.slow, pytest.mark.journey]

A_SERVICE = re.compile(r"/services/[0-9a-f-]{36}/$")


def test_new_service_by_keyboard_alone(seated) -> None:  # type: ignore[no-untyped-def]
    """From any page: Ctrl K, the action, the person, the service, what was paid, Enter."""
    agent = seated("csc", "agent")
    page = agent.go("/contacts/")
    page.keyboard.press("Control+k")
    page.keyboard.type("new service")
    expect(page.locator("#palette-results a.is-active")).to_have_text("New: Service")
    page.keyboard.press("Enter")
    page.wait_for_url("**/services/new/**")
    assert page.evaluate("document.activeElement.name") == "person", "the first field has the focus"
    page.keyboard.type("farhana k")
    expect(page.locator("#people-options [aria-selected=true]")).to_contain_text("Farhana Khan")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "service"
    page.keyboard.type("PAN corr")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "paid", "a service of the list brings its fee"
    page.keyboard.type("50")
    with page.expect_navigation(url=A_SERVICE):
        page.keyboard.press("Enter")
    words = agent.text()
    assert "PAN correction" in words
    assert "Farhana Khan" in words
    assert "₹ 50" in words


def test_new_service_for_somebody_new_by_touch(seated) -> None:  # type: ignore[no-untyped-def]
    """On a phone: the round button of the bottom bar, a new number and name, Save under the thumb."""
    agent = seated("csc", "agent", **browsers.PHONE)
    page, phone = agent.go("/"), number()
    name = f"Kamla {secrets.token_hex(2)}"
    bar = page.locator(".phone-bar")
    bar.get_by_role("button", name="New").tap()
    page.locator("[popover]:popover-open").get_by_role("link", name="Service", exact=True).tap()
    page.wait_for_url("**/services/new/**")
    page.get_by_label("Person", exact=True).fill(f"{phone} {name}")
    page.locator("#people-options [role=option]").last.tap()
    assert page.locator("[name=new_name]").input_value() == name
    assert page.locator("[name=new_phone]").input_value() == f"+91{phone}"
    page.get_by_label("Service", exact=True).select_option(label="Aadhaar PVC card")
    save = page.get_by_role("button", name="Save")
    save.scroll_into_view_if_needed()
    button, below = save.bounding_box(), bar.bounding_box()
    assert button and below
    assert button["y"] + button["height"] <= below["y"], "the bottom bar covers Save"
    with page.expect_navigation(url=A_SERVICE):
        save.tap()
    assert name in agent.text()
    assert "₹ 80 due" in agent.text()

    # Part of it is paid now, the rest later, and never more than is due.
    page.get_by_label("Amount").fill("500")
    page.get_by_role("button", name="Take payment").tap()
    expect(page.locator(".field-error").first).to_be_visible()
    page.get_by_label("Amount").fill("30")
    with page.expect_navigation(url=A_SERVICE):
        page.get_by_role("button", name="Take payment").tap()
    assert "₹ 50 due" in agent.text()
    bar.get_by_role("link", name="Contacts").tap()
    page.wait_for_url("**/contacts/")
    page.get_by_role("link", name=name).tap()
    page.wait_for_url("**/contacts/*-*/")
    assert "Aadhaar PVC card" in agent.text()


def test_list_is_walked_and_changed_by_keyboard(seated) -> None:  # type: ignore[no-untyped-def]
    """j and k move, x ticks, Enter opens; a tag goes onto the ticked ones at once."""
    agent = seated("csc", "agent")
    page, tag = agent.go("/contacts/"), f"Camp {secrets.token_hex(2)}"
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("[data-bulk-count]").inner_text() == "2"
    names = [line.strip() for line in page.locator("tbody tr:has(input:checked) a.row-link").all_inner_texts()]
    page.get_by_role("button", name="Tag", exact=True).click()
    page.locator("#bulk-tag-name").fill(tag)
    with page.expect_navigation():
        page.locator("#bulk-tag").get_by_role("button", name="Add").click()
    tagged = page.locator("tbody tr", has_text=tag).locator("a.row-link").all_inner_texts()
    assert [line.strip() for line in tagged] == names
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/contacts/*-*/")
