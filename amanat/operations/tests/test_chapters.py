"""Chapters of the archive: names, keys, order, and how long they stay."""

import dataclasses
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.core import rootkeys
from amanat.core.configuration import Configuration
from amanat.operations import Refused
from amanat.operations.archive import chapters
from amanat.operations.archive.chapters import Chapter, Keyring, Line
from amanat.operations.tests import places

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LINE, NEXT = Line("77", 1), Line("77", 2)
SIZE = 16 << 20


@pytest.fixture
def here(place: Path) -> Configuration:
    return places.install(place)


def opened(here: Configuration, days: float, *, line: Line = LINE, made: bool = True) -> Chapter:
    """A chapter opened so many days ago, with its copy a minute later."""
    at = NOW - timedelta(days=days)
    chapter = chapters.open_new(here, line=line, segment_size=SIZE, at=at)
    for path in chapters.keys_folder(here).iterdir():
        os.utime(path, (at.timestamp(),) * 2)
    return chapters.complete(chapter, first_segment="0" * 24, made_at=at + timedelta(minutes=1)) if made else chapter


def kept(here: Configuration) -> list[float]:
    return [round((NOW - chapter.opened_at) / timedelta(days=1), 3) for chapter in chapters.all_of(here)]


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "size", "name"),
    [
        (1, 16 << 20, "000000010000000000000001"),
        (255, 16 << 20, "0000000100000000000000FF"),
        (256, 16 << 20, "000000010000000100000000"),
        (0x1_0203, 16 << 20, "000000010000010200000003"),
        (3, 1 << 20, "000000010000000000000003"),
        (4096, 1 << 20, "000000010000000100000000"),
        (4, 1 << 30, "000000010000000100000000"),
    ],
)
def test_segments_have_the_servers_names(number: int, size: int, name: str) -> None:
    assert chapters.segment_name(LINE, number, size) == name
    assert chapters.segment_number(name, size) == number


@given(st.integers(0, 2**33), st.sampled_from([1 << 20, 16 << 20, 64 << 20, 1 << 30]), st.integers(1, 2**31))
def test_names_follow_the_order_of_numbers(number: int, size: int, timeline: int) -> None:
    line = Line("77", timeline)
    name, after = (chapters.segment_name(line, one, size) for one in (number, number + 1))
    assert len(name) == 24
    assert name < after
    assert chapters.segment_number(name, size) == number


def test_a_chapter_is_named_after_the_second_it_was_opened_and_in_utc(here: Configuration) -> None:
    at = datetime.fromisoformat("2026-11-22T15:30:07.9+05:30")
    chapter = chapters.open_new(here, line=LINE, segment_size=SIZE, at=at)
    assert chapter.name == "2026-11-22T100007Z"
    assert chapter.opened_at == NOW + timedelta(seconds=7)


def test_two_in_one_second_are_refused_and_the_first_stays(here: Configuration) -> None:
    first = chapters.open_new(here, line=LINE, segment_size=SIZE, at=NOW)
    before = Keyring(here).of(first).keys(b"s" * 16)
    with pytest.raises(FileExistsError):
        chapters.open_new(here, line=LINE, segment_size=SIZE, at=NOW)
    assert Keyring(here).of(first).keys(b"s" * 16) == before


# --- what is written of them -------------------------------------------------------------------------------------


def test_what_was_written_of_a_chapter_is_read(here: Configuration) -> None:
    open_one, done = opened(here, 1, made=False), opened(here, 2)
    assert chapters.all_of(here) == [done, open_one]
    assert (open_one.made_at, done.made_at) == (None, NOW - timedelta(days=2) + timedelta(minutes=1))
    assert (done.base.name, done.wal.is_dir(), done.first_segment) == ("base", True, "0" * 24)


def test_nothing_else_in_the_folder_is_taken_for_a_chapter(here: Configuration) -> None:
    good = opened(here, 1)
    for name in ("papers", "2026-11-22", "2026-11-22T10000Z", "x2026-11-22T100000Z", "2026-11-22T100000Zx"):
        folder = chapters.place(here) / name
        folder.mkdir()
        (folder / "chapter.json").write_text((good.folder / "chapter.json").read_text())
    (chapters.place(here) / "lock").touch()
    assert chapters.all_of(here) == [good]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"line": {"system": "7"}, "segment_size": 1, "first_segment": "", "made_at": ""}',
        '{"line": {"system": "7", "timeline": "x"}, "segment_size": 1, "first_segment": "", "made_at": ""}',
        '{"line": {"system": "7", "timeline": 1}, "segment_size": null, "first_segment": "", "made_at": ""}',
        '{"line": {"system": "7", "timeline": 1}, "segment_size": 1, "first_segment": "", "made_at": "yesterday"}',
        '{"line": {"system": "7", "timeline": 1}, "segment_size": 1, "made_at": ""}',
    ],
)
def test_a_description_that_cannot_be_read_makes_no_chapter(here: Configuration, content: str) -> None:
    chapter = opened(here, 1)
    (chapter.folder / "chapter.json").write_text(content)
    assert chapters.all_of(here) == []


def test_where_there_is_no_archive_there_are_no_chapters(here: Configuration) -> None:
    assert chapters.all_of(here) == []
    assert chapters.prune(here, NOW) == []


def test_parts_of_a_segment_stand_in_the_order_of_their_numbers_whatever_chapter_they_are_in(
    here: Configuration,
) -> None:
    first, second, foreign = opened(here, 2), opened(here, 1), opened(here, 0.5, line=NEXT)
    a, b = "000000010000000000000001", "000000010000000000000002"
    for chapter, names in (
        (first, [f"{b}.2", f"{a}.0", f"{b}.0"]),
        (second, [f"{b}.10", f"{b}.1", "garbage", f"{b}.tmp", f"{b.lower()[:-1]}g.1"]),
        (foreign, [f"{a}.7"]),
    ):
        for name in names:
            (chapter.wal / name).touch()
    found = chapters.parts(chapters.all_of(here), LINE)
    assert list(found) == [a, b]
    assert [(number, chapter) for number, _, chapter in found[b]] == [
        (0, first),
        (1, second),
        (2, first),
        (10, second),
    ]
    assert [path for _, path, _ in found[a]] == [first.wal / f"{a}.0"]


def test_a_chapter_whose_log_is_gone_has_no_parts(here: Configuration) -> None:
    opened(here, 1).wal.rmdir()
    assert chapters.parts(chapters.all_of(here), LINE) == {}


# --- keys --------------------------------------------------------------------------------------------------------


def test_each_chapter_has_a_key_of_its_own_which_is_not_in_its_folder(here: Configuration) -> None:
    first, second = opened(here, 2), opened(here, 1)
    keys = Keyring(here)
    assert keys.of(first).keys(b"s" * 16) != keys.of(second).keys(b"s" * 16)
    assert keys.of(first).keys(b"s" * 16) == Keyring(here).of(first).keys(b"s" * 16)
    names = sorted(path.name for path in chapters.keys_folder(here).iterdir())
    assert names == [f"{first.name}.keys", f"{second.name}.keys"]
    assert not list(chapters.place(here).rglob("*.keys"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in chapters.keys_folder(here).iterdir())


@pytest.mark.slow
def test_a_passphrase_locks_the_keys_where_one_is_set(here: Configuration) -> None:
    locked = dataclasses.replace(here, backup_passphrase="twelve quiet lanterns")
    chapter = opened(locked, 1)
    assert Keyring(locked).of(chapter).keys(b"s" * 16)
    with pytest.raises(Refused, match="set AMANAT_BACKUP_PASSPHRASE"):
        Keyring(here).of(chapter)
    with pytest.raises(Refused, match="does not open"):
        Keyring(dataclasses.replace(here, backup_passphrase="another one altogether")).of(chapter)


def test_a_key_is_opened_once(here: Configuration) -> None:
    chapter, keys = opened(here, 1), Keyring(here)
    first = keys.of(chapter)
    for path in chapters.keys_folder(here).iterdir():
        path.unlink()
    assert keys.of(chapter) is first
    with pytest.raises(Refused, match="put them back as"):
        Keyring(here).of(chapter)


def test_the_keys_of_another_chapter_do_not_pass_for_its_own(here: Configuration) -> None:
    first, second = opened(here, 2), opened(here, 1)
    folder = chapters.keys_folder(here)
    (folder / f"{first.name}.keys").replace(folder / f"{second.name}.keys")
    with pytest.raises(Refused, match="belongs to something else"):
        Keyring(here).of(second)


def test_after_the_root_key_was_replaced_older_chapters_open_with_the_former_one(here: Configuration) -> None:
    from amanat.operations import dumps

    chapter = opened(here, 1)
    former = dumps.former_root_keys(here)
    former.write_text(here.root_key_file.read_text())
    former.chmod(0o600)
    here.root_key_file.unlink()
    rootkeys.create(here.root_key_file)
    assert Keyring(here).of(chapter)
    former.unlink()
    with pytest.raises(Refused, match="is not the one"):
        Keyring(here).of(chapter)


# --- how long they stay ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "before", "after"),
    [
        (7, [0.4, 1.4, 2.4, 6.4], [0.4, 1.4, 2.4, 6.4]),
        (
            7,
            [0.4, 6.9, 7.4, 8.4, 9.4],
            [0.4, 6.9, 7.4],
        ),  # one older than the days is needed for the moments up to the next
        (1, [0.4, 1.4, 2.4], [0.4, 1.4]),
        (1, [0.4, 0.9], [0.4, 0.9]),
        (7, [20], [20]),  # no later copy was made: its moments are all there are
        (7, [30], []),  # but nothing is older than 30 days
        (30, [1, 15, 29.9, 30], [1, 15, 29.9]),
        (0, [0.1, 5], []),
    ],
)
def test_chapters_stay_as_long_as_a_wanted_moment_needs_them(
    here: Configuration, days: int, before: list[float], after: list[float]
) -> None:
    wanting = dataclasses.replace(here, archive_days=days)
    for age in before:
        opened(wanting, age)
    gone = chapters.prune(wanting, NOW)
    assert kept(wanting) == sorted(after, reverse=True)
    assert len(gone) == len(before) - len(after)
    names = {f"{chapter.name}.keys" for chapter in chapters.all_of(wanting)}
    assert {path.name for path in chapters.keys_folder(wanting).iterdir()} == names


def test_a_chapter_without_a_copy_lets_no_earlier_one_go(here: Configuration) -> None:
    for age in (9, 8):
        opened(here, age)
    opened(here, 7.5, made=False)
    chapters.prune(here, NOW)
    assert kept(here) == [8.0, 7.5]


def test_the_history_before_a_restore_stays_for_its_days_too(here: Configuration) -> None:
    opened(here, 9)
    opened(here, 6.5, line=NEXT)
    assert chapters.prune(here, NOW) == []
    assert len(chapters.prune(here, NOW + timedelta(days=0.6))) == 1
    assert [chapter.line for chapter in chapters.all_of(here)] == [NEXT]


@pytest.mark.slow
@given(st.lists(st.floats(0.01, 40), min_size=1, max_size=12, unique=True), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_what_stays_holds_every_wanted_moment_that_was_held_before_and_nothing_too_old(
    ages: list[float], days: int
) -> None:
    with places.folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(chapters.backup, "write_keys", lambda configuration, path, **more: path.touch())
        here = dataclasses.replace(places.install(folder), archive_days=days)
        for age in {round(age, 3) for age in ages}:
            opened(here, age)
        before = chapters.all_of(here)
        chapters.prune(here, NOW)
        after = chapters.all_of(here)
    assert all(NOW - chapter.opened_at < chapters.LONGEST for chapter in after)
    young = [chapter for chapter in before if NOW - chapter.opened_at < chapters.LONGEST]
    moments = [NOW - timedelta(days=days) + timedelta(hours=hours) for hours in range(0, days * 24 + 1, 6)]
    for moment in moments:
        source = [chapter for chapter in young if chapter.made_at and chapter.made_at <= moment]
        if source:
            assert max(source, key=lambda chapter: chapter.name) in after


def test_keys_of_no_chapter_go_but_not_one_that_is_about_to_be_used(here: Configuration) -> None:
    opened(here, 1)
    old, new = (chapters.keys_folder(here) / f"2026-11-{day}T020000Z.keys" for day in (20, 21))
    for path, hours in ((old, 2), (new, 0.5)):
        path.touch()
        at = (NOW - timedelta(hours=hours)).timestamp()
        os.utime(path, (at, at))
    chapters.prune(here, NOW)
    assert (old.exists(), new.exists()) == (False, True)


def test_the_key_goes_before_the_chapter_so_that_a_kill_in_between_leaves_noise(
    here: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    chapter = opened(here, 31)

    class Killed(Exception):
        pass

    def killed(path: Path, **more: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(chapters.shutil, "rmtree", killed)
        with pytest.raises(Killed):
            chapters.prune(here, NOW)
    assert chapter.folder.exists()
    assert not list(chapters.keys_folder(here).iterdir())


def test_the_description_names_nobody(here: Configuration) -> None:
    described = json.loads((opened(here, 1).folder / "chapter.json").read_text())
    assert set(described) == {"line", "segment_size", "first_segment", "made_at"}
