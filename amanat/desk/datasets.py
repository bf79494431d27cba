"""The desk's tables in the export of the whole workspace.

Everything is in them, also records in the bin (their column says since when) and payments that were cancelled, so that the sums of
the files are those of the books. Of papers only what they are: neither the file nor the number leaves, its last characters do.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from amanat.desk import fields
from amanat.desk.cases.models import SupportCase
from amanat.desk.models import Paper, PaperOpening, Payment, Service, ServiceRecord, Task
from amanat.people import export_tables
from amanat.people.datasets import Fact, dataset, email_of, fact, money, name_of
from amanat.people.export_tables import Dataset
from amanat.people.models import CustomField

RECORD = "Amanat service id"


def _catalogue() -> Dataset:
    facts = [
        fact("Amanat catalogue id", "id"), fact("Key", "key"), fact("Name", "name"), fact("Names in other languages", "names"),
        fact("Category", "category"), money("Fee", "fee"), fact("Documents", "documents"), fact("Steps", "steps"),
        fact("Usual days", "usual_days"), fact("Valid for months", "validity_months"),
        fact("Remind days before", "remind_days_before"), fact("Papers vanish", "papers_vanish"),
        fact("Active", "is_active"), fact("Position", "position"), fact("Added at", "created_at"),
    ]  # fmt: skip
    return dataset("catalogue", _("Catalogue"), facts, Service.objects.of)


def _records() -> Dataset:
    facts = [
        fact(RECORD, "id"), fact("Number", "number"), fact("Amanat id", "contact_id"), name_of("Contact", "contact"),
        fact("Amanat company id", "company_id"), name_of("Company", "company"), fact("Amanat catalogue id", "service_id"),
        fact("Service", "title"), fact("Status", "status"), fact("Acknowledgement", "acknowledgement"),
        money("Fee", "fee"), money("Paid", "paid"), money("Still to pay", "balance"), fact("Quantity", "quantity"),
        fact("Due", "due_on"), fact("Expires", "expires_on"), fact("Next follow-up", "follow_up_on"),
        fact("Steps", "steps"), fact("Steps done", "steps_done"), fact("Documents", "documents"),
        fact("Documents seen", "documents_seen"), fact("Notes", "notes"), name_of("Who does it", "owner"),
        email_of("Who does it (e-mail)", "owner"),
        fact("Papers vanish", "papers_vanish"), fact("Repeats", "repeats_id"), fact("Added at", "created_at"),
        name_of("Added by", "created_by"), email_of("Added by (e-mail)", "created_by"), fact("Delivered at", "delivered_at"), fact("In the bin since", "deleted_at"),
        fact("Person erased at", "erased_at"),
    ]  # fmt: skip
    rows = ServiceRecord.objects.of
    names = ("contact", "company", "owner__user", "created_by__user")
    return dataset("services", _("Services"), facts, lambda here: rows(here).select_related(*names), fields=_fields)


def _fields(workspace: UUID) -> Sequence[CustomField]:
    return fields.of(workspace)


def _payments() -> Dataset:
    facts = [
        fact("Amanat payment id", "id"), fact(RECORD, "record_id"),
        Fact("Service number", "record_number", lambda row: row.record.number),
        money("Amount", "amount"), fact("Method", "method"), fact("Reference", "reference"), fact("Day", "paid_on"),
        name_of("Taken by", "taken_by"), email_of("Taken by (e-mail)", "taken_by"), fact("Written at", "created_at"), fact("Cancelled at", "cancelled_at"),
        name_of("Cancelled by", "cancelled_by"), email_of("Cancelled by (e-mail)", "cancelled_by"), fact("Why cancelled", "cancel_reason"),
    ]  # fmt: skip
    names = ("record", "taken_by__user", "cancelled_by__user")
    return dataset("payments", _("Payments"), facts, lambda here: Payment.objects.of(here).select_related(*names))


def _tasks() -> Dataset:
    facts = [
        fact("Amanat task id", "id"), fact("What", "title"), fact("Kind", "kind"), fact("Notes", "notes"),
        fact("Amanat id", "contact_id"), fact("Amanat company id", "company_id"), fact(RECORD, "record_id"),
        name_of("For", "assignee"), email_of("For (e-mail)", "assignee"), fact("Day", "due_on"), fact("Time", "due_time"), fact("First day", "first_due_on"),
        fact("Repeats", "repeat"), fact("Series", "series_id"), fact("Series began", "series_start_on"),
        fact("Occurrence", "occurrence"), name_of("Added by", "created_by"),
        email_of("Added by (e-mail)", "created_by"), fact("Added at", "created_at"), fact("Done at", "done_at"),
        name_of("Done by", "done_by"), email_of("Done by (e-mail)", "done_by"), fact("Cancelled at", "cancelled_at"),
    ]  # fmt: skip
    names = ("assignee__user", "created_by__user", "done_by__user")
    return dataset("tasks", _("Tasks"), facts, lambda here: Task.objects.of(here).select_related(*names))


def _cases() -> Dataset:
    facts = [
        fact("Amanat case id", "id"), fact("Number", "number"), fact("Amanat id", "contact_id"), name_of("Contact", "contact"),
        fact("Subject", "subject"), fact("What happened", "what"), fact("State", "state"), name_of("Who has it", "owner"),
        email_of("Who has it (e-mail)", "owner"), fact("Answer by", "due_on"), fact("Taken up at", "created_at"),
        name_of("Taken up by", "created_by"), email_of("Taken up by (e-mail)", "created_by"), fact("Closed at", "closed_at"),
        name_of("Closed by", "closed_by"), email_of("Closed by (e-mail)", "closed_by"), fact("How it ended", "outcome"),
        fact("How happy, 1 to 5", "satisfaction"),
    ]  # fmt: skip
    names = ("contact", "owner__user", "created_by__user", "closed_by__user")
    return dataset("cases", _("Support cases"), facts, lambda here: SupportCase.objects.of(here).select_related(*names))


def _papers() -> Dataset:
    facts = [
        fact("Amanat paper id", "id"), fact("Kind", "kind"), fact("Amanat id", "contact_id"), fact(RECORD, "record_id"),
        fact("Number ends in", "masked_number"), fact("Note", "note"), fact("Vanishes on delivery", "vanishes_on_delivery"),
        name_of("Added by", "added_by"), fact("Added at", "added_at"), fact("Deleted at", "gone_at"),
        fact("Why deleted", "gone_because"),
    ]  # fmt: skip
    rows = Paper.objects.of
    return dataset(
        "papers", _("Papers (no files, no numbers)"), facts,
        lambda here: rows(here).defer("number_sealed").select_related("added_by"),
    )  # fmt: skip


def _openings() -> Dataset:
    facts = [
        fact("At", "at"), name_of("Member", "member"), fact("Amanat paper id", "paper_id"), fact("What", "what"),
        fact("What for", "reason"),
    ]  # fmt: skip
    rows = PaperOpening.objects.of
    return dataset("paper-openings", _("Openings of papers"), facts, lambda here: rows(here).select_related("member"))


def register() -> None:
    for one in (_catalogue(), _records(), _payments(), _tasks(), _cases(), _papers(), _openings()):
        export_tables.register(one)
