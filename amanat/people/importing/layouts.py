"""Which column means what: known programs by their headings, everything else by heading words and by its first values.

The headings of the programs were read off files and code that people published, and stand as sample files in `tests/samples`: those
of Google Contacts before and since 2024, of Outlook for Windows, of outlook.com and of Google's "Outlook CSV", of the contacts export of
Zoho CRM, of HubSpot's export of all contacts, and of Salesforce's data export and its contact reports. A column that says something
about another person (the assistant's phone) is never taken for the contact's own.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from amanat.core import money, phones
from amanat.people.importing import dates, headings
from amanat.people.importing.mapping import ColumnMatch, Mapping, Target
from amanat.people.importing.tables import Row, Table

__all__ = ["ColumnMatch", "Mapping", "Target", "guess", "recognized"]

SAMPLE_ROWS = 200
_SHOWN = 3
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s.,;<>]{2,}")
_PINCODE = re.compile(r"[1-9][0-9]{2} ?[0-9]{3}")
_GSTIN = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]")
_NUMBERED = re.compile(r"(Phone|E-mail|Address|Organization|Relation|Website|Event|Custom Field|IM) (\d+) - (.+)")
_MONEY_WORD = re.compile(
    r"\bfees?\b|amount|price|\bpaid\b|balance|\bdues?\b|\bcost\b|\bpay|premium|फी|शुल्क|रक्कम|रकम|राशि|दाम|बाकी|बकाया"
)
_ADDRESS_PARTS = {
    "Street": Target.STREET, "Extended Address": Target.LOCALITY, "City": Target.CITY, "Region": Target.STATE,
    "Postal Code": Target.POSTAL_CODE, "Country": Target.COUNTRY, "PO Box": Target.LOCALITY,
}  # fmt: skip
_ORGANIZATION_PARTS = {"Name": Target.COMPANY, "Title": Target.JOB_TITLE}
_DAYS = frozenset({Target.BIRTHDAY, Target.CREATED_ON})

#: Headings of a layout whose meaning the common words would get wrong; "" is ignored.
_GOOGLE = {
    "name": "name", "file as": "", "nickname": "", "photo": "", "phonetic first name": "", "phonetic middle name": "", "phonetic last name": "",
    "yomi name": "", "given name yomi": "", "additional name yomi": "", "family name yomi": "", "initials": "", "short name": "", "maiden name": "",
    "organization department": "custom", "location": "", "billing information": "", "directory server": "", "mileage": "", "occupation": "custom",
    "hobby": "", "sensitivity": "", "priority": "", "subject": "", "gender": "custom", "website": "custom", "uid": "external_id",
}  # fmt: skip
_OUTLOOK = {
    "title": "name_prefix", "e mail type": "", "e mail display name": "", "e mail 2 type": "", "e mail 2 display name": "", "e mail 3 type": "",
    "e mail 3 display name": "", "primary phone": "phone", "initials": "", "priority": "", "private": "", "sensitivity": "", "mileage": "",
    "billing information": "", "directory server": "", "callback": "phone", "car phone": "phone", "account": "", "location": "", "user 1": "custom",
    "user 2": "custom", "user 3": "custom", "user 4": "custom", "assistant s phone": "custom", "radio phone": "", "tty tdd phone": "", "telex": "",
    "pager": "", "isdn": "", "government id number": "custom", "keywords": "", "given yomi": "", "surname yomi": "", "company yomi": "",
    "imaddress": "custom", "im address": "custom", "personal web page": "custom", "schools": "custom", "business street 2": "locality",
    "business street 3": "locality", "home street 2": "locality2", "home street 3": "locality2", "business address po box": "",
    "home address po box": "", "other address po box": "", "other street 2": "", "other street 3": "", "other country": "",
    "home address": "", "business address": "", "other address": "",
    "business street": "street", "home street": "street2", "home city": "city2", "home state": "state2", "home postal code": "postal_code2",
    "home country region": "country2", "home country": "country2", "department": "custom", "anniversary": "custom",
    "manager s name": "custom", "assistant s name": "custom", "gender": "", "nickname": "", "organizational id number": "", "internet free busy": "",
    "office location": "custom", "spouse": "custom", "children": "custom", "web page": "custom", "hobby": "", "profession": "custom",
    "referred by": "source", "other street": "", "other city": "", "other state": "", "other postal code": "", "other country region": "",
}  # fmt: skip
_ZOHO = {
    "contact owner": "owner_email", "lead owner": "owner_email", "salutation": "name_prefix", "account name": "company",
    "contact owner id": "", "account name id": "", "created by": "", "modified by": "", "created by id": "", "modified by id": "",
    "modified time": "", "last activity time": "", "email opt out": "custom", "other phone": "phone", "asst phone": "custom", "assistant": "custom", "vendor name id": "", "company name id": "", "reporting to id": "", "tag": "tags",
    "lead name": "", "contact name": "", "full name": "name", "record id": "external_id", "change log time": "", "locked": "", "unsubscribed mode": "custom",
    "unsubscribed time": "", "last enriched time": "", "enrich status": "", "first visit": "", "visitor score": "", "referrer": "",
    "first page visited": "", "average time spent minutes": "", "most recent visit": "", "number of chats": "", "days visited": "",
    "secondary email": "email", "mailing zip": "postal_code", "other zip": "", "other street": "", "other city": "", "other state": "", "other country": "",
}  # fmt: skip
_HUBSPOT = {
    "record id": "external_id", "contact owner": "owner_email", "lead status": "custom", "lifecycle stage": "stage", "create date": "created_on",
    "last activity date": "", "last modified date": "", "marketing contact status": "custom", "associated company ids": "", "original source": "source",
    "associated company": "company", "primary associated company id": "", "associated contact ids": "", "associated deal ids": "",
    "original source drill down 1": "", "original source drill down 2": "", "full name": "name",
}  # fmt: skip
_SALESFORCE = {
    "id": "external_id", "contact id": "external_id", "ownerid": "", "owner id": "", "account id": "", "accountid": "", "is deleted": "",
    "master record id": "", "created by id": "", "last modified by id": "", "last modified date": "", "system modstamp": "", "reports to id": "",
    "other street": "", "other city": "", "other state": "", "other postal code": "", "other country": "", "other phone": "phone",
    "email bounced reason": "custom", "name": "name", "photo url": "", "birthdate": "birthday",
    "mailing address": "", "other address": "", "mailing latitude": "", "mailing longitude": "", "mailing geocode accuracy": "",
    "other latitude": "", "other longitude": "", "other geocode accuracy": "", "assistant phone": "custom", "assistant name": "custom",
    "asst phone": "custom", "email bounced date": "", "is email bounced": "", "jigsaw": "", "jigsaw contact id": "", "clean status": "",
    "individual id": "", "last activity date": "", "last cu request date": "", "last cu update date": "", "last curequest date": "",
    "last cuupdate date": "", "last viewed date": "", "last referenced date": "", "account owner": "", "record type id": "",
    "mailing state code": "", "mailing country code": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Layout:
    name: str
    #: Sets of normalised headings; all of any one set make the layout certain.
    signs: tuple[frozenset[str], ...]
    own: dict[str, str]


def _signs(*alternatives: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(words.split("|")) for words in alternatives)


_LAYOUTS = (
    _Layout("google", _signs("given name|family name|group membership", "first name|last name|file as|labels", "name|given name|family name yomi",
                             "given name|phone 1 value", "first name|phone 1 value"), _GOOGLE),
    _Layout("outlook", _signs("first name|last name|e mail address|business phone", "first name|last name|business street|mobile phone",
                              "first name|last name|e mail address|mobile phone|home phone",
                               "first name|last name|given yomi|surname yomi"), _OUTLOOK),
    _Layout("zoho", _signs("contact owner id|account name", "contact owner id|contact owner|last name", "contact owner|account name|mailing zip", "lead owner|lead source|created by", "record id|contact owner|mailing street",
                           "contact owner|last name|account name|mailing city"), _ZOHO),
    _Layout("hubspot", _signs("record id|create date|lifecycle stage", "record id|first name|last name|contact owner|associated company",
                              "record id|email|marketing contact status", "record id|first name|last name|associated company ids",
                              "record id|first name|last name|email|lead status|create date", "first name|last name|email|lifecycle stage|lead status"), _HUBSPOT),
    _Layout("salesforce", _signs("account id|mailing street|owner id", "accountid|mailingstreet|ownerid", "contact id|first name|last name|mailing state province",
                                 "last name|account name|mailing state province", "id|lastname|accountid", "salutation|account name|mailing street|contact owner alias"), _SALESFORCE),
)  # fmt: skip


def recognized(columns: Sequence[str]) -> str:
    """The program that wrote these headings, or "list"."""
    known = {headings.normalized(column) for column in columns}
    for layout in _LAYOUTS:
        if any(sign <= known for sign in layout.signs):
            return layout.name
    return "list"


def guess(table: Table) -> Mapping:
    """What each column of `table` means, from its headings and its first 200 rows."""
    sample = table.sample(SAMPLE_ROWS)
    layout = "vcard" if table.kind == "vcard" else "amanat" if table.is_ours else recognized(table.columns)
    own = _GOOGLE if layout == "vcard" else next((known.own for known in _LAYOUTS if known.name == layout), {})
    certainty = 0.9 if layout == "list" else 1.0
    matches = []
    for index, column in enumerate(table.columns):
        values = _values(sample, index)
        match = _by_heading(index, column, own, certainty) if table.has_heading else None
        matches.append(_completed(match or _by_values(index, column, values), column, values))
    return Mapping(layout, tuple(_one_each(_with_labels(matches))))


def _values(sample: list[Row], index: int) -> list[str]:
    return [value for row in sample if (value := row.cells[index].strip())]


def _by_heading(index: int, column: str, own: dict[str, str], certainty: float) -> ColumnMatch | None:
    numbered = _NUMBERED.fullmatch(column.strip())
    if numbered:
        return _numbered(index, column, numbered[1], numbered[2], numbered[3])
    word = headings.normalized(column)
    if word in own:
        target, second = own[word].removesuffix("2"), own[word].endswith("2")
        options = {"set": "2"} if second else {"name": column} if target == "custom" else {}
        return ColumnMatch(index, column, Target(target or "ignore"), 1.0, options=options)
    found = headings.meaning(column)
    if found is None:
        return None
    target_found, label = found
    return ColumnMatch(index, column, target_found, certainty, options={"label": label} if label else {})


def _numbered(index: int, column: str, thing: str, number: str, part: str) -> ColumnMatch:
    target, options = Target.IGNORE, {}
    if thing in {"Phone", "E-mail"} and part == "Value":
        target = Target.PHONE if thing == "Phone" else Target.EMAIL
    elif thing == "Address" and int(number) <= 2 and part in _ADDRESS_PARTS:
        target, options = _ADDRESS_PARTS[part], {"set": "2"} if number == "2" else {}
    elif thing == "Organization" and number == "1" and part in _ORGANIZATION_PARTS:
        target = _ORGANIZATION_PARTS[part]
    elif part == "Value":
        target, options = Target.CUSTOM, {"name": f"{thing} {number}"}
    return ColumnMatch(index, column, target, 1.0, options=options)


def _with_labels(matches: list[ColumnMatch]) -> list[ColumnMatch]:
    """Join "Phone 1 - Label" (or "- Type" in files of before 2024) to "Phone 1 - Value"."""
    places = {match.column.strip(): match.index for match in matches}
    joined = list(matches)
    for match in matches:
        if match.target not in {Target.PHONE, Target.EMAIL} or not match.column.strip().endswith(" - Value"):
            continue
        stem = match.column.strip().removesuffix("Value")
        label = places.get(stem + "Label", places.get(stem + "Type"))
        if label is not None:
            joined[match.index] = replace(match, options={**match.options, "label_from": str(label)})
            joined[label] = replace(joined[label], target=Target.IGNORE, options={"label_of": str(match.index)})
    return joined


def _completed(match: ColumnMatch, column: str, values: list[str]) -> ColumnMatch:
    options = dict(match.options)
    if match.target in _DAYS:
        options["order"] = dates.order_of(values)
    if match.target is Target.CUSTOM:
        options.setdefault("name", column or f"#{match.index + 1}")
        kind = "amount" if _MONEY_WORD.search(column.casefold()) and _most(values, _is_amount) else _kind(values)
        options.setdefault("kind", kind)
        if kind == "date":
            options.setdefault("order", dates.order_of(values))
    if match.target is Target.OWNER_EMAIL and values and not _most(values, _is_email):
        return replace(
            match, target=Target.CUSTOM, samples=tuple(values[:_SHOWN]), options={"name": column, "kind": "text"}
        )
    return replace(match, samples=tuple(value[:80] for value in values[:_SHOWN]), options=options)


_SEVERAL = frozenset(
    {
        Target.PHONE,
        Target.EMAIL,
        Target.TAGS,
        Target.NOTES,
        Target.CUSTOM,
        Target.IGNORE,
        Target.STREET,
        Target.LOCALITY,
    }
)


def _one_each(matches: list[ColumnMatch]) -> list[ColumnMatch]:
    """A second column for a target that takes one value becomes a custom field; a surer match goes first."""
    taken: dict[tuple[Target, str], ColumnMatch] = {}
    kept = list(matches)
    for match in sorted(matches, key=lambda match: (-match.confidence, match.index)):
        place = (match.target, match.options.get("set", ""))
        if match.target in _SEVERAL:
            continue
        if place in taken:
            kept[match.index] = replace(match, target=Target.CUSTOM, options={"name": match.column, "kind": "text"})
        taken.setdefault(place, match)
    return kept


def _by_values(index: int, column: str, values: list[str]) -> ColumnMatch:
    for target, confidence, test in _TESTS:
        if _most(values, test):
            return ColumnMatch(index, column, target, confidence)
    named = [value for value in values if _looks_like_name(value)]
    if not column or _is_numbered_heading(column):
        if values and len(named) > 0.8 * len(values) and len(set(values)) > 0.5 * len(values):
            return ColumnMatch(index, column, Target.NAME, 0.4)
        if not values:
            return ColumnMatch(index, column, Target.IGNORE, 0.5)
    return ColumnMatch(index, column, Target.CUSTOM, 0.3)


def _is_numbered_heading(column: str) -> bool:
    return bool(re.fullmatch(r"\D+ \d+", column))


def _most(values: list[str], test: Callable[[str], bool]) -> bool:
    return bool(values) and sum(map(test, values)) >= 0.7 * len(values)


def _is_email(value: str) -> bool:
    return _EMAIL.fullmatch(value) is not None


def _is_phone(value: str) -> bool:
    digits = sum(character.isdecimal() for character in value)
    return digits >= 10 and len(value) <= 60 and any(phones.parse(piece) for piece in phones.split(value))


def _looks_like_name(value: str) -> bool:
    return 2 < len(value) <= 60 and not any(character.isdecimal() or character == "@" for character in value)


_TESTS: tuple[tuple[Target, float, Callable[[str], bool]], ...] = (
    (Target.EMAIL, 0.8, _is_email),
    (Target.GSTIN, 0.8, lambda value: _GSTIN.fullmatch(value.upper()) is not None),
    (Target.PHONE, 0.7, _is_phone),
    (Target.POSTAL_CODE, 0.5, lambda value: _PINCODE.fullmatch(value) is not None),
)


def _kind(values: list[str]) -> str:
    if _most(values, dates.looks_like_day):
        return "date"
    if values and all(value.isdecimal() for value in values):
        return "number"
    return "amount" if _most(values, _is_amount) else "text"


def _is_amount(value: str) -> bool:
    try:
        money.parse(value)
    except money.MoneyInvalid:
        return False
    return True
