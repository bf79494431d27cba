"""Imports and exports whose job was given up by the queue."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, jobs, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import exporting, lost_runs
from amanat.people.importing import undo, working
from amanat.people.models import ExportRun, ImportRun
from amanat.people.tests.test_importing_runs import again, figures, imported, queued

pytestmark = pytest.mark.django_db


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def park(run: Any, state: str = "running") -> None:
    """What is left when a job has taken its worker down as often as it may."""
    with tenancy.inside(run.workspace_id), connection.cursor() as cursor:
        type(run).objects.of(run.workspace_id).filter(pk=run.pk).update(state=state)
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE args->>'run' = %s", [str(run.pk)])


def test_an_import_whose_job_was_parked_says_so_and_goes_on(rekha: Member) -> None:
    run, browser = queued(rekha, "Name,Mobile\nAsha,9822041736\n"), signed_in(rekha)
    park(run)
    page = browser.get(reverse("people:import", args=[run.pk])).text
    assert "Failed" in page and "was given up" in page and "Go on" in page
    assert again(run).state == "failed"
    browser.post(reverse("people:import_go_on", args=[run.pk]))
    assert again(run).state == "queued"
    working.work(rekha.workspace_id, run.pk)
    assert figures(again(run)) == ("done", 1, 0, 0, 0)


def test_watching_an_import_notices_that_it_was_given_up(rekha: Member) -> None:
    run, browser = queued(rekha, "Name\nAsha\n"), signed_in(rekha)
    park(run)
    assert browser.get(reverse("people:import_progress", args=[run.pk]))["HX-Refresh"] == "true"
    assert "Failed" in browser.get(reverse("people:imports")).text


@pytest.mark.parametrize("status", ["todo", "doing"])
def test_an_import_that_still_has_its_job_is_left_alone(rekha: Member, status: str) -> None:
    run = queued(rekha, "Name\nAsha\n")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status", [status])
    lost_runs.sweep(rekha.workspace_id, at=clock.now())
    assert again(run).state == "queued"


def test_an_undoing_that_was_given_up_can_be_asked_for_again(rekha: Member) -> None:
    run = imported(rekha, "Name\nAsha\n")
    with tenancy.inside(rekha.workspace_id):
        undo.start(run=run, by=rekha, at=clock.now())
    park(run, "undoing")
    lost_runs.sweep(rekha.workspace_id, at=clock.now())
    assert "Undo again" in again(run).problem
    with tenancy.inside(rekha.workspace_id):
        undo.start(run=again(run), by=rekha, at=clock.now())
    undo.work(rekha.workspace_id, run.pk)
    assert again(run).state == "undone"


def test_the_sweep_ends_each_lost_run_once_and_writes_it_down(rekha: Member) -> None:
    for run in (queued(rekha, "Name\nAsha\n"), queued(rekha, "Name\nRavi\n")):
        park(run, "queued")
    for _round in range(2):
        lost_runs.sweep_all()
    with tenancy.inside(rekha.workspace_id):
        assert set(ImportRun.objects.of(rekha.workspace_id).values_list("state", flat=True)) == {"failed"}
        entries = LedgerEntry.objects.of(rekha.workspace_id).filter(event="people.import.given_up")
        assert [entry.actor for entry in entries] == [None, None]


def test_an_export_that_was_given_up_says_so_and_goes_on(rekha: Member) -> None:
    browser = signed_in(rekha)
    browser.post(reverse("people:export_workspace"), {"format": "json"})
    with tenancy.inside(rekha.workspace_id):
        run = ExportRun.objects.of(rekha.workspace_id).get()
    park(run)
    page = browser.get(reverse("people:exports")).text
    assert "Failed" in page and "was given up" in page and "Go on" in page
    browser.post(reverse("people:export_again", args=[run.pk]))
    exporting.work(rekha.workspace_id, run.pk)
    with tenancy.inside(rekha.workspace_id):
        assert ExportRun.objects.of(rekha.workspace_id).get().state == "done"
    browser.post(reverse("people:export_again", args=[run.pk]))
    assert "did not fail" in browser.get(reverse("people:exports")).text


def test_going_on_with_an_export_needs_a_fresh_sign_in(rekha: Member) -> None:
    run = ExportRun(workspace_id=rekha.workspace_id, scope="workspace", format="json", created_by=rekha, state="failed")
    with tenancy.inside(rekha.workspace_id):
        run.save(force_insert=True)
    answer = signed_in(rekha, fresh=False).post(reverse("people:export_again", args=[run.pk]))
    assert "reauthenticate" in answer["Location"]


def test_one_statement_asks_for_the_jobs_of_many_runs(rekha: Member) -> None:
    made = [queued(rekha, f"Name\nAsha {number}\n") for number in range(3)]
    with tenancy.inside(rekha.workspace_id), CaptureQueriesContext(connection) as asked:
        lost_runs.end_imports(made, at=clock.now())
    assert len(asked) == 1
    found = jobs.under_way(["people.import"], argument="run", among=[str(run.pk) for run in made[:2]])
    assert found == {str(run.pk) for run in made[:2]}
