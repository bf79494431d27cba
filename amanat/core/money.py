"""Rupees and paise. An amount is an integer number of paise; nothing here ever touches a float.

Reads what people write in lists ("Rs 1,100.50", "₹ 1,10,000/-", "1.1 lakh", Devanagari digits) and writes with Indian grouping.
An amount that could be read in two ways is refused rather than guessed.
"""

import re
import unicodedata
from decimal import Decimal
from typing import NewType

from django.utils.translation import gettext as _

Paise = NewType("Paise", int)

#: In paise: ₹ 100 lakh crore. Nobody's fee is more, and sums of many still fit the database's bigint.
LARGEST = 10**17

_UNITS = {
    **dict.fromkeys(("lakh", "lakhs", "lac", "lacs", "l", "लाख"), 100_000),
    **dict.fromkeys(("crore", "crores", "cr", "करोड़", "करोड़", "करोड", "कोटी", "कोटि"), 10_000_000),
    **dict.fromkeys(("thousand", "k", "hazar", "हजार", "हज़ार", "हज़ार"), 1_000),
    "": 1,
}
_MARKS = re.compile(
    r"(?i)₹|\brs\b\.?|\brs\.?(?=\d)|\binr\b|\brupees?\b|\bonly\b|रुपये|रुपया|रुपए|रूपये|रू\.?|रु\.?|/[-=–]*\s*$"
)
_AMOUNT = re.compile(r"(-?)\s*([0-9][0-9, ]*|(?=\.[0-9]))(?:\.([0-9]*))?\s*([^\W0-9_][^0-9]*)?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[, ][0-9]{2,3})*[, ][0-9]{3}|[0-9]+")
_DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")


class MoneyInvalid(ValueError):
    """The text is not an amount; `reason` says why, for the person who typed it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def indian_grouping(number: int) -> str:
    """1206500 is "12,06,500": the last three digits, then pairs."""
    figures = str(abs(number))
    head, last = figures[:-3], figures[-3:]
    pairs = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)][::-1]
    return ("-" if number < 0 else "") + ",".join([*pairs, last])


def rupees(paise: int, locale: str = "en-IN") -> str:
    """ "₹ 12,06,500"; paise are shown only when there are some: "₹ 1,100.50". Marathi and Nepali write their own digits."""
    whole, rest = divmod(abs(paise), 100)
    text = f"{'-' if paise < 0 else ''}₹ {indian_grouping(whole)}{f'.{rest:02}' if rest else ''}"
    return text.translate(_DEVANAGARI) if locale.split("-", maxsplit=1)[0] in {"mr", "ne"} else text


def parse(text: str, *, allow_negative: bool = False) -> Paise:
    """The amount in paise. Raises MoneyInvalid."""
    plain = _plain(text)
    found = _AMOUNT.fullmatch(plain)
    if not plain or found is None:
        raise MoneyInvalid(_("It is not an amount of money.") if plain else _("The amount is empty."))
    minus, whole, fraction, unit = (
        found[1],
        found[2].strip(),
        found[3] or "",
        (found[4] or "").strip().rstrip(".").lower(),
    )
    if minus and not allow_negative:
        raise MoneyInvalid(_("An amount cannot be less than zero."))
    if unit not in _UNITS:
        raise MoneyInvalid(_("It is not an amount of money."))
    if whole and not _GROUPED.fullmatch(whole):
        raise MoneyInvalid(_("The commas are not where thousands or lakhs begin."))
    digits = whole.replace(",", "").replace(" ", "") or "0"
    if len(digits) > 17 or len(fraction) > 17:
        raise MoneyInvalid(_("The amount is too large."))
    paise = Decimal(f"{digits}.{fraction or 0}") * _UNITS[unit] * 100
    if paise != int(paise):
        raise MoneyInvalid(_("An amount has at most two places after the point."))
    if paise > LARGEST:
        raise MoneyInvalid(_("The amount is too large."))
    return Paise(-int(paise) if minus else int(paise))


def _plain(text: str) -> str:
    """Digits as 0 to 9, without currency marks; accountants' "(500)" becomes "-500"."""
    if len(text) > 100:
        raise MoneyInvalid(_("It is not an amount of money."))
    shown = (
        text
        if text.isascii()
        else "".join(
            str(unicodedata.decimal(c)) if c.isdecimal() else " " if c.isspace() else "-" if c == "\u2212" else c
            for c in text
        )
    )
    plain = _MARKS.sub(" ", shown).strip()
    if plain.startswith("(") and plain.endswith(")"):
        plain = "-" + plain[1:-1].strip()
    return plain
