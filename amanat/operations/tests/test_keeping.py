"""The keeper of the archive with a server played by the test: what arrives is written down, and where it goes on after a kill."""

import dataclasses
import json
import random
import struct
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.core import clock, safekeeping
from amanat.core.configuration import Configuration
from amanat.operations import Refused
from amanat.operations.archive import bases, chapters, keeping, rewinding, states, streaming, walfiles
from amanat.operations.archive.chapters import Keyring, Line
from amanat.operations.archive.keeping import Copying, Keeper
from amanat.operations.archive.streaming import Piece, StreamEnded
from amanat.operations.tests import places

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LINE = Line("77", 1)
SIZE = 1 << 20


class Server:
    """The log of a server, and what it was told."""

    def __init__(self, log: bytes, *, first: int = SIZE) -> None:
        self.log, self.first = log, first  # the log begins at this place
        self.line = LINE
        self.kept_from = 0
        self.confirmed = 0
        self.slots = 0

    @property
    def end(self) -> int:
        return self.first + len(self.log)

    # as a Stream
    def identify(self) -> tuple[Line, int]:
        return self.line, self.end

    def confirm(self, end: int) -> None:
        self.confirmed = self.kept_from = end

    # as a connection
    def execute(self, statement: str, *words: Any) -> Any:
        assert "wal_segment_size" in statement
        return SimpleNamespace(fetchone=lambda: (SIZE,))


@pytest.fixture
def here(place: Path) -> Configuration:
    return places.install(place)


@pytest.fixture(autouse=True)
def slot(monkeypatch: pytest.MonkeyPatch) -> None:
    def ensure(server: Server, *, anew: bool) -> int:
        if anew:
            server.slots, server.kept_from = server.slots + 1, server.end
        return server.kept_from

    monkeypatch.setattr(keeping.streaming, "ensure_slot", ensure)


def keeper(here: Configuration, server: Server) -> Keeper:
    return Keeper(here, server, server, threading.Event())  # type: ignore[arg-type]


def send(one: Keeper, server: Server, upto: int, *, step: int = 100_000, seconds: int = 0) -> None:
    """Send the log from where the keeper is up to a place."""
    start = one._place + len(one._waiting)
    while start < upto:
        data = server.log[start - server.first : min(start + step, upto) - server.first]
        one._take(Piece(start, data, server.end, NOW + timedelta(seconds=seconds)))
        start += len(data)


def segments(here: Configuration) -> dict[str, bytes]:
    known, keys = chapters.all_of(here), Keyring(here)
    return {name: rewinding._segment(parts, keys).data for name, parts in chapters.parts(known, LINE).items()}


def log(length: int) -> bytes:
    return random.Random(length).randbytes(length)


@pytest.fixture
def server() -> Server:
    return Server(log(3 * SIZE + 5000))


def test_what_arrives_is_written_down_segment_by_segment_and_confirmed(here: Configuration, server: Server) -> None:
    server.log = b""  # nothing is kept from before the archive began
    one = keeper(here, server)
    server.log = log(3 * SIZE + 5000)
    send(one, server, server.end)
    one._write_down()
    assert server.confirmed == server.end
    found = segments(here)
    assert [chapters.segment_number(name, SIZE) for name in found] == [1, 2, 3, 4]
    assert b"".join(found.values()) == server.log
    assert [len(data) for data in found.values()] == [SIZE, SIZE, SIZE, 5000]


def test_it_begins_at_the_beginning_of_a_segment(here: Configuration, server: Server) -> None:
    one = keeper(here, server)
    assert one._place == 4 * SIZE  # the server keeps the log from its end, which lies 5000 bytes into a segment
    assert (server.slots, one.chapter.made_at) == (1, None)
    assert safekeeping.archive(here).since


def test_the_moment_is_that_of_the_server_once_all_it_had_is_here(here: Configuration, server: Server) -> None:
    server.log = b""
    one = keeper(here, server)
    server.log = log(1000)
    one._take(Piece(SIZE, server.log[:600], server.end, NOW))
    assert one._moment < NOW  # 400 bytes are on their way: they may hold what was committed before
    one._take(Piece(SIZE + 600, server.log[600:], server.end, NOW + timedelta(seconds=1)))
    assert one._moment == NOW + timedelta(seconds=1)
    one._take(Piece(server.end, b"", server.end, NOW + timedelta(seconds=5)))  # it lives, and wrote nothing
    one._take(Piece(server.end, b"", server.end, NOW + timedelta(seconds=2)))  # a clock that was set back
    one._write_down()
    assert safekeeping.archive(here).newest == (NOW + timedelta(seconds=5)).isoformat()


def test_an_idle_server_moves_the_moment_on_and_costs_next_to_nothing(here: Configuration, server: Server) -> None:
    server.log = b""
    one = keeper(here, server)
    for minute in range(50):
        one._take(Piece(server.end, b"", server.end, NOW + timedelta(minutes=minute)))
        one._write_down()
    [path] = one.chapter.wal.iterdir()
    assert path.stat().st_size < 50 * 60 + 300
    assert safekeeping.archive(here).newest == (NOW + timedelta(minutes=49)).isoformat()


def test_a_piece_that_was_left_out_ends_it(here: Configuration, server: Server) -> None:
    server.log = b""
    one = keeper(here, server)
    with pytest.raises(StreamEnded, match="left out a piece"):
        one._take(Piece(SIZE + 1, b"x", SIZE + 2, NOW))


def test_written_down_at_once_when_much_waits(here: Configuration, server: Server) -> None:
    server.log = b""
    one = keeper(here, server)
    server.log = log(SIZE // 2)
    keeping_most = keeping.MOST_WAITING
    assert keeping_most >= SIZE  # a whole segment of this test fits
    send(one, server, server.end)
    assert server.confirmed == 0
    one._write_down()
    assert server.confirmed == server.end


def test_a_chapter_opened_in_vain_is_used_by_the_next_process(here: Configuration) -> None:
    server = Server(b"")
    first, second = keeper(here, server), keeper(here, server)
    assert second.chapter.name == first.chapter.name
    assert len(chapters.all_of(here)) == 1
    for path in chapters.keys_folder(here).iterdir():  # killed between the key and the chapter, or the key was lost
        path.unlink()
    with clock.standing_at(NOW):
        assert keeper(here, server).chapter.name != first.chapter.name


@pytest.mark.parametrize("torn", [b"", b"\0\0\0\x40half a frame"])
def test_after_a_kill_it_goes_on_where_its_files_end(here: Configuration, torn: bytes) -> None:
    server = Server(b"")
    first = keeper(here, server)
    server.log = log(SIZE + 9000)
    send(first, server, SIZE * 2 + 4000)
    first._write_down()
    send(first, server, SIZE * 2 + 8000)  # not written down: lost with the process
    last = max(first.chapter.wal.iterdir())
    with last.open("ab") as file:
        file.write(torn)

    second = keeper(here, server)
    assert (second._place, server.slots) == (SIZE * 2 + 4000, 1)
    assert second._moment == first._moment
    send(second, server, server.end)
    second._write_down()
    assert b"".join(segments(here).values()) == server.log
    assert sorted(path.name.split(".")[1] for path in second.chapter.wal.iterdir()) == ["0", "0", "1"]


def test_killed_before_it_could_confirm_it_does_not_ask_for_anything_twice(here: Configuration) -> None:
    server = Server(b"")
    first = keeper(here, server)
    server.log = log(5000)
    send(first, server, server.end)
    first._write_down()
    server.kept_from = SIZE  # the confirmation was lost
    assert keeper(here, server)._place == server.end


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400_000), st.booleans(), st.integers(0, 30)), min_size=1, max_size=6))
def test_killed_anywhere_again_and_again_the_log_is_whole(steps: list[tuple[int, bool, int]]) -> None:
    """After each step the process ends, with or without having written down what it had, and with a torn frame."""
    with places.folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping.streaming, "ensure_slot", lambda server, anew: server.kept_from)
        here, server = places.install(folder), Server(b"")
        server.kept_from = SIZE
        for length, is_written, torn in steps:
            one = keeper(here, server)
            server.log += log(length)
            send(one, server, server.end, step=70_000)
            if is_written:
                one._write_down()
            files = sorted(one.chapter.wal.iterdir())
            if files and torn:
                with files[-1].open("ab") as file:
                    file.write(struct.pack(">I", 31) + bytes(torn))
        last = keeper(here, server)
        send(last, server, server.end)
        last._write_down()
        assert b"".join(segments(here).values()) == server.log


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kept_from": 0}, "the server gave up keeping the log for us"),
        ({"kept_from": SIZE * 9}, "it keeps a later part only"),
        ({"line": Line("77", 2)}, "the data was restored"),
        ({"line": Line("78", 1)}, "it is another cluster"),
        ({"log": b""}, "its log ends before ours: an older copy of the data folder"),
    ],
)
def test_where_it_cannot_go_on_a_new_chapter_begins(here: Configuration, changes: dict[str, Any], why: str) -> None:
    server = Server(b"")
    with clock.standing_at(NOW):
        first = keeper(here, server)
    server.log = log(5000)
    send(first, server, server.end)
    first._write_down()
    for name, value in changes.items():
        setattr(server, name, value)
    with clock.standing_at(NOW + timedelta(minutes=1)):
        second = keeper(here, server)
    assert second.chapter.name != first.chapter.name, why
    assert server.slots == 2
    assert second.chapter.line == server.line
    assert keeping.is_copy_due(here, second.chapter, NOW)


def test_a_chapter_whose_keys_are_gone_is_not_gone_on_with(
    here: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(b"")
    with clock.standing_at(NOW):
        first = keeper(here, server)
    server.log = log(500)
    send(first, server, server.end)
    first._write_down()
    for path in chapters.keys_folder(here).iterdir():
        path.unlink()
    with clock.standing_at(NOW + timedelta(minutes=1)):
        assert keeper(here, server).chapter.name != first.chapter.name
    assert "A new chapter of the archive begins" in capsys.readouterr().out


def test_a_chapter_is_renewed_once_it_has_its_copy_and_segments_that_begin_later_go_there(here: Configuration) -> None:
    server = Server(b"")
    with clock.standing_at(NOW):
        one = keeper(here, server)
        assert one.renew() is one.chapter  # it has none yet: the copy is for this one
    server.log = log(SIZE + 700)
    send(one, server, SIZE + 500)
    one._write_down()
    one.chapter = chapters.complete(one.chapter, first_segment="0" * 24, made_at=NOW)
    first = one.chapter
    with clock.standing_at(NOW + timedelta(days=1)):
        second = one.renew()
    assert second.name != first.name
    send(one, server, server.end)
    one._write_down()
    assert [path.name for path in first.wal.iterdir()] == ["000000010000000000000001.0"]
    assert [path.name for path in second.wal.iterdir()] == ["000000010000000000000002.0"]
    assert b"".join(segments(here).values()) == server.log


# --- copies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "at", "due"),
    [
        (None, timedelta(0), True),
        (timedelta(0), timedelta(minutes=1), False),
        (timedelta(0), timedelta(hours=25), True),
        (timedelta(0), timedelta(days=9), True),
    ],
)
def test_a_copy_is_due_at_once_and_then_each_night(
    here: Configuration, made: timedelta | None, at: timedelta, due: bool
) -> None:
    chapter = chapters.open_new(here, line=LINE, segment_size=SIZE, at=NOW)
    if made is not None:
        chapter = chapters.complete(chapter, first_segment="0" * 24, made_at=NOW + made)
    assert keeping.is_copy_due(here, chapter, NOW + at) == due


class Copies:
    """A keeper whose copies the test makes."""

    def __init__(self, here: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = Server(b"")
        with clock.standing_at(NOW):
            self.keeper = keeper(here, self.server)
        self.stop = threading.Event()
        self.copying = Copying(here, self.keeper, self.stop)
        self.made = 0
        self.failing: Exception | None = None
        self.now = 0.0
        monkeypatch.setattr(keeping.bases, "make", self.make)
        monkeypatch.setattr(keeping.time, "monotonic", lambda: self.now)
        self.copying._not_before = self.copying._papers_next = 0.0

    def make(self, here: Configuration, chapter: chapters.Chapter) -> chapters.Chapter:
        if self.failing:
            raise self.failing
        self.made += 1
        return chapters.complete(chapter, first_segment="0" * 24, made_at=clock.now())


@pytest.fixture
def copies(here: Configuration, monkeypatch: pytest.MonkeyPatch) -> Copies:
    return Copies(here, monkeypatch)


def test_one_copy_is_made_a_night_and_the_old_ones_go(here: Configuration, copies: Copies) -> None:
    for day in range(11):
        with clock.standing_at(NOW + timedelta(days=day)):
            copies.copying._look()
            copies.now += keeping.LOOK_EVERY
            copies.copying._look()
            copies.now += keeping.LOOK_EVERY
    assert copies.made == 11
    assert len(chapters.all_of(here)) == 8
    assert safekeeping.archive(here).copied_at == (NOW + timedelta(days=10)).isoformat()


def test_no_copy_is_made_before_its_time(copies: Copies) -> None:
    copies.copying._not_before = 60.0
    copies.now = 59.0
    copies.copying._look()
    assert copies.made == 0
    copies.now = 60.0
    copies.copying._look()
    assert copies.made == 1


def test_a_copy_that_fails_is_told_tried_again_later_and_forgotten_when_it_works(
    here: Configuration, copies: Copies, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copies.failing = Refused("There is no room.")
    turns = [False, True]
    monkeypatch.setattr(copies.stop, "wait", lambda patience: turns.pop(0))
    copies.copying.run()
    assert "could not copy the database: There is no room." in capsys.readouterr().out
    assert safekeeping.archive(here).copy_problem == "There is no room."
    copies.failing = None
    copies.now = keeping.COPY_AGAIN - 1
    copies.copying._look()
    assert copies.made == 0
    copies.now = keeping.COPY_AGAIN
    copies.copying._look()
    assert (copies.made, safekeeping.archive(here).copy_problem) == (1, "")


def test_what_fails_while_it_is_told_to_stop_is_no_problem(here: Configuration, copies: Copies) -> None:
    class Stopping(OSError):
        def __init__(self) -> None:
            copies.stop.set()

    copies.failing = Stopping()
    copies.stop.wait = lambda patience=None: copies.stop.is_set()  # type: ignore[method-assign]
    real, copies.copying._keeper.renew = copies.copying._keeper.renew, lambda: (copies.stop.set(), real())[1]  # type: ignore[method-assign]
    copies.copying.run()
    assert safekeeping.archive(here).copy_problem == ""


def test_papers_are_followed_where_the_store_is_a_folder(here: Configuration, copies: Copies) -> None:
    path = here.data / "files/w/a"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"sealed")
    copies.copying._look()
    assert (here.backup_folder / "archive/papers/w/a").exists()
    path.with_name("b").write_bytes(b"sealed")
    copies.now += keeping.PAPERS_EVERY - 1
    copies.copying._look()
    assert not (here.backup_folder / "archive/papers/w/b").exists()
    copies.now += 1
    copies.copying._look()
    assert (here.backup_folder / "archive/papers/w/b").exists()


# --- the process -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"archive_days": 0}, {"backup": False}, {"database_url": "postgresql://a:b@c/d"}])
def test_where_it_is_off_it_refuses_and_makes_nothing(here: Configuration, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="The archive is off"):
        keeping.run(dataclasses.replace(here, **changes))
    assert not here.backup_folder.exists()


def test_only_one_process_keeps_it(here: Configuration) -> None:
    folder = chapters.place(here)
    folder.mkdir(parents=True)
    lock = keeping.locks.Lock(folder / "lock")
    assert lock.take({})
    with pytest.raises(Refused, match="Another process keeps the archive"):
        keeping.run(here)
    lock.release()


def test_changes_of_the_state_leave_its_other_fields(here: Configuration) -> None:
    states.note(here, since="a", newest="b")
    states.note(here, problem="c")
    states.note(here, newest="d")
    found = safekeeping.archive(here)
    assert (found.since, found.newest, found.problem) == ("a", "d", "c")
    with pytest.raises(TypeError):
        states.note(here, nonsense="x")


def test_two_threads_that_change_the_state_lose_nothing(here: Configuration) -> None:
    def change(field: str) -> None:
        for number in range(40):
            states.note(here, **{field: str(number)})

    threads = [threading.Thread(target=change, args=[field]) for field in ("newest", "copied_at", "problem")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = safekeeping.archive(here)
    assert (found.newest, found.copied_at, found.problem) == ("39", "39", "39")
    assert [path.name for path in chapters.place(here).iterdir()] == ["state.json"]


# --- the words of the server -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0/0", 0),
        ("0/16EF7F8", 0x16EF7F8),
        ("1/0", 1 << 32),
        ("A/FFFFFFFF", (11 << 32) - 1),
        ("12345678/9", 0x1234567800000009),
    ],
)
def test_places_in_the_log_are_read(text: str, place: int) -> None:
    assert streaming.position(text) == place


def test_messages_of_the_server_are_understood() -> None:
    micros = int((NOW - datetime(2000, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    data = b"w" + struct.pack(">QQQ", 5, 9, micros) + b"logs"
    assert streaming._parsed(data) == Piece(5, b"logs", 9, NOW)
    assert streaming._parsed(b"k" + struct.pack(">QQB", 9, micros, 1)) == Piece(9, b"", 9, NOW)
    with pytest.raises(StreamEnded, match="unknown kind"):
        streaming._parsed(b"z123")


def test_the_reason_of_the_server_is_its_first_line() -> None:
    assert streaming._text(b"ERROR:  no slot\nDETAIL:  values\n") == "ERROR:  no slot"
    assert streaming._text(b"") == "the connection was lost"


# --- copies on the disk ------------------------------------------------------------------------------------------


def test_a_copy_says_which_segment_it_begins_with() -> None:
    label = b"START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nCHECKPOINT LOCATION: 0/2000080\n"
    found = bases._BEGINS.search(b"x" * 600 + label)
    assert found is not None
    assert found[1] == b"000000010000000000000002"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T10:15+05:30", "2026-11-22T04:45:00+00:00"),
        ("2026-11-22 10:15:30.25Z", "2026-11-22T10:15:30.250000+00:00"),
        ("20261122T101500+0000", "2026-11-22T10:15:00+00:00"),
    ],
)
def test_moments_are_understood_as_iso_8601_says(text: str, moment: str) -> None:
    assert rewinding.parse_moment(text).astimezone(UTC).isoformat() == moment


def test_a_moment_without_a_zone_is_by_this_machines_clock() -> None:
    assert rewinding.parse_moment("2026-11-22T10:15") == datetime(2026, 11, 22, 10, 15).astimezone()
    assert rewinding.parse_moment("2026-11-22").hour == 0


@pytest.mark.parametrize("text", ["", "yesterday", "10:15", "22.11.2026", "2026-13-01", "2026-11-22T25:00", "-1"])
def test_what_is_no_moment_is_refused_in_words(text: str) -> None:
    with pytest.raises(Refused, match=r"is not understood: give one such as 2026-11-22T10:15\+05:30"):
        rewinding.parse_moment(text)


@pytest.mark.parametrize("sizes", [[], [3], [1, 2, 3], [100, 1]])
def test_pieces_are_read_as_a_file(sizes: list[int]) -> None:
    feed = rewinding._Feed(bytes([number]) * size for number, size in enumerate(sizes))
    whole = b"".join(bytes([number]) * size for number, size in enumerate(sizes))
    assert feed.read(2) == whole[:2]
    assert feed.read(10_000) == whole[2:]
    assert feed.read(1) == b""


def test_without_an_archive_a_restore_says_what_to_use_instead(here: Configuration) -> None:
    with pytest.raises(Refused, match=r"There is nothing in .* use `restore FILE`"):
        rewinding.bring_back(here, NOW, replace=False)
    assert not here.data.exists()


def test_the_state_is_json_for_other_programs(here: Configuration) -> None:
    states.note(here, since="a")
    found = json.loads(safekeeping.archive_file(here).read_text())
    assert set(found) == {"since", "newest", "copied_at", "problem", "copy_problem"}
    assert walfiles.MAGIC == b"AMANAT WAL\n"
