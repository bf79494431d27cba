"""Routes of reminders."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import members
from amanat.accounts.pages import act, form, page
from amanat.accounts.permissions import May
from amanat.messaging.outbox import ordering
from amanat.messaging.reminders import batch_views, day_views, held_views, views

_reads, _manages = members(May.READ_TASKS), members(May.MANAGE_REMINDERS)

urlpatterns: list[URLPattern] = [
    page("reminders/", views.overview, "reminders", _reads),
    page("reminders/day/", day_views.day, "reminder_day", _reads),
    form("reminders/new/", views.rule_new, "reminder_new", _manages, "messaging.rule.made"),
    act("reminders/approve/", day_views.approve, "reminder_approve", _manages, "messaging.reminders.approved"),
    page("reminders/<uuid:rule_id>/", views.rule, "reminder_rule", _reads),
    form("reminders/<uuid:rule_id>/edit/", views.rule_edit, "reminder_edit", _manages, "messaging.rule.changed"),
    act("reminders/<uuid:rule_id>/pause/", views.rule_pause, "reminder_pause", _manages, "messaging.rule.paused"),
    act("reminders/<uuid:rule_id>/resume/", views.rule_resume, "reminder_resume", _manages, "messaging.rule.resumed"),
    act("reminders/<uuid:rule_id>/end/", views.rule_end, "reminder_end", _manages, "messaging.rule.ended"),
    page("batches/", batch_views.batches, "batches", _manages),
    act("batches/begin/", batch_views.begin, "batch_begin", _manages),
    page("batches/<uuid:batch_id>/", batch_views.batch, "batch", _manages),
    act("batches/<uuid:batch_id>/send/", batch_views.send, "batch_send", _manages, "messaging.batch.ordered"),
    act("batches/<uuid:batch_id>/held/", batch_views.let_go, "batch_held", _manages, *ordering.DECISIONS),
    page("held/", held_views.held, "held", _manages),
    form("held/decide/", held_views.decide, "held_decide", _manages, *ordering.DECISIONS),
    page(
        "batches/<uuid:batch_id>/report.csv",
        batch_views.table,
        "batch_table",
        members(May.EXPORT),
        "people.contacts.exported",
        fresh=True,
    ),
    act("batches/<uuid:batch_id>/stop/", batch_views.stop, "batch_stop", _manages, "messaging.batch.stopped"),
    act("reminders/<uuid:rule_id>/try/", views.rule_try, "reminder_try", _manages, "messaging.rule.tried"),
]
