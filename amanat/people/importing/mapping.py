"""What each column of a file means: the answer of `layouts`, which a person may correct and which is kept as JSON."""

from collections.abc import Mapping as Json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Target(StrEnum):
    """Where a column's values go. The values are stored; never change one."""

    NAME = "name"
    NAME_PREFIX = "name_prefix"
    FIRST_NAME = "first_name"
    MIDDLE_NAME = "middle_name"
    LAST_NAME = "last_name"
    NAME_SUFFIX = "name_suffix"
    PHONE = "phone"
    EMAIL = "email"
    COMPANY = "company"
    JOB_TITLE = "job_title"
    STREET = "street"
    LOCALITY = "locality"
    CITY = "city"
    DISTRICT = "district"
    STATE = "state"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    TAGS = "tags"
    NOTES = "notes"
    BIRTHDAY = "birthday"
    LANGUAGE = "language"
    STAGE = "stage"
    OWNER_EMAIL = "owner_email"
    EXTERNAL_ID = "external_id"
    GSTIN = "gstin"
    SOURCE = "source"
    CREATED_ON = "created_on"
    CUSTOM = "custom"
    IGNORE = "ignore"


#: The kind of a column that goes into a custom field which is there already.
KNOWN = "known"


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """One column and what it means. Options, all strings:

    - `label` of a phone or e-mail ("mobile", "work", "home", "whatsapp", "fax", "other");
    - `label_from`: the place of the column that holds the label of each row's value;
    - `label_of` (with IGNORE): this column is such a label column of the column at that place;
    - `order` of dates: "dmy", "mdy" or "ymd";
    - `name` and `kind` ("text", "amount", "date", "number") of a custom field, or KNOWN and its `key` when it is there already;
    - `set`: "2" for the parts of a second address.
    """

    #: Place in the row, from 0.
    index: int
    column: str
    target: Target
    #: 0 to 1: 1 for a known layout, less for a guess.
    confidence: float = 1.0
    samples: tuple[str, ...] = ()
    options: Json[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapping:
    """The meaning of all columns of a file."""

    #: "google", "outlook", "zoho", "hubspot", "salesforce", "vcard", "amanat" or "list".
    layout: str
    columns: tuple[ColumnMatch, ...]

    def targets(self) -> list[Target]:
        return [match.target for match in self.columns]

    def changed(self, index: int, target: Target, **options: str) -> "Mapping":
        """The mapping after a person chose another meaning for a column."""
        columns = tuple(
            replace(match, target=target, confidence=1.0, options=dict(options)) if match.index == index else match
            for match in self.columns
        )
        return Mapping(self.layout, columns)

    def to_json(self) -> dict[str, Any]:
        return {
            "layout": self.layout,
            "columns": [
                {
                    "index": match.index,
                    "column": match.column,
                    "target": match.target.value,
                    "confidence": match.confidence,
                    "samples": list(match.samples),
                    "options": dict(match.options),
                }
                for match in self.columns
            ],
        }

    @classmethod
    def from_json(cls, stored: Json[str, Any]) -> "Mapping":
        """Raises KeyError, TypeError or ValueError when it is not what `to_json` made."""
        return cls(
            layout=str(stored["layout"]),
            columns=tuple(
                ColumnMatch(
                    index=int(match["index"]),
                    column=str(match["column"]),
                    target=Target(match["target"]),
                    confidence=float(match["confidence"]),
                    samples=tuple(map(str, match["samples"])),
                    options={str(name): str(value) for name, value in match["options"].items()},
                )
                for match in stored["columns"]
            ),
        )
