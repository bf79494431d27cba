"""The inbox: what a person writes stands on the open page by itself, and the answer is one press away."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from playwright.sync_api import expect

from amanat.operations.tests import places

pytestmark = [pytest.mark.slow, pytest.mark.journey]

#: An account that sends nothing, and a message that arrives at it.
ARRIVES = """
import sys
from amanat.operations import services
services.set_up_django()
from amanat.accounts import access
from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.messaging.channels.contract import Arrived
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import arriving
for here in access.workspace_ids():
    with tenancy.inside(here):
        if Workspace.objects.of(here).get().name.startswith("Shree"):
            accounts = ChannelAccount.objects.of(here).filter(channel="whatsapp", provider="nobody")
            account = accounts.first() or ChannelAccount.objects.create(
                workspace_id=here, channel="whatsapp", provider="nobody", name="Counter", address="+912532579199",
                is_sandbox=True, state="paused")
            arriving.take_in(workspace_id=here, account=account, arrived=Arrived(
                provider_id=sys.argv[1], sender="+919822041799", at=clock.now(), text=sys.argv[1], name="Kamla Bai"))
"""


def arrive(site: Any, text: str) -> None:
    process = places.spawn(site.data, text, code=ARRIVES)
    output = process.communicate(timeout=600)[0]
    assert process.returncode == 0, output


def test_what_arrives_stands_on_the_open_page_and_is_answered(seated, site: Any) -> None:  # type: ignore[no-untyped-def]
    owner = seated("csc", "owner")
    first, second, third, answer = (
        f"{word} {secrets.token_hex(3)}" for word in ("passbook", "tomorrow", "evening", "Monday")
    )
    page = owner.go("/inbox/?view=unassigned")
    arrive(site, first)
    line = page.locator(".inbox-lines a", has_text=first)
    expect(line).to_be_visible(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")  # its lists scroll, not the page
    line.click()
    page.wait_for_url("**/inbox/*/?view=unassigned")
    arrive(site, second)
    expect(page.locator(".bubble-in", has_text=second)).to_be_visible(timeout=30_000)
    page.get_by_label("Reply on WhatsApp", exact=True).fill(answer)
    page.locator("label", has=page.get_by_label("Buttons", exact=True)).click()
    page.keyboard.type("Morning")
    page.keyboard.press("Enter")  # goes on to the next button
    page.keyboard.type("Evening")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".bubble-out", has_text=answer).get_by_role("listitem")).to_have_text(["Morning", "Evening"])
    expect(page.locator(".bubble-out", has_text=answer).locator(".bubble-by")).to_be_visible()
    assert "Kamla Bai" in owner.text()
    expect(page.locator(".inbox-tabs [aria-current]")).to_contain_text("Unassigned")  # the list that was chosen
    page.get_by_role("button", name="Send", exact=True).click()  # nothing is written: refused
    expect(page.locator(".inbox-form .field-error")).to_be_visible()
    expect(page.locator(".inbox-tabs [aria-current]")).to_contain_text("Unassigned")
    arrive(site, third)
    expect(page.locator(".bubble-in", has_text=third)).to_be_visible(timeout=30_000)  # also where the refusal stands


def test_who_else_writes_is_seen_on_the_open_page(seated, site: Any) -> None:  # type: ignore[no-untyped-def]
    owner, agent, word = seated("csc", "owner"), seated("csc", "agent"), f"ration {secrets.token_hex(3)}"
    arrive(site, word)
    for one in (owner, agent):
        one.go("/inbox/?view=all").locator(".inbox-lines a", has_text=word).click()
        one.page.wait_for_url("**/inbox/*/?view=all")
    agent.page.get_by_label("Reply on WhatsApp", exact=True).press_sequentially("Kal")
    expect(owner.page.locator("[data-inbox-writing]")).to_contain_text("is writing", timeout=30_000)
    agent.page.get_by_label("Reply on WhatsApp", exact=True).fill("Kal aaiye")
    agent.page.get_by_role("button", name="Send", exact=True).click()
    expect(owner.page.locator(".bubble-out", has_text="Kal aaiye")).to_be_visible(timeout=30_000)
    expect(owner.page.locator("[data-inbox-writing]")).to_be_empty()


def test_signed_out_while_answering_loses_nothing(town: Any, demo: Any, site: Any) -> None:
    """The session ends while a long answer is written: Send says so and keeps it, and sends it after she signed in elsewhere."""
    member, word = demo["csc"]["members"][2], f"voter card {secrets.token_hex(3)}"
    agent = town.visitor()
    agent.sign_in(member["email"], member["password"])
    arrive(site, word)
    page = agent.page
    page.clock.install()
    agent.go("/inbox/?view=all").locator(".inbox-lines a", has_text=word).click()
    box = page.get_by_label("Reply on WhatsApp", exact=True)
    page.clock.fast_forward("03:00")
    agent.context.clear_cookies()
    box.fill("A long answer")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#signed-out")).to_be_visible()
    assert box.input_value() == "A long answer"
    with agent.context.expect_page() as opened:
        page.locator("#signed-out a").click()
    door = opened.value
    door.get_by_label("E-mail", exact=False).first.fill(member["email"])
    door.get_by_label("Password", exact=True).fill(member["password"])
    door.locator("main form button.button-primary").first.click()
    door.wait_for_url(agent.base + "/")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".bubble-out", has_text="A long answer")).to_be_visible()


def test_a_call_from_home_is_written_down(seated) -> None:  # type: ignore[no-untyped-def]
    agent = seated("csc", "agent")
    page = agent.go("/")
    link = page.locator("a[data-noted][href^='tel:']").first
    page.evaluate("addEventListener('click', event => event.target.closest('a[data-noted]') && event.preventDefault())")
    with page.expect_request("**/by-phone/call/") as told:
        link.click()
    assert told.value.method == "POST"
