"""The erasure that is tried on an invented person is green when nothing is left and red when something is."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.people import bin as deleted
from amanat.people.models import Company
from amanat.policy.probing import Asked, Finding
from amanat.privacy.erasure import erasing, probes
from amanat.privacy.erasure.models import Erasure
from amanat.publishing import versions

pytestmark = pytest.mark.slow


def tried(workspace: Workspace) -> Finding:
    at = clock.now()
    with tenancy.inside(workspace), transaction.atomic():
        found = probes.tried(Asked(workspace.pk, versions.in_force(workspace.pk, at).policy, at))
        transaction.set_rollback(True)
    assert str(found.said).format(**found.facts)
    return found


def test_nothing_is_left_of_the_invented_person(shree: Workspace) -> None:
    found = tried(shree)
    assert found.is_kept, dict(found.facts)
    assert int(found.facts["before"] or 0) >= 4


def test_rows_that_stay_are_seen(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "carry_out", lambda erasure_id, **_where: Erasure(state=Erasure.State.DONE))
    assert not tried(shree).is_kept


def test_a_name_that_went_elsewhere_is_seen(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row points at her any more, but somebody wrote her name where erasures do not look."""
    purge = deleted.purge

    def copied(**told: Any) -> Any:
        Company.objects.create(workspace_id=shree.pk, name="Xqzprobe Vwkcanary")
        return purge(**told)

    monkeypatch.setattr(deleted, "purge", copied)
    assert not tried(shree).is_kept
