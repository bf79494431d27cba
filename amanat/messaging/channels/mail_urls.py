"""Routes for people who want no more messages."""

from __future__ import annotations

from datetime import timedelta

from amanat.accounts.access import anyone
from amanat.core.limits import Limit
from amanat.core.routes import route
from amanat.messaging.channels import unsubscribe_views

#: Large mail providers call from few addresses for many of their people; the links themselves cannot be guessed.
_DOOR = (Limit(1_200, timedelta(minutes=1), per="address"),)
_RECORDS = ("messaging.unsubscribed", "basis.consent.withdrawn", "basis.suppression.added")

urlpatterns = [
    route(
        "w/<uuid:workspace_id>/stop/<str:token>/", unsubscribe_views.unsubscribe, name="unsubscribe", rule=anyone,
        methods=("GET", "POST"), limits=_DOOR, records=_RECORDS,
    ),
    route(
        "s/<str:token>", unsubscribe_views.unsubscribe_short, name="unsubscribe_short", rule=anyone,
        methods=("GET", "POST"), limits=_DOOR, records=_RECORDS,
    ),
]  # fmt: skip
