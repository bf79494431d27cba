from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.test import TestCase

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, jobs, tenancy
from amanat.desk import services, tasks
from amanat.desk.models import ServiceRecord
from amanat.desk.tests.factories import NOW, make_contact, make_record
from amanat.people.models import BIN


def test_jobs_are_registered_with_a_purpose() -> None:
    known = jobs.registered()
    assert known["desk.empty_bin"].every and known["desk.empty_bin"].purpose
    assert known["desk.sweep_files"].every and known["desk.sweep_files"].purpose


def test_empty_bin_visits_every_workspace(shree: Workspace, other: Workspace) -> None:
    for workspace in (shree, other):
        owner = owner_of(workspace)
        with tenancy.inside(workspace):
            contact = make_contact(owner)
            services.delete(record=make_record(owner, contact=contact), by=owner, at=NOW)
            make_record(owner, contact=contact)
    with clock.standing_at(NOW + BIN - timedelta(minutes=1)):
        tasks.empty_bin()
    for workspace in (shree, other):
        with tenancy.inside(workspace):
            assert ServiceRecord.objects.of(workspace).count() == 2
    with clock.standing_at(NOW + BIN + timedelta(minutes=1)):
        tasks.empty_bin()
        tasks.empty_bin()
    for workspace in (shree, other):
        with tenancy.inside(workspace):
            assert ServiceRecord.objects.of(workspace).count() == 1


def test_sweep_files_removes_objects_no_row_knows_in_every_workspace(
    shree: Workspace, other: Workspace, settings: Any
) -> None:
    left = [Path(settings.FILES_ROOT) / str(workspace.pk) / "ab" for workspace in (shree, other)]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"left by a crash")
    with clock.standing_at(clock.now() + timedelta(hours=5)), TestCase.captureOnCommitCallbacks(execute=True):
        tasks.sweep_files()
    assert [path.exists() for path in left] == [True, True]  # a transaction may still be about to make their rows
    with clock.standing_at(clock.now() + timedelta(hours=7)), TestCase.captureOnCommitCallbacks(execute=True):
        tasks.sweep_files()
    assert [path.exists() for path in left] == [False, False]
