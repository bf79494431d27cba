"""The format of backups: what was written comes back, and any change to it is found."""

import io
import random
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.operations import Refused, sealing
from amanat.operations.sealing import Reader, Secret, Writer

SECRET = Secret(root_key=bytes(range(32)))
SUMMARY = {"counts": {"people_contact": 3}}


def written(entries: dict[str, bytes], *, secret: Secret = SECRET, header: dict[str, Any] | None = None) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, header=header or {}, secret=secret)
    for name, data in entries.items():
        writer.entry(name)
        writer.write(data)
    writer.close(SUMMARY)
    return file.getvalue()


def read(data: bytes, *, secret: Secret = SECRET) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, piece in Reader(io.BytesIO(data)).entries(secret):
        found[name] = found.get(name, b"") + piece
    return found


def chunks(data: bytes) -> tuple[bytes, list[bytes]]:
    """The header with its magic, and each sealed chunk with its length."""
    length = struct.unpack(">I", data[len(sealing.MAGIC) :][:4])[0]
    at = len(sealing.MAGIC) + 4 + length
    head, pieces = data[:at], []
    while at < len(data):
        size = 4 + struct.unpack(">I", data[at : at + 4])[0]
        pieces.append(data[at : at + size])
        at += size
    return head, pieces


@given(
    st.dictionaries(st.text("abc/é", min_size=2, max_size=9), st.binary(max_size=3000), max_size=5), st.integers(1, 700)
)
@settings(max_examples=60, deadline=None)
def test_what_was_written_comes_back_whatever_the_size_of_chunks(entries: dict[str, bytes], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "CHUNK", chunk)
        found = read(written(entries))
    assert sealing.json.loads(found.pop("E")) == SUMMARY
    assert found == entries


def test_large_entries_are_written_in_bounded_chunks() -> None:
    data = random.Random(1).randbytes(3 * sealing.CHUNK + 17)
    sealed = written({"database": data})
    assert read(sealed)["database"] == data
    assert max(len(piece) for piece in chunks(sealed)[1]) <= 4 + sealing.CHUNK + sealing.TAG


def test_every_flipped_bit_is_found() -> None:
    sealed = written({"database": b"Rekha Kulkarni" * 5})
    for position in range(len(sealed)):
        for bit in (1, 128):
            changed = bytearray(sealed)
            changed[position] ^= bit
            with pytest.raises(Refused):
                read(bytes(changed))


def test_every_truncation_and_any_tail_is_found() -> None:
    sealed = written({"database": b"Rekha Kulkarni" * 5})
    for length in range(len(sealed)):
        with pytest.raises(Refused):
            read(sealed[:length])
    for tail in (b"\0", b"\0\0\0\0", sealed, chunks(sealed)[1][0]):
        with pytest.raises(Refused):
            read(sealed + tail)


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [0, 1, 1, 2, 3], [0, 2, 3], [0, 1, 2], [3], [0, 1, 3], []])
def test_chunks_moved_repeated_or_left_out_are_found(order: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "CHUNK", 64)
    head, pieces = chunks(written({"a": bytes(170)}))
    assert len(pieces) == 4
    with pytest.raises(Refused, match="damaged"):
        read(head + b"".join(pieces[number] for number in order))


def test_a_chunk_of_another_backup_is_found() -> None:
    one, other = written({"a": b"1"}), written({"a": b"1"})
    with pytest.raises(Refused, match="damaged"):
        read(chunks(one)[0] + chunks(other)[1][0])


def test_an_altered_header_is_found() -> None:
    sealed = written({"a": b"1"}, header={"amanat": "0.1.0"})
    with pytest.raises(Refused, match="damaged"):
        read(sealed.replace(b'"amanat": "0.1.0"', b'"amanat": "9.1.0"'))


def test_a_wrong_key_is_told_from_damage() -> None:
    sealed = written({"a": b"1"})
    with pytest.raises(Refused, match="key does not open"):
        read(sealed, secret=Secret(root_key=bytes(32)))


@pytest.mark.slow
def test_a_passphrase_opens_what_it_locked_and_nothing_else_does() -> None:
    sealed = written({"a": b"1"}, secret=Secret(passphrase="correct horse battery"))
    assert read(sealed, secret=Secret(passphrase="correct horse battery"))["a"] == b"1"
    for wrong in (Secret(passphrase="correct horse batterz"), SECRET):
        with pytest.raises(Refused, match=r"locked with the passphrase"):
            read(sealed, secret=wrong)


def test_nothing_readable_is_left_in_the_file() -> None:
    sealed = written({"files/rekha.pdf": b"Rekha Kulkarni, 98220 12345"})
    for word in (b"rekha", b"Rekha", b"98220", b"people_contact"):
        assert word not in sealed


def test_two_backups_of_the_same_differ() -> None:
    assert chunks(written({"a": b"1"}))[1] != chunks(written({"a": b"1"}))[1]


def test_another_kind_of_file_and_another_format_are_refused_in_words() -> None:
    with pytest.raises(Refused, match="not a backup"):
        Reader(io.BytesIO(b"PGDMP" + bytes(100)))
    sealed = written({}).replace(b'"format": 1', b'"format": 2')
    with pytest.raises(Refused, match="format 2"):
        Reader(io.BytesIO(sealed))
