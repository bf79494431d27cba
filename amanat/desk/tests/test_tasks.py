from __future__ import annotations

from datetime import timedelta

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, jobs, tenancy
from amanat.core.models import StoredFile
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


def test_sweep_files_removes_unfinished_rows(shree: Workspace) -> None:
    with tenancy.inside(shree):
        StoredFile.objects.create(
            workspace_id=shree.pk, kind="paper", name="x.pdf", object_name=f"{shree.pk}/x", content_type="application/pdf",
            size=1, sha256="", wrapped_key=b"", created_at=NOW - timedelta(days=1),
        )  # fmt: skip
    with clock.standing_at(NOW):
        tasks.sweep_files()
    with tenancy.inside(shree):
        assert not StoredFile.objects.of(shree).exists()
