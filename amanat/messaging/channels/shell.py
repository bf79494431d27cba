"""What the channels add to the site: their adapters and recipients, sealed secrets, settings, words of the ledger."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.core import configuration, ledger_words, outgoing, vault
from amanat.messaging.channels import accounts, adapters, erasing, intents, mail_shell, whatsapp
from amanat.messaging.channels.models import ChannelAccount
from amanat.people import cards
from amanat.people.cards import Card
from amanat.web import navigation
from amanat.web.navigation import Entry

SENTENCES = {
    "channel.account.connected": _("Channel connected"),
    "channel.account.changed": _("Details of a channel changed"),
    "channel.account.signed_in": _("Signed in to a mailbox at its provider"),
    "channel.account.paused": _("Channel paused"),
    "channel.account.resumed": _("Channel resumed"),
    "channel.account.made_default": _("Channel made the usual one"),
    "channel.account.address_renewed": _("New address for a provider's calls"),
    "channel.account.broke": _("Channel stopped working"),
    "template.made": _("Message template made"),
    "template.written": _("Text of a message template written"),
    "template.submitted": _("Message template handed in for approval"),
    "template.judged": _("Provider decided about a message template"),
    "template.recategorized": _("Provider counts a message template as another kind"),
    "template.ended": _("Message template ended"),
}
TABLES = {
    "messaging.ChannelAccount": _("channel"),
    "messaging.MessageTemplate": _("message template"),
    "messaging.TemplateText": _("text of a message template"),
}


def register() -> None:
    """Called once, when the site starts."""
    is_near = configuration.is_loopback(str(settings.WHATSAPP_URL).partition("://")[2].partition("/")[0].split(":")[0])
    outgoing.register_recipient(whatsapp.RECIPIENT, hosts=whatsapp.hosts, allow_private=is_near)
    outgoing.register_recipient(whatsapp.SANDBOX_RECIPIENT, hosts=whatsapp.sandbox_hosts, allow_private=True)
    adapters.register(whatsapp.WhatsApp())
    mail_shell.register()
    erasing.register()
    vault.register_sealed(ChannelAccount, "secrets", accounts.secrets_context)
    ledger_words.register(SENTENCES, TABLES)
    cards.register(
        Card(
            46,
            "messaging/_phone_card.html",
            intents.card,
            column="right",
            permission=May.WRITE_CONTACTS,
            on=("contact",),
        )
    )
    navigation.register(
        Entry("workspace", 36, _("Channels"), "message-circle", "messaging:channels", May.MANAGE_WORKSPACE)
    )
    navigation.register(
        Entry("workspace", 37, _("Message templates"), "file-text", "messaging:templates", May.MANAGE_CATALOGUE)
    )
