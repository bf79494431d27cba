"""Routes."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route
from amanat.privacy.erasure import views

_reads, _answers = members(May.READ_TRUST), members(May.ANSWER_REQUESTS)

urlpatterns: list[URLPattern] = [
    route(
        "contacts/<uuid:contact_id>/erase/", views.erase, name="erase", rule=_answers, methods=("GET", "POST"), limits=WRITES,
        fresh=True, records=("privacy.erasure.ordered",),
    ),
    route(
        "contacts/<uuid:contact_id>/child/", views.child, name="child", rule=_answers, methods=("POST",), limits=WRITES,
        records=("privacy.child.frozen",),
    ),
    route(
        "children/<uuid:found_id>/clear/", views.child_clear, name="child_clear", rule=_answers, methods=("POST",), limits=WRITES,
        records=("privacy.child.cleared",),
    ),
    route("erasures/", views.erasures, name="erasures", rule=_reads),
    route("erasures/<uuid:erasure_id>/", views.erasure, name="erasure", rule=_reads),
    route("erasures/<uuid:erasure_id>/certificate/", views.certificate, name="erasure_certificate", rule=_reads),
    route(
        "erasures/<uuid:erasure_id>/search/", views.search, name="erasure_search", rule=_answers, methods=("POST",), limits=WRITES,
        records=("privacy.erasure.search_asked",),
    ),
    route(
        "erasures/<uuid:erasure_id>/items/<uuid:item_id>/close/", views.close, name="erasure_item_close", rule=_answers,
        methods=("POST",), limits=WRITES, records=("privacy.erasure.item_closed",),
    ),
]  # fmt: skip
