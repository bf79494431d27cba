"""vCards 2.1, 3.0 and 4.0 as a table, one card a row.

A parser of our own: the libraries at hand either stop at 2.1's bare parameters (TEL;CELL:) and soft line breaks, or load the whole
file, and most phones of small firms still export 2.1. Photos, sounds and keys are skipped. More values than columns go into the last
column with " ::: " between, as Google does.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from amanat.people.importing import delimited
from amanat.people.importing.tables import FileRefused, Limits, Line, Source, Table

PHONES, EMAILS, ADDRESSES = 5, 4, 2
BETWEEN = " ::: "
#: What our own cards carry besides, as JSON (people.importing.ours).
AMANAT = "Amanat"
#: "org" for the card of a company: KIND of 4.0, or Apple's word for it.
KIND, ORG = "Card of", "org"
_ADDRESS = ("PO Box", "Extended Address", "Street", "City", "Region", "Postal Code", "Country")
COLUMNS = [
    "Name", "Last Name", "First Name", "Middle Name", "Name Prefix", "Name Suffix", "Nickname", "Organization Name", "Organization Title",
    "Birthday", "Notes", "Labels", "Website", "UID", "Language",
    *(f"Phone {n} - {part}" for n in range(1, PHONES + 1) for part in ("Label", "Value")),
    *(f"E-mail {n} - {part}" for n in range(1, EMAILS + 1) for part in ("Label", "Value")),
    *(f"Address {n} - {part}" for n in range(1, ADDRESSES + 1) for part in _ADDRESS),
    KIND,
    AMANAT,
]  # fmt: skip
_PLACE = {column: place for place, column in enumerate(COLUMNS)}
_SKIPPED = frozenset({"PHOTO", "LOGO", "SOUND", "KEY", "AGENT", "X-PHOTO"})
_SIMPLE = {
    "FN": "Name", "NICKNAME": "Nickname", "TITLE": "Organization Title", "BDAY": "Birthday", "NOTE": "Notes",
    "CATEGORIES": "Labels", "URL": "Website", "UID": "UID", "LANG": "Language",
    "X-AMANAT": AMANAT,
}  # fmt: skip
_LABELS = {
    "CELL": "Mobile",
    "MOBILE": "Mobile",
    "IPHONE": "Mobile",
    "WORK": "Work",
    "HOME": "Home",
    "WHATSAPP": "WhatsApp",
    "FAX": "Fax",
    "MAIN": "Main",
}
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNESCAPED_SEMICOLON = re.compile(r"(?<!\\);")
_CARD_LINES = 5_000


@dataclass(slots=True)
class _Property:
    group: str
    name: str
    #: Upper-case words of the TYPE parameters and 2.1's bare ones.
    types: list[str]
    value: str
    is_quoted: bool = False


@dataclass(slots=True)
class _Card:
    cells: list[str] = field(default_factory=lambda: [""] * len(COLUMNS))
    phones: list[tuple[str, str]] = field(default_factory=list)
    emails: list[tuple[str, str]] = field(default_factory=list)
    addresses: list[list[str]] = field(default_factory=list)


def lines(source: Source, encoding: str, limits: Limits) -> Iterator[Line]:
    """First the headings as line 0, then one line a card; its number counts the cards. Raises FileRefused."""
    yield Line(0, list(COLUMNS))
    number = 0
    for card in _cards(source, encoding, limits):
        number += 1
        yield Line(number, _cells(card))
    if not number:
        raise FileRefused(_("The file holds no contact."))


def place_of_kind(table: Table) -> int | None:
    """The place of the cell that says whose card a row is, in a table of cards."""
    return table.columns.index(KIND) if table.kind == "vcard" and KIND in table.columns else None


def _cards(source: Source, encoding: str, limits: Limits) -> Iterator[list[_Property]]:
    """The properties of each card; a card that is not closed ends where the next one or the file does."""
    current: list[_Property] | None = None
    for line in _logical_lines(source, encoding, limits):
        word = line.strip().upper()
        if word == "BEGIN:VCARD":
            if current:
                yield current
            current = []
        elif word == "END:VCARD":
            if current:
                yield current
            current = None
        elif current is not None and len(current) < _CARD_LINES:
            found = _property(line)
            if found is not None:
                current.append(found)
    if current:
        yield current


def _logical_lines(source: Source, encoding: str, limits: Limits) -> Iterator[str]:
    """Lines unfolded: a space or tab continues the line before, and so does quoted-printable's "=" at its end."""
    pending: list[str] = []
    size = 0
    soft = skipping = False
    with source.open() as file:
        for raw in delimited.pieces(file, encoding, limits):
            line = raw.rstrip("\r\n")
            if soft or (line[:1] in {" ", "\t"} and pending):
                part = line if soft else line[1:]
                if not skipping:
                    pending[-1:] = [pending[-1].removesuffix("=")] if soft else pending[-1:]
                    pending.append(part)
                    size += len(part)
                if size > limits.line:
                    raise FileRefused(
                        _("A line has more than %(count)s characters. This is not a table.") % {"count": limits.line}
                    )
                soft = soft and line.endswith("=")
                continue
            if pending:
                yield "".join(pending)
            head = line.split(":", 1)[0].upper()
            skipping = head.split(";")[0].split(".")[-1] in _SKIPPED
            pending, size = ([head + ":"] if skipping else [line]), len(line)
            soft = "QUOTED-PRINTABLE" in head and line.endswith("=")
    if pending:
        yield "".join(pending)


def _property(line: str) -> _Property | None:
    head, colon, value = _parted(line)
    if not colon:
        return None
    words = head.split(";")
    group, _dot, name = words[0].strip().rpartition(".")
    if name.upper() in _SKIPPED or not value.strip():
        return None
    types: list[str] = []
    encoding, charset = "", "utf-8"
    for word in words[1:]:
        key, _equals, setting = word.strip().partition("=")
        if not _equals:
            key, setting = ("ENCODING", key) if key.upper() in {"QUOTED-PRINTABLE", "BASE64"} else ("TYPE", key)
        setting = setting.strip('"').upper()
        if key.upper() == "TYPE":
            types += setting.split(",")
        elif key.upper() == "ENCODING":
            encoding = setting
        elif key.upper() == "CHARSET":
            charset = setting
    quoted = encoding == "QUOTED-PRINTABLE"
    return _Property(group.lower(), name.upper(), types, _unquoted(value, charset) if quoted else value, quoted)


def _parted(line: str) -> tuple[str, str, str]:
    """Head and value, at the first colon that is not inside quotes (ADR;LABEL="12: Main":...)."""
    if '"' not in line.split(":", 1)[0]:
        return line.partition(":")
    inside = False
    for place, character in enumerate(line):
        if character == '"':
            inside = not inside
        elif character == ":" and not inside:
            return line[:place], ":", line[place + 1 :]
    return line.partition(":")


def _unquoted(value: str, charset: str) -> str:
    try:
        raw = quopri.decodestring(value.encode("utf-8", "replace"))
    except (binascii.Error, ValueError):
        return value
    for name in (charset, "utf-8", "cp1252"):
        try:
            return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("utf-8", "replace")


def _cells(properties: list[_Property]) -> list[str]:
    labels = {
        p.group: _APPLE_LABEL.sub(r"\1", p.value).strip() for p in properties if p.group and p.name == "X-ABLABEL"
    }
    card = _Card()
    for found in properties:
        _note(card, found, labels.get(found.group, "") if found.group else "")
    cells = card.cells
    _fill(cells, "Phone", PHONES, card.phones)
    _fill(cells, "E-mail", EMAILS, card.emails)
    for number, parts in enumerate(card.addresses[:ADDRESSES], start=1):
        for part, value in zip(_ADDRESS, parts, strict=False):
            cells[_PLACE[f"Address {number} - {part}"]] = value
    return cells


def _note(card: _Card, found: _Property, label: str) -> None:
    cells = card.cells
    match found.name:
        case "N":
            for column, value in zip(COLUMNS[1:6], _parts(found), strict=False):
                cells[_PLACE[column]] = value
        case "ORG":
            cells[_PLACE["Organization Name"]] = ", ".join(part for part in _parts(found) if part)
        case "TEL":
            card.phones.append(
                (label or _label(found.types), _text(found).removeprefix("tel:").replace(";ext=", " ext. "))
            )
        case "EMAIL":
            card.emails.append((label or _label(found.types), _text(found).removeprefix("mailto:")))
        case "ADR":
            card.addresses.append(_parts(found))
        case "KIND" | "X-ABSHOWAS":
            if _text(found).lower() in {"org", "company"}:
                cells[_PLACE[KIND]] = ORG
        case name if name in _SIMPLE:
            place = _PLACE[_SIMPLE[name]]
            between = "\n" if name == "NOTE" else BETWEEN if name in {"CATEGORIES", "URL"} else ""
            if not cells[place] or between:
                value = _text(found)
                cells[place] = between.join(filter(None, (cells[place], value)))


def _fill(cells: list[str], word: str, room: int, values: list[tuple[str, str]]) -> None:
    for number, (label, value) in enumerate(values[:room], start=1):
        cells[_PLACE[f"{word} {number} - Label"]] = label
        cells[_PLACE[f"{word} {number} - Value"]] = value
    if len(values) > room:
        cells[_PLACE[f"{word} {room} - Value"]] = BETWEEN.join(value for _label, value in values[room - 1 :])


def _label(types: list[str]) -> str:
    for word in ("CELL", "MOBILE", "IPHONE", "WHATSAPP", "FAX", "WORK", "HOME", "MAIN"):
        if word in types:
            return _LABELS[word]
    return next((word[2:].capitalize() for word in types if word.startswith("X-") and len(word) > 2), "")


def _text(found: _Property) -> str:
    return _unescaped(found.value).strip()


def _parts(found: _Property) -> list[str]:
    return [_unescaped(part).strip() for part in _UNESCAPED_SEMICOLON.split(found.value)]


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda escape: "\n" if escape[1] in "nN" else escape[1], value)
