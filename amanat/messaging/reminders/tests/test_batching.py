"""Messages to many: only who may be written to, each once wherever it was interrupted, stopped at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk.tests.factories import NOW, make_contact
from amanat.messaging.channels.models import MessageTemplate, TemplateText
from amanat.messaging.inbox import listing
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import batch_views, batching
from amanat.messaging.reminders.models import MessageBatch
from amanat.messaging.reminders.tests.factories import agreeing, make_account, make_template
from amanat.people.tests.factories import narrow_member


@pytest.fixture
def owner(db: None, shree: Workspace) -> Member:
    with tenancy.inside(shree):
        make_account(shree, "sms")
        return owner_of(shree)


@pytest.fixture
def here(owner: Member) -> Any:
    with tenancy.inside(owner.workspace_id):
        yield owner.workspace


def greeting(workspace: Workspace) -> MessageTemplate:
    """A text for anybody."""
    template = make_template(workspace, "sms")
    TemplateText.objects.of(workspace).filter(template=template).update(
        body="Namaste {{1}}, we are closed on Monday.", variables=["first_name"]
    )
    return template


def a_batch(owner: Member, agreed: int = 2, silent: int = 1) -> MessageBatch:
    people = [agreeing(owner, f"Asha {number}") for number in range(agreed)]
    people += [make_contact(owner, f"Ravi {number}") for number in range(silent)]
    return batching.begin(by=owner, at=NOW, people=[person.pk for person in people])


def sent(owner: Member) -> int:
    return Dispatch.objects.of(owner.workspace_id).filter(source="batch").count()


def test_it_is_looked_at_before_anything_leaves(owner: Member, here: Workspace) -> None:
    batch = a_batch(owner)
    looked = batching.look(batch.people, greeting(here), at=NOW)
    assert len(looked.going) == 2 and looked.refused == {"no_consent": 1}
    assert sent(owner) == 0


def test_who_came_of_age_today_where_the_shop_is_is_no_child_for_it(owner: Member, here: Workspace) -> None:
    """At three in the morning in India it is still yesterday in Greenwich."""
    early = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
    grown, child = (agreeing(owner, f"Asha {day}", birthday=date(2008, 11, day)) for day in (22, 23))
    looked = batching.look([grown.pk, child.pk], greeting(here), at=early)
    assert [each.contact for each in looked.going] == [grown]
    assert sum(looked.refused.values()) == 1


def test_it_is_ordered_once_for_each_who_agreed(owner: Member, here: Workspace) -> None:
    batch, template = a_batch(owner), greeting(here)
    for _again in range(2):
        batching.send(batch=batch, template=template, by=owner, at=NOW)
        batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    batch.refresh_from_db()
    assert (batch.state, batch.ordered, batch.place, batch.refused) == ("done", 2, 3, {"no_consent": 1})
    assert sent(owner) == 2
    assert {row.urgency for row in Dispatch.objects.of(here).filter(source="batch")} == {batching.BULK}


def test_interrupted_it_goes_on_where_it_stopped(
    owner: Member, here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "AT_ONCE", 2)
    batch, template = a_batch(owner, agreed=5, silent=0), greeting(here)
    batching.send(batch=batch, template=template, by=owner, at=NOW)
    whole, calls = batching.look, []

    def fails_at_the_second_part(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the worker is gone")
        return whole(*arguments, **more)

    monkeypatch.setattr(batching, "look", fails_at_the_second_part)
    with pytest.raises(RuntimeError):
        batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    batch.refresh_from_db()
    assert batch.place == 2 and sent(owner) == 2
    batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    assert sent(owner) == 5
    assert len(set(Dispatch.objects.of(here).values_list("contact_id", flat=True))) == 5


def test_stopped_nothing_more_leaves(owner: Member, here: Workspace) -> None:
    batch, template = a_batch(owner), greeting(here)
    batching.send(batch=batch, template=template, by=owner, at=NOW)
    batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    assert batching.stop(batch=batch, by=owner, at=NOW) == 2
    assert {row.state for row in Dispatch.objects.of(here).filter(source="batch")} == {"dropped"}


def test_while_messages_wait_the_page_lets_one_stop_though_all_is_ordered(owner: Member, here: Workspace) -> None:
    batch, template = a_batch(owner), greeting(here)
    batching.send(batch=batch, template=template, by=owner, at=NOW)
    batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    batch.refresh_from_db()
    assert batch.state == "done"
    client = signed_in(owner)
    page = client.get(f"/batches/{batch.pk}/").content.decode()
    assert f"/batches/{batch.pk}/stop/" in page and "Being sent" in page
    assert "Being sent" in client.get("/batches/").content.decode()
    client.post(f"/batches/{batch.pk}/stop/")
    with tenancy.inside(here):
        assert {row.state for row in Dispatch.objects.of(here).filter(source="batch")} == {"dropped"}
    page = client.get(f"/batches/{batch.pk}/").content.decode()
    assert "Stopped" in page and "/stop/" not in page


def test_a_draft_is_not_stopped(owner: Member, here: Workspace) -> None:
    batch = a_batch(owner)
    assert batching.stop(batch=batch, by=owner, at=NOW) == 0
    batch.refresh_from_db()
    assert batch.state == "draft"


def test_the_report_counts_who_answered_within_a_week(owner: Member, here: Workspace) -> None:
    batch, template = a_batch(owner), greeting(here)
    batching.send(batch=batch, template=template, by=owner, at=NOW)
    batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    rows = list(Dispatch.objects.of(here).filter(source="batch").order_by("id"))
    Dispatch.objects.of(here).filter(source="batch").update(state="done", sent_at=NOW)
    for row, after in zip(rows, (timedelta(hours=1), timedelta(days=8)), strict=True):
        Message.objects.create(
            workspace_id=here.pk, thread_id=row.message.thread_id, contact_id=row.contact_id, channel="sms",
            direction="in", happened_at=NOW + after,
        )  # fmt: skip
    page = signed_in(owner).get(f"/batches/{batch.pk}/").content.decode()
    assert '<a class="link" href="?show=answered#people">1</a>' in page


def test_words_of_a_service_are_not_for_many(owner: Member, here: Workspace) -> None:
    make_template(here, "sms")
    template = greeting(here)
    assert [each.pk for each in batching.usable(here.pk)] == [template.pk]


def test_only_people_one_may_see_are_taken(owner: Member, here: Workspace) -> None:
    asha = agreeing(owner, "Asha")
    agent = narrow_member(here)
    assert batching.begin(by=agent, at=NOW, people=[asha.pk]).people == []


@pytest.mark.slow
def test_from_the_list_to_the_report(owner: Member) -> None:
    client = signed_in(owner)
    with tenancy.inside(owner.workspace_id):
        asha, ravi = agreeing(owner, "Asha Kale"), make_contact(owner, "Ravi Patil")
        template = greeting(owner.workspace)
    assert "batches/begin" in client.get("/contacts/").content.decode()
    draft = client.post("/batches/begin/", {"ids": [str(asha.pk), str(ravi.pk)]})["Location"]
    page = client.get(draft, {"template": str(template.pk)}).content.decode()
    assert "Namaste Asha, we are closed on Monday." in page
    assert "Ravi Patil" in page.partition("Was not asked yet")[2]
    assert client.post(f"{draft}send/", {"template": str(template.pk)}).status_code == 303
    with tenancy.inside(owner.workspace_id):
        batch = MessageBatch.objects.of(owner.workspace_id).get()
        batching.carry_out(batch.pk, workspace_id=owner.workspace_id, at=NOW)
    assert "Report" in client.get(draft).content.decode()
    assert "we are closed" not in client.get("/batches/").content.decode()


def test_a_message_to_many_fills_nobodys_inbox(owner: Member, here: Workspace) -> None:
    batch = a_batch(owner)
    batching.send(batch=batch, template=greeting(here), by=owner, at=NOW)
    batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    assert [thread.closed_at is None for thread in Thread.objects.of(here)] == [False, False]
    assert listing.counts(member=owner, at=NOW)["unassigned"] == 0


def test_what_has_all_left_is_not_called_stopped(owner: Member, here: Workspace) -> None:
    batch = a_batch(owner)
    batching.send(batch=batch, template=greeting(here), by=owner, at=NOW)
    batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    Dispatch.objects.of(here).filter(source="batch").update(state="done", sent_at=NOW)
    page = signed_in(owner).post(f"/batches/{batch.pk}/stop/", follow=True).content.decode()
    assert "all had left" in page and MessageBatch.objects.of(here).get().state == "done"


def test_an_open_report_looks_again_by_itself_until_nothing_waits(owner: Member, here: Workspace) -> None:
    batch = a_batch(owner)
    batching.send(batch=batch, template=greeting(here), by=owner, at=NOW)
    batching.carry_out(batch.pk, workspace_id=here.pk, at=NOW)
    client, page = signed_in(owner), f"/batches/{batch.pk}/"
    asks = f'hx-get="{page}?part=1"'
    assert asks in client.get(page).content.decode()
    part = client.get(f"{page}?part=1", headers={"HX-Request": "true"})
    assert asks in part.content.decode() and "HX-Refresh" not in part.headers and b"<html" not in part.content
    Dispatch.objects.of(here).filter(source="batch").update(state="done", sent_at=NOW)
    part = client.get(f"{page}?part=1", headers={"HX-Request": "true"})
    assert part.headers["HX-Refresh"] == "true" and asks not in part.content.decode()
    assert asks not in client.get(page).content.decode()


def test_what_does_not_fit_on_the_page_is_said_and_sending_and_reasons_come_first(
    owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_views, "SHOWN", 1)
    with tenancy.inside(owner.workspace_id):
        people = [
            agreeing(owner, "Asha Kale").pk,
            agreeing(owner, "Balu More").pk,
            make_contact(owner, "Ravi Patil").pk,
        ]
        template = greeting(owner.workspace)
        batch = batching.begin(by=owner, at=NOW, people=people)
    page = signed_in(owner).get(f"/batches/{batch.pk}/", {"template": str(template.pk)}).content.decode()
    assert page.count("we are closed on Monday") == 1 and "There are more; the first are shown" in page
    assert page.index("/send/") < page.index("Was not asked yet") < page.index("we are closed on Monday")


def test_who_sends_it_second_is_told_that_nothing_went_twice(owner: Member) -> None:
    client = signed_in(owner)
    with tenancy.inside(owner.workspace_id):
        batch = batching.begin(by=owner, at=NOW, people=[agreeing(owner, "Asha Kale").pk])
        first, second = (str(greeting(owner.workspace).pk) for _number in range(2))
    said = [
        client.post(f"/batches/{batch.pk}/send/", {"template": chosen}, follow=True).content.decode()
        for chosen in (first, second)
    ]
    assert "On its way" in said[0] and "Somebody sent it before you" in said[1] and "On its way" not in said[1]
    with tenancy.inside(owner.workspace_id):
        assert str(MessageBatch.objects.of(owner.workspace_id).get().template_id) == first


@pytest.mark.parametrize(("was_sent", "state"), [("yes", "dropped"), ("no", "todo")])
def test_what_a_restore_held_back_is_shown_and_decided(owner: Member, was_sent: str, state: str) -> None:
    client = signed_in(owner)
    with tenancy.inside(owner.workspace_id):
        batch = batching.begin(by=owner, at=NOW, people=[agreeing(owner, "Asha Kale").pk])
        batching.send(batch=batch, template=greeting(owner.workspace), by=owner, at=NOW)
        batching.carry_out(batch.pk, workspace_id=owner.workspace_id, at=NOW)
        ordering.hold_after_restore(owner.workspace_id, at=NOW)
    assert "1 message is held back" in client.get(f"/batches/{batch.pk}/").content.decode()
    with clock.standing_at(NOW):
        client.post(f"/batches/{batch.pk}/held/", {"was_sent": was_sent})
    assert "held back" not in client.get(f"/batches/{batch.pk}/").content.decode()
    with tenancy.inside(owner.workspace_id):
        assert Dispatch.objects.of(owner.workspace_id).get().state == state


def test_nobody_chosen_and_a_text_of_elsewhere_are_refused(owner: Member, other: Workspace) -> None:
    client = signed_in(owner)
    assert "Choose at least one row" in client.post("/batches/begin/", {}, follow=True).content.decode()
    with tenancy.inside(other):
        foreign = greeting(other)
    with tenancy.inside(owner.workspace_id):
        batch = a_batch(owner)
    assert client.post(f"/batches/{batch.pk}/send/", {"template": str(foreign.pk)}).status_code == 404
    assert client.post(f"/batches/{batch.pk}/send/", {"template": "nonsense"}).status_code == 404
    with tenancy.inside(owner.workspace_id):
        assert MessageBatch.objects.of(owner.workspace_id).get(pk=batch.pk).state == "draft"


@pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR])
def test_only_who_may_sends_to_many(owner: Member, role: Role) -> None:
    with tenancy.inside(owner.workspace_id):
        client: Client = signed_in(make_member(owner.workspace, role=role))
    assert client.post("/batches/begin/", {}).status_code == 403
    assert client.get("/batches/").status_code == 403
