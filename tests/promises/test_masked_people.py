"""Every page and every answer of the API is asked for, as an auditor and about a restricted person: none shows her number, address or notes.

The routes are those of the table, so that a new page is walked the day it is made. What may show them says why in `MAY_SHOW`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.accounts.tests.api_client import program
from amanat.basis import restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction
from amanat.core import clock, routes, tenancy
from amanat.core.tenancy import WorkspaceRow
from amanat.desk import receipts, veil
from amanat.desk.models import ServiceRecord
from amanat.people import contacts, notes, search, vocabulary
from amanat.people.models import Contact
from tests.promises import cast
from tests.promises.test_isolation import url_of

NUMBER, ADDRESS, NOTES = "+919371046285", "qxz.marker@example.in", "QXZNOTES"
#: A number as it is stored, as people write it, and without its country.
MARKERS = ("9371046285", "93710 46285", "93710-46285", ADDRESS, NOTES)
NAME = "Qxzarita Deshmukh"
#: Pages that may show them, and why. Nothing else.
MAY_SHOW: dict[str, str] = {}


@pytest.fixture
def stage(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, WorkspaceRow]:
    """A workspace with one row of every table, all about one person with the markers."""
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    rows = cast.fill(shree)
    with tenancy.inside(shree):
        contact = Contact.objects.of(shree).get(pk=rows["people.Contact"].pk)
        contacts.change(
            contact=contact, by=factories.owner_of(shree), at=clock.now() + timedelta(seconds=1),
            changes={"name": NAME, "phones": [(NUMBER, "")], "emails": [(ADDRESS, "")], "notes": NOTES},
        )  # fmt: skip
        notes.write(record=contact, by=factories.owner_of(shree), at=clock.now(), text=NOTES)
        for ground in Restriction.Ground:
            restrictions.lift(contact=contact, ground=ground, how=How(Method.LINK), at=clock.now())
    return rows


def restrict(shree: Workspace, rows: dict[str, WorkspaceRow]) -> None:
    with tenancy.inside(shree):
        contact = Contact.objects.of(shree).get(pk=rows["people.Contact"].pk)
        how, at = How(Method.LINK), clock.now()
        restrictions.impose(contact=contact, ground=Restriction.Ground.REQUEST, how=how, at=at)


#: What routes are asked for besides the bare address. Words and whole numbers find; no answer says more than was asked.
def _questions(rows: dict[str, WorkspaceRow]) -> Iterator[str]:
    contact, company = rows["people.Contact"].pk, rows["people.Company"].pk
    columns = "&".join(f"columns={name}" for name in ("phone", "email", "company", "last_contact"))
    yield from (f"/contacts/?{columns}", f"/contacts/?sort=name&{columns}", f"/contacts/?company={company}")
    yield from (
        f"/services/new/?contact={contact}",
        f"/tasks/new/?contact={contact}",
        "/services/?view=all",
        "/calendar/?who=all",
    )
    for words in (NAME, "Qxzarita"):
        yield from (f"/search/?q={words}", f"/palette/?q={words}", f"/services/people/?q={words}", f"/inbox/?q={words}")
        yield f"/api/v1/search?q={words}"


def _shown(
    member: Member, shree: Workspace, rows: dict[str, WorkspaceRow], *, only: Collection[str] = ()
) -> dict[str, list[str]]:
    """The routes that show a marker, with those they show; and how many were read, as `""`."""
    browser, api = factories.signed_in(member), program(member)
    found: dict[str, list[str]] = {"": []}
    asked = [
        (route.name, url_of(pattern, route, rows, shree))
        for pattern, route in sorted(routes.addresses().items())
        if "GET" in route.methods and "secret" not in pattern and "token" not in pattern
    ]
    asked += [(question, question) for question in _questions(rows)]
    for name, url in [(name, url) for name, url in asked if not only or name in only]:
        with cast.undone(browser):
            response: Any = api.get(url) if url.startswith("/api/") else browser.get(url)
            content = b"".join(response.streaming_content) if response.streaming else response.content
        if response.status_code == 200:
            found[""].append(name)
        text = content.decode("utf-8", "replace")
        if seen := [marker for marker in MARKERS if marker in text]:
            found.setdefault(f"{'API ' if url.startswith('/api/') else ''}{name}", []).extend(seen)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("case", ["auditor", "restricted"])
def test_no_page_shows_what_is_hidden(case: str, shree: Workspace, stage: dict[str, WorkspaceRow]) -> None:
    """All GET routes are asked for (6 s each)."""
    member = factories.make_member(shree, Role.AUDITOR) if case == "auditor" else factories.owner_of(shree)
    hidden = [marker for marker in MARKERS if case == "restricted" or marker != NOTES]
    if case == "restricted":
        restrict(shree, stage)
    found = _shown(member, shree, stage)
    assert len(found.pop("")) > 60, "most pages were really shown"
    leaks = {
        name: seen for name, shown in found.items() if name not in MAY_SHOW and (seen := sorted({*shown} & {*hidden}))
    }
    assert leaks == {}


@pytest.mark.slow
def test_the_same_walk_would_see_them(shree: Workspace, stage: dict[str, WorkspaceRow]) -> None:
    """Who may see them does, on the pages that were mended: so that their absence means something."""
    pages = {"contact", "company", "service", "receipt", "task", "/services/people/?q=Qxzarita"}
    found = _shown(factories.owner_of(shree), shree, stage, only={*pages, "/api/v1/search?q=Qxzarita"})
    assert {*pages, "API /api/v1/search?q=Qxzarita"} <= found.keys()


@pytest.mark.slow
def test_no_search_tells_a_hidden_number_digit_by_digit(shree: Workspace, stage: dict[str, WorkspaceRow]) -> None:
    auditor, owner = factories.make_member(shree, Role.AUDITOR), factories.owner_of(shree)
    parts = ("93710", "937104628", "9193710462", "46285", "0937104628", "Qxzarita 93710", "91937104628")
    whole = ("9371046285", "+91 93710 46285", "093710-46285", "Qxzarita 9371046285")

    def finds(member: Member, query: str) -> bool:
        with tenancy.inside(shree):
            return stage["people.Contact"].pk in {
                hit.id for hit in search.find(query, member=member, kinds=["contact"])
            }

    assert [query for query in (*parts, *whole) if not finds(owner, query)] == []
    assert [query for query in parts if finds(auditor, query)] == []
    assert [query for query in (*whole, "Qxzarita") if not finds(auditor, query)] == []
    restrict(shree, stage)
    assert [query for query in parts if finds(owner, query)] == []
    assert [query for query in (*whole, "Qxzarita") if not finds(owner, query)] == []


def test_the_paper_of_a_receipt_says_no_hidden_number(shree: Workspace, stage: dict[str, WorkspaceRow]) -> None:
    """A PDF is no text to look into, but it says what these lines say."""
    owner, auditor = factories.owner_of(shree), factories.make_member(shree, Role.AUDITOR)

    def said(member: Member) -> str:
        with tenancy.inside(shree):
            record = (
                ServiceRecord.objects.of(shree)
                .select_related("contact", "company")
                .get(pk=stage["desk.ServiceRecord"].pk)
            )
            held = veil.guard(member, vocabulary.of(shree))
            return str(receipts.of(record=record, payments=[], workspace=shree, at=clock.now(), held=held))

    assert "93710 46285" in said(owner) and "285" in said(auditor) and "46285" not in said(auditor)
    restrict(shree, stage)
    assert "285" not in said(owner)


@pytest.mark.slow
def test_a_program_reads_and_writes_no_notes_of_a_restricted_person(
    shree: Workspace, stage: dict[str, WorkspaceRow]
) -> None:
    api, browser = program(factories.owner_of(shree)), factories.signed_in(factories.owner_of(shree))
    contact = f"/contacts/{stage['people.Contact'].pk}"
    assert api.post(f"{contact}/notes", {"text": "Came by"}).status_code == 201
    assert "Came by" in api.get(f"{contact}/timeline").content.decode()
    restrict(shree, stage)
    assert api.get(f"{contact}/timeline").json() == {"items": [], "next": None}
    assert api.post(f"{contact}/notes", {"text": "Again"}).status_code == 422
    assert browser.post(f"{contact}/notes/", {"note": "Again"}).status_code in {303, 404}
    assert (
        isinstance(browser, Client) and browser.get(f"/attachments/{stage['people.Attachment'].pk}/").status_code == 404
    )
