"""What a written row is sorted and found by: the same as one row at a time, as columns for `rowsets`."""

from collections.abc import Iterable, Mapping
from typing import Any

from amanat.people import script, search


def sort_name(name: str) -> str:
    return script.latin(name)[:200]


def contact_entry(
    row: Mapping[str, Any], *, company: str, phones: Iterable[str], emails: Iterable[str], cities: Iterable[str]
) -> dict[str, Any]:
    return _entry("contact", row, [row["name"], company, *emails, *cities], phones)


def company_entry(
    row: Mapping[str, Any], *, phones: Iterable[str] = (), emails: Iterable[str] = (), cities: Iterable[str] = ()
) -> dict[str, Any]:
    return _entry("company", row, [row["name"], row.get("gstin", ""), *emails, *cities], phones)


def _entry(kind: str, row: Mapping[str, Any], words: list[str], phones: Iterable[str]) -> dict[str, Any]:
    numbers = dict.fromkeys(script.digits(number) for number in phones)
    joined = " ".join(number for number in numbers if number)
    return {
        "id": row["id"],
        "kind": kind,
        "text": search.text_of([word for word in words if word]),
        "digits": f" {joined} " if joined else "",
        "owner_id": row.get("owner_id"),
        "team_id": row.get("team_id"),
    }
