"""WhatsApp by Meta's Cloud API, through pywa: every request of it goes through `core.outgoing`.

Whether a message may have been sent is the question of every failure. Before the first byte of a request leaves, it is
surely not; after that, only an answer that says so in a known code makes it sure, and everything else is unclear.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import Error as DatabaseError
from django.utils.translation import gettext

from amanat.core import outgoing
from amanat.core.outgoing import Refused, Unreachable
from amanat.messaging.channels import sandboxes, whatsapp_errors, whatsapp_payloads, whatsapp_reading
from amanat.messaging.channels.contract import (
    Access,
    AccountNews,
    Answer,
    Attached,
    News,
    Outcome,
    Outgoing,
    TemplateNews,
)
from amanat.messaging.channels.models import Channel, MessageTemplate, TemplateText
from amanat.messaging.channels.whatsapp_errors import GraphError

if TYPE_CHECKING:
    from amanat.messaging.channels.whatsapp_graph import Graph

API_VERSION: Final = 23.0
RECIPIENT, SANDBOX_RECIPIENT = "whatsapp", sandboxes.RECIPIENT
_TIMEOUT = 20.0
_MOST_MEDIA = 25_000_000  # Meta takes 16 MB of sound and film; documents may have 100, of which we keep 25
_AGAIN = timedelta(seconds=30)
_OF_TEXTS = ("id", "name", "language", "status", "category", "rejected_reason")
_ALREADY_THERE = 2388024  # subcode: a template of this name has a text in this language


class MediaTooLarge(Refused):
    """The file is larger than we take in."""

    def __init__(self) -> None:
        super().__init__(gettext("The file is too large."))


class WhatsApp:
    """The adapter. Its accounts have the settings `phone_number_id` and `waba_id`, the secrets `token` and `app_secret`."""

    name = "whatsapp_cloud"
    channel: str = Channel.WHATSAPP.value
    recipient = RECIPIENT
    title = "WhatsApp (Meta Cloud API)"
    needs: Collection[str] = ("phone_number_id", "waba_id", "token", "app_secret")
    reports_within: timedelta | None = timedelta(minutes=5)

    @contextmanager
    def line(self, access: Access) -> Iterator[WhatsAppLine]:
        with _api(access) as api:
            yield WhatsAppLine(str(access.settings["phone_number_id"]), api)

    def explain(self, code: str) -> tuple[str, str]:
        return whatsapp_errors.explain(code)

    def check(self, access: Access) -> AccountNews:
        """Quality and limit of the number, or what is wrong with it in words."""
        fields = ("quality_rating", whatsapp_reading.LIMIT_FIELD, "verified_name", "status")
        try:
            with _api(access) as api:
                found = api.get_business_phone_number(str(access.settings["phone_number_id"]), fields)
        except GraphError as error:
            return AccountNews(trouble=" ".join(self.explain(_answer(error).code)))
        except (KeyError, TypeError, ValueError) as error:
            raise _nonsense(error) from None
        limit = whatsapp_reading.limit(found.get(whatsapp_reading.LIMIT_FIELD))
        return AccountNews(quality=whatsapp_reading.quality(found.get("quality_rating")), daily_limit=limit)

    def listen(self, access: Access, url: str) -> None:
        """Ask the provider to call `url` with what concerns this number. Raises as `check`, or ProviderRefused."""
        with _answering(), _api(access) as api:
            api.set_phone_alternate_callback_url(
                url, access.secrets["verify_token"], str(access.settings["phone_number_id"])
            )

    def submit(self, access: Access, template: MessageTemplate, text: TemplateText) -> TemplateNews:
        """Hand a text in for approval; one that is there already is found again. Raises as `listen`."""
        waba_id, wanted = str(access.settings["waba_id"]), whatsapp_payloads.template(template, text)
        with _answering(), _api(access) as api:
            try:
                made = api.create_template(waba_id, wanted)
            except GraphError as error:
                if error.subcode != _ALREADY_THERE:
                    raise
                made = _found_again(api, waba_id, wanted)
        return whatsapp_reading.template_news({**wanted, **made})

    def texts(self, access: Access) -> list[TemplateNews]:
        """Every text the provider has of this account. Raises as `listen`."""
        found: list[TemplateNews] = []
        after = ""
        with _answering(), _api(access) as api:
            for _page in range(100):
                pagination = {"limit": "100", **({"after": after} if after else {})}
                page = api.get_templates(str(access.settings["waba_id"]), _OF_TEXTS, pagination=pagination)
                found += [whatsapp_reading.template_news(one) for one in page["data"]]
                after = page.get("paging", {}).get("cursors", {}).get("after", "")
                if not page.get("paging", {}).get("next"):
                    break
        return found

    def mark_read(self, access: Access, provider_id: str) -> None:
        """Tell the person that their message was read. Raises as `listen`."""
        with _answering(), _api(access) as api:
            api.mark_message_as_read(str(access.settings["phone_number_id"]), provider_id)

    def fetch(self, access: Access, file: Attached, *, most_bytes: int = _MOST_MEDIA) -> Attached:
        """The file with its content, which the provider keeps for 30 days. Raises as `listen`, and MediaTooLarge."""
        with _answering(), _api(access) as api:
            known = api.get_media_url(file.provider_id)
        if int(known.get("file_size", 0)) > most_bytes:
            raise MediaTooLarge
        try:
            answer = outgoing.send(
                "GET",
                str(known["url"]),
                recipient=_recipient(access),
                headers={"authorization": f"Bearer {access.secrets['token']}"},
                max_bytes=most_bytes,
                timeout=60.0,
            )
        except outgoing.AnswerTooLarge:
            raise MediaTooLarge from None
        if not answer.is_success:
            raise ProviderRefused(str(answer.status))
        content_type = str(known.get("mime_type") or file.content_type).partition(";")[0]
        return Attached(file.name, content_type, answer.content, file.provider_id)

    def handshake(self, access: Access, query: Mapping[str, str]) -> str:
        return whatsapp_reading.handshake(access, query)

    def events(
        self, access: Access, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> list[tuple[bytes, Any]]:
        return whatsapp_reading.events(access, body, headers, at=at)

    def read(self, access: Access, payload: Any) -> list[News]:
        return whatsapp_reading.read(payload)


class ProviderRefused(Refused):
    """The provider said no; `code` is its code, for `explain`."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail


class WhatsAppLine:
    """An open way to one number; `send` may be called from many threads at once."""

    def __init__(self, number: str, api: Graph) -> None:
        self._number, self._api = number, api

    def send(self, message: Outgoing) -> Answer:
        try:
            kind, content = whatsapp_payloads.of(message, self._uploaded)
        except (ValueError, _UploadFailed) as problem:
            return problem.answer if isinstance(problem, _UploadFailed) else Answer(Outcome.REFUSED, code=str(problem))
        try:
            return self._sent(message, kind, content)
        except (GraphError, Unreachable, Refused, DatabaseError) as error:
            return _failure(error)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):  # an answer, but not of the API's shape
            return Answer(Outcome.UNCLEAR, code="no_answer")

    def _sent(self, message: Outgoing, kind: str, content: dict[str, Any]) -> Answer:
        said = self._api.send_message(
            sender=self._number,
            to=message.to.removeprefix("+"),
            recipient=None,
            recipient_type="individual",
            typ=kind,
            msg=content,
            reply_to_message_id=None if message.reaction is not None else message.answers or None,
            biz_opaque_callback_data=str(message.reference),
        )
        return Answer(Outcome.ACCEPTED, provider_id=str(said["messages"][0]["id"]))

    def _uploaded(self, file: Attached) -> str:
        """The id of a file after it was given to the provider; the message itself has not left then."""
        try:
            return str(self._api.upload_media(self._number, file.content, file.content_type, file.name)["id"])
        except GraphError as error:
            found = _answer(error)
            is_unclear = found.outcome is Outcome.UNCLEAR
            raise _UploadFailed(Answer(Outcome.LATER, code=found.code, wait=_AGAIN) if is_unclear else found) from None
        except Refused:
            raise _UploadFailed(Answer(Outcome.REFUSED, code="not_allowed")) from None
        except (Unreachable, DatabaseError, KeyError, TypeError, ValueError, AttributeError):
            raise _UploadFailed(Answer(Outcome.LATER, code="unreached", wait=_AGAIN)) from None


class _UploadFailed(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def _recipient(access: Access) -> str:
    return SANDBOX_RECIPIENT if access.is_sandbox else RECIPIENT


def base_url(access: Access) -> str:
    """Where the API of this account is: Meta's, the one the operator set, or our own sandbox."""
    return str(settings.SANDBOX_URL if access.is_sandbox else settings.WHATSAPP_URL)


@contextmanager
def _api(access: Access) -> Iterator[Graph]:
    # Here: pywa is an eighth of what a command loads, and few commands speak WhatsApp.
    from amanat.messaging.channels.whatsapp_graph import Graph

    base = base_url(access)
    if access.is_sandbox:
        with suppress(Unreachable, Refused):  # what follows says it in its own way
            sandboxes.introduce(access)
    with outgoing.session(_recipient(access), base_url=base, timeout=_TIMEOUT) as client:
        api = Graph(token=access.secrets["token"], session=client, api_version=API_VERSION)
        client.base_url = f"{base}/v{API_VERSION}"  # pywa has put Meta's there
        yield api


@contextmanager
def _answering() -> Iterator[None]:
    """The provider's errors as ours, for what is no message."""
    try:
        yield
    except GraphError as error:
        raise ProviderRefused(_answer(error).code, error.detail) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _nonsense(error) from None


def _nonsense(error: Exception) -> Unreachable:
    message = gettext("WhatsApp gave an answer that makes no sense.")
    return Unreachable(message, reason=repr(error), may_have_arrived=True)


def _answer(error: GraphError) -> Answer:
    return whatsapp_errors.answer(
        code=error.code, subcode=error.subcode, status=error.status, retry_after=error.retry_after
    )


def _failure(error: GraphError | Unreachable | Refused | DatabaseError) -> Answer:
    if isinstance(error, GraphError):
        return _answer(error)
    if isinstance(error, Refused):
        return Answer(Outcome.REFUSED, code="not_allowed")
    if isinstance(error, Unreachable) and error.may_have_arrived:
        return Answer(Outcome.UNCLEAR, code="no_answer")
    return Answer(Outcome.LATER, code="unreached", wait=_AGAIN)  # what cannot be counted does not leave


def _found_again(api: Graph, waba_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    page = api.get_templates(waba_id, _OF_TEXTS, {"name": wanted["name"], "language": wanted["language"]})
    same = [one for one in page["data"] if (one["name"], one["language"]) == (wanted["name"], wanted["language"])]
    return dict(same[0])


def hosts() -> tuple[str, ...]:
    """Where messages and files of WhatsApp travel, for the table of recipients."""
    return (_host_of(settings.WHATSAPP_URL), "lookaside.fbsbx.com")


def sandbox_hosts() -> tuple[str, ...]:
    return (_host_of(settings.SANDBOX_URL),)


def _host_of(url: str) -> str:
    """Host, with its port where one is written."""
    return str(url).partition("://")[2].partition("/")[0]
