"""External ids: unique among the living records of a workspace, and no way to learn of records one may not see."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import program
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.people import bin as deleted
from amanat.people import companies, contacts, merging
from amanat.people.drafts import CompanyDraft, ContactDraft
from amanat.people.models import Company, Contact, Interaction
from amanat.people.tests.factories import make_company, make_contact, make_team, narrow_member, owner

HIDDEN, FREE = "TALLY-1", "TALLY-2"


@pytest.fixture
def narrow(shree: Workspace) -> Member:
    """An agent of the counter who sees her team's and her own records; somebody hidden has an external id."""
    team = make_team(shree)
    make_contact(shree, "Hidden Gokhale", external_id=HIDDEN)
    make_company(shree, "Hidden Dairy", external_id=HIDDEN)
    return narrow_member(shree, "Prakash Jadhav", team)


def _told(refused: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = refused.value.message_dict
    return found


def test_the_rule_answers_the_same_for_a_taken_and_a_free_id(shree: Workspace, narrow: Member) -> None:
    answers = []
    for rule, draft in ((contacts, ContactDraft), (companies, CompanyDraft)):
        for external_id in (HIDDEN, FREE):
            with tenancy.inside(shree), pytest.raises(ValidationError) as refused:
                rule.create(
                    workspace=shree, by=narrow, at=clock.now(), draft=draft(name="New", external_id=external_id)
                )
            answers.append(_told(refused))
    assert answers == [answers[0]] * 4
    assert list(answers[0]) == ["external_id"]
    with tenancy.inside(shree):
        assert [Contact.objects.of(shree).count(), Company.objects.of(shree).count()] == [1, 1]


@pytest.mark.parametrize("wanted", [HIDDEN, FREE, "", " OWN-1 x"])
def test_a_change_of_the_id_is_refused_whatever_it_is(shree: Workspace, narrow: Member, wanted: str) -> None:
    mine = make_contact(shree, "Mine", owner=narrow.pk, external_id="OWN-1")
    with tenancy.inside(shree):
        with pytest.raises(ValidationError) as refused:
            contacts.change(contact=mine, by=narrow, at=clock.now(), changes={"external_id": wanted, "notes": "x"})
        assert list(_told(refused)) == ["external_id"]
        now = Contact.objects.of(shree).get(pk=mine.pk)
        assert (now.external_id, now.notes) == ("OWN-1", "")


def test_other_changes_keep_the_id(shree: Workspace, narrow: Member) -> None:
    mine = make_contact(shree, "Mine", owner=narrow.pk, external_id="OWN-1")
    with tenancy.inside(shree):
        contacts.change(contact=mine, by=narrow, at=clock.now(), changes={"notes": "x"})
        contacts.change(contact=mine, by=narrow, at=clock.now(), changes={"external_id": "OWN-1", "notes": "y"})
        now = Contact.objects.of(shree).get(pk=mine.pk)
    assert (now.external_id, now.notes) == ("OWN-1", "y")


@pytest.mark.parametrize("kind", ["contacts", "companies"])
def test_a_form_takes_no_id_from_a_limited_member(shree: Workspace, narrow: Member, kind: str) -> None:
    browser = signed_in(narrow)
    assert 'name="external_id"' not in browser.get(f"/{kind}/new/").text
    pages = [
        browser.post(f"/{kind}/new/", {"name": f"New {value}", "owner": narrow.pk, "external_id": value})
        for value in (HIDDEN, FREE)
    ]
    assert [page.status_code for page in pages] == [303, 303]
    model: type[Contact] | type[Company] = Contact if kind == "contacts" else Company
    with tenancy.inside(shree):
        mine = model.objects.of(shree).filter(owner_id=narrow.pk)
        assert list(mine.order_by("id").values_list("name", "external_id")) == [
            (f"New {HIDDEN}", ""),
            (f"New {FREE}", ""),
        ]


def test_a_form_of_a_limited_member_leaves_the_id_as_it_is(shree: Workspace, narrow: Member) -> None:
    mine = make_contact(shree, "Mine", owner=narrow.pk, external_id="OWN-1", phone="")
    browser = signed_in(narrow)
    answer = browser.post(
        f"/contacts/{mine.pk}/edit/", {"name": "Still mine", "owner": narrow.pk, "external_id": HIDDEN}
    )
    assert answer.status_code == 303
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).values_list("name", "external_id").get(pk=mine.pk) == ("Still mine", "OWN-1")


@pytest.mark.parametrize("kind", ["contacts", "companies"])
def test_a_program_of_a_limited_member_hears_the_same_of_every_id(shree: Workspace, narrow: Member, kind: str) -> None:
    mine = program(narrow)
    made = mine.post(f"/{kind}", {"name": "Mine"})
    assert made.status_code == 201
    creating = [mine.post(f"/{kind}", {"name": "New", "external_id": value}) for value in (HIDDEN, FREE)]
    changing = [mine.patch(made["Location"], {"external_id": value}) for value in (HIDDEN, FREE)]
    assert [answer.status_code for answer in creating + changing] == [422] * 4
    assert len({answer.content for answer in creating + changing}) == 1
    assert creating[0].json()["errors"][0]["pointer"] == "/external_id"
    assert mine.get(made["Location"]).json()["external_id"] == ""
    # Saying what is there already is no change.
    assert mine.patch(made["Location"], {"external_id": "", "notes": "x"}).status_code == 200


@pytest.mark.sampled
@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.AGENT])
def test_whoever_sees_all_records_writes_them_and_is_told_of_a_clash(shree: Workspace, role: str) -> None:
    make_contact(shree, "First", external_id=HIDDEN)
    member = make_member(shree, role, name="Asha Menon")
    browser, mine = signed_in(member), program(member)
    assert 'name="external_id"' in browser.get("/contacts/new/").text
    refused = browser.post("/contacts/new/", {"name": "Second", "external_id": HIDDEN})
    assert refused.status_code == 422 and "Another record has this external id." in refused.text
    assert mine.post("/contacts", {"name": "Second", "external_id": HIDDEN}).status_code == 422
    assert mine.post("/contacts", {"name": "Second", "external_id": FREE}).status_code == 201
    with tenancy.inside(shree):
        assert list(Contact.objects.of(shree).order_by("id").values_list("external_id", flat=True)) == [HIDDEN, FREE]


def test_contacts_and_companies_and_workspaces_have_ids_of_their_own(shree: Workspace, other: Workspace) -> None:
    for workspace in (shree, other):
        make_contact(workspace, external_id=HIDDEN)
        make_company(workspace, external_id=HIDDEN)
    for workspace in (shree, other):
        with tenancy.inside(workspace):
            assert Contact.objects.of(workspace).get(external_id=HIDDEN).workspace_id == workspace.pk


def test_records_without_an_id_do_not_clash(shree: Workspace) -> None:
    for name in ("One", "Two", "Three"):
        make_contact(shree, name, external_id="  ")
    with tenancy.inside(shree):
        assert set(Contact.objects.of(shree).values_list("external_id", flat=True)) == {""}


def test_an_id_in_the_bin_is_free_and_the_one_that_comes_back_loses_it(shree: Workspace) -> None:
    member = owner(shree)
    first = make_contact(shree, "First", external_id=HIDDEN)
    with tenancy.inside(shree):
        deleted.delete(model=Contact, workspace=shree, by=member, at=clock.now(), ids=[first.pk])
    second = make_contact(shree, "Second", external_id=HIDDEN)
    with tenancy.inside(shree):
        assert deleted.restore(model=Contact, workspace=shree, by=member, at=clock.now(), ids=[first.pk]) == (1, 1)
        ids = dict(Contact.objects.of(shree).alive().values_list("pk", "external_id"))
    assert ids == {first.pk: "", second.pk: HIDDEN}


def test_a_merge_keeps_one_id_and_its_undoing_gives_both_back(shree: Workspace) -> None:
    member = owner(shree)
    keep, gone = make_contact(shree, "Asha"), make_contact(shree, "Asha M", external_id=HIDDEN)
    with tenancy.inside(shree):
        merge = merging.merge(keep=keep, gone=gone, choices={}, by=member, at=clock.now())
        assert Contact.objects.of(shree).get().external_id == HIDDEN
        assert merging.undo(merge=merge, by=member, at=clock.now()) == []
        assert dict(Contact.objects.of(shree).values_list("pk", "external_id")) == {keep.pk: "", gone.pk: HIDDEN}


# --- the name of a company, the same question in other words --------------------------------------------------------


def test_naming_a_hidden_company_joins_nobody_to_it(shree: Workspace, narrow: Member) -> None:
    with tenancy.inside(shree):
        hidden = Company.objects.of(shree).get()
        made = contacts.create(
            workspace=shree, by=narrow, at=clock.now(), draft=ContactDraft(name="New", company_name="Hidden Dairy")
        )
        assert made.company is not None
        assert (made.company_id != hidden.pk, made.company.owner_id) == (True, narrow.pk)
        again = contacts.create(
            workspace=shree, by=narrow, at=clock.now(), draft=ContactDraft(name="Next", company_name="hidden dairy")
        )
        assert again.company_id == made.company_id
        assert Company.objects.of(shree).visible_to(narrow).get().pk == made.company_id
        assert not Interaction.objects.of(shree).filter(company=hidden).exclude(kind="created").exists()


def test_a_program_learns_nothing_from_the_name_of_a_company(shree: Workspace, narrow: Member) -> None:
    mine = program(narrow)
    answers = [
        mine.post("/contacts", {"name": "New", "company": name}).json() for name in ("Hidden Dairy", "Free Dairy")
    ]
    for said in answers:
        firm = mine.get(f"/companies/{said['company_id']}")
        assert (firm.status_code, firm.json()["name"]) == (200, said["company"])


def test_whoever_sees_all_is_given_the_company_of_that_name(shree: Workspace, narrow: Member) -> None:
    with tenancy.inside(shree):
        hidden = Company.objects.of(shree).get()
        made = contacts.create(
            workspace=shree,
            by=owner(shree),
            at=clock.now(),
            draft=ContactDraft(name="New", company_name="HIDDEN dairy"),
        )
    assert made.company_id == hidden.pk


def test_a_hidden_company_of_ones_own_contact_stays_through_other_changes(shree: Workspace, narrow: Member) -> None:
    firm = make_company(shree, "Another Hidden Firm")
    mine = make_contact(shree, "Mine", owner=narrow.pk, company_id=firm.pk, phone="")
    answer = signed_in(narrow).post(
        f"/contacts/{mine.pk}/edit/",
        {"name": "Mine", "owner": narrow.pk, "company_name": "Another Hidden Firm", "notes": "x"},
    )
    assert answer.status_code == 303
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).values_list("company_id", "notes").get(pk=mine.pk) == (firm.pk, "x")
