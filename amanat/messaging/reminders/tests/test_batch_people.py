"""Who is behind each number of the report of a message to many, and the report as a file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.desk.tests.factories import NOW, make_contact
from amanat.messaging.channels.models import ChannelAccount, TemplateText
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import batch_people, batching
from amanat.messaging.reminders.models import BatchRefusal, MessageBatch
from amanat.messaging.reminders.tests.factories import agreeing, make_account, make_template
from amanat.people.models import Contact


@pytest.fixture
def owner(db: None, shree: Workspace) -> Any:
    with tenancy.inside(shree):
        make_account(shree, "sms")
        yield owner_of(shree)


def sent_to(owner: Member, *people: Contact) -> MessageBatch:
    """A batch that is handed over as far as it may be."""
    template = make_template(owner.workspace, "sms")
    TemplateText.objects.of(owner.workspace_id).filter(template=template).update(
        body="Namaste {{1}}, we are closed on Monday.", variables=["first_name"]
    )
    batch = batching.begin(by=owner, at=NOW, people=[one.pk for one in people])
    batching.send(batch=batch, template=template, by=owner, at=NOW)
    batching.carry_out(batch.pk, workspace_id=owner.workspace_id, at=NOW)
    batch.refresh_from_db()
    return batch


def became(owner: Member, contact: Contact, **values: Any) -> None:
    Dispatch.objects.of(owner.workspace_id).filter(contact=contact).update(**({"sent_at": NOW} | values))


def named(batch: MessageBatch, owner: Member, kind: str, **how: Any) -> list[str]:
    return [line.contact.name for line in batch_people.shown(batch, kind, by=owner, **how).lines]


def test_everybody_stands_behind_the_numbers_she_is_counted_in(owner: Member) -> None:
    asha, balu, chitra, deepa = (agreeing(owner, name) for name in ("Asha", "Balu", "Chitra", "Deepa"))
    esha, gone = make_contact(owner, "Esha"), make_contact(owner, "Gone")
    Contact.objects.of(owner.workspace_id).filter(pk=gone.pk).update(deleted_at=None)
    batch = sent_to(owner, asha, balu, chitra, deepa, esha, gone)
    became(owner, asha, state="done", delivery="read", reason="consent")
    became(owner, balu, state="done", delivery="failed", error_code="blocked")
    became(owner, chitra, state="refused", reason="suppressed")
    thread = Message.objects.of(owner.workspace_id).filter(contact=asha).values_list("thread", flat=True).get()
    Message.objects.create(
        workspace_id=owner.workspace_id, thread_id=thread, contact=asha, channel="sms", direction="in",
        happened_at=NOW + timedelta(hours=1),
    )  # fmt: skip
    found = {kind: named(batch, owner, kind) for kind in batch_people.KINDS}
    assert found == {
        "waiting": ["Deepa"], "sent": ["Asha", "Balu"], "delivered": ["Asha"], "read": ["Asha"], "answered": ["Asha"],
        "failed": ["Balu"], "unknown": [], "left_out": ["Chitra", "Esha", "Gone"],
    }  # fmt: skip
    assert named(batch, owner, "left_out", reason="no_consent") == ["Esha", "Gone"]
    (line,) = batch_people.shown(batch, "read", by=owner).lines
    assert (line.why, line.is_answered) == ("", True)  # on what ground she was written to is no reason against it


def test_who_was_left_out_is_written_once_with_the_reason(owner: Member) -> None:
    esha, in_bin = make_contact(owner, "Esha"), agreeing(owner, "Bina")
    template = make_template(owner.workspace, "sms")
    batch = batching.begin(by=owner, at=NOW, people=[esha.pk, in_bin.pk])
    Contact.objects.of(owner.workspace_id).filter(pk=in_bin.pk).update(deleted_at=NOW)
    TemplateText.objects.of(owner.workspace_id).update(body="Namaste {{1}}.", variables=["first_name"])
    batching.send(batch=batch, template=template, by=owner, at=NOW)
    for _again in range(2):
        batching.carry_out(batch.pk, workspace_id=owner.workspace_id, at=NOW)
    found = BatchRefusal.objects.of(owner.workspace_id).order_by("reason").values_list("contact__name", "reason")
    assert list(found) == [("Bina", "in_bin"), ("Esha", "no_consent")]


def test_pages_of_fifty_with_the_same_statements(owner: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_people, "PAGE", 2)
    batch = sent_to(owner, *(agreeing(owner, f"Asha {number}") for number in range(5)))
    assert [named(batch, owner, "waiting", page=page) for page in (1, 3, 9)] == [
        ["Asha 0", "Asha 1"],
        ["Asha 4"],
        ["Asha 4"],
    ]
    counts = []
    for page in (1, 3):
        with CaptureQueriesContext(connection) as asked:
            batch_people.shown(batch, "waiting", by=owner, page=page)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_file_holds_each_person_with_what_became_of_it_and_why(owner: Member) -> None:
    asha, balu = (agreeing(owner, name, phone="+919822041736") for name in ("Asha", "=Balu"))
    batch = sent_to(owner, asha, balu, make_contact(owner, "Esha"))
    became(owner, asha, state="done", delivery="delivered")
    account = ChannelAccount.objects.of(owner.workspace_id).get()
    ChannelAccount.objects.of(owner.workspace_id).filter(pk=account.pk).update(provider="msg91")
    became(owner, balu, state="dead", reason="provider", error_code="rejected", sent_at=None, ended_at=NOW)
    answer = signed_in(owner).get(f"/batches/{batch.pk}/report.csv")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]
    assert [(row[0], row[1][-11:], row[2], row[5]) for row in rows[1:]] == [
        ("Asha", "98220 41736", "Delivered", ""),
        (
            "'=Balu",
            "98220 41736",
            "Could not be sent",
            "The operator rejected the text. Compare entity id, header and template with the register.",
        ),
        ("Esha", "", "Not sent", "Was not asked yet"),
    ]
    entry = LedgerEntry.objects.of(owner.workspace_id).get(event="people.contacts.exported")
    assert entry.facts["count"] == 3


def test_who_may_not_export_gets_no_file(owner: Member) -> None:
    batch = sent_to(owner, agreeing(owner, "Asha"))
    agent = make_member(owner.workspace, role=Role.AGENT)
    assert signed_in(agent).get(f"/batches/{batch.pk}/report.csv").status_code == 403


def test_a_chosen_number_opens_its_people_on_the_page(owner: Member) -> None:
    batch = sent_to(owner, agreeing(owner, "Asha"), make_contact(owner, "Esha"))
    client = signed_in(owner)
    assert (
        client.get(f"/batches/{batch.pk}/?show=left_out&why=no_consent").context["people"].lines[0].contact.name
        == "Esha"
    )
    for query in ("", "?show=nothing", "?show=waiting&page=x"):
        assert client.get(f"/batches/{batch.pk}/{query}").status_code == 200
