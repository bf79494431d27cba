"""Who is here already: by each key, against each other, in one file and over batches, killed at every edge, and undone after edits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tally, tenancy
from amanat.people import contacts
from amanat.people.importing import runs, undo, working
from amanat.people.models import (
    Address,
    Company,
    Contact,
    Email,
    ImportChange,
    ImportProblem,
    ImportRun,
    Phone,
    SearchEntry,
)
from amanat.people.tests.test_importing_runs import again, figures, imported, make, names, queued

pytestmark = pytest.mark.django_db
HEADING = "Name,Mobile,Email,Customer code\n"


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def asha(by: Member, **details: Any) -> Contact:
    known = {"phones": [("9822041736", "")], "emails": [("asha@example.in", "")], "external_id": "C-1"} | details
    with tenancy.inside(by.workspace, actor=by.pk):
        return make(by, "Asha Menon", **known)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("Asha Menon,9822041736,asha@example.in,C-1", (0, 0, 1, 0)), ("Asha,09822041736,,", (0, 0, 1, 0)),
        ("Asha,+91 98220-41736,,", (0, 0, 1, 0)), (",9822041736,,", (0, 0, 1, 0)), ("Asha,,ASHA@EXAMPLE.IN,", (0, 0, 1, 0)),
        ("Somebody Else,,,C-1", (0, 0, 1, 0)), ("Somebody Else,9822041736,,", (0, 0, 0, 1)), ("Asha,9822041736,,C-2", (1, 0, 0, 0)),
        ("Asha Menon,,,", (1, 0, 0, 0)), ("Asha,9822041737,,C-1", (0, 1, 0, 0)), ("Asha,9822041736,new@example.in,", (0, 1, 0, 0)),
        ("आशा,9822041736,,", (0, 0, 1, 0)), ("Mrs Asha,9822041736,,", (0, 0, 1, 0)), ("Asha,9822041799,asha@example.in,", (0, 1, 0, 0)),
    ],
)  # fmt: skip
def test_each_key_finds_and_what_contradicts_does_not(rekha: Member, row: str, told: tuple[int, ...]) -> None:
    asha(rekha)
    assert figures(imported(rekha, HEADING + row + "\n"))[1:] == told


@pytest.mark.parametrize("existing", ["update", "skip", "add"])
@pytest.mark.parametrize("file_wins", [True, False])
def test_what_was_chosen_for_people_who_are_here(rekha: Member, existing: str, file_wins: bool) -> None:
    asha(rekha, notes="old", external_id="")
    run = imported(rekha, "Name,Mobile,Notes\nAsha R Menon,9822041736,new\n", existing=existing, file_wins=file_wins)
    wanted = {"skip": (0, 0, 0, 0), "add": (1, 0, 0, 0)}.get(existing, (0, 1, 0, 0) if file_wins else (0, 0, 1, 0))
    assert (figures(run)[1:], run.skipped) == (wanted, 1 if existing == "skip" else 0)
    with tenancy.inside(rekha.workspace):
        first = Contact.objects.of(rekha.workspace).order_by("created_at", "id")[0]
        changed = existing == "update" and file_wins
        assert (first.name, first.notes) == (("Asha R Menon", "new") if changed else ("Asha Menon", "old"))


_INSIDE: list[tuple[str, str, tuple[int, ...]]] = [
    ("the same row twice", "Asha,9822041736,,\nAsha,9822041736,,\n", (1, 0, 1, 0)),
    ("the same number, then a mail", "Asha,9822041736,,\nAsha,9822041736,a@example.in,\n", (1, 1, 0, 0)),
    ("a chain over two keys", "Asha,9822041736,,\nAsha,9822041736,a@example.in,\nAsha,,a@example.in,\n", (1, 1, 1, 0)),
    ("one code, two numbers", "Asha,9822041736,,C-1\nAsha,9822041737,,C-1\n", (1, 1, 0, 0)),
    ("two codes, one number", "Asha,9822041736,,C-1\nAsha,9822041736,,C-2\n", (2, 0, 0, 0)),
    ("two people, one number", "Asha Menon,9822041736,,\nKiran Joshi,9822041736,,\n", (1, 0, 0, 1)),
    ("two people, one mail", "Asha Menon,,a@example.in,\nKiran Joshi,,a@example.in,\n", (1, 0, 0, 1)),
    ("no key at all", "Asha Menon,,,\nAsha Menon,,,\n", (2, 0, 0, 0)),
    ("a nameless one gets its name", ",9822041736,,\nAsha,9822041736,,\n", (1, 1, 0, 0)),
    ("a code that comes later", "Asha,9822041736,,\nAsha,9822041736,,C-1\nAsha,,,C-1\n", (1, 1, 1, 0)),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("rows", "told"), [one[1:] for one in _INSIDE], ids=[one[0] for one in _INSIDE])
@pytest.mark.parametrize("batch", [1, 1000])
def test_rows_of_one_file_meet_each_other_in_one_batch_and_over_batches(
    rekha: Member, monkeypatch: pytest.MonkeyPatch, rows: str, told: tuple[int, ...], batch: int
) -> None:
    monkeypatch.setattr(working, "BATCH", batch)
    assert figures(imported(rekha, HEADING + rows))[1:] == told


def test_always_add_refuses_a_code_that_is_taken(rekha: Member) -> None:
    asha(rekha)
    rows = "Asha,9822041736,,C-1\nRavi,9822041737,,C-2\nOm,9822041738,,C-2\n"
    assert figures(imported(rekha, HEADING + rows, existing="add"))[1:] == (1, 0, 0, 2)
    assert names(rekha) == ["Asha Menon", "Ravi"]


def test_who_lies_in_the_bin_is_nobody_for_a_list_of_somebody_s_own(rekha: Member) -> None:
    from amanat.people import bin as deleted

    gone = asha(rekha)
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[gone.pk])
    assert figures(imported(rekha, HEADING + "Asha Menon,9822041736,,C-1\n"))[1:] == (1, 0, 0, 0)


@pytest.mark.parametrize("on", ["contact", "company"])
def test_companies_are_found_by_name_and_contacts_are_not(rekha: Member, on: str) -> None:
    content = "Name,City\nMenon Traders,Pune\nMENON  traders,Nashik\n"
    run = imported(rekha, content, on=on)
    assert run.created == (1 if on == "company" else 2)


# --- killed --------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What kill -9 is to this process."""


_EDGES: dict[str, Callable[[Any], tuple[Any, str]]] = {
    "before the lock": lambda _: (working, "_one_batch_at_a_time"), "before the position": lambda _: (working, "_advance"),
    "among the rows": lambda _: (working.Batch, "_insert_reaches"), "at the problems": lambda _: (working, "_batch"),  # type: ignore[attr-defined]
}  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("edge", list(_EDGES))
@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_killed_at_every_edge_of_every_batch(
    rekha: Member, monkeypatch: pytest.MonkeyPatch, edge: str, batch: int
) -> None:
    monkeypatch.setattr(working, "BATCH", 10)
    rows = "".join(f"Person {n},98220{n:05d},p{n}@example.in,\n" for n in range(35)) + ",12,,\n"
    run = queued(rekha, HEADING + rows)
    place, name = _EDGES[edge](None)
    real, calls = getattr(place, name), []

    def dying(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == batch:
            raise Killed
        return real(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(place, name, dying)
        with pytest.raises(Killed):
            working.work(rekha.workspace_id, run.pk)
    assert again(run).position == 10 * (batch - 1) == len(names(rekha))
    working.work(rekha.workspace_id, run.pk)
    assert figures(again(run)) == ("done", 35, 0, 0, 1)
    with tenancy.inside(rekha.workspace):
        here = rekha.workspace
        assert (
            Phone.objects.of(here).count()
            == Email.objects.of(here).count()
            == SearchEntry.objects.of(here).count()
            == 35
        )
        assert ImportProblem.objects.of(here).count() == 1
        assert tally.count("contacts", workspace=here) == 35


# --- undone after edits --------------------------------------------------------------------------------------------

LIST = (
    "Name,Mobile,Phone,Email,Notes,Job title,Village,Tags\n"
    "Asha Menon,9822041736,9822041799,new@example.in,told,Owner,Sinnar,VIP\nRavi Patil,9822041737,,,,,,\n"
)


def changing(**changes: Any) -> Callable[[Member, Contact], None]:
    def change(by: Member, contact: Contact) -> None:
        contacts.change(contact=contact, by=by, at=clock.now() + timedelta(minutes=5), changes=changes)

    return change


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("since", "left"),
    [
        (changing(notes="mine"), {"notes": "mine", "job_title": ""}), (changing(job_title="mine"), {"job_title": "mine", "notes": ""}),
        (changing(name="Asha Rao"), {"name": "Asha Rao", "notes": ""}), (changing(language="mr"), {"language": "mr", "notes": "", "job_title": ""}),
        (changing(notes=""), {"notes": "", "job_title": ""}), (None, {"notes": "", "job_title": "", "name": "Asha Menon"}),
    ],
)  # fmt: skip
def test_undo_puts_back_what_nobody_touched_since(
    rekha: Member, since: Callable[[Member, Contact], None] | None, left: dict[str, str]
) -> None:
    known = asha(rekha, external_id="")
    run = imported(rekha, LIST)
    assert figures(run) == ("done", 1, 1, 0, 0)
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        known.refresh_from_db()
        assert (known.notes, known.job_title) == ("told", "Owner")
        if since is not None:
            since(rekha, known)
        undo.start(run=again(run), by=rekha, at=clock.now())
    undo.work(rekha.workspace_id, run.pk)
    done = again(run)
    assert (done.state, done.options["undone"]["removed"]) == ("undone", 1)
    with tenancy.inside(rekha.workspace):
        known.refresh_from_db()
        assert {name: getattr(known, name) for name in left} == left
        assert known.tag_ids == []
        assert not Address.objects.of(rekha.workspace).filter(contact=known).exists()
        numbers = Phone.objects.of(rekha.workspace).filter(contact=known).values_list("number", flat=True)
        assert list(numbers) == ["+919822041736"]
        assert not ImportChange.objects.of(rekha.workspace).exists()


@pytest.mark.slow
def test_what_was_kept_is_told_in_numbers(rekha: Member) -> None:
    known = asha(rekha, external_id="")
    run = imported(rekha, LIST)
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        changing(notes="mine")(rekha, known)
        changing(notes="hello")(rekha, Contact.objects.of(rekha.workspace).get(name="Ravi Patil"))
        undo.start(run=again(run), by=rekha, at=clock.now())
    undo.work(rekha.workspace_id, run.pk)
    assert again(run).options["undone"] == {"restored": 0, "kept": 2, "removed": 0}
    assert names(rekha) == ["Asha Menon", "Ravi Patil"]


@pytest.mark.sampled
@pytest.mark.parametrize("change", [{"role": Role.AGENT}, {"role": Role.AUDITOR}, {"ended_at": clock.now()}])
def test_undo_asks_again_in_each_batch_whether_she_may(
    rekha: Member, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(undo, "BATCH", 4)
    run = imported(rekha, "Name,Mobile\n" + "".join(f"Person {n},98220{n:05d}\n" for n in range(10)))
    manager = make_member(rekha.workspace, Role.MANAGER)
    with tenancy.inside(rekha.workspace, actor=manager.pk):
        undo.start(run=again(run), by=manager, at=clock.now())
    real = undo._count

    def demote(current: ImportRun, **more: int) -> None:
        real(current, **more)
        Member.objects.of(rekha.workspace).filter(pk=manager.pk).update(**change)

    with monkeypatch.context() as patched:
        patched.setattr(undo, "_count", demote)
        undo.work(rekha.workspace_id, run.pk)
    stopped = again(run)
    assert (stopped.state, stopped.undone_at, len(names(rekha))) == ("failed", None, 6)
    assert "Somebody who may can undo the rest" in stopped.problem
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        undo.start(run=stopped, by=rekha, at=clock.now())
    undo.work(rekha.workspace_id, run.pk)
    assert (again(run).state, names(rekha)) == ("undone", [])


@pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR])
def test_who_may_not_import_may_not_undo(rekha: Member, role: Role) -> None:
    run = imported(rekha, "Name,Mobile\nAsha,9822041736\n")
    with tenancy.inside(rekha.workspace), pytest.raises(runs.ImportRefused):
        undo.start(run=again(run), by=make_member(rekha.workspace, role), at=clock.now())
    assert again(run).state == "done"
    assert names(rekha) == ["Asha"]


def test_a_file_of_ours_keeps_ids_and_one_of_others_makes_new_ones(rekha: Member, other: Workspace) -> None:
    known = asha(rekha)
    om = owner_of(other)
    content = (
        f"Amanat id,Name,Phone 1\n{known.pk},Asha Menon,+919822041736\n,Ravi,+919822041737\nno id,Om,+919822041738\n"
    )
    assert figures(imported(om, content))[:2] == ("done", 3)
    with tenancy.inside(other):
        ids = dict(Contact.objects.of(other).values_list("name", "pk"))
    assert ids["Asha Menon"] == known.pk and len(set(ids.values())) == 3
    with tenancy.inside(rekha.workspace):
        assert Contact.objects.of(rekha.workspace).get().pk == known.pk
    assert figures(imported(om, content.replace("+919822041736", "")))[1:] == (0, 0, 3, 0)


def test_one_id_for_a_contact_and_a_company_is_refused_for_the_second(rekha: Member) -> None:
    known = asha(rekha)
    run = imported(rekha, f"Amanat company id,Name\n{known.pk},Menon Traders\n")
    assert figures(run) == ("done", 0, 0, 0, 1)
    with tenancy.inside(rekha.workspace):
        assert not Company.objects.of(rekha.workspace).exists()
        assert SearchEntry.objects.of(rekha.workspace).get().kind == "contact"
