"""Contacts and companies as vCards 3.0 (RFC 2426) and 4.0 (RFC 6350), for address books and for coming back.

A company is `KIND:org` in 4.0. 3.0 has no word for it; there it is `X-ABSHOWAS:COMPANY`, which address books of Apple write and read.
What a card has no place for (stage, tags with commas, custom fields, extensions) stands as JSON in `X-AMANAT`, which address books
carry along and `people.importing` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from amanat.people.importing import ours
from amanat.people.importing.drafts import Draft
from amanat.people.models import CustomField

_TYPES = {"mobile": "CELL", "work": "WORK", "home": "HOME", "fax": "FAX", "whatsapp": "CELL", "main": "PREF"}
_LINE = 75  # octets, without the line break
_PIECE = 200


def write(
    drafts: Iterable[Draft], fields: Sequence[CustomField], *, version: str, on: str = "contact"
) -> Iterator[bytes]:
    """The cards in pieces of a few hundred. `version` is "3.0" or "4.0", `on` "contact" or "company"."""
    by_key = {one.key: ours.field_object(one) for one in fields}
    lines: list[str] = []
    for count, draft in enumerate(drafts, start=1):
        lines += _card(draft, by_key, version, on)
        if count % _PIECE == 0:
            yield "".join(lines).encode()
            lines = []
    if lines:
        yield "".join(lines).encode()


def _card(draft: Draft, fields: Mapping[str, dict[str, Any]], version: str, on: str) -> list[str]:
    words = draft.name.split() if on == "contact" else []
    family, given = (words[-1], " ".join(words[:-1])) if len(words) > 1 else ("", " ".join(words))
    found = [
        "BEGIN:VCARD",
        f"VERSION:{version}",
        f"FN:{_escaped(draft.name)}",
        f"N:{_escaped(family)};{_escaped(given)};;;",
    ]
    if on == "company":
        found.append("KIND:org" if version == "4.0" else "X-ABSHOWAS:COMPANY")
    for name, value in (
        ("ORG", draft.company if on == "contact" else draft.name),
        ("URL", draft.website),
        ("TITLE", draft.job_title),
        ("UID", draft.external_id),
        ("NOTE", draft.notes),
    ):
        if value:
            found.append(f"{name}:{_escaped(value)}")
    if draft.birthday:
        found.append(f"BDAY:{draft.birthday.replace('-', '') if version == '4.0' else draft.birthday}")
    for phone in draft.phones:
        number = f"VALUE=uri:tel:{phone.number}" if version == "4.0" else ""
        found.append(f"TEL;TYPE={_TYPES.get(phone.label, 'VOICE')}{';' + number if number else ':' + phone.number}")
    for email in draft.emails:
        found.append(f"EMAIL;TYPE={_TYPES.get(email.label, 'INTERNET')}:{_escaped(email.address)}")
    for address in draft.addresses:
        parts = [
            address.parts.get(name, "") for name in ("locality", "street", "city", "state", "postal_code", "country")
        ]
        found.append("ADR:;" + ";".join(map(_escaped, parts)))
    if draft.tags:
        found.append("CATEGORIES:" + ",".join(map(_escaped, draft.tags)))
    found.append(f"X-AMANAT:{_escaped(json.dumps(_besides(draft, fields, on), ensure_ascii=False))}")
    found.append("END:VCARD")
    return [folded for line in found for folded in _folded(line)]


def _besides(draft: Draft, fields: Mapping[str, dict[str, Any]], on: str) -> dict[str, Any]:
    used = [fields[key] for key in draft.custom if key in fields]
    return ours.as_object(on, draft) | ({"fields": used} if used else {})


def _escaped(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return plain.replace(",", "\\,").replace(";", "\\;")


def _folded(line: str) -> Iterator[str]:
    """Lines of at most 75 octets; the next begins with a space, and no character is cut."""
    raw = line.encode()
    if len(raw) <= _LINE:
        yield line + "\r\n"
        return
    start, room, lead = 0, _LINE, ""
    while start < len(raw):
        end = min(start + room, len(raw))
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        yield f"{lead}{raw[start:end].decode()}\r\n"
        start, room, lead = end, _LINE - 1, " "
