"""Text messages through any provider with an HTTP interface: the owner says which address, which fields, and how success looks.

`settings` of an account:
- `url`, `method` ("POST" or "GET"), `body` ("json", "form", "query"), `fields` and `headers`: {name: text with places}. Places are {number}
  (digits with country code), {plus_number}, {local_number} (without +91), {text}, {header}, {entity_id}, {template_id}, {reference},
  {unicode} ("1" or "0"), {1} to {9} for the values, and {secret.NAME} for a secret of the account;
- `entity_id`, `header_class`;
- `success`: {"status": [200], "path": "status", "is": ["success"]}, `id_path`: where the provider's id stands;
- `faults`: {code of the provider: "later", "credentials", "balance", "dnd", "blocked", "rejected"}, `code_path`;
- `report`: {"list": path, "id": path, "reference": path, "status": path, "code": path, "at": path, "delivered": [...], "failed": [...], "dnd":
  [...]}.
A path is written "data.0.id". Reports come to the account's webhook with `secrets["verify_token"]` as `?key=` or in the header X-Webhook-Secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.core import clock, outgoing
from amanat.messaging.channels import sms
from amanat.messaging.channels.contract import (
    Access,
    AccountNews,
    Answer,
    News,
    Outcome,
    Outgoing,
    Progress,
    Report,
    WebhookRefused,
)

_PLACE = re.compile(r"\{([a-z_0-9.]+)\}")
_INDIA = ZoneInfo("Asia/Kolkata")
#: Header under which the webhook's view hands on the query of the call; one that came from outside is dropped there.
QUERY_HEADER = "x-amanat-query"
_FAULTS: Mapping[str, Answer] = {
    "later": Answer(Outcome.LATER, code="unreachable"),
    "credentials": Answer(Outcome.LATER, code="credentials", stops_account=True),
    "balance": Answer(Outcome.LATER, code="balance", stops_account=True),
    "dnd": Answer(Outcome.REFUSED, code="dnd", opts_out=True),
    "blocked": Answer(Outcome.REFUSED, code="blocked"),
    "rejected": Answer(Outcome.REFUSED, code="rejected"),
}


class SmsHttp:
    """The generic adapter."""

    name = "sms_http"
    channel = "sms"
    recipient = sms.RECIPIENT
    title = cast(str, gettext_lazy("Any SMS provider with an HTTP interface"))
    reports_within: timedelta | None = None
    needs: Collection[str] = ("entity_id", "header_class", "url", "method", "body", "fields", "success", "id_path")

    @contextmanager
    def line(self, access: Access) -> Iterator[_Line]:
        yield _Line(access)

    def explain(self, code: str) -> tuple[str, str]:
        return sms.words(code) or (
            _("The provider answered with the code %(code)s.") % {"code": code},
            _("Look the code up in the provider's manual."),
        )

    def check(self, access: Access) -> AccountNews:
        """There is no question that every provider understands: what can be checked is what was filled in."""
        missing = [name for name in self.needs if not access.settings.get(name)]
        if missing or not sms.is_header(access.address):
            return AccountNews(trouble=_("Not filled in: %(names)s") % {"names": ", ".join(missing or ["header"])})
        return AccountNews()

    def handshake(self, access: Access, query: Mapping[str, str]) -> str:
        raise WebhookRefused("no handshake")

    def events(
        self, access: Access, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> list[tuple[bytes, Any]]:
        known(access, headers)
        mapping = access.settings.get("report") or {}
        found = at_path(body_of(body), str(mapping.get("list", "")))
        items = found if isinstance(found, list) else [found]
        return [(canonical(item), item) for item in items[:1_000] if isinstance(item, dict)]

    def read(self, access: Access, payload: Any) -> list[News]:
        mapping: Mapping[str, Any] = access.settings.get("report") or {}
        said = {key: str(at_path(payload, str(mapping.get(key, "")) or "\0") or "") for key in _REPORTED}
        progress, opts_out = _progress(mapping, said["status"])
        reference = uuid_of(said["reference"])
        if progress is None or not (reference or said["id"]):
            return []
        code = said["code"] or ("" if progress is not Progress.FAILED else said["status"])
        return [Report(said["id"], progress, moment(said["at"]), reference, code[:40], opts_out=opts_out)]


_REPORTED = ("id", "reference", "status", "code", "at")


class _Line:
    def __init__(self, access: Access) -> None:
        self._access = access

    def send(self, message: Outgoing) -> Answer:
        refused = sms.refusal(self._access, message)
        if refused is not None:
            return refused
        url, headers, content = request_of(self._access, message)
        method = str(self._access.settings.get("method", "POST")).upper()
        if method not in {"GET", "POST"}:
            return Answer(Outcome.REFUSED, code="refused_address")
        answer = sms.post(self._access, url, method=method, headers=headers, content=content)
        return answer if isinstance(answer, Answer) else _understood(self._access.settings, answer)


def request_of(access: Access, message: Outgoing) -> tuple[str, dict[str, str], bytes | None]:
    """The request as the owner's mapping makes it: what a value holds can add neither a field nor a header."""
    settings, places = access.settings, _places(access, message)
    fields = {name: _filled(str(text), places) for name, text in (settings.get("fields") or {}).items()}
    headers = {name: _one_line(_filled(str(text), places)) for name, text in (settings.get("headers") or {}).items()}
    quoted = {name: quote(value, safe="") for name, value in places.items()}
    url = _filled(str(settings.get("url", "")), quoted)
    match settings.get("body", "json"):
        case "query":
            parts = urlsplit(url)
            query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *fields.items()])
            return urlunsplit(parts._replace(query=query)), headers, None
        case "form":
            headers["content-type"] = "application/x-www-form-urlencoded"
            return url, headers, urlencode(fields).encode()
        case _:
            headers["content-type"] = "application/json"
            return url, headers, json.dumps(fields, ensure_ascii=False).encode()


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
    data = _json_of(answer)
    code = str(at_path(data, str(settings.get("code_path", "")) or "\0") or "")
    fault = str((settings.get("faults") or {}).get(code, ""))
    if fault in _FAULTS:
        return _FAULTS[fault]
    wanted: Mapping[str, Any] = settings.get("success") or {}
    if answer.status in (wanted.get("status") or [200, 201, 202]):
        return _success(settings, wanted, data, code)
    return by_status(answer)


def by_status(answer: outgoing.Response) -> Answer:
    """What the status of an answer that is no success says by itself."""
    match answer.status:
        case 429:
            return Answer(Outcome.LATER, code="429", wait=retry_after(answer), stops_account=True)
        case 401 | 403:
            return _FAULTS["credentials"]
        case 503:
            return Answer(Outcome.LATER, code="503", wait=retry_after(answer))
    return Answer(Outcome.UNCLEAR if answer.status >= 500 else Outcome.REFUSED, code=str(answer.status))


def _success(settings: Mapping[str, Any], wanted: Mapping[str, Any], data: Any, code: str) -> Answer:
    if wanted.get("path"):
        said = at_path(data, str(wanted["path"]))
        if said is None:
            return Answer(Outcome.UNCLEAR, code="odd_answer")
        if str(said).lower() not in {str(one).lower() for one in _listed(wanted.get("is"))}:
            return Answer(Outcome.REFUSED, code=(code or str(said))[:40])
    found = at_path(data, str(settings["id_path"])) if settings.get("id_path") else ""
    return Answer(Outcome.ACCEPTED, provider_id=str(found or "")[:250])


def _json_of(answer: outgoing.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def retry_after(answer: outgoing.Response) -> timedelta | None:
    """How long the provider wants us to wait, at most an hour; None when it did not say."""
    said = answer.headers.get("retry-after", "")
    return timedelta(seconds=min(int(said), 3_600)) if said.isdigit() else None


def at_path(data: Any, path: str) -> Any:
    """What stands at "data.0.id", or None. The empty path is the whole."""
    for step in path.split(".") if path else ():
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def known(access: Access, headers: Mapping[str, str]) -> None:
    """Reports of these providers are not signed: the address they call carries a secret. Raises WebhookRefused."""
    wanted = access.secrets.get("verify_token", "")
    lower = {name.lower(): value for name, value in headers.items()}
    query = dict(parse_qsl(lower.get(QUERY_HEADER, "")))
    given = lower.get("x-webhook-secret") or query.get("key", "")
    if len(wanted) < 20 or not hmac.compare_digest(wanted.encode(), given.encode()):
        raise WebhookRefused("the secret in the address is missing or wrong")


def body_of(body: bytes) -> Any:
    """JSON, or a form, whose fields may hold JSON. Raises WebhookRefused."""
    if len(body) > 1_000_000:
        raise WebhookRefused("too large")
    try:
        text = body.decode()
        if text.lstrip()[:1] in {"{", "["}:
            return json.loads(text)
        form = dict(parse_qsl(text, strict_parsing=True, max_num_fields=200))
        return {name: json.loads(value) if value[:1] in {"{", "["} else value for name, value in form.items()}
    except (ValueError, RecursionError):
        raise WebhookRefused("neither JSON nor a form") from None


def canonical(item: Any) -> bytes:
    """What makes a report the same report: everything it says."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, ensure_ascii=False).encode()).digest()


def _progress(mapping: Mapping[str, Any], status: str) -> tuple[Progress | None, bool]:
    said = status.lower()
    for key, progress, opts_out in (
        ("delivered", Progress.DELIVERED, False),
        ("dnd", Progress.FAILED, True),
        ("failed", Progress.FAILED, False),
        ("sent", Progress.SENT, False),
    ):
        if said and said in {str(one).lower() for one in _listed(mapping.get(key)) if one is not None}:
            return progress, opts_out
    return None, False


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def moment(text: str) -> datetime:
    """A provider's time; without a zone it is India's, without any it is now. Never later than now."""
    now = clock.now()
    try:
        if text.isdigit():
            number = int(text)
            found = datetime.fromtimestamp(number / 1_000 if number > 10**11 else number, UTC)
        else:
            found = datetime.fromisoformat(text.strip().replace(" ", "T", 1))
            found = found if found.tzinfo else found.replace(tzinfo=_INDIA)
    except (ValueError, OverflowError, OSError):
        return now
    return min(found.astimezone(UTC), now)
