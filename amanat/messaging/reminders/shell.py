"""What this part adds to the site: its entry in the navigation, words of the ledger, an ear for deliveries."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.core import ledger_words
from amanat.messaging.outbox import changes, claiming
from amanat.messaging.reminders import carrying
from amanat.people import bulk
from amanat.people.bulk import Offer
from amanat.web import navigation
from amanat.web.navigation import Entry

SENTENCES = {
    "messaging.reminders.approved": _("Reminders approved"),
    "messaging.reminders.held": _("Reminders held back after a restore"),
    "messaging.rule.made": _("Reminder rule made"),
    "messaging.rule.changed": _("Reminder rule changed"),
    "messaging.rule.paused": _("Reminder rule paused"),
    "messaging.rule.resumed": _("Reminder rule resumed"),
    "messaging.batch.ordered": _("Message to many ordered"),
    "messaging.batch.stopped": _("Message to many stopped"),
    "messaging.rule.ended": _("Reminder rule ended"),
    "messaging.rule.tried": _("Text of a reminder sent to the own number as a test"),
}
TABLES = {
    "messaging.ReminderRule": _("reminder rule"),
    "messaging.Reminder": _("reminder"),
    "messaging.MessageBatch": _("message to many"),
    "messaging.BatchRefusal": _("person left out of a message to many"),
}


def register() -> None:
    """Called once, when the site starts."""
    ledger_words.register(SENTENCES, TABLES)
    changes.on_change(carrying.hear)
    claiming.doubt(carrying.SOURCE, carrying.outdated)
    bulk.offer(Offer(_("Write"), "send", "messaging:batch_begin", May.MANAGE_REMINDERS))
    navigation.register(Entry("work", 26, _("Reminders"), "bell-ring", "messaging:reminders", May.READ_TASKS))
