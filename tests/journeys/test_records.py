"""What is kept about people: merged and taken apart, deleted and brought back, carried out and in, shared, extended, locked away."""

from __future__ import annotations

import io
import re
import secrets
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.journeys.browsers import Visitor

pytestmark = [pytest.mark.slow, pytest.mark.journey]

CHOOSING = {"choice", "choices"}
GIVEN = {
    "text": "Bhosale wada",
    "long_text": "Two\nlines",
    "number": "12.5",
    "money": "1206500",
    "date": "2026-11-21",
    "time": "2026-11-21T10:02",
    "phone": "9822041736",
    "email": "office@example.com",
    "link": "https://example.com/a?b=1",
}
A_CONTACT = re.compile(r"/contacts/[0-9a-f-]{36}/$")


def add(visitor: Visitor, name: str, phone: str = "", anyway: bool = False, **more: str) -> str:
    """A new contact by the whole form; returns the address of its page."""
    page = visitor.go("/contacts/new/")
    page.locator("form.record-form input[name=name]").fill(name)
    page.locator("form.record-form input[name=phone_number]").first.fill(phone)
    for field, value in more.items():
        page.locator(f"form.record-form [name={field}]").first.fill(value)
    page.locator("form.record-form button.button-primary").click()
    if anyway:
        page.get_by_role("button", name="Save anyway").click()
    page.wait_for_url(A_CONTACT)
    return visitor.path


def number() -> str:
    return f"98{secrets.randbelow(10**8):08d}"


def test_duplicates_are_merged_and_taken_apart(seated) -> None:  # type: ignore[no-untyped-def]
    manager = seated("csc", "manager")
    page, shared = manager.page, number()
    old, new = f"{shared}@old.example", f"{shared}@new.example"
    first = add(manager, "Vimal Tambe", shared, email_address=old)
    second = add(manager, "Vimala Tambe", shared, anyway=True, email_address=new)
    manager.go("/duplicates/")
    manager.press("Look again")
    expect(page.locator("section.card", has_text="Vimal").first).to_be_visible(timeout=60_000)
    manager.go(f"/merge/contact/{first.split('/')[2]}/{second.split('/')[2]}/")
    with page.expect_navigation():
        page.locator("form button.button-primary", has_text="Merge").click()
    words = manager.text()
    assert old in words
    assert new in words
    kept = manager.path
    gone = second if kept == first else first
    assert page.request.get(manager.base + gone, max_redirects=0).status in {302, 303, 404}
    manager.go("/merges/")
    page.get_by_role("button", name="Undo").first.click()
    if page.locator("dialog[open]").count():
        page.locator("dialog[open] button.button-primary, dialog[open] button.button-erase").first.click()
    page.wait_for_load_state()
    for path, name, mail in (
        (first, "Vimal Tambe", old),
        (second, "Vimala Tambe", new),
    ):
        manager.go(path)
        assert page.locator("h1").inner_text() == name
        assert mail in manager.text()
        assert manager.text().count(".example") == 1, "each has its own address again"


def test_deleted_contact_waits_in_the_bin_and_comes_back(seated) -> None:  # type: ignore[no-untyped-def]
    manager = seated("csc", "manager")
    page = manager.page
    name = f"Baban {secrets.token_hex(4)}"
    path = add(manager, name, number(), notes="Comes on Fridays")
    page.get_by_role("button", name="More actions").first.click()
    page.locator("#record-menu").get_by_role("button", name="Delete").click()
    manager.confirm("Move to the bin")
    page.wait_for_url("**/contacts/")
    manager.go("/search/?q=" + quote(name))
    assert "Nothing found" in manager.text()
    manager.go("/bin/")
    page.get_by_role("checkbox", name=f"Select {name}").check()
    with page.expect_navigation():
        manager.press("Bring back")
    manager.go(path)
    assert "Comes on Fridays" in manager.text()
    manager.go("/search/?q=" + quote(name))
    assert name in manager.text()


def test_exported_view_is_imported_again_unchanged(seated, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    manager = seated("sales", "manager")
    page = manager.go("/contacts/")
    before = page.locator("tbody").inner_text()
    page.get_by_role("link", name="Export").first.click()
    page.wait_for_url("**/export/contacts/**")
    with page.expect_download() as loaded:
        page.locator("main form button.button-primary").click()
    file = tmp_path / "contacts.xlsx"
    loaded.value.save_as(file)
    assert file.read_bytes()[:2] == b"PK"
    page.locator("input[value=json]").check()
    expect(page.locator("main form button.button-primary")).not_to_have_attribute("aria-busy", "true")
    with page.expect_download():  # the page stayed, so another format may follow
        page.locator("main form button.button-primary").click()
    manager.go("/imports/")
    page.set_input_files("#id_file", file)
    with page.expect_navigation(url=re.compile(r"/imports/[0-9a-f-]{36}/")):
        manager.press("Upload and look")
    assert "exported by Amanat" in manager.text()
    address = manager.path
    with page.expect_navigation():
        page.locator("button[value=start]").click()
    expect(page.locator("main")).to_contain_text("Nothing in this file is new", timeout=30_000)
    manager.go(address)
    assert re.search(r"Added\s+0\b", manager.text()), "nobody stands there twice"
    assert re.search(r"Updated\s+0\b", manager.text()), "and nothing is different"
    manager.go("/contacts/")
    assert page.locator("tbody").inner_text() == before


def test_saved_view_is_shared_with_another_member(seated) -> None:  # type: ignore[no-untyped-def]
    manager, agent = seated("csc", "manager"), seated("csc", "agent")
    page, name = manager.page, f"Farmers {secrets.token_hex(2)}"
    manager.go("/contacts/")
    page.get_by_role("button", name="Filter").click()
    filters = page.locator("#filters")
    filters.get_by_text("Tag", exact=True).click()
    filters.get_by_label("Farmer").check()
    with page.expect_navigation():
        filters.locator("button.button-primary").click()
    wanted = page.locator("tbody a.row-link").all_inner_texts()
    assert wanted
    page.get_by_role("button", name="Save view").click()
    page.locator("#view-save input[name=name]").fill(name)
    page.locator("#view-save input[type=checkbox]").first.check()
    with page.expect_navigation():
        page.locator("#view-save button.button-primary").click()
    agent.go("/contacts/")
    agent.page.locator(".tabs").get_by_role("link", name=name).click()
    agent.page.wait_for_url(re.compile("view="))
    assert agent.page.locator("tbody a.row-link").all_inner_texts() == wanted


def test_custom_field_of_each_kind_is_added_and_used(seated) -> None:  # type: ignore[no-untyped-def]
    owner = seated("sales", "manager")
    page, mark = owner.page, secrets.token_hex(2)
    owner.go("/settings/fields/")
    kinds = page.locator("select[name=kind] option").evaluate_all("all => all.map(one => one.value)")
    label = {kind: f"{mark} {place}, {kind}" for place, kind in enumerate(kinds)}
    for kind in kinds:
        owner.go("/settings/fields/")
        page.locator("input[name=label]").fill(label[kind])
        page.locator("select[name=kind]").select_option(kind)
        if kind in CHOOSING:
            page.locator("textarea[name=choices]").fill("Red\nGreen\nBlue")
        with page.expect_navigation():
            owner.press("Add the field")
        assert label[kind] in owner.text(), kind
    owner.go("/contacts/new/")
    page.locator("form.record-form input[name=name]").fill(f"Fields {mark}")
    for kind in kinds:
        if kind == "choices":
            page.locator(".field", has_text=label[kind]).last.get_by_label("Red").check()
            page.locator(".field", has_text=label[kind]).last.get_by_label("Blue").check()
            continue
        field = page.locator("form.record-form").get_by_label(label[kind])
        if kind == "choice":
            field.select_option(label="Green")
        elif kind == "yes_no":
            field.select_option(label="Yes")
        else:
            field.fill(GIVEN[kind])
    with page.expect_navigation():
        page.locator("form.record-form button.button-primary").click()
    assert A_CONTACT.search(owner.path), owner.text()
    facts = page.locator("dl.facts").first.inner_text().replace("\xa0", " ")
    missing = [kind for kind in kinds if label[kind] not in facts]
    assert missing == [], facts
    for shown in ("Bhosale wada", "₹ 12,06,500", "21 Nov 2026", "https://example.com/a?b=1"):
        assert shown in facts
    assert page.locator("dl.facts a[href='https://example.com/a?b=1']").count() == 1


def test_paper_is_masked_opened_with_a_reason_and_logged(seated) -> None:  # type: ignore[no-untyped-def]
    agent = seated("csc", "agent")
    page = agent.page
    person = add(agent, "Parvati Papers", number())
    picture = io.BytesIO()
    Image.new("RGB", (640, 400), "#cfd8dc").save(picture, "JPEG")
    page.locator("section", has_text="Papers").get_by_role("link", name="Attach").first.click()
    page.wait_for_url("**/papers/of/**")
    page.locator("select[name=kind]").select_option("aadhaar")
    page.locator("input[name=number]").fill("2345 6789 0124")
    page.locator("main input[type=file]").set_input_files(
        {"name": "aadhaar.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}
    )
    with page.expect_navigation():
        agent.press("Attach")
    words = agent.text()
    assert "0124" in words
    assert "2345" not in words
    assert "6789" not in words
    page.locator("main a.line-title").first.click()
    page.wait_for_url(re.compile(r"/papers/[0-9a-f-]{36}/$"))
    paper = agent.path
    assert "Nobody yet" in agent.text()
    agent.press("Open", exact=True)  # without a reason
    expect(page.locator(".field-error").first).to_be_visible()
    page.locator("[name=reason]").first.fill("Filling in the pension form")
    with page.expect_navigation():
        agent.press("Show the number")
    assert "2345 6789 0124" in agent.text()
    agent.go(paper)
    assert "6789" not in agent.text(), "shown once, not for good"
    page.locator("[name=reason]").first.fill("Printing the copy")
    with page.expect_navigation():
        agent.press("Open", exact=True)
    with page.expect_download() as loaded:
        page.get_by_role("link", name="Download").click()
    assert loaded.value.path().read_bytes()[:2] == b"\xff\xd8"
    agent.go(paper)
    assert "Filling in the pension form" in agent.text()
    assert "Printing the copy" in agent.text()
    manager = seated("csc", "manager")
    manager.go(person)
    assert "2345 6789" not in manager.text()
    manager.go(paper)
    assert "Printing the copy" in manager.text(), "who opened it is seen by others too"
