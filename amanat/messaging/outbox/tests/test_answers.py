"""Answers that act: stop, start, 1, and a sentence that sounds like a stop; each once, each confirmed once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

import pytest

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, objections
from amanat.basis.gate import Reason
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.channels.contract import Arrived
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.outbox import reports, sending
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, PHONE, Post
from amanat.people.models import Contact

_numbers = count(1)


@pytest.fixture(autouse=True)
def time_goes_on() -> Iterator[None]:
    """Acts are told apart by their moment."""
    with clock.standing_at(NOON):
        yield


def says(account: ChannelAccount, text: str, *, at: datetime = NOON, sender: str = PHONE, **more: str) -> str:
    """She writes, and it is taken in; returns the provider's id of her message."""
    said = Arrived(more.pop("provider_id", f"in.{next(_numbers)}"), sender, at, text=text, **more)
    with clock.standing_at(at), tenancy.inside(account.workspace_id):
        reports.take(account.workspace_id, account, [said], at=at)
    return said.provider_id


def may(contact: Contact, purpose: str, channel: str, at: datetime) -> Reason:
    with tenancy.inside(contact.workspace_id):
        return gate.decide(
            contact, workspace=contact.workspace_id, purpose=purpose, channel=channel, at=at, today=at.date()
        ).reason


def confirmations(account: ChannelAccount) -> list[str]:
    with tenancy.inside(account.workspace_id):
        rows = Dispatch.objects.of(account.workspace_id).filter(source="confirmation").select_related("message")
        return [bodies.open(row.message) for row in rows.order_by("id")]


def later(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def reminded(post: Post, account: ChannelAccount, asha: Contact) -> Contact:
    """She agreed to everything over WhatsApp and SMS, and wrote before."""
    with tenancy.inside(asha.workspace_id):
        provider.agree(asha, "reminders", "sms")
        provider.agree(asha, "marketing", "whatsapp")
        provider.agree(asha, "reminders", "email")
    return asha


def test_stop_ends_reminders_and_offers_to_that_number_and_not_the_service(
    post: Post, account: ChannelAccount, reminded: Contact
) -> None:
    says(account, "STOP")
    at = later(1)
    for purpose, channel in (("reminders", "whatsapp"), ("reminders", "sms"), ("marketing", "whatsapp")):
        assert may(reminded, purpose, channel, at) is Reason.SUPPRESSED
    assert may(reminded, "reminders", "email", at) is Reason.CONSENT
    assert may(reminded, "service", "whatsapp", at) is Reason.GROUND


def test_stop_holds_for_what_is_waiting_already(post: Post, account: ChannelAccount, reminded: Contact) -> None:
    with tenancy.inside(reminded.workspace_id):
        rows = [provider.order(reminded, account) for _ in range(3)]
    says(account, "band karo")
    with clock.standing_at(later(1)):
        sending.send_waiting(account.workspace_id, account.pk)
    assert {taken.reference for taken in post.taken}.isdisjoint(row.pk for row in rows)
    assert len(post.taken) == 1, "only the confirmation leaves"


def test_a_stop_is_confirmed_once_in_her_language_however_often_she_says_it(
    post: Post, account: ChannelAccount, reminded: Contact
) -> None:
    first = says(account, "STOP")
    says(account, "STOP", provider_id=first)
    says(account, "stop!!", at=later(2))
    says(account, "बंद करो", at=later(3))
    (text,) = confirmations(account)
    assert "START" in text
    with clock.standing_at(later(4)):
        for _ in range(3):
            sending.send_waiting(account.workspace_id, account.pk)
    assert [taken.text for taken in post.taken] == [text]


def test_start_brings_back_what_she_had_agreed_to_and_nothing_else(
    post: Post, account: ChannelAccount, reminded: Contact
) -> None:
    says(account, "STOP")
    says(account, "START", at=later(10))
    at = later(11)
    assert may(reminded, "reminders", "whatsapp", at) is Reason.CONSENT
    assert may(reminded, "reminders", "sms", at) is Reason.CONSENT
    assert may(reminded, "marketing", "whatsapp", at) is Reason.CONSENT
    assert may(reminded, "marketing", "sms", at) is not Reason.CONSENT
    assert len(confirmations(account)) == 2
    says(account, "start", at=later(20))
    assert len(confirmations(account)) == 2


def test_start_is_no_consent_of_somebody_who_never_gave_one(
    post: Post, account: ChannelAccount, shree: Workspace
) -> None:
    says(account, "START", sender="+919822000009", name="Ravi")
    with tenancy.inside(shree):
        ravi = Contact.objects.of(shree).get(name="Ravi")
        assert consent.standing(ravi, at=later(1)) == {}
    assert confirmations(account) == []


def test_a_withdrawal_at_the_counter_is_not_undone_by_start(
    post: Post, account: ChannelAccount, reminded: Contact
) -> None:
    from amanat.basis.consent import How
    from amanat.basis.models import Method

    with tenancy.inside(reminded.workspace_id):
        consent.withdraw(
            contact=reminded, purpose="reminders", channels=["whatsapp"], how=How(Method.COUNTER), at=NOON
        )  # fmt: skip
    says(account, "START", at=later(5))
    assert may(reminded, "reminders", "whatsapp", later(6)) is Reason.SUPPRESSED


def test_stop_of_a_stranger_holds_and_makes_her_known(post: Post, account: ChannelAccount, shree: Workspace) -> None:
    says(account, "STOP", sender="+919822000009", name="Ravi")
    with tenancy.inside(shree):
        ravi = Contact.objects.of(shree).get(name="Ravi")
    assert may(ravi, "marketing", "whatsapp", later(1)) is Reason.SUPPRESSED


def test_a_sentence_that_sounds_like_a_stop_pauses_and_asks_a_person_once(
    post: Post, account: ChannelAccount, reminded: Contact
) -> None:
    says(account, "please mat bhejo")
    says(account, "don't message me", at=later(5))
    assert may(reminded, "reminders", "whatsapp", later(6)) is Reason.OBJECTION
    assert may(reminded, "marketing", "whatsapp", later(6)) is Reason.OBJECTION
    assert may(reminded, "service", "whatsapp", later(6)) is Reason.GROUND, "a member can ask her"
    with tenancy.inside(reminded.workspace_id):
        notes = Message.objects.of(reminded.workspace_id).filter(direction="note")
        (note,) = notes
        assert "paused" in bodies.open(note) and note.by_id is None
        thread = Thread.objects.of(reminded.workspace_id).get(contact=reminded)
        assert thread.unread == 2 and thread.waiting_since is not None
        assert LedgerEntry.objects.of(reminded.workspace_id).filter(event="messaging.hold.made").count() == 1
    assert confirmations(account) == []


def test_start_ends_a_pause_of_her_own_making(post: Post, account: ChannelAccount, reminded: Contact) -> None:
    says(account, "please mat bhejo")
    says(account, "START", at=later(5))
    assert may(reminded, "reminders", "whatsapp", later(6)) is Reason.CONSENT
    with tenancy.inside(reminded.workspace_id):
        assert objections.standing(reminded, at=later(6)) == frozenset()


def test_a_false_friend_changes_nothing(post: Post, account: ChannelAccount, reminded: Contact) -> None:
    says(account, "stop by the shop tomorrow")
    assert may(reminded, "reminders", "whatsapp", later(1)) is Reason.CONSENT
    assert confirmations(account) == []


def test_the_button_stop_is_a_stop_whatever_it_says(post: Post, account: ChannelAccount, reminded: Contact) -> None:
    says(account, "मुझे याद न दिलाएँ", choice="stop")
    assert may(reminded, "reminders", "whatsapp", later(1)) is Reason.SUPPRESSED


def test_a_reaction_is_no_answer(post: Post, account: ChannelAccount, reminded: Contact) -> None:
    says(account, "STOP", reaction="👍")
    assert may(reminded, "reminders", "whatsapp", later(1)) is Reason.CONSENT


def test_the_words_of_the_policy_are_obeyed(
    post: Post, account: ChannelAccount, reminded: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amanat.messaging.outbox import words

    seen: list[list[str]] = []
    understood = words.understood

    def listen(text: str, *, also_stop: list[str]) -> words.Said:
        seen.append(list(also_stop))
        return understood(text, also_stop=also_stop)

    monkeypatch.setattr(words, "understood", listen)
    says(account, "hello")
    assert seen == [["STOP", "UNSUBSCRIBE", "QUIT", "END", "CANCEL"]]
