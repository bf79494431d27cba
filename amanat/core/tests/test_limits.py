"""Limits: the window, the key, forgiving, and clients who all try at the same moment."""

from __future__ import annotations

import hashlib
import math
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from amanat.core import clock, limits
from amanat.core.limits import Limit, Verdict
from amanat.core.models import LimitCount

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
FIVE = Limit(5, timedelta(minutes=10))


def spend(whose: str = "203.0.113.7", *, at: datetime = NOON, name: str = "sign-in", limit: Limit = FIVE, cost: int = 1) -> Verdict:  # fmt: skip
    with clock.standing_at(at):
        return limits.spend(name, whose, limit, cost=cost)


def test_so_many_tries_are_allowed_and_the_next_is_told_when_to_come_back(db: None) -> None:
    found = [spend(at=NOON + timedelta(minutes=minute)) for minute in range(7)]
    assert [verdict.allowed for verdict in found] == [True] * 5 + [False] * 2
    assert [verdict.tries for verdict in found] == [1, 2, 3, 4, 5, 6, 7]
    assert found[6].retry_after == 4 * 60


def test_the_window_begins_with_the_first_try_and_refused_tries_do_not_lengthen_it(db: None) -> None:
    for second in range(0, 599, 20):
        spend(at=NOON + timedelta(seconds=second))
    assert not spend(at=NOON + timedelta(seconds=599)).allowed
    assert spend(at=NOON + timedelta(seconds=600)) == Verdict(True, 1, 600)


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(timedelta(seconds=600), 600), (timedelta(seconds=1), 1), (timedelta(milliseconds=1), 1), (timedelta(seconds=59.9), 60)],
)  # fmt: skip
def test_coming_back_is_never_asked_for_at_once(left: timedelta, seconds: int, db: None) -> None:
    spend()
    assert spend(at=NOON + timedelta(minutes=10) - left).retry_after == seconds


def test_a_try_may_cost_more_than_one(db: None) -> None:
    assert spend(cost=4) == Verdict(True, 4, 600)
    assert spend(cost=1).allowed
    assert spend(cost=1).allowed is False
    assert spend("somebody else", cost=6) == Verdict(False, 6, 600)


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("asha@example.in", "asha@example.in", True),
        ("asha@example.in", "  Asha@Example.IN ", True),
        ("asha@example.in", "asha@example.com", False),
        ("203.0.113.7", "203.0.113.70", False),
        ("आशा", "आशा ", True),
        ("", "", True),
    ],
)
def test_who_counts_as_the_same(first: str, second: str, is_same: bool, db: None) -> None:
    spend(first)
    assert spend(second).tries == (2 if is_same else 1)


def test_routes_people_and_windows_count_apart(db: None) -> None:
    spend()
    assert spend(name="sign-up").tries == 1
    assert spend("203.0.113.8").tries == 1
    assert spend(limit=Limit(5, timedelta(days=1))).tries == 1
    assert spend(limit=Limit(3, timedelta(minutes=10))).tries == 2  # the same window, another number


def test_nobody_stands_in_the_table_by_name(db: None) -> None:
    spend("asha@example.in")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, ' ') FROM core_limitcount t")
        kept = str(cursor.fetchone()[0])
    assert "asha" not in kept and "example" not in kept
    assert kept.count("sign-in") == 1


def test_who_is_counted_cannot_be_found_by_trying_all_numbers(db: None, settings: Any) -> None:
    """Every phone number can be hashed in minutes: without the installation's key, which no copy of the table has, none fits."""
    spend("+919822041736")
    kept = LimitCount.objects.get().key
    plain = [hashlib.new(how, b"+919822041736").hexdigest()[:16] for how in ("sha256", "sha1", "md5", "blake2b")]
    assert [one for one in plain if one in kept] == []
    settings.SECRET_KEY = "another installation's"
    assert spend("+919822041736").tries == 1, "its key is its own"


def test_a_success_forgives_only_who_succeeded(db: None) -> None:
    for _ in range(5):
        spend("asha")
        spend("rekha")
    limits.forgive("sign-in", " ASHA ", FIVE)
    assert (spend("asha").tries, spend("rekha").tries) == (1, 6)
    limits.forgive("sign-in", "nobody", FIVE)
    assert spend("rekha").tries == 7


def test_only_ended_windows_are_swept(db: None) -> None:
    spend("early", at=NOON - timedelta(minutes=11))
    spend("late", at=NOON - timedelta(minutes=9))
    with clock.standing_at(NOON):
        assert limits.sweep() == 1
        assert limits.sweep() == 0
    assert LimitCount.objects.count() == 1
    assert spend("late").tries == 2


def test_a_sweep_forgives_nothing(db: None) -> None:
    for _ in range(6):
        spend()
    with clock.standing_at(NOON + timedelta(minutes=9)):
        limits.sweep()
    assert not spend(at=NOON + timedelta(minutes=9)).allowed


@pytest.mark.slow
@settings_of_hypothesis(max_examples=40)
@given(
    tries=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 90), st.integers(1, 3)), max_size=25),
    most=st.integers(1, 5),
)
def test_any_order_of_tries_is_judged_as_the_rule_says(
    tries: list[tuple[str, int, int]], most: int, django_db_blocker: object, django_db_setup: None
) -> None:
    """Against the rule written out: a window of 30 s from the first try, counted for each apart."""
    limit, now = Limit(most, timedelta(seconds=30)), NOON
    kept: dict[str, tuple[datetime, int]] = {}
    with django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined]
        for whose, later, cost in tries:
            now += timedelta(seconds=later)
            ends, taken = kept.get(whose, (now, 0))
            if ends <= now:
                ends, taken = now + timedelta(seconds=30), 0
            kept[whose] = (ends, taken + cost)
            wanted = Verdict(taken + cost <= most, taken + cost, max(1, math.ceil((ends - now).total_seconds())))
            assert spend(whose, at=now, limit=limit, cost=cost) == wanted
        transaction.set_rollback(True)


@pytest.mark.sampled
@pytest.mark.parametrize("most", [1, 5, 39, 40])
def test_of_forty_clients_at_once_exactly_as_many_are_let_through(most: int, committed_db: None) -> None:
    start, allowed = threading.Barrier(40), []
    limit = Limit(most, timedelta(hours=1))

    def try_once() -> None:
        start.wait()
        try:
            allowed.append(limits.spend("code", "asha", limit).allowed)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_once) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(allowed), sum(allowed)) == (40, most)


def test_clients_at_once_when_a_window_has_just_ended(committed_db: None) -> None:
    """The old count goes once, not once for each."""
    with clock.standing_at(clock.now() - timedelta(hours=2)):
        for _ in range(9):
            limits.spend("code", "asha", Limit(3, timedelta(hours=1)))
    start, tries = threading.Barrier(20), []

    def try_once() -> None:
        start.wait()
        try:
            tries.append(limits.spend("code", "asha", Limit(3, timedelta(hours=1))).tries)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_once) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tries) == list(range(1, 21))


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("2001:0DB8:0001:0002:0000:0000:0000:0001", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("203.0.113.7:443", "unknown"),
        ("203.0.113", "unknown"),
        ("0203.0.113.7", "unknown"),
        ("testclient", "unknown"),
        ("203.0.113.7, 10.0.0.1", "unknown"),
    ],
)
def test_what_counts_as_one_caller(address: str, caller: str) -> None:
    assert limits.network_of(address) == caller


def test_tries_taken_at_once_cost_one_statement_and_never_allow_more(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    limit = Limit(10, timedelta(minutes=1), at_once=4)
    with django_assert_num_queries(1):
        first = [spend("somebody in portions", limit=limit) for _ in range(4)]
    assert all(verdict.allowed for verdict in first)
    with django_assert_num_queries(1):
        second = [spend("somebody in portions", limit=limit).allowed for _ in range(4)]
    third = [spend("somebody in portions", limit=limit).allowed for _ in range(3)]
    assert second == [True] * 4 and third == [False] * 3


def test_a_portion_ends_with_its_window_and_with_forgiving(db: None) -> None:
    limit = Limit(4, timedelta(minutes=1), at_once=4)
    assert spend("another in portions", limit=limit).allowed
    with clock.standing_at(NOON):
        limits.forgive("sign-in", "another in portions", limit)
    assert LimitCount.objects.count() == 0
    assert spend("another in portions", limit=limit).allowed and LimitCount.objects.count() == 1
    assert spend("another in portions", limit=limit, at=NOON + timedelta(seconds=61)) == Verdict(True, 4, 60)
