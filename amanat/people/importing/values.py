"""One row of a file as a clean `Record`, with a reason for every value that could not be used.

A text that begins with = + - @ is kept as it is: making it harmless is the business of whoever writes it into a file.
"""

import re
import unicodedata
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from django.utils.translation import gettext as _
from stdnum.in_ import gstin as gstin_number

from amanat.core import phones
from amanat.people.importing import dates
from amanat.people.importing.mapping import ColumnMatch, Mapping, Target
from amanat.people.importing.tables import Row

# The patterns that take such cells apart need time that grows with the square of their length.
_LONGEST_VALUES = 2_000
_SHORT_VALUES = frozenset(
    {Target.PHONE, Target.EMAIL, Target.OWNER_EMAIL, Target.TAGS, Target.BIRTHDAY, Target.CREATED_ON, Target.GSTIN}
)

_DAYS = frozenset({Target.BIRTHDAY, Target.CREATED_ON, Target.CUSTOM})
#: What Outlook ("0/0/00") and MySQL ("0000-00-00") write where there is no day.
_NO_DAY = re.compile(r"0{1,2}([/.-])0{1,2}\1(?:00|0000)|0000-00-00(?: 00:00:00)?")

LABELS = frozenset({"mobile", "work", "home", "whatsapp", "fax", "main", "other"})
_LABEL_WORDS = {
    "cell": "mobile", "mobil": "mobile", "iphone": "mobile", "business": "work", "office": "work", "residence": "home", "personal": "home",
    "whats app": "whatsapp", "wa": "whatsapp", "मोबाइल": "mobile", "मोबाईल": "mobile", "घर": "home", "कार्यालय": "work", "व्हाट्सएप": "whatsapp",
}  # fmt: skip
_QUICK_EMAIL = re.compile(
    r"[a-z0-9](?:[a-z0-9_+-]|\.(?!\.|@)){0,63}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}"
)
_EMAIL_IN_ANGLES = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_CONTROL_IN_ONE_LINE = re.compile("[\n\t\u2028\u2029\x85]+")
_NUMBER_AMONG_WORDS = re.compile(r"(?<![\d+])\+?\d(?:[\s().-]{0,2}\d){9,14}(?!\d)")
_SPACES = re.compile(r"\s{2,}")
_BETWEEN_VALUES = re.compile(r"\s*(?::::|[;,\n])\s*")
_SYSTEM_GROUP = re.compile(
    r"(?i)\*\s*(?:my ?contacts|friends|family|coworkers|starred.*)|my ?contacts|starred in android|system group:.*|imported on .*"
)
_BETWEEN_TAGS = re.compile(r"\s*(?::::|[;,\n|])\s*")


@dataclass(frozen=True, slots=True)
class Options:
    """How to read values. `today` decides the century of two-digit years and what lies in the future."""

    today: date
    region: str = "IN"
    longest_line: int = 250
    longest_notes: int = 20_000
    longest_tag: int = 60
    most_tags: int = 50
    most_values: int = 20


@dataclass(frozen=True, slots=True)
class Phone:
    number: phones.E164
    #: One of LABELS, or "" when the file does not say.
    label: str = ""


@dataclass(frozen=True, slots=True)
class Email:
    address: str
    label: str = ""


@dataclass(slots=True)
class Address:
    street: str = ""
    locality: str = ""
    city: str = ""
    district: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(slots=True)
class Record:
    """What one row says, cleaned. Empty strings and None where it says nothing."""

    #: As to be shown: the file's own full name, or its parts in order; "" when the row names nobody.
    name: str = ""
    name_prefix: str = ""
    first_name: str = ""
    middle_name: str = ""
    last_name: str = ""
    name_suffix: str = ""
    phones: list[Phone] = field(default_factory=list)
    emails: list[Email] = field(default_factory=list)
    company: str = ""
    job_title: str = ""
    addresses: list[Address] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    notes: str = ""
    birthday: date | None = None
    language: str = ""
    stage: str = ""
    owner_email: str = ""
    external_id: str = ""
    gstin: str = ""
    source: str = ""
    created_on: date | None = None
    #: By the name of the custom field.
    custom: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that was left out. `column` is "" when the whole row is meant."""

    column: str
    value: str
    reason: str


@dataclass(slots=True)
class Converted:
    """`record` is None for a blank row and for one that names nobody and reaches nobody."""

    record: Record | None
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_blank(self) -> bool:
        return self.record is None and not self.problems


class _Unusable(Exception):
    def __init__(self, reason: str) -> None:
        self.reason = reason


def convert(row: Row, mapping: Mapping, options: Options) -> Converted:
    """Never raises: what cannot be used is in `problems`."""
    reading = _Reading(row, options)
    for match in mapping.columns:
        if match.target is Target.IGNORE or match.index >= len(row.cells):
            continue
        raw = row.cells[match.index]
        if raw and not raw.isspace() and not (match.target in _DAYS and _NO_DAY.fullmatch(raw.strip())):
            reading.take(match, raw)
    if row.extra:
        reading.refuse("", " | ".join(row.extra), _("The row has more values than the table has columns."))
    return reading.finished()


class _Reading:
    """The record of one row while it grows."""

    def __init__(self, row: Row, options: Options) -> None:
        self.row = row
        self.options = options
        self.record = Record()
        self.problems: list[Problem] = []
        self._addresses: dict[str, Address] = {}
        self._notes: list[str] = []

    def take(self, match: ColumnMatch, raw: str) -> None:
        if len(raw) > _LONGEST_VALUES and match.target in _SHORT_VALUES:
            self.refuse(
                match.column, raw, _("The text is longer than %(count)s characters.") % {"count": _LONGEST_VALUES}
            )
            return
        try:
            _TAKERS.get(match.target, _Reading._take_line)(self, match, raw)
        except _Unusable as refusal:
            self.refuse(match.column, raw, refusal.reason)

    def refuse(self, column: str, value: str, reason: str) -> None:
        self.problems.append(Problem(column, _CONTROL.sub("", value).strip()[:200], reason))

    def finished(self) -> Converted:
        record = self.record
        record.addresses = [self._addresses[place] for place in sorted(self._addresses)]
        record.notes = "\n".join(self._notes)
        if not record.name:
            parts = (record.name_prefix, record.first_name, record.middle_name, record.last_name, record.name_suffix)
            record.name = " ".join(part for part in parts if part)
        if record.name or record.phones or record.emails or record.company:
            return Converted(record, self.problems)
        if record != Record() or self.problems:
            self.refuse("", "", _("The row has no name, phone, e-mail address or company that could be used."))
        return Converted(None, self.problems)

    def _take_line(self, match: ColumnMatch, raw: str) -> None:
        setattr(self.record, match.target.value, self._line(raw))

    def _take_address(self, match: ColumnMatch, raw: str) -> None:
        address = self._addresses.setdefault(match.options.get("set", "1"), Address())
        before = getattr(address, match.target.value)
        value = self._line(raw)
        setattr(address, match.target.value, f"{before}, {value}" if before else value)

    def _take_notes(self, match: ColumnMatch, raw: str) -> None:
        text = cleaned(raw)
        if len(text) > self.options.longest_notes:
            raise _Unusable(_("The text is longer than %(count)s characters.") % {"count": self.options.longest_notes})
        self._notes.append(text)

    def _take_phones(self, match: ColumnMatch, raw: str) -> None:
        for piece in self._several(match, raw, phones.split(raw)):
            number, extension = (piece, "") if piece.isdecimal() else phones.split_extension(piece)
            try:
                phone = Phone(
                    phones.parse_or_raise(number.removeprefix("tel:"), self.options.region), self._label(match)
                )
            except phones.PhoneInvalid as invalid:
                among = self._among_words(match, piece)
                if among is None:
                    self.refuse(match.column, piece, invalid.reason)
                    continue
                phone = among
            if all(known.number != phone.number for known in self.record.phones):
                self.record.phones.append(phone)
            if extension:
                self._notes.append(
                    _("Extension of %(phone)s: %(extension)s") % {"phone": phone.number, "extension": extension}
                )

    def _among_words(self, match: ColumnMatch, piece: str) -> Phone | None:
        """The one number that stands among words, such as "98230 12345 (wife)"; the words are kept in the notes."""
        found = _NUMBER_AMONG_WORDS.findall(piece)
        number = phones.parse(found[0], self.options.region) if len(found) == 1 and len(piece) <= 120 else None
        if number is None or any(character.isdecimal() for character in piece.replace(found[0], "", 1)):
            return None
        self._notes.append(_one_line(piece))
        return Phone(number, self._label(match))

    def _take_emails(self, match: ColumnMatch, raw: str) -> None:
        for piece in self._several(match, raw, _BETWEEN_VALUES.split(raw.strip())):
            try:
                email = Email(_email(piece), self._label(match))
            except _Unusable as refusal:
                self.refuse(match.column, piece, refusal.reason)
                continue
            if all(known.address != email.address for known in self.record.emails):
                self.record.emails.append(email)

    def _take_owner(self, match: ColumnMatch, raw: str) -> None:
        self.record.owner_email = _email(raw)

    def _take_tags(self, match: ColumnMatch, raw: str) -> None:
        for piece in _BETWEEN_TAGS.split(cleaned(raw)):
            tag = _one_line(piece).removeprefix("* ").strip()
            if not tag or _SYSTEM_GROUP.fullmatch(piece.strip()):
                continue
            if len(tag) > self.options.longest_tag or len(self.record.tags) >= self.options.most_tags:
                self.refuse(match.column, tag, _("The tag is too long, or the row has too many tags."))
            elif tag not in self.record.tags:
                self.record.tags.append(tag)

    def _take_day(self, match: ColumnMatch, raw: str) -> None:
        try:
            day = dates.parse(raw, order=_order(match.options), today=self.options.today)
        except dates.DayInvalid as invalid:
            raise _Unusable(invalid.reason) from invalid
        if day > self.options.today:
            raise _Unusable(_("The date lies in the future."))
        setattr(self.record, match.target.value, day)

    def _take_gstin(self, match: ColumnMatch, raw: str) -> None:
        number = "".join(cleaned(raw).upper().split()).replace("-", "")
        if not gstin_number.is_valid(number):
            raise _Unusable(_("It is not a GSTIN: 15 characters with a check digit at the end."))
        self.record.gstin = number

    def _take_custom(self, match: ColumnMatch, raw: str) -> None:
        text = cleaned(raw)
        if len(text) > self.options.longest_notes:
            raise _Unusable(_("The text is longer than %(count)s characters.") % {"count": self.options.longest_notes})
        self.record.custom[match.options.get("name") or match.column] = text

    def _line(self, raw: str) -> str:
        text = _one_line(raw)
        if len(text) > self.options.longest_line:
            raise _Unusable(_("The text is longer than %(count)s characters.") % {"count": self.options.longest_line})
        return text

    def _several(self, match: ColumnMatch, raw: str, pieces: list[str]) -> list[str]:
        found = [piece for piece in pieces if piece and not piece.isspace()]
        if len(found) > self.options.most_values:
            raise _Unusable(_("The cell holds more than %(count)s values.") % {"count": self.options.most_values})
        return found

    def _label(self, match: ColumnMatch) -> str:
        place = match.options.get("label_from")
        if place is None:
            return match.options.get("label", "")
        index = int(place) if place.isdecimal() else len(self.row.cells)
        return label(self.row.cells[index]) if index < len(self.row.cells) else ""


def cleaned(text: str) -> str:
    """Composed (NFC), without control and direction characters, trimmed; line breaks stay, as \\n."""
    if text.isascii() and text.isprintable():
        return text.strip()
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return _CONTROL.sub("", unicodedata.normalize("NFC", plain)).strip()


@lru_cache(maxsize=512)
def label(text: str) -> str:
    """One of LABELS for what a file calls it ("* Mobile", "CELL", "Office"); "other" for words we do not know."""
    word = text.strip().removeprefix("*").strip().casefold()
    word = _LABEL_WORDS.get(word, word)
    if word in LABELS or not word:
        return word
    return next((known for known in ("whatsapp", "fax", "mobile", "work", "home") if known in word), "other")


def _one_line(text: str) -> str:
    plain = cleaned(text)
    if plain.isascii() and plain.isprintable() and "  " not in plain:
        return plain
    return _SPACES.sub(" ", _CONTROL_IN_ONE_LINE.sub(" ", plain)).strip()


def _order(options: AnyMapping[str, str]) -> dates.Order:
    match options.get("order"):
        case "mdy":
            return "mdy"
        case "ymd":
            return "ymd"
        case _:
            return "dmy"


def _email(raw: str) -> str:
    """The address, lower-case. Raises _Unusable. The quick pattern knows the usual ones, the library the rest."""
    text = _one_line(raw).lower()
    angled = _EMAIL_IN_ANGLES.fullmatch(text)
    text = (angled[1] if angled else text).removeprefix("mailto:")
    if len(text) <= 254 and _QUICK_EMAIL.fullmatch(text):
        return text
    # Here: it is slow to load, and few addresses need it.
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized.lower()
    except (EmailNotValidError, UnicodeError) as error:
        raise _Unusable(_("It is not an e-mail address.")) from error


_TAKERS: dict[Target, Callable[[_Reading, ColumnMatch, str], None]] = {
    **dict.fromkeys(
        (
            Target.STREET,
            Target.LOCALITY,
            Target.CITY,
            Target.DISTRICT,
            Target.STATE,
            Target.POSTAL_CODE,
            Target.COUNTRY,
        ),
        _Reading._take_address,
    ),
    Target.PHONE: _Reading._take_phones,
    Target.EMAIL: _Reading._take_emails,
    Target.OWNER_EMAIL: _Reading._take_owner,
    Target.TAGS: _Reading._take_tags,
    Target.NOTES: _Reading._take_notes,
    Target.BIRTHDAY: _Reading._take_day,
    Target.CREATED_ON: _Reading._take_day,
    Target.GSTIN: _Reading._take_gstin,
    Target.CUSTOM: _Reading._take_custom,
}
