"""What notifications add to the site: the push services, their sealed column, words of the ledger, an entry in the member's menu."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.core import ledger_words, schema, vault
from amanat.messaging.inbox import news
from amanat.messaging.push import devices, services, telling
from amanat.messaging.push import schema as own_schema
from amanat.messaging.push.models import PushDevice
from amanat.web import navigation
from amanat.web.navigation import Entry

SENTENCES = {
    "messaging.push.switched_on": _("Notifications switched on in a browser"),
    "messaging.push.changed": _("Choice of notifications changed"),
    "messaging.push.switched_off": _("Notifications switched off in a browser"),
}
TABLES = {"messaging.PushDevice": _("browser with notifications")}


def register() -> None:
    """Called once, when the site starts."""
    services.register()
    vault.register_sealed(PushDevice, "endpoint", devices.context)
    schema.add_sql("push_forget_with_session", own_schema.FORGET_WITH_SESSION)
    schema.add_definer_function("push_forget_with_session", "trigger: takes push devices away with their sign-in")
    schema.add_sql("push_forget_with_seat", own_schema.FORGET_WITH_SEAT)
    ledger_words.register(SENTENCES, TABLES)
    news.listen(telling)
    navigation.register(Entry("member", 35, _("Notifications"), "bell-ring", "messaging:push", May.READ_CONTACTS))
