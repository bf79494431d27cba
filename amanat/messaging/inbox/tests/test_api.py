"""The API of conversations: the same rows, rules and refusals as the pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amanat.accounts import bulk_reads
from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.api_client import Program, program
from amanat.accounts.tests.factories import make_member
from amanat.core import clock, tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.tests.factories import came
from amanat.messaging.outbox.models import Dispatch
from amanat.people.models import Contact
from amanat.people.tests.factories import make_team, narrow_member


@pytest.fixture
def api(rekha: Member) -> Program:
    return program(rekha)


def test_conversations_and_what_was_said_can_be_read(
    api: Program, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account)
    (thread,) = api.get("/threads").json()["items"]
    assert (thread["contact_id"], thread["unread"]) == (str(sunita.pk), 1)
    (said,) = api.get(f"/threads/{message.thread_id}/messages").json()["items"]
    assert (said["text"], said["direction"], said["state"]) == ("Haan, Monday ko aati hoon", "in", None)
    assert [one["id"] for one in api.get("/messages?q=monday").json()["items"]] == [str(message.pk)]
    assert api.get("/messages?q=friday").json()["items"] == []


def test_messages_are_paged(api: Program, shree: Workspace, account: ChannelAccount) -> None:
    ids = [str(came(shree, account, at=clock.now() - timedelta(minutes=9 - place)).pk) for place in range(3)]
    with tenancy.inside(shree):
        thread = Thread.objects.of(shree).get()
    page = api.get(f"/threads/{thread.pk}/messages?limit=2").json()
    assert [one["id"] for one in page["items"]] == ids[:0:-1]
    rest = api.get(page["next"].partition("/api/v1")[2]).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([ids[0]], None)
    assert api.get(f"/threads/{thread.pk}/messages?after=nonsense").status_code == 422


def test_what_is_read_of_people_counts_towards_the_alarm(
    api: Program, shree: Workspace, account: ChannelAccount, sunita: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that goes through everybody's messages learns as much as one that lists contacts."""
    counted: list[int] = []
    monkeypatch.setattr(bulk_reads, "count", lambda *, token, member, contacts: counted.append(contacts))
    messages = [came(shree, account), came(shree, account)]
    assert messages[0].thread_id == messages[1].thread_id
    api.get(f"/threads/{messages[0].thread_id}/messages")
    api.get("/messages?q=monday")
    api.get("/messages?q=friday")
    assert counted == [1, 1, 0], "each person once, however much she wrote"


def test_a_message_is_sent_once_for_a_key(
    api: Program, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account)
    wanted = {"contact_id": str(sunita.pk), "text": "11:30?"}
    answers = [api.post("/messages", wanted, Idempotency_Key="once") for _time in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["state"] == "todo"
    with tenancy.inside(shree):
        assert Dispatch.objects.of(shree).count() == 1


def test_what_cannot_be_said_is_refused_in_words(
    api: Program, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account, at=clock.now() - timedelta(days=2))
    answer = api.post("/messages", {"contact_id": str(sunita.pk), "text": "late"})
    assert answer.status_code == 422
    assert "template" in str(answer.json()["errors"])
    with tenancy.inside(shree):
        assert not Message.objects.of(shree).filter(direction="out").exists()


@pytest.mark.slow
def test_conversations_are_noted_in_given_and_put_away(
    api: Program, shree: Workspace, rekha: Member, account: ChannelAccount
) -> None:
    message = came(shree, account)
    here = f"/threads/{message.thread_id}"
    assert api.post(f"{here}/notes", {"text": "A note"}).json()["direction"] == "note"
    assert api.put(f"{here}/assignee", {"member_id": str(rekha.pk)}).json()["assigned_to_id"] == str(rekha.pk)
    assert api.put(f"{here}/assignee", {"member_id": str(account.pk)}).status_code == 422
    assert api.post(f"{here}/read", {}).json()["unread"] == 0
    later = (clock.now() + timedelta(hours=3)).isoformat()
    assert api.patch(here, {"snoozed_until": later}).json()["snoozed_until"] is not None
    assert api.patch(here, {"snoozed_until": "2020-01-01T00:00:00Z"}).status_code == 422
    assert api.patch(here, {"is_closed": True}).json()["closed_at"] is not None
    assert api.patch(here, {"is_closed": False}).json()["closed_at"] is None


def test_tokens_reach_no_further_than_their_scope_and_member(
    shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account)
    reads = program(make_member(shree), "messages:read")
    assert reads.post("/messages", {"contact_id": str(sunita.pk), "text": "x"}).status_code == 403
    narrow = program(narrow_member(shree, "Anil Pawar", make_team(shree, "Counter")))
    assert narrow.get("/threads").json()["items"] == []
    assert narrow.get("/messages?q=monday").json()["items"] == []
    assert narrow.get(f"/threads/{message.thread_id}").status_code == 404
    assert narrow.post("/messages", {"contact_id": str(sunita.pk), "text": "x"}).status_code == 422
