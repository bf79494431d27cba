"""What WhatsApp tells us: webhook calls checked, cut into events, and read.

The order is the safeguard: first the signature over the body as it came, then JSON, then whose it is, then its age.
Nothing of a call is believed when any of it fails. An event is kept with no more than is needed to read it later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from amanat.messaging.channels import provider_json
from amanat.messaging.channels.contract import (
    Access,
    AccountNews,
    Arrived,
    Attached,
    News,
    Preference,
    Progress,
    Report,
    TemplateNews,
    WebhookRefused,
)
from amanat.messaging.channels.models import MessageTemplate, TemplateText

#: Meta tries again for seven days; a clock of ours or theirs may be a little wrong.
OLDEST, NEWEST = timedelta(days=7), timedelta(minutes=5)
SIGNATURE = "x-hub-signature-256"
STOPPED_OFFERS = "131050"
_NO_END = 2_000_000_000
#: People who may be written to first within 24 hours, by the name of the tier.
LIMITS = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": _NO_END,
    "-1": _NO_END,
}
#: Under which the limit of a business stands: since October 2025 all its numbers share one, and Meta takes the older names away.
LIMIT_FIELD, _LIMIT_NAMES = "whatsapp_business_manager_messaging_limit", (
    "max_daily_conversations_per_business", "max_daily_conversation_per_phone", "current_limit",
)  # fmt: skip
log = logging.getLogger(__name__)
_State = TemplateText.State
_STATES = {
    "APPROVED": _State.APPROVED,
    "REINSTATED": _State.APPROVED,
    "FLAGGED": _State.APPROVED,  # still sent, soon paused
    "PENDING": _State.SUBMITTED,
    "IN_APPEAL": _State.SUBMITTED,
    "REJECTED": _State.REJECTED,
    "PENDING_DELETION": _State.REJECTED,
    "DELETED": _State.REJECTED,
    "DISABLED": _State.PAUSED,
    "PAUSED": _State.PAUSED,
    "LIMIT_EXCEEDED": _State.PAUSED,
}
_PROGRESS = {
    "sent": Progress.SENT,
    "delivered": Progress.DELIVERED,
    "read": Progress.READ,
    "played": Progress.READ,
    "failed": Progress.FAILED,
}
_BAD_FOR_ACCOUNTS = {
    "DISABLED_UPDATE": _("Meta has switched this WhatsApp account off. WhatsApp Manager says why."),
    "ACCOUNT_RESTRICTION": _("Meta has restricted this WhatsApp account. WhatsApp Manager says why."),
    "ACCOUNT_VIOLATION": _("Meta says that this WhatsApp account broke a rule. WhatsApp Manager says which."),
    "ACCOUNT_DELETED": _("This WhatsApp account was deleted at Meta."),
    "PARTNER_REMOVED": _("The app was taken off this WhatsApp account at Meta."),
}
_MEDIA = frozenset({"image", "document", "audio", "video", "sticker", "voice"})


def handshake(access: Access, query: Mapping[str, str]) -> str:
    """What Meta asks before it calls: the challenge comes back to who knows the token. Raises WebhookRefused."""
    token, known = query.get("hub.verify_token", ""), access.secrets.get("verify_token", "")
    if query.get("hub.mode") != "subscribe" or not known or not _same(token, known):
        raise WebhookRefused("the handshake does not know the token")
    challenge = query.get("hub.challenge", "")
    if not challenge or len(challenge) > 200 or not challenge.isalnum():
        raise WebhookRefused("the handshake has no challenge")
    return challenge


def events(access: Access, body: bytes, headers: Mapping[str, str], *, at: datetime) -> list[tuple[bytes, Any]]:
    """The events of a call: (what makes it the same event, what to keep of it). Raises WebhookRefused."""
    _check_signature(access, body, headers)
    try:
        call = provider_json.loads(body)
        if not isinstance(call, dict) or call.get("object") != "whatsapp_business_account":
            raise WebhookRefused("a call about something else")
        found = [event for entry in call["entry"] for event in _of_entry(access, entry)]
        # One that is too old is left out: what came with it is news.
        fresh = [event for event in found if _is_fresh(int(event[1]["at"]), at)]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise WebhookRefused("a call of another shape") from None
    if not found:
        raise WebhookRefused("a call for another account")
    if not fresh:
        raise WebhookRefused("events of more than seven days ago")
    return [(identity.encode(), payload) for identity, payload in fresh]


def _check_signature(access: Access, body: bytes, headers: Mapping[str, str]) -> None:
    secret = access.secrets.get("app_secret", "")
    given = next((value for name, value in headers.items() if name.lower() == SIGNATURE), "")
    if not secret or not given.startswith("sha256="):
        raise WebhookRefused("no signature")
    if not _same(given.removeprefix("sha256="), hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()):
        raise WebhookRefused("the signature is not by our secret")


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())


def _is_fresh(seconds: int, at: datetime) -> bool:
    """False where it is too old. Raises WebhookRefused for a time that cannot be."""
    try:
        happened = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        raise WebhookRefused("a time that is none") from None
    if happened > at + NEWEST:
        raise WebhookRefused("an event of the future")
    return happened >= at - OLDEST


def _of_entry(access: Access, entry: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if str(entry["id"]) != str(access.settings["waba_id"]):
        return
    for change in entry["changes"]:
        field, value = str(change["field"]), change["value"]
        if field == "messages":
            yield from _of_messages(access, value)
        elif field == "user_preferences":
            for one in value["user_preferences"]:
                stamp = int(one["timestamp"])
                kept = {"is": "preference", "at": stamp, "value": one}
                yield f"preference:{one['wa_id']}:{one['value']}:{stamp}", kept
        else:
            stamp = int(entry["time"])
            said = json.dumps(value, sort_keys=True)
            yield f"{field}:{stamp}:{said}", {"is": field, "at": stamp, "value": value}


def _of_messages(access: Access, value: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if str(value["metadata"]["phone_number_id"]) != str(access.settings["phone_number_id"]):
        return
    names = {one.get("wa_id"): one.get("profile", {}).get("name", "") for one in value.get("contacts", ())}
    for message in value.get("messages", ()):
        kept = {"is": "message", "at": int(message["timestamp"]), "value": message}
        name = names.get(message.get("from")) or ""
        yield f"message:{message['id']}", {**kept, "name": str(name)[:120]}
    for status in value.get("statuses", ()):
        kept = {"is": "status", "at": int(status["timestamp"]), "value": status}
        yield f"status:{status['id']}:{status['status']}", kept


def read(payload: Mapping[str, Any]) -> list[News]:
    """What a kept event says; nothing where it is of a kind nobody here needs."""
    happened = datetime.fromtimestamp(int(payload["at"]), UTC)
    reader = _READERS.get(payload["is"])
    try:
        return reader(payload, happened) if reader else []
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        log.warning("an event of WhatsApp has another shape than we know", extra={"event": payload["is"]})
        return []


def _message(payload: Mapping[str, Any], happened: datetime) -> list[News]:
    message = payload["value"]
    sender, kind = str(message.get("from", "")), str(message.get("type", ""))
    if not sender.isdigit():  # people may hide their number behind a name; those cannot be told apart by us yet
        return []
    said = _SAYS[kind](message) if kind in _SAYS else {"kind": "other"}
    return [
        Arrived(
            provider_id=str(message["id"]),
            sender=f"+{sender}",
            at=happened,
            name=str(payload.get("name", "")),
            **{"answers": str(message.get("context", {}).get("id", "")), **said},
        )
    ]


def _status(payload: Mapping[str, Any], happened: datetime) -> list[News]:
    status = payload["value"]
    progress = _PROGRESS.get(str(status["status"]))
    if progress is None:
        return []
    errors = status.get("errors") or [{}]
    code = str(errors[0].get("code", ""))
    return [
        Report(
            provider_id=str(status["id"]),
            progress=progress,
            at=happened,
            reference=_uuid(status.get("biz_opaque_callback_data")),
            code=code,
            pricing=str(status.get("pricing", {}).get("category", ""))[:30],
            opts_out=code == STOPPED_OFFERS,
        )
    ]


def _preference(payload: Mapping[str, Any], happened: datetime) -> list[News]:
    value = payload["value"]
    return [Preference(f"+{str(value['wa_id']).lstrip('+')}", value["value"] == "resume", happened)]


def _template_status(payload: Mapping[str, Any], happened: datetime) -> list[News]:
    value = payload["value"]
    reason = str(value.get("reason") or "")
    state = _STATES.get(str(value.get("event")), _State.SUBMITTED)
    return [_of_text(value, state=state, reason="" if reason == "NONE" else reason)]


def _category_update(payload: Mapping[str, Any], happened: datetime) -> list[News]:
    """`correct_category` is what the text will be counted as within a day, `new_category` then still what it was."""
    value = payload["value"]
    return [_of_text(value, state="", category=category(value.get("correct_category") or value.get("new_category")))]


def _of_text(value: Mapping[str, Any], **said: str) -> TemplateNews:
    return TemplateNews(
        provider_id=str(value.get("message_template_id", "")),
        name=str(value.get("message_template_name", "")),
        language=our_language(str(value.get("message_template_language", ""))),
        **said,
    )


def _quality_update(payload: Mapping[str, Any], happened: datetime) -> list[News]:
    """It concerns the number it names, whichever of the business's numbers has the address that is called."""
    value = payload["value"]
    seen = {"FLAGGED": "red", "UNFLAGGED": "green"}.get(str(value.get("event")), "")
    number = "".join(sign for sign in str(value.get("display_phone_number", "")) if sign.isdigit())
    return [AccountNews(quality=seen, daily_limit=_limit_in(value), address=f"+{number}" if number else "")]


def _capability_update(payload: Mapping[str, Any], happened: datetime) -> list[News]:
    limit = _limit_in(payload["value"])
    return [AccountNews(daily_limit=limit)] if limit else []


def _limit_in(value: Mapping[str, Any]) -> int | None:
    """By the first name that says one: a tier, or a figure."""
    found = (limit(value[name]) for name in _LIMIT_NAMES if name in value)
    return next((one for one in found if one), None)


def limit(said: Any) -> int | None:
    """ "TIER_2K", 2000 or -1 as a figure; None for what is none."""
    words = str(said or "")
    return LIMITS.get(words) or (int(words) if words.isdecimal() else None)


def _account_update(payload: Mapping[str, Any], happened: datetime) -> list[News]:
    trouble = _BAD_FOR_ACCOUNTS.get(str(payload["value"].get("event")))
    return [AccountNews(trouble=str(trouble))] if trouble else []


_READERS: dict[str, Callable[[Mapping[str, Any], datetime], list[News]]] = {
    "message": _message,
    "status": _status,
    "preference": _preference,
    "message_template_status_update": _template_status,
    "template_category_update": _category_update,
    "phone_number_quality_update": _quality_update,
    "business_capability_update": _capability_update,
    "account_update": _account_update,
}


def _text(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": str(message["text"]["body"])}


def _media(message: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(message["type"])
    media = message[kind]
    content_type = str(media.get("mime_type", "")).partition(";")[0].strip()
    # What was spoken has no name; the page has a word for it.
    made_up = "" if media.get("voice") else f"{kind}.{content_type.rpartition('/')[2] or 'bin'}"
    name = str(media.get("filename") or made_up)
    file = Attached(name=name[:200], content_type=content_type[:100], provider_id=str(media["id"]))
    return {"kind": "media", "text": str(media.get("caption", "")), "files": (file,)}


def _location(message: Mapping[str, Any]) -> dict[str, Any]:
    place = message["location"]
    words = [str(place[key]) for key in ("name", "address") if place.get(key)]
    return {"kind": "location", "text": "\n".join([*words, f"{place['latitude']}, {place['longitude']}"])}


def _cards(message: Mapping[str, Any]) -> dict[str, Any]:
    lines = []
    for card in message["contacts"]:
        numbers = [str(phone.get("phone") or phone.get("wa_id", "")) for phone in card.get("phones", ())]
        lines.append(", ".join([str(card.get("name", {}).get("formatted_name", "")), *numbers]))
    return {"text": "\n".join(lines)}


def _button(message: Mapping[str, Any]) -> dict[str, Any]:
    button = message["button"]
    return {"kind": "choice", "text": str(button["text"]), "choice": str(button.get("payload", ""))}


def _interactive(message: Mapping[str, Any]) -> dict[str, Any]:
    inner = message["interactive"]
    reply = inner.get("button_reply") or inner.get("list_reply")
    if not reply:
        return {"kind": "other"}
    return {"kind": "choice", "text": str(reply["title"]), "choice": str(reply["id"])}


def _reaction(message: Mapping[str, Any]) -> dict[str, Any]:
    """An empty emoji takes an earlier one back."""
    reaction = message["reaction"]
    return {
        "kind": "reaction",
        "reaction": str(reaction.get("emoji", "")),
        "answers": str(reaction["message_id"]),
    }


def _order(message: Mapping[str, Any]) -> dict[str, Any]:
    order = message["order"]
    lines = [
        f"{item['quantity']} × {item['product_retailer_id']}: {item['item_price']} {item['currency']}"
        for item in order.get("product_items", ())
    ]
    return {"text": "\n".join([*lines, *([str(order["text"])] if order.get("text") else [])])}


def _system(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "other", "text": str(message["system"].get("body", ""))}


_SAYS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "text": _text,
    **dict.fromkeys(_MEDIA, _media),
    "location": _location,
    "contacts": _cards,
    "button": _button,
    "interactive": _interactive,
    "reaction": _reaction,
    "order": _order,
    "system": _system,
}


def template_news(one: Mapping[str, Any]) -> TemplateNews:
    """A text as the provider lists it, or answers to its submission."""
    reason = str(one.get("rejected_reason") or "")
    return TemplateNews(
        provider_id=str(one["id"]),
        name=str(one["name"]),
        language=our_language(str(one["language"])),
        state=_STATES.get(str(one.get("status")), _State.SUBMITTED),
        reason="" if reason == "NONE" else reason,
        category=category(one.get("category")),
    )


def category(said: Any) -> str:
    """Meta's word for a category as ours, "" for one that we do not know."""
    known = str(said or "").lower()
    return known if known in MessageTemplate.Category.values else ""


def our_language(code: str) -> str:
    """Meta's code as ours: those it has only with a country are known here without."""
    return {"pt_BR": "pt", "zh_CN": "zh"}.get(code, code.replace("_", "-"))


def quality(rating: Any) -> str:
    """ "green", "yellow", "red", or nothing where it is not known yet."""
    known = str(rating or "").lower()
    return known if known in {"green", "yellow", "red"} else ""


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
