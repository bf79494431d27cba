"""Text messages through any provider with an HTTP interface: the owner says which address, which fields, and how success looks.

`settings` of an account:
- `url`, `method` ("POST" or "GET"), `body` ("json", "form", "query"), `fields` and `headers`: {name: text with places}. Places are {number}
  (digits with country code), {plus_number}, {local_number} (without +91), {text}, {header}, {entity_id}, {template_id}, {reference},
  {unicode} ("1" or "0"), {1} to {9} for the values, and {secret.NAME} for a secret of the account;
- `entity_id`, `header_class`;
- `success`: {"status": [200], "path": "status", "is": ["success"]}, `id_path`: where the provider's id stands;
- `faults`: {code of the provider: "later", "credentials", "balance", "dnd", "blocked", "rejected"}, `code_path`;
- `report`: {"list": path, "id": path, "reference": path, "status": path, "code": path, "at": path, "delivered": [...], "failed": [...], "dnd":
  [...]};
- `inbound`: where number and words of an incoming message stand (`sms_inbound`); without it none is taken in.
A path is written "data.0.id". Reports and incoming messages come to the account's webhook with `secrets["verify_token"]` as `?key=` or in the
header X-Webhook-Secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.core import outgoing
from amanat.messaging.channels import doubles, sms, sms_adapter, sms_inbound
from amanat.messaging.channels.contract import Access, AccountNews, Answer, Outcome, Outgoing, Progress
from amanat.messaging.channels.provider_json import at_path, listed
from amanat.messaging.channels.sms_adapter import BALANCE, CREDENTIALS, Request, Said, SmsAdapter

_PLACE = re.compile(r"\{([a-z_0-9.]+)\}")
#: How an account of the sandbox speaks to its plain gateway; where that stands, `doubles` knows.
SANDBOX: Mapping[str, Any] = {
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
    "inbound": {"from": "from", "text": "text", "id": "id", "at": "at"},
}  # fmt: skip
_FAULTS: Mapping[str, Answer] = {
    "later": Answer(Outcome.LATER, code="unreachable"),
    "credentials": CREDENTIALS,
    "balance": BALANCE,
    "dnd": Answer(Outcome.REFUSED, code="dnd", opts_out=True),
    "blocked": Answer(Outcome.REFUSED, code="blocked"),
    "rejected": Answer(Outcome.REFUSED, code="rejected"),
}


class SmsHttp(SmsAdapter):
    """The generic adapter."""

    name = "sms_http"
    title = cast(str, gettext_lazy("Any SMS provider with an HTTP interface"))
    needs: Collection[str] = ("entity_id", "header_class", "url", "method", "body", "fields", "success", "id_path")

    def request(self, access: Access, message: Outgoing) -> Request:
        return request_of(access, message)

    def understood(self, access: Access, answer: outgoing.Response) -> Answer:
        return _understood(access.settings, answer)

    def items(self, access: Access, data: Any) -> Sequence[Any]:
        mapping = access.settings.get("report") or {}
        found = at_path(data, str(mapping.get("list", "")))
        return found if isinstance(found, list) else [found]

    def inbound(self, access: Access) -> Mapping[str, Any]:
        """An account of the sandbox may be older than its mapping."""
        mapping = sms_inbound.own(access) or (SANDBOX["inbound"] if access.is_sandbox else {})
        return {"list": "", "unless": (access.settings.get("report") or {}).get("status"), **mapping}

    def said(self, access: Access, payload: Mapping[str, Any]) -> Said:
        mapping: Mapping[str, Any] = access.settings.get("report") or {}
        said = {key: str(at_path(payload, str(mapping.get(key, "")) or "\0") or "") for key in _REPORTED}
        progress, opts_out = _progress(mapping, said["status"])
        code = said["code"] or ("" if progress is not Progress.FAILED else said["status"])
        return Said(said["id"], said["reference"], progress, said["at"], code, opts_out)

    def unknown(self, code: str) -> tuple[str, str]:
        return (
            _("The provider answered with the code %(code)s.") % {"code": code},
            _("Look the code up in the provider's manual."),
        )

    def check(self, access: Access) -> AccountNews:
        """There is no question that every provider understands: what can be checked is what was filled in."""
        given = {**({"url": doubles.url()} if access.is_sandbox else {}), **access.settings}
        missing = [name for name in self.needs if not given.get(name)]
        if missing or not sms.is_header(access.address):
            return AccountNews(trouble=_("Not filled in: %(names)s") % {"names": ", ".join(missing or ["header"])})
        return AccountNews()


_REPORTED = ("id", "reference", "status", "code", "at")


def request_of(access: Access, message: Outgoing) -> Request:
    """The request as the owner's mapping makes it: what a value holds can add neither a field nor a header."""
    settings, places = access.settings, _places(access, message)
    method = str(settings.get("method", "POST")).upper()
    fields = {name: _filled(str(text), places) for name, text in (settings.get("fields") or {}).items()}
    headers = {name: _one_line(_filled(str(text), places)) for name, text in (settings.get("headers") or {}).items()}
    quoted = {name: quote(value, safe="") for name, value in places.items()}
    url = _filled(str(settings.get("url") or (f"{doubles.url()}/send" if access.is_sandbox else "")), quoted)
    match settings.get("body", "json"):
        case "query":
            parts = urlsplit(url)
            query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *fields.items()])
            return Request(method, urlunsplit(parts._replace(query=query)), headers)
        case "form":
            headers["content-type"] = "application/x-www-form-urlencoded"
            return Request(method, url, headers, urlencode(fields).encode())
        case _:
            headers["content-type"] = "application/json"
            return Request(method, url, headers, json.dumps(fields, ensure_ascii=False).encode())


def _places(access: Access, message: Outgoing) -> dict[str, str]:
    digits = message.to.removeprefix("+")
    return {
        "number": digits,
        "plus_number": message.to,
        "local_number": digits.removeprefix("91"),
        "text": message.text,
        "header": sms.header(access),
        "entity_id": str(access.settings.get("entity_id", "")),
        "template_id": message.template_id,
        "reference": message.reference.hex,
        "unicode": "1" if sms.length(message.text).is_unicode else "0",
        **{str(place): value for place, value in enumerate(message.values, 1)},
        **{f"secret.{name}": value for name, value in access.secrets.items() if name != "verify_token"},
    }


def _filled(text: str, places: Mapping[str, str]) -> str:
    """In one pass: a value that looks like a place stays what it is. Places that nothing stands for become empty."""
    return _PLACE.sub(lambda found: places.get(found[1], ""), text)


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n\x00]", " ", text)


def _understood(settings: Mapping[str, Any], answer: outgoing.Response) -> Answer:
    """429 and 503 mean: not taken. Any other 5xx, and a success we cannot read, may have been one."""
    data = sms_adapter.json_of(answer)
    code = str(at_path(data, str(settings.get("code_path", "")) or "\0") or "")
    fault = str((settings.get("faults") or {}).get(code, ""))
    if fault in _FAULTS:
        return _FAULTS[fault]
    wanted: Mapping[str, Any] = settings.get("success") or {}
    if answer.status in (wanted.get("status") or [200, 201, 202]):
        return _success(settings, wanted, data, code)
    return sms_adapter.by_status(answer)


def _success(settings: Mapping[str, Any], wanted: Mapping[str, Any], data: Any, code: str) -> Answer:
    if wanted.get("path"):
        said = at_path(data, str(wanted["path"]))
        if said is None:
            return Answer(Outcome.UNCLEAR, code="odd_answer")
        if str(said).lower() not in {str(one).lower() for one in listed(wanted.get("is"))}:
            return Answer(Outcome.REFUSED, code=(code or str(said))[:40])
    found = at_path(data, str(settings["id_path"])) if settings.get("id_path") else ""
    return Answer(Outcome.ACCEPTED, provider_id=str(found or "")[:250])


def _progress(mapping: Mapping[str, Any], status: str) -> tuple[Progress | None, bool]:
    said = status.lower()
    for key, progress, opts_out in (
        ("delivered", Progress.DELIVERED, False),
        ("dnd", Progress.FAILED, True),
        ("failed", Progress.FAILED, False),
        ("sent", Progress.SENT, False),
    ):
        if said and said in {str(one).lower() for one in listed(mapping.get(key)) if one is not None}:
            return progress, opts_out
    return None, False
