"""Each probe is green where the promise is kept and red where it is really broken."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, ids, tenancy
from amanat.core.models import IdempotentAnswer
from amanat.policy import probing
from amanat.policy.probing import Asked, Finding
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.retention import due, holds, probes, sweeping
from amanat.privacy.retention.tests.factories import LONG_AGO, contact, policy

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
OUR_KEYS = {
    "T-NECESS", "T-ACCOUNT", "T-DEL30", "T-DELANON", "T-MKT3Y", "T-MKT30", "T-BILL7", "T-CONSREC", "T-DSRREC", "R-CLOSE",
}  # fmt: skip


def found(workspace: Workspace, probe: Any, at: datetime, **rules: Any) -> Finding:
    """As it is really run: what the probe invents is taken back."""
    with tenancy.inside(workspace), transaction.atomic():
        finding: Finding = probe(Asked(workspace.pk, policy(**rules), at))
        transaction.set_rollback(True)
    return finding


def swept(workspace: Workspace, at: datetime) -> None:
    with clock.standing_at(at):
        sweeping.run(workspace.pk, at=at)


def test_every_promise_of_retention_has_a_probe() -> None:
    assert all(probing.proving(key) for key in OUR_KEYS)
    for one in probing.registered().values():
        if one.name.startswith(("retention.", "closing.", "vault.")):
            assert all(rule.split(".")[0] in {"keep", "vault"} for rule in one.rules)


def test_a_row_that_outlived_its_rule(shree: Workspace) -> None:
    with tenancy.inside(shree):
        IdempotentAnswer.objects.create(
            workspace_id=shree.pk, member_id=ids.new(), route="x", key="k", request_digest="d", created_at=LONG_AGO
        )
    end = LONG_AGO + 30 * DAY
    assert found(shree, probes.tables_end, end + timedelta(hours=24)).is_kept
    late = found(shree, probes.tables_end, end + timedelta(hours=26))
    assert (late.is_kept, late.facts["late"]) == (False, 1)
    swept(shree, end + timedelta(hours=26))
    assert found(shree, probes.tables_end, end + timedelta(hours=26)).is_kept


def test_a_hold_is_no_broken_promise(shree: Workspace) -> None:
    contact(shree)
    late = LONG_AGO + 2_000 * DAY
    assert not found(shree, probes.idle_people, late).is_kept
    with tenancy.inside(shree):
        holds.add(
            workspace=shree,
            contact=None,
            keep="marketing",
            basis="Court",
            until=date(2040, 1, 1),
            by=owner_of(shree),
            at=LONG_AGO,
        )
    assert found(shree, probes.idle_people, late).facts == {"late": 0, "held": 1, "waiting": 0, "noticed": True}


def test_a_table_without_a_rule(shree: Workspace) -> None:
    assert found(shree, probes.tables_end, LONG_AGO).is_kept
    without = found(shree, probes.tables_end, LONG_AGO, working=None)
    assert not without.is_kept
    assert int(without.facts["homeless"] or 0) > 3


def test_somebody_held_too_long(shree: Workspace) -> None:
    contact(shree)
    late = LONG_AGO + 1_200 * DAY
    assert found(shree, probes.idle_people, LONG_AGO + 900 * DAY).is_kept
    assert found(shree, probes.idle_people, late).facts["late"] == 1
    swept(shree, late)
    assert found(shree, probes.idle_people, late).is_kept


def test_an_erasure_that_is_later_than_promised(shree: Workspace) -> None:
    with tenancy.inside(shree):
        order = Erasure.objects.create(
            workspace_id=shree.pk, contact_ids=[ids.new()], because="request", ordered_at=LONG_AGO
        )
    end = LONG_AGO + 30 * DAY
    assert found(shree, probes.erasures_in_time, end - timedelta(seconds=1)).is_kept
    assert found(shree, probes.erasures_in_time, end).facts == {"late": 1, "open": 1, "held": 0}
    with tenancy.inside(shree):
        Erasure.objects.of(shree).filter(pk=order.pk).update(state=Erasure.State.HELD)
    assert found(shree, probes.erasures_in_time, end).is_kept


def test_proof_of_requests_has_tables(shree: Workspace) -> None:
    kept = found(shree, probes.requests_end, LONG_AGO)
    assert (kept.is_kept, int(kept.facts["tables"] or 0) > 0) == (True, True)
    with tenancy.inside(shree):
        Erasure.objects.create(
            workspace_id=shree.pk, contact_ids=[ids.new()], because="request", ordered_at=LONG_AGO, ended_at=LONG_AGO,
            searched_at=LONG_AGO, state="done",
        )  # fmt: skip
    late = LONG_AGO + 740 * DAY
    assert found(shree, probes.requests_end, late).facts["late"] == 1
    swept(shree, late)
    assert found(shree, probes.requests_end, late).is_kept


@pytest.mark.parametrize(
    ("probe", "trigger"), [(probes.idle_people, "last_interaction"), (probes.opted_out, "opt_out")]
)
def test_a_trigger_that_is_no_longer_looked_at(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, probe: Any, trigger: str
) -> None:
    """Nobody is late in a young workspace; the invented person is missed all the same."""
    terms = due.terms
    monkeypatch.setattr(due, "terms", lambda policy: [one for one in terms(policy) if one.trigger != trigger])
    assert not found(shree, probe, clock.now()).is_kept


@pytest.mark.parametrize(
    ("probe", "label"), [(probes.tables_end, "core.IdempotentAnswer"), (probes.requests_end, "privacy.RightsRequest")]
)
def test_a_table_that_the_sweep_leaves_out(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, probe: Any, label: str
) -> None:
    walk = sweeping.swept_tables
    monkeypatch.setattr(
        sweeping, "swept_tables", lambda policy: [pair for pair in walk(policy) if pair[0].label != label]
    )
    assert found(shree, probe, clock.now()).facts["left_out"] == 1
