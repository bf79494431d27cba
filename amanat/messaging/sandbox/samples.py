"""What the person with the other phone may send besides words, in WhatsApp's own form: a file, a place, a card, a reaction."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from typing import Any

from amanat.core import filetypes
from amanat.messaging.channels import whatsapp_payloads
from amanat.messaging.sandbox import sounds


def file(content: bytes, name: str, caption: str = "") -> dict[str, Any]:
    """A file of one's own, as the double is told to send it. Raises core.files.FileRefused for a type that nobody knows."""
    found = filetypes.sniff(content, name)
    kind = whatsapp_payloads.media_kind(found.value)
    media = {"mime_type": found.value}
    if caption and whatsapp_payloads.takes_words(found.value):
        media["caption"] = caption
    if kind == "document":
        media["filename"] = filetypes.safe_name(name, found)
    return {"type": kind, kind: media, "base64": base64.b64encode(content).decode()}


def reaction(message_id: str, emoji: str) -> dict[str, Any]:
    """An emoji on one of our messages; Meta leaves the word out where it is taken away."""
    put = {"emoji": emoji} if emoji else {}
    return {"type": "reaction", "reaction": {"message_id": message_id, **put}}


def _picture(caption: str) -> dict[str, Any]:
    """A sun over a field, as PNG."""
    wide, high = 240, 160

    def color(across: int, down: int) -> bytes:
        if (across - 170) ** 2 + (down - 50) ** 2 < 28**2:
            return b"\xf2\xc1\x4e"
        return b"\x6f\x9e\x57" if down > 105 + across // 12 else b"\xbf\xdf\xee"

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = b"".join(b"\0" + b"".join(color(across, down) for across in range(wide)) for down in range(high))
    head = struct.pack(">2I5B", wide, high, 8, 2, 0, 0, 0)
    drawn = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    return file(b"\x89PNG\r\n\x1a\n" + b"".join(drawn), "picture.png", caption)


def _document(caption: str) -> dict[str, Any]:
    """A page of PDF with one line on it."""
    drawn = b"BT /F1 20 Tf 60 760 Td (A sample paper from the other phone) Tj ET"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]  # fmt: skip
    paper, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(paper))
        paper += b"%d 0 obj%s endobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        len(paper),
    )
    return file(paper + end, "sample.pdf", caption)


def _place(_caption: str) -> dict[str, Any]:
    where = {
        "latitude": 20.0059, "longitude": 73.7910, "name": "Panchavati Karanja", "address": "Panchavati, Nashik 422003",
    }  # fmt: skip
    return {"type": "location", "location": where}


def _card(_caption: str) -> dict[str, Any]:
    card = {
        "name": {"formatted_name": "Mohan Patil", "first_name": "Mohan", "last_name": "Patil"},
        "phones": [{"phone": "+91 98220 00000", "wa_id": "919822000000", "type": "CELL"}],
    }
    return {"type": "contacts", "contacts": [card]}


def _voice(_caption: str) -> dict[str, Any]:
    said = file(sounds.voice(), "voice.ogg")
    said["audio"]["voice"] = True
    return said


def _sticker(_caption: str) -> dict[str, Any]:
    return file(base64.b64decode(_SUN), "sticker.webp")


#: A sun with nothing behind it, 128 by 128, as lossless WebP.
_SUN = (
    "UklGRiQBAABXRUJQVlA4TBgBAAAvf8AfEAYHkSQpkvvz9d6OfqbzGSaOK/8Fp/4zcts2UmIjRpdzOxP3A/O9kQtHia09n9IIO7BQk8zI5f0UBvb3ns9kcTxS"
    "MpDFo5GygVBFil1VL9KUKfZUm0hhKzLYjAjVLroZgV662DAFjcxBG5PQxCy0EMaacWioeaWcMNaMRC1hLETHFNbYUljhsmZwKatwiebMbYgahuP+RwXjcf/j"
    "egJ4XcQCEyPXme+A8M9d/9719MfD/9358P93ufv//fz/rvx/Z/+/O9938PsufN+J77v5fUe+78r3nf2+O+874H0XvO+E9934viPed8X7znTfHe875H2XvO9U"
    "993yvmPdd837znXfvf7u4Ca8u2AH8Hc39rujT+0c"
)
#: By the name of the button; each takes a text to go along, which those of `WITH_WORDS` carry.
SAMPLES: dict[str, Callable[[str], dict[str, Any]]] = {
    "picture": _picture, "document": _document, "voice": _voice, "sticker": _sticker, "place": _place, "card": _card,
}  # fmt: skip
WITH_WORDS = frozenset({"picture", "document"})
