"""Mailboxes of the mail double that belong to accounts of a site: what they sent is shown, people write to them, mails come back.

They are kept in memory and empty after a start. Under `/control/mail/`: `mailbox` makes one known with its key; with that key `phone` gives
both sides, `say` is a person's mail to it, `bounce` says that a mail of it was not delivered, `delay` that it waits.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from typing import Any

from amanat.core import clock
from amanat.messaging.sandbox.http import Reply, as_json
from amanat.messaging.sandbox.mail import Accepted, MailSandbox

_MOST = 200
#: A folded Message-ID would be no id any more.
_WHOLE_LINES = policy.SMTP.clone(max_line_length=900)


class Mailboxes:
    """Their side of HTTP; what is sent and fetched goes over the servers themselves."""

    def __init__(self, servers: MailSandbox) -> None:
        self._servers = servers
        self._said: dict[str, list[dict[str, Any]]] = {}

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Ours, for who has the key of the mailbox."""
        if "json" not in headers.get("content-type", ""):
            return as_json({}, 415)
        act, wanted = path.rpartition("/")[2], json.loads(body or b"{}")
        if act == "mailbox":
            self._servers.owners[str(wanted["address"])] = str(wanted["key"])
            return as_json({"validity": self._servers.box(str(wanted["address"])).validity})
        key = headers.get("authorization", "").removeprefix("Bearer ")
        address = next((one for one, its in self._servers.owners.items() if secrets.compare_digest(its, key)), "")
        if not address:
            return as_json({}, 401)
        if act == "say":
            self._say(address, wanted)
        elif act in _REPORTS:
            self._report(address, str(wanted["id"]), act)
        elif act != "phone":
            return as_json({}, 404)
        sent = [_shown(one) for one in self._servers.accepted[-20 * _MOST :] if one.sender == address]
        return as_json({"sent": sent[-_MOST:], "said": self._said.get(address, [])[-_MOST:]})

    def _say(self, address: str, wanted: Mapping[str, Any]) -> None:
        made = EmailMessage(policy=_WHOLE_LINES)
        made["From"], made["To"] = formataddr((str(wanted.get("name", "")), str(wanted["from"]))), address
        made["Subject"], made["Date"] = str(wanted.get("subject", "")), format_datetime(clock.now())
        made["Message-ID"] = f"<{secrets.token_hex(12)}@sandbox.example>"
        if wanted.get("answers"):
            made["In-Reply-To"] = made["References"] = str(wanted["answers"])
        made.set_content(str(wanted.get("text", "")))
        for file in wanted.get("files", ()):
            main, _slash, sub = str(file["content_type"]).partition("/")
            made.add_attachment(
                base64.b64decode(file["base64"]), maintype=main, subtype=sub, filename=str(file["name"])
            )
        self._servers.deliver(address, made.as_bytes())
        said = {
            "id": made["Message-ID"],
            "person": str(wanted["from"]),
            "subject": made["Subject"],
            "text": wanted.get("text", ""),
        }
        files = [str(file["name"]) for file in wanted.get("files", ())]
        self._said.setdefault(address, []).append({**said, "files": files, "at": clock.now().timestamp()})

    def _report(self, address: str, message_id: str, act: str) -> None:
        """As a server tells it that knows no such mailbox, or could not reach it yet and goes on trying (RFC 3464)."""
        subject, words, action, status = _REPORTS[act]
        for one in self._servers.accepted:
            head = one.content.partition(b"\r\n\r\n")[0]
            if one.sender == address and message_id.encode() in head:
                to = address.encode(), subject, words, one.recipients[0].encode(), action, status, head
                self._servers.deliver(address, _REPORT % to)
                return


#: Subject, words, action and status of what a mail server reports.
_REPORTS = {
    "bounce": (b"Undelivered Mail", b"The mailbox does not exist.", b"failed", b"5.1.1"),
    "delay": (b"Delayed Mail", b"The mailbox could not be reached yet; it is tried again.", b"delayed", b"4.4.1"),
}
_REPORT = (
    b"From: MAILER-DAEMON@sandbox.example\r\nTo: %s\r\nSubject: %s\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="cut"\r\n\r\n'
    b"--cut\r\nContent-Type: text/plain\r\n\r\n%s\r\n"
    b"--cut\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; sandbox.example\r\n\r\n"
    b"Final-Recipient: rfc822; %s\r\nAction: %s\r\nStatus: %s\r\n"
    b"\r\n--cut\r\nContent-Type: text/rfc822-headers\r\n\r\n%s\r\n--cut--\r\n"
)


def _shown(one: Accepted) -> dict[str, Any]:
    made = message_from_bytes(one.content, policy=policy.default)
    body = made.get_body(("plain", "html"))
    return {
        "id": str(made["Message-ID"]), "person": one.recipients[0], "subject": str(made["Subject"] or ""), "at": one.at.timestamp(),
        "text": body.get_content() if body is not None else "", "files": [part.get_filename() or "" for part in made.iter_attachments()],
    }  # fmt: skip
