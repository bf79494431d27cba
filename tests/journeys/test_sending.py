"""Sending a form: once however often it is pressed, asked before typed words are left, nothing lost when signed out meanwhile."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from amanat.core import clock
from tests.journeys.browsers import DESK, PHONE, Visitor
from tests.journeys.test_counter import A_SERVICE
from tests.journeys.test_records import A_CONTACT, number

pytestmark = [pytest.mark.slow, pytest.mark.journey]

#: A village line: 400 kbit/s, and a third of a second until anything comes.
LINE = {"offline": False, "latency": 350, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
SAVE = "main .form-foot button.button-primary"
PRESS_THRICE = """name => {
    const button = [...document.querySelectorAll('main button')].find(one => one.textContent.trim() === name);
    for (const wait of [0, 30, 150]) setTimeout(() => button.click(), wait);
    return new Promise(answer => setTimeout(() => answer(button.getAttribute('aria-busy')), 60));
}"""


def _on_a_slow_line(visitor: Visitor) -> list[str]:
    """Slow from now on; the list fills with the addresses that something was posted to."""
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    posted: list[str] = []
    visitor.page.on("request", lambda asked: posted.append(asked.url) if asked.method == "POST" else None)
    return posted


def _press(page: Page, name: str) -> None:
    assert page.evaluate(PRESS_THRICE, name) == "true", "the button does not show that it works"


def test_pressed_thrice_on_a_slow_line_is_written_once(seated) -> None:  # type: ignore[no-untyped-def]
    """Contact, service, payment. The form of the last two has a field named "method", which hides the form's own."""
    agent, name = seated("csc", "agent", **PHONE), f"Savitri {secrets.token_hex(2)}"
    page = agent.go("/contacts/new/")
    posted = _on_a_slow_line(agent)
    page.locator("form.record-form input[name=name]").fill(name)
    page.locator("form.record-form input[name=phone_number]").first.fill(number())
    _press(page, "Save")
    page.wait_for_url(A_CONTACT)
    contact = agent.path
    page.get_by_role("link", name="New service").click()
    page.wait_for_url("**/services/new/**")
    page.locator("[name=title]").fill("Form of the bank")
    page.locator("[name=fee]").fill("100")
    page.locator("[name=paid]").fill("10")
    _press(page, "Save")
    page.wait_for_url(A_SERVICE)
    page.get_by_label("Amount").fill("25")
    with page.expect_navigation():
        _press(page, "Take payment")
    assert "₹ 65 due" in agent.text()
    assert len(posted) == 3, posted
    agent.go(contact)
    assert page.get_by_role("link", name="Form of the bank").count() == 1, "one service, in the card of services"


@pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
def test_typed_words_are_left_only_after_asking(seated, device) -> None:  # type: ignore[no-untyped-def]
    agent = seated("csc", "agent", **device)
    page = agent.go("/tasks/new/")
    agent.go("/services/new/")
    assert agent.asked == [], "nothing was typed, nothing is asked"
    page.locator("[name=title]").fill("Half a thought")
    agent.leaves = True
    page.locator(".crumbs a, main .form-foot a").first.click()
    page.wait_for_url("**/services/")
    assert agent.asked == ["beforeunload"]


def test_signed_out_while_writing_loses_nothing(town, demo) -> None:  # type: ignore[no-untyped-def]
    """The session ends while a form is open: Save says so, she signs in in another tab, Save saves."""
    member = demo["agency"]["members"][2]
    agent, title = town.visitor(**PHONE), f"Long letter {secrets.token_hex(2)}"
    agent.sign_in(member["email"], member["password"])
    page = agent.page
    page.clock.install()
    agent.go("/tasks/new/")
    page.locator("main [name=title]").fill(title)
    page.clock.fast_forward("03:00")
    agent.context.clear_cookies()
    page.locator(SAVE).click()
    expect(page.locator("#signed-out")).to_be_visible()
    assert page.locator("main [name=title]").input_value() == title
    with agent.context.expect_page() as opened:
        page.locator("#signed-out a").click()
    door = opened.value
    door.get_by_label("E-mail", exact=False).first.fill(member["email"])
    door.get_by_label("Password", exact=True).fill(member["password"])
    door.locator("main form button.button-primary").first.click()
    door.wait_for_url(agent.base + "/")
    with page.expect_navigation():
        page.locator(SAVE).click()
    assert title in agent.text(), "it stands on Home, for it is due today"
    assert agent.asked == []


def test_signed_out_while_the_form_asks_for_a_part_of_itself(seated) -> None:  # type: ignore[no-untyped-def]
    """The look for duplicates while a number is typed must not lead the whole page to the sign-in."""
    agent = seated("csc", "agent")
    page = agent.go("/contacts/new/")
    page.locator("form.record-form input[name=name]").fill("Typed Already")
    agent.context.clear_cookies()
    page.locator("form.record-form input[name=phone_number]").first.fill(number())
    expect(page.locator("#signed-out")).to_be_visible()
    assert page.locator("form.record-form input[name=name]").input_value() == "Typed Already"
    assert agent.path == "/contacts/new/"
    assert agent.asked == []


def test_another_who_signs_in_does_not_send_what_the_first_wrote(town, demo) -> None:  # type: ignore[no-untyped-def]
    """The form belongs to the member and workspace that it was opened in."""
    first, other = demo["agency"]["members"][2], demo["csc"]["members"][2]
    agent, title = town.visitor(), f"Not hers {secrets.token_hex(2)}"
    agent.sign_in(first["email"], first["password"])
    page = agent.page
    page.clock.install()
    agent.go("/tasks/new/")
    page.locator("main [name=title]").fill(title)
    page.clock.fast_forward("03:00")
    agent.context.clear_cookies()
    page.locator(SAVE).click()
    expect(page.locator("#signed-out")).to_be_visible()
    door = agent.context.new_page()
    door.goto(agent.base + "/accounts/login/")
    door.get_by_label("E-mail", exact=False).first.fill(other["email"])
    door.get_by_label("Password", exact=True).fill(other["password"])
    door.locator("main form button.button-primary").first.click()
    door.wait_for_url(agent.base + "/")
    page.locator(SAVE).click()
    expect(page.locator("#signed-out")).to_be_visible()
    assert agent.path == "/tasks/new/"
    door.goto(agent.base + "/calendar/?show=week&who=all")
    assert title not in door.locator("main").inner_text()


def test_dates_are_read_back_in_words(seated) -> None:  # type: ignore[no-untyped-def]
    """The browser writes 11/12/2026 for two different days; the line below the field says which one it is."""
    agent = seated("csc", "agent")
    page = agent.go("/tasks/new/")
    day = page.get_by_label("Day", exact=True)
    reading = page.locator(".field:has([name=due_on]) .date-reading")
    today = clock.today("Asia/Kolkata")
    expect(reading).to_contain_text(f"{today.day} {today:%b}")
    day.fill("2026-12-11")
    expect(reading).to_have_text("Fri, 11 Dec, 2026")
    day.fill("")
    expect(reading).to_have_text("")
