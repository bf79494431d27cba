"""A workspace of no rows yet, and a first list that needs a second try."""

from __future__ import annotations

import csv
import io
import secrets
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys import browsers
from tests.journeys.browsers import PHONE, Visitor
from tests.journeys.test_members import english
from tests.journeys.test_records import number

pytestmark = [pytest.mark.slow, pytest.mark.journey]

#: Pages that begin empty, with the address of the first step that each must offer; "" where nothing can be begun from there.
EMPTY = {
    "/contacts/": "/contacts/new/",
    "/companies/": "/companies/new/",
    "/services/": "/services/new/",
    "/calendar/?show=week": "/tasks/new/",
    "/settings/services/": "/settings/services/new/",
    "/duplicates/": "",
    "/merges/": "",
    "/bin/": "",
    "/settings/jobs/": "",
}


def test_an_empty_workspace_says_what_each_page_is_for(town, demo) -> None:  # type: ignore[no-untyped-def]
    """And its first step works. Home offers the steps of the first day until they are taken."""
    member = demo["agency"]["members"][0]  # nobody else signs in here: the seat is in two workspaces afterwards
    owner: Visitor = town.visitor(**PHONE)
    owner.sign_in(member["email"], member["password"])
    english(owner)
    page = owner.go("/workspaces/new/")
    page.get_by_label("Name of the shop or firm").fill(f"Empty {secrets.token_hex(2)}")
    with page.expect_navigation():
        owner.press("Make the workspace")
    assert "First steps" in owner.text()
    faults = []
    for path, first_step in EMPTY.items():
        owner.go(path)
        empty = page.locator(".empty").first
        if not empty.is_visible():
            faults.append(f"{path}: no word on what the page is for")
            continue
        offered = [urlsplit(link.get_attribute("href") or "").path for link in empty.locator("a").all()]
        if first_step and first_step not in offered:
            faults.append(f"{path}: offers {offered}, not {first_step}")
        for address in offered:
            answer = page.request.get(owner.base + address)
            if answer.status != 200:
                faults.append(f"{path}: {address} answers {answer.status}")
        faults += [f"{path}: {fault}" for fault in browsers.bones(page)]
    assert faults == []
    owner.go("/")
    for link in page.locator("section:has(#first-steps) a").all():
        assert page.request.get(owner.base + (link.get_attribute("href") or "")).status == 200
    with page.expect_navigation():
        page.locator("section:has(#first-steps) form button").first.click()
    owner.go("/settings/services/")
    assert page.locator("tbody tr").count() > 3, "the ready pack filled the catalogue"


def test_what_an_import_refused_is_mended_and_taken(seated, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The file of failed rows is the clerk's own, with the reasons beside; corrected, it is imported like any other."""
    owner, tag = seated("csc", "owner"), secrets.token_hex(3)
    good, bad = number(), number()
    rows = [["Name", "Mobile"], [f"Rukmini {tag}", good], ["", "12345"], [f"Mukta {tag}", bad]]
    run = _import(owner, _csv(rows))
    page = owner.page
    expect(page.locator("main")).to_contain_text("What was not taken", timeout=60_000)
    with page.expect_download() as failed:
        page.get_by_role("link", name="Failed rows as CSV").click()
    text = failed.value.path().read_text("utf-8-sig")
    heads, *refused = list(csv.reader(io.StringIO(text)))
    assert len(refused) == 1, text
    place = heads.index("Mobile")
    assert refused[0][place] == "12345"
    refused[0][place] = mended = number()
    refused[0][heads.index("Name")] = f"Narmada {tag}"
    assert _import(owner, _csv([heads, *refused])) != run
    expect(page.locator("main")).to_contain_text("Every row was taken.", timeout=60_000)
    for name, phone in ((f"Rukmini {tag}", good), (f"Mukta {tag}", bad), (f"Narmada {tag}", mended)):
        owner.go(f"/search/?q={phone}")
        assert name in owner.text()


def _csv(rows: list[list[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def _import(owner: Visitor, data: bytes) -> str:
    page = owner.go("/imports/")
    page.set_input_files("#id_file", {"name": "list.csv", "mimeType": "text/csv", "buffer": data})
    with page.expect_navigation():
        owner.press("Upload and look")
    with page.expect_navigation():
        page.locator("button[value=start]").click()
    return owner.path
