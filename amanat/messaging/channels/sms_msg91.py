"""MSG91: flows of the API v5 (https://control.msg91.com/api/v5/flow, read in November 2026), one recipient a call.

The flow holds text, header and DLT ids at MSG91; we give its id and the variables. Our reference goes along as CRQID, which every form of
report gives back. Reports are not signed: the address carries a secret. All their forms are read: version 2 (a form), version 3 (JSON) and
"Webhook (New)" (JSON by our own words).

What people write to a long code of MSG91 is passed on to a callback address, beginning with a keyword where the number is shared. Its manual
names no fields (read in November 2026); programs that live with it read `number`, `message` and `keyword`, newer ones `mobile` or `sender`.
All of these are understood, and where an account is called with others, its setting `inbound` says so (`sms_inbound`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.core import outgoing
from amanat.messaging.channels import doubles, sms, sms_adapter, sms_inbound
from amanat.messaging.channels.contract import Access, AccountNews, Answer, Outcome, Outgoing, Progress
from amanat.messaging.channels.sms_adapter import BALANCE, CREDENTIALS, Request, Said, SmsAdapter

BASE_URL = "https://control.msg91.com"
_STATUS = {"1": Progress.DELIVERED, "2": Progress.FAILED, "9": Progress.FAILED, "16": Progress.FAILED, "25": Progress.FAILED,
           "17": Progress.FAILED, "delivered": Progress.DELIVERED, "failed": Progress.FAILED, "rejected": Progress.FAILED,
           "blocked": Progress.FAILED, "ndnc": Progress.FAILED, "sent": Progress.SENT, "submitted": Progress.SENT}  # fmt: skip
_CODES = {"2": "failed", "9": "dnd", "16": "rejected", "25": "rejected", "17": "blocked", "failed": "failed", "rejected": "rejected",
          "blocked": "blocked", "ndnc": "dnd"}  # fmt: skip
_INBOUND: Mapping[str, Any] = {
    "from": ["number", "mobile", "sender", "from", "msisdn"], "text": ["message", "text", "content"], "keyword": ["keyword"],
    "id": ["msgId", "message_id", "messageId", "uuid", "id"], "at": ["datetime", "date", "received_at", "receivedAt", "timestamp"],
    "unless": ["status", "CRQID"],
}  # fmt: skip


class Msg91(SmsAdapter):
    """The adapter for MSG91. Settings: `entity_id`, `header_class`; secrets: `authkey`."""

    name = "msg91"
    title = cast(str, gettext_lazy("MSG91"))
    needs: Collection[str] = ("entity_id", "header_class", "authkey")

    def request(self, access: Access, message: Outgoing) -> Request:
        recipient = {
            "mobiles": message.to.removeprefix("+"),
            "CRQID": message.reference.hex,
            **{f"VAR{place}": value for place, value in enumerate(message.values, 1)},
        }
        body = {"template_id": message.template_id, "short_url": "0", "recipients": [recipient]}
        headers = {"authkey": access.secrets.get("authkey", ""), "content-type": "application/json"}
        content = json.dumps(body, ensure_ascii=False).encode()
        return Request("POST", f"{_base(access)}/api/v5/flow", headers, content)

    def understood(self, access: Access, answer: outgoing.Response) -> Answer:
        if answer.status in {401, 403, 429, 503}:
            return sms_adapter.by_status(answer)
        said = sms_adapter.json_of(answer)
        kind, text = (str(said.get("type", "")), str(said.get("message", ""))) if isinstance(said, dict) else ("", "")
        if answer.is_success and kind == "success":
            return Answer(Outcome.ACCEPTED, provider_id=text[:250])
        if kind == "error" and answer.status < 500:
            return _fault(text)
        is_sure = 300 <= answer.status < 500
        return Answer(Outcome.REFUSED if is_sure else Outcome.UNCLEAR, code="odd_answer")

    def items(self, access: Access, data: Any) -> Sequence[Any]:
        return _reports(data)

    def inbound(self, access: Access) -> Mapping[str, Any]:
        return {**_INBOUND, **sms_inbound.own(access)}

    def said(self, access: Access, payload: Mapping[str, Any]) -> Said:
        status = str(payload.get("status", "")).lower()
        progress = _STATUS.get(status)
        code = _CODES.get(status, "") if progress is Progress.FAILED else ""
        at = str(payload.get("date") or payload.get("deliveryTime") or "")
        return Said(
            str(payload.get("requestId", "")), str(payload.get("CRQID", "")), progress, at, code, opts_out=code == "dnd"
        )

    def unknown(self, code: str) -> tuple[str, str]:
        return (
            _("MSG91 answered with the code %(code)s.") % {"code": code},
            _("Look at the log of the flow in MSG91."),
        )

    def check(self, access: Access) -> AccountNews:
        """The balance of the transactional route: an answer shows that the key is right."""
        answer = outgoing.send(
            "POST",
            f"{_base(access)}/api/balance.php?authkey={access.secrets.get('authkey', '')}&type=4",
            recipient=sms.double_of(access) or sms.RECIPIENT,
            max_bytes=10_000,
        )
        if answer.is_success and answer.text.strip().lstrip("-").replace(".", "", 1).isdigit():
            empty = float(answer.text) <= 0
            return AccountNews(trouble=str(_("The account at the provider has no credit.")) if empty else "")
        return AccountNews(trouble=str(_("The provider did not accept the key.")))


def _base(access: Access) -> str:
    """MSG91 itself; a double on this machine for an account of the sandbox."""
    return str(access.settings.get("base_url") or doubles.url()).rstrip("/") if access.is_sandbox else BASE_URL


def _fault(text: str) -> Answer:
    """MSG91 says in words what is wrong, so these are the words looked for."""
    lower = text.lower()
    if "auth" in lower:
        return CREDENTIALS
    if "balance" in lower or "credit" in lower:
        return BALANCE
    return Answer(Outcome.REFUSED, code="rejected")


def _reports(data: Any) -> list[dict[str, Any]]:
    """The reports of a call, each with everything that stood around it."""
    if isinstance(data, dict) and isinstance(data.get("data"), list):
        data = data["data"]
    found: list[dict[str, Any]] = []
    for item in data if isinstance(data, list) else [data]:
        if not isinstance(item, dict):
            continue
        around = {name: value for name, value in item.items() if name != "report"}
        inner = item.get("report")
        reports = inner if isinstance(inner, list) else [{}]
        found += [{**around, **one} for one in reports if isinstance(one, dict)]
    return found
