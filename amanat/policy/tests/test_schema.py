"""The published JSON Schema is the format's own, and says the same as the program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from amanat.policy import documents, reading
from amanat.policy.tests.samples import DEFAULT, changed

FILE = Path(documents.__file__).with_name("schema.json")
SCHEMA = json.loads(FILE.read_text("utf-8"))


def blocks() -> list[tuple[str, dict[str, Any]]]:
    return [
        ("Policy", SCHEMA),
        *((name, held) for name, held in SCHEMA["$defs"].items() if held.get("type") == "object"),
    ]


def as_json(text: str) -> Any:
    return json.loads(json.dumps(reading.read(text).value))


def test_the_file_is_made_from_the_format() -> None:
    assert FILE.read_text("utf-8") == documents.schema_text(), "write documents.schema_text() into policy/schema.json"


@pytest.mark.parametrize(("name", "block"), blocks())
def test_no_block_takes_unknown_names(name: str, block: dict[str, Any]) -> None:
    assert block["additionalProperties"] is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("min_age: 18", "min_age: '18'"),
        ("min_age: 18", "minimum_age: 18"),
        ("last_login: P3Y", "last_login: 3 years"),
        ("archive: public", "archive: secret"),
        ("in: [US]", "in: [USA]"),
        ("amanat: 1\n", ""),
        ("is: [pd:Password]", "is: []"),
    ],
)
def test_the_schema_refuses_what_the_program_refuses(old: str, new: str) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(SCHEMA, as_json(changed((old, new), text=DEFAULT)))
