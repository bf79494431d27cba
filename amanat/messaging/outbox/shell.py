"""What this part adds to the site."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from amanat.accounts.permissions import May
from amanat.core import ledger_words, schema, vault
from amanat.desk import waiting
from amanat.desk.waiting import Waiting
from amanat.messaging.outbox import events, ordering
from amanat.messaging.outbox.models import Dispatch, ProviderEvent
from amanat.messaging.outbox.schema import OUTBOX_TO_DO, watching

SENTENCES = {
    "messaging.outbox.held": _("Messages held back after a restore"),
    "messaging.outbox.released": _("Held messages released"),
    "messaging.outbox.left_out": _("Held messages left out"),
    "messaging.outbox.too_late": _("Held messages dropped, for their time was over"),
    "messaging.outbox.settled_sent": _("Unclear messages settled as sent"),
    "messaging.outbox.settled_again": _("Unclear messages settled as not sent"),
    "messaging.outbox.settled_by_silence": _(
        "Unclear messages to be sent again, for the provider knows nothing of them"
    ),
    "messaging.reminder.confirmed": _("Reminder confirmed by the person"),
    "messaging.confirmation.refused": _("Confirmation could not be sent"),
    "messaging.hold.made": _("Messages to a person paused until somebody has asked"),
}
TABLES = {"messaging.Dispatch": _("message to be sent"), "messaging.ProviderEvent": _("event of a provider")}


def _held(workspace_id: UUID) -> QuerySet[Dispatch]:
    return Dispatch.objects.of(workspace_id).filter(state=Dispatch.State.HELD)


def _says_held(count: int, shown: str) -> str:
    return ngettext(
        "A backup was restored: %(shown)s message is held back, for it may have gone out before.",
        "A backup was restored: %(shown)s messages are held back, for they may have gone out before.",
        count,
    ) % {"shown": shown}


def _where_held() -> str:
    return reverse("messaging:held")


def register() -> None:
    """Called once, when the site starts."""
    ledger_words.register(SENTENCES, TABLES)
    waiting.register(
        Waiting("held messages", May.MANAGE_REMINDERS, _held, _says_held, _where_held, _("Decide about them"))
    )
    vault.register_sealed(Dispatch, "extra", ordering.place_of_extra)
    vault.register_sealed(ProviderEvent, "payload", events.place_of_payload)
    schema.add_sql("outbox_to_do", OUTBOX_TO_DO)
    schema.add_definer_function("outbox_to_do", "ids only, for the job that looks for messages to be sent")
    schema.add_sql("dispatch_watch", watching(str(field.column) for field in Dispatch._meta.local_concrete_fields))
    schema.add_definer_function(
        "dispatch_watch", "trigger: writes the change of a statement to the ledger, as ledger_watch does"
    )
