"""Routes."""

from __future__ import annotations

from datetime import timedelta

from django.urls import URLPattern

from amanat.accounts.access import WRITES, anyone, members
from amanat.accounts.permissions import May
from amanat.core.limits import Limit
from amanat.core.routes import route
from amanat.privacy.requests import agent_views, drp_views, public_views, taking_down_views, views

_FORM, _POST = ("GET", "POST"), ("POST",)
_READS, _ANSWERS = members(May.READ_TRUST), members(May.ANSWER_REQUESTS)
_MANAGES = members(May.MANAGE_POLICY)
_DOOR = (Limit(60, timedelta(hours=1), per="address"),)
_UPLOADS = (Limit(10, timedelta(hours=1), per="address"),)
_PROGRAMS = (
    Limit(600, timedelta(hours=1), per="token", name="data rights protocol", methods=("GET", "POST", "DELETE")),
)
_RECEIVED = (
    "privacy.request.received", "privacy.request.identified", "privacy.request.confirmed", "privacy.request.fulfilled",
    "privacy.request.begun", "privacy.request.told",
)  # fmt: skip
_HERE = "requests/<uuid:request_id>/"
_PUBLIC = "w/<uuid:workspace_id>/privacy/requests/"
_DRP = "w/<uuid:workspace_id>/drp/"

urlpatterns: list[URLPattern] = [
    route("requests/", views.requests_list, name="requests", rule=_READS),
    route("requests/new/", taking_down_views.new, name="request_new", rule=_ANSWERS, methods=_FORM, limits=WRITES, records=_RECEIVED),
    route(
        "requests/agents/", agent_views.agents_page, name="request_agents", rule=_MANAGES, methods=_FORM, limits=WRITES,
        records=("privacy.agent.registered",),
    ),
    route(
        "requests/agents/<uuid:agent_id>/end/", agent_views.agent_end, name="request_agent_end", rule=_MANAGES, methods=_POST,
        limits=WRITES, records=("privacy.agent.ended",),
    ),
    route(_HERE, views.request_page, name="request", rule=_READS),
    route(
        f"{_HERE}identify/", views.identify, name="request_identify", rule=_ANSWERS, methods=_POST, limits=WRITES,
        records=("privacy.request.identified",),
    ),
    route(
        f"{_HERE}fulfil/", views.fulfil, name="request_fulfil", rule=_ANSWERS, methods=_POST, limits=WRITES,
        records=("privacy.request.fulfilled", "privacy.request.begun", "privacy.request.told"),
    ),
    route(
        f"{_HERE}refuse/", views.refuse, name="request_refuse", rule=_ANSWERS, methods=_POST, limits=WRITES,
        records=("privacy.request.refused", "privacy.request.told"),
    ),
    route(
        f"{_HERE}extend/", views.extend, name="request_extend", rule=_ANSWERS, methods=_POST, limits=WRITES,
        records=("privacy.request.extended",),
    ),
    route(
        f"{_HERE}lift/", views.lift, name="request_lift", rule=_MANAGES, methods=_POST, limits=WRITES,
        records=("privacy.request.lift_told", "privacy.request.lifted", "basis.restriction.lifted"),
    ),
    route(
        f"{_HERE}objection-back/", views.objection_back, name="request_objection_back", rule=_ANSWERS, methods=_POST,
        limits=WRITES, records=("privacy.request.back_asked", "privacy.request.back", "basis.objection.withdrawn"),
    ),
    route(f"{_HERE}proof/", views.proof, name="request_proof", rule=_ANSWERS, records=("privacy.request.proof_opened",)),
    # --- for the person ---
    route(_PUBLIC, public_views.start, name="public_request", rule=anyone, methods=_FORM, limits=_DOOR),
    route(
        f"{_PUBLIC}<slug:kind>/code/<uuid:passcode_id>/", public_views.code, name="public_request_code", rule=anyone,
        methods=_FORM, limits=_DOOR,
    ),
    route(
        f"{_PUBLIC}<slug:kind>/ask/", public_views.ask, name="public_request_ask", rule=anyone, methods=_FORM, limits=_DOOR,
        records=_RECEIVED,
    ),
    route(
        f"{_PUBLIC}<slug:kind>/by-hand/", public_views.unproved, name="public_request_unproved", rule=anyone, methods=_FORM,
        limits=_UPLOADS, records=("privacy.request.received",),
    ),
    route(
        f"{_PUBLIC}<uuid:request_id>/", public_views.status, name="public_request_status", rule=anyone, methods=_FORM,
        limits=_DOOR, records=("privacy.request.fulfilled",),
    ),
    route(
        f"{_PUBLIC}<uuid:request_id>/back/", public_views.take_back, name="public_request_back", rule=anyone, methods=_POST,
        limits=_DOOR, records=("privacy.request.revoked",),
    ),
    route(
        f"{_PUBLIC}<uuid:request_id>/copy/", public_views.take_copy, name="public_request_copy", rule=anyone, methods=_POST,
        limits=_DOOR, records=("privacy.copy.taken",),
    ),
    # --- for agents' programs ---
    route(f"{_DRP}business.json", drp_views.business, name="drp_business", rule=anyone),
    route(
        f"{_DRP}v1/data-rights-request", drp_views.exercise, name="drp_exercise", rule=anyone, methods=_POST,
        limits=_PROGRAMS, records=("privacy.request.received",),
    ),
    route(
        f"{_DRP}v1/data-rights-request/<uuid:request_id>", drp_views.one, name="drp_request", rule=anyone,
        methods=("GET", "DELETE"), limits=_PROGRAMS, records=("privacy.request.revoked",),
    ),
    route(
        f"{_DRP}v1/agent/<slug:agent_id>", drp_views.agent, name="drp_agent", rule=anyone, methods=_FORM, limits=_PROGRAMS,
        records=("privacy.agent.paired",),
    ),
]  # fmt: skip
