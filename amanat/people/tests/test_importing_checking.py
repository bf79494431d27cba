"""Values of our own JSON, checked one by one, and the file itself read list by list."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.people.importing import checking, jsonfiles, parts
from amanat.people.importing.checking import Column
from amanat.people.importing.tables import FileRefused, Limits
from amanat.people.importing.values import Problem

_GOOD: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (checking.text(5), "हिन्दी"[:5], "हिन्दी"[:5]), (checking.text(5), " a ", " a "), (checking.text(5), "a\0b", "ab"), (checking.text(5), "", ""),
    (checking.text(3), "₹\u00a01", "₹\u00a01"), (checking.texts(3), ["a", "", "b"], ["a", "b"]), (checking.texts(3), [], []),
    (checking.number(0, 5), 5, 5), (checking.number(-5, 5), -5, -5), (checking.paise, 0, 0), (checking.yes_no, False, False),
    (checking.identity, "01A20145-FBF7-796B-9432-8A0230F5F065", "01a20145-fbf7-796b-9432-8a0230f5f065"),
    (checking.day, "2026-02-28", "2026-02-28"), (checking.clock_time, "16:30", "16:30:00"), (checking.clock_time, "16:30:05", "16:30:05"),
    (checking.moment, "2026-11-21T04:40:00Z", "2026-11-21T04:40:00+00:00"), (checking.moment, "2026-11-21T10:10:00+05:30", "2026-11-21T10:10:00+05:30"),
    (checking.email, " Rekha@Example.IN ", "rekha@example.in"), (checking.words(5), {"hi": "पैन"}, {"hi": "पैन"}), (checking.facts, {"a": [1]}, {"a": [1]}),
    (checking.one_of({"cash", "upi"}), "upi", "upi"), (checking.day, "1850-01-01", "1850-01-01"), (checking.day, "2199-12-31", "2199-12-31"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "given_value", "wanted"), _GOOD)
def test_good_values_are_taken_as_they_are_stored(check: Callable[[Any], Any], given_value: Any, wanted: Any) -> None:
    assert check(given_value) == wanted
    assert check(check(given_value)) == wanted


_BAD: list[tuple[Callable[[Any], Any], list[Any]]] = [
    (checking.text(5), ["abcdef", 5, True, [], {}, b"x"]), (checking.text(5, least=1), ["", "  ", "\0", "\u2003"]),
    (checking.texts(3), ["abc", ["abcd"], [1], [None], {"a": 1}, ["a"] * 201]), (checking.number(0, 5), [6, -1, "5", 5.0, True, None, 10**30]),
    (checking.paise, [-1, 10**16, "100", 1.5, False]), (checking.yes_no, ["yes", 1, 0, "true", []]),
    (checking.identity, ["", "x", 5, [], "01a20145", "g1a20145-fbf7-796b-9432-8a0230f5f065"]),
    (checking.day, ["", "21-11-2026", "2026-02-30", 20261121, "2026-11-21T00:00:00", "1849-12-31", "2200-01-01", [], "0001-01-01"]),
    (checking.clock_time, ["", "25:00", "half past", 16, []]),
    (checking.moment, ["", "2026-11-21", "2026-11-21T04:40:00", "2026-11-21 04:40", 1_700_000_000, "0001-01-01T00:00:00+00:00", []]),
    (checking.email, [5, "x" * 255, []]), (checking.words(3), [[], "x", {"hi": 5}, {"hi": "abcd"}, {str(n): "" for n in range(201)}]),
    (checking.facts, [[], "x", 5]), (checking.one_of({"cash"}), ["Cash", "", 5, None, ["cash"]]),
]  # fmt: skip


@pytest.mark.parametrize(("check", "bad"), _BAD)
def test_bad_values_are_refused_in_words(check: Callable[[Any], Any], bad: list[Any]) -> None:
    for one in bad:
        with pytest.raises(ValueError) as refusal:
            check(one)
        assert str(refusal.value).endswith("."), one


def test_lone_surrogates_of_json_never_reach_the_database() -> None:
    assert checking.text(10)(json.loads('"a\\ud800b"')) == "ab"


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=5,
)  # fmt: skip


@given(record=st.dictionaries(st.sampled_from(["id", "name", "day", "listed", "flag", "sum"]), _ANY))
def test_whatever_a_record_says_its_columns_are_right_or_told(record: dict[str, Any]) -> None:
    columns = [
        Column("id", checking.identity, needed=True), Column("name", checking.text(4), default=""), Column("day", checking.day),
        Column("listed", checking.texts(4), "listed_so", default=list), Column("flag", checking.yes_no, default=False),
        Column("sum", checking.paise, "sum_paise", default=0),
    ]  # fmt: skip
    problems: list[Problem] = []
    found = checking.columns_of(record, columns, problems)
    assert (found is None) == any(problem.column == "id" for problem in problems)
    if found is not None:
        assert set(found) == {"id", "name", "day", "listed_so", "flag", "sum_paise"}
        assert (
            isinstance(found["name"], str) and isinstance(found["listed_so"], list) and isinstance(found["flag"], bool)
        )
        assert type(found["sum_paise"]) is int and found["sum_paise"] >= 0


def test_defaults_are_not_shared_between_rows() -> None:
    columns = [Column("listed", checking.texts(4), default=list)]
    first, second = (checking.columns_of({}, columns, []) for _ in range(2))
    assert first is not None and second is not None
    first["listed"].append("x")
    assert second["listed"] == []


# --- the file ------------------------------------------------------------------------------------------------------


def file_of(
    path: Path, lists: dict[str, list[Any]], *, named: list[str] | None = None, end: str = '"end":true}\n'
) -> str:
    head = {"format": "amanat", "version": 1, "fields": {}, "parts": list(lists) if named is None else named}
    text = json.dumps(head)[:-1] + ",\n"
    for name, records in lists.items():
        text += f'"{name}":[\n' + ",\n".join(json.dumps(one) for one in records) + "\n],\n"
    path.write_text(text + end)
    return str(path)


def rows(path: str, part: str = "") -> list[list[str]]:
    return [list(row.cells) for row in jsonfiles.open_table(path, part, Limits()).rows()]


def test_lists_are_taken_in_the_order_in_which_they_point_at_each_other(tmp_path: Path) -> None:
    lists = {
        "contacts": [{"id": 1}],
        "timeline": [{"id": 2}],
        "companies": [{"id": 3}],
        "members": [{"id": 4}],
        "tags": [{"id": 5}],
    }
    path = file_of(tmp_path / "a.json", lists)
    found = rows(path)
    assert [name for name, _text in found] == ["tags", "companies", "contacts", "timeline"]
    assert [row.number for row in jsonfiles.open_table(path, "", Limits()).rows()] == [1, 2, 3, 4]


def test_lists_of_people_alone_are_taken_one_by_one_as_ever(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.json", {"contacts": [{"id": 1}, {"id": 2}], "companies": [{"id": 3}]})
    table = jsonfiles.open_table(path, "", Limits())
    assert (table.parts, table.part, table.columns) == (["contacts", "companies"], "contacts", ["Amanat record"])
    assert rows(path) == [['{"id": 1}'], ['{"id": 2}']]
    assert rows(path, "companies") == [['{"id": 3}']]


@pytest.mark.parametrize("part", ["members", "services", "papers", "nothing", "../contacts"])
def test_a_list_that_cannot_be_taken_alone_is_refused(tmp_path: Path, part: str) -> None:
    path = file_of(tmp_path / "a.json", {"contacts": [], "members": [], "tags": []})
    with pytest.raises(FileRefused):
        jsonfiles.open_table(path, part, Limits())


def test_a_list_that_the_head_names_and_the_file_has_not_was_cut_off(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.json", {"tags": [{"id": 1}]}, named=["tags", "contacts"], end="")
    with pytest.raises(FileRefused, match="cut off"):
        rows(path)


def test_a_text_that_looks_like_a_heading_is_only_text(tmp_path: Path) -> None:
    lists = {"tags": [{"id": '"contacts":['}, {"id": "]"}, {"id": "],"}], "contacts": [{"id": 1}]}
    found = rows(file_of(tmp_path / "a.json", lists))
    assert [name for name, _text in found] == ["tags"] * 3 + ["contacts"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"format": "other", "version": 1,\n', "not exported"), ('{"format": "amanat", "version": 9,\n', "newer"), ("{", "not JSON"),
        ('{"format": "amanat"}', "newer"), ("[]", "not exported"), ('{"format": "amanat", "version": 1}', "no such list"), ("{" * 3_000, "not JSON"),
        ('{"format": "amanat", "version": 1, "parts": "contacts",\n', "no such list"), ('{"format": "amanat", "version": 1, "tags": {}}', "no such list"),
    ],
)  # fmt: skip
def test_files_that_are_not_ours_are_refused_in_words(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(FileRefused) as refusal:
        jsonfiles.open_table(str(path), "", Limits())
    assert words in refusal.value.reason


@pytest.mark.parametrize("fields", [[], "x", None, {"contact": "x"}, {"contact": [1, None, {"key": 5}]}])
def test_strange_definitions_of_fields_do_no_harm(tmp_path: Path, fields: Any) -> None:
    from amanat.people.importing import customs
    from amanat.people.importing.mapping import Mapping

    path = tmp_path / "a.json"
    path.write_text(json.dumps({"format": "amanat", "version": 1, "fields": fields, "contacts": [{"name": "Asha"}]}))
    table = jsonfiles.open_table(str(path), "", Limits())
    assert customs.wanted_of(Mapping("amanat", ()), table, "contact") == {}


def test_every_list_has_its_place() -> None:
    order = parts.order()
    assert order.index("companies") < order.index("contacts") < order.index("timeline")
    assert order.index("stages") < order.index("contacts") and order.index("tags") < order.index("contacts")
    assert [parts.title_of(key) for key in ("contacts", "tags", "unknown")] == ["Contacts", "Tags", "unknown"]
