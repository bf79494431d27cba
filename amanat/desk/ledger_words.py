"""Sentences for the ledger entries that this package writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "desk.bin.emptied": _("Services deleted for good"),
    "desk.case.taken_up": _("Support case taken up"),
    "desk.case.changed": _("Support case changed"),
    "desk.case.noted": _("Written down in a support case"),
    "desk.case.closed": _("Support case closed"),
    "desk.case.reopened": _("Support case reopened"),
    "desk.catalogue.ordered": _("Order of the catalogue changed"),
    "desk.feed.made": _("Calendar feed made"),
    "desk.feed.ended": _("Calendar feed ended"),
    "desk.pack.installed": _("Ready pack installed"),
    "desk.paper.attached": _("Paper attached"),
    "desk.paper.opened": _("Paper opened"),
    "desk.paper.deleted": _("Paper deleted"),
    "desk.payment.taken": _("Payment taken"),
    "desk.payment.cancelled": _("Payment cancelled"),
    "desk.service.added": _("Service added to the catalogue"),
    "desk.service.changed": _("Service of the catalogue changed"),
    "desk.service.retired": _("Service of the catalogue retired"),
    "desk.service.brought_back": _("Service of the catalogue brought back"),
    "desk.service_record.created": _("Service record begun"),
    "desk.service_record.changed": _("Service record changed"),
    "desk.service_record.moved": _("Service record in a new state"),
    "desk.service_record.deleted": _("Service record moved to the bin"),
    "desk.service_record.restored": _("Service record brought back"),
    "desk.task.created": _("Task written down"),
    "desk.task.changed": _("Task changed"),
    "desk.task.finished": _("Task finished"),
    "desk.task.reopened": _("Task opened again"),
    "desk.task.snoozed": _("Task put off"),
    "desk.task.assigned": _("Task given to somebody"),
    "desk.task.cancelled": _("Task cancelled"),
}
#: One row of each table, in the words of the ledger.
TABLES = {
    "desk.Service": _("service of the catalogue"),
    "desk.ServiceRecord": _("service"),
    "desk.Payment": _("payment"),
    "desk.Counter": _("count of numbers"),
    "desk.Task": _("task"),
    "desk.SupportCase": _("support case"),
    "desk.Paper": _("paper"),
    "desk.PaperOpening": _("opening of a paper"),
}
