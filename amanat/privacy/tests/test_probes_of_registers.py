"""Probes of copies, registers and incidents: green when all is well, red when the thing itself is broken."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.basis import rules
from amanat.core import clock, jobs, tenancy
from amanat.core.models import StoredFile
from amanat.core.outgoing import Disclosure
from amanat.people.tests import factories
from amanat.policy import probing
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding
from amanat.privacy.copies import gathering, making
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.incidents import drill, reporting
from amanat.privacy.incidents.models import Audience, Incident, IncidentClock
from amanat.privacy.incidents.tests.test_clocks import what
from amanat.privacy.registers import authorities, contracts, residency, staff, traffic
from amanat.privacy.registers.models import AuthorityDisclosure, Residency

KEYS = {
    "R-ACCESS", "R-PORT", "R-KNOW", "T-DSRREC", "T-ROPA", "D-SP", "D-SP-CONTR", "D-NOSELL", "D-LEGAL", "D-SAFETY", "X-REGION", "X-GLOBAL",
    "X-SCC", "X-SHIELD", "X-RESID", "S-TRAIN", "S-BR-IND", "S-BR-REG", "S-BR-LAW", "S-IR",
}  # fmt: skip


def found(name: str, workspace: Workspace, *, at: datetime | None = None, **changes: Any) -> Finding:
    """As it is really run: what the probe invents is taken back."""
    with tenancy.inside(workspace), transaction.atomic():
        policy = rules.of(workspace.pk).policy.model_copy(update=changes)
        finding = probing.registered()[name].run(Asked(workspace.pk, policy, at or clock.now()))
        transaction.set_rollback(True)
    assert str(finding.said).format(**finding.facts)  # every place of the sentence is filled
    return finding


@pytest.fixture
def policy(shree: Workspace) -> Policy:
    with tenancy.inside(shree):
        return rules.of(shree.pk).policy


def test_each_key_has_a_probe() -> None:
    assert {key for key in KEYS if not probing.proving(key)} == set()


@pytest.mark.slow
def test_a_table_the_copy_forgets_makes_it_red(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.make_contact(shree)
    assert found("copies.complete", shree).is_kept
    whole = gathering.of

    def forgetful(ids: Any, *, workspace_id: Any) -> Any:
        held = whole(ids, workspace_id=workspace_id)
        held.tables.pop("people.Phone", None)
        return held

    monkeypatch.setattr(gathering, "of", forgetful)
    finding = found("copies.complete", shree)
    assert not finding.is_kept and finding.facts["missing"] == 2  # hers, and the invented person's


@pytest.mark.slow
def test_a_copy_nobody_makes_is_red(shree: Workspace) -> None:
    her, at = factories.make_contact(shree), clock.now()
    with tenancy.inside(shree):
        making.order(workspace=shree, contact_id=her.pk, language="en", by=None, at=at)
    assert found("copies.complete", shree, at=at + timedelta(hours=1)).is_kept
    assert not found("copies.complete", shree, at=at + timedelta(hours=2)).is_kept


def test_archives_past_their_day_or_of_nobody_are_red(shree: Workspace) -> None:
    with tenancy.inside(shree):
        copy = making.order(
            workspace=shree, contact_id=factories.make_contact(shree).pk, language="en", by=None, at=clock.now()
        )
    made = making.make(copy.pk, workspace_id=shree.pk)
    assert made is not None and made.expires_at is not None
    assert found("copies.destroyed", shree, at=made.expires_at).is_kept
    assert not found("copies.destroyed", shree, at=made.expires_at + timedelta(hours=2)).is_kept
    with tenancy.inside(shree):
        PersonCopy.objects.of(shree).update(expires_at=made.expires_at + timedelta(days=1))
    assert found("copies.destroyed", shree).facts["long"] == 1
    with tenancy.inside(shree):
        PersonCopy.objects.of(shree).update(state="expired", file=None)
        assert StoredFile.objects.of(shree).filter(kind="copy").exists()
    assert found("copies.destroyed", shree).facts["stray"] == 1


def test_a_table_that_hangs_on_her_rows_and_is_forgotten_makes_it_red(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody here has paid anything: the invented person has."""
    assert found("copies.complete", shree).is_kept
    whole = gathering.of

    def forgetful(ids: Any, *, workspace_id: Any) -> Any:
        held = whole(ids, workspace_id=workspace_id)
        held.tables.pop("desk.Payment", None)
        return held

    monkeypatch.setattr(gathering, "of", forgetful)
    assert found("copies.complete", shree).facts["missing"] == 1


def test_copies_that_would_lie_longer_are_red(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("copies.destroyed", shree).is_kept
    ends = making.expiry
    monkeypatch.setattr(making, "expiry", lambda policy, at: ends(policy, at) + timedelta(days=30))
    assert found("copies.destroyed", shree).facts["long"] == 1


def test_a_job_without_a_purpose_makes_the_record_red(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("registers.processing", shree).is_kept
    monkeypatch.setattr(jobs, "_registry", jobs.registered() | {"x": jobs.Job("x", "because")})
    assert found("registers.processing", shree).facts["unsaid"] == 1


def test_a_purpose_without_a_period_makes_the_record_red(shree: Workspace) -> None:
    assert not found("registers.processing", shree, keep={}).is_kept


def test_traffic_without_a_contract_is_red_and_with_one_green(shree: Workspace) -> None:
    assert found("registers.contracts", shree).is_kept
    traffic.count(Disclosure("whatsapp", "graph.facebook.com", "POST", 1, None))
    assert not found("registers.contracts", shree).is_kept
    assert not found("registers.transfers", shree).is_kept
    with tenancy.inside(shree):
        contracts.register_one(
            recipient="whatsapp", party="W", country="US", safeguard="scc", signed_on=date(2026, 1, 1), until=date(2027, 1, 1), paper=None,
            paper_name="", by=owner_of(shree), at=clock.now(),
        )  # fmt: skip
    assert found("registers.contracts", shree).is_kept and found("registers.transfers", shree).is_kept
    with clock.standing_at(datetime(2027, 1, 1, tzinfo=UTC)):
        traffic.count(Disclosure("whatsapp", "graph.facebook.com", "POST", 1, None))
        assert found("registers.contracts", shree).facts["wrong"] == 1  # the contract is over


def test_traffic_to_nobody_named_is_red(shree: Workspace) -> None:
    assert found("registers.never_sold", shree).is_kept
    traffic.count(Disclosure("broker", "data.broker.example", "POST", 1, None))
    finding = found("registers.never_sold", shree)
    assert not finding.is_kept and finding.facts["requests"] == 1
    assert not found("registers.contracts", shree).is_kept


def test_a_policy_that_lets_data_be_sold_is_red(shree: Workspace) -> None:
    assert not found("registers.never_sold", shree, never=()).is_kept


def test_a_demand_met_without_approvals_is_red(shree: Workspace) -> None:
    owner, at = owner_of(shree), clock.now()
    with tenancy.inside(shree):
        asked = authorities.ask(
            authority="Police", law="BNSS s.94", reference="", wanted="x", contact=None, by=owner, at=at
        )
    assert found("registers.authorities", shree).facts["waiting"] == 1
    for name in ("First Manager", "Second Manager"):
        with tenancy.inside(shree):
            authorities.approve(disclosure_id=asked.pk, by=make_member(shree, Role.MANAGER, name=name), at=at)
    with tenancy.inside(shree):
        authorities.give(disclosure_id=asked.pk, given="x", by=owner, at=at)
    assert found("registers.authorities", shree).is_kept
    with tenancy.inside(shree):  # somebody at the database's prompt
        AuthorityDisclosure.objects.of(shree).update(given_at=at - timedelta(seconds=1))
    assert not found("registers.authorities", shree).is_kept


def test_a_workspace_bound_elsewhere_or_nowhere_is_red(shree: Workspace, policy: Policy) -> None:
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(created_at=clock.now() - timedelta(days=1))
    assert not found("registers.region", shree).is_kept
    residency.pin_promised(at=clock.now())
    assert found("registers.region", shree).is_kept
    with tenancy.inside(shree):
        Residency.objects.of(shree).update(region="DE")
    assert not found("registers.region", shree).is_kept
    free = policy.transfers.model_copy(update={"region": "free"})
    assert found("registers.region", shree, transfers=free).is_kept


def test_a_recipient_abroad_under_a_void_safeguard_is_red(shree: Workspace, policy: Policy) -> None:
    assert found("registers.transfers", shree).is_kept
    void = policy.recipients["whatsapp"].model_copy(update={"safeguard": "privacy_shield"})
    assert not found("registers.transfers", shree, recipients=policy.recipients | {"whatsapp": void}).is_kept
    allowed = policy.transfers.model_copy(update={"banned": ()})
    assert not found("registers.transfers", shree, transfers=allowed).is_kept


def test_a_law_without_its_clock_is_red(shree: Workspace, policy: Policy) -> None:
    assert found("registers.rights_abroad", shree).is_kept
    less = policy.rights.model_copy(update={"regimes": {"in-dpdp": policy.rights.regimes["in-dpdp"]}})
    assert not found("registers.rights_abroad", shree, rights=less).is_kept


def test_training_turns_red_on_its_day(shree: Workspace) -> None:
    owner, today = owner_of(shree), clock.now().date()
    assert not found("registers.training", shree).is_kept
    with tenancy.inside(shree):
        staff.record_training(member_ids=[owner.pk], topic="Privacy", done_on=today, by=owner, at=clock.now())
    assert found("registers.training", shree).is_kept
    assert found("registers.training", shree, at=clock.now() + timedelta(days=340)).facts["soon"] == 1
    assert not found("registers.training", shree, at=clock.now() + timedelta(days=366)).is_kept


def test_a_late_clock_is_red_while_it_runs_and_for_a_while_after(shree: Workspace) -> None:
    at = clock.now()
    with tenancy.inside(shree):
        incident = reporting.report(workspace=shree, what=what(at), by=None, at=at)
    for name in ("incidents.people", "incidents.authorities", "incidents.clocks"):
        assert found(name, shree, at=at).is_kept, name
    assert not found("incidents.authorities", shree, at=at + timedelta(hours=6, seconds=1)).is_kept
    assert found("incidents.people", shree, at=at + timedelta(hours=72)).is_kept
    assert not found("incidents.people", shree, at=at + timedelta(hours=72, seconds=1)).is_kept
    late = at + timedelta(hours=80)
    with tenancy.inside(shree):
        for audience in Audience:
            reporting.told(incident=incident, audience=audience, proof="R-1", by=None, at=late)
    assert not found("incidents.people", shree, at=late).is_kept
    assert found("incidents.people", shree, at=late + timedelta(days=91)).is_kept


def test_a_breach_without_a_clock_is_red(shree: Workspace) -> None:
    at = clock.now()
    with tenancy.inside(shree):
        reporting.report(workspace=shree, what=what(at), by=None, at=at)
        IncidentClock.objects.of(shree).filter(audience="certin").delete()
    assert found("incidents.clocks", shree, at=at).facts["wrong"] == 1


@pytest.mark.parametrize("far", [timedelta(days=3), None], ids=["slower", "missing"])
def test_clocks_that_would_be_set_wrongly_are_red(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, far: timedelta | None
) -> None:
    """No breach is open: the invented one shows it."""
    assert found("incidents.clocks", shree).is_kept
    due = reporting.clocks.due

    def wrong(policy: Policy, *, noticed_at: datetime) -> dict[Audience, datetime]:
        ends = due(policy, noticed_at=noticed_at)
        return {one: end + far for one, end in ends.items()} if far else {Audience.PEOPLE: ends[Audience.PEOPLE]}

    monkeypatch.setattr(reporting.clocks, "due", wrong)
    assert int(found("incidents.clocks", shree).facts["slow"] or 0) >= 2


def test_the_way_must_be_practiced_again_and_again(shree: Workspace) -> None:
    at = clock.now()
    assert not found("incidents.drill", shree).is_kept
    drill.run(workspace_id=shree.pk, at=at)
    assert found("incidents.drill", shree, at=at + timedelta(days=183)).is_kept
    assert not found("incidents.drill", shree, at=at + timedelta(days=184)).is_kept
    with tenancy.inside(shree):
        assert Incident.objects.of(shree).get().is_drill
    assert found("incidents.people", shree).facts["clocks"] == 0  # drills are no breaches


@pytest.mark.parametrize("left", ["one that runs", "none"])
def test_a_drill_counts_as_practice_only_with_every_clock_stopped(shree: Workspace, left: str) -> None:
    at = clock.now()
    drill.run(workspace_id=shree.pk, at=at)
    with tenancy.inside(shree):
        clocks = IncidentClock.objects.of(shree)
        if left == "none":
            clocks.delete()
        else:
            clocks.filter(audience=Audience.BOARD_FIRST).update(told_at=None)
    answer = found("incidents.drill", shree, at=at)
    assert (answer.is_kept, answer.facts["days"]) == (False, None)
