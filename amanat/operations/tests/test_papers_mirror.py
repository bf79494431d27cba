"""Papers beside the archive: copied, kept for the days after they are gone, brought back."""

import dataclasses
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.core.configuration import Configuration
from amanat.operations import dumps
from amanat.operations.archive import papers
from amanat.operations.archive.papers import Mirror
from amanat.operations.tests import places

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def here(place: Path) -> Configuration:
    found = dataclasses.replace(places.install(place), archive_days=7)
    dumps.files_folder(found).mkdir(parents=True)
    return found


def store(here: Configuration, name: str, content: bytes = b"sealed") -> Path:
    path = dumps.files_folder(here) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def kept(here: Configuration) -> dict[str, bytes]:
    folder = papers.folder(here)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def noted(here: Configuration) -> dict[str, str]:
    path = papers.folder(here).with_name("papers.json")
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


def after(**length: float) -> datetime:
    return NOW + timedelta(**length)


def test_what_is_new_is_copied_once_and_readable_by_its_owner_alone(here: Configuration) -> None:
    store(here, "w1/a", b"one")
    store(here, "w2/b", b"two")
    mirror = Mirror(here)
    assert [mirror.follow(NOW), mirror.follow(NOW)] == [2, 0]
    assert kept(here) == {"w1/a": b"one", "w2/b": b"two"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in papers.folder(here).rglob("*") if path.is_file())
    store(here, "w1/c", b"three")
    assert mirror.follow(NOW) == 1
    assert Mirror(here).follow(NOW) == 0  # another process finds nothing to do


def test_what_is_being_written_waits_until_it_is_whole(here: Configuration) -> None:
    half = store(here, "w1/a#1")
    store(here, "w1/.hidden")
    (dumps.files_folder(here) / "w1/link").symlink_to(half)
    mirror = Mirror(here)
    assert mirror.follow(NOW) == 0
    half.rename(half.with_name("a"))
    assert mirror.follow(NOW) == 1
    assert list(kept(here)) == ["w1/a"]


def test_what_is_gone_stays_for_the_days_and_then_goes(here: Configuration) -> None:
    store(here, "w1/a").touch()
    mirror = Mirror(here)
    mirror.follow(NOW)
    store(here, "w1/a").unlink()
    mirror.follow(after(hours=1))
    assert noted(here) == {"w1/a": after(hours=1).isoformat()}
    mirror.follow(after(days=7))
    assert list(kept(here)) == ["w1/a"]
    mirror.follow(after(days=7, hours=1))
    assert (kept(here), noted(here)) == ({}, {})


def test_a_whole_workspace_that_is_gone_is_noted_too(here: Configuration) -> None:
    path = store(here, "w1/a")
    Mirror(here).follow(NOW)
    path.unlink()
    path.parent.rmdir()
    Mirror(here).follow(after(hours=1))
    assert list(noted(here)) == ["w1/a"]
    Mirror(here).follow(after(days=8))
    assert kept(here) == {}


def test_what_came_back_is_no_longer_counted_as_gone(here: Configuration) -> None:
    store(here, "w1/a")
    Mirror(here).follow(NOW)
    store(here, "w1/a").unlink()
    Mirror(here).follow(after(days=1))
    store(here, "w1/a")
    Mirror(here).follow(after(days=2))
    assert noted(here) == {}
    Mirror(here).follow(after(days=30))
    assert list(kept(here)) == ["w1/a"]


def test_a_folder_that_did_not_change_is_not_read_again(here: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store(here, "w1/a")
    long_ago = (NOW - timedelta(days=1)).timestamp()
    os.utime(path.parent, (long_ago, long_ago))
    mirror = Mirror(here)
    mirror.follow(NOW)
    read: list[Path] = []
    real = papers._files
    monkeypatch.setattr(papers, "_files", lambda within: read.append(within) or real(within))
    mirror.follow(NOW)
    assert read == []
    store(here, "w1/b")
    mirror.follow(NOW)
    assert len(read) == 2


def test_one_erased_while_it_is_copied_leaves_nothing(here: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store(here, "w1/a")
    real = papers.shutil.copyfile

    def erased(source: Path, target: Path) -> object:
        path.unlink(missing_ok=True)
        return real(source, target)

    monkeypatch.setattr(papers.shutil, "copyfile", erased)
    assert Mirror(here).follow(NOW) == 0
    assert kept(here) == {}


@pytest.mark.parametrize("content", ["", "{", "[]", "7"])
def test_a_spoilt_note_is_begun_anew(here: Configuration, content: str) -> None:
    store(here, "w1/a")
    Mirror(here).follow(NOW)
    store(here, "w1/a").unlink()
    papers.folder(here).with_name("papers.json").write_text(content)
    Mirror(here).follow(after(days=1))
    assert noted(here) == {"w1/a": after(days=1).isoformat()}


def test_without_a_store_or_an_archive_there_is_nothing_to_do(place: Path) -> None:
    here = places.install(place)
    assert Mirror(here).follow(NOW) == 0
    assert not papers.folder(here).exists()
    papers.forget_all(here)
    assert papers.bring_back(here, ["w/a"]) == (0, ["w/a"])


def test_forgetting_takes_copies_and_notes(here: Configuration) -> None:
    store(here, "w1/a")
    Mirror(here).follow(NOW)
    store(here, "w1/a").unlink()
    Mirror(here).follow(NOW)
    papers.forget_all(here)
    assert list(papers.folder(here).parent.iterdir()) == []


def test_what_the_store_lacks_is_put_back_and_the_rest_left_alone(here: Configuration) -> None:
    for name in ("w1/a", "w1/b", "w2/c"):
        store(here, name, name.encode())
    Mirror(here).follow(NOW)
    store(here, "w1/a").unlink()
    store(here, "w2/c", b"changed since")
    assert papers.bring_back(here, ["w1/a", "w1/b", "w2/c", "w3/never"]) == (1, ["w3/never"])
    assert store(here, "x/x").parent.exists()
    assert (dumps.files_folder(here) / "w1/a").read_bytes() == b"w1/a"
    assert (dumps.files_folder(here) / "w2/c").read_bytes() == b"changed since"


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "w1/../../outside", "", "."])
def test_a_name_that_leads_out_of_the_store_is_not_followed(here: Configuration, name: str) -> None:
    store(here, "w1/a")
    Mirror(here).follow(NOW)
    (papers.folder(here).parent / "outside").write_text("x")
    assert papers.bring_back(here, [name]) == (0, [name])
    assert not (here.data / "outside").exists()


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 5)), max_size=14))
@settings(max_examples=40, deadline=None)
def test_whatever_comes_and_goes_what_was_there_within_the_days_can_be_brought_back(
    steps: list[tuple[str, bool, int]],
) -> None:
    with places.folder() as folder:
        here = dataclasses.replace(places.install(folder), archive_days=7)
        store(here, "w/keep")
        at, last_seen = NOW, dict[str, datetime]()
        for name, is_there, days in steps:
            path = dumps.files_folder(here) / "w" / name
            path.touch() if is_there else path.unlink(missing_ok=True)
            Mirror(here).follow(at)
            last_seen |= {one.name: at for one in path.parent.iterdir()}
            at += timedelta(days=days)
        Mirror(here).follow(at)
        there = {one.name for one in (dumps.files_folder(here) / "w").iterdir()}
        copies = {Path(name).name for name in kept(here)}
        for name, seen in last_seen.items():
            if name in there or at - seen < timedelta(days=7):
                assert name in copies
        assert set(noted(here)) == {f"w/{name}" for name in copies - there}
