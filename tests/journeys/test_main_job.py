"""The main job of a counter from start to end, in the ways shops have it: by thumb in Hindi, by keyboard alone, without scripts."""

from __future__ import annotations

import io
import re
import secrets
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys import browsers
from tests.journeys.browsers import DESK, PHONE, Visitor
from tests.journeys.test_counter import A_SERVICE
from tests.journeys.test_records import A_CONTACT, add, number

pytestmark = [pytest.mark.slow, pytest.mark.journey]


def _photo() -> Any:
    picture = io.BytesIO()
    Image.new("RGB", (400, 300), "#cfd8dc").save(picture, "JPEG")
    return {"name": "pan.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}


def _tab_to(page: Page, wanted: str) -> None:
    """Tab until the focus is on what the selector means, as somebody without a mouse would."""
    for _step in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"{page.url}: the keyboard does not reach {wanted}")


def test_by_thumb_in_hindi(town, demo) -> None:  # type: ignore[no-untyped-def]
    """Found by a part of a number, served, paid in two parts, receipt, paper, follow-up for tomorrow, seen on Home."""
    member = demo["csc"]["members"][2]
    agent, phone = town.visitor(**PHONE), number()
    page, name = agent.page, f"गीता {secrets.token_hex(2)}"
    agent.go("/accounts/login/")
    with page.expect_navigation():
        page.get_by_role("button", name="हिन्दी").tap()
    assert page.locator("h1").inner_text() == "साइन इन करें"
    page.locator("main input[name=login]").fill(member["email"])
    page.locator("main input[name=password]").fill(member["password"])
    with page.expect_navigation():
        page.locator("main form button.button-primary").first.tap()
    add(agent, name, phone)

    # Whoever comes is found by digits from the middle of the number.
    page.locator(".search-open").tap()
    page.locator("#palette input").fill(phone[3:9])
    expect(page.locator("#palette-results a.is-active")).to_contain_text(name)
    page.locator("#palette-results a.is-active").tap()
    page.wait_for_url(A_CONTACT)
    person = agent.path
    page.locator("section", has=page.get_by_role("heading", name="सेवाएँ")).get_by_role("link", name="नई सेवा").tap()
    page.wait_for_url("**/services/new/**")
    page.locator("[name=service]").select_option(label="PAN correction")
    page.locator("[name=fee]").fill("250")
    page.locator("[name=paid]").fill("100")
    page.locator("main .form-foot button").tap()
    page.wait_for_url(A_SERVICE)
    page.locator("[name=amount]").fill("150")
    with page.expect_navigation():
        page.locator("form:has([name=amount]) button.button-primary").tap()
    assert "₹ 250" in agent.text()
    assert page.locator("[name=amount]").count() == 0, "paid in full, so nothing more is asked for"

    page.locator("#papers summary").tap()
    page.set_input_files("#papers input[type=file]", _photo())
    with page.expect_navigation():
        page.locator("#papers form .form-foot button").tap()
    assert "pan.jpg" in page.locator("#papers").inner_text()
    page.locator(".record-commands a[href$='/receipt/']").tap()
    page.wait_for_url("**/receipt/")
    receipt = page.locator("article.receipt").inner_text()
    assert name in receipt
    assert "रुपये दो सौ पचास मात्र" in receipt
    assert not re.search(r"\b(Receipt|Paid|Fee|Signature)\b", receipt)

    agent.go(person)
    with page.expect_navigation():
        page.locator("section:has(.follow-up) button[name=in]").first.tap()
    agent.go("/")
    expected = page.locator("section[aria-labelledby=expected]")
    expect(expected).to_contain_text(name)
    assert page.locator("html").get_attribute("lang") == "hi"
    assert browsers.serious(page) == []


def test_by_keyboard_alone(seated) -> None:  # type: ignore[no-untyped-def]
    """From the service to its second payment, a tick of the checklist, the receipt and the follow-up, without a mouse."""
    agent = seated("csc", "agent")
    name = f"Keya {secrets.token_hex(2)}"
    person = add(agent, name, number())
    page = agent.go(f"/services/new/?contact={person.split('/')[2]}")
    page.locator("[name=service]").select_option(label="PAN correction")
    page.locator("[name=paid]").fill("100")
    page.keyboard.press("Enter")
    page.wait_for_url(A_SERVICE)
    service = agent.path
    _tab_to(page, "[name=amount]")
    page.keyboard.press("Control+A")
    page.keyboard.type("50")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "₹ 100 due" in agent.text()
    _tab_to(page, "[name=document], [name=step]")
    with page.expect_navigation():
        page.keyboard.press("Space")
    assert page.locator(".checklist input:checked").count() == 1
    _tab_to(page, "a[href$='/receipt/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipt/")
    assert "₹ 100.00" in page.locator("article.receipt").inner_text().replace("\xa0", " ")
    agent.go(person)
    _tab_to(page, "[popovertarget=remind]")
    page.keyboard.press("Enter")
    _tab_to(page, "#remind button[name=in]")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "Tomorrow" in page.locator("p.follow-up").inner_text()
    page.keyboard.press("/")
    page.keyboard.type(name)
    expect(page.locator("#palette-results a.is-active")).to_contain_text(name)
    page.keyboard.press("Escape")
    agent.go(service)


def test_papers_ticks_and_many_at_once_without_scripts(town, demo) -> None:  # type: ignore[no-untyped-def]
    """What the other journey without scripts leaves out. The bar for ticked rows is always there, for nobody counts."""
    member = demo["csc"]["members"][1]
    manager = town.visitor(java_script_enabled=False, **DESK)
    page, tag = manager.page, f"Plain {secrets.token_hex(2)}"
    manager.sign_in(member["email"], member["password"])
    person = add(manager, f"Manda {tag}", number())
    manager.go(f"/services/new/?contact={person.split('/')[2]}")
    page.locator("[name=service]").select_option(label="PAN correction")
    page.locator("[name=fee]").fill("250")
    with page.expect_navigation():
        manager.press("Save")
    page.locator(".checklist input").first.check()
    with page.expect_navigation():
        manager.press("Keep the ticks")
    assert page.locator(".checklist input:checked").count() == 1
    page.locator("#papers summary").click()
    page.set_input_files("#papers input[type=file]", _photo())
    with page.expect_navigation():
        page.locator("#papers").get_by_role("button", name="Attach").click()
    assert "pan.jpg" in page.locator("#papers").inner_text()
    manager.go(person)
    with page.expect_navigation():
        page.locator("section:has(.follow-up) button[name=in]").first.click()
    assert "Tomorrow" in manager.text()
    manager.go("/contacts/")
    page.locator("tbody .tick input").first.check()
    page.locator("[data-bulk] [popovertarget=bulk-tag]").click()
    page.locator("#bulk-tag-name").fill(tag)
    with page.expect_navigation():
        page.locator("#bulk-tag").get_by_role("button", name="Add").click()
    assert page.locator("tbody tr", has=page.locator(".tag", has_text=tag)).count() == 1


def test_everything_is_within_reach_of_a_thumb(seated) -> None:  # type: ignore[no-untyped-def]
    """On a phone each page has its way back, lines open where they are touched, a service can be thrown away."""
    manager = seated("csc", "manager", **PHONE)
    person = add(manager, f"Nanda {secrets.token_hex(2)}", number())
    page = manager.go(f"/services/new/?contact={person.split('/')[2]}")
    page.locator("[name=title]").fill("Wrong by mistake")
    page.locator("[name=fee]").fill("10")
    page.locator("main .form-foot button").tap()
    page.wait_for_url(A_SERVICE)
    service = manager.path
    manager.go(service + "edit/")
    page.locator(".crumbs a").last.tap()
    page.wait_for_url(A_SERVICE)
    manager.go(person)
    line = page.locator("section", has_text="Wrong by mistake").locator(".lines > li").first
    box = line.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + box["height"] - 3)
    page.wait_for_url(A_SERVICE)
    page.get_by_role("button", name="Delete", exact=True).tap()
    with page.expect_navigation():
        manager.confirm("Delete")
    manager.go(service)
    assert "in the bin" in manager.text()
    for path in ("/imports/", "/exports/", "/duplicates/", "/merges/", "/bin/", f"/papers/of/{person.split('/')[2]}/"):
        manager.go(path)
        back = page.locator(".crumbs a").first
        assert back.is_visible(), path
        height = (back.bounding_box() or {"height": 0})["height"]
        assert height >= 44, f"{path}: {height}"


COVERED = """() => {
    const one = document.activeElement, at = one.getBoundingClientRect();
    if (one === document.body || !one.closest('main')) return '';
    const seen = document.elementFromPoint(at.x + Math.min(at.width, 40) / 2, at.y + Math.min(at.height, 40) / 2);
    return seen && (one.contains(seen) || seen.contains(one)) ? '' : one.outerHTML.slice(0, 120);
}"""


@pytest.mark.parametrize("size", [(390, 700), (720, 450), (1440, 700)], ids=["phone", "200 %", "desk"])
def test_what_has_the_focus_is_not_under_a_bar(seated, size) -> None:  # type: ignore[no-untyped-def]
    """There and back through a long form, whose own foot stays in sight, between the top bar and the bar of a phone."""
    agent = seated("csc", "agent", viewport={"width": size[0], "height": size[1]})
    page = agent.go("/contacts/new/")
    page.locator("form.record-form input[name=phone_number]").first.focus()
    hidden = []
    for key in ["Tab"] * 24 + ["Shift+Tab"] * 24:
        page.keyboard.press(key)
        if covered := page.evaluate(COVERED):
            hidden.append(f"{key}: {covered}")
    assert hidden == []


def test_ticked_row_shows_its_tick(seated) -> None:  # type: ignore[no-untyped-def]
    """The tick is drawn into the box by a style, which a list once lost; beside it the thumb may miss the box a little."""
    agent: Visitor = seated("csc", "agent", **PHONE)
    page = agent.go("/contacts/")
    box = page.locator("tbody .tick input").first
    at = box.bounding_box()
    assert at
    page.touchscreen.tap(at["x"] - 6, at["y"] - 6)
    assert box.is_checked()
    size = box.evaluate("one => parseFloat(getComputedStyle(one, '::before').inlineSize)")
    assert size >= 8
