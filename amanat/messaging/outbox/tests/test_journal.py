"""What a run writes down is read again as it was said, and its file is nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from amanat.core import ids
from amanat.messaging.channels.contract import Answer, Outcome
from amanat.messaging.outbox import journal
from amanat.messaging.outbox.journal import Evidence, Found, Journal

HERE = ids.new()
ONE, TWO, THREE = ((ids.new(), number) for number in (1, 2, 3))
ANSWERS = {
    ONE: Answer(Outcome.ACCEPTED, provider_id="p", code="c", pricing="utility"),
    TWO: Answer(Outcome.REFUSED, provider_id="", code="131050", pricing="", opts_out=True),
}


def dead() -> tuple[str, Path]:
    """The journal of a run that ended without recording anything."""
    with Journal(HERE) as mine:
        for claim in (ONE, TWO, THREE):
            mine.begin(claim)
        for claim, answer in ANSWERS.items():
            mine.answered(claim, answer)
        mine.never_left(THREE)
    return mine.token, journal.folder() / f"{mine.token}.journal"


def read(token: str) -> Evidence:
    with Found(token) as found:
        assert found.is_over
        return found.read()


def test_all_that_was_written_is_read_again() -> None:
    token, _path = dead()
    wanted = Evidence(HERE, is_whole=True, begun={ONE, TWO, THREE}, answers=ANSWERS, put_back={THREE})
    assert read(token) == wanted


def test_after_a_line_that_was_cut_off_nothing_is_read() -> None:
    token, path = dead()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2][:-5], b"\n", *lines[3:]]))
    assert (read(token).begun, read(token).answers) == ({ONE}, {})


@pytest.mark.parametrize(
    ("boots", "is_whole"), [(("a", "a"), True), (("a", "b"), False), (("", ""), False)], ids=["same", "other", "none"]
)
def test_only_in_the_start_of_the_machine_it_was_written_in_it_is_whole(
    monkeypatch: pytest.MonkeyPatch, boots: tuple[str, str], *, is_whole: bool
) -> None:
    monkeypatch.setattr(journal, "_boot", lambda: boots[0])
    token, _path = dead()
    monkeypatch.setattr(journal, "_boot", lambda: boots[1])
    assert read(token).is_whole is is_whole


def test_which_start_of_the_machine_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that cannot be told is no start, and the same one each time."""
    place = tmp_path / "boot_id"
    monkeypatch.setattr(journal, "_BOOT", place)
    asked: Any = journal._boot.__wrapped__
    assert asked() == ""
    place.write_text("7d5c\n")
    assert asked() == "7d5c"


def test_it_is_read_by_its_owner_alone_and_found_when_it_is_begun(settings: Any, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "not there yet" / "files"
    assert journal.tokens() == []
    with Journal(HERE) as mine:
        (path,) = journal.folder().iterdir()
        assert [oct(each.stat().st_mode & 0o777) for each in (path, journal.folder())] == ["0o600", "0o700"]
        assert journal.tokens() == [mine.token] and journal.is_here(mine.token)
        with Found(mine.token) as found:
            assert not found.is_over
    assert not journal.is_here("") and not journal.is_here("another")


@pytest.mark.parametrize("is_settled", [True, False])
def test_who_settled_everything_takes_it_away_and_is_not_stopped_where_somebody_did(*, is_settled: bool) -> None:
    for is_gone in (False, True):
        with Journal(HERE) as mine:
            mine.is_settled = is_settled
            if is_gone:
                with Found(mine.token) as found:
                    found.take_away()
                    found.take_away()
        assert journal.is_here(mine.token) is not (is_settled or is_gone)


def test_what_has_no_head_is_no_journal() -> None:
    token, path = dead()
    path.write_bytes(b"")
    with Found(token) as found, pytest.raises(ValueError, match="not a journal"):
        found.read()
