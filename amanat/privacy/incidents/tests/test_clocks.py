"""The clocks of a breach, for every audience of every ready policy, reached by moving the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.policy import ready
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.privacy.incidents import clocks, reporting
from amanat.privacy.incidents.models import Audience, Incident, IncidentClock
from amanat.privacy.incidents.reporting import Report

NOTICED = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
POLICIES: dict[str, Policy] = {name: ready.policy(name) for name in ready.names()}
CASES = [(name, audience) for name, policy in POLICIES.items() for audience in clocks.periods(policy)]
SECOND = timedelta(seconds=1)


def what(noticed_at: datetime = NOTICED, **changes: Any) -> Report:
    values: dict[str, Any] = {
        "kind": "access", "title": "A password was guessed", "nature": "Somebody used a member's password.", "happened_from": noticed_at - timedelta(hours=2),
        "happened_to": noticed_at, "noticed_at": noticed_at, "consequences": "Calls by strangers.", "measures": "The password was changed.",
        "advice": "Tell nobody a code.",
    }  # fmt: skip
    return Report(**(values | changes))


def test_there_are_six_ready_policies_and_each_names_clocks() -> None:
    assert len(POLICIES) == 6
    assert all(Audience.PEOPLE in clocks.periods(policy) for policy in POLICIES.values())
    assert len(CASES) >= 18


@pytest.mark.parametrize(("name", "audience"), CASES)
def test_each_clock_of_each_policy_warns_in_time_and_breaks_on_the_second(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, audience: Audience
) -> None:
    """Time travel: before the warning nothing, at the warning one mail, before the end not late, a second after it late."""
    from amanat.basis import rules
    from amanat.basis.rules import Rules

    monkeypatch.setattr(rules, "of", lambda workspace_id, at=None: Rules(POLICIES[name], 1))
    period = clocks.periods(POLICIES[name])[audience]
    with clock.standing_at(NOTICED), tenancy.inside(shree):
        incident = reporting.report(workspace=shree, what=what(), by=None, at=NOTICED)
        row = IncidentClock.objects.of(shree).get(incident=incident, audience=audience)
        IncidentClock.objects.of(shree).exclude(pk=row.pk).delete()
    due_at = NOTICED + (timedelta(seconds=period.seconds) or timedelta(hours=6))  # nobody reports within the second
    assert row.due_at == due_at and not period.months
    warn_at = clocks.warn_at(noticed_at=NOTICED, due_at=due_at)
    assert reporting.warn_due(at=warn_at - SECOND) == 0
    assert reporting.warn_due(at=warn_at) == 1
    assert reporting.warn_due(at=due_at) == 0  # once
    assert not row.is_late(due_at) and row.is_late(due_at + SECOND)
    with tenancy.inside(shree):
        told = reporting.told(incident=incident, audience=audience, proof="R-1", by=None, at=due_at)
        assert not told.is_late(due_at + timedelta(days=400))  # told in time stays told in time
        entry = LedgerEntry.objects.of(shree).get(event="privacy.incident.told")
    assert entry.facts["was_late"] is False


def test_what_is_told_too_late_stays_late_for_ever(shree: Workspace) -> None:
    with tenancy.inside(shree):
        incident = reporting.report(workspace=shree, what=what(), by=None, at=NOTICED)
        late = reporting.told(
            incident=incident,
            audience=Audience.CERTIN,
            proof="R-1",
            by=None,
            at=NOTICED + timedelta(hours=6, seconds=1),
        )
        assert late.is_late(NOTICED)
        again = reporting.told(incident=incident, audience=Audience.CERTIN, proof="R-2", by=None, at=NOTICED)
        assert again.proof == "R-1" and again.is_late(NOTICED)
        assert LedgerEntry.objects.of(shree).get(event="privacy.incident.told").facts["was_late"] is True


@pytest.mark.parametrize(("hours", "warning"), [(72, timedelta(hours=48)), (6, timedelta(hours=4)), (0, timedelta(0))])
def test_warnings_leave_a_third_of_the_time(hours: int, warning: timedelta) -> None:
    assert clocks.warn_at(noticed_at=NOTICED, due_at=NOTICED + timedelta(hours=hours)) == NOTICED + warning


def test_an_audience_that_the_policy_leaves_out_has_no_clock() -> None:
    policy = POLICIES["default"]
    less = policy.model_copy(update={"breach": policy.breach.model_copy(update={"certin": None})})
    assert Audience.CERTIN not in clocks.due(less, noticed_at=NOTICED)
    assert Audience.CERTIN in clocks.due(policy, noticed_at=NOTICED)


def test_clocks_run_from_when_it_was_known_not_from_when_it_was_written(shree: Workspace) -> None:
    with tenancy.inside(shree):
        incident = reporting.report(workspace=shree, what=what(), by=None, at=NOTICED + timedelta(hours=5))
        assert IncidentClock.objects.of(shree).get(incident=incident, audience="certin").due_at == NOTICED + timedelta(
            hours=6
        )
    assert (
        reporting.warn_due(at=NOTICED + timedelta(hours=5)) == 2
    )  # CERT-In and the Board's first report, after 4 hours


def test_a_clock_that_was_moved_back_warns_of_nothing_twice(shree: Workspace) -> None:
    with tenancy.inside(shree):
        reporting.report(workspace=shree, what=what(), by=None, at=NOTICED)
    assert reporting.warn_due(at=NOTICED + timedelta(days=4)) == 5
    assert reporting.warn_due(at=NOTICED - timedelta(days=1)) == 0
    assert reporting.warn_due(at=NOTICED + timedelta(days=5)) == 0


def test_a_warning_is_mailed_to_the_owners_and_says_how_long(
    shree: Workspace, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), tenancy.inside(shree):
        reporting.report(workspace=shree, what=what(), by=None, at=NOTICED)
    assert ["A breach was reported" in mail.subject for mail in mailoutbox] == [True]
    mailoutbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        reporting.warn_due(at=NOTICED + timedelta(hours=48))
    told = [mail for mail in mailoutbox if "The people concerned" in mail.body]
    assert len(told) == 1 and "24.0 hours" in told[0].body
    assert "Somebody used" not in "".join(mail.body for mail in mailoutbox)


def test_closed_breaches_warn_no_more(shree: Workspace) -> None:
    with tenancy.inside(shree):
        incident = reporting.report(workspace=shree, what=what(), by=None, at=NOTICED)
        Incident.objects.of(shree).filter(pk=incident.pk).update(closed_at=NOTICED)
    assert reporting.warn_due(at=NOTICED + timedelta(days=4)) == 0


def test_periods_are_never_in_code() -> None:
    """Were a policy to promise 24 hours, 24 hours it is."""
    policy = POLICIES["default"]
    quick = policy.model_copy(update={"breach": policy.breach.model_copy(update={"people": Duration.parse("PT24H")})})
    assert clocks.due(quick, noticed_at=NOTICED)[Audience.PEOPLE] == NOTICED + timedelta(hours=24)
