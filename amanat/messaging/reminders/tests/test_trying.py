"""Tests of a text on one's own number: through the outbox and the gate, to no number but one's own, with nobody added as a contact."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import suppression
from amanat.basis.models import Decision, Suppression
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.channels.contract import Progress, Report
from amanat.messaging.channels.models import ChannelAccount, TemplateText
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.outbox import reports, sending
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests.post import NOON, Post
from amanat.messaging.reminders import trying
from amanat.messaging.reminders.models import ReminderRule
from amanat.messaging.reminders.tests.factories import ADDRESSES, make_rule
from amanat.messaging.reminders.trying import TryRefused
from amanat.people.models import Contact

OWN, NIGHT = "+919822041736", NOON + timedelta(hours=12)


@pytest.fixture
def owner(noon: datetime, account: ChannelAccount, shree: Workspace) -> Member:
    """Rekha, whose mobile number is confirmed."""
    with tenancy.inside(shree):
        found = owner_of(shree)
        account.address = ADDRESSES["whatsapp"]
        account.save(update_fields=["address"])
    found.user.phone, found.user.phone_verified_at = OWN, clock.now()
    found.user.save()
    return found


@pytest.fixture
def rule(owner: Member, account: ChannelAccount) -> ReminderRule:
    with tenancy.inside(owner.workspace_id):
        return make_rule(owner.workspace, "whatsapp")


def tried(rule: ReminderRule, by: Member, **more: int) -> Dispatch:
    with tenancy.inside(by.workspace_id):
        return trying.to_myself(rule=rule, by=by, at=clock.now(), **more)


def after_sending(row: Dispatch) -> Dispatch:
    sending.send_waiting(row.workspace_id, row.account_id)
    with tenancy.inside(row.workspace_id):
        return Dispatch.objects.of(row.workspace_id).get(pk=row.pk)


def test_a_test_goes_to_the_members_own_number_and_makes_no_contact(
    post: Post, owner: Member, rule: ReminderRule
) -> None:
    row = after_sending(tried(rule, owner))
    (taken,) = post.taken
    assert (taken.to, row.state, row.source) == (OWN, "done", "test")
    assert "TEST" in taken.text and taken.values[0].startswith("TEST ")
    with tenancy.inside(owner.workspace_id):
        here = owner.workspace_id
        assert not Contact.objects.of(here).exists() and not Thread.objects.of(here).exists()
        said = Message.objects.of(here).get()
        assert (said.contact_id, said.thread_id, said.by_id) == (None, None, owner.pk)


def test_the_gates_answer_is_written_down_for_nobody(owner: Member, rule: ReminderRule) -> None:
    row = after_sending(tried(rule, owner))
    assert (row.rule, row.decided_at) == ("purposes.service", NOON)
    with tenancy.inside(owner.workspace_id):
        decision = Decision.objects.of(owner.workspace_id).get()
        assert (decision.contact_id, decision.what, decision.purpose) == (None, "test", "service")
        entry = LedgerEntry.objects.of(owner.workspace_id).get(event="messaging.rule.tried")
        assert (entry.actor, entry.about) == (owner.pk, rule.pk) and OWN not in str(entry.facts)


def test_no_hour_is_too_late_for_who_asked_a_moment_ago(post: Post, owner: Member, rule: ReminderRule) -> None:
    with clock.standing_at(NIGHT):
        assert after_sending(tried(rule, owner)).state == "done"
    assert len(post.taken) == 1


def test_a_number_that_is_not_hers_when_it_leaves_gets_nothing(post: Post, owner: Member, rule: ReminderRule) -> None:
    row = tried(rule, owner)
    owner.user.phone = "+919822041737"
    owner.user.save()
    assert (after_sending(row).state, post.taken) == ("refused", [])
    other = tried(rule, owner)
    owner.user.phone_verified_at = None
    owner.user.save()
    refused = after_sending(other)
    assert (refused.state, refused.reason, post.taken) == ("refused", "unknown_person", [])


def test_nothing_goes_to_hers_once_her_seat_has_ended(post: Post, owner: Member, rule: ReminderRule) -> None:
    row = tried(rule, owner)
    with tenancy.inside(owner.workspace_id):
        Member.objects.of(owner.workspace_id).filter(pk=owner.pk).update(ended_at=clock.now())
    assert (after_sending(row).state, post.taken) == ("refused", [])


def test_an_address_that_asked_for_nothing_at_all_gets_no_test(post: Post, owner: Member, rule: ReminderRule) -> None:
    row = tried(rule, owner)
    with tenancy.inside(owner.workspace_id):
        suppression.add(
            [OWN],
            workspace=owner.workspace_id,
            reason=Suppression.Reason.COMPLAINT,
            at=clock.now() - timedelta(hours=1),
        )
    assert (after_sending(row).reason, post.taken) == ("suppressed", [])


def test_a_test_of_hers_that_could_not_leave_in_time_stays(post: Post, owner: Member, rule: ReminderRule) -> None:
    row = tried(rule, owner)
    with clock.standing_at(NOON + timedelta(minutes=16)):
        assert (after_sending(row).reason, post.taken) == ("too_late", [])


def test_a_report_about_a_test_is_shown_to_who_asked(
    owner: Member, rule: ReminderRule, account: ChannelAccount
) -> None:
    row = after_sending(tried(rule, owner))
    with tenancy.inside(owner.workspace_id):
        reports.take(owner.workspace_id, account, [Report(row.provider_id, Progress.READ, NOON, row.pk)])
        (seen,) = trying.latest(rule, owner)
        assert (str(seen.state), str(seen.reason), seen.address) == ("Read", "", OWN)
        assert trying.latest(rule, make_member(owner.workspace)) == []


def test_who_has_no_confirmed_number_is_led_to_the_page_that_confirms_one(owner: Member, rule: ReminderRule) -> None:
    owner.user.phone_verified_at = None
    owner.user.save()
    answer = signed_in(owner).post(f"/reminders/{rule.pk}/try/")
    assert answer.status_code == 303 and answer["Location"].endswith("/phone/change/")
    with tenancy.inside(owner.workspace_id):
        assert not Dispatch.objects.of(owner.workspace_id).exists()


def test_the_page_sends_each_channels_text_and_shows_what_became_of_it(
    post: Post, owner: Member, account: ChannelAccount
) -> None:
    with tenancy.inside(owner.workspace_id):
        rule = make_rule(owner.workspace, "whatsapp", "email")
        ChannelAccount.objects.of(owner.workspace_id).filter(channel="email").update(provider="post")
    EmailAddress.objects.update_or_create(user=owner.user, email=owner.user.email, defaults={"verified": True})
    client: Client = signed_in(owner)
    assert client.get(f"/reminders/{rule.pk}/").content.decode().count("Send me a test") == 2
    client.post(f"/reminders/{rule.pk}/try/", {"step": "1"})
    with tenancy.inside(owner.workspace_id):
        (row,) = Dispatch.objects.of(owner.workspace_id)
    assert (row.channel, row.address) == ("email", owner.user.email)
    page = client.get(f"/reminders/{rule.pk}/").content.decode()
    assert "Your last tests" in page and owner.user.email in page and "Waiting" in page


@pytest.mark.parametrize("step", ["7", "-1", "one"])
def test_a_channel_that_the_rule_does_not_have_sends_at_most_the_first(
    owner: Member, rule: ReminderRule, step: str
) -> None:
    answer = signed_in(owner).post(f"/reminders/{rule.pk}/try/", {"step": step})
    assert answer.status_code == 303
    with tenancy.inside(owner.workspace_id):
        rows = Dispatch.objects.of(owner.workspace_id).count()
    assert rows == (0 if step == "7" else 1)


@pytest.mark.parametrize(
    ("broken", "words"), [("state", "Nothing leaves"), ("text", "not approved"), ("gone", "connected")]
)
def test_what_cannot_be_tried_says_why(
    owner: Member, rule: ReminderRule, account: ChannelAccount, broken: str, words: str
) -> None:
    with tenancy.inside(owner.workspace_id):
        mine = ChannelAccount.objects.of(owner.workspace_id)
        if broken == "state":
            mine.update(state=ChannelAccount.State.BROKEN)
        elif broken == "gone":
            mine.delete()
        else:
            TemplateText.objects.of(owner.workspace_id).update(state=TemplateText.State.DRAFT)
        with pytest.raises(TryRefused, match=words):
            trying.to_myself(rule=rule, by=owner, at=clock.now())


def test_only_a_test_may_be_without_a_contact(owner: Member, rule: ReminderRule) -> None:
    row = tried(rule, owner)
    with tenancy.inside(owner.workspace_id), pytest.raises(IntegrityError), transaction.atomic():
        Dispatch.objects.of(owner.workspace_id).filter(pk=row.pk).update(source="reminder")


def test_old_tests_are_forgotten_and_young_ones_kept(owner: Member, rule: ReminderRule) -> None:
    tried(rule, owner)
    later = NOON + timedelta(days=29)
    with clock.standing_at(later):
        tried(rule, owner)
    with tenancy.inside(owner.workspace_id):
        assert trying.forget(owner.workspace_id, at=later) == 0
        assert trying.forget(owner.workspace_id, at=NOON + timedelta(days=31)) == 1
        assert Message.objects.of(owner.workspace_id).count() == Dispatch.objects.of(owner.workspace_id).count() == 1
