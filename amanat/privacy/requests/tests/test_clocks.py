"""Clocks of requests under the laws of all ready policies: by when, how much longer, when the owner is reminded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.basis import regimes
from amanat.policy import ready
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.privacy.requests import clocks
from amanat.privacy.requests.tests.people import AT, every_policy

DAY = timedelta(days=1)
#: A country and the laws that protect somebody there, of the three the ready policies name.
PLACES = {
    "IN": ["in-dpdp"],
    "DE": ["in-dpdp", "eu-gdpr"],
    "GB": ["in-dpdp", "eu-gdpr"],
    "US": ["in-dpdp", "us-ccpa"],
    "BR": ["in-dpdp"],
}


def laws(policy: Policy, country: str) -> list[str]:
    return clocks.regimes_of(policy, regimes.protecting(policy.head.regimes, country=country))


@pytest.mark.parametrize("name", every_policy())
@pytest.mark.parametrize("country", PLACES)
def test_every_ready_policy_gives_each_place_its_laws_and_the_strictest_first_day(name: str, country: str) -> None:
    policy = ready.policy(name)
    found = laws(policy, country)
    assert found == [law for law in PLACES[country] if law in policy.head.regimes]
    first = [policy.rights.due.after(AT), *(policy.rights.regimes[law].alone.after(AT) for law in found)]
    assert clocks.promised(policy.rights, found, AT) == min(first) == AT + 30 * DAY


@pytest.mark.parametrize("name", every_policy())
def test_who_is_not_known_gets_the_clock_of_all_laws(name: str) -> None:
    policy = ready.policy(name)
    assert clocks.regimes_of(policy, ()) == list(policy.head.regimes)
    assert clocks.promised(policy.rights, policy.head.regimes, AT) <= AT + 30 * DAY


def test_a_month_that_is_shorter_than_the_promise_counts() -> None:
    rights = ready.policy("default").rights
    received = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
    assert clocks.promised(rights, ["in-dpdp"], received) == received + 30 * DAY
    assert clocks.promised(rights, ["in-dpdp", "eu-gdpr"], received) == datetime(2027, 2, 28, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("name", every_policy())
@pytest.mark.parametrize(
    ("country", "told_before", "until"),
    [
        ("IN", None, None),
        ("BR", None, None),
        ("DE", datetime(2027, 1, 1, 6, tzinfo=UTC), datetime(2027, 3, 1, 6, tzinfo=UTC)),
        ("US", AT + 45 * DAY, AT + 90 * DAY),
    ],
)
def test_only_laws_that_know_more_time_give_it(
    name: str, country: str, told_before: datetime | None, until: datetime | None
) -> None:
    policy = ready.policy(name)
    found = clocks.extension(policy.rights, laws(policy, country), AT)
    if told_before is None or until is None:
        assert found is None
    else:
        # 90 days is the limit of the Indian law, which protects everyone whose data is used there.
        assert found == clocks.Extension(told_before, min(until, AT + 90 * DAY))


@pytest.mark.parametrize(
    ("limit", "until"),
    [
        # Counted on from the end of February it would be 28 April.
        ("P1M+P2M", datetime(2027, 4, 30, 9, tzinfo=UTC)),
        ("P28D+P2M", datetime(2027, 4, 28, 9, tzinfo=UTC)),
        ("P1M+P30D", datetime(2027, 3, 30, 9, tzinfo=UTC)),
    ],
)
def test_months_upon_months_are_counted_from_the_start(limit: str, until: datetime) -> None:
    rights = ready.policy("default").rights.model_copy(update={"regimes": {"eu-gdpr": Duration.parse(limit)}})
    received = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
    february = datetime(2027, 2, 28, 9, 0, tzinfo=UTC)
    assert clocks.extension(rights, ["eu-gdpr"], received) == clocks.Extension(february, until)


def test_of_two_laws_that_give_time_the_one_that_wants_to_be_told_first_counts() -> None:
    limits = {"eu-gdpr": "P1M+P2M", "us-ccpa": "P45D+P45D", "in-dpdp": "P6M"}
    rights = ready.policy("default").rights.model_copy(
        update={"regimes": {law: Duration.parse(limit) for law, limit in limits.items()}}
    )
    assert clocks.extension(rights, list(limits), AT) == clocks.Extension(
        datetime(2027, 1, 1, 6, tzinfo=UTC), AT + 90 * DAY
    )


def test_an_extension_that_another_law_forbids_is_none() -> None:
    rights = ready.policy("default").rights.model_copy(
        update={"regimes": {"eu-gdpr": Duration.parse("P1M+P2M"), "in-dpdp": Duration.parse("P20D")}}
    )
    assert clocks.extension(rights, ["eu-gdpr", "in-dpdp"], AT) is None


def test_reminders_come_at_half_then_seven_two_and_one_day_before() -> None:
    due = AT + 30 * DAY
    assert clocks.reminders(AT, due) == [AT + 15 * DAY, due - 7 * DAY, due - 2 * DAY, due - 1 * DAY]


@pytest.mark.parametrize(("days", "passed"), [(0, 0), (14.9, 0), (15, 1), (23, 2), (28, 3), (29, 4), (31, 4)])
def test_each_moment_knows_how_many_reminders_should_be_out(days: float, passed: int) -> None:
    assert clocks.reminders_passed(AT, AT + 30 * DAY, AT + days * DAY) == passed


@given(st.integers(min_value=60, max_value=200 * 86_400))
def test_reminders_stand_in_order_between_receipt_and_end(seconds: int) -> None:
    due = AT + timedelta(seconds=seconds)
    found = clocks.reminders(AT, due)
    assert (
        found == sorted(set(found)) and all(AT < moment < due for moment in found) and found[0] == AT + (due - AT) / 2
    )


@pytest.mark.parametrize(("days", "soon"), [(8, False), (7, True), (1, True), (0, False), (-1, False)])
def test_a_week_or_less_is_soon_and_late_is_not_soon(days: int, soon: bool) -> None:
    assert clocks.is_soon(AT + days * DAY, AT) is soon
