"""Rows of incidents and registers are proof for three years after nothing rests on them, and then they go."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy
from amanat.people.tests import factories
from amanat.privacy.incidents import reporting
from amanat.privacy.incidents.models import AffectedPerson, Incident, IncidentClock
from amanat.privacy.incidents.tests.test_clocks import what
from amanat.privacy.registers.models import AuthorityApproval, AuthorityDisclosure, Contract, Training
from amanat.privacy.requests import asking
from amanat.privacy.requests.models import RequestStep, RightsRequest
from amanat.privacy.retention import holds, sweeping
from amanat.privacy.retention.models import LegalHold

PERIOD = timedelta(days=3 * 365 + 2)


@pytest.mark.slow
def test_a_closed_breach_goes_with_its_clocks_and_people_and_an_open_one_stays(shree: Workspace) -> None:
    at = clock.now()
    her = factories.make_contact(shree)
    with tenancy.inside(shree):
        closed, still_open = (
            reporting.report(workspace=shree, what=what(at), by=owner_of(shree), at=at) for _ in range(2)
        )
        for one in (closed, still_open):
            AffectedPerson.objects.create(workspace_id=shree.pk, incident=one, contact=her, found="named", added_at=at)
        Incident.objects.of(shree).filter(pk=closed.pk).update(closed_at=at)
        clocks = IncidentClock.objects.of(shree).filter(incident=still_open).count()
        sweeping.run(shree.pk, at=at + PERIOD - timedelta(days=4))
        assert Incident.objects.of(shree).count() == 2
        sweeping.run(shree.pk, at=at + PERIOD)
        assert [one.pk for one in Incident.objects.of(shree)] == [still_open.pk]
        assert [one.incident_id for one in AffectedPerson.objects.of(shree)] == [still_open.pk]
        assert IncidentClock.objects.of(shree).count() == clocks > 0


def test_contracts_that_ended_disclosures_and_training_go(shree: Workspace) -> None:
    at, owner = clock.now(), owner_of(shree)
    here = shree.pk
    with tenancy.inside(shree):
        common = {
            "workspace_id": here,
            "recipient": "mail",
            "party": "Post",
            "country": "IN",
            "signed_on": at.date(),
            "added_at": at,
        }
        kept = Contract.objects.create(**common)
        Contract.objects.create(**common, ended_at=at)
        asked = AuthorityDisclosure.objects.create(
            workspace_id=here,
            authority="Court",
            law="s. 91",
            wanted="all",
            asked_at=at,
            asked_by=owner,
            refused_at=at,
            refused_by=owner,
        )
        AuthorityApproval.objects.create(workspace_id=here, disclosure=asked, member=owner, at=at)
        Training.objects.create(
            workspace_id=here, member=owner, topic="Care", done_on=at.date(), recorded_at=at, recorded_by=owner
        )
        sweeping.run(here, at=at + PERIOD)
        assert [one.pk for one in Contract.objects.of(shree)] == [kept.pk]
        assert not any(model.objects.of(shree).exists() for model in (AuthorityDisclosure, AuthorityApproval, Training))


@pytest.mark.slow
def test_a_hold_that_ran_out_goes_as_one_that_was_lifted(shree: Workspace) -> None:
    at, owner = clock.now(), owner_of(shree)
    with tenancy.inside(shree):
        long, ended, lifted = (
            holds.add(workspace=shree, contact=None, keep="usage", basis="Court", until=until.date(), by=owner, at=at)
            for until in (at + 2 * PERIOD, at + timedelta(days=10), at + 2 * PERIOD)
        )
        holds.lift(hold=lifted, by=owner, at=at)
        sweeping.run(shree.pk, at=at + PERIOD)
        assert set(LegalHold.objects.of(shree)) == {long, ended}
        sweeping.run(shree.pk, at=at + PERIOD + timedelta(days=10))
        assert list(LegalHold.objects.of(shree)) == [long]


@pytest.mark.slow
def test_a_request_that_was_taken_back_goes_as_an_answered_one(shree: Workspace) -> None:
    at, two_years = clock.now(), timedelta(days=2 * 365 + 2)
    with tenancy.inside(shree):
        revoked, still_open = (
            asking.open_request(workspace=shree, contact=None, kind="access", how="post", by=owner_of(shree), at=at)
            for _ in range(2)
        )
        asking.revoke(request=revoked, at=at)
        sweeping.run(shree.pk, at=at + two_years - timedelta(days=4))
        assert set(RightsRequest.objects.of(shree)) == {revoked, still_open}
        sweeping.run(shree.pk, at=at + two_years)
        assert list(RightsRequest.objects.of(shree)) == [still_open]
        assert {step.request_id for step in RequestStep.objects.of(shree)} == {still_open.pk}
