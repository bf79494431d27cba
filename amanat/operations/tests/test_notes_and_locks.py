"""Small files others read while they are written, and locks that end with whoever holds them."""

import json
import multiprocessing
import os
import tempfile
import threading
from pathlib import Path

import pytest

from amanat.core import configuration as settings
from amanat.core import wholefiles
from amanat.operations import locks, notes
from amanat.operations.locks import Lock
from amanat.operations.tests import places

# --- notes -------------------------------------------------------------------------------------------------------


def test_a_note_is_written_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    wholefiles.write(path, "one")
    wholefiles.write(path, "zwei – दो")
    assert path.read_text() == "zwei – दो"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_commands_learn_where_the_site_is_served(tmp_path: Path) -> None:
    there = settings.load({"AMANAT_DATA": str(tmp_path), "AMANAT_PORT": "8123"})
    elsewhere = settings.load({"AMANAT_DATA": str(tmp_path)})
    assert notes.address(elsewhere) == "http://localhost:8000"
    notes.keep_address(there)
    assert notes.address(elsewhere) == "http://localhost:8123"


@pytest.mark.slow
def test_whoever_reads_while_it_is_written_reads_one_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    texts = {json.dumps(["a"] * 5000), json.dumps(["b"] * 7000)}
    wholefiles.write(path, min(texts))
    over = threading.Event()

    def write() -> None:
        for _ in range(60):
            for text in texts:
                wholefiles.write(path, text)
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not over.is_set():
        seen.add(path.read_text())
    writer.join()
    assert seen <= texts


def test_a_note_that_cannot_be_written_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    wholefiles.write(path, "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wholefiles.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        wholefiles.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    note, kept = tmp_path / "state.json", [".hidden", "lock", "papers"]
    wholefiles.write(note, "{}")
    for name in kept:
        (tmp_path / name).touch()
    handle, half = tempfile.mkstemp(dir=tmp_path, prefix=f".{note.stem}-")  # as far as a writer came
    os.close(handle)
    wholefiles.clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "state.json"])
    assert not Path(half).exists()


def test_a_note_needs_its_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        wholefiles.write(tmp_path / "none/state.json", "x")
    assert list(tmp_path.iterdir()) == []


# --- locks -------------------------------------------------------------------------------------------------------


def test_one_holder_at_a_time_and_others_read_who(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = Lock(path), Lock(path)
    assert first.is_free()
    assert first.take({"purpose": "up"})
    assert not second.take({"purpose": "command"})
    assert second.holder() == {"pid": os.getpid(), "purpose": "up"}
    assert not second.is_free()
    first.release()
    assert second.is_free()
    assert second.take({"purpose": "a"})
    assert second.holder()["purpose"] == "a"  # a shorter note leaves nothing of the longer one
    second.release()


def test_releasing_twice_or_before_taking_harms_nothing(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.release()
    assert lock.take({})
    lock.release()
    lock.release()
    assert lock.is_free()


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '"x"'])
def test_a_note_being_written_names_nobody(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lock"
    path.write_text(content)
    assert Lock(path).holder() == {}
    assert Lock(tmp_path / "none").holder() == {}


def test_two_who_look_whether_it_is_free_do_not_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with locks.shared(path):
        assert Lock(path).is_free()
        assert not Lock(path).take({})


def _hold(path: str, taken: "multiprocessing.synchronize.Event") -> None:
    lock = Lock(Path(path))
    assert lock.take({})
    taken.set()
    threading.Event().wait(60)


def test_a_lock_ends_with_a_killed_holder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    taken = context.Event()
    path = tmp_path / "lock"
    holder = context.Process(target=_hold, args=[str(path), taken])
    holder.start()
    assert taken.wait(30)
    assert not Lock(path).is_free()
    assert holder.pid is not None
    places.kill(holder.pid)
    holder.join()
    assert Lock(path).is_free()
    assert Lock(path).holder()["pid"] == holder.pid  # the note stays: it says who it was


def test_users_of_something_are_seen_until_the_last_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "users"
    assert locks.nobody_shares(path)
    with locks.shared(path):
        with locks.shared(path):
            assert not locks.nobody_shares(path)
        assert not locks.nobody_shares(path)
    assert locks.nobody_shares(path)


def test_a_lock_is_handed_to_a_child_only_on_purpose(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    assert lock.take({})
    assert not os.get_inheritable(lock.descriptor)
    lock.release()


def test_waiting_for_a_lock_ends_when_it_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = Lock(path), Lock(path)
    assert first.take({})
    got: list[bool] = []
    waiter = threading.Thread(target=lambda: got.append(second.take({"n": 2}, wait=True)))
    waiter.start()
    waiter.join(0.05)
    assert got == []
    first.release()
    waiter.join(30)
    assert got == [True]
    assert path.read_text().count("{") == 1
    second.release()
