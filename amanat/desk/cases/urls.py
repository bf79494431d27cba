"""Routes of support cases."""

from __future__ import annotations

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route
from amanat.desk.cases import views
from amanat.desk.cases.veil import PURPOSE

FORM = ("GET", "POST")
POST = ("POST",)
READS, WRITES_CASES = members(May.READ_CASES), members(May.WRITE_CASES)

case_routes = [
    route("cases/", views.case_list, name="cases", rule=READS, purpose=PURPOSE),
    route(
        "cases/new/",
        views.case_new,
        name="case_new",
        rule=WRITES_CASES,
        purpose=PURPOSE,
        methods=FORM,
        limits=WRITES,
        records=("desk.case.taken_up",),
    ),
    route("cases/<uuid:case_id>/", views.case, name="case", rule=READS, purpose=PURPOSE),
    route(
        "cases/<uuid:case_id>/edit/",
        views.case_edit,
        name="case_edit",
        rule=WRITES_CASES,
        purpose=PURPOSE,
        methods=FORM,
        limits=WRITES,
        records=("desk.case.changed",),
    ),
    route(
        "cases/<uuid:case_id>/notes/",
        views.case_note,
        name="case_note",
        rule=WRITES_CASES,
        purpose=PURPOSE,
        methods=POST,
        limits=WRITES,
        records=("desk.case.noted",),
    ),
    route(
        "cases/<uuid:case_id>/closing/",
        views.case_close,
        name="case_close",
        rule=WRITES_CASES,
        purpose=PURPOSE,
        methods=POST,
        limits=WRITES,
        records=("desk.case.closed",),
    ),
    route(
        "cases/<uuid:case_id>/reopening/",
        views.case_reopen,
        name="case_reopen",
        rule=WRITES_CASES,
        purpose=PURPOSE,
        methods=POST,
        limits=WRITES,
        records=("desk.case.reopened",),
    ),
]
