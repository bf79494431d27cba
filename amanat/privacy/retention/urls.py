"""Routes."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import members
from amanat.accounts.pages import act, form, page
from amanat.accounts.permissions import May
from amanat.privacy.retention import views

_reads, _manages = members(May.READ_TRUST), members(May.MANAGE_POLICY)

urlpatterns: list[URLPattern] = [
    page("retention/", views.overview, "retention", _reads),
    page("retention/runs/<uuid:retention_run_id>/", views.report, "retention_run", _reads),
    act("retention/run/", views.run_now, "retention_now", _manages, "privacy.retention.swept"),
    form("retention/holds/new/", views.new_hold, "hold_new", _manages, "privacy.hold.set"),
    act("retention/holds/<uuid:legal_hold_id>/lift/", views.lift_hold, "hold_lift", _manages, "privacy.hold.lifted"),
]
