"""Lengths of time as ISO 8601 writes them, exact about the calendar: P3Y, P30D, PT48H, P1M+P2M.

A duration counts months (P3Y is 36) or seconds (P30D), never both: "one month and a day" has no fixed order against "31 days", and a
promise must be comparable. After "+" stands what may be added once, as laws write it: one month, and two more when the case is hard.
Days and weeks are 24 and 168 hours: all moments here are UTC.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

_ONE = (
    r"P(?=[0-9T])(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})S)?)?"
)
_PATTERN = re.compile(_ONE)
#: For the JSON Schema.
PATTERN = "^" + (once := re.sub(r"\((?!\?)", "(?:", _ONE)) + rf"(?:\+{once})?$"

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3_600, 86_400, 604_800
_LONGEST_MONTHS = 1_200
_LONGEST_SECONDS = 36_525 * _DAY

#: One and many of each unit, longest first, in the order of the pattern's groups.
UNITS = {
    "en": ("year years", "month months", "week weeks", "day days", "hour hours", "minute minutes", "second seconds"),
    "hi": ("वर्ष वर्ष", "महीना महीने", "सप्ताह सप्ताह", "दिन दिन", "घंटा घंटे", "मिनट मिनट", "सेकंड सेकंड"),
    "mr": ("वर्ष वर्षे", "महिना महिने", "आठवडा आठवडे", "दिवस दिवस", "तास तास", "मिनिट मिनिटे", "सेकंद सेकंद"),
}
_AT_ONCE = {"en": "at once", "hi": "तुरंत", "mr": "लगेच"}
_EXTENDED = {"en": "{}, and at most {} more", "hi": "{}, और अधिकतम {} अतिरिक्त", "mr": "{}, आणि कमाल {} जादा"}


class DurationInvalid(ValueError):
    """The text is no duration; the sentence says what to write instead."""


@dataclass(frozen=True)
class Duration:
    """Months or seconds, and what may be added once. Two are equal when they last equally long; `written` is how it was put."""

    months: int = 0
    seconds: int = 0
    extension: Duration | None = None
    written: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Raises DurationInvalid."""
        first, plus, more = text.partition("+")
        if plus:
            return cls._one(first).extended(cls._one(more))
        return cls._one(text)

    @classmethod
    def _one(cls, text: str) -> Duration:
        if not (found := _PATTERN.fullmatch(text)):
            raise DurationInvalid(
                f"“{text[:40]}” is no length of time: write P3Y for years, P6M months, P30D days, PT48H hours."
            )
        years, months, weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
        in_months = years * 12 + months
        in_seconds = weeks * _WEEK + days * _DAY + hours * _HOUR + minutes * _MINUTE + seconds
        if in_months and in_seconds:
            raise DurationInvalid(f"“{text}” mixes months with days: write months alone (P13M) or days alone (P45D).")
        if in_months > _LONGEST_MONTHS or in_seconds > _LONGEST_SECONDS:
            raise DurationInvalid(f"“{text}” is longer than a hundred years: write at most P100Y.")
        return cls(in_months, in_seconds, written=text)

    @classmethod
    def days(cls, number: int) -> Duration:
        return cls(seconds=number * _DAY, written=f"P{number}D")

    def extended(self, by: Duration | None) -> Duration:
        """This, and once `by` more."""
        if by is None or by == NOTHING:
            return self.alone
        return Duration(self.months, self.seconds, by, f"{self}+{by}")

    @property
    def alone(self) -> Duration:
        """This without its extension."""
        return Duration(self.months, self.seconds, written=self.written.partition("+")[0]) if self.extension else self

    def __str__(self) -> str:
        return self.written or (f"P{self.months}M" if self.months else _in_seconds(self.seconds))

    def after(self, moment: datetime) -> datetime:
        """The moment this long after `moment` (aware), the extension left out; a month after 31 January is the end of February."""
        return _months_later(moment, self.months) + timedelta(seconds=self.seconds)

    def after_day(self, day: date) -> date:
        """As `after`, for days; a part of a day counts as one."""
        return _months_later(day, self.months) + timedelta(days=-(-self.seconds // _DAY))

    @property
    def bounds(self) -> tuple[int, int]:
        """The fewest and the most seconds this lasts, over all moments it can begin at, the extension left out."""
        fewest, most = _days_of(self.months)
        return fewest * _DAY + self.seconds, most * _DAY + self.seconds

    def is_never_longer_than(self, other: Duration) -> bool:
        """Whether this ends no later than `other`, whenever both begin; P1M and P30D are neither way round."""
        if bool(self.months) == bool(other.months):
            first = (self.months, self.seconds) <= (other.months, other.seconds)
        else:
            first = self.bounds[1] <= other.bounds[0]
        if not first or self.extension is None:
            return first
        return self.extension.is_never_longer_than(other.extension or NOTHING)

    def in_words(self, language: str = "en") -> str:
        """As a reader says it: "3 years", "48 hours", "1 month, and at most 2 months more"."""
        if self.extension:
            return _EXTENDED[language].format(self.alone.in_words(language), self.extension.in_words(language))
        found = _PATTERN.fullmatch(str(self))
        numbers = [int(number or 0) for number in found.groups()] if found else []
        parts = [
            f"{number} {unit.split()[number != 1]}"
            for number, unit in zip(numbers, UNITS[language], strict=False)
            if number
        ]
        return " ".join(parts) or _AT_ONCE[language]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def _read(cls, value: Any) -> Duration:
        if isinstance(value, cls):
            return value
        return cls.parse(str(value))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": PATTERN, "examples": ["P3Y", "P30D", "PT48H", "P1M+P2M"]}


def _in_seconds(seconds: int) -> str:
    days, rest = divmod(seconds, _DAY)
    sizes = {"H": rest // _HOUR, "M": rest % _HOUR // _MINUTE, "S": rest % _MINUTE}
    clock = "".join(f"{number}{unit}" for unit, number in sizes.items() if number)
    return f"P{days}D" * bool(days or clock) + f"T{clock}" * bool(clock) or "PT0S"


NOTHING = Duration(written="PT0S")


def shorter(one: Duration, other: Duration) -> Duration:
    """The longest duration that is never longer than either: of P1M and P30D that is P28D."""
    first = _meet(one.alone, other.alone)
    return first.extended(_meet(one.extension or NOTHING, other.extension or NOTHING))


def longer(one: Duration, other: Duration) -> Duration:
    """The shortest duration that neither is ever longer than: of P1M and P30D that is P31D."""
    first = _join(one.alone, other.alone)
    return first.extended(_join(one.extension or NOTHING, other.extension or NOTHING))


def _meet(one: Duration, other: Duration) -> Duration:
    if one == other:
        return min(one, other, key=str)  # P7D and P1W: the same whichever came first
    if one.is_never_longer_than(other):
        return one
    if other.is_never_longer_than(one):
        return other
    return Duration.days(min(one.bounds[0], other.bounds[0]) // _DAY)


def _join(one: Duration, other: Duration) -> Duration:
    if one == other:
        return min(one, other, key=str)
    if one.is_never_longer_than(other):
        return other
    if other.is_never_longer_than(one):
        return one
    return Duration.days(-(-max(one.bounds[1], other.bounds[1]) // _DAY))


def _months_later[Day: date](day: Day, months: int) -> Day:
    if not months:
        return day
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


@cache
def _days_of(months: int) -> tuple[int, int]:
    """The fewest and most days of so many months, over the 400 years after which the calendar repeats."""
    firsts = _firsts_of_months()
    spans = [
        (
            firsts[at + months] - firsts[at],
            (firsts[at + months + 1] - firsts[at + months]) - (firsts[at + 1] - firsts[at]),
        )
        for at in range(4_800)
    ]
    # Begun on the last day of a month, it may end on an earlier day of a shorter one.
    return min(days + min(0, change) for days, change in spans), max(days for days, _ in spans)


@cache
def _firsts_of_months() -> list[int]:
    return [date(2000 + at // 12, at % 12 + 1, 1).toordinal() for at in range(4_800 + _LONGEST_MONTHS + 2)]
