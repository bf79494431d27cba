"""Routes of notifications."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import members, signed_in
from amanat.accounts.pages import act, form, page
from amanat.accounts.permissions import May
from amanat.messaging.push import views

_READS = members(May.READ_CONTACTS)

urlpatterns: list[URLPattern] = [
    page("settings/notifications/", views.push, "push", _READS),
    act("settings/notifications/on/", views.switch_on, "push_on", _READS, "messaging.push.switched_on"),
    act("settings/notifications/<uuid:pushdevice_id>/", views.change, "push_change", _READS, "messaging.push.changed"),
    act("settings/notifications/<uuid:pushdevice_id>/remove/", views.remove, "push_remove", _READS, "messaging.push.switched_off"),
    form("inbox/notifications/<uuid:workspace_id>/<uuid:thread_id>/", views.open_thread, "push_open", signed_in),
]  # fmt: skip
