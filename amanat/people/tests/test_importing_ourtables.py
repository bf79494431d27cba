"""Exports of a whole workspace as tables: what a cell means, which files are taken so, and what is refused in words."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from amanat.core import spreadsheets
from amanat.people.importing import checking, jsonfiles, ourtables, parts
from amanat.people.importing.tables import Limits

CONTACTS = (["Amanat id", "Name", "Phone 1", "Village [choices]"], [["", "Asha", "+919822041736", "Ozar; Sinnar"]])
STAGES = (["Amanat stage id", "Key", "Name", "Position", "Closed"], [["", "lead", "=Lead", "-2", "no"]])
FIELDS = (
    ["Amanat field id", "On", "Key", "Label", "Kind", "Choices", "Help", "Required", "Personal", "Position", "Retired at"],
    [
        ["", "contact", "gaon", "Village", "choices", "Ozar; Sinnar", "", "yes", "pd:Contact", "0", ""],
        ["", "contact", "old", "Old", "text", "", "", "no", "", "1", "2026-01-01T00:00:00+00:00"],
    ],
)  # fmt: skip
CATALOGUE = (["Amanat catalogue id", "Key", "Name", "Fee (INR)"], [["", "pan", "PAN", "107.50"]])
type Sheet = tuple[list[str], list[list[str]]]


def archive(tmp_path: Path, **sheets: Sheet) -> str:
    place = tmp_path / "all.zip"
    with zipfile.ZipFile(place, "w") as made:
        for name, (columns, rows) in sheets.items():
            made.writestr(f"{name.replace('_', '-')}.csv", b"".join(spreadsheets.write_csv(columns, rows)))
    return str(place)


def workbook(tmp_path: Path, **sheets: Sheet) -> str:
    file = io.BytesIO()
    spreadsheets.write_workbook([(name.replace("_", "-"), *sheet) for name, sheet in sheets.items()], file)
    place = tmp_path / "all.xlsx"
    place.write_bytes(file.getvalue())
    return str(place)


@pytest.mark.parametrize("write", [archive, workbook])
def test_rows_are_records_of_the_json_and_fields_its_head(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path, contacts=CONTACTS, stages=STAGES, custom_fields=FIELDS, catalogue=CATALOGUE)
    table = ourtables.open_table(path, "", Limits())
    assert table is not None
    assert (table.kind, table.part, table.parts[0]) == ("json", parts.EVERYTHING, parts.EVERYTHING)
    records = [(row.cells[0], jsonfiles.object_of(row.cells[1])) for row in table.rows()]
    assert records == [
        ("stages", {"key": "lead", "name": "=Lead", "position": -2, "is_closed": False}),
        ("contacts", {"name": "Asha", "phones": [{"number": "+919822041736"}], "custom": {"gaon": ["Ozar", "Sinnar"]}}),
        ("catalogue", {"key": "pan", "name": "PAN", "fee_paise": 10_750}),
    ]
    assert [one["key"] for one in table.head["fields"]["contact"]] == ["gaon"], "a retired field is not made again"
    assert table.head["fields"]["contact"][0]["choices"] == ["Ozar", "Sinnar"]


@pytest.mark.parametrize(
    ("sheets", "part"),
    [
        ({"contacts": CONTACTS}, ""), ({"stages": STAGES}, ""), ({"contacts": CONTACTS, "stages": STAGES}, "contacts.csv"),
        ({"contacts": (["Name", "Mobile"], [["Asha", "9822041736"]]), "stages": STAGES}, ""), ({"people": CONTACTS, "list": STAGES}, ""),
    ],
)  # fmt: skip
def test_other_archives_and_single_tables_are_left_to_the_other_readers(
    tmp_path: Path, sheets: dict[str, Sheet], part: str
) -> None:
    assert ourtables.open_table(archive(tmp_path, **sheets), part, Limits()) is None


@pytest.mark.parametrize(
    ("cell", "paise"),
    [
        ("107.50", 10_750), ("-1,250.5", -125_050), ("7", 700), ("7.505", "7.505"), ("9" * 5_000, "9" * 5_000), ("9" * 41, "9" * 41),
        ("9" * 40, int("9" * 40 + "00")), ("", ""),
    ],
)  # fmt: skip
def test_an_amount_is_paise_and_what_is_none_stays_to_be_refused(cell: str, paise: int | str) -> None:
    assert ourtables._paise(cell) == paise


def test_a_workbook_of_somebody_elses_is_left_without_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read one starts a process, and nearly no workbook is an export of ours."""
    read: list[str] = []
    monkeypatch.setattr(ourtables.workbooks, "check", lambda *given: read.append("checked"))
    monkeypatch.setattr(ourtables.workbooks, "sheet", lambda *given: read.append("read"))
    assert ourtables.open_table(workbook(tmp_path, contacts=CONTACTS, remarks=CONTACTS), "", Limits()) is None
    assert read == []


@pytest.mark.slow
def test_a_list_that_fills_its_sheet_goes_on_in_the_next(tmp_path: Path) -> None:
    """The sheets behind the first belong to it and are no list of their own; others, of any name, are none of ours."""
    more = (CONTACTS[0], [["", "Balu", "+919822041737", ""]])
    path = workbook(tmp_path, **{"contacts": CONTACTS, "contacts 2": more, "catalogue": CATALOGUE, "remarks": more})
    table = ourtables.open_table(path, "", Limits())
    assert table is not None
    records = [(row.cells[0], jsonfiles.object_of(row.cells[1])["name"]) for row in table.rows()]
    assert records == [("contacts", "Asha"), ("contacts", "Balu"), ("catalogue", "PAN")]


@pytest.mark.parametrize(
    ("cell", "check", "value"),
    [
        ("12", checking.text(9), "12"), ("12", checking.number(0, 99), 12), ("-3", checking.number(-9, 9), -3), ("yes", checking.yes_no, True),
        ("No", checking.yes_no, False), ("yes", checking.text(9), "yes"), ("a\\; b; c", checking.texts(9), ["a; b", "c"]),
        ('{"hi": "पैन"}', checking.words(9), {"hi": "पैन"}), ('{"a": [1]}', checking.facts, {"a": [1]}), ("x", checking.number(0, 9), "x"),
        ("perhaps", checking.yes_no, "perhaps"), ("2026-02-30", checking.day, "2026-02-30"), ("9" * 5_000, checking.number(0, 9), "9" * 5_000),
        ("[" * 100_000, checking.facts, "[" * 100_000),
    ],
)  # fmt: skip
def test_a_cell_means_what_its_column_takes_or_stays_to_be_refused(cell: str, check: Any, value: Any) -> None:
    assert ourtables.meant(cell, check) == value
