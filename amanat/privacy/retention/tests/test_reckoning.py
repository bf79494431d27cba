"""Periods end at the same second in Python and in the database, over all months, with floors."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from amanat.policy import law, ready
from amanat.policy.durations import Duration
from amanat.privacy.retention import reckoning
from amanat.privacy.retention.reckoning import Term
from amanat.privacy.retention.tests.factories import policy

SECOND = timedelta(seconds=1)


def term_of(period: str, *floors: str) -> Term:
    packs = law.packs(ready.policy("default").head.law)
    known = {name: floor for pack in packs for name, floor in pack.floors.items()}
    return Term("x", "seen", Duration.parse(period), tuple(known[name] for name in floors))


def is_due(term: Term, moment: datetime, at: datetime) -> bool:
    said, values = term.due("x.moment", at)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM (SELECT %s::timestamptz AS moment) AS x WHERE {said}", [moment, *values])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
@pytest.mark.parametrize("period", ["P1M", "P13M", "P3Y", "P30D", "PT48H", "P1Y"])
def test_the_database_counts_as_python_does(period: str) -> None:
    term = term_of(period)
    for month in range(1, 13):
        for day in (1, 15, calendar.monthrange(2024, month)[1]):
            moment = datetime(2024, month, day, 23, 59, 59, tzinfo=UTC)
            end = term.ends_at(moment)
            assert not is_due(term, moment, end - SECOND), (moment, end)
            assert is_due(term, moment, end), (moment, end)


@pytest.mark.django_db
def test_a_floor_of_the_law_outlasts_a_shorter_promise() -> None:
    term, moment = term_of("P30D", "in-certin-180d"), datetime(2026, 1, 1, tzinfo=UTC)
    assert term.ends_at(moment) == moment + timedelta(days=180)
    assert not is_due(term, moment, moment + timedelta(days=180) - SECOND)
    assert is_due(term, moment, moment + timedelta(days=180))


@pytest.mark.parametrize(
    ("floors", "first_without"),
    [
        ([], date(2032, 4, 2)),
        (["in-cgst-36"], date(2033, 1, 1)),
        (["in-cgst-36", "in-companies-128-5"], date(2034, 4, 1)),
    ],
)
def test_an_invoice_lives_until_the_latest_floor(floors: list[str], first_without: date) -> None:
    term = term_of("P7Y", *floors)
    assert term.ends_on(date(2025, 4, 1)) == first_without
    assert term.last_day_due(first_without) >= date(2025, 4, 1)
    assert term.last_day_due(first_without - timedelta(days=1)) < date(2025, 4, 1)


@pytest.mark.django_db
def test_a_floor_by_days_holds_in_the_database_too() -> None:
    term, moment = term_of("P7Y", "in-cgst-36"), datetime(2025, 4, 1, 12, tzinfo=UTC)
    end = datetime(2033, 1, 1, tzinfo=UTC)
    assert term.ends_at(moment) == end
    assert (is_due(term, moment, end - SECOND), is_due(term, moment, end)) == (False, True)


def test_companies_keep_books_longer_than_others() -> None:
    term = reckoning.term(ready.policy("default"), "billing", "issued")
    assert term is not None and {floor.id for floor in term.floors} == {"in-cgst-36", "in-companies-128-5"}


def test_a_rule_that_a_policy_lacks_is_the_ready_one() -> None:
    without = policy(working=None)
    assert reckoning.rule(without, "working").until == ready.policy("default").keep["working"].until
    assert reckoning.term(without, "working", "seen") is None


def test_of_several_policies_the_shortest_promise_and_all_floors() -> None:
    short = policy(security={"of": ["security"], "until": {"seen": "P200D"}, "floor": ["in-certin-180d"]})
    term = reckoning.strictest([ready.policy("default"), short], "security", "seen")
    assert term is not None
    assert (str(term.period), {floor.id for floor in term.floors}) == ("P200D", {"in-certin-180d", "in-dpdp-8-3"})
    assert reckoning.strictest([], "security", "seen") is None


def test_the_earliest_of_several_terms_wins() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    found = reckoning.earliest([(term_of("P1Y"), moment), (term_of("P30D"), moment)])
    assert found is not None and found[1] == moment + timedelta(days=30)
    assert reckoning.earliest([]) is None
