"""What rules led to: counted by the database, with the same statements however much there is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import tenancy
from amanat.desk.tests.factories import make_contact, make_record
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying, reporting
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.messaging.reminders.reporting import Report
from amanat.messaging.reminders.tests.factories import agreeing, make_rule

DAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
DUE = DAY + timedelta(days=7)


@pytest.fixture
def owner(db: None, shree: Workspace) -> Any:
    with tenancy.inside(shree):
        yield owner_of(shree)


def report(rule: ReminderRule, first: date = DAY, end: date = DUE) -> Report:
    return reporting.of_rules([rule.pk], workspace_id=rule.workspace_id, first=first, end=end)[rule.pk]


def worked_out(owner: Member) -> ReminderRule:
    rule = make_rule(owner.workspace)
    for name in ("Asha", "Balu", "Chitra"):
        make_record(owner, contact=agreeing(owner, name), due_on=DUE)
    make_record(owner, contact=make_contact(owner, "Deepa"), due_on=DUE)
    carrying.work_out(rule, DAY, at=MORNING)
    return rule


def test_each_is_counted_where_it_stands(owner: Member) -> None:
    rule = worked_out(owner)
    asha, balu, chitra = Dispatch.objects.of(owner.workspace_id).order_by("contact__name")
    rows = Dispatch.objects.of(owner.workspace_id)
    rows.filter(pk=asha.pk).update(state="done", delivery="read", sent_at=MORNING)
    rows.filter(pk=balu.pk).update(state="done", delivery="failed", sent_at=MORNING)
    answer = Message.objects.of(owner.workspace_id).get(pk=asha.message_id)
    Message.objects.bulk_create([Message(
        workspace_id=owner.workspace_id, thread_id=answer.thread_id, contact_id=asha.contact_id, channel="sms",
        direction="in", happened_at=MORNING + timedelta(hours=1),
    )])  # fmt: skip
    Reminder.objects.of(owner.workspace_id).filter(contact=asha.contact_id).update(confirmed_at=MORNING)
    found = report(rule)
    assert (found.total, found.ordered, found.waiting) == (4, 3, 0)
    assert (found.sent, found.delivered, found.read, found.failed) == (2, 1, 1, 1)
    assert (found.replied, found.confirmed) == (1, 1)
    assert dict(found.refused) == {"no_consent": 1}
    assert [(str(reason), count) for reason, count in found.reasons] == [("Was not asked yet", 1)]
    assert chitra.state == "todo"


def test_other_days_and_rules_are_not_counted(owner: Member) -> None:
    rule, other = worked_out(owner), make_rule(owner.workspace, on="birthday")
    assert report(rule, DAY + timedelta(days=1)).total == 0
    assert report(rule, DAY - timedelta(days=9), DAY).total == 0
    assert report(other).total == 0


@pytest.mark.slow
def test_more_reminders_cost_no_more_statements(owner: Member) -> None:
    rule = worked_out(owner)
    with CaptureQueriesContext(connection) as few:
        report(rule)
    for number in range(20):
        make_record(owner, contact=agreeing(owner, f"Person {number}"), due_on=DUE)
    carrying.work_out(rule, DAY, at=MORNING)
    with CaptureQueriesContext(connection) as many:
        assert report(rule).total == 24
    assert len(few) == len(many) == 2


def test_a_reminder_over_two_channels_counts_one_answer_and_both_channels(owner: Member) -> None:
    rule = make_rule(owner.workspace, "whatsapp", "sms")
    sunita = agreeing(owner, channels=("whatsapp", "sms"))
    make_record(owner, contact=sunita, due_on=DUE)
    carrying.work_out(rule, DAY, at=MORNING)
    Dispatch.objects.of(owner.workspace_id).update(state="done", delivery="sent", sent_at=MORNING)
    carrying.carry_on(owner.workspace_id, at=MORNING + timedelta(hours=7), today=DAY)
    text = Dispatch.objects.of(owner.workspace_id).get(channel="sms")
    Dispatch.objects.of(owner.workspace_id).filter(pk=text.pk).update(
        state="done", delivery="delivered", sent_at=MORNING + timedelta(hours=7)
    )
    Message.objects.bulk_create([Message(
        workspace_id=owner.workspace_id, thread_id=text.message.thread_id, contact_id=sunita.pk, channel="sms",
        direction="in", happened_at=MORNING + timedelta(hours=8),
    )])  # fmt: skip
    found = report(rule)
    assert (found.total, found.sent, found.delivered, found.replied) == (1, 2, 1, 1)
    over = reporting.over_channels(reporting.sent_by(rule, first=DAY, end=DUE), rule.channels)
    assert [(str(one.channel), one.sent, one.delivered, one.failed) for one in over] == [
        ("WhatsApp", 1, 0, 0),
        ("SMS", 1, 1, 0),
    ]


def test_what_a_provider_turned_away_is_said_once_with_what_to_do(owner: Member) -> None:
    rule = worked_out(owner)
    ChannelAccount.objects.of(owner.workspace_id).update(provider="msg91")
    Dispatch.objects.of(owner.workspace_id).update(state="dead", reason="provider", error_code="rejected")
    carrying.carry_on(owner.workspace_id, at=MORNING, today=DAY)
    found = report(rule)
    assert (found.failed, found.not_sent) == (3, 4)
    assert [(str(reason), count) for reason, count in found.reasons] == [("Was not asked yet", 1)]
    failed = reporting.failures(reporting.sent_by(rule, first=DAY, end=DUE))
    assert failed == [("The operator rejected the text. Compare entity id, header and template with the register.", 3)]
