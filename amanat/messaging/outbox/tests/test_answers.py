"""Answers that act: stop, start, 1, and a sentence that sounds like a stop; each once, each confirmed once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

import pytest

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, objections
from amanat.basis.gate import Reason
from amanat.core import clock, ids, tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.channels.contract import Answer, Arrived, Outcome
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import bodies, saying
from amanat.messaging.inbox.choices import Offer
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.saying import Words
from amanat.messaging.outbox import reports, sending, wishes
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, PHONE, Post
from amanat.messaging.reminders.models import Reminder
from amanat.messaging.reminders.tests.factories import make_rule
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


@pytest.mark.slow
def test_stop_holds_for_what_is_waiting_already(post: Post, account: ChannelAccount, reminded: Contact) -> None:
    with tenancy.inside(reminded.workspace_id):
        rows = [provider.order(reminded, account) for _ in range(3)]
    says(account, "band karo")
    with clock.standing_at(later(1)):
        sending.send_waiting(account.workspace_id, account.pk)
    assert {taken.reference for taken in post.taken}.isdisjoint(row.pk for row in rows)
    assert len(post.taken) == 1, "only the confirmation leaves"


@pytest.mark.slow
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


@pytest.mark.slow
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


# --- what is tapped ------------------------------------------------------------------------------------------------


def offered(contact: Contact, account: ChannelAccount, *titles: str) -> Message:
    """She wrote, and is answered with buttons; the message has left."""
    says(account, "Namaste")
    with tenancy.inside(contact.workspace_id), clock.standing_at(later(1)):
        words = Words(text="Shall we?", offer=Offer([(title, "") for title in titles]))
        message = saying.say(contact=contact, channel="whatsapp", words=words, by=None, at=later(1), account=account)
    with clock.standing_at(later(2)):
        sending.send_waiting(account.workspace_id, account.pk)
    return message


def taps(account: ChannelAccount, message: Message, title: str, place: int = 0, **more: str) -> str:
    return says(account, title, at=later(60), kind="choice", choice=f"{message.pk}/{place}", **more)


def test_choices_leave_with_ids_that_name_their_message(post: Post, account: ChannelAccount, asha: Contact) -> None:
    message = offered(asha, account, "Monday", "Tuesday")
    (taken,) = [one for one in post.taken if one.choices]
    assert [(one.title, one.id) for one in taken.choices.offered] == [
        ("Monday", f"{message.pk}/0"), ("Tuesday", f"{message.pk}/1")
    ]  # fmt: skip


@pytest.fixture
def reminders(reminded: Contact, account: ChannelAccount) -> list[Reminder]:
    """Two reminders that reached her, the second after the first."""
    made = []
    with tenancy.inside(reminded.workspace_id):
        rule = make_rule(Workspace.objects.of(reminded.workspace_id).get())
        for _each in range(2):
            made.append(
                Reminder.objects.create(
                    workspace_id=reminded.workspace_id,
                    rule=rule,
                    contact=reminded,
                    about=ids.new(),
                    on_day=NOON.date(),
                    day=NOON.date(),
                    state=Reminder.State.ORDERED,
                )
            )
            row = provider.order(reminded, account, source_id=made[-1].pk)
            Dispatch.objects.of(reminded.workspace_id).filter(pk=row.pk).update(
                state="done", sent_at=NOON, ended_at=NOON, provider_id=f"reminder.{len(made)}"
            )
    return made


def confirmed(reminders: list[Reminder]) -> list[bool]:
    with tenancy.inside(reminders[0].workspace_id):
        rows = Reminder.objects.of(reminders[0].workspace_id).in_bulk([one.pk for one in reminders])
    return [rows[one.pk].confirmed_at is not None for one in reminders]


def test_a_typed_one_confirms_the_last_reminder_once(account: ChannelAccount, reminders: list[Reminder]) -> None:
    says(account, "1", at=later(5))
    says(account, "१", at=later(6))
    assert (confirmed(reminders), len(confirmations(account))) == ([False, True], 1)


def test_a_tapped_button_of_a_reminder_confirms_that_reminder(
    account: ChannelAccount, reminders: list[Reminder]
) -> None:
    says(account, "Confirm", at=later(5), kind="choice", choice="Confirm", answers="reminder.1")
    assert confirmed(reminders) == [True, False]


@pytest.mark.parametrize("title", ["1", "Confirm", "START"])
def test_what_answers_a_question_of_ours_confirms_and_begins_nothing_else(
    account: ChannelAccount, reminders: list[Reminder], reminded: Contact, title: str
) -> None:
    with tenancy.inside(reminded.workspace_id):
        wishes.stop(reminded, channel="whatsapp", address=PHONE, at=later(1))
    message = offered(reminded, account, title, "Later")
    taps(account, message, title)
    assert may(reminded, "reminders", "whatsapp", later(61)) is Reason.SUPPRESSED
    assert (confirmed(reminders), confirmations(account)) == ([False, False], [])


def test_a_stop_that_is_tapped_is_a_stop(post: Post, account: ChannelAccount, reminded: Contact) -> None:
    message = offered(reminded, account, "STOP", "Go on")
    first = taps(account, message, "STOP")
    taps(account, message, "STOP", provider_id=first)
    assert may(reminded, "reminders", "whatsapp", later(61)) is Reason.SUPPRESSED
    assert len(confirmations(account)) == 1


def test_an_answer_finds_its_message_though_nobody_heard_that_it_left(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    """The provider's answer was lost, and the tap is here before any report. The same call again changes nothing."""
    post.answer = lambda message: Answer(Outcome.UNCLEAR)
    message = offered(asha, account, "Monday", "Tuesday")
    tapped = taps(account, message, "Tuesday", 1, answers="wamid.never-heard-of")
    taps(account, message, "Tuesday", 1, provider_id=tapped, answers="wamid.never-heard-of")
    with tenancy.inside(asha.workspace_id):
        (answer,) = Message.objects.of(asha.workspace_id).filter(kind="choice")
        assert (answer.answers_id, bodies.open(answer)) == (message.pk, "Tuesday")
        thread = Thread.objects.of(asha.workspace_id).get(contact=asha)
        assert (thread.window_until, thread.unread) == (later(60) + timedelta(hours=24), 2)


def test_an_answer_is_never_put_under_a_message_to_somebody_else(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    message = offered(asha, account, "Monday")
    taps(account, message, "Monday", sender="+919822000009", name="Ravi")
    with tenancy.inside(asha.workspace_id):
        assert Message.objects.of(asha.workspace_id).get(kind="choice").answers_id is None
