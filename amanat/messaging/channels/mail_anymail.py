"""Mail providers with an interface of their own: Postmark, Mailgun and Brevo, by django-anymail; Amazon SES by its SMTP entrance.

anymail makes each provider's request and reads its answer; the request itself leaves by `core.outgoing`, for anymail is given a session of
ours instead of its own. For SES it would bring Amazon's client with its own network code, past our rules: docs/decisions/0018.

Secrets: `api_key`. Settings: `from_name`, `reply_to`; Mailgun: `region` ("us", "eu"); SES: `region`, `smtp_user` and the secret `smtp_password`.
Reports come to the account's webhook with its secret in the address; what they say is read by anymail too.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast
from urllib.parse import urlencode

from anymail.backends import brevo as brevo_backend  # type: ignore[import-untyped]
from anymail.backends import mailgun as mailgun_backend
from anymail.backends import postmark as postmark_backend
from anymail.exceptions import AnymailAPIError, AnymailError  # type: ignore[import-untyped]
from anymail.webhooks import brevo as brevo_hook  # type: ignore[import-untyped]
from anymail.webhooks import mailgun as mailgun_hook
from anymail.webhooks import postmark as postmark_hook
from django.core.mail import EmailMultiAlternatives
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from urllib3.filepost import encode_multipart_formdata

from amanat.core import clock, outgoing
from amanat.messaging.channels import doubles, mail, mail_making, unsigned_calls
from amanat.messaging.channels.contract import (
    Access,
    AccountNews,
    Answer,
    Line,
    News,
    Outcome,
    Outgoing,
    Progress,
    Report,
    WebhookRefused,
)

_TIMEOUT = 25.0


@dataclass(frozen=True, slots=True)
class _Provider:
    """What differs between the providers. `options` are what anymail's backend is made with."""

    backend: Callable[..., Any]
    hook: Callable[..., Any]
    options: Callable[[Access], dict[str, Any]]
    base: Callable[[Access], str]


def base_of(access: Access) -> str:
    """Where the double of an account of the sandbox stands."""
    return str(access.settings.get("base_url") or f"{doubles.url()}/mail").rstrip("/")


def _region(access: Access) -> str:
    return "https://api.eu.mailgun.net/v3" if access.settings.get("region") == "eu" else "https://api.mailgun.net/v3"


def _key(name: str) -> Callable[[Access], dict[str, Any]]:
    return lambda access: {name: access.secrets.get("api_key", "")}


def _mailgun(access: Access) -> dict[str, Any]:
    domain = str(access.settings.get("domain") or access.address.rpartition("@")[2])
    return {"api_key": access.secrets.get("api_key", ""), "sender_domain": domain}


_PROVIDERS = {
    "postmark": _Provider(
        postmark_backend.EmailBackend, postmark_hook.PostmarkTrackingWebhookView, _key("server_token"),
        lambda access: "https://api.postmarkapp.com/",
    ),
    "mailgun": _Provider(mailgun_backend.EmailBackend, mailgun_hook.MailgunTrackingWebhookView, _mailgun, _region),
    "brevo": _Provider(
        brevo_backend.EmailBackend, brevo_hook.BrevoTrackingWebhookView, _key("api_key"), lambda access: "https://api.brevo.com/v3/",
    ),
}  # fmt: skip
#: anymail's words for what became of a mail, as ours; whatever else it tells (openings, clicks) is not asked for and not kept.
_EVENTS = {
    "sent": Progress.SENT, "delivered": Progress.DELIVERED, "bounced": Progress.FAILED, "rejected": Progress.FAILED,
    "failed": Progress.FAILED, "complained": Progress.DELIVERED, "unsubscribed": Progress.DELIVERED,
}  # fmt: skip


class AnymailAdapter:
    """One provider of anymail's."""

    channel = "email"
    recipient = mail.RECIPIENT

    def __init__(self, name: str, title: str | Promise, *needs: str) -> None:
        self.name = name
        self.title = cast(str, title)
        self.reports_within: timedelta | None = None
        self.needs: Collection[str] = (*needs, "api_key", "from_name")

    @contextmanager
    def line(self, access: Access) -> Iterator[Line]:
        yield _Line(_PROVIDERS[self.name], access)

    def explain(self, code: str) -> tuple[str, str]:
        return mail.words(code)

    def check(self, access: Access) -> AccountNews:
        """None of them has a question that tells a good key without sending."""
        return (
            AccountNews() if access.secrets.get("api_key") else AccountNews(trouble=" ".join(mail.words("credentials")))
        )

    def handshake(self, access: Access, query: Mapping[str, str]) -> str:
        raise WebhookRefused("no handshake")

    def events(
        self, access: Access, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> list[tuple[bytes, Any]]:
        unsigned_calls.known(access, headers)
        found = unsigned_calls.body_of(body)
        items = found if isinstance(found, list) else [found]
        return [(unsigned_calls.canonical(one), one) for one in items[:1_000] if isinstance(one, dict)]

    def read(self, access: Access, payload: Any) -> list[News]:
        view = _PROVIDERS[self.name].hook(webhook_secret="unused:unused", webhook_signing_key="unused")  # noqa: S106 - checked by us
        try:
            event = view.esp_to_anymail_event(payload)
        except (AnymailError, KeyError, ValueError, TypeError, AttributeError):
            return []
        progress = _EVENTS.get(str(event.event_type))
        metadata = event.metadata if isinstance(event.metadata, dict) else {}
        reference = unsigned_calls.uuid_of(str(metadata.get("reference", "")))
        message_id = str(event.message_id or "")[:250]
        if progress is None or not (reference or message_id):
            return []
        code, opts_out = _verdict(event)
        at = event.timestamp if isinstance(event.timestamp, datetime) and event.timestamp.tzinfo else clock.now()
        return [Report(message_id, progress, min(at.astimezone(UTC), clock.now()), reference, code, opts_out=opts_out)]


def _verdict(event: Any) -> tuple[str, bool]:
    """Code and whether nothing more may go there: the mailbox does not exist, or she does not want it."""
    kind, why = str(event.event_type), str(event.reject_reason or "")
    if kind in {"complained", "unsubscribed"}:
        return "complaint", True
    if kind == "bounced" and why in {"bounced", "invalid"}:
        return "5.1.1", True
    return (
        ("5.7.1" if why in {"spam", "blocked"} else why[:40] or kind, False)
        if kind in {"bounced", "rejected", "failed"}
        else ("", False)
    )


class _Answered:
    """What `requests` would have given back, of an answer that came by `core.outgoing`."""

    def __init__(self, answer: outgoing.Response) -> None:
        self.status_code, self.content, self.text = answer.status, answer.content, answer.text
        self.reason, self.url, self.headers, self.ok = "", answer.url, answer.headers, answer.is_success
        self.request = None
        self.json = answer.json


class _Session:
    """What anymail asks of a session of `requests`. Raises outgoing.Refused and Unreachable."""

    def __init__(self, access: Access) -> None:
        self._recipient = mail.SANDBOX if access.is_sandbox else mail.RECIPIENT
        self.headers: dict[str, str] = {}

    def request(self, method: str, url: str, **given: Any) -> _Answered:
        headers = {str(name): str(value) for name, value in (given.get("headers") or {}).items()}
        if given.get("auth"):
            headers["authorization"] = "Basic " + b64encode(":".join(given["auth"]).encode()).decode()
        if given.get("params"):
            url = f"{url}?{urlencode(given['params'], doseq=True)}"
        content, kind = _content(given.get("data"), given.get("files"))
        if kind:
            headers["content-type"] = kind
        return _Answered(
            outgoing.send(
                method,
                url,
                recipient=self._recipient,
                headers=headers,
                content=content,
                timeout=_TIMEOUT,
                max_bytes=200_000,
            )
        )

    def close(self) -> None:
        """Nothing is kept open."""


def _content(data: Any, files: Any) -> tuple[bytes | None, str]:
    if isinstance(data, str | bytes):
        return data.encode() if isinstance(data, str) else data, ""
    fields = [
        (name, str(one))
        for name, value in (data or {}).items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]
    if files:
        return encode_multipart_formdata([*fields, *files])
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


class _Line:
    def __init__(self, provider: _Provider, access: Access) -> None:
        self._provider, self._access = provider, access

    def send(self, message: Outgoing) -> Answer:
        try:
            message_id, content = mail_making.make(self._access, message, at=clock.now())
        except mail_making.CannotBeMade as fault:
            return Answer(Outcome.REFUSED, code=str(fault))
        made = message_from_bytes(content, policy=policy.default)
        base = base_of(self._access) if self._access.is_sandbox else ""
        options = {
            **self._provider.options(self._access),
            "api_url": f"{base}/" if base else self._provider.base(self._access),
        }
        backend = self._provider.backend(fail_silently=False, **options)
        backend.session = _Session(self._access)
        prepared = _as_django(made, message, message_id, backend)
        return _tried(backend, prepared) or _taken(prepared, message_id)


def _tried(backend: Any, prepared: Any) -> Answer | None:
    """What stands against the mail, or None when the provider answered well."""
    try:
        backend.send_messages([prepared])
    except outgoing.Refused:
        return Answer(Outcome.REFUSED, code="refused_address", stops_account=True)
    except outgoing.Unreachable as broken:
        is_open = broken.may_have_arrived
        return Answer(Outcome.UNCLEAR, code="no_answer") if is_open else Answer(Outcome.LATER, code="unreachable")
    except AnymailAPIError as error:
        return _refused(error)
    except AnymailError:  # a recipient it refuses, or something that the provider cannot carry
        return Answer(Outcome.REFUSED, code="bad_address")
    return None


def _taken(prepared: Any, message_id: str) -> Answer:
    status = prepared.anymail_status
    if not {"sent", "queued", "unknown"} & set(status.status or ()):
        return Answer(Outcome.REFUSED, code="5.1.1", opts_out=True)  # the provider knows that nobody is there
    return Answer(Outcome.ACCEPTED, provider_id=str(status.message_id or message_id)[:250])


def _refused(error: Any) -> Answer:
    status = int(getattr(error, "status_code", None) or 0)
    if status in {401, 403}:
        return Answer(Outcome.LATER, code="credentials", stops_account=True)
    if status == 429:
        said = error.response.headers.get("retry-after", "")
        wait = timedelta(seconds=min(int(said), 3_600)) if said.isdigit() else timedelta(minutes=1)
        return Answer(Outcome.LATER, code="429", wait=wait, stops_account=True)
    if status == 503:
        return Answer(Outcome.LATER, code="503")
    if status >= 500 or 200 <= status < 300:
        return Answer(Outcome.UNCLEAR, code=str(status))
    return Answer(Outcome.REFUSED, code=str(status or "bad_address"))


def _as_django(made: EmailMessage, message: Outgoing, message_id: str, backend: Any) -> Any:
    """The mail that `mail_making` made, in the form that anymail takes: what was checked there is what leaves."""
    plain, page = made.get_body(("plain",)), made.get_body(("html",))
    kept = ("In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted", "X-Amanat-Mail")
    headers = {name: str(made[name]) for name in kept if made[name]}
    prepared = EmailMultiAlternatives(
        subject=str(made["Subject"]), body=plain.get_content() if plain else "", from_email=str(made["From"]), to=[message.to],
        reply_to=[str(made["Reply-To"])] if made["Reply-To"] else None,
        headers={**headers, "Message-ID": message_id, "X-PM-KeepID": "true"} if "Postmark" in str(backend.esp_name) else headers,
    )  # fmt: skip
    if page:
        prepared.attach_alternative(page.get_content(), "text/html")
    for part in made.iter_attachments():
        content = part.get_payload(decode=True)
        prepared.attach(part.get_filename() or "file", cast(bytes, content), part.get_content_type())
    prepared.metadata = {"reference": message.reference.hex}  # type: ignore[attr-defined]
    if (
        str(backend.esp_name) != "Brevo"
    ):  # which follows no wish of a single mail: it is switched off in the account there
        prepared.track_opens = prepared.track_clicks = False  # type: ignore[attr-defined]
    return prepared


class Ses(mail.Smtp):
    """Amazon SES by SMTP: the region makes the host. SES gives mails an id of its own, so answers are found by their sender."""

    name = "ses"
    title = cast(str, gettext_lazy("Amazon SES"))
    reports_within: timedelta | None = None
    needs: Collection[str] = ("region", "smtp_user", "smtp_password", "from_name")

    @contextmanager
    def line(self, access: Access) -> Iterator[Any]:
        with super().line(_at_amazon(access)) as line:
            yield line

    def check(self, access: Access) -> AccountNews:
        return super().check(_at_amazon(access))


def _at_amazon(access: Access) -> Access:
    if access.is_sandbox:
        return access
    region = str(access.settings.get("region", "ap-south-1"))
    server = {"smtp_host": f"email-smtp.{region}.amazonaws.com", "smtp_port": 465, "smtp_tls": "tls"}
    return replace(access, settings={**access.settings, **server})


ADAPTERS = (
    AnymailAdapter("postmark", "Postmark"),
    AnymailAdapter("mailgun", "Mailgun", "region"),
    AnymailAdapter("brevo", "Brevo"),
    Ses(),
)
