"""What a written row is sorted and found by: as `people.contacts` does it for one row, here as columns for `rowsets`."""

from collections.abc import Iterable, Mapping
from typing import Any

from amanat.people import script, search
from amanat.people.drafts import sort_name

__all__ = ["entry", "sort_name"]


def entry(
    kind: str, row: Mapping[str, Any], *, phones: Iterable[str] = (), emails: Iterable[str] = ()
) -> dict[str, Any]:
    """The columns of the `SearchEntry` of a contact or company given as columns; the words are those of `records.entry_of`."""
    words = [row["name"], *emails]
    if kind == "company":
        words += [row["gstin"], row["website"]]
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
