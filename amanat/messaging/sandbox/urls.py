"""Routes of the sandbox: the other phone."""

from __future__ import annotations

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route
from amanat.messaging.sandbox import views

urlpatterns = [
    route(
        "settings/channels/<uuid:account_id>/phone/",
        views.phone,
        name="phone",
        rule=members(May.MANAGE_CATALOGUE),
        methods=("GET", "POST"),
        limits=WRITES,
    ),
]
