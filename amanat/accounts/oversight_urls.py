"""Routes of the ledger and of the jobs page."""

from __future__ import annotations

from amanat.accounts import oversight_views as views
from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route

app_name = "oversight"
urlpatterns = [
    route("settings/ledger/", views.ledger_page, name="ledger", rule=members(May.READ_LEDGER)),
    route(
        "settings/ledger/verification/",
        views.verify,
        name="verify",
        rule=members(May.READ_LEDGER),
        methods=("POST",),
        limits=WRITES,
    ),
    route("settings/jobs/", views.jobs_page, name="jobs", rule=members(May.READ_JOBS)),
    route(
        "settings/jobs/<int:number>/again/",
        views.try_again,
        name="try_again",
        rule=members(May.MANAGE_WORKSPACE),
        methods=("POST",),
        limits=WRITES,
        records=("jobs.job.retried",),
    ),
]
