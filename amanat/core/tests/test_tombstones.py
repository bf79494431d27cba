"""What was ended for good is remembered outside the database, by hashes that say nothing without their key."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from amanat.core import ids, tombstones
from amanat.core.models import TombstoneDue
from amanat.core.tombstones import Kind

HERE, THERE = ids.new(), ids.new()
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def path() -> Path:
    return Path(settings.LEDGER_HEADS_FILE).with_name("tombstones.jsonl")


def remember(kind: Kind, *subjects: object, at: datetime = AT) -> None:
    tombstones.append([tombstones._lines(kind, list(subjects), at, HERE)])  # type: ignore[arg-type]


def test_nothing_is_remembered_at_first() -> None:
    assert len(tombstones.read()) == 0
    assert tombstones.read().ended_at(Kind.CONTACT, ids.new(), workspace_id=HERE) is None


def test_what_was_ended_is_found_by_kind_workspace_and_id() -> None:
    asha, ravi = ids.new(), ids.new()
    remember(Kind.CONTACT, asha)
    known = tombstones.read()
    assert known.among(Kind.CONTACT, [asha, ravi], workspace_id=HERE) == [asha]
    assert known.among(Kind.CONTACT, [asha, ravi], workspace_id=THERE) == []
    assert known.among(Kind.COMPANY, [asha, ravi], workspace_id=HERE) == []


def test_the_last_time_counts() -> None:
    user = ids.new()
    for days in (1, 3, 2):
        remember(Kind.PASSWORD, user, at=AT + timedelta(days=days))
    assert tombstones.read().ended_at(Kind.PASSWORD, user, workspace_id=HERE) == AT + timedelta(days=3)


def test_the_file_names_nobody_and_is_its_owners_alone() -> None:
    asha = ids.new()
    remember(Kind.CONTACT, asha)
    text = path().read_text()
    assert "contact purged" in text
    assert [word for word in (str(asha), asha.hex, str(HERE), HERE.hex) if word in text] == []
    assert path().stat().st_mode & 0o777 == 0o600


def test_a_line_cut_by_a_crash_spoils_neither_the_one_before_nor_the_one_after() -> None:
    first, lost, last = ids.new(), ids.new(), ids.new()
    remember(Kind.TOKEN, first, lost)
    path().write_bytes(path().read_bytes()[:-20])
    remember(Kind.TOKEN, last)
    known = tombstones.read()
    assert known.among(Kind.TOKEN, [first, lost, last], workspace_id=HERE) == [first, last]


def test_without_the_key_reading_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    remember(Kind.SEAT, ids.new())
    monkeypatch.setattr(type(settings.CONFIGURATION), "tombstone_key_file", property(lambda _: tmp_path / "none"))
    with pytest.raises(tombstones.KeyMissing, match="put it back"):
        tombstones.read()


def test_it_is_written_with_the_commit_and_not_after_a_rollback(committed_db: None) -> None:
    kept, undone = ids.new(), ids.new()
    with transaction.atomic():
        tombstones.record(Kind.CONTACT, [kept], workspace_id=HERE, at=AT)
        assert not path().exists()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        tombstones.record(Kind.CONTACT, [undone], workspace_id=HERE, at=AT)
        raise ZeroDivisionError
    assert tombstones.read().among(Kind.CONTACT, [kept, undone], workspace_id=HERE) == [kept]


# --- A kill between the commit and the file -----------------------------------------------------------------------


def test_what_a_killed_process_left_is_carried_over(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead right after its commit, the process wrote nothing; its row is still there for whoever looks next."""
    gone = ids.new()
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as killed:
        killed.setattr(tombstones, "append", _dies)
        with transaction.atomic():
            tombstones.record(Kind.CONTACT, [gone], workspace_id=HERE, at=AT)
    assert len(tombstones.read()) == 0
    assert tombstones.settle() == 1
    assert tombstones.read().ended_at(Kind.CONTACT, gone, workspace_id=HERE) == AT
    assert (tombstones.settle(), TombstoneDue.objects.count()) == (0, 0)


def test_killed_after_the_file_it_is_written_twice_and_says_the_same(
    committed_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, write = ids.new(), tombstones.append

    def written_and_dead(texts: Iterable[str]) -> None:
        write(texts)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as killed:
        killed.setattr(tombstones, "append", written_and_dead)
        with transaction.atomic():
            tombstones.record(Kind.CONTACT, [gone], workspace_id=HERE, at=AT)
    assert tombstones.settle() == 1
    assert len(path().read_text().splitlines()) == 2
    assert len(tombstones.read()) == 1


def test_nothing_waits_after_an_ordinary_commit_or_a_rollback(committed_db: None) -> None:
    with transaction.atomic():
        tombstones.record(Kind.TOKEN, [ids.new()], workspace_id=HERE, at=AT)
        assert TombstoneDue.objects.count() == 1
    assert TombstoneDue.objects.count() == 0
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        tombstones.record(Kind.TOKEN, [ids.new()], workspace_id=HERE, at=AT)
        raise ZeroDivisionError
    assert (TombstoneDue.objects.count(), tombstones.settle(), len(tombstones.read())) == (0, 0, 1)


def test_without_the_key_nothing_is_ended(db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Better an erasure that fails than one that an older backup would undo."""
    monkeypatch.setattr(type(settings.CONFIGURATION), "tombstone_key_file", property(lambda _: tmp_path / "none"))
    with pytest.raises(tombstones.KeyMissing):
        tombstones.record(Kind.CONTACT, [ids.new()], workspace_id=HERE, at=AT)


def _dies(texts: Iterable[str]) -> None:
    raise KeyboardInterrupt


# --- The file under stress ------------------------------------------------------------------------------------------

RUBBISH = [
    "", "{", "null", "7", "[]", '"x"', "{}", "\x00", '{"kind": "contact purged"}', '{"kind": "contact purged", "subject": "ab", "at": "never"}',
    '{"kind": "contact purged", "subject": "ab", "at": null}', '{"kind": "contact purged", "subject": "ab", "at": 7}', '{"at": "2026-01-01"}',
]  # fmt: skip


@pytest.mark.parametrize("line", RUBBISH)
def test_a_line_of_rubbish_says_nothing_and_hides_nothing(line: str) -> None:
    gone = ids.new()
    remember(Kind.CONTACT, gone)
    with path().open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    remember(Kind.CONTACT, last := ids.new())
    found = tombstones.read()
    assert found.among(Kind.CONTACT, [gone, last, ids.new()], workspace_id=HERE) == [gone, last]
    assert len(found) == 2


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_known_apart_from_every_other(kind: Kind) -> None:
    subject = ids.new()
    remember(kind, subject)
    found = tombstones.read()
    assert [each for each in Kind if found.ended_at(each, subject, workspace_id=HERE)] == [kind]
    assert found.ended_at(kind, subject, workspace_id=THERE) is None
    assert found.ended_at(kind, subject, workspace_id=HERE) == AT


def test_the_file_only_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    remember(Kind.CONTACT, ids.new())
    before = path().read_bytes()
    remember(Kind.TOKEN, *(ids.new() for _ in range(50)))
    after = path().read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == 51


def test_nothing_to_remember_makes_no_file(db: None) -> None:
    tombstones.record(Kind.CONTACT, [], at=AT, workspace_id=HERE)
    assert not path().exists()


@pytest.mark.parametrize("cut", [1, 5, 40, 80])
def test_cut_anywhere_by_a_crash_only_the_last_is_lost(cut: int) -> None:
    kept, lost, later = ids.new(), ids.new(), ids.new()
    remember(Kind.PAPER, kept)
    remember(Kind.PAPER, lost)
    path().write_bytes(path().read_bytes()[:-cut])
    remember(Kind.PAPER, later)
    among = tombstones.read().among(Kind.PAPER, [kept, lost, later], workspace_id=HERE)
    assert among == ([kept, lost, later] if cut == 1 else [kept, later])


def test_writers_at_once_lose_no_line() -> None:
    subjects = [[ids.new() for _ in range(20)] for _ in range(8)]
    threads = [threading.Thread(target=remember, args=(Kind.SEAT, *group)) for group in subjects]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everybody = [subject for group in subjects for subject in group]
    assert tombstones.read().among(Kind.SEAT, everybody, workspace_id=HERE) == everybody


def test_many_are_read_in_a_moment() -> None:
    """A thousand erasures a day for ten years are more; a restore reads the file once."""
    remember(Kind.CONTACT, *(ids.new() for _ in range(5_000)))
    began = time.monotonic()
    found = tombstones.read()
    assert found.among(Kind.CONTACT, [ids.new() for _ in range(1_000)], workspace_id=HERE) == []
    assert time.monotonic() - began < 2
