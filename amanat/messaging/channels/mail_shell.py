"""What SMS, e-mail and the links that end them add to the site."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.core import ledger_words, schema
from amanat.messaging.channels import adapters, mail, mail_anymail, site_texts, sms, unsubscribe_schema
from amanat.messaging.channels.mail import Smtp
from amanat.messaging.channels.sms_http import SmsHttp
from amanat.messaging.channels.sms_msg91 import Msg91

SENTENCES = {
    "messaging.unsubscribed": _("Person ended messages by a link"),
}


def register() -> None:
    """Called once, when the site starts."""
    sms.declare()
    site_texts.declare()
    mail.declare()
    for adapter in (SmsHttp(), Msg91(), Smtp(), *mail.SIGNED_IN, *mail_anymail.ADAPTERS):
        adapters.register(adapter)
    schema.add_sql("workspace_of_dispatch", unsubscribe_schema.WORKSPACE_OF_DISPATCH)
    schema.add_definer_function("workspace_of_dispatch", "one id: whose message a short link of an SMS ends")
    ledger_words.register(SENTENCES)
