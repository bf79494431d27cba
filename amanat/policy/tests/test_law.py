"""Law packs: every figure has a source and a mark; floors are computed to the day."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.policy import law
from amanat.policy.durations import Duration
from amanat.policy.format import Keep
from amanat.policy.law import PackUnknown, State, floors

PACKS = [law.pack(name) for name in law.names()]
INDIA, BOOKS = law.pack("in-2026.11"), law.pack("in-books-2026.11")
BILLING = Keep.model_validate(
    {"of": ("billing",), "until": {"issued": "P7Y"}, "floor": ("in-cgst-36", "in-companies-128-5")}
)


def test_the_packs_there_are() -> None:
    assert law.names() == [
        "eu-2026.11",
        "house-2026.11",
        "in-2026.11",
        "in-books-2026.11",
        "in-telecom-2026.11",
        "platform-2026.11",
        "us-2026.11",
    ]


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.id)
def test_each_number_has_a_source_and_a_mark(pack: law.Pack) -> None:
    assert re.fullmatch(r"[a-z-]+-20[0-9]{2}\.[0-9]{2}", pack.id)
    for entry in [*pack.figures.values(), *pack.regimes.values(), *pack.floors.values()]:
        assert len(entry.source) > 4, entry
        assert entry.mark in {"read", "secondary", "recalled"}, entry
        assert entry.since is None or date(1990, 1, 1) < entry.since < date(2030, 1, 1), entry


@pytest.mark.parametrize(
    ("pack", "key", "value"),
    [
        ("in-2026.11", "child.age", 18),
        ("in-2026.11", "rights.limit", Duration.parse("P90D")),
        ("in-2026.11", "breach.certin", Duration.parse("PT6H")),
        ("in-2026.11", "breach.board.detail", Duration.parse("PT72H")),
        ("in-2026.11", "log.keep_in_india", Duration.parse("P180D")),
        ("in-2026.11", "erase.notice", Duration.parse("PT48H")),
        ("in-2026.11", "vault.keep", Duration.parse("P1Y")),
        ("in-2026.11", "penalty.other", 50),
        ("eu-2026.11", "rights.limit", Duration.parse("P1M+P2M")),
        ("eu-2026.11", "breach.eu", Duration.parse("PT72H")),
        ("eu-2026.11", "cookie.life", Duration.parse("P13M")),
        ("us-2026.11", "rights.limit", Duration.parse("P45D+P45D")),
        ("in-telecom-2026.11", "promotion.hours", "10:00-20:45 Mon-Sat"),
        ("in-books-2026.11", "invoice.number_length", 16),
        ("in-books-2026.11", "mandate.notice", Duration.parse("PT24H")),
        ("platform-2026.11", "wa.window", Duration.parse("PT24H")),
        ("house-2026.11", "rights.opt_out", Duration.parse("PT60S")),
        ("house-2026.11", "audit.every", Duration.parse("P1M")),
    ],
)
def test_figure(pack: str, key: str, value: object) -> None:
    assert law.figure(pack, key).value == value


def test_twenty_three_languages_of_notice() -> None:
    languages = str(law.figure("in-2026.11", "notice.languages").value).split()
    assert len(languages) == len(set(languages)) == 23


@pytest.mark.parametrize(
    ("key", "day", "state"),
    [
        ("child.age", date(2027, 5, 12), State.SHADOW),
        ("child.age", date(2027, 5, 13), State.ON),
        ("breach.certin", date(2026, 11, 22), State.ON),
        ("consent.manager_keep", date(2026, 11, 12), State.SHADOW),
        ("consent.manager_keep", date(2026, 11, 13), State.ON),
    ],
)
def test_a_number_says_whether_it_is_in_force(key: str, day: date, state: State) -> None:
    assert law.figure("in-2026.11", key).state(day) is state


@pytest.mark.parametrize(
    ("pack", "key"), [("in-2031.01", "child.age"), ("in-2026.11", "child.height"), ("../format", "x"), ("", "")]
)
def test_an_unknown_number_says_so(pack: str, key: str) -> None:
    with pytest.raises(PackUnknown, match="no"):
        law.figure(pack, key)


def test_packs_that_do_not_exist_are_left_out() -> None:
    assert [pack.id for pack in law.packs(["eu-2026.11", "mars-2031.01"])] == ["eu-2026.11"]


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2025, 4, 1), 2026),
        (date(2025, 12, 31), 2026),
        (date(2026, 1, 1), 2026),
        (date(2026, 3, 31), 2026),
        (date(2026, 4, 1), 2027),
    ],
)
def test_financial_year_ends_on_31_march(day: date, year: int) -> None:
    assert floors.year_end(day) == year


@pytest.mark.parametrize(
    ("issued", "trader", "company"),
    [
        (date(2025, 4, 1), date(2032, 12, 31), date(2034, 3, 31)),
        (
            date(2026, 3, 31),
            date(2033, 3, 31),
            date(2034, 3, 31),
        ),  # here the promised seven years are longer than tax law
        (date(2026, 1, 1), date(2033, 1, 1), date(2034, 3, 31)),
        (date(2025, 12, 31), date(2032, 12, 31), date(2034, 3, 31)),
        (date(2026, 4, 1), date(2033, 12, 31), date(2035, 3, 31)),
        (date(2028, 2, 29), date(2035, 2, 28), date(2036, 3, 31)),
    ],
)
def test_invoices_live_as_long_as_the_law_says(issued: date, trader: date, company: date) -> None:
    assert floors.kept_until(BILLING, "issued", issued, packs=[BOOKS], company=False) == trader
    assert floors.kept_until(BILLING, "issued", issued, packs=[BOOKS], company=True) == company


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)), st.booleans())
def test_the_formula_of_billing(issued: date, company: bool) -> None:
    year = issued.year + (issued >= date(issued.year, 4, 1))
    days = [Duration.parse("P7Y").after_day(issued), date(year + 6, 12, 31)]
    expected = max([*days, date(year + 8, 3, 31)] if company else days)
    assert floors.kept_until(BILLING, "issued", issued, packs=[BOOKS], company=company) == expected


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_no_floor_outlasts_its_longest(issued: date) -> None:
    for pack in PACKS:
        for floor in pack.floors.values():
            assert floors.ends_on(floor, issued) <= floors.longest(floor).after_day(issued)


def test_longest_is_no_longer_than_it_must_be() -> None:
    """An invoice of the first day of a financial year needs all of it, to the day."""
    for name, months in (("in-cgst-36", 93), ("in-companies-128-5", 108)):
        floor = BOOKS.floors[name]
        assert floors.longest(floor) == Duration(months=months)
        assert (
            floors.longest(floor).after_day(date(2025, 4, 1)).toordinal()
            - floors.ends_on(floor, date(2025, 4, 1)).toordinal()
            == 1
        )


def test_floors_for_some_people_bind_only_for_them() -> None:
    sealed = INDIA.floors["in-dpdp-8-3"]
    assert floors.applies(sealed, company=True, country="IN")
    assert not floors.applies(sealed, company=True, country="DE")
    assert floors.applies(sealed, company=True)
    logs = Keep.model_validate(
        {"of": ("security",), "until": {"seen": "P30D"}, "floor": ("in-certin-180d", "in-dpdp-8-3")}
    )
    seen = date(2026, 11, 22)
    assert floors.kept_until(logs, "seen", seen, packs=[INDIA], company=True, country="IN") == date(2027, 11, 22)
    assert floors.kept_until(logs, "seen", seen, packs=[INDIA], company=True, country="DE") == date(2027, 5, 21)


def test_a_trigger_the_rule_lacks_is_an_error() -> None:
    with pytest.raises(KeyError):
        floors.kept_until(BILLING, "closure", date(2026, 1, 1), packs=[BOOKS], company=True)
