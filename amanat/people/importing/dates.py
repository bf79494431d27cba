"""Days as people and programs write them. Day first unless the column proves otherwise."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal, cast

from django.utils.translation import gettext as _

from amanat.people import script

Order = Literal["dmy", "mdy", "ymd"]

_NUMBERS = re.compile(r"([0-9]{1,4})[-/. ]\s*([0-9]{1,2})[-/. ]\s*([0-9]{1,4})")
_COMPACT = re.compile(r"(19|20)([0-9]{2})([0-9]{2})([0-9]{2})")
_TIME = re.compile(
    r"(?i)[\sT,]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?\s*(?:[ap]\.?m\.?)?\s*(?:Z|[+-][0-9]{2}:?[0-9]{2}|IST|UTC|GMT)?$"
)
_WITH_NAME = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[\s./,-]*([^\W\d_][^\d]+?)[\s./,'-]*([0-9]{4}|[0-9]{2})")
_NAME_FIRST = re.compile(r"([^\W\d_][^\d]+?)[\s.]*([0-9]{1,2})(?:st|nd|rd|th)?[\s,]+([0-9]{4})")
# As a serial number of Excel these would be days of 1905; people who write them mean a year.
_YEAR_ONLY = re.compile(r"(?:1[89]|20|21)[0-9]{2}(?:\.0+)?")
_SERIAL = re.compile(r"([1-9][0-9]{3,4})(?:\.[0-9]+)?")
_WITHOUT_YEAR = re.compile(r"--[0-9]{2}-?[0-9]{2}")
_EXCEL_DAY_ZERO = date(1899, 12, 30)
_MONTHS = {
    unicodedata.normalize("NFC", name): number
    for number, names in enumerate(
        ("jan january janvari janevari जनवरी जानेवारी", "feb february फरवरी फ़रवरी फेब्रुवारी", "mar march मार्च", "apr april अप्रैल एप्रिल",
         "may मई मे", "jun june जून", "jul july जुलाई जुलै", "aug august अगस्त ऑगस्ट", "sep sept september सितंबर सितम्बर सप्टेंबर",
         "oct october अक्टूबर अक्तूबर ऑक्टोबर", "nov november नवंबर नवम्बर नोव्हेंबर", "dec december दिसंबर दिसम्बर डिसेंबर"),
        start=1,
    )
    for name in names.split()
}  # fmt: skip


class DayInvalid(ValueError):
    """The text is no day of the calendar; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def order_of(values: Iterable[str]) -> Order:
    """What the values of one column prove: 13-02-… is day first, 02-13-… month first, 1975-… year first. Day first when nothing does."""
    votes = {"dmy": 0, "mdy": 0, "ymd": 0}
    for value in values:
        found = _NUMBERS.fullmatch(_TIME.sub("", _plain(value)))
        if found is None:
            continue
        first, second = int(found[1]), int(found[2])
        if len(found[1]) == 4:
            votes["ymd"] += 1
        elif first > 12 >= second:
            votes["dmy"] += 1
        elif second > 12 >= first:
            votes["mdy"] += 1
    return cast(Order, max(votes, key=lambda order: votes[order])) if any(votes.values()) else "dmy"


def looks_like_day(value: str) -> bool:
    plain = _TIME.sub("", _plain(value))
    if _NUMBERS.fullmatch(plain) is not None:
        return len(plain) >= 6
    named = _WITH_NAME.fullmatch(plain)
    return named is not None and _month(named[2]) is not None


def parse(value: str, *, order: Order, today: date) -> date:
    """The day. Years of two digits lie in the hundred years up to `today`. Raises DayInvalid."""
    plain = _TIME.sub("", _plain(value))
    if _WITHOUT_YEAR.fullmatch(plain):
        raise DayInvalid(_("The year is missing."))
    found = _NUMBERS.fullmatch(plain)
    if found:
        return _from_numbers(found[1], found[2], found[3], order, today)
    compact = _COMPACT.fullmatch(plain)
    if compact:
        return _day(int(compact[1] + compact[2]), int(compact[3]), int(compact[4]))
    if _YEAR_ONLY.fullmatch(plain):
        raise DayInvalid(_("Only the year is given; the day and the month are missing."))
    serial = _SERIAL.fullmatch(plain)
    if serial:
        return _EXCEL_DAY_ZERO + timedelta(days=int(serial[1]))
    return _from_words(plain, today)


def _from_words(plain: str, today: date) -> date:
    named = _WITH_NAME.fullmatch(plain)
    if named and (month := _month(named[2])):
        return _day(_year(named[3], today), month, int(named[1]))
    american = _NAME_FIRST.fullmatch(plain)
    if american and (month := _month(american[1])):
        return _day(int(american[3]), month, int(american[2]))
    raise DayInvalid(_("It is not a date. Write it as day-month-year."))


def _from_numbers(first: str, second: str, third: str, order: Order, today: date) -> date:
    if len(first) in {3, 4}:
        return _day(int(first), int(second), int(third))
    if order == "ymd" and len(third) <= 2:
        return _day(_year(first, today), int(second), int(third))
    if order == "mdy":
        return _day(_year(third, today), int(first), int(second))
    return _day(_year(third, today), int(second), int(first))


def _year(text: str, today: date) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    year += today.year // 100 * 100
    return year - 100 if year > today.year else year


def _day(year: int, month: int, day: int) -> date:
    if not 1 <= month <= 12:
        raise DayInvalid(_("There is no month %(month)s.") % {"month": month})
    if not 1850 <= year <= 2199:
        raise DayInvalid(_("The year %(year)s cannot be right.") % {"year": year})
    try:
        return date(year, month, day)
    except ValueError as error:
        raise DayInvalid(_("This day does not exist: the month has no day %(day)s.") % {"day": day}) from error


def _month(name: str) -> int | None:
    return _MONTHS.get(unicodedata.normalize("NFC", name.strip().rstrip(".").lower()))


def _plain(value: str) -> str:
    text = value[:200].strip()
    if not text.isascii():
        text = "".join(script.digits(character) or character for character in text)
    return text[:60]
