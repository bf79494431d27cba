"""A voice message to send as a sample: two quiet seconds of Opus in Ogg, as a telephone records them (RFC 7845, RFC 3533)."""

from __future__ import annotations

import struct

_SERIAL = 7
#: One packet: 20 ms of silence at 48 kHz, mono (RFC 6716).
_QUIET = b"\xf8\xff\xfe"
_PACKETS, _SAMPLES = 100, 960
_FIRST, _LAST = 2, 4


def voice() -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 7) + b"sandbox" + struct.pack("<I", 0)
    return (
        _page(0, 0, [head], _FIRST) + _page(1, 0, [tags], 0) + _page(2, _PACKETS * _SAMPLES, [_QUIET] * _PACKETS, _LAST)
    )


def _page(number: int, position: int, packets: list[bytes], flags: int) -> bytes:
    sizes = bytes(len(packet) for packet in packets)  # each under 255 bytes
    head = b"OggS" + struct.pack("<BBqIII", 0, flags, position, _SERIAL, number, 0) + bytes([len(packets)]) + sizes
    page = head + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _checksum(page: bytes) -> int:
    """CRC-32 as Ogg has it: polynomial 0x04c11db7, nothing mirrored."""
    found = 0
    for byte in page:
        found ^= byte << 24
        for _bit in range(8):
            found = ((found << 1) ^ 0x04C11DB7) & 0xFFFFFFFF if found & 0x80000000 else found << 1
    return found
