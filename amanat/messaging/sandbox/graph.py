"""A double of Meta's Graph API for WhatsApp: same paths, JSON, errors and signed calls. It reaches nobody.

What it accepts it writes into its record before it answers, so that it may be killed at any moment and still be the judge
of what was sent. `/control/` is ours: numbers are registered there, faults are ordered, and the other phone answers.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

from amanat.core import clock
from amanat.messaging.sandbox import graph_calls, graph_checks, http
from amanat.messaging.sandbox.calls import Calls
from amanat.messaging.sandbox.faults import Faults
from amanat.messaging.sandbox.graph_calls import Number
from amanat.messaging.sandbox.graph_checks import Wrong
from amanat.messaging.sandbox.graph_media import Media
from amanat.messaging.sandbox.graph_phones import Phones
from amanat.messaging.sandbox.graph_templates import Templates
from amanat.messaging.sandbox.http import Reply, Request, as_json
from amanat.messaging.sandbox.record import Record

_WINDOW = 86_400


class Graph:
    """All of it in one loop of events; nothing here waits but for faults that were ordered."""

    def __init__(self, folder: Path) -> None:
        self._record = Record(folder / "graph.jsonl")
        self.numbers: dict[str, Number] = {}
        self.calls = Calls(self._record, self.numbers, graph_calls.written, most=graph_calls.MOST)
        self.faults = Faults()
        self.accepted: list[dict[str, Any]] = []
        self.answered: list[dict[str, Any]] = []  #: what people wrote to us
        self.reads: list[str] = []
        self._of: dict[str, dict[str, Any]] = {}
        self.media = Media(folder, self._record)
        self._wrote: dict[tuple[str, str], float] = {}
        self.phones = Phones(self._record)
        self.settings: dict[str, Any] = {
            "reports": ["sent", "delivered"],
            "report_after": 0.0,
            "approve_after": 1.0,
            "any_template": False,
            "window": True,
        }
        self._background: set[asyncio.Task[None]] = set()
        self.templates = Templates(self._record, self._judged, self._approve_later)
        for line in self._record.lines():
            self._restore(line)

    def _restore(self, line: dict[str, Any]) -> None:
        what = line.pop("what")
        if what == "number":
            self.numbers[line["id"]] = Number(**line)
        elif what == "accepted":
            self._keep(line)
        elif what == "said":
            self.answered.append(line)
            self._wrote[line["number"], line["from"]] = line["at"]
        elif what == "template":
            self.templates.restore(line)
        elif what == "media":
            self.media.restore(line)
        elif what == "power":
            self.phones.restore(line)
        elif what in {"event", "acked"}:
            self.calls.restore({"what": what, **line})

    def _keep(self, line: dict[str, Any]) -> None:
        self.accepted.append(line)
        self._of[line["id"]] = line
        self.phones.keep(line)

    async def answer(self, request: Request) -> Reply:
        """One request to the API or to us."""
        parts = request.path.strip("/").split("/")
        try:
            if parts[0] == "control":
                return await self._control(request, parts[1:])
            if parts[0] == "media" and len(parts) == 2:
                self._authorize(request, *(one.token for one in self.numbers.values()))
                return self.media.content(parts[1])
            if parts[0].startswith("v") and len(parts) > 1:
                return await self._graph(request, parts[1:])
            raise Wrong(2500, "Unknown path components", status=404)
        except Wrong as wrong:
            return _refusal(wrong)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return _refusal(Wrong(100, f"Invalid parameter: {error}"))

    async def _graph(self, request: Request, parts: list[str]) -> Reply:
        number = self.numbers.get(parts[0])
        if number is not None:
            self._authorize(request, number.token)
            if len(parts) == 2 and parts[1] == "messages" and request.method == "POST":
                return await self._messages(number, request)
            if len(parts) == 2 and parts[1] == "media" and request.method == "POST":
                return self.media.uploaded(request)
            if request.method == "POST":
                return await self._subscribed(number, request.json()["webhook_configuration"])
            return as_json({
                "id": number.id, "display_phone_number": number.display, "verified_name": "Sandbox", "status": "CONNECTED",
                "quality_rating": number.quality, "whatsapp_business_manager_messaging_limit": number.tier,
            })  # fmt: skip
        owner = next((one for one in self.numbers.values() if one.waba_id == parts[0]), None)
        if owner is not None and parts[1:] == ["message_templates"]:
            self._authorize(request, owner.token)
            return self.templates.answer(owner.waba_id, request)
        return self._thing(request, parts[0])

    def _thing(self, request: Request, name: str) -> Reply:
        """A file or a template, by its id."""
        self._authorize(request, *(one.token for one in self.numbers.values()))
        if name in self.media.known:
            return self.media.facts(request, name)
        if (found := self.templates.one(name)) is not None:
            return as_json(found)
        raise Wrong(100, "Unsupported request. Object does not exist or cannot be loaded.", subcode=33)

    def _authorize(self, request: Request, *tokens: str) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not any(secrets.compare_digest(given.encode(), token.encode()) for token in tokens):
            raise Wrong(190, "Invalid OAuth access token - Cannot parse access token", status=401)

    async def _messages(self, number: Number, request: Request) -> Reply:
        message = request.json()
        if message.get("status") == "read":
            self.reads.append(str(message["message_id"]))
            return as_json({"success": True})
        way = self.faults.next()
        if self.faults.delay:
            await asyncio.sleep(self.faults.delay)
        refused = await self._gone_wrong(way, number)
        if refused is not None:
            return refused
        graph_checks.check_message(
            message,
            self.templates.of(number.waba_id),
            self.media.known,
            any_template=self.settings["any_template"] or number.has_past,
        )
        wamid = "wamid." + secrets.token_urlsafe(24)
        now = clock.now().timestamp()
        line = {"id": wamid, "number": number.id, "to": message["to"], "at": now, "message": message}
        self._record.add("accepted", **line)
        self._keep(line)
        self._report_later(number, line, way)
        if way == "lost":
            return Reply(is_lost=True)
        contact = {"input": message["to"], "wa_id": message["to"]}
        return as_json({"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": wamid}]})

    async def _gone_wrong(  # noqa: PLR0911 (a table of ways)
        self, way: str, number: Number
    ) -> Reply | None:
        """The answer of a request that is not taken, as ordered."""
        if self.faults.is_over(number.id):
            return _refusal(Wrong(130429, "Rate limit hit: too many messages a second", status=429))
        kind, _, detail = way.partition(":")
        if kind == "late":
            await asyncio.sleep(float(detail))
        elif kind == "dropped":
            return Reply(is_lost=True)
        elif kind == "html500":
            return Reply(500, b"<html>Sorry, something went wrong.</html>", {"content-type": "text/html"})
        elif kind == "code":
            status = 401 if detail == "190" else 400
            return _refusal(Wrong(int(detail), "as ordered", status=status))
        elif kind in {"500", "503"}:
            return _refusal(Wrong(131000 if kind == "500" else 131016, "Something went wrong", status=int(kind)))
        elif kind == "429":
            wrong = Wrong(130429, "Rate limit hit", status=429)
            return _refusal(wrong, **{"retry-after": str(self.faults.retry_after)})
        return None

    def _report_later(self, number: Number, line: dict[str, Any], way: str) -> None:
        async def report() -> None:
            await asyncio.sleep(self.settings["report_after"])
            for status in reports:
                self._report(number, line, status)

        # Of a reaction Meta reports no more than that it was sent (Cloud API, "Reaction messages", November 2026).
        is_reaction = line["message"]["type"] == "reaction"
        reports = [one for one in self.settings["reports"] if one == "sent" or not is_reaction]
        kind, _, detail = way.partition(":")
        is_free = line["message"]["type"] != "template"
        now = clock.now().timestamp()
        is_open = now - self._wrote.get((number.id, line["to"]), 0) < _WINDOW or now < number.past_until
        if kind == "failed":
            self._report(number, line, "failed", code=int(detail))
        elif is_free and self.settings["window"] and not is_open:
            self._report(number, line, "failed", code=131047)
        elif self.phones.is_off(number.id, line["to"]):
            self._report(number, line, "sent")
        elif self.settings["report_after"]:
            self._spawn(report())
        else:
            for status in reports:
                self._report(number, line, status)

    def _switch(self, number: Number, person: str, *, is_off: bool) -> None:
        for line in self.phones.switch(number.id, person, is_off=is_off):
            if line["message"]["type"] != "reaction":
                self._report(number, line, "delivered")

    def _report(self, number: Number, line: dict[str, Any], status: str, *, code: int = 0) -> None:
        message = line["message"]
        said: dict[str, Any] = {
            "id": line["id"], "status": status, "timestamp": str(int(clock.now().timestamp())), "recipient_id": line["to"],
        }  # fmt: skip
        if message.get("biz_opaque_callback_data"):
            said["biz_opaque_callback_data"] = message["biz_opaque_callback_data"]
        if code:
            said["errors"] = [{"code": code, "title": "as ordered", "message": "as ordered"}]
        elif status in {"sent", "delivered"}:
            category = (
                "service"
                if message["type"] != "template"
                else self.templates.category(number.waba_id, message["template"]["name"])
            )
            said["pricing"] = {"billable": category != "service", "pricing_model": "PMP", "category": category}
        self.calls.add(number, "messages", {**_about(number), "statuses": [said]})

    async def _subscribed(self, number: Number, wanted: dict[str, str]) -> Reply:
        """A new address for calls, after the handshake with it."""
        challenge = str(secrets.randbelow(10**9))
        url = wanted["override_callback_uri"]
        query = f"hub.mode=subscribe&hub.verify_token={wanted['verify_token']}&hub.challenge={challenge}"
        try:
            reply = await http.ask("GET", f"{url}?{query}", headers={})
        except (OSError, TimeoutError, ValueError):
            raise Wrong(2200, "(#2200) Callback verification failed") from None
        if reply.status != 200 or reply.body.strip() != challenge.encode():
            raise Wrong(2200, "(#2200) Callback verification failed")
        number.callback, number.host = url, ""
        self._record.add("number", **vars(number))
        return as_json({"success": True})

    def _judged(self, waba_id: str, said: dict[str, Any]) -> None:
        self.calls.add(self._called(waba_id), "message_template_status_update", said, is_timed=True)

    def _called(self, waba_id: str) -> Number:
        """Meta calls about a business, its templates and the quality of its numbers at the address of one of them."""
        return next(one for one in self.numbers.values() if one.waba_id == waba_id)

    def _approve_later(self, waba_id: str, template_id: str) -> None:
        async def approve() -> None:
            await asyncio.sleep(self.settings["approve_after"])
            self.templates.approve(waba_id, template_id)

        self._spawn(approve())

    async def _control(self, request: Request, parts: list[str]) -> Reply:
        """Ours. What concerns one number asks for its token; the rest is for who runs the double."""
        if request.method == "POST" and "json" not in request.headers.get("content-type", ""):
            raise Wrong(100, "JSON only", status=415)
        wanted = request.json() if request.body else {}
        act = parts[0] if parts else ""
        if act == "numbers":
            if_new, has_past = bool(wanted.pop("if_new", False)), bool(wanted.pop("has_past", False))
            if has_past:
                wanted["past_until"] = clock.now().timestamp() + _WINDOW
            number = Number(**wanted)
            if not (if_new and number.id in self.numbers):  # a number says who it is each time it is used
                self.numbers[number.id] = number
                self._record.add("number", **vars(number))
            self.calls.start()
            return as_json({})
        if act == "faults":
            self.faults.set(wanted)
            return as_json({})
        if act == "settings":
            self.settings.update({key: value for key, value in wanted.items() if key in self.settings})
            return as_json({})
        if act == "counts":
            counts = {"accepted": len(self.accepted), "waiting": self.calls.waiting(), "called": self.calls.taken}
            return as_json({**counts, "failed_calls": self.calls.failed, "read": len(self.reads)})
        if act == "record":
            return as_json(self.accepted[int(request.query.get("after", 0)) :])
        number = self.numbers[parts[1]]
        self._authorize(request, number.token)
        return self._of_number(act, number, wanted)

    def _of_number(self, act: str, number: Number, wanted: dict[str, Any]) -> Reply:
        if act == "phone":
            theirs = [line for line in self.answered if line["number"] == number.id]
            ours = [line for line in self.accepted if line["number"] == number.id]
            return as_json({"sent": ours[-200:], "said": theirs[-200:], "off": self.phones.off(number.id)})
        if act == "say":
            return as_json({"id": self._said(number, wanted)})
        if act == "prefer":
            said = {
                "wa_id": wanted["from"], "detail": "as ordered", "category": "marketing_messages",
                "value": wanted["value"], "timestamp": int(clock.now().timestamp()),
            }  # fmt: skip
            self.calls.add(number, "user_preferences", {**_about(number), "user_preferences": [said]})
        elif act == "power":
            self._switch(number, str(wanted["from"]).lstrip("+"), is_off=bool(wanted["off"]))
        elif act == "report":
            line = self._of[wanted["id"]]
            self._report(number, line, str(wanted["status"]), code=int(wanted.get("code", 0)))
        elif act == "template":
            reason = str(wanted.get("reason", "NONE"))
            self.templates.judge(number.waba_id, str(wanted["name"]), str(wanted["status"]), reason)
        elif act == "category":
            said = self.templates.recategorize(number.waba_id, str(wanted["name"]), str(wanted["category"]))
            self.calls.add(self._called(number.waba_id), "template_category_update", said, is_timed=True)
        elif act == "quality":
            number.quality, number.tier = wanted.get("quality", number.quality), wanted.get("tier", number.tier)
            event = "FLAGGED" if number.quality == "RED" else "UNFLAGGED"
            said = {
                "display_phone_number": number.display,
                "event": event,
                "max_daily_conversations_per_business": number.tier,
            }
            number = self._called(number.waba_id)
            self.calls.add(number, "phone_number_quality_update", said, is_timed=True)
        elif act == "account":
            self.calls.add(number, "account_update", {"event": wanted["event"]}, is_timed=True)
        else:
            raise Wrong(100, "no such act", status=404)
        return as_json({})

    def _said(self, number: Number, wanted: dict[str, Any]) -> str:
        """A person writes: text, or any object of a type, as in `{"type": "location", "location": {…}}`; a file in `base64`."""
        wamid, now, sender = (
            "wamid." + secrets.token_urlsafe(24),
            clock.now().timestamp(),
            str(wanted["from"]).lstrip("+"),
        )
        self._switch(number, sender, is_off=False)  # who writes has it on
        kind = str(wanted.get("type", "text"))
        content = wanted[kind] if isinstance(wanted.get(kind), dict | list) else {"body": str(wanted.get("text", ""))}
        if "content" in wanted or "base64" in wanted:
            file = base64.b64decode(wanted["base64"]) if "base64" in wanted else str(wanted["content"]).encode()
            kept = self.media.put(file, content["mime_type"], str(content.get("filename", "")))
            content = {**content, "sha256": base64.b64encode(hashlib.sha256(file).digest()).decode(), "id": kept}
        message = {"id": wamid, "from": sender, "timestamp": str(int(now)), "type": kind, kind: content}
        if wanted.get("answers"):
            message["context"] = {"from": number.display.lstrip("+"), "id": wanted["answers"]}
        line = {"id": wamid, "number": number.id, "from": sender, "at": now, "message": message}
        self._record.add("said", **line)
        self.answered.append(line)
        self._wrote[number.id, sender] = now
        names = [{"wa_id": sender, "profile": {"name": str(wanted.get("name", ""))}}]
        self.calls.add(number, "messages", {**_about(number), "contacts": names, "messages": [message]})
        return wamid

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _about(number: Number) -> dict[str, Any]:
    metadata = {"display_phone_number": number.display.lstrip("+"), "phone_number_id": number.id}
    return {"messaging_product": "whatsapp", "metadata": metadata}


def _refusal(wrong: Wrong, **headers: str) -> Reply:
    error: dict[str, Any] = {
        "message": f"(#{wrong.code}) {wrong.message}", "type": "OAuthException", "code": wrong.code,
        "error_data": {"messaging_product": "whatsapp", "details": wrong.message}, "fbtrace_id": secrets.token_hex(6),
    }  # fmt: skip
    if wrong.subcode is not None:
        error["error_subcode"] = wrong.subcode
    return Reply(wrong.status, json.dumps({"error": error}).encode(), {"content-type": "application/json", **headers})
