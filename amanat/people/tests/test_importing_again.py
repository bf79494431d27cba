"""A list of names alone, imported more than once: nobody is doubled, nobody is lost, and what cannot be told is told."""

from __future__ import annotations

import gc

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import tenancy
from amanat.people.importing import again, undo, working
from amanat.people.importing.drafts import Draft
from amanat.people.models import Contact
from amanat.people.tests.test_importing_runs import again as read_again
from amanat.people.tests.test_importing_runs import figures, imported, make, names, queued

pytestmark = pytest.mark.django_db
NAMES = (
    "Name,City,Notes\nSunita Patil,,\nSunita Patil,Pune,PAN card\nRavi Kale,Nashik,\nSunita Patil,,\nसुनीता पाटील,,\n"
)


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


@pytest.mark.sampled
@pytest.mark.parametrize(
    "name", ["customers.csv", "customers (1).csv", "Copy of customers.csv", "Customers - Copy.csv"]
)
def test_the_same_list_again_adds_nobody_and_loses_nobody(rekha: Member, name: str) -> None:
    assert figures(imported(rekha, NAMES, name="customers.csv"))[1:] == (5, 0, 0, 0)
    assert figures(imported(rekha, NAMES, name=name))[1:] == (0, 0, 5, 0)
    assert len(names(rekha)) == 5
    more = NAMES + "Sunita Patil,,\nRavi Kale,Pune,\n"
    assert figures(imported(rekha, more, name=name))[1:] == (2, 0, 5, 0)
    assert figures(imported(rekha, more, name=name))[1:] == (0, 0, 7, 0)


def test_what_somebody_added_since_does_not_make_her_another(rekha: Member) -> None:
    imported(rekha, "Name,Notes\nRavi Kale,PAN card\n")
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        Contact.objects.of(rekha.workspace).update(notes="Came on Monday.\nPAN card", job_title="Farmer")
    assert figures(imported(rekha, "Name,Notes\nRavi Kale,PAN card\n"))[1:] == (0, 0, 1, 0)


@pytest.mark.parametrize("row", ["Ravi Kale,Pune,", "Ravi Kale,,Passport", "Ravish Kale,,"])
def test_what_differs_is_another_person_and_is_counted_where_only_the_name_is_the_same(rekha: Member, row: str) -> None:
    imported(rekha, "Name,City,Notes\nRavi Kale,Nashik,PAN card\n")
    run = imported(rekha, f"Name,City,Notes\n{row}\n")
    assert figures(run)[1:] == (1, 0, 0, 0)
    assert run.options.get("namesakes", 0) == (row.startswith("Ravi Kale"))


@pytest.mark.slow
def test_somebody_written_down_here_or_brought_by_another_file_is_not_taken_for_her(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        make(rekha, "Ravi Kale")
    run = imported(rekha, "Name\nRavi Kale\n", name="class 9.csv")
    other = imported(rekha, "Name\nRavi Kale\nSunita Patil\n", name="class 10.csv")
    assert (figures(run)[1:], figures(other)[1:]) == ((1, 0, 0, 0), (2, 0, 0, 0))
    assert (run.options["namesakes"], other.options["namesakes"]) == (1, 1)
    page = signed_in(rekha).get(f"/imports/{other.pk}/").content.decode()
    assert "1 person was added who has the same name as somebody who was here" in page
    assert (
        "known again when a file of this name" in signed_in(rekha).get(f"/imports/{_waiting(rekha)}/").content.decode()
    )


def _waiting(by: Member) -> object:
    from io import BytesIO

    from amanat.core import clock
    from amanat.people.importing import runs

    with tenancy.inside(by.workspace, actor=by.pk):
        return runs.upload(source=BytesIO(b"Name\nAsha\n"), name="new.csv", by=by, at=clock.now()).pk


@pytest.mark.slow
def test_always_add_adds_and_skip_skips(rekha: Member) -> None:
    imported(rekha, "Name\nRavi Kale\n")
    skipped = imported(rekha, "Name\nRavi Kale\n", existing="skip")
    assert (figures(skipped)[1:], skipped.skipped) == ((0, 0, 0, 0), 1)
    assert figures(imported(rekha, "Name\nRavi Kale\n", existing="add"))[1:] == (1, 0, 0, 0)


@pytest.mark.slow
def test_undoing_the_second_import_takes_nobody_and_after_the_first_is_undone_all_are_new(rekha: Member) -> None:
    first, second = imported(rekha, NAMES), imported(rekha, NAMES)
    for run, left in ((second, 5), (first, 0)):
        with tenancy.inside(rekha.workspace, actor=rekha.pk):
            undo.start(run=run, by=rekha, at=run.created_at)
        undo.work(rekha.workspace_id, run.pk)
        assert len(names(rekha)) == left
    assert figures(imported(rekha, NAMES))[1:] == (5, 0, 0, 0)


@pytest.mark.slow
def test_one_that_goes_on_in_the_middle_knows_how_often_a_row_stood_before(
    rekha: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BATCH", 1)
    content = "Name\n" + "Sunita Patil\n" * 3
    imported(rekha, content)
    run = queued(rekha, content + "Sunita Patil\n")
    real, done = working._write_together, []

    def dies(held: working._Work, readings: list[working.Reading]) -> bool:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(readings)
        return real(held, readings)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(working, "_write_together", dies)
        working.work(rekha.workspace_id, run.pk)
    working.work(rekha.workspace_id, run.pk)
    assert figures(read_again(run))[1:] == (1, 0, 3, 0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("list.csv", "LIST.xlsx", True), ("list (12).csv", "list.csv", True), ("list - Copy (2).csv", "list.csv", True),
        ("list copy 2.csv", "list.csv", True), ("class 9.csv", "class 10.csv", False), ("2024.csv", "2025.csv", False),
    ],
)  # fmt: skip
def test_copies_of_a_file_have_its_name(one: str, other: str, same: bool) -> None:
    assert (again._stem(one) == again._stem(other)) is same


def test_only_rows_with_nothing_but_a_name_count() -> None:
    assert again.is_nameless(Draft(1, name="Asha", notes="PAN card", company="Menon Traders"))
    assert not any(
        map(again.is_nameless, (Draft(1), Draft(1, name="Asha", external_id="7"), Draft(1, name="Asha", our_id="8")))
    )


def test_python_looks_for_circles_as_before_after_an_import(rekha: Member) -> None:
    usual = gc.get_threshold()
    with working._fewer_collections(), working._fewer_collections():
        assert gc.get_threshold()[0] > usual[0]
    imported(rekha, "Name\nRavi Kale\n")
    assert gc.get_threshold() == usual
