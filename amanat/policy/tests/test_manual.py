"""The authors' manual names every block of the format and every check of the linter, and no other."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from amanat.policy import linting, loading
from amanat.policy.format import Clause, Policy
from amanat.policy.tests.samples import changed

TEXT = (Path(__file__).parents[3] / "docs/policy-format.md").read_text("utf-8")


def first_column(heading: str) -> list[str]:
    rows = [line for line in TEXT.split(f"## {heading}")[1].split("\n## ")[0].splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_each_block_stands_in_the_manual() -> None:
    assert first_column("The file") == [field.alias or name for name, field in Policy.model_fields.items()]


def test_each_check_stands_in_the_manual() -> None:
    patterns = first_column("What the linter looks for")
    for check in [*linting.CHECKS, "format"]:
        assert any(fnmatchcase(check, pattern) for pattern in patterns), check
    for pattern in patterns:
        assert any(fnmatchcase(check, pattern) for check in [*linting.CHECKS, "format"]), pattern


@pytest.mark.parametrize("name", [field.alias or name for name, field in Clause.model_fields.items()])
def test_each_name_of_a_clause_stands_in_the_manual(name: str) -> None:
    assert f"`{name}`" in TEXT.split("## Sentences")[0].split("| `clauses` |")[1].splitlines()[0]


def test_the_example_of_the_manual_is_in_order() -> None:
    example = TEXT.split("```yaml\n")[1].split("```")[0]
    sentence = re.search(r'say: "([^"]+)"', example)
    assert sentence is not None
    told = next(clause for clause in loading.load(changed()).policy.clauses if clause.id == "keep-marketing")
    assert sentence[1] == told.say
