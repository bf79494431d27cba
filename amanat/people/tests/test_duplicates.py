"""Likely duplicates."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy
from amanat.people import bin as deleted
from amanat.people import contacts, duplicates
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Contact, LikelyDuplicate

pytestmark = pytest.mark.django_db


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def make(by: Member, name: str, phone: str = "", email: str = "", city: str = "", **details: Any) -> UUID:
    draft = ContactDraft(
        name=name, phones=[(phone, "")] if phone else [], emails=[(email, "")] if email else [],
        addresses=[AddressDraft(city=city)] if city else [], **details,
    )  # fmt: skip
    return contacts.create(workspace=by.workspace, by=by, at=clock.now(), draft=draft).pk


def found(by: Member) -> list[tuple[UUID, UUID, set[str]]]:
    return [(pair.first_id, pair.second_id, set(pair.reasons)) for pair in duplicates.find(by.workspace)]


def test_same_phone_email_and_sound_are_found_and_strangers_are_not(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        asha, asha2 = make(rekha, "Asha Menon", "9822041736"), make(rekha, "Asha R Menon", "9822041736")
        ravi, ravi2 = make(rekha, "Ravi Patil", email="r@example.in"), make(rekha, "R Patil", email="r@example.in")
        sunita, sunita2 = make(rekha, "Suneeta Deshmukh", city="Sinnar"), make(rekha, "सुनीता देशमुख", city="Sinnar")
        make(rekha, "Suneeta Deshmukh", city="Pune")
        make(rekha, "Om Kale", "9822041799")
        assert {(one, other): reasons for one, other, reasons in found(rekha)} == {
            (asha, asha2): {"phone"},
            (ravi, ravi2): {"email"},
            (sunita, sunita2): {"name_town"},
        }


def test_same_company_and_name(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        one = make(rekha, "Asha Menon", company_name="Menon Traders")
        other = make(rekha, "Menon Asha", company_name="Menon Traders")
        make(rekha, "Asha Menon", company_name="Kale Stores")
        assert found(rekha) == [(one, other, {"name_company"})]


def test_a_family_with_one_phone_comes_after_the_same_name(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        make(rekha, "Asha Menon", "9822041736")
        make(rekha, "Kiran Joshi", "9822041736")
        one, other = make(rekha, "Ravi Patil", "9822041737"), make(rekha, "Ravi Patil", "9822041737")
        first, last = duplicates.find(rekha.workspace)
        assert (first.first_id, first.second_id, first.reasons) == (one, other, ["phone", "name"])
        assert first.score > 90
        assert last.score < 40


def test_the_deleted_are_nobodys_duplicates(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        make(rekha, "Asha Menon", "9822041736")
        other = make(rekha, "Asha Menon", "9822041736")
        deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[other])
        assert found(rekha) == []


def test_not_the_same_is_remembered(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        one, other = make(rekha, "Asha Menon", "9822041736"), make(rekha, "Asha Menon", "9822041736")
        duplicates.dismiss(first=other, second=one, workspace=rekha.workspace, by=rekha, at=clock.now())
        assert found(rekha) == []
        third = make(rekha, "Asha Menon", "9822041736")
        assert [pair[:2] for pair in found(rekha)] == [(one, third)]


def test_a_phone_of_a_whole_village_is_no_sign(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        for number in range(duplicates.LARGEST_GROUP + 1):
            make(rekha, f"Person{number} Name{number}", "9822041736")
        assert found(rekha) == []


def test_other_workspaces_people_are_never_compared(rekha: Member, other: Workspace) -> None:
    om = owner_of(other)
    with tenancy.inside(other):
        make(om, "Asha Menon", "9822041736")
    with tenancy.inside(rekha.workspace):
        make(rekha, "Asha Menon", "9822041736")
        assert found(rekha) == []


def test_pages_of_written_pairs_show_each_once(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "AT_ONCE", 0)
    monkeypatch.setattr(duplicates, "PAGE", 2)
    with tenancy.inside(rekha.workspace):
        for number in range(5):
            for _twice in range(2):
                make(rekha, f"Asha{number} Menon", f"982204170{number}")
    assert duplicates.refresh(rekha.workspace.pk) == 5
    assert duplicates.refresh(rekha.workspace.pk) == 5
    with tenancy.inside(rekha.workspace):
        seen, after, counts = [], "", []
        while True:
            with CaptureQueriesContext(connection) as asked:
                page = duplicates.page(rekha.workspace, after=after)
            counts.append(len(asked))
            seen += [(pair.first_id, pair.second_id) for pair in page.pairs]
            after = page.after
            if not after:
                break
        assert len(seen) == len(set(seen)) == LikelyDuplicate.objects.of(rekha.workspace).count() == 5
        assert set(counts) == {2}
