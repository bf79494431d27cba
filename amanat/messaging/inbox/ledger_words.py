"""Sentences for the ledger entries that the inbox writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "messaging.message.arrived": _("Message arrived"),
    "messaging.message.written": _("Message written"),
    "messaging.file.opened": _("File of a message opened"),
    "messaging.note.written": _("Private note written"),
    "messaging.thread.assigned": _("Conversation given to somebody"),
    "messaging.thread.snoozed": _("Conversation put away until later"),
    "messaging.thread.woken": _("Conversation brought back"),
    "messaging.thread.closed": _("Conversation closed"),
    "messaging.thread.reopened": _("Conversation opened again"),
    "messaging.canned.added": _("Ready reply added"),
    "messaging.canned.changed": _("Ready reply changed"),
    "messaging.canned.removed": _("Ready reply removed"),
}
#: One row of each table, in the words of the ledger.
TABLES = {
    "messaging.Thread": _("conversation"),
    "messaging.Message": _("message"),
    "messaging.MessageFile": _("file of a message"),
    "messaging.MessageWords": _("words of a message"),
    "messaging.Mention": _("mention in a note"),
    "messaging.CannedReply": _("ready reply"),
    "messaging.ReplyDraft": _("draft of a reply"),
}
