"""What a plan says of mails, agreements and heads: in memory alone, every combination."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from amanat.policy import differences
from amanat.policy.differences import Change
from amanat.policy.format import Policy
from amanat.policy.linting import Finding, Severity
from amanat.policy.strictness import Direction
from amanat.publishing import beginning, publish
from amanat.publishing.publish import Plan
from amanat.publishing.tests.samples import DETAILS, NOW
from amanat.publishing.versions import InForce

POLICY = beginning.policy(DETAILS)
MATERIAL = Change("keep.content", Direction.LOOSER, "It is kept for longer.", "more is kept")
IMMATERIAL = Change("clauses.safe", Direction.OTHER, "It is said otherwise.")


def plan(*changes: Change, email_if: str = "material", **details: Any) -> Plan:
    promised = POLICY.model_copy(update={"changes": POLICY.changes.model_copy(update={"email_if": email_if})})
    holds = InForce(promised, 3, NOW, NOW, "")
    values: dict[str, Any] = {"number": 4, "findings": (), "asks_anew": {}, "is_new": True}
    return Plan(policy=POLICY, effective_at=NOW, holds=holds, replaces=holds, changes=changes, **(values | details))


@pytest.mark.parametrize(
    ("email_if", "changes", "is_mailed"),
    [
        ("any", (), False),
        ("any", (IMMATERIAL,), True),
        ("any", (MATERIAL,), True),
        ("never", (MATERIAL,), False),
        ("material", (), False),
        ("material", (IMMATERIAL,), False),
        ("material", (IMMATERIAL, MATERIAL), True),
    ],
)
def test_people_hear_by_mail_what_the_policy_in_force_promises(
    email_if: str, changes: tuple[Change, ...], is_mailed: bool
) -> None:
    assert plan(*changes, email_if=email_if).is_mailed == is_mailed


def test_a_plan_is_material_when_one_of_its_changes_is() -> None:
    assert [plan(*each).is_material for each in ((), (IMMATERIAL,), (IMMATERIAL, MATERIAL))] == [False, False, True]


def test_only_what_this_version_widens_is_asked_anew() -> None:
    assert plan(asks_anew={"usage": 4, "marketing": 4, "reminders": 3}).asks_anew_for == ["marketing", "usage"]


def test_only_errors_stop_a_plan() -> None:
    found = [Finding("a.check", severity, "a.path", 1, wrong="Wrong.", instead="Write this.") for severity in Severity]
    assert [one.severity for one in plan(findings=tuple(found)).errors] == [Severity.ERROR]


def test_a_head_names_the_version_and_its_day_where_the_workspace_is() -> None:
    late = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    for zone, day in (("Asia/Kolkata", "2026-11-21"), ("Europe/London", "2026-11-20")):
        head = publish._with_head(POLICY, 7, late, zone).head
        assert (head.version, head.effective.isoformat()) == (7, day)


def test_versions_are_compared_by_what_they_promise_and_not_by_their_head() -> None:
    later = publish._with_head(POLICY, 7, datetime(2031, 2, 28, tzinfo=UTC), "Asia/Kolkata")
    assert publish._content(later) == publish._content(POLICY)
    assert differences.between(publish._same_head(POLICY), publish._same_head(later)) == []
    renamed = _of("Sahyadri Services LLP")
    assert publish._content(renamed) != publish._content(POLICY)
    assert publish.is_handed_over(POLICY, renamed) and not publish.is_handed_over(POLICY, later)


def _of(name: str) -> Policy:
    operator = POLICY.parties.operator.model_copy(update={"name": name})
    return POLICY.model_copy(update={"parties": POLICY.parties.model_copy(update={"operator": operator})})
