"""Phone numbers: whatever people type, as E.164 strings ("+919822041736"), and back for the screen.

The usual shapes of Indian numbers take a quick path (under 2 microseconds); everything else goes through libphonenumber. The quick
path accepts every ten digits that begin with 6 to 9, as new mobile series open faster than libraries are updated.

An extension is refused, not dropped: E.164 has no room for it and a number without it reaches the wrong person.
`split_extension` takes it off first, for callers that have a place to keep it.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NewType

import phonenumbers
from django.utils.translation import gettext as _

E164 = NewType("E164", str)

_LONGEST = 60
# A cell beyond this holds no phone numbers; the patterns below take time that grows with the square of its length.
_LONGEST_CELL = 1_000
_IGNORED = dict.fromkeys(
    map(
        ord,
        " \t\r\n().-_\u00a0\u2007\u2009\u200a\u200b\u200e\u200f\u202a\u202c\u202d\u2060\u202f\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufeff",
    )
)
_INDIAN_MOBILE = re.compile(r"(?:(?:\+|00|0)?91)?0?([6-9][0-9]{9})")
_FLOAT_TAIL = re.compile(r"\s*([0-9]{5,15})\.0+\s*")
_SCIENTIFIC = re.compile(r"\s*\+?([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})\s*")
_EXTENSION = re.compile(
    r"(?i)[\s,;(]*(?:extension|extn|ext|विस्तार|एक्स्ट)[\s.:#]*([0-9]{1,7})\)?\s*$|\s*(?:x|#)\s*([0-9]{1,7})\s*$"
)
_BETWEEN = re.compile(r"(?i)\s*(?::::|[/,;|&\n\r]|(?<=[0-9)])\s+(?:and|or|aur|और|या|व|आणि|किंवा)\s+(?=[+(0-9]))\s*")
_TWO_MOBILES = re.compile(r"(?:(?:\+?91[\s-]?|0)?[6-9][0-9]{9})(?:\s+(?:\+?91[\s-]?|0)?[6-9][0-9]{9})+")
_ONE_MOBILE = re.compile(r"(?:\+?91[\s-]?|0)?[6-9][0-9]{9}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class PhoneInvalid(ValueError):
    """The text is not a phone number; `reason` says why, for the person who typed it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(text: str, region: str = "IN") -> E164 | None:
    """The number in E.164, or None when `text` is none. `region` is the country of numbers without a country code."""
    try:
        return parse_or_raise(text, region)
    except PhoneInvalid:
        return None


def parse_or_raise(text: str, region: str = "IN") -> E164:
    """The number in E.164. Raises PhoneInvalid."""
    if region == "IN" and text.isascii():
        usual = _INDIAN_MOBILE.fullmatch(text.translate(_IGNORED))
        if usual and not _FLOAT_TAIL.fullmatch(text):
            return E164("+91" + usual[1])
    return _parsed(text, region)


def split(text: str) -> list[str]:
    """The single numbers of a cell that holds several: parted by / , ; | & a new line, "and", or ::: as Google does."""
    if text.isdecimal() or len(text) > _LONGEST_CELL:
        return [text.strip()] if text.strip() else []
    pieces: list[str] = []
    for piece in map(str.strip, _BETWEEN.split(text)):
        pieces += _ONE_MOBILE.findall(piece) if _TWO_MOBILES.fullmatch(piece) else [piece] if piece else []
    return pieces


def split_extension(text: str) -> tuple[str, str]:
    """The number and its extension, "" when there is none: "022 2345 6789 ext. 12" is ("022 2345 6789", "12")."""
    found = _EXTENSION.search(text) if len(text) <= _LONGEST_CELL else None
    if found is None:
        return text, ""
    return text[: found.start()], found[1] or found[2]


def is_e164(text: str) -> bool:
    return _E164.fullmatch(text) is not None


def national(e164: str) -> str:
    """As people of its country write it: "98220 41736"; landlines with their STD code, "022 2345 6789"."""
    if _is_indian_mobile(e164):
        return f"{e164[3:8]} {e164[8:]}"
    return _formatted(e164, phonenumbers.PhoneNumberFormat.NATIONAL)


def international(e164: str) -> str:
    """With its country code: "+91 98220 41736"."""
    if _is_indian_mobile(e164):
        return f"+91 {e164[3:8]} {e164[8:]}"
    return _formatted(e164, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def tail(e164: str) -> str:
    """Its last ten digits, by which numbers are compared when one lacks the country code."""
    return reversed_digits(e164)[:10][::-1]


def reversed_digits(e164: str) -> str:
    """Its digits from the last to the first: what a prefix index needs to find a number by how it ends."""
    return "".join(character for character in reversed(e164) if "0" <= character <= "9")


def is_region(code: str) -> bool:
    """Whether these two capital letters (ISO 3166-1) are a country or territory that has phones."""
    return code in phonenumbers.SUPPORTED_REGIONS


def calling_code(e164: str) -> str:
    """The country code without plus: "91". No code is the beginning of another. Raises PhoneInvalid when there is none."""
    for length in (1, 2, 3):
        code = e164[1 : 1 + length]
        if code.isascii() and code.isdecimal() and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return code
    raise PhoneInvalid(_("It has no country code that exists."))


def _is_indian_mobile(e164: str) -> bool:
    return len(e164) == 13 and e164.startswith("+91") and e164[3] in "6789"


def _formatted(e164: str, style: int) -> str:
    try:
        return phonenumbers.format_number(phonenumbers.parse(e164, None), style)
    except phonenumbers.NumberParseException:
        return e164


@lru_cache(maxsize=1024)
def _ascii_digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in unicodedata.normalize("NFKC", text))


def _parsed(text: str, region: str) -> E164:
    if len(text) > _LONGEST:
        raise PhoneInvalid(_("It is too long for a phone number."))
    plain = _from_spreadsheet(_ascii_digits(text).strip())
    if not any(character.isdecimal() for character in plain):
        raise PhoneInvalid(_("It has no digits."))
    if _EXTENSION.search(plain):
        raise PhoneInvalid(_("It has an extension. Keep the extension in the notes."))
    usual = _INDIAN_MOBILE.fullmatch(plain.translate(_IGNORED)) if region == "IN" else None
    if usual:
        return E164("+91" + usual[1])
    if any(character.isalpha() for character in plain):
        raise PhoneInvalid(_("It has letters in it."))
    return _by_library(plain.replace("(+", "+").replace("(00", "00"), region)


def _from_spreadsheet(plain: str) -> str:
    """Undo what spreadsheets do to numbers: "9822041736.0" is exact, "9.82204E+09" has lost digits."""
    tailed = _FLOAT_TAIL.fullmatch(plain)
    if tailed:
        return tailed[1]
    scientific = _SCIENTIFIC.fullmatch(plain)
    if scientific is None:
        return plain
    figures, exponent = scientific[1] + (scientific[2] or ""), int(scientific[3])
    if len(figures) != exponent + 1:
        raise PhoneInvalid(
            _("The spreadsheet shortened this number and lost digits. Format the column as text and export again.")
        )
    return figures


def _by_library(plain: str, region: str) -> E164:
    # A number dialled from India to abroad begins with 00; libphonenumber knows that prefix of the region.
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException as error:
        raise PhoneInvalid(_reason(error)) from error
    if phonenumbers.is_valid_number(number):
        return E164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    match phonenumbers.is_possible_number_with_reason(number):
        case phonenumbers.ValidationResult.TOO_SHORT | phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            raise PhoneInvalid(_("It has too few digits."))
        case phonenumbers.ValidationResult.TOO_LONG:
            raise PhoneInvalid(_("It has too many digits."))
        case _:
            raise PhoneInvalid(_("No phone has this number."))


def _reason(error: phonenumbers.NumberParseException) -> str:
    match error.error_type:
        case phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            return _("It has no country code that exists.")
        case phonenumbers.NumberParseException.TOO_LONG:
            return _("It has too many digits.")
        case phonenumbers.NumberParseException.NOT_A_NUMBER:
            return _("It is not a phone number.")
        case _:
            return _("It has too few digits.")
