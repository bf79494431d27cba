"""What was ended for good is remembered outside the database, by hashes that say nothing without their key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from amanat.core import ids, tombstones
from amanat.core.tombstones import Kind

HERE, THERE = ids.new(), ids.new()
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def path() -> Path:
    return Path(settings.LEDGER_HEADS_FILE).with_name("tombstones.jsonl")


def remember(kind: Kind, *subjects: object, at: datetime = AT) -> None:
    tombstones._append(kind, list(subjects), at, HERE)  # type: ignore[arg-type]


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
