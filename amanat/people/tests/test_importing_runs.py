"""Imports from upload to report."""

from __future__ import annotations

import io
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tally, tenancy
from amanat.people.importing import runs
from amanat.people.importing.mapping import Mapping
from amanat.people.models import Company, Contact, ImportProblem, ImportRun, Interaction, Phone, SearchEntry

pytestmark = pytest.mark.django_db


def imported(member: Member, content: str | bytes, *, name: str = "list.csv", **options: Any) -> ImportRun:
    """A whole import: uploaded, started as guessed, done."""
    run = queued(member, content, name=name, **options)
    runs.work(member.workspace_id, run.pk)
    return again(run)


def queued(member: Member, content: str | bytes, *, name: str = "list.csv", **options: Any) -> ImportRun:
    data = content.encode() if isinstance(content, str) else content
    with tenancy.inside(member.workspace_id, actor=member.pk):
        run = runs.upload(source=io.BytesIO(data), name=name, by=member, at=clock.now())
        mapping = Mapping.from_json(run.mapping)
        runs.start(run=run, mapping=mapping, options=options, by=member, at=clock.now())
    return run


def again(run: ImportRun) -> ImportRun:
    with tenancy.inside(run.workspace_id):
        return ImportRun.objects.of(run.workspace_id).get(pk=run.pk)


def figures(run: ImportRun) -> tuple[str, int, int, int, int]:
    return run.state, run.created, run.updated, run.skipped, run.failed


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def test_rows_become_contacts_with_all_that_hangs_on_them(rekha: Member) -> None:
    run = imported(
        rekha,
        "Name,Mobile,Email,Company,City,Tags,Fee\n"
        "Asha Menon,98220 41736,asha@example.in,Menon Traders,Pune,VIP;New,\"1,250\"\n"
        "Ravi Patil,9822041737,,Menon Traders,,,\n",
    )
    assert figures(run) == ("done", 2, 0, 0, 0), run.problem
    with tenancy.inside(rekha.workspace_id):
        asha, ravi = Contact.objects.of(rekha.workspace_id).order_by("id")
        assert (asha.name, asha.main_phone, asha.main_email) == ("Asha Menon", "+919822041736", "asha@example.in")
        assert asha.custom == {"fee": 125000}
        assert asha.company_id == ravi.company_id
        assert len(asha.tag_ids) == 2
        assert Company.objects.of(rekha.workspace_id).get().name == "Menon Traders"
        assert [phone.number for phone in Phone.objects.of(rekha.workspace_id).filter(contact=ravi)] == ["+919822041737"]
        assert SearchEntry.objects.of(rekha.workspace_id).count() == 3
        assert Interaction.objects.of(rekha.workspace_id).filter(kind="created").count() == 2
        assert tally.count("contacts", workspace=rekha.workspace_id) == 2
        assert tally.count("companies", workspace=rekha.workspace_id) == 1
