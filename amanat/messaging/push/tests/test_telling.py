"""Who is told of what, what a notification says, and what becomes of one that a push service does not take."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts import members, sessions
from amanat.accounts.models import Member, Session, User, Workspace
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import listing, threads
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.tests.factories import SUNITA, came, make_account
from amanat.messaging.push import services, telling
from amanat.messaging.push.models import PushDevice
from amanat.messaging.push.telling import What
from amanat.messaging.push.tests.browsers import switched_on, waiting, work_off
from amanat.messaging.sandbox.running import Running
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact, narrow_member


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


@pytest.fixture
def prakash(shree: Workspace) -> Member:
    return make_member(shree)


@pytest.fixture
def account(shree: Workspace) -> ChannelAccount:
    return make_account(shree)


@pytest.fixture(autouse=True)
def sunita(shree: Workspace) -> Contact:
    return make_contact(shree, "Sunita Deshmukh", phone=SUNITA)


def thread_of(message: Message) -> Thread:
    with tenancy.inside(message.workspace_id):
        return Thread.objects.of(message.workspace_id).get(pk=message.thread_id)


def devices_of(workspace: Workspace) -> int:
    with tenancy.inside(workspace):
        return PushDevice.objects.of(workspace).count()


def give(message: Message, to: Member | None, by: Member) -> None:
    with tenancy.inside(message.workspace_id):
        threads.assign(thread=thread_of(message), to=to, by=by, at=clock.now())


def test_a_message_is_told_without_a_word_about_whom(
    double: Running, heard: Any, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    message = came(shree, account, "Mera PAN card kab aayega?")
    assert work_off() == ["sent"]
    (told,) = heard()
    assert (told["title"], told["body"], told["lang"]) == (shree.name, "A new message is waiting.", "en")
    assert told["url"] == f"/inbox/notifications/{shree.pk}/{message.thread_id}/"
    pushed = double.doubles.push.received[0]
    assert not {"Sunita", "Deshmukh", "PAN", SUNITA[3:]} & set(str(told).replace('"', " ").split())
    assert (pushed.urgency, pushed.subject.startswith("mailto:"), 0 < pushed.ttl <= 6 * 3600) == ("high", True, True)
    assert str(message.thread_id) not in pushed.topic and len(pushed.topic) == 32


def test_notices_come_in_the_language_of_the_member_and_are_all_of_one_size(
    double: Running, heard: Any, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    came(shree, account)
    assert work_off() == ["sent"]
    User.objects.filter(pk=rekha.user_id).update(language="mr")
    came(shree, account, sender="+919822041799")
    assert work_off() == ["sent"]
    first, second = heard()
    assert second["lang"] == "mr" and first["body"] != second["body"]
    assert len({one.size for one in double.doubles.push.received}) == 1


@pytest.mark.slow
def test_only_who_takes_care_of_it_is_told_and_of_what_nobody_has_who_wants_that(
    double: Running, rekha: Member, prakash: Member, account: ChannelAccount, shree: Workspace
) -> None:
    ours, his = switched_on(double, rekha, "all"), switched_on(double, prakash, "mine")
    message = came(shree, account)
    assert work_off() == ["sent"]
    give(message, prakash, rekha)
    assert work_off() == ["sent"]  # that it is his now
    came(shree, account, "Still there?")
    assert work_off() == ["sent"]
    names = {one.browser for one in double.doubles.push.received[1:]}
    assert len(names) == 1 and double.doubles.push.received[0].browser not in names
    with tenancy.inside(shree):
        PushDevice.objects.of(shree).filter(pk__in=[ours.pk, his.pk]).update(wants="off")
    came(shree, account, "Hello?")
    assert work_off() == [] and waiting() == []


@pytest.mark.slow
def test_a_mention_and_an_assignment_are_told_to_whom_they_concern(
    double: Running, heard: Any, rekha: Member, prakash: Member, shree: Workspace
) -> None:
    message = came(shree, make_account(shree))
    switched_on(double, prakash, "mine")
    switched_on(double, rekha)
    with tenancy.inside(shree):
        threads.note(thread=thread_of(message), text="@Prakash please call", by=rekha, at=clock.now())
    assert work_off() == ["sent"]
    give(message, prakash, rekha)
    assert work_off() == ["sent"]
    give(message, rekha, rekha)
    assert work_off() == []  # what she gives to herself she knows
    assert [one["body"] for one in heard()] == ["You are mentioned in a note.", "A conversation was given to you."]


def test_who_may_not_see_the_person_is_not_told(
    double: Running, account: ChannelAccount, sunita: Contact, shree: Workspace
) -> None:
    narrow = narrow_member(shree)
    switched_on(double, narrow)
    came(shree, account)
    assert work_off() == []
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=sunita.pk).update(owner=narrow)
    came(shree, account, "Again")
    assert work_off() == ["sent"]


def test_what_was_read_meanwhile_is_no_news(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    message = came(shree, account)
    with tenancy.inside(shree):
        threads.mark_read(thread=thread_of(message), by=rekha, at=clock.now())
    assert work_off() == []


def test_several_messages_before_the_job_are_one_notice(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    for text in ("Hello", "Are you there?", "Please"):
        came(shree, account, text)
    assert work_off() == ["sent"]


def test_what_comes_while_an_older_job_is_worked_off_is_told(
    committed_db: None, double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    """The first message was read; its job is done while the second is written but not committed, and sees nothing new."""
    switched_on(double, rekha)
    message = came(shree, account, "Hello")
    with tenancy.inside(shree):
        threads.mark_read(thread=thread_of(message), by=rekha, at=clock.now())
    with ThreadPoolExecutor(1) as worker, tenancy.inside(shree):
        came(shree, account, "Are you there?")
        assert worker.submit(_work_off_apart).result() == []
    assert work_off() == ["sent"]


def _work_off_apart() -> list[str]:
    """As another process would, with a connection of its own."""
    try:
        return work_off()
    finally:
        connection.close()


def test_a_worker_that_dies_after_ordering_orders_once(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    message = came(shree, account)
    for _ in range(2):
        telling.tell(
            shree.pk, what=What.MESSAGE, thread_id=message.thread_id, member_id=None, use_by=clock.now() + telling.LASTS
        )
    assert work_off() == ["sent"]


@pytest.mark.slow
def test_a_notice_that_waits_for_its_next_try_holds_up_no_new_one(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    double.doubles.push.fail(*["500"] * 5)
    at = clock.now()
    came(shree, account)
    for minutes in (0, 1, 5, 20, 75):
        with clock.standing_at(at + timedelta(minutes=minutes)):
            assert work_off() == ["later"]
    with clock.standing_at(at + timedelta(minutes=80)):
        came(shree, account, "Are you there?")
        assert work_off() == ["sent"]


def test_what_a_member_had_who_is_gone_is_told_to_those_who_hear_of_what_nobody_has(
    double: Running, rekha: Member, prakash: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    message = came(shree, account)
    give(message, prakash, rekha)
    work_off()
    with tenancy.inside(shree):
        members.end(member=prakash, by=rekha, at=clock.now())
    assert thread_of(message).assigned_to_id is None
    came(shree, account, "Is anybody there?")
    assert work_off() == ["sent"]


def test_reactions_and_what_is_old_are_not_told(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    came(shree, account, "Old", at=clock.now() - timedelta(days=2))
    came(shree, account, "", kind="reaction", reaction="👍")
    assert waiting() == []


def test_a_workspace_whose_policy_names_no_push_service_sends_none(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on(double, rekha)
    monkeypatch.setattr(services, "is_named", lambda workspace_id: False)
    came(shree, account)
    assert work_off() == [] and double.doubles.push.received == []


# --- what services answer ---


def test_a_busy_service_is_asked_again_when_it_wishes(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    double.doubles.push.fail("429", "500")
    at = clock.now()
    came(shree, account)
    assert work_off() == ["later"]
    (due,) = waiting()
    assert due is not None and timedelta(seconds=1) < due - at < timedelta(seconds=20)
    with clock.standing_at(at + timedelta(minutes=1)):
        assert work_off() == ["later"]
    with clock.standing_at(at + timedelta(hours=1)):
        assert work_off() == ["sent"]
    assert len(double.doubles.push.received) == 1


@pytest.mark.slow
def test_a_notice_that_nobody_takes_is_given_up_after_some_tries_or_hours(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    double.doubles.push.fail(*["500"] * 20)
    at = clock.now()
    came(shree, account)
    said = []
    for minutes in range(0, 420, 30):
        with clock.standing_at(at + timedelta(minutes=minutes)):
            said += work_off()
    assert set(said) == {"later"} and 3 <= len(said) <= 6 and waiting() == []


@pytest.mark.parametrize("status", ["404", "410", "403", "401"])
def test_a_browser_that_is_gone_is_forgotten(
    status: str, double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    double.doubles.push.fail(status)
    came(shree, account)
    assert work_off() == ["gone"]
    assert devices_of(shree) == 0


def test_what_a_service_refuses_is_not_tried_again(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    double.doubles.push.fail("413")
    came(shree, account)
    assert work_off() == ["refused"] and waiting() == []
    assert devices_of(shree) == 1


def test_a_lost_answer_is_tried_again_and_replaces_the_first(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    switched_on(double, rekha)
    double.doubles.push.fail("lost")
    came(shree, account)
    assert work_off() == ["later"]
    with clock.standing_at(clock.now() + timedelta(minutes=1)):
        assert work_off() == ["sent"]
    first, second = double.doubles.push.received
    assert first.topic == second.topic


# --- when it ends ---


def test_every_end_of_a_sign_in_takes_the_device_with_it(double: Running, rekha: Member, shree: Workspace) -> None:
    from amanat.accounts.tests.factories import signed_in

    for end in (
        lambda browser, device: browser.post(reverse("account_logout")),
        lambda browser, device: sessions.end(rekha.user, device.session_key),
        lambda browser, device: sessions.end_all(rekha.user),
        lambda browser, device: Session.objects.filter(session_key=device.session_key).delete(),
    ):
        browser = signed_in(rekha)
        device = switched_on(double, rekha, browser=browser)
        assert devices_of(shree) == 1
        end(browser, device)
        assert devices_of(shree) == 0


def test_a_seat_that_ends_takes_the_devices_with_it_and_others_stay(
    double: Running, rekha: Member, prakash: Member, shree: Workspace
) -> None:
    kept = switched_on(double, rekha)
    switched_on(double, prakash)
    with tenancy.inside(shree):
        members.end(member=prakash, by=rekha, at=clock.now())
        assert [one.pk for one in PushDevice.objects.of(shree)] == [kept.pk]


def test_an_expired_sign_in_is_told_nothing(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    device = switched_on(double, rekha)
    came(shree, account)
    Session.objects.filter(session_key=device.session_key).update(expire_date=clock.now() - timedelta(minutes=1))
    assert work_off() == []


@pytest.mark.slow
def test_intake_costs_the_same_whether_three_or_thirty_browsers_listen(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace
) -> None:
    came(shree, account)  # whatever is made once
    costs = []
    for count in (0, 1, 3):
        while devices_of(shree) < count:
            switched_on(double, rekha)
        with CaptureQueriesContext(connection) as said:
            came(shree, account, sender=f"+9198220417{count:02d}")
        costs.append(len(said))
        work_off()
    assert costs[1] == costs[2]
    assert costs[1] - costs[0] <= 4  # the queue's own, with its savepoint


def test_who_lost_sight_of_a_person_keeps_no_conversation_to_herself(
    double: Running, rekha: Member, account: ChannelAccount, shree: Workspace, sunita: Contact
) -> None:
    """If this fails, the people of a member who changed her team write to nobody."""
    meera = narrow_member(shree)
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=sunita.pk).update(owner=meera)
    first = came(shree, account)
    give(first, meera, rekha)
    switched_on(double, rekha, wants=PushDevice.Wants.ALL)
    came(shree, account)
    assert work_off() == [] and unassigned(rekha) == []
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=sunita.pk).update(owner=None)
    came(shree, account)
    assert work_off() == ["sent"] and unassigned(rekha) == [first.thread_id] and unassigned(meera) == []


def unassigned(member: Member) -> list[Any]:
    with tenancy.inside(member.workspace_id):
        return [row.pk for row in listing.of_view("unassigned", member=member, at=clock.now())]
