"""The files that the double of WhatsApp holds: those we upload to it, and those that the other phone sends."""

from __future__ import annotations

import hashlib
import secrets
from email import message_from_bytes
from pathlib import Path
from typing import Any

from amanat.messaging.sandbox.graph_checks import Wrong
from amanat.messaging.sandbox.http import Reply, Request, as_json
from amanat.messaging.sandbox.record import Record


class Media:
    """Kept in a folder beside the record, by their ids."""

    def __init__(self, folder: Path, record: Record) -> None:
        self._folder, self._record = folder / "media", record
        self.known: dict[str, tuple[str, str]] = {}  #: id: content type and name

    def restore(self, line: dict[str, Any]) -> None:
        """What an earlier run wrote into the record."""
        self.known[line["id"]] = (line["content_type"], line["name"])

    def put(self, content: bytes, content_type: str, name: str) -> str:
        """Keep a file; returns its id."""
        media_id = str(secrets.randbelow(10**15) + 10**15)
        self._folder.mkdir(exist_ok=True)
        (self._folder / media_id).write_bytes(content)
        self._record.add("media", id=media_id, content_type=content_type, name=name)
        self.known[media_id] = (content_type, name)
        return media_id

    def uploaded(self, request: Request) -> Reply:
        head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
        form = message_from_bytes(head + request.body)
        part = next(one for one in form.walk() if one.get_filename())
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        return as_json({"id": self.put(content, part.get_content_type(), str(part.get_filename()))})

    def facts(self, request: Request, media_id: str) -> Reply:
        """What there is to know of a file, and where it can be fetched; or it is deleted."""
        if request.method == "DELETE":
            del self.known[media_id]
            return as_json({"success": True})
        content = (self._folder / media_id).read_bytes()
        return as_json({
            "messaging_product": "whatsapp", "url": f"http://{request.headers['host']}/media/{media_id}", "id": media_id,
            "mime_type": self.known[media_id][0], "sha256": hashlib.sha256(content).hexdigest(), "file_size": len(content),
        })  # fmt: skip

    def content(self, media_id: str) -> Reply:
        if media_id not in self.known:
            raise Wrong(100, "no such file", status=404)
        return Reply(200, (self._folder / media_id).read_bytes(), {"content-type": self.known[media_id][0]})
