"""Sounds and films are told by their bytes, whatever their names say; what only looks like one is refused."""

from __future__ import annotations

import io
import zipfile

import pytest

from amanat.core import filetypes
from amanat.core.filetypes import ENDINGS, FileRefused, FileType


def boxes(brand: bytes, handler: bytes = b"soun") -> bytes:
    head = b"ftyp" + brand + b"\0\0\0\0" + brand
    track = b"hdlr" + b"\0" * 8 + handler + b"\0" * 12
    return (len(head) + 4).to_bytes(4) + head + (len(track) + 4).to_bytes(4) + track


def adts(length: int = 64, frames: int = 2) -> bytes:
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC])
    return (head + b"\x21" * (length - 7)) * frames


OPUS = b"OggS\x00\x02" + b"\0" * 20 + b"\x01\x13OpusHead\x01\x01" + b"\x55" * 60
VORBIS = b"OggS\x00\x02" + b"\0" * 20 + b"\x01\x1e\x01vorbis" + b"\x55" * 60
TAGGED = b"ID3\x04\x00\x00\x00\x00\x02\x01" + b"\0" * 64
FRAMES = b"\xff\xfb\x90\x64" + b"\x11" * 413


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (OPUS, FileType.OGG),
        (VORBIS, FileType.OGG),
        (TAGGED, FileType.MP3),
        (FRAMES, FileType.MP3),
        (adts(), FileType.AAC),
        (adts(frames=1), FileType.AAC),
        (b"#!AMR\n" + b"\x3c" * 32, FileType.AMR),
        (b"#!AMR-WB\n" + b"\x3c" * 32, FileType.AMR),
        (boxes(b"M4A "), FileType.M4A),
        (boxes(b"isom"), FileType.M4A),  # what recorders of telephones write
        (boxes(b"isom", b"vide"), FileType.MP4),
        (boxes(b"mp42", b"vide"), FileType.MP4),
        (boxes(b"3gp4", b"vide"), FileType.MOBILE),
        (boxes(b"3g2a", b"vide"), FileType.MOBILE),
    ],
)
@pytest.mark.parametrize("name", ["", "voice.exe", "note.html"])
def test_what_it_is_stands_in_its_bytes(content: bytes, found: FileType, name: str) -> None:
    assert filetypes.sniff(content, name) is found
    assert filetypes.safe_name(name, found).endswith(ENDINGS[found])


@pytest.mark.parametrize(
    "content",
    [
        b"#!AMRx\n" + b"\x3c" * 32,
        b"#!/bin/sh\nrm -rf /",
        b"OggS\x00\x02" + b"\0" * 20 + b"\x80theora" + b"\x55" * 60,  # a film
        b"OggS",
        b"ID3",
        b"ID3\x09\x00\x00\x00\x00\x02\x01" + b"\0" * 64,
        b"\xff\xfb\xf0\x64" + b"\x11" * 413,  # a rate that does not exist
        b"\xff\xfb\x9c\x64" + b"\x11" * 413,
        b"\xff\xe0\x90\x64" + b"\x11" * 413,
        adts()[:40],
        b"\xff\xf1" + b"\0" * 40,
        boxes(b"crx "),
        boxes(b"qt  ", b"vide"),
        b"\x00\x00\x00\x18ftyp",
    ],
)
def test_what_only_looks_like_a_sound_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused):
        filetypes.sniff(content, "voice.ogg")


def test_a_picture_of_an_iphone_is_still_told_apart() -> None:
    with pytest.raises(FileRefused, match="HEIC"):
        filetypes.sniff(boxes(b"heic"), "a.m4a")


@pytest.mark.parametrize(
    "content", [OPUS, TAGGED, adts(), b"#!AMR\n" + b"\x3c" * 32, boxes(b"M4A "), boxes(b"isom", b"vide")]
)
def test_an_archive_behind_a_sound_is_found(content: bytes) -> None:
    target = io.BytesIO(content)
    target.seek(0, io.SEEK_END)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("run.js", "alert(1)")
    with pytest.raises(FileRefused, match="hides an archive"):
        filetypes.sniff(target.getvalue(), "voice.ogg")


def test_texts_in_other_codes_are_no_sounds() -> None:
    assert filetypes.sniff("name\nआशा\n".encode("utf-16"), "a.csv") is FileType.CSV
    assert filetypes.sniff(b"\xff\xe4 caf\xe9, tea\n", "a.txt") is FileType.TXT
