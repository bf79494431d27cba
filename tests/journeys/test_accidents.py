"""What goes wrong at a counter: two people at one record, a lost connection, no scripts, a name that is an attack."""

from __future__ import annotations

import re
import secrets
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from amanat.core import clock
from tests.journeys.browsers import DESK, Visitor
from tests.journeys.test_records import A_CONTACT, add, number

pytestmark = [pytest.mark.slow, pytest.mark.journey]

HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"


def test_second_writer_is_told_and_loses_nothing(seated) -> None:  # type: ignore[no-untyped-def]
    manager, agent = seated("csc", "manager"), seated("csc", "agent")
    path = add(manager, "Sindhu Twice", number(), notes="first")
    for visitor in (manager, agent):
        visitor.go(path + "edit/")
    manager.page.locator("form.record-form [name=notes]").fill("The manager wrote this")
    with manager.page.expect_navigation():
        manager.page.locator("form.record-form button.button-primary").click()
    agent.page.locator("form.record-form [name=notes]").fill("The agent wrote that")
    agent.page.locator("form.record-form [name=job_title]").fill("Sarpanch")
    with agent.page.expect_navigation():
        agent.page.locator("form.record-form button.button-primary").click()
    assert "Somebody else changed this while you were writing." in agent.text()
    assert "The manager wrote this" in agent.text()
    assert agent.page.locator("form.record-form [name=notes]").input_value() == "The agent wrote that"
    assert agent.page.locator("form.record-form [name=job_title]").input_value() == "Sarpanch"
    with agent.page.expect_navigation():
        agent.page.locator("form.record-form button.button-primary").last.click()
    assert agent.path == path
    assert "The agent wrote that" in agent.text()
    assert "Sarpanch" in agent.text()


def test_lost_connection_keeps_what_was_typed(seated) -> None:  # type: ignore[no-untyped-def]
    agent = seated("csc", "agent")
    page = agent.go("/contacts/new/")
    name = f"Offline {secrets.token_hex(2)}"
    page.locator("form.record-form input[name=name]").fill(name)
    page.locator("form.record-form [name=notes]").fill("Typed in the lift")
    agent.context.set_offline(True)
    expect(page.locator("#lost")).to_be_visible()
    page.locator("form.record-form button.button-primary").click()
    assert page.locator("form.record-form input[name=name]").input_value() == name
    assert page.locator("form.record-form [name=notes]").input_value() == "Typed in the lift"
    agent.context.set_offline(False)
    with page.expect_navigation():
        page.locator("[data-retry]").click()
    assert A_CONTACT.search(agent.path)
    assert "Typed in the lift" in agent.text()
    agent.go(f"/search/?q={quote(name)}")
    assert agent.text().count(name) == 1, "written once"
    agent.faults.clear()  # the console names the request that found no network


def test_the_day_goes_on_without_scripts(town, demo) -> None:  # type: ignore[no-untyped-def]
    """Sign in, list, search, new contact, new service, payment: plain requests."""
    member = demo["csc"]["members"][2]
    agent = town.visitor(java_script_enabled=False, **DESK)
    page = agent.page
    agent.sign_in(member["email"], member["password"])
    agent.go("/contacts/")
    assert page.locator("tbody tr").count() >= 20
    agent.go("/search/")
    page.locator("main input[name=q]").fill("लक्ष्मी")
    with page.expect_navigation():
        page.locator("main form button").first.click()
    assert "Lakshmi Nair" in agent.text()
    phone = number()
    add(agent, "Plain Requests", phone)
    agent.go("/services/new/")
    page.locator("[name=person]").fill(phone)
    page.locator("[name=service]").select_option(label="Ration card")
    page.locator("[name=fee]").fill("100")
    page.locator("[name=paid]").fill("40")
    with page.expect_navigation():
        agent.press("Save")
    assert "₹ 60 due" in agent.text(), agent.text()
    page.locator("[name=amount]").fill("60")
    with page.expect_navigation():
        agent.press("Take payment")
    assert "Paid" in agent.text()
    assert "due" not in page.locator("section", has_text="Payments").first.inner_text()
    page.get_by_role("link", name="Receipt").click()
    expect(page.locator("article.receipt")).to_contain_text("Plain Requests")


def test_hostile_words_stay_words_everywhere(seated) -> None:  # type: ignore[no-untyped-def]
    """A name that is an attack, in every place that takes words, seen on every page that shows it."""
    owner = seated("agency", "owner")
    page = owner.go("/settings/account/")
    page.locator("select[name=language]").select_option("en")
    with page.expect_navigation():
        page.locator("main form button.button-primary").first.click()
    owner.go("/settings/fields/")
    page.locator("input[name=label]").fill(HOSTILE)
    with page.expect_navigation():
        owner.press("Add the field")
    contact = add(owner, HOSTILE, number(), notes=HOSTILE, company_name=HOSTILE, tags=HOSTILE, job_title=HOSTILE)
    owner.go(contact + "edit/")
    page.locator("form.record-form [name^=custom]").last.fill(HOSTILE)
    page.locator("form.record-form [name=address_city]").first.fill(HOSTILE)
    with page.expect_navigation():
        page.locator("form.record-form button.button-primary").click()
    page.locator("textarea[name=note]").fill(HOSTILE)
    with page.expect_navigation():
        owner.press("Add", exact=True)
    contact_id = contact.split("/")[2]
    owner.go(f"/services/new/?contact={contact_id}")
    page.locator("[name=title]").fill(HOSTILE)
    page.locator("[name=fee]").fill("100")
    page.locator("[name=paid]").fill("10")
    page.locator("[name=reference]").fill(HOSTILE[:30])
    page.locator("summary", has_text="More").click()
    page.locator("[name=notes]").fill(HOSTILE)
    page.locator("[name=due_on]").fill(clock.today("Asia/Kolkata").isoformat())
    with page.expect_navigation():
        owner.press("Save")
    service = owner.path
    assert "/services/" in service, owner.text()
    owner.go(f"/tasks/new/?contact={contact_id}")
    page.get_by_label("What", exact=True).fill(HOSTILE)
    with page.expect_navigation():
        owner.press("Save")
    second = add(owner, HOSTILE, number())
    query = quote(HOSTILE)
    places = [
        contact, contact + "edit/", "/", "/contacts/", "/companies/", "/services/", "/services/?view=unpaid",
        service, service + "edit/", service + "receipt/", service + "receipt/?paper=80mm", "/calendar/", "/calendar/?show=week",
        f"/search/?q={query}", f"/search/palette/?q={query}", f"/services/people/?q={query}", "/settings/fields/", "/settings/tags/",
        "/settings/ledger/", contact + "?tab=change", contact + "?tab=note", contact + "?tab=service", "/duplicates/",
        f"/merge/contact/{contact_id}/{second.split('/')[2]}/", f"/papers/of/{contact_id}/", "/export/contacts/",
    ]  # fmt: skip
    seen = 0
    for place in places:
        answer = page.goto(owner.base + place)
        assert answer and answer.status < 400, f"{place}: {answer and answer.status}"
        content = page.content()
        seen += "{{7*7}}" in content
        assert not page.locator("img[src=x]").count(), place
        assert "49" not in re.findall(r"onerror=alert\(1\)[^{]{0,20}(\d\d)", content), f"{place} calculated"
    assert seen >= 20, "the words were shown, and as words"
    owner.go("/contacts/")
    page.keyboard.press("Control+k")
    page.keyboard.type("<img src")
    expect(page.locator("#palette-results")).to_contain_text(HOSTILE)
    _through_the_bin(owner, contact)


def _through_the_bin(owner: Visitor, contact: str) -> None:
    page = owner.go(contact)
    page.get_by_role("button", name="More actions").first.click()
    page.locator("#record-menu").get_by_role("button", name="Delete").click()
    owner.confirm("Move to the bin")
    page.wait_for_url("**/contacts/")
    owner.go("/bin/")
    assert HOSTILE in owner.text()
    page.get_by_role("checkbox", name=f"Select {HOSTILE}").first.check()
    with page.expect_navigation():
        owner.press("Bring back")
