"""The probes of support cases: green as the site is, red where a promise about them is really broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import tenancy
from amanat.desk.cases import counting, handling
from amanat.desk.cases.models import SupportCase, SupportCaseQuerySet
from amanat.desk.tests.factories import NOW, make_case
from amanat.policy import probing, ready
from amanat.policy.probing import Asked, Finding
from amanat.privacy.retention import sweeping, tables
from amanat.proof import probes_cases

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def found(workspace: Workspace, run: Callable[[Asked], Finding], *, days: int = 0) -> Finding:
    """What a run finds; all it planted is taken back, as the suite does it."""
    with tenancy.inside(workspace), transaction.atomic():
        finding = run(Asked(workspace.pk, ready.policy("default"), NOW + days * DAY))
        transaction.set_rollback(True)
    return finding


def test_both_promises_are_probed() -> None:
    assert [one.name for key in ("F-TICKETS", "T-SUP2") for one in probing.proving(key)] == ["cases.kept", "cases.end"]


@pytest.mark.parametrize("run", [probes_cases.cases_kept, probes_cases.cases_end], ids=["kept", "end"])
def test_as_the_site_is(shree: Workspace, run: Callable[[Asked], Finding]) -> None:
    assert found(shree, run).is_kept


@pytest.mark.parametrize(
    ("owner", "what", "broken"),
    [
        (counting, "count", lambda *_closings, **_options: None),
        (SupportCaseQuerySet, "late", lambda rows, _today: rows),
        (handling.search, "index", lambda _entries: None),
    ],
    ids=["not counted", "all are late", "not found"],
)
def test_a_case_that_does_not_go_its_way(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, owner: Any, what: str, broken: Any
) -> None:
    monkeypatch.setattr(owner, what, broken)
    assert not found(shree, probes_cases.cases_kept).is_kept


@pytest.mark.slow
def test_a_case_that_outlives_its_time_until_it_is_swept(shree: Workspace) -> None:
    by = owner_of(shree)
    with tenancy.inside(shree):
        case = handling.close(case=make_case(by), outcome="Done", by=by, at=NOW)
        handling.reopen(case=handling.close(case=make_case(by), outcome="Done", by=by, at=NOW), by=by, at=NOW)
    assert found(shree, probes_cases.cases_end, days=730).is_kept
    late = found(shree, probes_cases.cases_end, days=733)
    assert (late.is_kept, late.facts["late"]) == (False, 1)
    sweeping.run(shree.pk, at=NOW + 733 * DAY)
    assert found(shree, probes_cases.cases_end, days=733).is_kept
    with tenancy.inside(shree):
        assert not SupportCase.objects.of(shree).filter(pk=case.pk).exists()
        assert SupportCase.objects.of(shree).count() == 1
        assert counting.of_year(2026, workspace=shree).closed == 1


def test_what_was_said_in_a_case_that_stays_is_found_out(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables.search, "forget", lambda _ids, **_options: None)
    finding = found(shree, probes_cases.cases_end)
    assert (finding.is_kept, finding.facts["left"]) == (False, 1)


def test_a_reopened_case_that_goes_is_found_out(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handling, "reopen", lambda *, case, **_options: case)
    assert not found(shree, probes_cases.cases_end).is_kept
