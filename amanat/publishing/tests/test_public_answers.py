"""What the public pages answer at the edges: which version is compared with which, which language, which day, what a stranger may not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import make_workspace
from amanat.core import clock, tenancy
from amanat.policy import loading
from amanat.publishing import beginning, comparing, dry_runs, languages, seals, versions
from amanat.publishing.beginning import Details
from amanat.publishing.dry_runs import DryRun
from amanat.publishing.seals import Seal, State
from amanat.publishing.tests.samples import (
    DETAILS,
    LEAD,
    LONGER,
    NOW,
    REWORDED,
    SHORTER,
    SOURCE,
    WIDER,
    changed,
    published,
)

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def at_now() -> Iterator[None]:
    with clock.standing_at(NOW + DAY):
        yield


@pytest.fixture
def three(shree: Workspace) -> Workspace:
    """Three versions that each hold at once; the third is in force."""
    published(shree)
    published(shree, SHORTER, at=NOW + timedelta(hours=1))
    published(shree, SHORTER, REWORDED, at=NOW + timedelta(hours=2))
    return shree


def page(client: Client, workspace: Workspace, address: str = "", **headers: str) -> str:
    answer = client.get(f"/w/{workspace.pk}/privacy/{address}", headers=headers)
    assert answer.status_code == 200, address
    return answer.content.decode()


@pytest.mark.slow
def test_a_version_is_compared_with_the_one_before_or_with_the_one_asked_for(client: Client, three: Workspace) -> None:
    first, before, asked = "<del>30</del> <ins>20</ins>", "<del>is</del> <ins>can be</ins>", "versions/3/?from=1"
    shown = page(client, three, "versions/3/")
    assert before in shown and first not in shown
    shown = page(client, three, asked)
    assert before in shown and first in shown
    assert first in page(client, three, "versions/2/")
    assert "<ins>" not in page(client, three, "versions/1/"), "nothing stands before the first"
    assert "<del>20</del> <ins>30</ins>" in page(client, three, "versions/1/?from=2"), "backwards, too"


@pytest.mark.slow
def test_what_cannot_be_compared_with_is_passed_over(client: Client, three: Workspace) -> None:
    for asked in ("3", "", "0", "x", "-1", "٣", "123456789"):
        shown = page(client, three, f"versions/3/?from={asked}")
        assert ("<ins>" in shown) == (asked not in ("3", "0")), asked


def test_a_version_that_does_not_exist_cannot_be_compared_with(client: Client, three: Workspace) -> None:
    for asked in ("9", "1234567"):
        assert client.get(f"/w/{three.pk}/privacy/versions/3/?from={asked}").status_code == 404


@pytest.mark.slow
def test_the_page_of_a_version_says_how_it_stands(client: Client, shree: Workspace) -> None:
    published(shree)
    published(shree, LONGER, at=NOW + DAY)
    now = {number: page(client, shree, f"versions/{number}/") for number in (0, 1, 2)}
    assert "no longer holds" not in now[1] and "no longer holds" not in now[2]
    assert "This version holds from 21 December 2026." in now[2]
    with clock.standing_at(NOW + DAY + LEAD):
        later = {number: page(client, shree, f"versions/{number}/") for number in (1, 2)}
    assert "This version no longer holds." in later[1]
    assert "no longer holds" not in later[2] and "This version holds from" not in later[2]


def test_a_version_is_read_in_english_where_it_does_not_speak_the_readers_language(
    client: Client, shree: Workspace
) -> None:
    published(shree, ("langs: [en, hi, mr]", "langs: [en]"))
    published(shree, REWORDED, at=NOW + timedelta(hours=1))
    assert "No system is perfectly secure." in page(client, shree, "versions/1/?lang=hi")
    assert "No system can be perfectly secure." not in page(client, shree, "versions/2/?lang=hi")


@pytest.mark.slow
def test_the_card_lists_three_versions_and_the_page_all(client: Client, three: Workspace) -> None:
    published(three, SHORTER, REWORDED, WIDER, at=NOW + timedelta(hours=3))
    shown, every = page(client, three), page(client, three, "versions/")
    links = [f"/w/{three.pk}/privacy/versions/{number}/" for number in (1, 2, 3, 4)]
    assert [link in shown for link in links] == [False, True, True, True]
    assert [link in every for link in links] == [True, True, True, True]
    assert [every.index(link) for link in links[::-1]] == sorted(every.index(link) for link in links)


def test_an_announced_version_is_told_until_it_holds(client: Client, shree: Workspace) -> None:
    published(shree)
    published(shree, LONGER, at=NOW + DAY)
    told = "Version 2 holds from 21 December 2026."
    assert told in page(client, shree)
    with clock.standing_at(NOW + DAY + LEAD):
        assert told not in page(client, shree)


def test_only_what_is_broken_or_due_stands_above_the_page(
    client: Client, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, Seal] = {}
    monkeypatch.setattr(seals, "_provider", [lambda workspace_id: found])
    for state in State:
        found |= {"never": Seal(state, NOW), "place": Seal(state, NOW - DAY), "premises": Seal(state, NOW)}  # not shown
        shown = page(client, shree)
        assert ("2 sentences below were found broken at the last check." in shown) == (state is State.BROKEN), state
        assert ("2 sentences below are due: a check is late" in shown) == (state is State.DUE), state
        assert "The last check:" in shown and "Nothing was checked yet" not in shown


def test_without_any_check_the_page_says_so(client: Client, shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "_provider", [])
    shown = page(client, shree)
    assert "Nothing was checked yet." in shown and "The last check" not in shown


def test_the_card_names_each_address_of_the_parties_once(client: Client, shree: Workspace, other: Workspace) -> None:
    assert "No way to reach the officer is named yet." in page(client, other)
    published(shree)
    shown = page(client, shree)
    assert shown.count('href="mailto:privacy@shree.test"') == 1, "contact and officer are read by one"
    assert 'href="tel:+912162234567"' in shown and "Main Road, Satara 415001" in shown
    assert "No way to reach the officer" not in shown and "Answers within" in shown


def test_the_feed_says_when_it_was_last_changed(client: Client, shree: Workspace) -> None:
    atom = "{http://www.w3.org/2005/Atom}"

    def updated() -> str | None:
        return ElementTree.fromstring(page(client, shree, "versions/feed.xml")).findtext(f"{atom}updated")

    assert updated() == shree.created_at.isoformat()
    published(shree)
    assert updated() == NOW.isoformat()
    published(shree, SHORTER, at=NOW + timedelta(hours=1))
    assert updated() == (NOW + timedelta(hours=1)).isoformat()


def test_a_page_is_new_on_a_new_day_of_the_workspace(client: Client, shree: Workspace) -> None:
    published(shree)
    address = f"/w/{shree.pk}/privacy/"
    tags = {}
    for hour, minute in ((17, 0), (18, 0), (18, 31)):
        with clock.standing_at(NOW.replace(hour=hour, minute=minute)):
            tags[hour, minute] = client.get(address)["ETag"]
    assert tags[17, 0] == tags[18, 0] != tags[18, 31]


def test_a_page_is_new_when_a_seal_is(client: Client, shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stands: dict[str, Any] = {"state": State.KEPT, "checked_at": NOW, "evidence": "ab", "said": "Kept."}
    found: dict[str, Seal] = {}
    monkeypatch.setattr(seals, "_provider", [lambda workspace_id: found])
    tags = []
    for changes in ({}, {}, {"state": State.DUE}, {"evidence": "ff"}, {"said": "Else."}):
        found["never"] = Seal(**(stands | changes))
        tags.append(client.get(f"/w/{shree.pk}/privacy/")["ETag"])
    assert tags[0] == tags[1] and len(set(tags)) == 4


@pytest.mark.slow
def test_pages_of_two_versions_never_pass_for_one_another(client: Client, three: Workspace) -> None:
    addresses = ["versions/3/", "versions/3/?from=1", "versions/2/", "", "?lang=hi", "versions/", "status/"]
    tags = [client.get(f"/w/{three.pk}/privacy/{one}")["ETag"] for one in addresses]
    assert len(set(tags)) == len(tags)


# --- languages ------------------------------------------------------------------------------------------------------------------


def asking(lang: str = "", accept: str = "") -> HttpRequest:
    return RequestFactory().get("/", {"lang": lang} if lang else {}, headers={"Accept-Language": accept})


@pytest.mark.parametrize(
    ("lang", "accept", "language"),
    [
        ("", "", "en"),
        ("mr", "hi", "mr"),
        ("ta", "hi", "hi"),
        ("MR", "", "en"),
        ("", "mr-IN", "mr"),
        ("", "HI", "hi"),
        ("", "ta,kn", "en"),
        ("", "hi;q=0.2,mr;q=0.8", "mr"),
        ("", "*", "en"),
        ("", "x" * 199 + ",hi", "en"),
    ],
)
def test_the_language_asked_for_comes_before_the_one_the_browser_wants(lang: str, accept: str, language: str) -> None:
    assert languages.chosen(asking(lang, accept), ("en", "hi", "mr")) == language


def test_without_a_wish_the_policys_first_language_is_spoken() -> None:
    assert languages.chosen(asking(), ("mr", "en")) == "mr"


def test_a_language_without_a_name_of_its_own_stands_by_its_code() -> None:
    found = languages.choices(("en", "zz"), "zz")
    assert [(one.code, one.name, one.is_current) for one in found] == [("en", "English", False), ("zz", "zz", True)]


# --- what a workspace begins with -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "name", "office"),
    [
        ({}, "Bare Traders", "India"),
        ({"legal_name": "Bare Traders LLP"}, "Bare Traders LLP", "India"),
        ({"place": "Satara"}, "Bare Traders", "Satara"),
    ],
)
def test_the_beginning_takes_what_was_told_and_the_readys_words_for_the_rest(
    db: None, told: dict[str, str], name: str, office: str
) -> None:
    workspace = make_workspace("Bare Traders", **told)
    with tenancy.inside(workspace):
        held = versions.in_force(workspace)
        again = versions.begins_with(workspace)
    operator = held.policy.parties.operator
    assert (operator.name, operator.office) == (name, office)
    assert (again.digest, again.number, again.name) == (held.digest, 0, "Bare Traders")
    for words in held.policy.translations.values():
        assert "parties.operator.name" not in words, "a translation would bring the example's name back"
        assert ("parties.operator.office" in words) == (office == "India")


def test_the_first_day_of_the_beginning_is_the_workspaces_own() -> None:
    policy = beginning.policy(DETAILS)
    assert policy.head.effective == NOW.date()
    assert beginning.policy(Details(**{**_fields(), "name": "Else"})).parties.operator.name == "Else"


def _fields() -> dict[str, Any]:
    return {name: getattr(DETAILS, name) for name in Details.__slots__}


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("crm.shree.test", "crm.shree.test"),
        ("localhost", "localhost.localdomain"),
        ("crm_of.shree.test", "localhost.localdomain"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_the_product_is_the_host_of_the_site_as_the_format_wants_one(settings: Any, host: str, named: str) -> None:
    settings.CONFIGURATION = replace(settings.CONFIGURATION, base_url=f"https://{host}")
    assert beginning._host() == named


# --- sentences and counts ---------------------------------------------------------------------------------------------------------


def test_sentences_that_are_gone_stand_behind_those_that_changed() -> None:
    before = loading.load(SOURCE).policy
    without = "\n".join(line for line in changed(SHORTER).split("\n") if "no-absolute" not in line)
    found = comparing.sentences(before, loading.load(without).policy, "en")
    assert [one.kind for one in found] == ["changed"] * (len(found) - 1) + ["removed"]
    assert (found[-1].clause, found[-1].after) == ("no-absolute", "")
    back = comparing.sentences(loading.load(without).policy, before, "en")
    assert [one.clause for one in back if one.kind == "added"] == ["no-absolute"]
    assert comparing.sentences(before, before, "en") == []


def test_a_dry_run_shows_the_largest_count_first_and_nothing_that_would_stay(shree: Workspace) -> None:
    found = [DryRun("b", "x", 2), DryRun("a", "z", 2), DryRun("c", "x", 0), DryRun("d", "x", 9), DryRun("a", "y", 2)]
    was = dry_runs.provider()
    try:
        dry_runs.provide(lambda workspace_id, policy, at: found)
        told = dry_runs.of(shree.pk, beginning.policy(DETAILS), NOW)
        assert told is not None
        assert [(one.keep_name, one.label, one.count) for one in told] == [
            ("d", "x", 9),
            ("a", "y", 2),
            ("a", "z", 2),
            ("b", "x", 2),
        ]
        dry_runs.provide(None)
        assert dry_runs.of(shree.pk, beginning.policy(DETAILS), NOW) is None
    finally:
        dry_runs.provide(was)
