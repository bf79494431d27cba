"""Reactions of ours: what is put, changed and taken away, where none can go, and that none counts as an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import program
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import bodies, reacting, saying
from amanat.messaging.inbox.api_shapes import ReactionIn
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.saying import SayRefused
from amanat.messaging.inbox.tests.factories import SUNITA, came, make_account
from amanat.messaging.outbox import claiming
from amanat.messaging.outbox.models import Dispatch
from amanat.people.tests.factories import make_contact

LONG_AGO = timedelta(hours=25)


@pytest.fixture
def account(shree: Workspace) -> ChannelAccount:
    make_contact(shree, "Sunita Deshmukh", phone=SUNITA)
    return make_account(shree)


def react(message: Message, emoji: str, by: Member) -> Message | None:
    with tenancy.inside(message.workspace_id):
        found = Message.objects.of(message.workspace_id).select_related("account").get(pk=message.pk)
        return reacting.react(message=found, emoji=emoji, by=by, at=clock.now())


def put(browser: Client, message: Message, emoji: str, **headers: Any) -> Any:
    return browser.post(f"/inbox/messages/{message.pk}/reaction/", {"emoji": emoji}, headers=headers)


def rows(workspace: Workspace) -> list[Message]:
    with tenancy.inside(workspace):
        return list(Message.objects.of(workspace).filter(kind="reaction", direction="out").order_by("id"))


def shown(browser: Client, message: Message) -> str:
    """What stands under the message, and the emoji that is pressed in its palette."""
    page = browser.get(f"/inbox/{message.thread_id}/").content.decode().partition(f'id="m-{message.pk}"')[2]
    under = (
        page.partition("bubble-reactions")[2].partition("</span>")[0].lstrip('">') if "bubble-reactions" in page else ""
    )
    pressed = page.partition(' aria-pressed="true">')[2][:2].rstrip("<")
    assert pressed in under
    return under


@pytest.mark.slow
def test_a_member_reacts_changes_it_and_takes_it_away(
    browser: Client, shree: Workspace, account: ChannelAccount
) -> None:
    message = came(shree, account)
    back = put(browser, message, "👍")
    assert (back.status_code, back["Location"]) == (303, f"/inbox/{message.thread_id}/#m-{message.pk}")
    assert shown(browser, message) == "👍"
    assert put(browser, message, "❤️", **{"X-Inbox": "1"}).status_code == 204
    assert shown(browser, message) == "❤️"
    assert put(browser, message, "❤️").status_code == 303, "the same once more changes nothing"
    put(browser, message, "")
    assert shown(browser, message) == ""
    put(browser, message, "")
    assert [(row.answers_id, row.account_id) for row in rows(shree)] == [(message.pk, account.pk)] * 3
    with tenancy.inside(shree):
        assert [bodies.open(row) for row in rows(shree)] == ["👍", "❤️", ""]
        orders = list(Dispatch.objects.of(shree).order_by("id"))
        assert {(one.address, one.purpose, one.source) for one in orders} == {(SUNITA, "service", "reply")}
        assert {one.use_by for one in orders} == {Thread.objects.of(shree).get().window_until}


def test_what_leaves_is_the_emoji_on_her_message_and_an_empty_one_takes_it_away(
    shree: Workspace, rekha: Member, account: ChannelAccount
) -> None:
    message = came(shree, account, provider_id="wamid.hers")
    for emoji in ("🙏", ""):
        react(message, emoji, rekha)
    with tenancy.inside(shree):
        sent = [
            claiming._outgoing(row)
            for row in Dispatch.objects.of(shree).select_related("message__answers", "message__text_of").order_by("id")
        ]
    assert [(one.reaction, one.answers, one.text) for one in sent] == [("🙏", "wamid.hers", ""), ("", "wamid.hers", "")]


def test_it_answers_nothing(browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount) -> None:
    message = came(shree, account)
    with tenancy.inside(shree):
        before = Thread.objects.of(shree).get()
    react(message, "👍", make_member(shree))
    with tenancy.inside(shree):
        after = Thread.objects.of(shree).get()
    assert (after.unread, after.waiting_since, after.assigned_to_id, after.last_message_id) == (
        1, before.waiting_since, None, message.pk,
    )  # fmt: skip
    said = browser.post(
        f"/inbox/with/{message.contact_id}/reply/", {"channel": "whatsapp", "text": "Yes.", "seen": str(message.pk)}
    )
    assert said.status_code == 303, "nobody has answered meanwhile"


@pytest.mark.slow
@pytest.mark.parametrize("state", ["refused", "dead"])
def test_one_that_did_not_go_says_so_and_leaves_what_was_there(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, state: str
) -> None:
    message = came(shree, account)
    react(message, "👍", rekha)
    later = react(message, "🙏", rekha)
    assert later is not None
    with tenancy.inside(shree):
        Dispatch.objects.of(shree).filter(message=later).update(
            state=state, error_code="131026", begun_at=clock.now(), ended_at=clock.now()
        )
    assert shown(browser, message) == "👍"
    page = browser.get(f"/inbox/{message.thread_id}/").content.decode()
    assert "Your reaction 🙏: " in page
    react(message, "🙏", rekha)
    assert len(rows(shree)) == 3, "what failed may be tried again"
    assert shown(browser, message) == "🙏"
    assert "Your reaction" not in browser.get(f"/inbox/{message.thread_id}/").content.decode()


def a_text_message(shree: Workspace, _account: ChannelAccount) -> Message:
    return came(shree, make_account(shree, "sms"))


def an_email(shree: Workspace, _account: ChannelAccount) -> Message:
    return came(shree, make_account(shree, "email", address="shop@example.com"), sender="sunita@example.com")


def one_of_yesterday(shree: Workspace, account: ChannelAccount) -> Message:
    return came(shree, account, at=clock.now() - LONG_AGO)


def one_of_two_months_ago(shree: Workspace, account: ChannelAccount) -> Message:
    message = came(shree, account, at=clock.now() - timedelta(days=61))
    came(shree, account)
    return message


def a_reaction_of_hers(shree: Workspace, account: ChannelAccount) -> Message:
    came(shree, account, provider_id="wamid.1")
    return came(shree, account, "", reaction="👍", answers="wamid.1")


def one_to_another_number(shree: Workspace, account: ChannelAccount) -> Message:
    """What is open with one number of ours is not with another."""
    message = came(shree, account, at=clock.now() - LONG_AGO)
    with tenancy.inside(shree):
        ChannelAccount.objects.of(shree).update(is_default=False)
    came(shree, make_account(shree))
    return message


def one_of_ours(shree: Workspace, account: ChannelAccount) -> Message:
    message = came(shree, account)
    with tenancy.inside(shree):
        contact = message.contact
        assert contact is not None
        words = saying.Words(text="Come on Monday.")
        return saying.say(contact=contact, channel="whatsapp", words=words, by=None, at=clock.now())


def over_a_broken_number(shree: Workspace, account: ChannelAccount) -> Message:
    message = came(shree, account)
    with tenancy.inside(shree):
        ChannelAccount.objects.of(shree).update(state="broken", trouble="The token ended.")
    return message


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("made", "says"),
    [
        (a_text_message, "only on what the person wrote on WhatsApp"),
        (an_email, "only on what the person wrote on WhatsApp"),
        (a_reaction_of_hers, "only on what the person wrote on WhatsApp"),
        (one_of_ours, "only on what the person wrote on WhatsApp"),
        (one_of_yesterday, "more than 24 hours"),
        (one_to_another_number, "more than 24 hours"),
        (one_of_two_months_ago, "older than 30 days"),
        (over_a_broken_number, "The token ended."),
    ],
)
def test_where_none_can_go_it_is_refused_in_words(  # noqa: PLR0917
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, made: Any, says: str
) -> None:
    message = made(shree, account)
    with pytest.raises(SayRefused, match=says):
        react(message, "👍", rekha)
    page = browser.get(f"/inbox/{message.thread_id}/").content.decode()
    assert f'popovertarget="r-{message.pk}"' not in page or made is over_a_broken_number
    assert put(browser, message, "👍", **{"X-Inbox": "1"}).status_code == 409
    answer = browser.get(put(browser, message, "👍")["Location"]).content.decode()
    assert says in answer
    assert rows(shree) == []


@pytest.mark.slow
def test_only_what_the_palette_has_is_put(browser: Client, shree: Workspace, account: ChannelAccount) -> None:
    message = came(shree, account)
    for nonsense in ("x", "👍👍", "<b>", "\x00", "👎" * 200):
        assert "Choose one of the emojis" in browser.get(put(browser, message, nonsense)["Location"]).content.decode()
    assert rows(shree) == []
    assert get_args(ReactionIn.model_fields["emoji"].annotation) == tuple(reacting.EMOJIS)


def test_who_only_reads_cannot_react_and_has_no_button(shree: Workspace, account: ChannelAccount) -> None:
    message = came(shree, account)
    auditor = signed_in(make_member(shree, role=Role.AUDITOR))
    assert "bubble-react" not in auditor.get(f"/inbox/{message.thread_id}/").content.decode()
    assert put(auditor, message, "👍").status_code == 403
    assert rows(shree) == []


@pytest.mark.slow
def test_a_program_reacts_by_the_same_rule(shree: Workspace, rekha: Member, account: ChannelAccount) -> None:
    message, api = came(shree, account), program(rekha)
    here = f"/messages/{message.pk}/reaction"
    made = api.put(here, {"emoji": "🙏"}).json()
    assert (made["kind"], made["text"], made["answers_id"], made["state"]) == (
        "reaction",
        "🙏",
        str(message.pk),
        "todo",
    )
    assert api.put(here, {"emoji": "x"}).status_code == 422
    assert [api.delete(here).status_code, api.delete(here).status_code] == [204, 204]
    assert [one.body is None for one in rows(shree)] == [False, True]
    old = one_of_yesterday(shree, account)
    with tenancy.inside(shree):
        Thread.objects.of(shree).update(window_until=clock.now())
    refused = api.put(f"/messages/{old.pk}/reaction", {"emoji": "🙏"})
    assert (refused.status_code, "24 hours" in refused.text) == (422, True)
    assert api.put(f"/messages/{shree.pk}/reaction", {"emoji": "🙏"}).status_code == 404
