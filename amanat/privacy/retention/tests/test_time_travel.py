"""Every period of `keep` in all six ready policies is reached by moving the clock: one second before it holds, at the moment it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from amanat.policy import ready
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.privacy.retention import due, reckoning, tables
from amanat.privacy.retention.tests.factories import LONG_AGO
from amanat.privacy.retention.tests.test_reckoning import is_due

SECOND = timedelta(seconds=1)
PERIODS = sorted(
    {
        (name, rule, trigger)
        for name in ready.names()
        for rule, keep in ready.policy(name).keep.items()
        for trigger in keep.until
    }
)
#: What carries out a trigger that is no column of a table: the test of it moves the clock as well.
CARRIED_OUT = {
    ("account", "last_login"): "test_house",
    ("account", "closure"): "test_closing",
    ("account", "request"): "test_closing",
    ("content", "closure"): "test_closing",
    ("content", "request"): "test_probes",
    ("marketing", "last_interaction"): "test_sweeping",
    ("marketing", "opt_out"): "test_proofs",
    ("billing", "issued"): "test_books",
    ("evidence", "relied_on_end"): "test_proofs",
}
#: Nothing of the kind is held yet; the first table that is must name its trigger (test_declarations).
NOTHING_YET = {("voice", "recorded"), ("voice", "request")}


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "rule", "trigger"), PERIODS)
def test_it_ends_at_its_moment(name: str, rule: str, trigger: str) -> None:
    term = reckoning.term(ready.policy(name), rule, trigger)
    assert term is not None
    end = term.ends_at(LONG_AGO)
    assert end >= ready.policy(name).keep[rule].until[trigger].after(LONG_AGO)
    assert not is_due(term, LONG_AGO, end - SECOND)
    assert is_due(term, LONG_AGO, end)


@pytest.mark.parametrize(("name", "rule", "trigger"), PERIODS)
def test_something_carries_it_out(name: str, rule: str, trigger: str) -> None:
    by_tables = {(one.keep, one.trigger) for one in tables.counted()}
    assert (rule, trigger) in by_tables | set(CARRIED_OUT) | NOTHING_YET
    if (rule, trigger) in NOTHING_YET:
        assert not any(held.clause == f"keep.{rule}" and held.counted_from for held in tables.declarations())


def _periods(policy: Policy) -> dict[str, Duration | None]:
    return {
        **{f"{name}.warn": keep.warn for name, keep in policy.keep.items()},
        **{f"{name}.ip_truncate": keep.ip_truncate for name, keep in policy.keep.items()},
        "vault.shred": policy.vault.shred if policy.vault else None,
    }


#: What else counts time in `keep`, and how the promise of it is read.
READ_BY: dict[str, Callable[[Policy], object]] = {
    "account.warn": lambda policy: reckoning.term(policy, "account", "last_login"),
    "usage.ip_truncate": lambda policy: policy.keep["usage"].ip_truncate,
    "vault.shred": lambda policy: policy.vault,
}


@pytest.mark.parametrize("name", ready.names())
def test_every_other_length_of_time_is_read_somewhere(name: str) -> None:
    policy = ready.policy(name)
    lengths = {path for path, length in _periods(policy).items() if length is not None}
    assert lengths == set(READ_BY)
    assert all(READ_BY[path](policy) is not None for path in lengths)


@pytest.mark.parametrize("name", ready.names())
def test_people_end_by_the_same_rules_in_all(name: str) -> None:
    assert [(term.keep, term.trigger) for term in due.terms(ready.policy(name))] == [
        ("marketing", "last_interaction"),
        ("marketing", "opt_out"),
    ]


@pytest.mark.parametrize(
    "moment", [datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)]
)
def test_leap_days_and_ends_of_months_end_once(moment: datetime) -> None:
    term = reckoning.term(ready.policy("default"), "marketing", "last_interaction")
    assert term is not None
    assert term.ends_at(moment) == term.period.after(moment)
