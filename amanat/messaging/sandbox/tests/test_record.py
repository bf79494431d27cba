"""What a double was told of people goes after a week, and when one of them is erased; what it is stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from amanat.core import clock
from amanat.messaging.sandbox import record
from amanat.messaging.sandbox.record import Record


def asked(path: Path) -> list[tuple[str, str]]:
    return [(line["what"], line.get("to", "")) for line in Record(path).lines()]


def test_a_line_comes_back_as_it_was_written(tmp_path: Path) -> None:
    kept = Record(tmp_path / "a.jsonl")
    kept.add("accepted", to="919822041736", text="नमस्ते\nAsha")
    assert list(kept.lines()) == [{"what": "accepted", "to": "919822041736", "text": "नमस्ते\nAsha"}]


def test_lines_about_messages_go_after_a_week_and_the_double_stays_itself(tmp_path: Path) -> None:
    path, now = tmp_path / "a.jsonl", clock.now()
    with clock.standing_at(now - timedelta(days=8)):
        old = Record(path)
        old.add("number", to="ours")
        old.add("accepted", to="old")
    with clock.standing_at(now - timedelta(days=6)):
        old.add("said", to="new")
    assert asked(path) == [("number", "ours"), ("said", "new")]


def test_a_double_that_runs_for_weeks_forgets_meanwhile(tmp_path: Path) -> None:
    path, now = tmp_path / "a.jsonl", clock.now()
    with clock.standing_at(now - timedelta(days=30)):
        runs = Record(path)
        runs.add("accepted", to="old")
    with clock.standing_at(now):
        runs.add("accepted", to="new")
    assert [line["to"] for line in runs.lines()] == ["new"]


def test_whoever_is_erased_is_taken_out_of_every_record_under_a_running_double(tmp_path: Path) -> None:
    runs, other = Record(tmp_path / "a.jsonl"), Record(tmp_path / "b.jsonl")
    runs.add("number", to="919822041736")
    for to in ("919822041736", "919900000000"):
        runs.add("accepted", to=to)
        other.add("said", to=to)
    assert record.holding(tmp_path, lambda text: "9822041736" in text) == ["a.jsonl", "b.jsonl"]
    assert record.forget(tmp_path, lambda text: "9822041736" in text) == 2
    assert record.holding(tmp_path, lambda text: "9822041736" in text) == []
    runs.add("accepted", to="after")
    assert asked(tmp_path / "a.jsonl") == [
        ("number", "919822041736"), ("accepted", "919900000000"), ("accepted", "after"),
    ]  # fmt: skip
    assert asked(tmp_path / "b.jsonl") == [("said", "919900000000")]


def test_a_line_that_a_kill_cut_off_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    Record(path).add("accepted", to="whole")
    with path.open("a") as file:
        file.write('{"what": "acce')
    assert asked(path) == [("accepted", "whole")]
