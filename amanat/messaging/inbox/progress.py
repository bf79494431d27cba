"""How far a message of ours got, in words: what the outbox and the provider's reports say of its sending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from amanat.basis.explaining import SENTENCES
from amanat.basis.gate import Reason
from amanat.messaging.channels import adapters
from amanat.messaging.outbox import charging
from amanat.messaging.outbox.models import Dispatch
from amanat.web import formatting

#: What is read of a message's dispatch beside the message, as JSON. A time of it is left out, for nothing shown rests on it.
SENDING = """(SELECT jsonb_build_object('id', d.id, 'state', d.state, 'delivery', d.delivery, 'reason', d.reason, 'code', d.error_code,
    'pricing', d.pricing, 'provider', a.provider, 'due_at', d.due_at) FROM messaging_dispatch d JOIN messaging_channelaccount a
    ON a.workspace_id = d.workspace_id AND a.id = d.account_id
    WHERE d.workspace_id = messaging_message.workspace_id AND d.message_id = messaging_message.id)"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a message of ours got: an icon, its word, a tone; `trouble` and `advice` are sentences where something is wrong."""

    icon: str
    label: str
    tone: str = ""
    trouble: str = ""
    advice: str = ""
    dispatch_id: str = ""
    is_unclear: bool = False
    may_write_again: bool = False
    charged: str = ""  #: as what the provider counted it, where it asks money for that

    @property
    def has_failed(self) -> bool:
        """It surely did not reach the person."""
        return self.may_write_again or self.icon == "ban"


def of(sending: Mapping[str, Any], *, now: datetime) -> Progress:  # noqa: PLR0911 (a table of states)
    """What became of a message of ours, in words."""
    state, delivery, key = sending["state"], sending["delivery"], str(sending["id"])
    match state:
        case "todo":
            due = datetime.fromisoformat(sending["due_at"])
            later = _("Goes on %(time)s") % {"time": formatting.short_time(due, now=now)} if due > now else ""
            return Progress("clock", later or _("Waiting"), dispatch_id=key)
        case "sending":
            return Progress("clock", _("Being sent"), dispatch_id=key)
        case "unknown":
            return Progress(
                "circle-question-mark", _("Not clear whether it was sent"), "marigold",
                _("The provider did not answer. It will be settled by itself, if a report comes."), _("Was it sent?"),
                dispatch_id=key, is_unclear=True,
            )  # fmt: skip
        case "refused":
            return Progress("ban", _("Not allowed"), "red", _refusal(sending["reason"]), dispatch_id=key)
        case "held":
            return Progress(
                "circle-question-mark", str(Dispatch.State.HELD.label), "marigold",
                _("A backup was restored: it may have gone out before."), _("Was it sent?"),
                dispatch_id=key, is_unclear=True,
            )  # fmt: skip
        case "dropped":
            return Progress("ban", str(Dispatch.State.DROPPED.label), dispatch_id=key, may_write_again=True)
        case "dead":
            return Progress(
                "circle-alert", _("Could not be sent"), "red", *_failure(sending), dispatch_id=key, may_write_again=True
            )
    charged = charging.words(sending["pricing"]) if charging.costs(sending["pricing"]) else ""
    match delivery:
        case "failed":
            return Progress(
                "circle-alert", _("Not delivered"), "red", *_failure(sending), dispatch_id=key, may_write_again=True
            )
        case "read":
            return Progress("check-check", _("Read"), "blue", dispatch_id=key, charged=charged)
        case "delivered":
            return Progress("check-check", pgettext("message", "Delivered"), dispatch_id=key, charged=charged)
        case "sent" if sending["code"]:
            return Progress("clock", _("Delayed"), "marigold", *_failure(sending), dispatch_id=key, charged=charged)
    return Progress("check", _("Sent"), dispatch_id=key, charged=charged)


def _refusal(reason: str) -> str:
    try:
        return str(SENTENCES[Reason(reason)])
    except (ValueError, KeyError):
        return ""


def _failure(sending: Mapping[str, Any]) -> tuple[str, str]:
    try:
        return adapters.named(sending["provider"]).explain(sending["code"])
    except LookupError:  # a provider that is not built in any more
        return _("Error %(code)s.") % {"code": sending["code"]} if sending["code"] else "", ""
