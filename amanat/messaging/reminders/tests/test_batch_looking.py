"""Whom a message to many takes, whom it leaves out and why, and what it writes down: one rule each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import ids, tenancy
from amanat.core.models import LedgerEntry
from amanat.desk.tests.factories import NOW, make_contact
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import batching
from amanat.messaging.reminders.models import BatchRefusal, MessageBatch
from amanat.messaging.reminders.tests.factories import agreeing, make_account, make_template
from amanat.people.models import Contact

State = MessageBatch.State


@pytest.fixture
def owner(db: None, shree: Workspace) -> Iterator[Member]:
    with tenancy.inside(shree):
        make_account(shree, "sms")
        yield owner_of(shree)


def greeting(owner: Member, channel: str = "sms", *, variables: tuple[str, ...] = (), **said: Any) -> MessageTemplate:
    template = make_template(owner.workspace, channel)
    texts = TemplateText.objects.of(owner.workspace_id).filter(template=template)
    texts.update(body="Closed on Monday", variables=list(variables), state=said.pop("state", "approved"))
    MessageTemplate.objects.of(owner.workspace_id).filter(pk=template.pk).update(**({"title": "B"} | said))
    template.refresh_from_db()
    return template


def a_draft(owner: Member, *people: Contact) -> MessageBatch:
    return batching.begin(by=owner, at=NOW, people=[one.pk for one in people])


def now_is(batch: MessageBatch) -> MessageBatch:
    return MessageBatch.objects.of(batch.workspace_id).get(pk=batch.pk)


def test_what_may_go_to_many_stands_by_channel_and_title(owner: Member) -> None:
    last, second, first = (
        greeting(owner, title="C"), greeting(owner, variables=("first_name",)), greeting(owner, "email", title="Z"),
    )  # fmt: skip
    greeting(owner, ended_at=NOW)
    greeting(owner, state="pending")
    for name in ("date", "due_date", "no_such_word"):
        greeting(owner, variables=("first_name", name))
    assert batching.usable(owner.workspace_id) == [first, second, last]


def test_a_draft_holds_the_living_in_their_order(owner: Member) -> None:
    asha, ravi, gone, _beside = (make_contact(owner, name) for name in ("Asha", "Ravi", "Gone", "Beside"))
    Contact.objects.of(owner.workspace_id).filter(pk=gone.pk).update(deleted_at=NOW)
    Contact.objects.of(owner.workspace_id).filter(pk=asha.pk).update(notes="now the last one in the table")
    batch = a_draft(owner, gone, ravi, asha)
    assert (batch.people, batch.made_by, batch.created_at) == (sorted([asha.pk, ravi.pk]), owner, NOW)


def test_each_who_is_left_out_is_counted_and_the_first_dozen_named(owner: Member) -> None:
    silent = [make_contact(owner, f"Ravi {number}") for number in range(14)]
    asha, in_bin, nowhere = agreeing(owner, "Asha"), agreeing(owner, "Gone"), ids.new()
    Contact.objects.of(owner.workspace_id).filter(pk=in_bin.pk).update(deleted_at=NOW)
    template = greeting(owner)
    found = batching.look([*(one.pk for one in silent), asha.pk, in_bin.pk, nowhere], template, at=NOW)
    assert [(each.contact, each.text.template_id, each.values, each.address) for each in found.going] == [
        (asha, template.pk, (), asha.main_phone)
    ]
    assert found.refused == {"no_consent": 14, "in_bin": 2}
    assert (
        {reason: len(people) for reason, people in found.left_out.items()}
        == {"no_consent": batching.NAMED}
        == {"no_consent": 12}
    )
    assert found.why == {**dict.fromkeys([one.pk for one in silent], "no_consent"), in_bin.pk: "in_bin"}


def test_each_is_looked_at_once_however_many_parts_there_are(owner: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "AT_ONCE", 2)
    people = [agreeing(owner, "Asha"), *(make_contact(owner, f"Ravi {number}") for number in range(4))]
    found = batching.look([one.pk for one in people], greeting(owner), at=NOW)
    assert (len(found.going), found.refused) == (1, {"no_consent": 4})


@pytest.mark.parametrize(
    ("channel", "details", "account", "wanted"),
    [
        ("sms", {}, "own", "+919822041736"),
        ("email", {"emails": [("asha@example.in", "")]}, "own", "asha@example.in"),
        ("email", {}, "own", "no_address"),
        ("email", {"emails": [("asha@example.in", "")]}, "none", "no_account"),
    ],
)
def test_it_goes_to_the_address_of_its_channel_by_an_account_of_it(
    owner: Member, channel: str, details: dict[str, Any], account: str, wanted: str
) -> None:
    asha = agreeing(owner, "Asha", channels=("sms", "email"), phone="+919822041736", **details)
    if account == "own":
        make_account(owner.workspace, channel)
    found = batching.look([asha.pk], greeting(owner, channel), at=NOW)
    assert [*(each.address for each in found.going), *found.refused] == [wanted]


def test_a_purpose_that_no_policy_knows_reaches_nobody(owner: Member) -> None:
    found = batching.look([agreeing(owner).pk], greeting(owner, purpose="horoscopes"), at=NOW)
    assert (found.going, found.refused) == ([], {"no_purpose": 1})


def test_what_is_ordered_leaves_within_two_days_by_the_account_of_its_text(owner: Member) -> None:
    second = ChannelAccount.objects.create(
        workspace_id=owner.workspace_id, channel="sms", provider="test", name="Second", address="SECOND"
    )
    asha, ravi, template = agreeing(owner, "Asha"), make_contact(owner, "Ravi"), greeting(owner, account=second)
    batch = a_draft(owner, asha, ravi)
    assert batching.send(batch=batch, template=template, by=owner, at=NOW)
    batching.carry_out(batch.pk, workspace_id=owner.workspace_id, at=NOW)
    row = Dispatch.objects.of(owner.workspace_id).get()
    assert (row.contact_id, row.account_id, row.source_id, row.purpose) == (asha.pk, second.pk, batch.pk, "reminders")
    assert (row.due_at, row.use_by, row.urgency) == (NOW, NOW + timedelta(days=2), 9)
    refused = BatchRefusal.objects.of(owner.workspace_id).get()
    assert (refused.batch_id, refused.contact_id, refused.reason) == (batch.pk, ravi.pk, "no_consent")
    done = now_is(batch)
    assert (done.state, done.ended_at, done.place, done.ordered, done.refused) == (
        State.DONE, NOW, 2, 1, {"no_consent": 1},
    )  # fmt: skip


def test_sending_is_written_down_once(owner: Member) -> None:
    asha, template = agreeing(owner), greeting(owner)
    batch, other = a_draft(owner, asha), a_draft(owner, asha)
    assert [batching.send(batch=batch, template=template, by=owner, at=NOW) for _time in range(2)] == [True, False]
    told = LedgerEntry.objects.of(owner.workspace_id).get(event="messaging.batch.ordered")
    assert told.facts == {"people": 1, "purpose": "reminders", "channel": "sms"} and told.about == batch.pk
    assert (told.actor, told.at) == (owner.pk, NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'batch' FROM procrastinate_jobs WHERE task_name = %s", [batching.ORDER])
        assert cursor.fetchall() == [(str(batch.pk),)]
    assert (now_is(batch).template_id, now_is(batch).state) == (template.pk, State.SENDING)
    assert (now_is(other).template_id, now_is(other).state) == (None, State.DRAFT)


@pytest.mark.parametrize("state", State)
def test_only_what_is_being_sent_and_has_its_text_is_carried_out(owner: Member, state: str) -> None:
    batch, template = a_draft(owner, agreeing(owner)), None if state == State.SENDING else greeting(owner)
    MessageBatch.objects.of(owner.workspace_id).filter(pk=batch.pk).update(state=state, template=template)
    batching.carry_out(batch.pk, workspace_id=owner.workspace_id, at=NOW)
    batching.carry_out(ids.new(), workspace_id=owner.workspace_id, at=NOW)
    assert (now_is(batch).state, now_is(batch).place) == (state, 0)
    assert not Dispatch.objects.of(owner.workspace_id).exists()


@pytest.mark.parametrize("state", [State.SENDING, State.DONE])
def test_a_stop_is_written_down_with_what_it_took_back(owner: Member, state: str) -> None:
    batch, other = a_draft(owner, agreeing(owner)), a_draft(owner, agreeing(owner, "Ravi"))
    for each in (batch, other):
        batching.send(batch=each, template=greeting(owner), by=owner, at=NOW)
        batching.carry_out(each.pk, workspace_id=owner.workspace_id, at=NOW)
    MessageBatch.objects.of(owner.workspace_id).filter(pk=batch.pk).update(state=state, ended_at=None)
    assert batching.stop(batch=batch, by=owner, at=NOW) == 1
    assert (now_is(batch).state, now_is(batch).ended_at, now_is(other).state) == (State.STOPPED, NOW, State.DONE)
    rows = Dispatch.objects.of(owner.workspace_id)
    assert {row.source_id: (row.state, row.reason) for row in rows} == {
        batch.pk: ("dropped", "stopped"), other.pk: ("todo", ""),
    }  # fmt: skip
    told = LedgerEntry.objects.of(owner.workspace_id).get(event="messaging.batch.stopped")
    assert (told.facts, told.about, told.actor, told.at) == ({"taken_back": 1}, batch.pk, owner.pk, NOW)
    assert batching.stop(batch=batch, by=owner, at=NOW) == 0


def test_of_a_batch_what_waits_and_what_a_restore_held_is_its_own(owner: Member) -> None:
    people = [agreeing(owner, f"Asha {number}") for number in range(5)]
    batch, other, template = a_draft(owner, *people), a_draft(owner, people[0]), greeting(owner)
    for each in (batch, other):
        batching.send(batch=each, template=template, by=owner, at=NOW)
        batching.carry_out(each.pk, workspace_id=owner.workspace_id, at=NOW)
    rows = list(Dispatch.objects.of(owner.workspace_id).filter(source_id=batch.pk).order_by("id"))
    states = ("todo", "sending", "held", "done", "held")
    for row, state in zip(rows, states, strict=True):
        Dispatch.objects.of(owner.workspace_id).filter(pk=row.pk).update(state=state, lease_until=NOW)
    Dispatch.objects.of(owner.workspace_id).filter(pk=rows[4].pk).update(source="reply")
    Dispatch.objects.of(owner.workspace_id).filter(source_id=other.pk).update(state="held")
    assert set(batching.waiting(batch)) == set(rows[:3]) and set(batching.held(batch)) == {rows[2]}
