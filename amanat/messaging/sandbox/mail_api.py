"""Doubles of three mail providers' interfaces: Postmark, Mailgun and Brevo. They reach nobody and record what they accepted."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, unquote

from amanat.messaging.sandbox.http import Reply


@dataclass(frozen=True, slots=True)
class Accepted:
    provider: str
    provider_id: str
    to: str
    subject: str
    fields: Mapping[str, Any]


class MailApis:
    """All three on one port, told apart by their paths."""

    def __init__(self, *, key: str = "sandbox-key") -> None:
        self.key = key
        self.accepted: list[Accepted] = []
        self.forgotten: list[tuple[str, str]] = []  #: whose data was ordered to be deleted, by provider and address
        self._plan: deque[str] = deque()

    def fail(self, *ways: str) -> None:
        """What the next requests meet, one each: "500", "429", "lost"."""
        self._plan.extend(ways)

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Reply:
        way = self._plan.popleft() if self._plan else ""
        if way.isdigit():
            return _said(int(way), {"message": "no"}, **({"Retry-After": "3"} if way == "429" else {}))
        if path.endswith("/data-removals") or "/smtp/log/" in path or "/contacts/" in path:
            return self._forgets(method, path, headers, body)
        if path.endswith("/email") and "smtp" not in path:
            reply = self._postmark(headers, body)
        elif path.endswith("/messages"):
            reply = self._mailgun(headers, body)
        elif path.endswith("/smtp/email"):
            reply = self._brevo(headers, body)
        else:
            return _said(404, {})
        return Reply(reply.status, reply.body, reply.headers, is_lost=way == "lost")

    def _postmark(self, headers: Mapping[str, str], body: bytes) -> Reply:
        if headers.get("x-postmark-server-token") != self.key:
            return _said(401, {"ErrorCode": 10, "Message": "Bad or missing Server API token"})
        said = json.loads(body)
        if said["To"].startswith("inactive@"):
            text = f"You tried to send to a recipient that has been marked as inactive. Found inactive addresses: {said['To']}. Inactive recipients are ones that bounced."
            return _said(422, {"ErrorCode": 406, "Message": text})
        made = self._take("postmark", secrets.token_hex(16), said["To"], said["Subject"], said)
        return _said(200, {"ErrorCode": 0, "Message": "OK", "MessageID": made, "To": said["To"]})

    def _mailgun(self, headers: Mapping[str, str], body: bytes) -> Reply:
        if not headers.get("authorization", "").startswith("Basic "):
            return _said(401, {"message": "Forbidden"})
        fields = _fields(headers.get("content-type", ""), body)
        made = self._take("mailgun", f"<{secrets.token_hex(8)}@sandbox>", fields["to"], fields["subject"], fields)
        return _said(200, {"id": made, "message": "Queued. Thank you."})

    def _brevo(self, headers: Mapping[str, str], body: bytes) -> Reply:
        if headers.get("api-key") != self.key:
            return _said(401, {"code": "unauthorized", "message": "Key not found"})
        said = json.loads(body)
        made = self._take("brevo", f"<{secrets.token_hex(8)}@sandbox>", said["to"][0]["email"], said["subject"], said)
        return _said(201, {"messageId": made})

    def _forgets(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """An order to delete what is kept about an address: Postmark's by its account token, Brevo's of its log and of a contact."""
        if path.endswith("/data-removals"):
            if headers.get("x-postmark-account-token") != self.key:
                return _said(401, {"ErrorCode": 10, "Message": "Bad or missing Account API token"})
            self.forgotten.append(("postmark", json.loads(body)["RequestedFor"]))
            return _said(200, {"ID": len(self.forgotten), "Status": "Pending"})
        if headers.get("api-key") != self.key or method != "DELETE":
            return _said(401, {"code": "unauthorized", "message": "Key not found"})
        self.forgotten.append(("brevo", unquote(path.rpartition("/")[2])))
        return (
            _said(200, {"process_id": len(self.forgotten)})
            if "/smtp/log/" in path
            else _said(404, {"code": "document_not_found"})
        )

    def _take(self, provider: str, provider_id: str, to: str, subject: str, fields: Mapping[str, Any]) -> str:
        self.accepted.append(Accepted(provider, provider_id, to, subject, fields))
        del self.accepted[:-20_000]
        return provider_id


def _said(status: int, data: Any, **headers: str) -> Reply:
    return Reply(status, json.dumps(data).encode(), {"Content-Type": "application/json", **headers})


def _fields(kind: str, body: bytes) -> dict[str, Any]:
    """The fields of a form, whichever way it is written; files by their names."""
    if "multipart" not in kind:
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    made = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    found: dict[str, Any] = {}
    for part in made.walk():
        if name := part.get_param("name", header="content-disposition"):
            content = part.get_payload(decode=True)
            found[str(name)] = content if part.get_filename() else bytes(content or b"").decode()
    return found
