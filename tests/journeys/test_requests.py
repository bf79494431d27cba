"""A person asks for erasure on the public page with a code from the local outbox; the owner carries it out; the person sees the certificate."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.journeys.browsers import PHONE, Town, serious
from tests.journeys.test_records import A_CONTACT, number

pytestmark = [pytest.mark.slow, pytest.mark.journey]


def test_a_person_is_erased_on_her_word(seated, town: Town) -> None:  # type: ignore[no-untyped-def]
    owner, name, phone = seated("csc", "owner"), f"Savitri {secrets.token_hex(3)}", number()
    page = owner.go("/contacts/new/")
    page.locator("form.record-form input[name=name]").fill(name)
    page.locator("form.record-form input[name=phone_number]").first.fill(phone)
    owner.press("Save")
    page.wait_for_url(A_CONTACT)
    contact = owner.path
    public = owner.go("/requests/").get_by_role("link", name="Public page").get_attribute("href") or ""

    # On her own phone, without an account and without scripts.
    person = town.visitor(**PHONE, java_script_enabled=False)
    hers = person.go(re.sub(r"^https?://[^/]+", "", public))
    hers.get_by_role("link", name="Erase it").click()
    hers.get_by_label("Your phone number or e-mail address").fill(phone)
    hers.get_by_role("button", name="Send me a code").click()
    letter = town.letter(phone[-5:], "is your code")
    hers.get_by_label("Code").fill(re.findall(r"\b\d{6}\b", letter)[0])
    hers.get_by_role("button", name="Go on").click()
    hers.get_by_label("Anything else we should know").fill("I moved away")
    hers.get_by_role("button", name="Send the request").click()
    code = hers.locator(".request-code").inner_text()
    hers.get_by_role("link", name="Look how it stands").click()
    hers.get_by_label("Code of the request").fill(code)
    hers.get_by_role("button", name="Show").click()
    expect(hers.locator("main")).to_contain_text("To be answered")
    status = person.path

    owner.go("/requests/")
    page.get_by_role("row", name=name).get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text("I moved away")
    assert serious(page) == []
    page.get_by_role("button", name="Erase", exact=True).click()
    page.locator("#confirm").get_by_role("button", name="Erase").click()
    expect(page.locator("main")).to_contain_text("Begun to carry out")

    for _wait in range(40):
        person.go(status)
        hers.get_by_label("Code of the request").fill(code)
        hers.get_by_role("button", name="Show").click()
        if "nothing about you was found" in hers.locator("main").inner_text():
            break
        hers.wait_for_timeout(500)
    expect(hers.locator("main")).to_contain_text("nothing about you was found")
    expect(hers.locator("main")).to_contain_text("Certificate")
    assert owner.context.request.get(f"{town.base}{contact}").status == 404
