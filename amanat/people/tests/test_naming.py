"""Stages and tags: named, ordered, counted, merged and taken away, on contacts and companies alike."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import TABLE, May, Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import bin as deleted
from amanat.people import naming, vocabulary
from amanat.people.models import Company, Contact, Stage, Tag
from amanat.people.tests.factories import make_company, make_contact, make_stage, owner


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


def _stage(member: Member, name: str) -> Stage:
    with tenancy.inside(member.workspace_id):
        return naming.add_stage(workspace=member.workspace, by=member, at=clock.now(), name=name)


def _stages(workspace: Workspace) -> list[str]:
    with tenancy.inside(workspace):
        return [stage.name for stage in vocabulary.of(workspace).stages.values()]


def _tags(workspace: Workspace) -> dict[str, Tag]:
    with tenancy.inside(workspace):
        return {tag.name: tag for tag in Tag.objects.of(workspace)}


def _on(workspace: Workspace) -> list[list[str]]:
    """The tags of each contact, then of each company."""
    with tenancy.inside(workspace):
        words = vocabulary.of(workspace)
        return [
            words.tag_names(ids)
            for model in (Contact, Company)
            for ids in model.objects.of(workspace).order_by("id").values_list("tag_ids", flat=True)
        ]


def test_stages_get_keys_and_come_last(shree: Workspace, rekha: Member) -> None:
    before = _stages(shree)
    made = [_stage(rekha, name) for name in (" New  lead ", "नवीन", "New-Lead", "₹₹")]
    assert [stage.name for stage in made] == ["New lead", "नवीन", "New-Lead", "₹₹"]
    assert [stage.key for stage in made] == ["new_lead", "navin", "new_lead_2", "stage"]
    assert _stages(shree) == [*before, "New lead", "नवीन", "New-Lead", "₹₹"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "\x00\x01", "lead", "LEAD "])
def test_a_stage_needs_a_name_of_its_own(shree: Workspace, rekha: Member, browser: Client, name: str) -> None:
    _stage(rekha, "Lead")
    count = len(_stages(shree))
    with pytest.raises(ValidationError) as refused:
        _stage(rekha, name)
    assert list(refused.value.message_dict) == ["name"]
    answer = browser.post("/settings/stages/", {"name": name})
    assert answer.status_code == 422
    assert len(_stages(shree)) == count


def test_there_is_an_end_to_stages(shree: Workspace, rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "MOST_STAGES", len(_stages(shree)) + 1)
    _stage(rekha, "One more")
    with pytest.raises(ValidationError, match="stages already"):
        _stage(rekha, "And one")


def test_a_stage_is_renamed_but_not_into_another(shree: Workspace, rekha: Member) -> None:
    lead, _customer = _stage(rekha, "Prospect"), _stage(rekha, "Client")
    with tenancy.inside(shree):
        naming.change_stage(stage=lead, by=rekha, at=clock.now(), name="PROSPECT", is_closed=True)
        assert Stage.objects.of(shree).values_list("name", "is_closed", "key").get(pk=lead.pk) == (
            "PROSPECT",
            True,
            "prospect",
        )
        with pytest.raises(ValidationError):
            naming.change_stage(stage=lead, by=rekha, at=clock.now(), name="client", is_closed=False)
    assert "PROSPECT" in _stages(shree)


def test_stages_change_places(shree: Workspace, rekha: Member, browser: Client) -> None:
    with tenancy.inside(shree):
        Stage.objects.of(shree).delete()
    stages = {name: _stage(rekha, name) for name in ("A", "B", "C")}
    for name, act, expected in (
        ("C", "up", "ACB"),
        ("A", "up", "ACB"),
        ("A", "down", "CAB"),
        ("B", "down", "CAB"),
        ("B", "up", "CBA"),
    ):
        browser.post(f"/settings/stages/{stages[name].pk}/", {"act": act})
        assert "".join(_stages(shree)) == expected


def test_a_stage_goes_and_its_contacts_go_to_another_or_to_none(
    shree: Workspace, rekha: Member, browser: Client
) -> None:
    lead, customer = make_stage(shree, "Prospect"), make_stage(shree, "Client")
    for number in range(3):
        make_contact(shree, f"Contact {number}", stage=lead.pk)
    binned = make_contact(shree, "Binned", stage=lead.pk)
    with tenancy.inside(shree):
        deleted.delete(model=Contact, workspace=shree, by=rekha, at=clock.now(), ids=[binned.pk])
        assert naming.stage_counts(shree) == {lead.pk: 4}
    told = browser.post(f"/settings/stages/{lead.pk}/", {"act": "delete", "instead": customer.pk}, follow=True).text
    assert "4 contacts moved" in told
    with tenancy.inside(shree):
        assert naming.stage_counts(shree) == {customer.pk: 4}
    # Going to itself means going to none.
    browser.post(f"/settings/stages/{customer.pk}/", {"act": "delete", "instead": str(customer.pk)})
    with tenancy.inside(shree):
        assert (naming.stage_counts(shree), Contact.objects.of(shree).filter(stage__isnull=True).count()) == ({}, 4)
        facts = LedgerEntry.objects.of(shree).filter(event="people.stage.deleted").values_list("facts", flat=True)
        assert [one["count"] for one in facts] == [4, 4]


def test_a_stage_of_another_workspace_is_nobodys_way_out(shree: Workspace, other: Workspace, browser: Client) -> None:
    stage, foreign = make_stage(shree, "Prospect"), make_stage(other, "Theirs")
    make_contact(shree, stage=stage.pk)
    assert browser.post(f"/settings/stages/{stage.pk}/", {"act": "delete", "instead": foreign.pk}).status_code == 404
    assert browser.post(f"/settings/stages/{foreign.pk}/", {"act": "delete"}).status_code == 404
    assert browser.post(f"/settings/stages/{UUID(int=3)}/", {"act": "up"}).status_code == 404
    assert "Prospect" in _stages(shree) and "Theirs" in _stages(other)


def test_a_tag_is_renamed_everywhere_at_once(shree: Workspace, rekha: Member) -> None:
    make_contact(shree, "Asha", tags=["Farmer", "VIP"]), make_company(shree, "Dairy", tags=["Farmer"])
    with tenancy.inside(shree):
        kept = naming.rename_tag(tag=_tags(shree)["Farmer"], by=rekha, at=clock.now(), name=" Grower ")
    assert (kept.name, kept.key) == ("Grower", "grower")
    assert _on(shree) == [["Grower", "VIP"], ["Grower"]]


def test_a_tag_renamed_into_another_becomes_it(shree: Workspace, rekha: Member) -> None:
    make_contact(shree, "Both", tags=["Farmer", "VIP", "Grower"]), make_contact(shree, "One", tags=["Grower"])
    make_company(shree, "Dairy", tags=["Grower", "VIP"])
    with tenancy.inside(shree):
        kept = naming.rename_tag(tag=_tags(shree)["Grower"], by=rekha, at=clock.now(), name="FARMER")
        entry = LedgerEntry.objects.of(shree).get(event="people.tag.merged")
    assert (kept.name, set(_tags(shree)), entry.facts["count"]) == ("Farmer", {"Farmer", "VIP"}, 3)
    assert _on(shree) == [["Farmer", "VIP"], ["Farmer"], ["Farmer", "VIP"]]


def test_a_tag_is_taken_off_everything(shree: Workspace, rekha: Member, browser: Client) -> None:
    make_contact(shree, "Asha", tags=["Farmer", "VIP"]), make_company(shree, "Dairy", tags=["VIP"])
    with tenancy.inside(shree):
        assert {str(key): count for key, count in naming.tag_counts(shree).items()} == {
            str(_tags(shree)["Farmer"].pk): 1, str(_tags(shree)["VIP"].pk): 2,
        }  # fmt: skip
    told = browser.post(f"/settings/tags/{_tags(shree)['VIP'].pk}/", {"act": "delete"}, follow=True).text
    assert "off 2 records" in told
    assert _on(shree) == [["Farmer"], []]


@pytest.mark.parametrize("name", ["", " ", "x" * 61])
def test_a_tag_needs_a_name(shree: Workspace, browser: Client, name: str) -> None:
    make_contact(shree, "Asha", tags=["Farmer"])
    answer = browser.post(f"/settings/tags/{_tags(shree)['Farmer'].pk}/", {"name": name}, follow=True)
    assert "at most 60 characters" in answer.text
    assert _on(shree) == [["Farmer"]]


def test_tags_of_workspaces_do_not_meet(shree: Workspace, other: Workspace, rekha: Member, browser: Client) -> None:
    make_contact(shree, "Asha", tags=["Farmer"]), make_contact(other, "Om", tags=["Farmer"])
    foreign = _tags(other)["Farmer"]
    assert browser.post(f"/settings/tags/{foreign.pk}/", {"act": "delete"}).status_code == 404
    with tenancy.inside(shree):
        naming.delete_tag(tag=_tags(shree)["Farmer"], by=rekha, at=clock.now())
    assert (_on(shree), _on(other)) == ([[]], [["Farmer"]])


@pytest.mark.parametrize("role", Role.values)
def test_who_may_name_stages_and_tags(shree: Workspace, role: str) -> None:
    stage = make_stage(shree, "Prospect")
    make_contact(shree, "Asha", tags=["Farmer"])
    client = signed_in(make_member(shree, role, name="Asha"))
    may = May.MANAGE_FIELDS in TABLE[role]
    for url, data in (
        (f"/settings/stages/{stage.pk}/", {"act": "change", "name": "Renamed"}), (f"/settings/tags/{_tags(shree)['Farmer'].pk}/", {"name": "Renamed"}),
    ):  # fmt: skip
        assert (client.post(url, data).status_code == 303) == may
    assert [client.get(f"/settings/{name}/").status_code == 200 for name in ("stages", "tags")] == [may, may]
    assert ("Renamed" in _stages(shree), "Renamed" in _tags(shree)) == (may, may)
