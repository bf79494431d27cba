"""Routes of the desk."""

from __future__ import annotations

from datetime import timedelta

from amanat.accounts.access import WRITES, anyone, member, members
from amanat.accounts.permissions import May
from amanat.core.limits import Limit
from amanat.core.routes import route
from amanat.desk.cases.urls import case_routes
from amanat.desk.views import calendars, home, papers, receipts, record_list, records, settings, todos

FORM = ("GET", "POST")
POST = ("POST",)
READS, WRITES_SERVICES = members(May.READ_SERVICES), members(May.WRITE_SERVICES)
READS_TASKS, WRITES_TASKS = members(May.READ_TASKS), members(May.WRITE_TASKS)
OPENS, KEEPS_PAPERS = members(May.OPEN_PAPERS), members(May.WRITE_PAPERS)
MANAGES = members(May.MANAGE_CATALOGUE)
#: A calendar program asks every quarter of an hour; who guesses secrets asks more often.
FEED = (Limit(120, timedelta(hours=1), per="address"),)
LINKS = (Limit(120, timedelta(minutes=5), per="address"),)
OPENINGS = (Limit(60, timedelta(hours=1), per="member"),)
PRINTS = (Limit(120, timedelta(minutes=5), per="member"),)
UPLOADS = (Limit(60, timedelta(minutes=10), per="member"),)

app_name = "desk"
home_routes = [
    route("", home.today, name="today", rule=member),
    route(
        "setup/pack/",
        home.pack_install,
        name="pack_install",
        rule=MANAGES,
        methods=POST,
        limits=WRITES,
        records=("desk.pack.installed",),
    ),
]
record_routes = [
    route("services/", record_list.service_list, name="services", rule=READS),
    route(
        "services/states/",
        record_list.bulk_status,
        name="services_bulk",
        rule=WRITES_SERVICES,
        methods=POST,
        limits=WRITES,
        records=("desk.service_record.moved",),
    ),
    route(
        "services/new/",
        records.service_new,
        name="service_new",
        rule=WRITES_SERVICES,
        methods=FORM,
        limits=WRITES,
        records=("desk.service_record.created",),
    ),
    route("services/people/", records.people_picker, name="people_picker", rule=WRITES_SERVICES),
    route("services/<uuid:record_id>/", records.service, name="service", rule=READS),
    route(
        "services/<uuid:record_id>/edit/",
        records.service_edit,
        name="service_edit",
        rule=WRITES_SERVICES,
        methods=FORM,
        limits=WRITES,
        records=("desk.service_record.changed",),
    ),
    route(
        "services/<uuid:record_id>/status/",
        records.service_status,
        name="service_status",
        rule=WRITES_SERVICES,
        methods=POST,
        limits=WRITES,
        records=("desk.service_record.moved",),
    ),
    route(
        "services/<uuid:record_id>/checklist/",
        records.service_checklist,
        name="service_checklist",
        rule=WRITES_SERVICES,
        methods=POST,
        limits=WRITES,
    ),
    route(
        "services/<uuid:record_id>/repeat/",
        records.service_repeat,
        name="service_repeat",
        rule=WRITES_SERVICES,
        methods=POST,
        limits=WRITES,
        records=("desk.service_record.created",),
    ),
    route(
        "services/<uuid:record_id>/delete/",
        records.service_delete,
        name="service_delete",
        rule=WRITES_SERVICES,
        methods=POST,
        limits=WRITES,
        records=("desk.service_record.deleted",),
    ),
    route(
        "services/<uuid:record_id>/restore/",
        records.service_restore,
        name="service_restore",
        rule=WRITES_SERVICES,
        methods=POST,
        limits=WRITES,
        records=("desk.service_record.restored",),
    ),
    route(
        "services/<uuid:record_id>/payments/",
        records.payment_take,
        name="payment_take",
        rule=members(May.TAKE_PAYMENTS),
        methods=POST,
        limits=WRITES,
        records=("desk.payment.taken",),
    ),
    route(
        "payments/<uuid:payment_id>/cancel/",
        records.payment_cancel,
        name="payment_cancel",
        rule=members(May.CANCEL_PAYMENTS),
        methods=POST,
        limits=WRITES,
        records=("desk.payment.cancelled",),
    ),
    route("services/<uuid:record_id>/receipt/", receipts.receipt, name="receipt", rule=READS),
    route(
        "services/<uuid:record_id>/receipt.pdf",
        receipts.receipt_pdf,
        name="receipt_pdf",
        rule=READS,
        limits=PRINTS,
        limited=("GET",),
    ),
]
paper_routes = [
    route(
        "services/<uuid:record_id>/papers/",
        papers.attach_to_record,
        name="paper_attach",
        rule=KEEPS_PAPERS,
        methods=POST,
        limits=UPLOADS,
        records=("desk.paper.attached",),
    ),
    route(
        "papers/of/<uuid:contact_id>/",
        papers.papers_of_contact,
        name="papers_of_contact",
        rule=READS,
        methods=FORM,
        limits=UPLOADS,
        records=("desk.paper.attached",),
    ),
    route("papers/<uuid:paper_id>/", papers.paper, name="paper", rule=READS),
    route(
        "papers/<uuid:paper_id>/open/",
        papers.paper_open,
        name="paper_open",
        rule=OPENS,
        methods=POST,
        limits=OPENINGS,
        records=("desk.paper.opened",),
    ),
    route(
        "papers/<uuid:paper_id>/remove/",
        papers.paper_remove,
        name="paper_remove",
        rule=KEEPS_PAPERS,
        methods=POST,
        limits=WRITES,
        records=("desk.paper.deleted",),
    ),
    route(
        "papers/file/<uuid:opening_id>/<str:token>/",
        papers.paper_file,
        name="paper_file",
        rule=anyone,
        limits=LINKS,
        limited=("GET",),
    ),
]
task_routes = [
    route(
        "tasks/new/",
        todos.task_new,
        name="task_new",
        rule=WRITES_TASKS,
        methods=FORM,
        limits=WRITES,
        records=("desk.task.created",),
    ),
    route(
        "tasks/<uuid:task_id>/",
        todos.task,
        name="task",
        rule=READS_TASKS,
        methods=FORM,
        limits=WRITES,
        records=("desk.task.changed",),
    ),
    route(
        "tasks/<uuid:task_id>/done/",
        todos.task_done,
        name="task_done",
        rule=WRITES_TASKS,
        methods=POST,
        limits=WRITES,
        records=("desk.task.finished",),
    ),
    route(
        "tasks/<uuid:task_id>/reopen/",
        todos.task_reopen,
        name="task_reopen",
        rule=WRITES_TASKS,
        methods=POST,
        limits=WRITES,
        records=("desk.task.reopened",),
    ),
    route(
        "tasks/<uuid:task_id>/snooze/",
        todos.task_snooze,
        name="task_snooze",
        rule=WRITES_TASKS,
        methods=POST,
        limits=WRITES,
        records=("desk.task.snoozed",),
    ),
    route(
        "tasks/<uuid:task_id>/cancel/",
        todos.task_cancel,
        name="task_cancel",
        rule=WRITES_TASKS,
        methods=POST,
        limits=WRITES,
        records=("desk.task.cancelled",),
    ),
    route("calendar/", calendars.calendar, name="calendar", rule=READS_TASKS),
    route(
        "calendar/feed/",
        calendars.feed_settings,
        name="feed_settings",
        rule=READS_TASKS,
        methods=FORM,
        limits=WRITES,
        records=("desk.feed.made", "desk.feed.ended"),
    ),
    route(
        "feed/<uuid:workspace_id>/<uuid:member_id>/<str:secret>.ics",
        calendars.feed_file,
        name="feed",
        rule=anyone,
        limits=FEED,
        limited=("GET",),
    ),
]
catalogue_routes = [
    route("settings/services/", settings.catalogue_page, name="catalogue", rule=MANAGES),
    route(
        "settings/services/new/",
        settings.catalogue_new,
        name="catalogue_new",
        rule=MANAGES,
        methods=FORM,
        limits=WRITES,
        records=("desk.service.added",),
    ),
    route(
        "settings/services/<uuid:service_id>/",
        settings.catalogue_edit,
        name="catalogue_edit",
        rule=MANAGES,
        methods=FORM,
        limits=WRITES,
        records=("desk.service.changed",),
    ),
    route(
        "settings/services/<uuid:service_id>/move/",
        settings.catalogue_move,
        name="catalogue_move",
        rule=MANAGES,
        methods=POST,
        limits=WRITES,
        records=("desk.catalogue.ordered",),
    ),
    route(
        "settings/services/<uuid:service_id>/retire/",
        settings.catalogue_retire,
        name="catalogue_retire",
        rule=MANAGES,
        methods=POST,
        limits=WRITES,
        records=("desk.service.retired",),
    ),
]
urlpatterns = [*home_routes, *record_routes, *paper_routes, *task_routes, *case_routes, *catalogue_routes]
