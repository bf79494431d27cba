"""How long a law makes us keep: floors as days, and the day until which a record stays.

Seven years are not enough for an Indian invoice. Tax law counts six years from the day the annual return was due, 31 December after
the financial year; companies' law eight financial years. An invoice of 1 April 2025 must live until 31 December 2032, a company's
until 31 March 2034.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from amanat.policy.durations import Duration
from amanat.policy.format import Keep
from amanat.policy.law import Floor, Pack

_YEAR_ENDS = (3, 31)  #: the Indian financial year: pack in-books, figure year.ends


def year_end(day: date) -> int:
    """The calendar year in which the financial year of `day` ends."""
    return day.year + ((day.month, day.day) > _YEAR_ENDS)


def applies(floor: Floor, *, company: bool, country: str | None = None) -> bool:
    """Whether the floor binds this operator, for a person of `country` (None: for anybody)."""
    if floor.companies_only and not company:
        return False
    return country is None or not floor.subjects or country in floor.subjects


def ends_on(floor: Floor, day: date) -> date:
    """The last day on which a record of `day` must still be there."""
    if floor.period:
        return floor.period.after_day(day)
    month, day_of_month = map(int, floor.on.split("-"))
    return date(year_end(day) + floor.years_after_year_end, month, day_of_month)


def longest(floor: Floor) -> Duration:
    """The longest the floor can last for any record, for a promise that wants to be safe without naming it."""
    if floor.period:
        return floor.period
    month, _ = map(int, floor.on.split("-"))
    months = (
        floor.years_after_year_end * 12 + (month - _YEAR_ENDS[0]) + 12
    )  # begun on the first day of the financial year
    return Duration(months=months)


def named(keep: Keep, packs: Iterable[Pack]) -> list[Floor]:
    """The floors a keeping rule names, as far as the packs know them."""
    known = {key: floor for pack in packs for key, floor in pack.floors.items()}
    return [known[name] for name in keep.floor if name in known]


def kept_until(
    keep: Keep, trigger: str, day: date, *, packs: Iterable[Pack], company: bool, country: str | None = None
) -> date:
    """Until when a record stays whose `trigger` fell on `day`: as promised, or as long as the named floors demand.

    Floors count from `day` too. A floor that is not in force yet is kept all the same. Raises KeyError for a trigger the rule lacks.
    """
    promised = keep.until[trigger].after_day(day)
    binding = [floor for floor in named(keep, packs) if applies(floor, company=company, country=country)]
    return max([promised, *(ends_on(floor, day) for floor in binding)])
