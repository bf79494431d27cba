"""The first hour of a shop: from the link that the first start prints to the first receipt, and an import taken back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from amanat.core import clock
from tests.journeys import browsers
from tests.journeys.browsers import Town

pytestmark = [pytest.mark.slow, pytest.mark.journey]

#: As a shop's old list looks: semicolons, Windows-1252, days first, rupees in words, numbers written as each clerk liked.
SHOP_LIST = (
    "Naam;Mobile No;Email;Janma tarikh;Baki rakkam;Gaon\r\n"
    "José Pinto;098220 41736;jose@example.com;05-03-1980;Rs 1,100;Sinnar\r\n"
    "Sunita Deshmukh;+91-98220-41737;;31-12-1999;Rs 250;Nashik\r\n"
    "Ramesh Pawar;0091 98220 41738;;;;Yeola\r\n"
    "Nobody at all;12;not an address;45-13-2020;Rs 10;Niphad\r\n"
    ";;;;;\r\n"
    ";12;not an address;;;\r\n"
    "Farhana Khan;9822041739 / 9822041740;farhana@example.com;7-8-1991;Rs 12,06,500;Dindori\r\n"
)


def test_first_hour_of_a_shop(town: Town, owner_link: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    visitor = town.visitor()
    page = visitor.page
    _become_owner(town, visitor, owner_link)

    # The workspace.
    page.get_by_label("Name of the shop or firm").fill("Shree Ganesh CSC")
    page.get_by_label("Kind of business").select_option("csc")
    page.get_by_label("Place").fill("Nashik")
    with page.expect_navigation():
        visitor.press("Make the workspace")
    assert visitor.path == "/"
    assert "Namaste, Rekha" in visitor.text()
    assert "Shree Ganesh CSC" in page.locator(".sidebar").inner_text()

    # The ready pack of services, by the first step that Home offers.
    with page.expect_navigation():
        page.locator("section:has(#first-steps) form button").first.click()
    visitor.go("/settings/services/")
    assert "PAN correction" in visitor.text()

    run_address = _import(visitor, tmp_path)
    _find(visitor)
    _serve(visitor)
    _plan(visitor)

    # The import is taken back: who came with it is in the bin, who was served since stays.
    visitor.go(run_address)
    visitor.press("Undo")
    visitor.confirm("Undo the import")
    expect(page.locator("main")).to_contain_text("This import was undone", timeout=60_000)
    visitor.go("/contacts/")
    assert "José Pinto" not in visitor.text()
    assert "Sunita Deshmukh" in visitor.text(), "she was served since and stays"
    visitor.go("/bin/")
    assert "José Pinto" in visitor.text()


def _become_owner(town: Town, visitor: browsers.Visitor, owner_link: str) -> None:
    page, address = visitor.page, browsers.fresh_address("rekha")
    visitor.go(owner_link)
    if "/signup/" not in page.url:
        page.get_by_role("link", name="Sign up").first.click()
    page.get_by_label("Your name").fill("Rekha Kulkarni")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password", exact=True).fill(browsers.PASSWORD)
    with page.expect_navigation():
        visitor.press("Sign up")
    assert address in visitor.text()
    page.locator("input[name=code]").fill(town.code(address))
    with page.expect_navigation():
        visitor.press("Go on")
    assert visitor.path == "/workspaces/new/"


def _import(visitor: browsers.Visitor, tmp_path) -> str:  # type: ignore[no-untyped-def]
    """Upload the shop's list, look, start, read the report; returns the run's address."""
    page = visitor.page
    (tmp_path / "grahak.csv").write_bytes(SHOP_LIST.encode("cp1252"))
    visitor.go("/imports/")
    page.set_input_files("#id_file", tmp_path / "grahak.csv")
    with page.expect_navigation(url=re.compile(r"/imports/[0-9a-f-]{36}/")):
        visitor.press("Upload and look")
    words = visitor.text()
    assert "Windows-1252 · semicolon" in words
    assert "José Pinto" in words
    assert "+91 98220 41736" in words
    chosen = {
        row.locator("label").inner_text(): row.locator("select").first.input_value()
        for row in page.locator("tr:has(select)").all()
    }
    assert chosen["Naam"] == "name"
    page.get_by_label("Gaon").select_option(label="Village or area")
    page.get_by_label("Janma tarikh").select_option(label="Birthday")
    page.get_by_label("Baki rakkam").select_option(label="A field of its own: amount")
    with page.expect_navigation():
        visitor.press("Show the rows again")
    assert "There is no month 13" in visitor.text()
    address = visitor.path
    with page.expect_navigation():
        page.locator("button[value=start]").click()
    expect(page.locator("main")).to_contain_text("What was not taken", timeout=60_000)
    visitor.go(address)
    words = visitor.text()
    assert "It has too few digits." in words
    assert "45-13-2020" in words
    assert "The row has no name, phone" in words
    assert "Taken without this" in words
    with page.expect_download() as failed:
        page.get_by_role("link", name="Failed rows as CSV").click()
    rows = failed.value.path().read_text("utf-8-sig")
    assert "José" not in rows, "only rows that were not taken are in the file"
    visitor.go("/contacts/")
    words = visitor.text()
    assert all(name in words for name in ("José Pinto", "Sunita Deshmukh", "Ramesh Pawar", "Farhana Khan"))
    page.get_by_role("link", name="Farhana Khan").click()
    page.wait_for_url("**/contacts/*-*/")
    words = visitor.text()
    assert "12,06,500" in words
    assert "7 Aug 1991" in words
    assert words.count("98220 4173") + words.count("98220 4174") >= 2, "both of her numbers"
    return address


def _find(visitor: browsers.Visitor) -> None:
    """Half a name, the other script, the middle of a number: each by Ctrl K and the keyboard alone."""
    page = visitor.page
    for typed, name in (
        ("deshm", "Sunita Deshmukh"),
        ("रमेश", "Ramesh Pawar"),
        ("2041736", "José Pinto"),
    ):
        visitor.go("/")
        page.keyboard.press("Control+k")
        page.keyboard.type(typed)
        expect(page.locator("#palette-results a.is-active")).to_contain_text(name)
        page.keyboard.press("Enter")
        page.wait_for_url("**/contacts/*-*/")
        assert page.locator("h1").inner_text() == name


def _serve(visitor: browsers.Visitor) -> None:
    """A service with half of its fee paid, and its receipt on both papers."""
    page = visitor.page
    visitor.go("/services/new/")
    page.get_by_label("Person", exact=True).fill("sunita")
    page.locator("#people-options [role=option]", has_text="Sunita Deshmukh").click()
    page.get_by_label("Service", exact=True).select_option(label="PAN correction")
    page.get_by_label("Paid now").fill("100")
    with page.expect_navigation():
        visitor.press("Save")
    words = visitor.text()
    assert "PAN correction" in words
    assert "Sunita Deshmukh" in words
    assert "₹ 100" in words
    assert "due" in words
    page.get_by_role("link", name="Receipt").click()
    page.wait_for_url("**/receipt/")
    for paper in ("A4", "80 mm"):
        page.get_by_role("link", name=paper).click()
        receipt = page.locator("article.receipt")
        expect(receipt).to_contain_text("Shree Ganesh CSC")
        expect(receipt).to_contain_text("₹ 100")
        expect(receipt).to_contain_text("Sunita Deshmukh")
        assert ("receipt-roll" in (receipt.get_attribute("class") or "")) is (paper == "80 mm")
        assert receipt.bounding_box()["width"] < (400 if paper == "80 mm" else 900)  # type: ignore[index]


def _plan(visitor: browsers.Visitor) -> None:
    """A task for tomorrow is on the calendar, one for today on Home."""
    page = visitor.page
    today = clock.today("Asia/Kolkata")
    for title, day in (("Call about the photo", today + timedelta(days=1)), ("Print the form", today)):
        visitor.go("/tasks/new/")
        page.get_by_label("What", exact=True).fill(title)
        page.get_by_label("Day", exact=True).fill(day.isoformat())
        with page.expect_navigation():
            visitor.press("Save")
    visitor.go("/")
    assert "Print the form" in page.locator("section[aria-labelledby=today]").inner_text()
    assert "Call about the photo" not in page.locator("section[aria-labelledby=today]").inner_text()
    visitor.go("/calendar/")
    assert "Call about the photo" in visitor.text()
