"""Merging and taking apart."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tally, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey
from amanat.people import bin as deleted
from amanat.people import companies, contacts, custom_fields, merging, pointing, search, timeline
from amanat.people.drafts import AddressDraft, CompanyDraft, ContactDraft
from amanat.people.merging import MergeRefused
from amanat.people.models import Address, Company, Contact, Email, Interaction, Merge, Phone, SearchEntry, Stage

pytestmark = pytest.mark.django_db
TABLES = (Contact, Company, Phone, Email, Address, Interaction, SearchEntry)


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def make(by: Member, name: str, **details: Any) -> Contact:
    return contacts.create(workspace=by.workspace, by=by, at=clock.now(), draft=ContactDraft(name=name, **details))


def picture(here: Workspace) -> dict[str, list[dict[str, Any]]]:
    """All rows that a merge may touch, as they are."""
    return {model.__name__: list(model.objects.of(here).order_by("pk").values()) for model in TABLES}


def merged(keep: Any, gone: Any, by: Member, **choices: str) -> Merge:
    return merging.merge(keep=keep, gone=gone, choices=choices, by=by, at=clock.now())


def two(by: Member) -> tuple[Contact, Contact]:
    """The same person twice, with as much as possible that is the same and that differs."""
    field = custom_fields.add(
        workspace=by.workspace, by=by, at=clock.now(), draft=custom_fields.FieldDraft(label="Ration card")
    )
    first = make(
        by, "Asha Menon", phones=[("9822041736", "mobile")], emails=[("asha@example.in", "")], tags=["VIP"], notes="first",
        addresses=[AddressDraft(city="Pune")], birthday=date(1980, 1, 2),
    )  # fmt: skip
    second = make(
        by, "Asha R Menon", phones=[("9822041736", "home"), ("9822041737", "")], emails=[("asha2@example.in", "work")],
        tags=["VIP", "New"], notes="second", addresses=[AddressDraft(city="Pune"), AddressDraft(city="Nashik")],
        company_name="Menon Traders", external_id="X-2", job_title="Owner", custom={field.key: "AB12"},
    )  # fmt: skip
    timeline.record(
        workspace=by.workspace, kind="note", summary="Came by", happened_at=clock.now(), contact=second, actor=by
    )
    return first, second


def test_merge_unites_what_both_have(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        first, second = two(rekha)
        merged(first, second, rekha)
        kept = Contact.objects.of(here).get()
        assert (kept.pk, kept.name, kept.job_title, kept.birthday) == (
            first.pk,
            "Asha Menon",
            "Owner",
            date(1980, 1, 2),
        )
        assert (kept.external_id, kept.custom, kept.company.name) == ("X-2", {"ration_card": "AB12"}, "Menon Traders")  # type: ignore[union-attr]
        assert kept.notes == "first\n\nsecond"
        assert len(kept.tag_ids) == 2
        numbers = Phone.objects.of(here).order_by("position").values_list("number", "label", "contact_id")
        assert list(numbers) == [("+919822041736", "mobile", kept.pk), ("+919822041737", "", kept.pk)]
        assert set(Email.objects.of(here).values_list("address", "contact_id")) == {
            ("asha@example.in", kept.pk),
            ("asha2@example.in", kept.pk),
        }
        assert list(Address.objects.of(here).order_by("position").values_list("city", flat=True)) == ["Pune", "Nashik"]
        assert [hit.id for hit in search.find("9822041737", member=rekha, kinds=["contact"])] == [kept.pk]
        assert tally.count("contacts", workspace=here) == 1
        assert Interaction.objects.of(here).filter(contact=kept, kind="note").count() == 1
        assert Interaction.objects.of(here).filter(contact=kept, kind="merge").count() == 1
        assert LedgerEntry.objects.of(here).get(event="people.contact.merged").about == first.pk
        connection.check_constraints()


def test_choices_decide_field_by_field(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        first, second = two(rekha)
        merged(
            first,
            second,
            rekha,
            name="gone",
            birthday="gone",
            notes="keep",
            job_title="keep",
            **{"custom-ration_card": "keep"},
        )
        kept = Contact.objects.of(rekha.workspace).get()
        assert (kept.name, kept.birthday, kept.notes, kept.job_title, kept.custom) == (
            "Asha R Menon",
            None,
            "first",
            "",
            {},
        )
        assert kept.sort_name == second.sort_name


@pytest.mark.slow
def test_undo_restores_both_exactly(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        first, second = two(rekha)
        before = picture(here)
        merge = merged(first, second, rekha, name="gone")
        assert picture(here) != before
        assert merging.undo(merge=merge, by=rekha, at=clock.now()) == []
        assert picture(here) == before
        assert tally.count("contacts", workspace=here) == 2
        connection.check_constraints()


@pytest.mark.slow
def test_undo_keeps_what_somebody_changed_since_and_says_so(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        first, second = two(rekha)
        merge = merged(first, second, rekha)
        kept = Contact.objects.of(here).get()
        contacts.change(
            contact=kept, by=rekha, at=clock.now(), changes={"notes": "third", "phones": [("9822041736", "")]}
        )
        told = merging.undo(merge=merge, by=rekha, at=clock.now())
        assert len(told) == 2
        assert "notes" in told[0]
        first_now, second_now = Contact.objects.of(here).order_by("pk")
        assert (first_now.notes, second_now.notes) == ("third", "second")
        assert second_now.main_phone == "+919822041736"


@pytest.mark.slow
def test_undo_is_possible_once(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        merge = merged(*two(rekha), rekha)
        merging.undo(merge=merge, by=rekha, at=clock.now())
        with pytest.raises(MergeRefused):
            merging.undo(merge=merge, by=rekha, at=clock.now())


@pytest.mark.slow
def test_a_chain_of_merges_comes_apart_from_its_end(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        first, second = two(rekha)
        third = make(rekha, "Asha M", phones=[("9822041739", "")])
        before = picture(here)
        one = merged(first, second, rekha)
        other = merged(third, Contact.objects.of(here).get(pk=first.pk), rekha)
        with pytest.raises(MergeRefused):
            merging.undo(merge=one, by=rekha, at=clock.now())
        assert merging.undo(merge=other, by=rekha, at=clock.now()) == []
        assert merging.undo(merge=one, by=rekha, at=clock.now()) == []
        assert picture(here) == before


def test_companies_merge_with_their_people(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        draft = CompanyDraft(name="Menon Traders", phones=[("9822041736", "")])
        one = companies.create(workspace=here, by=rekha, at=clock.now(), draft=draft)
        asha = make(rekha, "Asha Menon", company_name="Menon Trading Co")
        other = Company.objects.of(here).get(name="Menon Trading Co")
        before = picture(here)
        merge = merged(one, other, rekha)
        assert Contact.objects.of(here).get(pk=asha.pk).company_id == one.pk
        assert tally.count("companies", workspace=here) == 1
        merging.undo(merge=merge, by=rekha, at=clock.now())
        assert picture(here) == before


@pytest.mark.parametrize("model", [Contact, Company])
def test_merge_moves_every_foreign_key_of_every_package(model: type[Contact]) -> None:
    """The walk finds what the database's own catalogue knows."""
    walked = {(other._meta.db_table, column) for other, column in pointing.at(model)}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY(conkey) "
            "AND attname <> 'workspace_id') FROM pg_constraint WHERE contype = 'f' AND confrelid = %s::regclass",
            [model._meta.db_table],
        )
        assert walked == set(cursor.fetchall())
    assert len(walked) >= 5
    # A table that only grows must at least let its column be moved.
    fixed = [other for other, _column in pointing.at(model) if getattr(other, "append_only", False)]
    columns = dict(pointing.at(model))
    assert [other for other in fixed if columns[other] not in other.may_be_filled_later] == []  # type: ignore[attr-defined]


def test_no_table_refers_to_records_in_a_hidden_way() -> None:
    """A plain UUID column called after a record would be missed by the walk."""
    hidden = [
        f"{model._meta.label}.{field.name}"
        for model in workspace_models()
        for field in model._meta.local_fields
        if field.name in {"contact_id", "company_id"} and not isinstance(field, WorkspaceForeignKey)
    ]
    assert hidden == []
    assert apps.get_model("people.Contact") is Contact


def test_merge_is_refused_with_itself_with_the_gone_and_without_permission(rekha: Member) -> None:
    agent = make_member(rekha.workspace, Role.AGENT)
    with tenancy.inside(rekha.workspace):
        first, second = two(rekha)
        for keep, gone, by in ((first, first, rekha), (first, second, agent)):
            with pytest.raises(MergeRefused):
                merged(keep, gone, by)
        deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[second.pk])
        with pytest.raises(MergeRefused):
            merged(first, second, rekha)
        assert Merge.objects.of(rekha.workspace).count() == 0


def test_merge_never_crosses_workspaces(rekha: Member, other: Workspace) -> None:
    om = owner_of(other)
    with tenancy.inside(other):
        theirs = make(om, "Asha Menon")
    with tenancy.inside(rekha.workspace):
        ours = make(rekha, "Asha Menon")
        with pytest.raises(MergeRefused):
            merged(ours, theirs, rekha)


def test_what_merges_keep_is_forgotten_after_thirty_days(rekha: Member) -> None:
    here, now = rekha.workspace, clock.now()
    with tenancy.inside(here):
        merge = merged(*two(rekha), rekha)
        assert merging.forget_old(here.pk, at=now + timedelta(days=29)) == 0
        assert merging.forget_old(here.pk, at=now + timedelta(days=31)) == 1
        with pytest.raises(MergeRefused):
            merging.undo(merge=merge, by=rekha, at=now)


def test_stage_chosen_from_the_one_that_goes(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        new, won = (Stage.objects.create(workspace_id=here.pk, key=key, name=key) for key in ("new", "won"))
        first, second = make(rekha, "Asha", stage=new.pk), make(rekha, "Asha", stage=won.pk)
        merged(first, second, rekha, stage_id="gone")
        assert Contact.objects.of(here).get().stage_id == UUID(str(won.pk))
