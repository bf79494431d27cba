"""The templates that the double of WhatsApp knows: handed in, looked at after a while, listed in pages, taken away."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from amanat.messaging.sandbox import graph_checks
from amanat.messaging.sandbox.http import Reply, Request, as_json
from amanat.messaging.sandbox.record import Record

type Template = dict[str, Any]


class Templates:
    """By business and id. `judged` is told what Meta would call about; `approve_later` is asked when one was handed in."""

    def __init__(
        self, record: Record, judged: Callable[[str, dict[str, Any]], None], approve_later: Callable[[str, str], None]
    ) -> None:
        self._record, self._judged, self._approve_later = record, judged, approve_later
        self._of: dict[str, dict[str, Template]] = {}

    def restore(self, line: dict[str, Any]) -> None:
        """What an earlier run wrote into the record."""
        self._of.setdefault(line["waba_id"], {})[line["template"]["id"]] = line["template"]

    def of(self, waba_id: str) -> Mapping[str, Template]:
        return self._of.get(waba_id, {})

    def one(self, template_id: str) -> Template | None:
        return next((known[template_id] for known in self._of.values() if template_id in known), None)

    def category(self, waba_id: str, name: str) -> str:
        """As what a message by the template is charged."""
        found = (one for one in self.of(waba_id).values() if one["name"] == name)
        return str(next(found, {"category": "UTILITY"})["category"]).lower()

    def answer(self, waba_id: str, request: Request) -> Reply:
        """What is asked of the templates of a business."""
        known = self._of.setdefault(waba_id, {})
        if request.method == "DELETE":
            for one in [one for one in known.values() if one["name"] == request.query["name"]]:
                del known[one["id"]]
            return as_json({"success": True})
        if request.method == "GET":
            return self._listed(known, request.query)
        wanted = request.json()
        graph_checks.check_template(wanted, known)
        made = {**wanted, "id": str(secrets.randbelow(10**15) + 10**15), "status": "PENDING"}
        self._set(waba_id, made)
        self._approve_later(waba_id, made["id"])
        return as_json({"id": made["id"], "status": "PENDING", "category": made["category"]})

    def _listed(self, known: Mapping[str, Template], query: Mapping[str, str]) -> Reply:
        wanted = {key: value for key, value in query.items() if key in {"name", "language", "status"}}
        found = [one for one in known.values() if all(one[key] == value for key, value in wanted.items())]
        start, size = int(query.get("after", 0)), int(query.get("limit", 25))
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + size)}}
        if start + size < len(found):
            paging["next"] = "more"
        return as_json({"data": found[start : start + size], "paging": paging})

    def approve(self, waba_id: str, template_id: str) -> None:
        """One that still waits may be sent from now on."""
        if self.of(waba_id).get(template_id, {}).get("status") == "PENDING":
            self._decide(waba_id, template_id, "APPROVED", "NONE")

    def judge(self, waba_id: str, name: str, status: str, reason: str) -> None:
        """As ordered, of the first of that name."""
        chosen = next(one["id"] for one in self._of[waba_id].values() if one["name"] == name)
        self._decide(waba_id, chosen, status, reason)

    def recategorize(self, waba_id: str, name: str, category: str) -> dict[str, Any]:
        """Count the first of that name as another category; returns what Meta calls about it."""
        chosen = next(one for one in self._of[waba_id].values() if one["name"] == name)
        self._set(waba_id, {**chosen, "category": category})
        return {
            "message_template_id": int(chosen["id"]), "message_template_name": name,
            "message_template_language": chosen["language"], "previous_category": chosen["category"], "new_category": category,
        }  # fmt: skip

    def _decide(self, waba_id: str, template_id: str, status: str, reason: str) -> None:
        template = {**self._of[waba_id][template_id], "status": status, "rejected_reason": reason}
        self._set(waba_id, template)
        self._judged(waba_id, {
            "event": status, "message_template_id": int(template_id), "message_template_name": template["name"],
            "message_template_language": template["language"], "reason": reason,
        })  # fmt: skip

    def _set(self, waba_id: str, template: Template) -> None:
        self._record.add("template", waba_id=waba_id, template=template)
        self._of.setdefault(waba_id, {})[template["id"]] = template
