"""Whoever was erased does not come back through a file; at the counter she is welcome."""

from __future__ import annotations

from amanat.accounts.models import Workspace
from amanat.core import tenancy
from amanat.people.importing import refusals
from amanat.people.importing.drafts import Draft, PhoneDraft
from amanat.people.models import Contact, ImportProblem
from amanat.people.tests import factories
from amanat.people.tests.test_importing_runs import imported
from amanat.privacy.erasure import returning
from amanat.privacy.erasure.tests import people
from amanat.privacy.erasure.tests.people import ADDRESS, NUMBER


def test_only_the_erased_are_refused(shree: Workspace) -> None:
    people.erase(shree, people.make_her(shree))
    with tenancy.inside(shree):
        assert set(returning.refused([NUMBER, ADDRESS, "+919000000099"], shree.pk)) == {NUMBER, ADDRESS}


def test_imports_ask(shree: Workspace) -> None:
    people.erase(shree, people.make_her(shree))
    draft = Draft(1, name="Z. Q.", phones=[PhoneDraft(NUMBER)])
    with tenancy.inside(shree):
        assert set(refusals.among([draft], workspace_id=shree.pk)) == {NUMBER}
        assert refusals.among([Draft(2, name="Nobody")], workspace_id=shree.pk) == {}


def test_a_file_brings_nobody_back_and_keeps_nothing_of_the_row(shree: Workspace) -> None:
    people.erase(shree, people.make_her(shree))
    member = factories.owner(shree)
    run = imported(member, f"Name,Mobile\nZ. Quillfeather,{NUMBER}\nAsha Menon,9000000098\n")
    assert (run.created, run.failed) == (1, 1)
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().name == "Asha Menon"
        problem = ImportProblem.objects.of(shree).get()
    assert "Quillfeather" not in str(problem.values) + str(problem.reasons)
    assert NUMBER[3:] not in str(problem.values) + str(problem.reasons)
    assert "erased" in str(problem.reasons)


def test_another_workspace_does_not_know(shree: Workspace, other: Workspace) -> None:
    people.erase(shree, people.make_her(shree))
    with tenancy.inside(other):
        assert returning.refused([NUMBER], other.pk) == {}


def test_she_may_come_herself(shree: Workspace) -> None:
    people.erase(shree, people.make_her(shree))
    again = factories.make_contact(shree, "Z. Quillfeather", phone=NUMBER)
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get() == again
