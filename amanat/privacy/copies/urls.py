"""Routes."""

from __future__ import annotations

from datetime import timedelta

from django.urls import URLPattern

from amanat.accounts.access import WRITES, anyone, members
from amanat.accounts.permissions import May
from amanat.core.limits import Limit
from amanat.core.routes import route
from amanat.privacy.copies import views

_answers = members(May.ANSWER_REQUESTS)
_ORDERS = (Limit(60, timedelta(hours=1), per="member"),)
_DOOR = (Limit(60, timedelta(hours=1), per="address"),)

urlpatterns: list[URLPattern] = [
    route(
        "contacts/<uuid:contact_id>/copies/", views.copies, name="copies", rule=_answers, methods=("GET", "POST"), limits=_ORDERS,
        records=("privacy.copy.ordered",),
    ),
    route("contacts/<uuid:contact_id>/seen/", views.who_saw, name="seen", rule=members(May.READ_TRUST)),
    route(
        "copies/<uuid:copy_id>/take/", views.take, name="copy_take", rule=_answers, methods=("POST",), limits=WRITES, fresh=True,
        records=("privacy.copy.taken",),
    ),
    route(
        "copies/<uuid:copy_id>/give/", views.give, name="copy_give", rule=_answers, methods=("POST",), limits=_ORDERS,
        records=("privacy.copy.given",),
    ),
    route(
        "w/<uuid:workspace_id>/copy/<uuid:copy_id>/", views.public, name="copy_public", rule=anyone, methods=("GET", "POST"),
        limits=_DOOR, records=("privacy.copy.taken",),
    ),
]  # fmt: skip
