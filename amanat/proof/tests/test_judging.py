"""What makes a promise green, amber, red or grey; nothing is green for want of a check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from amanat.policy import ready
from amanat.policy.format import Clause
from amanat.policy.probing import Finding, Probe
from amanat.proof import attesting, judging
from amanat.proof.attesting import Standing
from amanat.proof.judging import Judged, Known, State
from amanat.proof.models import Attestation, Evidence, Outcome

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOW.date()
POLICY = ready.policy("default")


def a_probe(name: str, *keys: str, minutes: int = 60) -> Probe:
    return Probe(name, name, frozenset(keys), ("security",), lambda asked: Finding(True, ""), minutes=minutes)


def found(name: str, outcome: Outcome = Outcome.KEPT, *, ago: timedelta = timedelta(), number: int = 3) -> Evidence:
    return Evidence(probe=name, outcome=outcome, at=NOW - ago, policy_number=number, workspace_id=UUID(int=1))


def judge(
    keys: Sequence[str],
    probes: Sequence[Probe],
    evidence: Sequence[Evidence],
    *,
    kind: Any = "rule",
    **standings: Standing,
) -> Judged:
    clause = Clause.model_validate({"id": "one", "in": "protect", "say": "One.", "probe": tuple(keys), "kind": kind})
    known = Known(
        probes={one.name: one for one in probes},
        evidence={one.probe: one for one in evidence},
        standings=standings,
        policy_number=3,
        at=NOW,
        today=TODAY,
    )
    policy = POLICY.model_copy(update={"clauses": (clause,)})
    return judging.clauses(policy, known)[0]


def test_kept_when_every_check_is_fresh_and_kept() -> None:
    one = judge(["A", "B"], [a_probe("a", "A"), a_probe("b", "B")], [found("a"), found("b")])
    assert (one.state, one.kept, one.checked) == (State.KEPT, 2, 2)


def test_partly_checked_says_how_much() -> None:
    one = judge(["A", "B", "C"], [a_probe("a", "A")], [found("a")])
    assert (one.state, one.kept, one.checked, len(one.promises)) == (State.KEPT, 1, 1, 3)
    assert [promise.state for promise in one.promises] == [State.KEPT, State.STATEMENT, State.STATEMENT]


def test_a_clause_without_any_check_is_a_statement_and_never_green() -> None:
    assert judge(["A"], [], []).state is State.STATEMENT


def test_one_broken_promise_breaks_the_clause() -> None:
    one = judge(["A", "B"], [a_probe("a", "A"), a_probe("b", "B")], [found("a"), found("b", Outcome.BROKEN)])
    assert (one.state, one.kept) == (State.BROKEN, 1)


def test_a_check_that_could_not_run_is_red() -> None:
    assert judge(["A"], [a_probe("a", "A")], [found("a", Outcome.COULD_NOT_RUN)]).state is State.BROKEN


def test_two_checks_of_one_promise_must_both_be_kept() -> None:
    probes = [a_probe("a", "A"), a_probe("also_a", "A")]
    assert judge(["A"], probes, [found("a"), found("also_a", Outcome.BROKEN)]).state is State.BROKEN


def test_evidence_is_late_only_after_some_grace() -> None:
    probe = a_probe("a", "A", minutes=60)
    assert judge(["A"], [probe], [found("a", ago=timedelta(minutes=89))]).state is State.KEPT
    assert judge(["A"], [probe], [found("a", ago=timedelta(minutes=91))]).state is State.DUE


def test_what_was_never_checked_is_due() -> None:
    assert judge(["A"], [a_probe("a", "A")], []).state is State.DUE


def test_evidence_of_another_version_of_the_policy_is_due() -> None:
    assert judge(["A"], [a_probe("a", "A")], [found("a", number=2)]).state is State.DUE


def test_a_disclaimer_stays_grey_whatever_was_found() -> None:
    one = judge(["A"], [a_probe("a", "A")], [found("a")], kind="disclaimer")
    assert (one.state, one.checked) == (State.STATEMENT, 0)


def standing(until: date | None) -> Standing:
    subject = attesting.subjects(POLICY)["security.training_every"]
    newest = Attestation(done_on=TODAY, subject=subject.path) if until else None
    return Standing(subject, newest, until)


@pytest.mark.parametrize(
    ("until", "state"),
    [
        (None, State.DUE),
        (TODAY - timedelta(days=1), State.DUE),
        (TODAY + timedelta(days=3), State.DUE),
        (TODAY + timedelta(days=200), State.KEPT),
    ],
)
def test_an_attestation_is_green_until_it_is_nearly_over(until: date | None, state: State) -> None:
    assert judge(["S-TRAIN"], [], [], training=standing(until)).state is state


def test_words_of_an_attestation_are_shown_only_while_it_is_valid() -> None:
    lapsed = judge(["S-TRAIN"], [], [], kind="attested", training=standing(TODAY - timedelta(days=1)))
    valid = judge(["S-TRAIN"], [], [], kind="attested", training=standing(TODAY))
    assert (judging.is_shown(lapsed, TODAY), judging.is_shown(valid, TODAY)) == (False, True)


def test_naming_all_data_promises_something_of_each_kind() -> None:
    keys = judging.keys_of(next(clause for clause in POLICY.clauses if clause.id == "collect"), POLICY)
    assert "DATA pd:Name" in keys
    assert len(keys) == len(set(keys))


def test_the_worst_check_comes_first() -> None:
    one = judge(["A", "B"], [a_probe("a", "A"), a_probe("b", "B")], [found("a"), found("b", Outcome.BROKEN)])
    assert [check.probe.name for check in one.checks] == ["b", "a"]
