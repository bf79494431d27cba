"""Files of any length: written piece by piece, read from anywhere, and found damaged wherever they were touched."""

import hashlib
import io
import itertools
import os
import random
import resource
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import obstore
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from amanat.core import clock, files, keyring, rootkeys, sealedobjects, tenancy
from amanat.core.files import FileDamaged, FileRefused, FileType
from amanat.core.models_files import StoredFile
from amanat.core.sealedobjects import MAGIC, PIECE, TAG

HERE = UUID(int=0xA)
SEALED = PIECE + TAG
LONG = 3 * PIECE + 1234


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.FILES_ROOT = tmp_path / "store"
    return tmp_path / "store"


@pytest.fixture
def here(db: None, folder: Path, tmp_path: Path, settings: Any) -> Iterator[UUID]:
    settings.ROOT_KEY_FILE = tmp_path / "root-key"
    rootkeys.create(settings.ROOT_KEY_FILE)
    keyring.forget_all()
    with tenancy.inside(HERE):
        yield HERE
    keyring.forget_all()


def on_disk(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def stream(pieces: Any, *, name: str = "a.zip", kind: str = "export", **options: Any) -> StoredFile:
    return files.store_stream(
        pieces, workspace_id=HERE, name=name, by=None, kind=kind, found=options.pop("found", FileType.ZIP), **options
    )


class Object:
    """One long object of random bytes, with the folder it lies in."""

    def __init__(self, folder: Path, content: bytes) -> None:
        self.content, self.key = content, sealedobjects.new_key()
        sealedobjects.write("w/one", [content], key=self.key, workspace_id=HERE)
        self.path = folder / "w" / "one"

    def read(self, start: int = 0, end: int | None = None, size: int | None = None) -> bytes:
        pieces = sealedobjects.read(
            "w/one",
            key=self.key,
            workspace_id=HERE,
            size=len(self.content) if size is None else size,
            start=start,
            end=end,
        )
        return b"".join(pieces)


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(7).randbytes(LONG)


@pytest.fixture
def long(folder: Path, content: bytes) -> Object:
    return Object(folder, content)


# --- Round trips --------------------------------------------------------------------------------------------------

EDGES = sorted({0, 1, 2, PIECE * 3 + 5, *(PIECE * n + extra for n in (1, 2, 3) for extra in (-1, 0, 1))})


@pytest.mark.parametrize("size", EDGES)
def test_every_size_around_the_edge_of_a_piece_comes_back(size: int, folder: Path, content: bytes) -> None:
    one = Object(folder, content[:size])
    assert one.read() == content[:size]
    pieces = max(-(-size // PIECE), 1)
    assert one.path.stat().st_size == len(MAGIC) + size + pieces * TAG


@pytest.mark.slow
@settings_of_hypothesis(max_examples=25)
@given(cuts=st.lists(st.integers(0, LONG), max_size=8))
def test_how_the_writer_is_fed_does_not_matter(cuts: list[int], content: bytes) -> None:
    writer = sealedobjects.Writer("w/fed", key=(key := sealedobjects.new_key()), workspace_id=HERE)
    places = [0, *sorted(cuts), LONG]
    for start, end in itertools.pairwise(places):
        writer.write(content[start:end])
    writer.finish()
    back = sealedobjects.read("w/fed", key=key, workspace_id=HERE, size=LONG)
    assert hashlib.sha256(b"".join(back)).digest() == hashlib.sha256(content).digest()


PLACES = st.one_of(
    st.integers(0, LONG + 10),
    st.builds(lambda n, extra: max(n * PIECE + extra, 0), st.integers(0, 4), st.integers(-2, 2)),
)


@pytest.mark.slow
@given(start=PLACES, end=st.one_of(st.none(), PLACES))
def test_any_range_is_what_a_slice_gives(start: int, end: int | None, content: bytes) -> None:
    assert _shared(content).read(start, end) == content[start:end]


_made: list[Object] = []


def _shared(content: bytes) -> Object:
    """One object for all the examples of a property, which share the folder of their test."""
    from django.conf import settings

    folder = Path(settings.FILES_ROOT)
    if not _made or _made[-1].path.parent.parent != folder:
        _made.append(Object(folder, content))
    return _made[-1]


def test_a_range_fetches_only_the_pieces_that_hold_it(long: Object, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    get = obstore.get
    monkeypatch.setattr(
        obstore, "get", lambda *given, options: asked.append(options["range"]) or get(*given, options=options)
    )
    assert long.read(PIECE + 10, PIECE + 20) == long.content[PIECE + 10 : PIECE + 20]
    assert long.read(2 * PIECE - 1, 2 * PIECE + 1) == long.content[2 * PIECE - 1 : 2 * PIECE + 1]
    assert long.read(LONG - 3) == long.content[-3:]
    head = len(MAGIC)
    assert asked == [
        (head + SEALED, head + 2 * SEALED),
        (head + SEALED, head + 3 * SEALED),
        (head + 3 * SEALED, head + 3 * SEALED + 1234 + TAG),
    ]


# --- Damage -------------------------------------------------------------------------------------------------------


def flipped(place: int) -> Callable[[bytes], bytes]:
    return lambda body: body[:place] + bytes([body[place] ^ 1]) + body[place:][1:]


def without(start: int, end: int) -> Callable[[bytes], bytes]:
    return lambda body: body[:start] + body[end:]


def piece(number: int) -> slice:
    return slice(len(MAGIC) + number * SEALED, len(MAGIC) + (number + 1) * SEALED)


def moved(first: int, second: int) -> Callable[[bytes], bytes]:
    """Two whole pieces change places."""

    def change(body: bytes) -> bytes:
        new = bytearray(body)
        new[piece(first)], new[piece(second)] = body[piece(second)], body[piece(first)]
        return bytes(new)

    return change


def copied(source: int, target: int) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        new = bytearray(body)
        new[piece(target)] = body[piece(source)]
        return bytes(new)

    return change


END = len(MAGIC) + LONG + 4 * TAG
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    **{f"bit flipped in head byte {place}": flipped(place) for place in range(4)},
    "bit flipped in the first byte of the first piece": flipped(4),
    "bit flipped in the middle of the first piece": flipped(4 + PIECE // 2),
    "bit flipped in the tag of the first piece": flipped(4 + SEALED - 1),
    "bit flipped in the first byte of a middle piece": flipped(4 + SEALED),
    "bit flipped in the tag of a middle piece": flipped(4 + 2 * SEALED - TAG),
    "bit flipped in the last piece": flipped(4 + 3 * SEALED + 600),
    "bit flipped in the last byte": flipped(END - 1),
    "cut to nothing": without(0, END),
    "cut behind the head": without(4, END),
    "cut in the first piece": without(100, END),
    "cut behind the first piece": without(4 + SEALED, END),
    "cut in a middle piece": without(4 + SEALED + 77, END),
    "cut before the last piece": without(4 + 3 * SEALED, END),
    "last byte cut": without(END - 1, END),
    "last tag cut": without(END - TAG, END),
    "first piece missing": without(4, 4 + SEALED),
    "middle piece missing": without(4 + SEALED, 4 + 2 * SEALED),
    "one byte missing in the middle": without(4 + SEALED + 9, 4 + SEALED + 10),
    "head missing": without(0, 4),
    "first two pieces swapped": moved(0, 1),
    "middle pieces swapped": moved(1, 2),
    "a piece over its neighbour": copied(1, 2),
    "a byte appended": lambda body: body + b"x",
    "a piece appended": lambda body: body + body[piece(1)],
    "the last piece appended again": lambda body: body + body[4 + 3 * SEALED :],
    "all of it twice": lambda body: body + body,
    "a byte put in": lambda body: body[:5000] + b"x" + body[5000:],
    "zeros instead": lambda body: bytes(len(body)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_of_every_sort_is_found(damage: str, long: Object) -> None:
    body = long.path.read_bytes()
    changed = DAMAGE[damage](body)
    assert changed != body
    long.path.write_bytes(changed)
    with pytest.raises(FileDamaged):
        long.read()


@pytest.mark.slow
@given(place=st.integers(0, END - 1), bit=st.integers(0, 7))
def test_no_single_bit_may_change(place: int, bit: int, content: bytes) -> None:
    one = _shared(content)
    with one.path.open("r+b") as file:
        for wanted in (True, False):
            file.seek(place)
            was = file.read(1)[0]
            file.seek(place)
            file.write(bytes([was ^ (1 << bit)]))
            file.flush()
            if wanted:
                with pytest.raises(FileDamaged):
                    one.read()
    assert one.read(place, place + 1) == content[place : place + 1]


@pytest.mark.parametrize(
    "damage", [name for name in DAMAGE if "cut" in name or "missing" in name or "appended" in name or "put in" in name]
)
def test_a_changed_length_is_found_even_by_a_range_far_from_it(damage: str, long: Object) -> None:
    long.path.write_bytes(DAMAGE[damage](long.path.read_bytes()))
    for start in (0, PIECE + 5, LONG - 5):
        with pytest.raises(FileDamaged):
            long.read(start, start + 5)


def test_a_range_away_from_the_damage_is_still_proved_and_given(long: Object) -> None:
    long.path.write_bytes(flipped(4 + 2 * SEALED + 9)(long.path.read_bytes()))
    assert long.read(0, 2 * PIECE) == long.content[: 2 * PIECE]
    assert long.read(3 * PIECE) == long.content[3 * PIECE :]
    with pytest.raises(FileDamaged):
        long.read(2 * PIECE, 2 * PIECE + 1)


@pytest.mark.parametrize("size", [0, 1, PIECE, LONG - 1, LONG + 1, LONG + PIECE, LONG - 1234, 2**40])
def test_a_wrong_length_in_the_row_opens_nothing(size: int, long: Object) -> None:
    with pytest.raises(FileDamaged):
        long.read(size=size)


def test_cutting_file_and_length_together_does_not_help(long: Object) -> None:
    """Who may change both the row and the object still cannot pass the first two pieces off as the whole."""
    long.path.write_bytes(long.path.read_bytes()[: 4 + 2 * SEALED])
    with pytest.raises(FileDamaged):
        long.read(size=2 * PIECE)


def test_pieces_of_one_object_never_fit_another_of_the_same_length(folder: Path, content: bytes) -> None:
    one = Object(folder, content)
    body = one.path.read_bytes()
    sealedobjects.write("w/two", [content[::-1]], key=one.key, workspace_id=HERE)  # even under the same key
    other = (folder / "w" / "two").read_bytes()
    for number in range(4):
        mixed = bytearray(body)
        mixed[piece(number)] = other[piece(number)]
        one.path.write_bytes(mixed)
        with pytest.raises(FileDamaged):
            one.read()


def test_nothing_damaged_is_ever_given_out_before_the_error(long: Object) -> None:
    long.path.write_bytes(flipped(4 + SEALED + 5)(long.path.read_bytes()))
    got = b""
    with pytest.raises(FileDamaged):
        for part in sealedobjects.read("w/one", key=long.key, workspace_id=HERE, size=LONG):
            got += part
    assert got == long.content[:PIECE]


# --- Rows ---------------------------------------------------------------------------------------------------------


def test_a_stream_is_kept_with_its_length_and_digest(here: UUID, content: bytes) -> None:
    file = stream(content[start : start + 70_001] for start in range(0, LONG, 70_001))
    fresh = StoredFile.objects.of(here).get(pk=file.pk)
    assert (fresh.size, fresh.sha256) == (LONG, hashlib.sha256(content).hexdigest())
    assert (fresh.name, fresh.content_type, fresh.kind) == ("a.zip", "application/zip", "export")
    assert files.read_all(fresh) == content
    assert b"".join(files.read(fresh, start=PIECE - 3, end=PIECE + 3)) == content[PIECE - 3 : PIECE + 3]


def test_a_zip_may_be_written_straight_into_the_store(here: UUID) -> None:
    with (
        files.writing(workspace_id=here, name="all.zip", by=None, kind="export", found=FileType.ZIP) as target,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in ("one.csv", "two.csv"):
            with archive.open(name, "w") as inner:
                inner.writelines(f"{name},{number}\n".encode() for number in range(1000))
    with zipfile.ZipFile(io.BytesIO(files.read_all(target.file))) as archive:
        assert archive.namelist() == ["one.csv", "two.csv"]
        assert archive.testzip() is None
        assert archive.read("two.csv").startswith(b"two.csv,0\n")


def test_a_writer_takes_every_sort_of_bytes_and_says_how_many(here: UUID) -> None:
    with files.writing(workspace_id=here, name="a.zip", by=None, kind="export", found=FileType.ZIP) as target:
        given = [b"ab", bytearray(b"cd"), memoryview(b"xefx")[1:3], memoryview(b"ghij").cast("H")]
        assert [target.write(part) for part in given] == [2, 2, 2, 4]
        assert (target.writable(), target.readable(), target.seekable()) == (True, False, False)
    assert files.read_all(target.file) == b"abcdefghij"
    with pytest.raises(ValueError, match="closed"):
        target.writelines([b"more"])


def test_the_limit_of_a_stream_is_exact_and_ends_it_at_once(here: UUID, folder: Path) -> None:
    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        for number in range(1_000_000):
            taken.append(number)
            yield bytes(1000)

    with pytest.raises(FileRefused, match="at most 1 MB"):
        stream(endless(), most_bytes=50_000)
    assert len(taken) == 51
    assert on_disk(folder) == []
    assert stream([bytes(50_000)], most_bytes=50_000).size == 50_000


def test_a_stream_of_nothing_and_a_type_not_allowed_are_refused(here: UUID, folder: Path) -> None:
    with pytest.raises(FileRefused, match="empty"):
        stream([])
    with pytest.raises(FileRefused, match="not allowed"):
        stream([b"%PDF-"], kind="picture", found=FileType.PDF)
    assert on_disk(folder) == []


@pytest.mark.parametrize("after", [0, 1, 3, 20])
def test_a_stream_that_breaks_off_leaves_nothing(after: int, here: UUID, folder: Path) -> None:
    def broken() -> Iterator[bytes]:
        for _ in range(after):
            yield bytes(PIECE)
        raise RuntimeError("the query died")

    with pytest.raises(RuntimeError, match="the query died"):
        stream(broken())
    _until(lambda: on_disk(folder) == [])
    assert not StoredFile.objects.of(here).exists()


def _until(fact: Callable[[], bool]) -> None:
    """The store removes what was dropped on a thread of its own."""
    ends = time.monotonic() + 5
    while not fact():
        assert time.monotonic() < ends
        time.sleep(0.005)


WRITE_ON = """
import os, sys
from uuid import UUID
os.environ["DJANGO_SETTINGS_MODULE"] = "amanat.settings"
from django.conf import settings
settings.FILES_ROOT, settings.S3_URL = sys.argv[1], ""
from amanat.core import sealedobjects
writer = sealedobjects.Writer(sys.argv[2], key=bytes(32), workspace_id=UUID(int=0xA))
for number in range(100_000):
    writer.write(bytes(1024 * 1024))
    if number == 40:
        print("under way", flush=True)
        sys.stdin.read()
"""


@pytest.mark.slow
def test_a_process_killed_in_the_middle_leaves_only_what_the_sweep_takes(here: UUID, folder: Path) -> None:
    """The store's own listing does not show the half-written file, so the sweep looks into the folder itself."""
    kept = stream([b"kept"])
    name = f"{HERE}/{'ab' * 16}"
    command = [sys.executable, "-c", WRITE_ON, str(folder), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"under way\n"
        writer.send_signal(signal.SIGKILL)
    left = [path for path in on_disk(folder) if path != folder / kept.object_name]
    assert len(left) == 1
    assert left[0].stat().st_size >= 8 * 1024 * 1024
    with pytest.raises(FileDamaged):
        sealedobjects.read(name, key=bytes(32), workspace_id=HERE, size=1)
    assert sealedobjects.names_of(HERE, older_than=clock.now() + timedelta(days=1)) == [kept.object_name]
    assert files.sweep(here) == 0  # it might still be written
    with clock.standing_at(clock.now() + timedelta(hours=7)):
        assert files.sweep(here) == 1
    assert on_disk(folder) == [folder / kept.object_name]
    assert files.read_all(kept) == b"kept"


def test_the_sweep_leaves_the_half_written_files_of_others(here: UUID, folder: Path) -> None:
    foreign = folder / str(UUID(int=0xB)) / "0123#1"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"half")
    os.utime(foreign, (1_000_000_000, 1_000_000_000))
    assert files.sweep(here) == 0
    assert foreign.exists()


def test_a_bucket_is_left_to_its_own_rule(settings: Any) -> None:
    settings.S3_URL = "s3://bucket"
    assert sealedobjects.remove_unfinished(HERE, older_than=clock.now()) == 0


# --- Memory -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_memory_used_does_not_grow_with_the_file(here: UUID) -> None:
    """Three parts of 8 MiB may be on their way to the store at once."""
    part = os.urandom(PIECE)
    tracemalloc.start()
    try:
        file = stream(part for _ in range(96))
        for part in files.read(file):
            assert len(part) == PIECE
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30 * PIECE, f"{peak / PIECE:.0f} MiB"


@pytest.mark.slow
def test_a_gigabyte_goes_through_in_a_hundred_megabytes(here: UUID, folder: Path) -> None:
    """What the store's own code holds counts too, so the process is asked, not the interpreter."""
    part = os.urandom(PIECE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    file = stream((part for _ in range(1024)), most_bytes=2 * 1024 * PIECE)
    digest = hashlib.sha256()
    for given_back in files.read(file):
        digest.update(given_back)
    assert (file.size, digest.hexdigest()) == (1024 * PIECE, file.sha256)
    assert b"".join(files.read(file, start=900 * PIECE - 2, end=900 * PIECE + 2)) == part[-2:] + part[:2]
    on_disk(folder)[0].unlink()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
