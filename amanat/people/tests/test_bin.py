"""The bin: what is deleted, comes back, goes for good."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tally, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.schema import workspace_models
from amanat.people import bin as deleted
from amanat.people import contacts, pointing, search
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Company, Contact, Phone, SearchEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def make(by: Member, name: str = "Asha Menon", **details: object) -> Contact:
    draft = ContactDraft(name=name, **details)  # type: ignore[arg-type]
    return contacts.create(workspace=by.workspace, by=by, at=clock.now(), draft=draft)


def everything_about(contact_id: UUID) -> dict[str, int]:
    """How many rows of each table point at a contact, by SQL and not by the walk that is under test."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type = 'uuid' AND table_name LIKE ANY (ARRAY['people_%', 'desk_%'])"
        )
        for table, column in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE "{column}" = %s', [contact_id])
            if count := cursor.fetchone()[0]:
                found[f"{table}.{column}"] = count
    return found


def test_deleted_contacts_leave_lists_search_and_count_at_once(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        asha, ravi = make(rekha), make(rekha, "Ravi Patil")
        assert deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[asha.pk]) == 1
        assert list(Contact.objects.of(rekha.workspace).alive()) == [ravi]
        assert search.find("Asha", member=rekha) == []
        assert [hit.id for hit in search.find("Ravi", member=rekha)] == [ravi.pk]
        assert tally.count("contacts", workspace=rekha.workspace) == 1
        entry = LedgerEntry.objects.of(rekha.workspace).get(event="people.contact.deleted")
        assert (entry.actor, entry.about, entry.facts) == (rekha.pk, asha.pk, {"count": 1})


def test_restoring_brings_everything_back(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        asha = make(rekha, phones=[("9822041736", "mobile")], emails=[("asha@example.in", "")])
        before = SearchEntry.objects.of(rekha.workspace).filter(pk=asha.pk).values().get()
        deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[asha.pk])
        assert deleted.restore(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[asha.pk]) == (
            1,
            0,
        )
        assert SearchEntry.objects.of(rekha.workspace).filter(pk=asha.pk).values().get() == before
        again = Contact.objects.of(rekha.workspace).get(pk=asha.pk)
        assert (again.deleted_at, again.deleted_by_id) == (None, None)
        assert tally.count("contacts", workspace=rekha.workspace) == 1


def test_number_and_external_id_are_free_while_in_the_bin(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        old = make(rekha, external_id="C-1", phones=[("9822041736", "")])
        deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[old.pk])
        new = make(rekha, external_id="C-1", phones=[("9822041736", "")])
        assert deleted.restore(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[old.pk]) == (
            1,
            1,
        )
        assert Contact.objects.of(rekha.workspace).get(pk=old.pk).external_id == ""
        assert Contact.objects.of(rekha.workspace).get(pk=new.pk).external_id == "C-1"


@pytest.mark.slow
def test_purge_leaves_no_trace_but_the_ledger(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        asha = make(
            rekha, phones=[("9822041736", "")], emails=[("asha@example.in", "")], addresses=[AddressDraft(city="Pune")],
            company_name="Menon Traders",
        )  # fmt: skip
        ravi = make(rekha, "Ravi Patil", phones=[("9822041737", "")])
        deleted.delete(model=Contact, workspace=here, by=rekha, at=clock.now(), ids=[asha.pk])
        assert everything_about(asha.pk)
        assert deleted.purge(model=Contact, workspace=here, by=rekha, at=clock.now(), ids=[asha.pk]) == 1
        connection.check_constraints()
        assert everything_about(asha.pk) == {}
        assert Company.objects.of(here).count() == 1
        assert [phone.contact_id for phone in Phone.objects.of(here)] == [ravi.pk]
        assert LedgerEntry.objects.of(here).filter(event="people.contact.purged", facts={"count": 1}).exists()


def test_purging_a_company_lets_its_people_go(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        asha = make(rekha, company_name="Menon Traders")
        deleted.delete(model=Company, workspace=here, by=rekha, at=clock.now(), ids=[asha.company_id])  # type: ignore[list-item]
        deleted.purge(model=Company, workspace=here, by=rekha, at=clock.now(), ids=[asha.company_id])  # type: ignore[list-item]
        connection.check_constraints()
        assert Contact.objects.of(here).get(pk=asha.pk).company_id is None


def test_only_what_is_in_the_bin_can_be_purged(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        asha = make(rekha)
        assert deleted.purge(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[asha.pk]) == 0
        assert Contact.objects.of(rekha.workspace).count() == 1


def test_after_thirty_days_the_daily_round_empties_the_bin(rekha: Member) -> None:
    here, now = rekha.workspace, clock.now()
    with tenancy.inside(here):
        old, young = make(rekha), make(rekha, "Ravi Patil")
        deleted.delete(model=Contact, workspace=here, by=rekha, at=now - timedelta(days=30), ids=[old.pk])
        deleted.delete(model=Contact, workspace=here, by=rekha, at=now - timedelta(days=29), ids=[young.pk])
    assert deleted.empty_when_due(here.pk, at=now) == 1
    with tenancy.inside(here):
        assert [contact.pk for contact in Contact.objects.of(here)] == [young.pk]


def test_nobody_deletes_what_she_may_not(rekha: Member) -> None:
    agent = make_member(rekha.workspace, Role.AGENT)
    with tenancy.inside(rekha.workspace):
        asha = make(rekha)
        for rule in (deleted.delete, deleted.restore, deleted.purge):
            with pytest.raises(deleted.MayNotDelete):
                rule(model=Contact, workspace=rekha.workspace, by=agent, at=clock.now(), ids=[asha.pk])  # type: ignore[operator]


def test_another_workspaces_contact_cannot_be_deleted(rekha: Member, other: Workspace) -> None:
    om = owner_of(other)
    with tenancy.inside(rekha.workspace):
        asha = make(rekha)
    with tenancy.inside(other):
        assert deleted.delete(model=Contact, workspace=other, by=om, at=clock.now(), ids=[asha.pk]) == 0
    with tenancy.inside(rekha.workspace):
        assert Contact.objects.of(rekha.workspace).alive().count() == 1


#: Taken off the people by the rules of their packages (`before_purging`) before the walk comes.
DETACHED = {model for model in workspace_models() if model._meta.app_label == "privacy"}


def test_every_table_that_points_at_a_record_can_be_emptied() -> None:
    """A row that could neither go nor let go would stop every purge: see the design in `people.bin`."""
    stuck, seen, todo = [], set(), [(Contact, True), (Company, True)]
    while todo:
        target, is_first = todo.pop()
        for model, column in pointing.at(target):
            field = next(f for f in model._meta.local_fields if f.column == column)
            goes = (is_first and model is not Contact) or not field.null
            if getattr(model, "append_only", False) and column not in getattr(model, "may_be_filled_later", ()):
                stuck.append(f"{model._meta.label}.{field.name}")
            elif goes and model not in seen and not getattr(model, "append_only", False) and model not in DETACHED:
                seen.add(model)
                todo.append((model, False))
    assert stuck == []
