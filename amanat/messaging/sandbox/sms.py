"""A double of two SMS providers: MSG91's flow and a plain HTTP gateway. It reaches nobody and records what it accepted.

What a person writes to the long code of an account (/control/sms/say) is passed on to where it is called, in the provider's form.

`answer` speaks the protocols and knows no server. What goes wrong is told it beforehand (`fail`): a code of HTTP, "lost" (taken, but the
connection breaks before the answer), "slow"; "failed" and "dnd" are taken and reported so. An account that said where it is called (`know`)
gets a report about each text by itself, in the provider's own form. Templates that were registered with DLT can be given: then it drops what
differs, as operators do.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from amanat.core import clock
from amanat.messaging.sandbox.calls import Calls, Event
from amanat.messaging.sandbox.http import Reply
from amanat.messaging.sandbox.record import Record

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
    key: str = ""  #: of the account that sent it
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Written:
    """What a person wrote to the long code of an account. `sender` is in digits, with the country code."""

    key: str
    id: str
    sender: str
    text: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who sends with a key of her own and wants to hear what became of it. `id` is the key."""

    id: str
    callback: str = ""
    host: str = ""


def _json(status: int, data: Any, **headers: str) -> Reply:
    return Reply(status, json.dumps(data).encode(), {"Content-Type": "application/json", **headers})


class SmsSandbox:
    """Both providers in one, safe for many threads. With a folder it keeps what it took, and reports; for that it needs a loop (`calls`)."""

    def __init__(
        self, *, key: str = "sandbox-key", templates: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        self.key = key
        self.accounts: dict[str, Account] = {}
        self.templates = dict(templates or {})  #: {id: registered text with {{1}}}; empty: every text is taken
        self.accepted: list[Accepted] = []
        self.written: list[Written] = []
        self.refused: list[str] = []
        self._plan: deque[str] = deque()
        self._lock = threading.Lock()
        self.ended: set[tuple[str, str]] = set()  #: key of an account and id of a text that is in the register no more
        self._record = Record(folder / "sms.jsonl") if folder else None
        self.calls = Calls(self._record, self.accounts, _written, most=1) if self._record else None
        for line in self._record.lines() if self._record else ():
            self._restore(line)

    def _restore(self, line: dict[str, Any]) -> None:
        what = line.pop("what")
        if what == "account":
            self.accounts[line["id"]] = Account(**line)
        elif what == "accepted":
            self.accepted.append(Accepted(**line))
        elif what == "said":
            self.written.append(Written(**line))
        elif what == "ended":
            self._end(line["key"], line["template"], is_ended=line["is_ended"])
        elif self.calls is not None:
            self.calls.restore({"what": what, **line})

    def know(self, account: Account) -> None:
        """Take texts with its key from now on, and report about them."""
        self.accounts[account.id] = account
        if self._record is not None:
            self._record.add("account", **asdict(account))

    def _end(self, key: str, template_id: str, *, is_ended: bool) -> None:
        (self.ended.add if is_ended else self.ended.discard)((key, template_id))

    def fail(self, *ways: str) -> None:
        """What the next requests meet, one each: "500", "429", "503", "lost", "slow", "balance", "failed", "dnd", or "" for nothing."""
        with self._lock:
            self._plan.extend(ways)

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """One request, with names of headers in lower case."""
        if path == "/api/balance.php":
            return Reply(200, b"100" if self._may(query.get("authkey")) else b'{"type":"error","message":"201"}')
        if path.startswith("/control"):
            return self._control(path, headers, body)
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

    def _may(self, key: str | None) -> bool:
        return bool(key) and (key == self.key or key in self.accounts)

    def _control(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """For whoever runs it: /fail takes a list of ways, /accepted gives the record. /account is for an account: /phone gives what it sent
        and got, /register ends a text of its register or lets it stand again, /say writes to its long code.
        """
        act = path.rpartition("/")[2]
        if act == "account":
            self.know(Account(**json.loads(body)))
            return _json(200, {})
        if act in {"phone", "register", "say"}:
            key = headers.get("authorization", "").removeprefix("Bearer ")
            if key not in self.accounts:
                return _json(401, {})
            if act == "register":
                wanted = json.loads(body)
                text, is_ended = str(wanted["template"]), bool(wanted["is_ended"])
                if self._record is not None:
                    self._record.add("ended", key=key, template=text, is_ended=is_ended)
                self._end(key, text, is_ended=is_ended)
            if act == "say":
                self.say(key, **json.loads(body))
            ended = sorted(template for its, template in self.ended if its == key)
            sent, said = ([asdict(one) for one in side if one.key == key] for side in (self.accepted, self.written))
            return _json(200, {"sent": sent, "said": said, "ended": ended})
        if act == "fail":
            self.fail(*[str(way) for way in json.loads(body or b"[]")])
            return _json(200, {})
        return _json(200, [{"to": one.to, "text": one.text, "reference": one.reference} for one in self.accepted])

    def _flow(self, headers: Mapping[str, str], body: bytes, way: str) -> Reply:
        """POST /api/v5/flow of MSG91: one id for the request, whatever it holds."""
        key = headers.get("authkey", "")
        if not self._may(key):
            return _json(401, {"type": "error", "message": "Authentication failure", "code": "201"})
        if way == "balance":
            return _json(200, {"type": "error", "message": "Insufficient balance"})
        try:
            said = json.loads(body)
            template_id, recipients = str(said["template_id"]), list(said["recipients"])
        except (ValueError, KeyError, TypeError):
            return _json(400, {"type": "error", "message": "template_id or recipients missing"})
        if (key, template_id) in self.ended or (self.templates and template_id not in self.templates):
            return _json(400, {"type": "error", "message": "template not found"})
        request_id = secrets.token_hex(12)
        for one in recipients:
            variables = {name: str(value) for name, value in one.items() if name.startswith("VAR")}
            text = _filled(self.templates.get(template_id, ""), variables)
            reference, to = str(one.get("CRQID", "")), str(one["mobiles"])
            self._take(Accepted("msg91", request_id, reference, to, "", template_id, text, variables, key), way)
        return _json(200, {"type": "success", "message": request_id})

    def _gateway(
        self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, way: str
    ) -> Reply:
        """A plain gateway: number, text, sender, entity, template, reference; as JSON, as a form or in the address."""
        fields: Mapping[str, Any] = query
        if method == "POST" and body:
            is_json = "json" in headers.get("content-type", "")
            fields = json.loads(body) if is_json else dict(parse_qsl(body.decode()))
        key = headers.get("authorization", "").removeprefix("Bearer ") or str(fields.get("key", ""))
        if not self._may(key):
            return _json(401, {"status": "error", "code": "E401"})
        if way == "balance":
            return _json(200, {"status": "error", "code": "E402"})
        number, text, template_id = (str(fields.get(name, "")) for name in ("number", "text", "template"))
        if not number.isdigit() or not text:
            return _json(200, {"status": "error", "code": "E400"})
        if (key, template_id) in self.ended or (self.templates and not self._is_registered(template_id, text)):
            self.refused.append(text)
            return _json(200, {"status": "error", "code": "E-DLT"})
        made = Accepted(
            "gateway", secrets.token_hex(8), str(fields.get("reference", "")), number, str(fields.get("sender", "")), template_id, text,
            key=key,
        )  # fmt: skip
        self._take(made, way)
        return _json(200, {"status": "success", "data": [{"id": made.provider_id}]})

    def _is_registered(self, template_id: str, text: str) -> bool:
        if template_id not in self.templates:
            return False
        pieces = re.split(r"\{\{\d+\}\}", self.templates[template_id])
        return re.fullmatch(".{0,30}".join(re.escape(piece) for piece in pieces), text, re.DOTALL) is not None

    def _take(self, made: Accepted, way: str) -> None:
        made = replace(made, at=clock.now().timestamp())
        with self._lock:
            self.accepted.append(made)
            del self.accepted[:-_MOST]
        if self._record is not None and self.calls is not None:
            self._record.add("accepted", **asdict(made))
            if (account := self.accounts.get(made.key)) and account.callback:
                status = way if way in {"failed", "dnd"} else "delivered"
                body, headers = self.reports(made, status)
                self.calls.add(account, "report", {"body": body.decode(), "headers": headers})

    def say(self, key: str, sender: str, text: str, protocol: str = "gateway") -> Written:
        """A person writes to the long code of an account."""
        made = Written(key, secrets.token_hex(8), sender, text, clock.now().timestamp())
        with self._lock:
            self.written.append(made)
            del self.written[:-_MOST]
        account = self.accounts[key]
        if self._record is not None and self.calls is not None:
            self._record.add("said", **asdict(made))
            if account.callback:
                body, headers = self.inbound(made, protocol)
                self.calls.add(account, "inbound", {"body": body.decode(), "headers": headers})
        return made

    def inbound(self, one: Written, protocol: str = "gateway") -> tuple[bytes, dict[str, str]]:
        """Body and headers of the call with what a person wrote; MSG91 gives no id of it."""
        at = datetime.fromtimestamp(one.at, UTC).isoformat(sep=" ", timespec="seconds")
        if protocol == "gateway":
            said = {"id": one.id, "from": one.sender, "to": "919220092200", "text": one.text, "at": at}
            return json.dumps(said).encode(), {"content-type": "application/json"}
        fields = {"number": one.sender, "message": one.text, "keyword": "SHREE", "datetime": at}
        return urlencode(fields).encode(), {"content-type": "application/x-www-form-urlencoded"}

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


def _written(account: Account, batch: Sequence[Event]) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of the call with one report: `Calls` is told to give one at a time."""
    [event] = batch
    return event.value["headers"], event.value["body"].encode()


def _filled(template: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\d+)\}\}", lambda at: variables.get(f"VAR{at[1]}", ""), template)
