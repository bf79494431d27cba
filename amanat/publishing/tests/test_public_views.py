"""The public pages: for anybody, without cookie or script, the same for all who ask alike, in three languages."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, ids, tenancy
from amanat.publishing import comparing, languages, seals
from amanat.publishing.seals import Seal, State
from amanat.publishing.tests.samples import LEAD, LONGER, NOW, REWORDED, SHORTER, published
from amanat.publishing.visiting import visit

PAGES = ["", "versions/", "versions/feed.xml", "versions/0/", "status/", "status.json", "recipients/", "policy.json"]
OWN = ["legal/privacy", "legal/privacy/versions", "legal/status", "legal/subprocessors", ".well-known/privacy-policy.json",
       ".well-known/gpc.json"]  # fmt: skip
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def at_now() -> Any:
    with clock.standing_at(NOW + DAY):
        yield


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Seal]:
    """Seals as the package above would give them."""
    found = {
        "never": Seal(State.KEPT, NOW + DAY - timedelta(minutes=2), "ab" * 32, "No buyer was found.", 3, 3, 3),
        "place": Seal(State.BROKEN, NOW, "cd" * 32, "A host abroad was called.", 3, 2, 1),
        "protect": Seal(State.DUE, NOW, "ef" * 32),
    }
    monkeypatch.setattr(seals, "_provider", [lambda workspace_id: found])
    return found


def address(workspace: Workspace, page: str = "") -> str:
    return f"/w/{workspace.pk}/privacy/{page}"


@pytest.mark.sampled
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("is_published", [False, True])
def test_anyone_reads_every_page_without_a_cookie(
    client: Client, shree: Workspace, page: str, is_published: bool
) -> None:
    if is_published:
        published(shree)
    answer = client.get(address(shree, page))
    assert answer.status_code == 200
    assert not answer.cookies and "no-cache" in answer["Cache-Control"] and answer["ETag"]
    assert b"<script" not in answer.content and b"csrfmiddlewaretoken" not in answer.content


@pytest.mark.parametrize("page", ["", "versions/", "versions/1/", "status/", "recipients/"])
def test_pages_fetch_nothing_from_elsewhere_and_name_their_hash(client: Client, shree: Workspace, page: str) -> None:
    row = published(shree)
    seen = visit(address(shree, page))
    assert (seen.status, seen.scripts, seen.elsewhere, seen.cookies) == (200, 0, (), ())
    assert seen.meta["policy-hash"] == f"sha256:{row.digest}"


def test_a_member_sees_the_same_page_as_a_stranger(client: Client, shree: Workspace) -> None:
    published(shree)
    assert signed_in(owner_of(shree)).get(address(shree)).content == client.get(address(shree)).content


def test_machines_read_the_policy_that_the_page_shows(client: Client, shree: Workspace) -> None:
    published(shree)
    document = client.get(address(shree, "policy.json")).json()
    page = client.get(address(shree)).content.decode()
    assert document["hash"] in page and document["policy"]["version"] == 1
    assert "people.Contact.birthday" in document["data"]["content"]["at"]


def test_each_part_and_sentence_has_an_anchor(shree: Workspace) -> None:
    published(shree)
    seen = visit(address(shree))
    assert {"intro", "collect", "use", "share", "protect", "keep", "choices", "never", "keep-content"} <= seen.ids


@pytest.mark.parametrize(
    ("asked", "wanted", "piece"),
    [
        ("?lang=hi", "en", "हम डेटा का उपयोग"),
        ("?lang=mr", "hi", "आम्ही डेटा या कामांसाठी"),
        ("", "hi-IN,hi;q=0.9,en;q=0.8", "हम डेटा का उपयोग"),
        ("", "ta,mr;q=0.5", "आम्ही डेटा या कामांसाठी"),
        ("", "ta", "We use data for"),
        ("?lang=zz", "", "We use data for"),
    ],
)
def test_the_page_speaks_the_language_asked_for(
    client: Client, shree: Workspace, asked: str, wanted: str, piece: str
) -> None:
    published(shree)
    answer = client.get(address(shree) + asked, headers={"Accept-Language": wanted})
    code = re.search(r'<html lang="(\w+)"', answer.content.decode())
    assert piece in answer.content.decode() and code and code[1] == answer["Content-Language"]
    assert "Accept-Language" in answer["Vary"]


def test_the_scheduled_languages_are_ready_to_be_offered() -> None:
    assert len(languages.NAMES) == 23 and {"en", "hi", "mr", "ta", "sat"} <= set(languages.NAMES)
    assert [one.name for one in languages.choices(("en", "mr"), "mr")] == ["English", "मराठी"]


def test_who_has_the_page_is_told_so_until_anything_changes(
    client: Client, shree: Workspace, sealed: dict[str, Seal]
) -> None:
    published(shree)
    first = client.get(address(shree))
    again = client.get(address(shree), headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    hindi = client.get(address(shree) + "?lang=hi", headers={"If-None-Match": first["ETag"]})
    assert hindi.status_code == 200
    sealed["never"] = Seal(State.BROKEN, NOW + DAY, "00" * 32)
    assert client.get(address(shree), headers={"If-None-Match": first["ETag"]}).status_code == 200
    del sealed["never"]
    second = client.get(address(shree))
    published(shree, SHORTER, at=NOW + DAY)
    assert client.get(address(shree), headers={"If-None-Match": second["ETag"]}).status_code == 200


def test_a_seal_stands_beside_its_sentence(client: Client, shree: Workspace, sealed: dict[str, Seal]) -> None:
    published(shree)
    page = client.get(address(shree)).content.decode()
    for clause, word in {
        "never": "Kept",
        "place": "Broken",
        "protect": "Due",
        "no-absolute": "Statement",
        "rights": "Unchecked",
    }.items():
        line = page[page.index(f'<li id="{clause}"') :]
        assert word in line[: line.index("</li>")], clause
        assert ("2 of 3 promises checked" in line[: line.index("</li>")]) == (clause == "place"), clause
    assert "1 sentence below was found broken" in page and "The last check: 2 min ago." in page


def test_the_status_says_what_was_found_and_its_hash(client: Client, shree: Workspace, sealed: dict[str, Seal]) -> None:
    published(shree)
    told = {one["id"]: one for one in client.get(address(shree, "status.json")).json()["clauses"]}
    assert told["place"] | {"checked_at": ""} == told["place"] | {
        "state": "broken", "evidence": "cd" * 32, "found": "A host abroad was called.", "promises": 3, "promises_checked": 2, "promises_kept": 1,
        "part": "share", "checked_at": "",
    }  # fmt: skip
    assert told["rights"]["state"] == "unknown" and told["rights"]["evidence"] is None
    page = client.get(address(shree, "status/")).content.decode()
    assert "cd" * 32 in page and "2 of 3 promises checked" in page and "1 kept" in page


@pytest.mark.slow
def test_versions_stay_readable_with_what_differs_in_words(client: Client, shree: Workspace) -> None:
    published(shree)
    published(shree, REWORDED, LONGER, at=NOW + DAY)
    first, second = (client.get(address(shree, f"versions/{number}/")).content.decode() for number in (1, 2))
    assert "No system is perfectly secure." in first and "<ins>" not in first
    assert "<del>30</del> <ins>60</ins>" in second and "<del>is</del> <ins>can be</ins>" in second
    assert "This version holds from 21 December 2026." in second
    assert client.get(address(shree, "versions/2/") + "?lang=mr").content.decode().count("<ins>") >= 1
    with clock.standing_at(NOW + DAY + LEAD):
        assert "This version no longer holds." in client.get(address(shree, "versions/1/")).content.decode()


@pytest.mark.slow
def test_a_version_announced_is_told_on_the_page_and_one_withdrawn_says_so(client: Client, shree: Workspace) -> None:
    published(shree)
    published(shree, LONGER, at=NOW + DAY)
    page = client.get(address(shree)).content.decode()
    assert "version 1 · in force" in page and "Version 2 holds from 21 December 2026." in page
    published(shree, SHORTER, at=NOW + DAY)
    page = client.get(address(shree, "versions/")).content.decode()
    assert "Announced, and withdrawn before it held" in page
    assert "withdrawn before it held" in client.get(address(shree, "versions/2/")).content.decode()
    assert "Version 2 holds from" not in client.get(address(shree)).content.decode()


def test_before_a_policy_is_published_the_page_says_so(client: Client, shree: Workspace) -> None:
    page = client.get(address(shree)).content.decode()
    assert "has not published a policy of its own yet" in page and "version 0" not in page


def test_the_feed_lists_every_version(client: Client, shree: Workspace) -> None:
    published(shree)
    row = published(shree, SHORTER, at=NOW + DAY)
    answer = client.get(address(shree, "versions/feed.xml"))
    feed = ElementTree.fromstring(answer.content)
    atom = {"a": "http://www.w3.org/2005/Atom"}
    assert answer["Content-Type"].startswith("application/atom+xml")
    assert feed.findtext("a:entry/a:id", namespaces=atom) == f"urn:uuid:{row.pk}"
    assert len(feed.findall("a:entry", atom)) == 2


def test_recipients_name_data_country_and_condition(client: Client, shree: Workspace) -> None:
    page = client.get(address(shree, "recipients/")).content.decode()
    assert "United States" in page and "standard contractual clauses" in page and "Only when a law orders it" in page
    assert "Only when you agreed to it by name" in page and "graph.facebook.com" in page


@pytest.mark.parametrize("page", OWN)
def test_the_installation_shows_the_first_workspaces_policy(
    client: Client, shree: Workspace, other: Workspace, page: str
) -> None:
    answer = client.get(f"/{page}")
    assert answer.status_code == 200 and not answer.cookies
    assert "Other Traders" not in answer.content.decode()


def test_the_operator_may_name_the_workspace(client: Client, shree: Workspace, other: Workspace, settings: Any) -> None:
    from dataclasses import replace

    settings.CONFIGURATION = replace(settings.CONFIGURATION, operator_workspace=str(other.pk))
    assert "Other Traders" in client.get("/legal/privacy").content.decode()


@pytest.mark.parametrize("page", OWN)
def test_without_a_workspace_there_is_no_policy(client: Client, db: None, page: str) -> None:
    assert client.get(f"/{page}").status_code == 404


def test_global_privacy_control_is_told_with_the_day_of_the_shop(client: Client, shree: Workspace) -> None:
    with tenancy.inside(shree):  # half past midnight in India
        Workspace.objects.of(shree).update(created_at=datetime(2026, 11, 22, 19, tzinfo=UTC))
    assert client.get("/.well-known/gpc.json").json() == {
        "gpc": True,
        "lastUpdate": "2026-11-23",
    }


@pytest.mark.parametrize("page", [*PAGES, "versions/1/"])
def test_a_workspace_or_version_that_does_not_exist_is_not_found(client: Client, shree: Workspace, page: str) -> None:
    assert client.get(f"/w/{ids.new()}/privacy/{page}").status_code == 404
    assert client.get(address(shree, "versions/99/")).status_code == 404


@pytest.mark.sampled
@pytest.mark.parametrize("page", ["", "versions/", "status/"])
def test_the_page_asks_the_database_the_same_for_one_version_and_for_three(
    client: Client, shree: Workspace, page: str
) -> None:
    counts = []
    for number in range(3):
        published(
            shree,
            ("No system is perfectly secure.", f"No system is secure, {'and' * (number + 1)} none will be."),
            at=NOW,
        )
        client.get(address(shree, page))
        with CaptureQueriesContext(connection) as queries:
            client.get(address(shree, page))
        counts.append(len([one for one in queries if "SAVEPOINT" not in one["sql"]]))
    assert counts[0] == counts[2] <= 8  # the seals and the gate of cookies included


def test_the_foot_of_other_public_pages_leads_to_the_policy(client: Client, shree: Workspace) -> None:
    assert 'href="/legal/privacy"' in client.get("/accounts/login/").content.decode()
    assert f'href="/w/{shree.pk}/privacy/"' in client.get(f"/w/{shree.pk}/choices/").content.decode()


def test_pieces_join_to_both_sentences() -> None:
    before, after = "Gone after 30 days at most.", "Erased after 60 days."
    pieces = comparing._pieces(before, after)
    assert " ".join(one.text for one in pieces if one.what != "new") == before
    assert " ".join(one.text for one in pieces if one.what != "gone") == after


def test_the_document_is_canonical_json_that_anyone_can_hash(client: Client, shree: Workspace) -> None:
    published(shree)
    assert (
        json.loads(client.get("/.well-known/privacy-policy.json").content)
        == client.get(address(shree, "policy.json")).json()
    )
