"""Routes of the channels: where providers call us, and the settings of accounts and templates."""

from __future__ import annotations

from datetime import timedelta

from amanat.accounts.access import WRITES, anyone, members
from amanat.accounts.permissions import May
from amanat.core.limits import Limit
from amanat.core.routes import route
from amanat.messaging.channels import hooks, intents, mail_sign_in_views, template_views, views
from amanat.messaging.channels.mail_urls import urlpatterns as of_mail

#: A provider sends its calls from few addresses: 500 a second for a workspace at its busiest, and as many again.
CALLS = (Limit(60_000, timedelta(minutes=1), per="address", methods=("GET", "POST"), at_once=50),)
FORM, POST = ("GET", "POST"), ("POST",)
OWNS, WRITES_TEXTS, TALKS = members(May.MANAGE_WORKSPACE), members(May.MANAGE_CATALOGUE), members(May.WRITE_CONTACTS)
_ACCOUNT, _TEMPLATE = "settings/channels/<uuid:account_id>/", "settings/templates/<uuid:template_id>/"
_TEXT = _TEMPLATE + "<str:language>/"
_CONNECTED, _CHANGED = ("channel.account.connected",), ("channel.account.changed",)
_ACTS = tuple(f"channel.account.{act}" for act in ("paused", "resumed", "made_default", "address_renewed"))

#: Where providers call, hundreds of times a second. `amanat.urls` tries it before the two hundred others, which cost a fifth of a call.
CALLED = route(
    "w/<uuid:workspace_id>/hooks/<uuid:account_id>/",
    hooks.hook,
    name="channel_hook",
    rule=anyone,
    methods=("GET", "POST"),
    limits=CALLS,
)
urlpatterns = [
    *of_mail,
    CALLED,
    route("settings/channels/", views.channels, name="channels", rule=OWNS),
    route("settings/channels/connect/", views.connect, name="channel_connect", rule=OWNS),
    route(
        "settings/channels/connect/<slug:provider>/", views.channel_new, name="channel_new", rule=OWNS, methods=FORM,
        limits=WRITES, records=_CONNECTED,
    ),
    route(
        "settings/channels/sandbox/", views.sandbox_new, name="sandbox_new", rule=OWNS, methods=POST, limits=WRITES,
        records=_CONNECTED,
    ),
    # Where secrets are sent is changed here.
    route(_ACCOUNT, views.channel, name="channel", rule=OWNS, methods=FORM, limits=WRITES, fresh=True, records=_CHANGED),
    route(
        f"{_ACCOUNT}act/", views.channel_act, name="channel_act", rule=OWNS, methods=POST, limits=WRITES, records=_ACTS
    ),
    route(
        f"{_ACCOUNT}sign-in/", mail_sign_in_views.begin, name="mail_sign_in", rule=OWNS, methods=POST, limits=WRITES
    ),
    route(
        "settings/channels/mail/back/", mail_sign_in_views.back, name="mail_sign_in_back", rule=OWNS, methods=FORM,
        limits=WRITES, records=("channel.account.signed_in", "channel.account.resumed"),
    ),
    route("settings/templates/", template_views.template_list, name="templates", rule=WRITES_TEXTS),
    route(
        "settings/templates/new/", template_views.template_new, name="template_new", rule=WRITES_TEXTS, methods=FORM,
        limits=WRITES, records=("template.made",),
    ),
    route(_TEMPLATE, template_views.template, name="template", rule=WRITES_TEXTS),
    route(
        f"{_TEMPLATE}end/", template_views.template_end, name="template_end", rule=WRITES_TEXTS, methods=POST,
        limits=WRITES, records=("template.ended",),
    ),
    route(f"{_TEMPLATE}measure/", template_views.template_measure, name="template_measure", rule=WRITES_TEXTS),
    route(
        _TEXT, template_views.template_text, name="template_text", rule=WRITES_TEXTS, methods=FORM, limits=WRITES,
        records=("template.written",),
    ),
    route(
        f"{_TEXT}submit/", template_views.template_submit, name="template_submit", rule=WRITES_TEXTS, methods=POST,
        limits=WRITES, records=("template.submitted",),
    ),
    route(
        "contacts/<uuid:contact_id>/by-phone/<slug:way>/", intents.intend, name="intend", rule=TALKS, methods=FORM,
        limits=WRITES,
    ),
]  # fmt: skip
