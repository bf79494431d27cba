"""Likely duplicates: which pairs are found, how sure they are, what the page shows and what stays said."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import TABLE, May, Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import bin as deleted
from amanat.people import duplicates, merging
from amanat.people.drafts import AddressDraft
from amanat.people.models import Contact, LikelyDuplicate, NotDuplicate
from amanat.people.tests.factories import make_company, make_contact, make_team, narrow_member, owner

PHONE, MAIL, TOWN = "9822041736", "a@example.in", "Sinnar"


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


def _person(
    workspace: Workspace, name: str, *, phone: str = "", mail: str = "", city: str = "", **more: Any
) -> Contact:
    return make_contact(
        workspace,
        name,
        phone=phone,
        emails=[(mail, "")] if mail else [],
        addresses=[AddressDraft(city=city)] if city else [],
        **more,
    )


def _pairs(workspace: Workspace) -> list[tuple[set[str], list[str], int]]:
    with tenancy.inside(workspace):
        names = dict(Contact.objects.of(workspace).values_list("pk", "name"))
        return [
            ({names[pair.first_id], names[pair.second_id]}, pair.reasons, pair.score)
            for pair in duplicates.find(workspace)
        ]


#: Two people as (name, phone, mail, town), then why they are a pair and how sure, or nothing.
TWO: list[tuple[tuple[str, str, str, str], tuple[str, str, str, str], list[str], int]] = [
    (("Asha Menon", PHONE, "", ""), ("Asha Menon", PHONE, "", ""), ["phone", "name"], 95),
    (("Asha Menon", PHONE, "", ""), ("Menon Asha", PHONE, "", ""), ["phone", "name"], 95),
    (("Sunita Deshmukh", PHONE, "", ""), ("सुनीता देशमुख", PHONE, "", ""), ["phone", "name"], 95),
    (("Asha Menon", PHONE, "", ""), ("Ravi Patil", PHONE, "", ""), ["phone"], 35),
    (("Asha Menon", "", MAIL, ""), ("Asha Menon", "", MAIL, ""), ["email", "name"], 85),
    (("Asha Menon", PHONE, MAIL, ""), ("Asha Menon", PHONE, MAIL, ""), ["phone", "email", "name"], 100),
    (("Asha Menon", "", "", TOWN), ("Asha Menon", "", "", TOWN), ["name_town"], 75),
    (("Suneeta Deshmuk", "", "", TOWN), ("Sunita Deshmukh", "", "", "sinnar"), ["name_town"], 75),
    (("सुनीता देशमुख", "", "", "सिन्नर"), ("Sunita Deshmukh", "", "", TOWN), ["name_town"], 75),
    (("Asha Menon", PHONE, "", TOWN), ("Asha Menon", PHONE, "", TOWN), ["phone", "name_town"], 100),
    (("Asha Menon", "", "", TOWN), ("Asha Menon", "", "", "Pune"), [], 0),
    (("Asha", "", "", TOWN), ("Asha", "", "", TOWN), [], 0),
    (("Asha Menon", "", "", ""), ("Asha Menon", "", "", ""), [], 0),
    (("Asha Menon", PHONE, "", ""), ("Asha Menon", "9822041737", "", ""), [], 0),
    (("Anil Patil", "", "", TOWN), ("Sunil Patil", "", "", TOWN), [], 0),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "reasons", "score"), TWO)
def test_which_two_are_probably_one_and_how_sure_it_is(
    shree: Workspace,
    first: tuple[str, str, str, str],
    second: tuple[str, str, str, str],
    reasons: list[str],
    score: int,
) -> None:
    for name, phone, mail, city in (first, second):
        _person(shree, name, phone=phone, mail=mail, city=city)
    found = _pairs(shree)
    assert found == ([({first[0], second[0]}, reasons, score)] if reasons else [])


def test_the_same_company_and_sound_is_a_pair(shree: Workspace) -> None:
    firm = make_company(shree, "Dairy")
    for name in ("Prakash Wagh", "Prakash Vagh"):
        _person(shree, name, company_id=firm.pk)
    _person(shree, "Prakash Wagh", company_id=make_company(shree, "Motors").pk)
    assert _pairs(shree) == [({"Prakash Wagh", "Prakash Vagh"}, ["name_company"], 75)]


def test_a_group_is_paired_with_its_oldest_the_surest_first(shree: Workspace) -> None:
    oldest = _person(shree, "Asha Menon", phone=PHONE)
    others = [_person(shree, name, phone=PHONE) for name in ("Ravi Patil", "Asha Menon", "Asha M")]
    with tenancy.inside(shree):
        pairs = duplicates.find(shree)
    assert {pair.first_id for pair in pairs} == {oldest.pk}
    assert {pair.second_id for pair in pairs} == {one.pk for one in others}
    assert [pair.score for pair in pairs] == sorted((pair.score for pair in pairs), reverse=True)
    assert pairs[0].second_id == others[1].pk


def test_companies_and_the_bin_are_nobodys_duplicates(shree: Workspace, rekha: Member) -> None:
    _person(shree, "Asha Menon", phone=PHONE), make_company(shree, "Menon Traders", phones=[(PHONE, "")])
    assert _pairs(shree) == []
    second = _person(shree, "Asha Menon", phone=PHONE)
    assert len(_pairs(shree)) == 1
    with tenancy.inside(shree):
        deleted.delete(model=Contact, workspace=shree, by=rekha, at=clock.now(), ids=[second.pk])
    assert _pairs(shree) == []


def test_the_page_shows_why_and_two_people_stay_two(shree: Workspace, browser: Client) -> None:
    first, second = _person(shree, "Asha Menon", phone=PHONE), _person(shree, "Asha Menon", phone=PHONE)
    page = browser.get(reverse("people:duplicates"))
    ((pair,),) = [page.context["pairs"]]
    assert ({pair["first"]["pk"], pair["second"]["pk"]}, [str(one) for one in pair["reasons"]], pair["is_sure"]) == (
        {first.pk, second.pk}, ["same phone", "same name"], True,
    )  # fmt: skip
    assert page.text.count("+91 98220 41736") == 2
    assert reverse("people:merge", args=["contact", first.pk, second.pk]) in page.text
    crumbs = page.text.partition('class="crumbs"')[2].partition("</nav>")[0]
    assert 'href="/contacts/"' in crumbs
    told = browser.post(reverse("people:duplicate_dismiss"), {"first": second.pk, "second": first.pk}, follow=True)
    assert "They stay two people" in told.text and told.context["pairs"] == []
    with tenancy.inside(shree):
        row = NotDuplicate.objects.of(shree).get()
        assert (row.first_id, row.second_id) == tuple(sorted((first.pk, second.pk)))
        assert LedgerEntry.objects.of(shree).filter(event="people.contact.not_duplicate").count() == 1
    browser.post(reverse("people:duplicate_dismiss"), {"first": first.pk, "second": second.pk})
    with tenancy.inside(shree):
        assert NotDuplicate.objects.of(shree).count() == 1


@pytest.mark.parametrize("data", [{}, {"first": "x", "second": "y"}, {"first": str(UUID(int=1))}])
def test_a_pair_that_is_none_is_not_found(browser: Client, data: dict[str, str]) -> None:
    assert browser.post(reverse("people:duplicate_dismiss"), data).status_code == 404


def test_a_stranger_is_no_part_of_a_pair(shree: Workspace, other: Workspace, rekha: Member) -> None:
    own, foreign = _person(shree, "Asha Menon"), _person(other, "Asha Menon")
    with tenancy.inside(shree):
        for second in (foreign.pk, UUID(int=1), own.pk):
            duplicates.dismiss(first=own.pk, second=second, workspace=shree, by=rekha, at=clock.now())
        assert not NotDuplicate.objects.of(shree).exists()


def test_pairs_with_somebody_hidden_are_not_shown(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    _person(shree, "Asha Menon", phone=PHONE, team=team.pk), _person(shree, "Asha Menon", phone=PHONE)
    _person(shree, "Ravi Patil", mail=MAIL, team=team.pk), _person(shree, "Ravi Patil", mail=MAIL, team=team.pk)
    monkeypatch.setattr(Member, "may", lambda member, permission: True)
    pairs = signed_in(narrow).get(reverse("people:duplicates")).context["pairs"]
    assert [pair["first"]["name"] for pair in pairs] == ["Ravi Patil"]


@pytest.mark.slow
def test_the_list_of_merges_names_those_that_are_two_again(shree: Workspace, rekha: Member, browser: Client) -> None:
    keep, gone = _person(shree, "Asha Menon"), _person(shree, "Balu Patil")
    with tenancy.inside(shree, actor=rekha.pk):
        merge = merging.merge(keep=keep, gone=gone, choices={}, by=rekha, at=clock.now())
    rows = browser.get(reverse("people:merges")).context["rows"]
    assert [(row["kept"], row["gone"], row["may_undo"]) for row in rows] == [("Asha Menon", "Balu Patil", True)]
    browser.post(reverse("people:merge_undo", args=[merge.pk]))
    rows = browser.get(reverse("people:merges")).context["rows"]
    assert [(row["kept"], row["gone"], row["may_undo"]) for row in rows] == [("Asha Menon", "Balu Patil", False)]


@pytest.mark.parametrize("role", Role.values)
def test_who_sees_the_page(shree: Workspace, role: str) -> None:
    client = signed_in(make_member(shree, role, name="Atul"))
    may = May.MERGE_CONTACTS in TABLE[role]
    for name in ("duplicates", "merges"):
        assert (client.get(reverse(f"people:{name}")).status_code == 200) == may
    assert (client.post(reverse("people:duplicates_look")).status_code == 302) == may


def test_the_page_costs_the_same_for_one_and_three_pairs(shree: Workspace, browser: Client) -> None:
    costs = []
    for amount in (1, 2):
        for number in range(amount):
            for _twice in range(2):
                _person(shree, f"Asha{number} Menon", phone=f"98220417{amount}{number}")
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(reverse("people:duplicates")).status_code == 200
        costs.append(len(captured))
    assert costs[0] == costs[1]


@pytest.mark.slow
def test_a_small_workspace_pages_at_once_and_a_large_one_by_what_was_written(
    shree: Workspace, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "PAGE", 2)
    for number in range(3):
        for _twice in range(2):
            _person(shree, f"Asha{number} Menon", phone=f"982204170{number}")
    url = reverse("people:duplicates")

    def all_pairs() -> list[Any]:
        found, following = [], "?"
        while following:
            page = browser.get(url + following)
            found += [frozenset((pair["first"]["pk"], pair["second"]["pk"])) for pair in page.context["pairs"]]
            following = page.context["next_url"]
        return found

    at_once = all_pairs()
    assert len(at_once) == len(set(at_once)) == 3
    monkeypatch.setattr(duplicates, "AT_ONCE", 0)
    assert all_pairs() == []
    assert duplicates.refresh(shree.pk) == 3
    assert set(all_pairs()) == set(at_once)
    for broken in ("x", "~", "9~x", f"x~{UUID(int=1)}"):
        assert browser.get(url, {"after": broken}).status_code == 200
    with tenancy.inside(shree):
        gone = next(iter(at_once[0]))
        duplicates.forget([gone], workspace=shree)
        assert LikelyDuplicate.objects.of(shree).count() == 2


def test_reasons_are_said_in_words() -> None:
    said = [
        duplicates.reason_words(reason) for reason in ("phone", "email", "name", "name_town", "name_company", "new one")
    ]
    assert said == [
        "same phone",
        "same e-mail",
        "same name",
        "same name, same town",
        "same name, same company",
        "new one",
    ]
