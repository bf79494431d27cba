"""Imports from upload to report."""

from __future__ import annotations

import io
from typing import Any

import pytest

from amanat.accounts.models import Member, Team, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tally, tenancy
from amanat.people import contacts, search, timeline
from amanat.people.drafts import ContactDraft
from amanat.people.importing import runs, undo, working
from amanat.people.importing.mapping import Mapping
from amanat.people.importing.runs import ImportRefused
from amanat.people.importing.writing import Batch
from amanat.people.models import Company, Contact, ImportProblem, ImportRun, Interaction, Phone, SearchEntry, Stage

pytestmark = pytest.mark.django_db


def imported(member: Member, content: str | bytes, *, name: str = "list.csv", **options: Any) -> ImportRun:
    """A whole import: uploaded, started as guessed, done."""
    run = queued(member, content, name=name, **options)
    working.work(member.workspace_id, run.pk)
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
    """State, then how many were added, updated, unchanged and failed."""
    return run.state, run.created, run.updated, run.unchanged, run.failed


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def test_rows_become_contacts_with_all_that_hangs_on_them(rekha: Member) -> None:
    run = imported(
        rekha,
        "Name,Mobile,Email,Company,City,Tags,Fee\n"
        'Asha Menon,98220 41736,asha@example.in,Menon Traders,Pune,VIP;New,"1,250"\n'
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
        assert [phone.number for phone in Phone.objects.of(rekha.workspace_id).filter(contact=ravi)] == [
            "+919822041737"
        ]
        assert SearchEntry.objects.of(rekha.workspace_id).count() == 3
        assert Interaction.objects.of(rekha.workspace_id).filter(kind="created").count() == 2
        assert tally.count("contacts", workspace=rekha.workspace_id) == 2
        assert tally.count("companies", workspace=rekha.workspace_id) == 1


def make(by: Member, name: str, **details: Any) -> Contact:
    return contacts.create(workspace=by.workspace, by=by, at=clock.now(), draft=ContactDraft(name=name, **details))


def names(by: Member) -> list[str]:
    with tenancy.inside(by.workspace):
        return list(Contact.objects.of(by.workspace).alive().order_by("pk").values_list("name", flat=True))


@pytest.mark.parametrize("row", ["Asha Menon,9822041736,,", "Asha Menon,,asha@example.in,", "Asha Menon,,,C-1"])
def test_people_who_are_here_are_found_by_phone_email_or_external_id(rekha: Member, row: str) -> None:
    with tenancy.inside(rekha.workspace):
        make(rekha, "Asha Menon", phones=[("9822041736", "")], emails=[("asha@example.in", "")], external_id="C-1")
    assert figures(imported(rekha, f"Name,Mobile,Email,Customer code\n{row}\n"))[1:] == (0, 0, 1, 0)
    assert names(rekha) == ["Asha Menon"]


def test_an_update_fills_and_adds_but_replaces_nothing(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        asha = make(rekha, "Asha Menon", phones=[("9822041736", "mobile")], notes="old", tags=["Old"])
    run = imported(rekha, "Name,Mobile,Phone,Notes,Job title,Tags\nAsha R Menon,9822041736,9822041737,new,Owner,VIP\n")
    assert figures(run)[1:] == (0, 1, 0, 0)
    with tenancy.inside(rekha.workspace):
        asha.refresh_from_db()
        assert (asha.name, asha.notes, asha.job_title, len(asha.tag_ids)) == ("Asha Menon", "old", "Owner", 2)
        numbers = Phone.objects.of(rekha.workspace).order_by("position").values_list("number", "label")
        assert list(numbers) == [("+919822041736", "mobile"), ("+919822041737", "")]
        assert [hit.id for hit in search.find("9822041737", member=rekha)] == [asha.pk]


def test_the_file_wins_when_somebody_says_so(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        asha = make(rekha, "Asha Menon", phones=[("9822041736", "")], notes="old")
    imported(rekha, "Name,Mobile,Notes\nAsha R Menon,9822041736,new\n", file_wins=True)
    with tenancy.inside(rekha.workspace):
        asha.refresh_from_db()
        assert (asha.name, asha.sort_name, asha.notes) == ("Asha R Menon", "asha r menon", "new")
        assert [hit.id for hit in search.find("Asha R", member=rekha)] == [asha.pk]


def test_skip_and_always_add(rekha: Member) -> None:
    content = "Name,Mobile\nAsha Menon,9822041736\nAsha R Menon,9822041736\n"
    run = imported(rekha, content, existing="skip")
    assert (figures(run)[1:], run.skipped) == ((1, 0, 0, 0), 1)
    assert figures(imported(rekha, content, existing="add"))[1:] == (2, 0, 0, 0)
    assert names(rekha) == ["Asha Menon", "Asha Menon", "Asha R Menon"]


def test_a_person_twice_in_the_file_is_one_person(rekha: Member) -> None:
    run = imported(
        rekha, "Name,Mobile,Email\nAsha Menon,9822041736,\nAsha,9822041736,asha@example.in\nA. Menon,,asha@example.in\n"
    )
    assert figures(run)[1:] == (1, 1, 1, 0)
    assert names(rekha) == ["Asha Menon"]


def test_a_family_that_shares_a_phone(rekha: Member) -> None:
    content = "Name,Mobile\nAsha Menon,9822041736\nKiran Joshi,9822041736\n"
    run = imported(rekha, content)
    assert figures(run)[1:] == (1, 0, 0, 1)
    with tenancy.inside(rekha.workspace):
        (problem,) = ImportProblem.objects.of(rekha.workspace)
        assert (problem.row_number, problem.is_failure) == (3, True)
        assert "Asha Menon" in problem.reasons[0]["reason"]
    assert figures(imported(rekha, content, names_must_agree=True))[1:] == (1, 0, 1, 0)
    assert names(rekha) == ["Asha Menon", "Kiran Joshi"]


def test_a_record_that_has_only_a_number_gets_its_name(rekha: Member) -> None:
    imported(rekha, "Name,Mobile\n,9822041736\n")
    assert names(rekha) == ["98220 41736"]
    assert figures(imported(rekha, "Name,Mobile\nAsha Menon,9822041736\n"))[1:] == (0, 1, 0, 0)
    assert names(rekha) == ["Asha Menon"]


def test_all_rows_get_what_was_chosen_for_all(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        stage = Stage.objects.create(workspace_id=rekha.workspace_id, key="new", name="New")
        team = Team.objects.create(workspace_id=rekha.workspace_id, name="Field")
    imported(
        rekha,
        "Name,Mobile\nAsha,9822041736\n",
        tag="Fair",
        stage_id=str(stage.pk),
        owner_id=str(rekha.pk),
        team_id=str(team.pk),
    )
    with tenancy.inside(rekha.workspace):
        asha = Contact.objects.of(rekha.workspace).get()
        assert (asha.stage_id, asha.owner_id, asha.team_id, len(asha.tag_ids)) == (stage.pk, rekha.pk, team.pk, 1)


def test_stop_leaves_what_is_done_and_go_on_does_the_rest(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "BATCH", 10)
    rows = "".join(f"Person {n},98220{n:05d}\n" for n in range(35))
    run = queued(rekha, "Name,Mobile\n" + rows)
    real, batches = Batch.write, []

    def write_and_stop(self: Any, readings: Any) -> Any:
        batches.append(len(readings))
        if len(batches) == 2:
            runs.stop(run=run, by=rekha, at=clock.now())
        return real(self, readings)

    monkeypatch.setattr(Batch, "write", write_and_stop)
    working.work(rekha.workspace_id, run.pk)
    assert (again(run).state, again(run).position, len(names(rekha))) == ("stopped", 20, 20)
    with tenancy.inside(rekha.workspace):
        runs.go_on(run=again(run), by=rekha, at=clock.now())
    working.work(rekha.workspace_id, run.pk)
    assert figures(again(run)) == ("done", 35, 0, 0, 0)
    assert batches == [10, 10, 10, 5]
    assert sorted(names(rekha)) == sorted(f"Person {n}" for n in range(35))


def test_a_member_demoted_before_the_job_runs_imports_nothing(rekha: Member) -> None:
    manager = make_member(rekha.workspace, Role.MANAGER)
    run = queued(manager, "Name,Mobile\nAsha,9822041736\n")
    with tenancy.inside(rekha.workspace):
        Member.objects.of(rekha.workspace).filter(pk=manager.pk).update(role=Role.AGENT)
    working.work(rekha.workspace_id, run.pk)
    assert (again(run).state, names(rekha)) == ("failed", [])
    assert "may not import any more" in again(run).problem


def test_a_file_that_breaks_in_the_middle_writes_nothing_and_says_why(rekha: Member) -> None:
    run = queued(rekha, "Name,Mobile\n" + "Asha,9822041736\n" * 500 + '"never closed' + "\nRavi,9822041737" * 90_000)
    working.work(rekha.workspace_id, run.pk)
    assert (again(run).state, names(rekha)) == ("failed", [])
    assert "quote" in again(run).problem or "characters" in again(run).problem


def test_a_file_that_is_gone_is_told(rekha: Member) -> None:
    run = queued(rekha, "Name,Mobile\nAsha,9822041736\n")
    with tenancy.inside(rekha.workspace):
        ImportRun.objects.of(rekha.workspace).filter(pk=run.pk).update(file=None)
    working.work(rekha.workspace_id, run.pk)
    assert again(run).state == "failed"
    assert "not here any more" in again(run).problem


def test_a_row_the_database_refuses_stands_alone(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Batch._values

    def broken(self: Any, reading: Any, draft: Any) -> Any:
        found = real(self, reading, draft)
        return {**found, "birthday": "2026-02-30"} if draft.name == "Ravi" else found

    monkeypatch.setattr(Batch, "_values", broken)
    run = imported(rekha, "Name,Mobile\nAsha,9822041736\nRavi,9822041737\nOm,9822041738\n")
    assert figures(run) == ("done", 2, 0, 0, 1)
    assert names(rekha) == ["Asha", "Om"]
    assert again(run).position == 3


def test_two_workers_do_not_share_a_run(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "BATCH", 5)
    run = queued(rekha, "Name,Mobile\n" + "".join(f"Person {n},98220{n:05d}\n" for n in range(12)))
    real, begun = working._one_batch_at_a_time, []

    def interrupted(workspace_id: Any) -> None:
        real(workspace_id)
        begun.append(1)
        if len(begun) == 2:  # in the middle of the first worker's second batch, another one does the rest
            working.work(rekha.workspace_id, run.pk)

    monkeypatch.setattr(working, "_one_batch_at_a_time", interrupted)
    working.work(rekha.workspace_id, run.pk)
    assert figures(again(run)) == ("done", 12, 0, 0, 0)
    assert len(names(rekha)) == 12


def test_hostile_cells_are_only_text(rekha: Member) -> None:
    run = imported(
        rekha,
        "Name,Mobile,Notes\n=cmd|' /C calc'!A0,9822041736,<script>alert(1)</script>\n'; DROP TABLE x; --,9822041737,%s\n",
    )
    assert figures(run) == ("done", 2, 0, 0, 0)
    assert names(rekha) == ["=cmd|' /C calc'!A0", "'; DROP TABLE x; --"]


@pytest.mark.slow
def test_undo_takes_back_all_and_only_what_the_import_did(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        make(rekha, "Asha Menon", phones=[("9822041736", "")], notes="", tags=["Old"])
        before = {model: list(model.objects.of(here).order_by("pk").values()) for model in (Phone, SearchEntry)}
        was = Contact.objects.of(here).values().get()
    run = imported(
        rekha,
        "Name,Mobile,Phone,Notes,Company,Tags\nAsha Menon,9822041736,9822041799,new,,VIP\nRavi,9822041737,,,Kale Stores,\n",
    )
    assert figures(run) == ("done", 1, 1, 0, 0)
    with tenancy.inside(here):
        undo.start(run=again(run), by=rekha, at=clock.now())
    undo.work(here.pk, run.pk)
    assert again(run).state == "undone"
    assert again(run).options["undone"] == {"restored": 1, "kept": 0, "removed": 2}
    with tenancy.inside(here):
        now = Contact.objects.of(here).alive().values().get()
        assert {**now, "updated_at": None} == {**was, "updated_at": None}
        alive = [now["id"]]
        assert list(SearchEntry.objects.of(here).order_by("pk").values()) == before[SearchEntry]
        assert list(Phone.objects.of(here).filter(contact_id__in=alive).values()) == before[Phone]
        assert Company.objects.of(here).alive().count() == 0
        assert tally.count("contacts", workspace=here) == 1
        assert tally.count("companies", workspace=here) == 0
        with pytest.raises(ImportRefused):
            undo.start(run=again(run), by=rekha, at=clock.now())


@pytest.mark.slow
def test_undo_leaves_what_people_changed_since(rekha: Member) -> None:
    here = rekha.workspace
    with tenancy.inside(here):
        asha = make(rekha, "Asha Menon", phones=[("9822041736", "")])
    run = imported(
        rekha, "Name,Mobile,Notes\nAsha Menon,9822041736,new\nRavi,9822041737,\nOm,9822041738,\nLata,9822041739,\n"
    )
    with tenancy.inside(here):
        ravi, om = (Contact.objects.of(here).get(name=name) for name in ("Ravi", "Om"))
        contacts.change(contact=asha, by=rekha, at=clock.now(), changes={"notes": "newer"})
        contacts.change(contact=ravi, by=rekha, at=clock.now(), changes={"notes": "met him"})
        timeline.record(workspace=here, kind="note", summary="Called", happened_at=clock.now(), contact=om, actor=rekha)
        undo.start(run=again(run), by=rekha, at=clock.now())
    undo.work(here.pk, run.pk)
    assert names(rekha) == ["Asha Menon", "Ravi", "Om"]
    assert again(run).options["undone"] == {"restored": 0, "kept": 3, "removed": 1}
    with tenancy.inside(here):
        asha.refresh_from_db()
        assert asha.notes == "newer"


def test_imports_never_reach_into_another_workspace(rekha: Member, other: Workspace) -> None:
    om = owner_of(other)
    with tenancy.inside(other):
        theirs = make(om, "Asha Menon", phones=[("9822041736", "")], external_id="C-1")
    content = f"Amanat id,Name,External id,Notes,Phone 1\n{theirs.pk},Asha Menon,C-1,taken over,+919822041736\n"
    assert figures(imported(rekha, content, file_wins=True)) == ("done", 1, 0, 0, 0)
    with tenancy.inside(other):
        theirs.refresh_from_db()
        assert theirs.notes == ""
