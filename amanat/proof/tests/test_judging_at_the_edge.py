"""Each boundary of the judgement, pure: a moment before and after, each outcome beside each other one, each day of an attestation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.policy import loading, ready
from amanat.policy.durations import Duration
from amanat.policy.format import Clause
from amanat.policy.probing import Finding, Probe
from amanat.proof import attesting, judging, running
from amanat.proof.attesting import Standing, Subject
from amanat.proof.judging import Judged, Known, State
from amanat.proof.models import Attestation, Evidence, Outcome

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOW.date()
POLICY = ready.policy("default")
MOMENT, MINUTE, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(days=1)
NUMBER = 3
#: The state that each outcome of fresh evidence brings.
STATES = {
    Outcome.KEPT: State.KEPT,
    Outcome.DUE: State.DUE,
    Outcome.BROKEN: State.BROKEN,
    Outcome.COULD_NOT_RUN: State.BROKEN,
    None: State.DUE,
}


def a_probe(name: str, *keys: str, minutes: int = 60) -> Probe:
    return Probe(name, name, frozenset(keys), ("security",), lambda asked: Finding(True, ""), minutes=minutes)


def found(
    name: str, outcome: Outcome = Outcome.KEPT, *, ago: timedelta = timedelta(), number: int = NUMBER
) -> Evidence:
    return Evidence(probe=name, outcome=outcome, at=NOW - ago, policy_number=number, workspace_id=UUID(int=1))


def standing(until: date | None, *keys: str, path: str = "security.training_every") -> Standing:
    newest = Attestation(subject=path, done_on=TODAY) if until else None
    return Standing(Subject(path, "Training", "Who?", keys), newest, until)


def known(
    probes: Sequence[Probe] = (), evidence: Sequence[Evidence] = (), standings: Mapping[str, Standing] | None = None
) -> Known:
    return Known(
        probes={one.name: one for one in probes},
        evidence={one.probe: one for one in evidence},
        standings=standings or {},
        policy_number=NUMBER,
        at=NOW,
        today=TODAY,
    )


def judge(keys: Sequence[str], told: Known, *, kind: Any = "rule") -> Judged:
    clause = Clause.model_validate({"id": "one", "in": "protect", "say": "One.", "probe": tuple(keys), "kind": kind})
    return judging.clauses(POLICY.model_copy(update={"clauses": (clause,)}), told)[0]


# --- one check ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(STATES))
def test_an_outcome_brings_its_state_and_silence_is_due(outcome: Outcome | None) -> None:
    evidence = found("a", outcome) if outcome else None
    one = judging.check(a_probe("a", "A"), evidence, policy_number=NUMBER, at=NOW)
    assert (one.state, one.evidence) == (STATES[outcome], evidence)


@pytest.mark.parametrize(
    ("minutes", "late"),
    [(60, timedelta(minutes=90)), (1440, timedelta(minutes=1815)), (4, timedelta(minutes=20)), (0, 15 * MINUTE)],
)
def test_evidence_may_be_a_quarter_and_a_quarter_of_an_hour_too_old(minutes: int, late: timedelta) -> None:
    one = a_probe("a", "A", minutes=minutes)
    assert (judging.late_after(one), judging.fresh_for(one)) == (late, minutes * MINUTE)
    for ago, state in ((late - MOMENT, State.KEPT), (late, State.KEPT), (late + MOMENT, State.DUE)):
        assert judging.check(one, found("a", ago=ago), policy_number=NUMBER, at=NOW).state is state


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.KEPT, State.DUE), (Outcome.BROKEN, State.BROKEN), (Outcome.COULD_NOT_RUN, State.BROKEN)],
)
@pytest.mark.parametrize(("ago", "number"), [(9 * DAY, NUMBER), (timedelta(), NUMBER - 1), (timedelta(), NUMBER + 1)])
def test_what_is_old_or_of_another_policy_is_due_but_never_less_than_broken(
    outcome: Outcome, state: State, ago: timedelta, number: int
) -> None:
    one = judging.check(a_probe("a", "A"), found("a", outcome, ago=ago, number=number), policy_number=NUMBER, at=NOW)
    assert one.state is state


# --- a promise, a clause ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), list(product(STATES, STATES)))
def test_of_two_checks_the_worse_decides_for_one_promise_and_for_one_clause(
    first: Outcome | None, second: Outcome | None
) -> None:
    order = [State.BROKEN, State.DUE, State.KEPT]
    worse = min(STATES[first], STATES[second], key=order.index)
    told = [found(name, outcome) for name, outcome in (("a", first), ("b", second)) if outcome]
    together = judge(["A"], known([a_probe("a", "A"), a_probe("b", "A")], told))
    apart = judge(["A", "B"], known([a_probe("a", "A"), a_probe("b", "B")], told))
    assert (together.state, apart.state) == (worse, worse)
    assert [one.state for one in apart.promises] == [STATES[first], STATES[second]]
    assert (together.checked, apart.checked) == (1, 2)
    assert apart.kept == [STATES[first], STATES[second]].count(State.KEPT)


@settings(max_examples=20)
@given(st.lists(st.sampled_from(list(STATES)), min_size=1, max_size=5), st.integers(0, 3))
def test_nothing_is_green_unless_something_was_found_kept_and_nothing_else(
    outcomes: list[Outcome | None], unchecked: int
) -> None:
    probes = [a_probe(f"p{number}", f"K{number}") for number in range(len(outcomes))]
    told = [found(f"p{number}", outcome) for number, outcome in enumerate(outcomes) if outcome]
    keys = [f"K{number}" for number in range(len(outcomes) + unchecked)]
    one = judge(keys, known(probes, told))
    assert (one.state is State.KEPT) == (set(outcomes) == {Outcome.KEPT})
    assert (one.checked, len(one.promises)) == (len(outcomes), len(outcomes) + unchecked)
    assert one.kept == outcomes.count(Outcome.KEPT)


def test_a_check_of_two_promises_stands_once_in_the_clause_and_in_both_promises() -> None:
    one = judge(["A", "B"], known([a_probe("a", "A", "B")], [found("a")]))
    assert [check.probe.name for check in one.checks] == ["a"]
    assert [len(promise.checks) for promise in one.promises] == [1, 1]


def test_a_check_of_another_promise_says_nothing_here() -> None:
    one = judge(["A"], known([a_probe("b", "B")], [found("b", Outcome.BROKEN)]))
    assert (one.state, one.checks, one.checked_at) == (State.STATEMENT, (), None)


def test_checks_stand_the_worst_first_then_by_name() -> None:
    names = {"z": Outcome.BROKEN, "c": Outcome.KEPT, "b": Outcome.KEPT, "d": Outcome.DUE, "a": Outcome.BROKEN}
    one = judge(["A"], known([a_probe(name, "A") for name in names], [found(*pair) for pair in names.items()]))
    assert [check.probe.name for check in one.checks] == ["a", "z", "d", "b", "c"]


def test_a_clause_was_checked_when_the_oldest_of_its_newest_findings_was_made() -> None:
    probes = [a_probe("a", "A"), a_probe("b", "B"), a_probe("never", "C")]
    one = judge(["A", "B", "C"], known(probes, [found("a", ago=9 * MINUTE), found("b", ago=2 * MINUTE)]))
    assert one.checked_at == NOW - 9 * MINUTE


def test_clauses_stand_in_the_order_of_the_policy() -> None:
    assert [one.clause.id for one in judging.clauses(POLICY, known())] == [one.id for one in POLICY.clauses]
    assert {one.state for one in judging.clauses(POLICY, known())} == {State.STATEMENT}


# --- attestations -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "is_valid", "is_nearly_due", "state"),
    [
        (-1, False, False, State.DUE),
        (0, True, True, State.DUE),
        (1, True, True, State.DUE),
        (13, True, True, State.DUE),
        (14, True, False, State.KEPT),
        (15, True, False, State.KEPT),
        (365, True, False, State.KEPT),
    ],
)
def test_an_attestation_counts_to_its_last_day_and_is_asked_for_two_weeks_before(
    days: int, is_valid: bool, is_nearly_due: bool, state: State
) -> None:
    one = standing(TODAY + days * DAY, "A")
    assert (one.is_valid(TODAY), one.is_nearly_due(TODAY)) == (is_valid, is_nearly_due)
    assert judge(["A"], known(standings={"x": one})).state is state


def test_what_nobody_attested_is_due() -> None:
    one = standing(None, "A")
    assert (one.is_valid(TODAY), one.is_nearly_due(TODAY)) == (False, False)
    assert judge(["A"], known(standings={"x": one})).state is State.DUE


def test_an_attestation_shows_only_its_own_promises() -> None:
    one = judge(["A", "B"], known(standings={"x": standing(TODAY + 99 * DAY, "A")}))
    assert [promise.state for promise in one.promises] == [State.KEPT, State.STATEMENT]
    assert len(one.standings) == 1


def test_an_attestation_does_not_outweigh_a_broken_check_nor_a_check_a_lapsed_attestation() -> None:
    valid, lapsed = standing(TODAY + 99 * DAY, "A"), standing(TODAY - DAY, "A")
    probe = a_probe("a", "A")
    broken = judge(["A"], known([probe], [found("a", Outcome.BROKEN)], {"x": valid}))
    late = judge(["A"], known([probe], [found("a")], {"x": lapsed}))
    both = judge(["A"], known([probe], [found("a")], {"x": valid}))
    assert (broken.state, late.state, both.state) == (State.BROKEN, State.DUE, State.KEPT)


def test_a_subject_stands_once_in_a_clause_however_many_promises_it_shows() -> None:
    one = judge(["A", "B"], known(standings={"x": standing(TODAY + 99 * DAY, "A", "B")}))
    assert (len(one.standings), one.kept) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "untils", "is_shown"),
    [
        ("rule", [], True),
        ("disclaimer", [-1], True),
        ("attested", [], False),
        ("attested", [None], False),
        ("attested", [-1], False),
        ("attested", [0], True),
        ("attested", [5, -1], False),
        ("attested", [5, 0], True),
    ],
)
def test_attested_words_are_shown_while_every_attestation_of_them_is_valid(
    kind: str, untils: list[int | None], is_shown: bool
) -> None:
    told = {
        f"s{number}": standing(None if days is None else TODAY + days * DAY, "A", path=f"s{number}")
        for number, days in enumerate(untils)
    }
    assert judging.is_shown(judge(["A"], known(standings=told), kind=kind), TODAY) == is_shown


@pytest.mark.parametrize(
    ("every", "done_on", "valid_to", "until"),
    [
        (Duration.parse("P1Y"), date(2026, 11, 22), None, date(2027, 11, 22)),
        (Duration.parse("P1M"), date(2026, 1, 31), None, date(2026, 2, 28)),
        (Duration.parse("P30D"), date(2026, 11, 22), None, date(2026, 12, 22)),
        (Duration.parse("P1Y"), date(2026, 11, 22), date(2027, 1, 1), date(2027, 1, 1)),
        (Duration.parse("P1M"), date(2026, 11, 22), date(2027, 1, 1), date(2026, 12, 22)),
        (None, date(2026, 11, 22), None, date(2027, 11, 23)),
        (None, date(2026, 11, 22), date(2026, 12, 1), date(2026, 12, 1)),
        (None, date(2026, 11, 22), date(2030, 1, 1), date(2027, 11, 23)),
    ],
)
def test_an_attestation_ends_with_its_period_or_its_own_last_day_whichever_is_first(
    every: Duration | None, done_on: date, valid_to: date | None, until: date
) -> None:
    subject = Subject("x", "X", "?", ("A",), every)
    assert attesting._standing(subject, Attestation(done_on=done_on, valid_to=valid_to)).until == until


def test_subjects_are_the_policys_own_with_its_periods() -> None:
    security = POLICY.security.model_copy(update={"attest": ("soc2_aligned", "fire_drill")})
    found = attesting.subjects(POLICY.model_copy(update={"security": security}))
    assert {path.removeprefix("security.") for path in found} == {
        "audit_every", "update_every", "pentest_every", "training_every", "attest.soc2_aligned", "attest.fire_drill",
    }  # fmt: skip
    assert found["security.training_every"].every == POLICY.security.training_every
    assert found["security.attest.soc2_aligned"].every is None
    unknown = found["security.attest.fire_drill"]
    assert (str(unknown.title), unknown.keys, str(unknown.asks)) == ("Fire drill", (), "What shows it?")


# --- days -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "hour", "minute", "day"),
    [
        ("Asia/Kolkata", 18, 29, 22),
        ("Asia/Kolkata", 18, 30, 23),
        ("UTC", 23, 59, 22),
        ("America/New_York", 4, 59, 21),
        ("America/New_York", 5, 0, 22),
    ],
)
def test_today_is_the_workspaces_own_day(zone: str, hour: int, minute: int, day: int) -> None:
    assert judging.today_of(NOW.replace(hour=hour, minute=minute), zone) == date(2026, 11, day)


# --- whose turn it is -------------------------------------------------------------------------------------------------------------


def due(told: Sequence[Evidence], *probes: Probe) -> list[str]:
    newest = {one.probe: one for one in told}
    return running.due_names({one.name: one for one in probes}, newest, number=NUMBER, at=NOW)


@pytest.mark.parametrize(
    ("ago", "number", "is_due"),
    [
        (60 * MINUTE - MOMENT, NUMBER, False),
        (60 * MINUTE, NUMBER, True),
        (60 * MINUTE + MOMENT, NUMBER, True),
        (timedelta(), NUMBER, False),
        (timedelta(), NUMBER - 1, True),
        (timedelta(), NUMBER + 1, True),
    ],
)
def test_a_probe_is_due_when_its_evidence_is_no_longer_fresh_or_of_another_version(
    ago: timedelta, number: int, is_due: bool
) -> None:
    assert bool(due([found("a", ago=ago, number=number)], a_probe("a", "A"))) == is_due


def test_those_that_never_ran_come_first_then_the_oldest_and_the_chain_last() -> None:
    names = ["b", "c", "proof.chain", "a", "y", "fresh", "x"]
    ages = {"b": 2 * DAY, "c": 3 * DAY, "a": 2 * DAY, "proof.chain": 9 * DAY, "fresh": MINUTE}
    told = [found(name, ago=age) for name, age in ages.items()]
    assert due(told, *[a_probe(name, "A") for name in names]) == ["x", "y", "c", "a", "b", "proof.chain"]


def test_what_failed_waits_for_its_turn_like_the_others() -> None:
    assert due([found("a", Outcome.BROKEN), found("b", Outcome.COULD_NOT_RUN)], a_probe("a"), a_probe("b")) == []


@pytest.mark.parametrize(
    ("rules", "applies"),
    [
        (("security",), True),
        (("keep.account",), True),
        (("keep.nothing_such",), False),
        (("keep.nothing_such", "security"), True),
        ((), False),
    ],
)
def test_a_probe_applies_where_the_policy_has_one_of_its_rules(rules: tuple[str, ...], applies: bool) -> None:
    one = Probe("a", "a", frozenset({"A"}), rules, lambda asked: Finding(True, ""))
    assert running.is_applicable(one, POLICY) == applies


def test_policies_with_the_same_rules_are_measured_alike() -> None:
    one = Probe("a", "a", frozenset({"A"}), ("keep.account", "keep.nothing_such"), lambda asked: Finding(True, ""))
    document = POLICY.as_document()
    account = {**document["keep"]["account"], "warn": "PT24H"}
    other = loading.from_document({**document, "keep": {**document["keep"], "account": account}})
    elsewhere = loading.from_document({**document, "rights": {**document["rights"], "kinds": ("access",)}})
    assert running.rules_digest(one, other) != running.rules_digest(one, POLICY)
    assert running.rules_digest(one, elsewhere) == running.rules_digest(one, POLICY)
