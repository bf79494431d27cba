"""A double of two SMS providers: MSG91's flow and a plain HTTP gateway. It reaches nobody and records what it accepted.

`answer` speaks the protocols and knows no server; `serve` puts it on this machine. What goes wrong is told it beforehand (`fail`): a code of
HTTP, "lost" (taken, but the connection breaks before the answer), "slow". Reports are made by `reports`, in the provider's own form, and
sent by whoever runs it. Templates and headers that were registered with DLT can be given: then it drops what differs, as operators do.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from amanat.core import clock

#: How long an answer called "slow" takes.
SLOW_SECONDS = 0.3
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """A text that was taken. `protocol` is "msg91" or "gateway"; `variables` are a flow's, `text` is what the phone shows."""

    protocol: str
    provider_id: str
    reference: str
    to: str
    sender: str
    template_id: str
    text: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `is_lost` breaks the connection instead of giving it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    is_lost: bool = False


def _json(status: int, data: Any, **headers: str) -> Reply:
    return Reply(status, json.dumps(data).encode(), {"Content-Type": "application/json", **headers})


class SmsSandbox:
    """Both providers in one; safe for many threads."""

    def __init__(self, *, key: str = "sandbox-key", templates: Mapping[str, str] | None = None) -> None:
        self.key = key
        self.templates = dict(templates or {})  #: {id: registered text with {{1}}}; empty: every text is taken
        self.accepted: list[Accepted] = []
        self.refused: list[str] = []
        self._plan: deque[str] = deque()
        self._lock = threading.Lock()

    def fail(self, *ways: str) -> None:
        """What the next requests meet, one each: "500", "429", "503", "lost", "slow", "balance", or "" for nothing."""
        with self._lock:
            self._plan.extend(ways)

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """One request, with names of headers in lower case."""
        if path == "/api/balance.php":
            return Reply(200, b"100" if query.get("authkey") == self.key else b'{"type":"error","message":"201"}')
        if path.startswith("/control"):
            return self._control(path, body)
        with self._lock:
            way = self._plan.popleft() if self._plan else ""
        if way.isdigit():
            wait = {"Retry-After": "2"} if way in {"429", "503"} else {}
            return _json(int(way), {"type": "error", "message": "try later"}, **wait)
        if way == "slow":
            time.sleep(SLOW_SECONDS)
        reply = self._flow(headers, body, way) if path == "/api/v5/flow" else None
        reply = reply or (self._gateway(method, query, headers, body, way) if path == "/send" else None)
        if reply is None:
            return _json(404, {"type": "error", "message": "no such route"})
        return Reply(reply.status, reply.body, reply.headers, is_lost=way == "lost")

    def _control(self, path: str, body: bytes) -> Reply:
        """For whoever runs it: /control/fail takes a list of ways, /control/accepted gives the record."""
        if path == "/control/fail":
            self.fail(*[str(way) for way in json.loads(body or b"[]")])
            return _json(200, {})
        return _json(200, [{"to": one.to, "text": one.text, "reference": one.reference} for one in self.accepted])

    def _flow(self, headers: Mapping[str, str], body: bytes, way: str) -> Reply:
        """POST /api/v5/flow of MSG91: one id for the request, whatever it holds."""
        if headers.get("authkey") != self.key:
            return _json(401, {"type": "error", "message": "Authentication failure", "code": "201"})
        if way == "balance":
            return _json(200, {"type": "error", "message": "Insufficient balance"})
        try:
            said = json.loads(body)
            template_id, recipients = str(said["template_id"]), list(said["recipients"])
        except (ValueError, KeyError, TypeError):
            return _json(400, {"type": "error", "message": "template_id or recipients missing"})
        if self.templates and template_id not in self.templates:
            return _json(400, {"type": "error", "message": "template not found"})
        request_id = secrets.token_hex(12)
        for one in recipients:
            variables = {name: str(value) for name, value in one.items() if name.startswith("VAR")}
            text = _filled(self.templates.get(template_id, ""), variables)
            self._take(
                Accepted(
                    "msg91", request_id, str(one.get("CRQID", "")), str(one["mobiles"]), "", template_id, text, variables
                )
            )  # fmt: skip
        return _json(200, {"type": "success", "message": request_id})

    def _gateway(
        self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, way: str
    ) -> Reply:
        """A plain gateway: number, text, sender, entity, template, reference; as JSON, as a form or in the address."""
        fields: Mapping[str, Any] = query
        if method == "POST" and body:
            is_json = "json" in headers.get("content-type", "")
            fields = json.loads(body) if is_json else dict(parse_qsl(body.decode()))
        if headers.get("authorization") != f"Bearer {self.key}" and fields.get("key") != self.key:
            return _json(401, {"status": "error", "code": "E401"})
        if way == "balance":
            return _json(200, {"status": "error", "code": "E402"})
        number, text, template_id = (str(fields.get(name, "")) for name in ("number", "text", "template"))
        if not number.isdigit() or not text:
            return _json(200, {"status": "error", "code": "E400"})
        if self.templates and not self._is_registered(template_id, text):
            self.refused.append(text)
            return _json(200, {"status": "error", "code": "E-DLT"})
        made = Accepted(
            "gateway", secrets.token_hex(8), str(fields.get("reference", "")), number, str(fields.get("sender", "")), template_id, text
        )  # fmt: skip
        self._take(made)
        return _json(200, {"status": "success", "data": [{"id": made.provider_id}]})

    def _is_registered(self, template_id: str, text: str) -> bool:
        if template_id not in self.templates:
            return False
        pieces = re.split(r"\{\{\d+\}\}", self.templates[template_id])
        return re.fullmatch(".{0,30}".join(re.escape(piece) for piece in pieces), text, re.DOTALL) is not None

    def _take(self, made: Accepted) -> None:
        with self._lock:
            self.accepted.append(made)
            del self.accepted[:-_MOST]

    def reports(self, one: Accepted, status: str = "delivered") -> tuple[bytes, dict[str, str]]:
        """Body and headers of the report about a text that was taken: "delivered", "failed" or "dnd"."""
        at = clock.now().isoformat(sep=" ", timespec="seconds")[:19]
        number = {"delivered": "1", "failed": "2", "dnd": "9"}[status]
        if one.protocol == "gateway":
            said = {"id": one.provider_id, "reference": one.reference, "status": status, "at": f"{at}+00:00"}
            return json.dumps(said).encode(), {"content-type": "application/json"}
        report = {"date": at, "number": one.to, "status": number, "desc": status.upper(), "CRQID": one.reference}
        data = json.dumps([{"senderId": one.sender, "requestId": one.provider_id, "report": [report]}])
        return urlencode({"data": data}).encode(), {"content-type": "application/x-www-form-urlencoded"}


def _filled(template: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\d+)\}\}", lambda at: variables.get(f"VAR{at[1]}", ""), template)


#: How an account of the generic adapter speaks to the gateway here.
GATEWAY_SETTINGS: dict[str, Any] = {
    "method": "POST", "body": "json", "entity_id": "1101234567890123456", "header_class": "service",
    "headers": {"authorization": "Bearer {secret.key}"},
    "fields": {
        "number": "{number}", "text": "{text}", "sender": "{header}", "entity": "{entity_id}", "template": "{template_id}",
        "reference": "{reference}",
    },
    "success": {"status": [200], "path": "status", "is": ["success"]}, "id_path": "data.0.id", "code_path": "code",
    "faults": {"E401": "credentials", "E402": "balance", "E-DLT": "rejected"},
    "report": {
        "id": "id", "reference": "reference", "status": "status", "at": "at", "delivered": ["delivered"], "failed": ["failed"],
        "dnd": ["dnd"],
    },
}  # fmt: skip


@contextmanager
def serve(sandbox: SmsSandbox, *, port: int = 0) -> Iterator[int]:
    """The double on 127.0.0.1; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = sandbox.answer(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            self.close_connection = True
            if reply.is_lost:
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = _any

        def log_message(self, format: str, *args: Any) -> None:
            """Numbers of people do not belong into a log."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
