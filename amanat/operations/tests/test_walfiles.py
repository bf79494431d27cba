"""Files of the log: what was appended comes back in order; what is torn, altered or missing is told."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.operations.archive import walfiles
from amanat.operations.archive.walfiles import Damaged, Writer, assemble, frames
from amanat.operations.sealing import Secret

SECRET = Secret(own_key=bytes(range(32)))
HEADER = {"chapter": "2026-11-22T023000Z", "file": "000000010000000000000003.0", "system": "77"}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Part = tuple[Path, Secret, dict[str, Any]]


def written(path: Path, pieces: list[bytes], *, start: int = 0, at: datetime = NOON, secret: Secret = SECRET) -> Part:
    """One part; each piece a second after the other."""
    writer = Writer(path, header=HEADER, secret=secret)
    for number, piece in enumerate(pieces):
        writer.append(piece, offset=start, moment=at + timedelta(seconds=number))
        start += len(piece)
    writer.close()
    return path, secret, HEADER


def read(part: Part) -> list[tuple[datetime, int, bytes]]:
    return [(frame.moment, frame.offset, frame.data) for frame in frames(*part)]


def spans(data: bytes) -> list[tuple[int, int]]:
    """Where the header and each frame begin and end."""
    at = len(walfiles.MAGIC)
    found = []
    while at < len(data):
        end = at + 4 + struct.unpack(">I", data[at : at + 4])[0]
        found.append((at, end))
        at = end
    return found


def test_what_was_appended_comes_back_with_its_moments(tmp_path: Path) -> None:
    part = written(tmp_path / "a", [b"one", b"", b"three"])
    assert read(part) == [
        (NOON, 0, b"one"),
        (NOON + timedelta(seconds=1), 3, b""),
        (NOON + timedelta(seconds=2), 3, b"three"),
    ]
    found = assemble([part])
    assert (found.data, found.moment, found.damage) == (b"onethree", NOON + timedelta(seconds=2), "")
    assert (found.is_whole(8), found.is_whole(9)) == (True, False)


@given(st.lists(st.binary(max_size=400), max_size=8), st.integers(1, 97))
@settings(max_examples=40, deadline=None)
def test_whatever_the_size_of_pieces_and_frames(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walfiles, "MOST", most)
        part = written(tmp_path_factory.mktemp("w") / "a", pieces)
        assert assemble([part]).data == b"".join(pieces)
        assert all(len(frame.data) <= most for frame in frames(*part))


def test_a_segment_of_zeros_needs_next_to_nothing(tmp_path: Path) -> None:
    path, *_ = written(tmp_path / "a", [bytes(16 << 20)])
    assert path.stat().st_size < 100_000
    assert assemble([(path, SECRET, HEADER)]).is_whole(16 << 20)


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    part = written(tmp_path / "a", [b"Asha Menon", b"98220 12345"])
    data = part[0].read_bytes()
    for position in range(len(data)):
        for bit in (1, 128):
            changed = bytearray(data)
            changed[position] ^= bit
            part[0].write_bytes(changed)
            with pytest.raises(Damaged):
                read(part)
            found = assemble([part])
            assert found.damage
            assert b"Asha Menon98220 12345".startswith(found.data)


def test_every_cut_is_found_except_between_frames(tmp_path: Path) -> None:
    """A cut there loses a moment, which the restore then does not reach; it never makes something up."""
    part = written(tmp_path / "a", [b"Asha Menon", b"98220 12345"])
    data = part[0].read_bytes()
    ends = [end for _, end in spans(data)]
    for length in range(len(data)):
        part[0].write_bytes(data[:length])
        if length in ends:
            assert len(read(part)) == ends.index(length)
        else:
            with pytest.raises(Damaged):
                read(part)


def test_frames_moved_repeated_or_left_out_are_found(tmp_path: Path) -> None:
    part = written(tmp_path / "a", [b"one", b"two", b"three"])
    data = part[0].read_bytes()
    header, *pieces = [data[begin:end] for begin, end in spans(data)]
    for order in ([1, 0, 2], [0, 0, 1, 2], [0, 2], [1, 2]):
        part[0].write_bytes(walfiles.MAGIC + header + b"".join(pieces[number] for number in order))
        with pytest.raises(Damaged, match="was altered"):
            read(part)


def test_a_frame_of_another_file_is_found(tmp_path: Path) -> None:
    one, other = written(tmp_path / "a", [b"one"]), written(tmp_path / "b", [b"one"])
    first, second = one[0].read_bytes(), other[0].read_bytes()
    assert first != second  # each has a salt of its own
    [_, frame] = spans(first)
    one[0].write_bytes(first[: frame[0]] + second[frame[0] :])
    with pytest.raises(Damaged, match="was altered"):
        read(one)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"chapter": "2026-11-23T023000Z"}, "another file than its name says"),
        ({"file": "000000010000000000000004.0"}, "another file than its name says"),
        ({"system": "78"}, "another file than its name says"),
    ],
)
def test_a_file_put_in_the_place_of_another_is_found(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    path, secret, header = written(tmp_path / "a", [b"one"])
    with pytest.raises(Damaged, match=told):
        read((path, secret, header | changes))


def test_a_wrong_key_opens_nothing(tmp_path: Path) -> None:
    path, _, header = written(tmp_path / "a", [b"one"])
    with pytest.raises(Damaged, match="its key is another"):
        read((path, Secret(own_key=bytes(32)), header))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"AMANAT BACKUP\n",
        walfiles.MAGIC,
        walfiles.MAGIC + b"\0\0",
        walfiles.MAGIC + b"\0\0\0\0",
        walfiles.MAGIC + b"\xff\xff\xff\xff{}",
        walfiles.MAGIC + struct.pack(">I", 2) + b"{}",
        walfiles.MAGIC + struct.pack(">I", 2) + b"[]",
        walfiles.MAGIC + struct.pack(">I", 14) + b'{"salt": "xy"}',
        walfiles.MAGIC + struct.pack(">I", 9) + b"not json!",
        walfiles.MAGIC + struct.pack(">I", 90) + b"{}",
    ],
)
def test_what_is_no_file_of_ours_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(Damaged, match=r"no file of the archive|header cannot be read"):
        read((tmp_path / "a", SECRET, HEADER))


def test_a_frame_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    part = written(tmp_path / "a", [b"one"])
    with part[0].open("ab") as file:
        file.write(b"\xff\xff\xff\xff")
    with pytest.raises(Damaged, match="cut off"):
        read(part)


def test_a_file_is_never_continued_or_replaced(tmp_path: Path) -> None:
    path, *_ = written(tmp_path / "a", [b"one"])
    with pytest.raises(FileExistsError):
        written(path, [b"two"])
    assert path.stat().st_mode & 0o077 == 0


# --- a segment of several parts ----------------------------------------------------------------------------------


def test_the_next_part_goes_on_where_the_last_whole_frame_ended(tmp_path: Path) -> None:
    first = written(tmp_path / "a", [b"one", b"two"])
    with first[0].open("ab") as file:  # a kill in the middle of a frame
        file.write(struct.pack(">I", 40) + b"torn")
    assert "cut off" in assemble([first]).damage
    assert assemble([first]).data == b"onetwo"
    second = written(tmp_path / "b", [b"three"], start=6, at=NOON + timedelta(hours=1))
    found = assemble([first, second])
    assert (found.data, found.moment, found.damage) == (b"onetwothree", NOON + timedelta(hours=1), "")


def test_a_frame_lost_before_the_next_part_is_a_gap(tmp_path: Path) -> None:
    first = written(tmp_path / "a", [b"one", b"two"])
    second = written(tmp_path / "b", [b"three"], start=6)
    data = first[0].read_bytes()
    first[0].write_bytes(data[: spans(data)[-1][0]])
    found = assemble([first, second])
    assert (found.data, found.moment) == (b"one", NOON)
    assert found.damage == f"{second[0]}: bytes are missing before it"


def test_an_altered_part_is_named_though_another_follows(tmp_path: Path) -> None:
    first = written(tmp_path / "a", [b"one", b"two"])
    second = written(tmp_path / "b", [b"three"], start=6)
    data = bytearray(first[0].read_bytes())
    data[-1] ^= 1
    first[0].write_bytes(data)
    found = assemble([first, second])
    assert found.data == b"one"
    assert found.damage.startswith(f"{first[0]}: its frame 1 was altered")


def test_a_part_that_begins_anew_replaces_those_before_it(tmp_path: Path) -> None:
    first = written(tmp_path / "a", [b"one", b"two"])
    again = written(tmp_path / "b", [b"onetwo", b"three"], at=NOON + timedelta(hours=1))
    assert assemble([first, again]).data == b"onetwothree"


def test_no_parts_and_empty_parts_hold_nothing(tmp_path: Path) -> None:
    assert assemble([]) == walfiles.Segment(b"", None)
    assert assemble([written(tmp_path / "a", [])]) == walfiles.Segment(b"", None)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.data())
@settings(max_examples=30, deadline=None)
def test_killed_anywhere_any_number_of_times_nothing_is_lost_or_made_up(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], data: st.DataObject
) -> None:
    """Each process writes some frames, is killed with a torn one, and the next goes on from what can be read."""
    folder, whole, parts = tmp_path_factory.mktemp("w"), b"", list[Part]()
    for number, torn in enumerate(cuts):
        pieces = data.draw(st.lists(st.binary(min_size=1, max_size=30), max_size=4))
        part = written(folder / str(number), pieces, start=len(whole))
        whole += b"".join(pieces)
        with part[0].open("ab") as file:
            file.write(struct.pack(">I", 61) + bytes(torn))
        parts.append(part)
        assert assemble(parts).data == whole
