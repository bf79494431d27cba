"""The palette and the page of the search: records, pages, what can be made, and for whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.people import search_views
from amanat.people.tests.factories import make_company, make_contact, make_team, narrow_member, owner


def _palette(browser: Client, query: str) -> dict[str, Any]:
    """Titles by group, and the actions."""
    page = browser.get("/search/palette/", {"q": query})
    assert page.status_code == 200
    groups = {str(group["label"]): [item.title for item in group["items"]] for group in page.context["groups"]}
    return {"groups": groups, "actions": [action.title for action in page.context["actions"]], "text": page.text}


def test_records_stand_in_groups_with_what_tells_them_apart(shree: Workspace) -> None:
    make_contact(shree, "Sunita Deshmukh", phone="9822041736", company_name="Deshmukh Dairy")
    make_contact(shree, "Anil Deshmukh", phone="", emails=[("anil@example.in", "")])
    make_company(shree, "Deshmukh Traders", gstin="27AAPFU0939F1ZV")
    found = _palette(signed_in(owner(shree)), "deshmukh")
    assert {label: sorted(titles) for label, titles in found["groups"].items()} == {
        "Contacts": ["Anil Deshmukh", "Sunita Deshmukh"], "Companies": ["Deshmukh Dairy", "Deshmukh Traders"],
    }  # fmt: skip
    for note in ("+91 98220 41736 · Deshmukh Dairy", "anil@example.in", "27AAPFU0939F1ZV"):
        assert note in found["text"]


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("query", "role", "actions"),
    [
        ("bin", Role.OWNER, ["Bin", "New contact “bin”"]), ("bin", Role.AGENT, ["New contact “bin”"]), ("bin", Role.AUDITOR, []),
        ("new con", Role.AGENT, ["New: Contact", "New contact “new con”"]), ("contact new", Role.AGENT, ["New: Contact", "New contact “contact new”"]),
        ("likely dup", Role.MANAGER, ["Likely duplicates", "New contact “likely dup”"]), ("dup lik", Role.MANAGER, ["Likely duplicates", "New contact “dup lik”"]),
        ("compan", Role.AUDITOR, ["Companies"]), ("ompan", Role.AUDITOR, []), ("", Role.OWNER, []), ("   ", Role.OWNER, []),
    ],
)  # fmt: skip
def test_actions_are_pages_the_member_may_open_then_a_new_contact(
    shree: Workspace, query: str, role: str, actions: list[str]
) -> None:
    assert _palette(signed_in(make_member(shree, role, name="Asha")), query)["actions"] == actions


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("Sunita Deshmukh", "?name=Sunita+Deshmukh"), ("98220 41736", "?phone=98220+41736"), ("+91 98220-41736", "?phone=98220+41736"),
        ("सुनीता", "?name=%E0%A4%B8%E0%A5%81%E0%A4%A8%E0%A5%80%E0%A4%A4%E0%A4%BE"), ('a"b<c', "?name=a%22b%3Cc"), ("12", "?name=12"),
    ],
)  # fmt: skip
def test_what_was_typed_is_on_the_form_of_a_new_contact(shree: Workspace, query: str, address: str) -> None:
    browser = signed_in(owner(shree))
    action = browser.get("/search/palette/", {"q": query}).context["actions"][-1]
    assert action.url == f"/contacts/new/{address}"
    form = browser.get(action.url).context["form"]
    if "phone" in address:
        assert form.phone_rows()[0].value == "98220 41736"
    else:
        assert form["name"].value() == query


def test_hostile_words_stay_words(shree: Workspace) -> None:
    make_contact(shree, "<b>Sunita</b>")
    browser = signed_in(owner(shree))
    for query in ("<script>alert(1)</script>", "sunita <b>", "%", "\x00", "'; --", "x" * 5000):
        for path in ("/search/palette/", "/search/"):
            page = browser.get(path, {"q": query})
            assert page.status_code == 200
            assert "<script>alert" not in page.text and "<b>Sunita" not in page.text


def test_a_limited_member_finds_the_own_only(shree: Workspace) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    (
        make_contact(shree, "Sunita Hidden"),
        make_contact(shree, "Sunita Seen", team=team.pk),
        make_company(shree, "Sunita Traders"),
    )
    assert _palette(signed_in(narrow), "sunita")["groups"] == {"Contacts": ["Sunita Seen"]}
    assert len(_palette(signed_in(owner(shree)), "sunita")["groups"]) == 2


def test_another_workspace_is_not_searched(shree: Workspace, other: Workspace) -> None:
    make_contact(other, "Sunita Elsewhere")
    assert _palette(signed_in(owner(shree)), "sunita")["groups"] == {}


@pytest.mark.slow
def test_the_palette_shows_a_few_and_the_page_more(shree: Workspace) -> None:
    for number in range(12):
        make_contact(shree, f"Sunita {number:02}")
    browser = signed_in(owner(shree))
    assert len(_palette(browser, "sunita")["groups"]["Contacts"]) == search_views.IN_THE_PALETTE
    assert len(browser.get("/search/?q=sunita").context["groups"][0]["items"]) == 12


def test_the_page_of_the_search_offers_a_new_contact_where_nothing_is_found(shree: Workspace) -> None:
    browser, auditor = signed_in(owner(shree)), signed_in(make_member(shree, Role.AUDITOR, name="Atul"))
    assert browser.get("/search/?q=zubeida").context["new"].title == "New contact “zubeida”"
    assert auditor.get("/search/?q=zubeida").context["new"] is None
    assert browser.get("/search/").context["groups"] == [] and browser.get("/search/").context["new"] is None


@pytest.mark.slow
def test_a_search_costs_the_same_for_one_and_twenty_hits(shree: Workspace) -> None:
    browser, costs = signed_in(owner(shree)), []
    for amount in (1, 19):
        for number in range(amount):
            make_contact(shree, f"Sunita {amount} {number}", company_name="Dairy")
        with CaptureQueriesContext(connection) as captured:
            browser.get("/search/?q=sunita")
        costs.append(len(captured))
    assert costs[0] == costs[1]


def test_names_of_companies_go_on_as_typed(shree: Workspace) -> None:
    narrow = narrow_member(shree)
    for name in ("Deshmukh Dairy", "Deshpande & Sons", "Shri Desai Traders", "Patil Motors"):
        make_company(shree, name)
    make_company(shree, "Desai's Own", owner=narrow.pk)

    def names(browser: Client, typed: str) -> list[str]:
        found: list[str] = browser.get("/companies/names/", {"company_name": typed}).context["names"]
        return found

    browser = signed_in(owner(shree))
    assert names(browser, "des") == ["Shri Desai Traders", "Desai's Own", "Deshmukh Dairy", "Deshpande & Sons"]
    assert names(browser, "deshm") == ["Deshmukh Dairy"]
    assert (names(browser, ""), names(browser, "zz"), names(browser, "%")) == ([], [], [])
    assert names(signed_in(narrow), "des") == ["Desai's Own"]


def test_who_has_the_number_is_told_while_typing(shree: Workspace) -> None:
    contact = make_contact(shree, "Sunita Deshmukh", phone="9822041736", emails=[("s@example.in", "")])
    browser = signed_in(owner(shree))

    def told(**query: Any) -> str:
        return browser.get("/same/contact/", query).text

    assert "The number 98220 41736 belongs to" in told(phone_number="098220 41736")
    assert "The address s@example.in belongs to" in told(email_address=" S@Example.in ")
    assert "There is" in told(name="सुनीता देशमुख")
    for nothing in (
        {"phone_number": "98220"},
        {"name": "Sun"},
        {"email_address": "s@"},
        {"phone_number": "9822041736", "but": str(contact.pk)},
        {},
    ):
        assert "link" not in told(**nothing)
    assert browser.get("/same/service/").status_code == 404
    assert "link" not in signed_in(narrow_member(shree)).get("/same/contact/", {"phone_number": "9822041736"}).text
