"""Routes."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route
from amanat.privacy.incidents import views

_reads, _answers = members(May.READ_TRUST), members(May.ANSWER_REQUESTS)
_POST = ("POST",)
_ONE = "incidents/<uuid:incident_id>/"

urlpatterns: list[URLPattern] = [
    route("incidents/", views.register, name="incidents", rule=_reads),
    route(
        "incidents/new/", views.new, name="incident_new", rule=_answers, methods=("GET", "POST"), limits=WRITES,
        records=("privacy.incident.reported",),
    ),
    route(_ONE, views.incident, name="incident", rule=_reads),
    route(
        f"{_ONE}words/", views.words, name="incident_words", rule=_answers, methods=_POST, limits=WRITES,
        records=("privacy.incident.described",),
    ),
    route(
        f"{_ONE}search/", views.search, name="incident_search", rule=_answers, methods=_POST, limits=WRITES,
        records=("privacy.incident.people_found",),
    ),
    route(
        f"{_ONE}everyone/", views.everyone, name="incident_everyone", rule=_answers, methods=_POST, limits=WRITES,
        records=("privacy.incident.people_found",),
    ),
    route(
        f"{_ONE}tell/", views.tell, name="incident_tell", rule=_answers, methods=_POST, limits=WRITES, fresh=True,
        records=("privacy.incident.telling",),
    ),
    route(
        f"{_ONE}told/", views.told, name="incident_told", rule=_answers, methods=_POST, limits=WRITES, records=("privacy.incident.told",)
    ),
    route(
        f"{_ONE}close/", views.close, name="incident_close", rule=_answers, methods=_POST, limits=WRITES,
        records=("privacy.incident.closed",),
    ),
]  # fmt: skip
