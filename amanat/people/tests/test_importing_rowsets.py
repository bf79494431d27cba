"""Many rows in one statement: what all of them have in common is said once, and every row is as it was given."""

from __future__ import annotations

from typing import Any

import pytest

from amanat.accounts.models import Workspace
from amanat.core import ids, tenancy
from amanat.people.importing import rowsets
from amanat.people.models import ImportChange, ImportRun, Tag

pytestmark = pytest.mark.django_db


def tags(*names: str, key: str = "") -> list[dict[str, Any]]:
    return [{"id": ids.text(), "name": name, "key": key or name.lower()} for name in names]


@pytest.mark.parametrize("names", [("VIP",), ("VIP", "Farmer"), ("Same", "Same", "Same"), ("Same", "Other", "Same")])
def test_rows_alike_in_some_all_or_no_columns_are_written_as_given(shree: Workspace, names: tuple[str, ...]) -> None:
    rows = [row | {"key": f"key {place}"} for place, row in enumerate(tags(*names))]
    with tenancy.inside(shree):
        assert rowsets.insert(Tag, rows, workspace_id=shree.pk) == len(rows)
        kept = {str(tag.pk): (tag.name, tag.key) for tag in Tag.objects.of(shree)}
    assert {row["id"]: (row["name"], row["key"]) for row in rows}.items() <= kept.items()


def test_what_is_there_already_is_left_out_when_asked(shree: Workspace) -> None:
    with tenancy.inside(shree):
        assert rowsets.insert(Tag, tags("VIP"), workspace_id=shree.pk) == 1
        assert rowsets.insert(Tag, tags("VIP", "New"), workspace_id=shree.pk, ignore_conflicts=True) == 1
        assert rowsets.insert(Tag, [], workspace_id=shree.pk) == 0


def test_equal_objects_that_are_written_differently_stay_different(shree: Workspace) -> None:
    with tenancy.inside(shree):
        run = ImportRun.objects.create(workspace_id=shree.pk, file_name="a.csv")
        rows: list[dict[str, Any]] = [
            {
                "id": ids.text(), "run_id": str(run.pk), "record_kind": "contact", "record_id": ids.text(),
                "before": {"was": one}, "after": {},
            }
            for one in (1, True)
        ]  # fmt: skip
        rowsets.insert(ImportChange, rows, workspace_id=shree.pk)
        kept = {str(one.pk): one.before["was"] for one in ImportChange.objects.of(shree)}
    assert [kept[row["id"]] is True for row in rows] == [False, True]
