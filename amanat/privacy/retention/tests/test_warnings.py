"""The warning before an erasure: it counts once it arrived, and one that comes back is as if it was never said."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, ids, tenancy
from amanat.core.models import LocalMessage
from amanat.messaging.channels.contract import Answer, Outcome, Progress, Report
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import reports, sending, turns
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import Post
from amanat.people.models import Contact, Phone
from amanat.privacy.retention import probes, sweeping
from amanat.privacy.retention.models import RetentionDue, RetentionRun
from amanat.privacy.retention.tests.factories import LONG_AGO, contact, policy, publish
from amanat.privacy.retention.tests.test_probes import found
from amanat.privacy.retention.tests.test_sweeping import THREE_YEARS

pytestmark = pytest.mark.django_db

TOLD = THREE_YEARS - timedelta(days=2)
HOUR = timedelta(hours=1)


@pytest.fixture
def warned(shree: Workspace) -> Workspace:
    rule = {
        "of": ["choice"],
        "until": {"last_interaction": "P3Y", "opt_out": "P30D"},
        "warn": "PT48H",
        "leave": "suppression_hmac",
    }
    publish(shree, policy(marketing=rule), by=owner_of(shree), at=LONG_AGO)
    return shree


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(sending, "_health", {})
    monkeypatch.setattr(turns, "_failing", {})
    monkeypatch.setattr(turns, "_seen", {})
    monkeypatch.setattr(sending, "_LINGER", 0.0)
    return provider.open_post(channel="email", recipient="email")


@pytest.fixture
def mailbox(warned: Workspace, post: Post) -> ChannelAccount:
    with tenancy.inside(warned):
        return provider.make_account(warned, channel="email", address="desk@shree.example")


def swept(workspace: Workspace, at: datetime) -> RetentionRun:
    with clock.standing_at(at):
        return sweeping.run(workspace.pk, at=at)


def left(mailbox: ChannelAccount, at: datetime) -> None:
    with clock.standing_at(at):
        sending.send_waiting(mailbox.workspace_id, mailbox.pk)


def row_of(workspace: Workspace) -> RetentionDue:
    with tenancy.inside(workspace):
        return RetentionDue.objects.of(workspace).get()


def bounce(mailbox: ChannelAccount, at: datetime) -> None:
    with clock.standing_at(at), tenancy.inside(mailbox.workspace_id):
        sent = Dispatch.objects.of(mailbox.workspace_id).latest("id")
        report = Report(reference=sent.pk, provider_id="", progress=Progress.FAILED, at=at, code="5.1.1", opts_out=True)
        reports.take(mailbox.workspace_id, mailbox, [report], at=at)


@pytest.mark.slow
def test_the_mailbox_of_the_workspace_carries_it(warned: Workspace, mailbox: ChannelAccount, post: Post) -> None:
    contact(warned, main_email="asha@example.in", language="hi")
    swept(warned, TOLD)
    waiting = row_of(warned)
    assert waiting.told_at is None and waiting.warning_id is not None  # ordered is not handed over
    assert mail.outbox == [] and post.taken == []
    swept(warned, TOLD + HOUR)  # the next run does not write a second one
    left(mailbox, TOLD + HOUR)
    (letter,) = post.taken
    assert letter.to == "asha@example.in" and "मिटा" in letter.text
    told = row_of(warned)
    assert (told.told_at, told.by_way_of) == (TOLD + HOUR, "email")
    assert swept(warned, THREE_YEARS).counts == {}  # 48 hours from then, not from the order
    assert swept(warned, THREE_YEARS + HOUR).counts["marketing"] == {"people.Contact": 1}


@pytest.mark.slow
def test_one_that_comes_back_stops_the_erasure(warned: Workspace, mailbox: ChannelAccount, post: Post) -> None:
    asha = contact(warned, main_email="asha@example.in")
    swept(warned, TOLD)
    left(mailbox, TOLD)
    bounce(mailbox, TOLD + 30 * HOUR)
    back = row_of(warned)
    assert (back.told_at, back.warning_id, back.by_way_of, back.tries) == (None, None, "", 1)
    assert "asha" not in back.came_back
    page = signed_in(owner_of(warned)).get(reverse("privacy:retention")).content.decode()
    assert "Could not be warned" in page and asha.name in page
    run = swept(warned, THREE_YEARS + timedelta(days=5))
    assert (run.counts, run.waiting) == ({}, {"not told yet": 1})
    assert mail.outbox == [] and len(post.taken) == 1  # nothing goes to a dead address again
    with tenancy.inside(warned):
        assert Contact.objects.of(warned).filter(pk=asha.pk).exists()
        # A member sets the address right: she is told there, and goes two days later.
        Contact.objects.of(warned).filter(pk=asha.pk).update(main_email="asha.menon@example.in")
    again = THREE_YEARS + timedelta(days=6)
    swept(warned, again)
    left(mailbox, again)
    assert post.taken[-1].to == "asha.menon@example.in"
    assert swept(warned, again + 47 * HOUR).counts == {}
    assert swept(warned, again + 48 * HOUR).counts["marketing"] == {"people.Contact": 1}


@pytest.mark.slow
def test_her_telephone_is_tried_then(warned: Workspace, mailbox: ChannelAccount) -> None:
    asha = contact(warned, main_email="asha@example.in")
    with tenancy.inside(warned):
        Phone.objects.create(id=ids.new(), workspace_id=warned.pk, contact=asha, number="+919876543210", position=0)
    swept(warned, TOLD)
    left(mailbox, TOLD)
    bounce(mailbox, TOLD + HOUR)
    swept(warned, TOLD + timedelta(days=1))
    assert [row.to for row in LocalMessage.objects.all()] == ["+919876543210"]
    assert (row_of(warned).by_way_of, row_of(warned).told_at) == ("phone", TOLD + timedelta(days=1))


@pytest.mark.slow
def test_what_the_provider_turns_away_was_not_said(warned: Workspace, mailbox: ChannelAccount, post: Post) -> None:
    contact(warned, main_email="asha@example.in")
    post.answer = lambda message: Answer(Outcome.REFUSED, code="550")
    swept(warned, TOLD)
    left(mailbox, TOLD)
    assert (row_of(warned).told_at, row_of(warned).warning_id) == (None, None)
    assert swept(warned, THREE_YEARS + timedelta(days=3)).waiting == {"not told yet": 1}


@pytest.mark.slow
def test_a_bounce_after_the_erasure_was_ordered_changes_nothing(warned: Workspace, mailbox: ChannelAccount) -> None:
    contact(warned, main_email="asha@example.in")
    swept(warned, TOLD)
    left(mailbox, TOLD)
    assert swept(warned, THREE_YEARS).counts["marketing"] == {"people.Contact": 1}
    with tenancy.inside(warned):
        assert not Dispatch.objects.of(warned).exists()  # the message went with her
        assert RetentionDue.objects.of(warned).get().state == RetentionDue.State.ORDERED


def test_an_account_of_the_sandbox_warns_nobody(
    warned: Workspace, mailbox: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.inside(warned):
        ChannelAccount.objects.of(warned).update(is_sandbox=True)
    monkeypatch.setattr("amanat.core.outbox.is_shown", lambda: False)
    contact(warned, main_email="asha@example.in")
    swept(warned, TOLD)
    assert [letter.to for letter in mail.outbox] == [["asha@example.in"]]


def test_a_text_that_reaches_nobody_is_no_warning(warned: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amanat.core.outbox.is_shown", lambda: False)  # a site with mail, and nobody who carries texts
    contact(warned, main_phone="+919876543210")
    assert swept(warned, THREE_YEARS + timedelta(days=3)).waiting == {"not told yet": 1}
    assert LocalMessage.objects.count() == 0


def test_who_cannot_be_told_turns_the_seal_red_after_a_week(warned: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amanat.core.outbox.is_shown", lambda: False)
    contact(warned, main_phone="+919876543210")
    swept(warned, THREE_YEARS)

    def is_kept(days: int) -> bool:
        at = THREE_YEARS + timedelta(days=days)
        rule = {
            "of": ["choice"],
            "until": {"last_interaction": "P3Y", "opt_out": "P30D"},
            "warn": "PT48H",
            "leave": "suppression_hmac",
        }
        return found(warned, probes.idle_people, at, marketing=rule).is_kept

    assert (is_kept(6), is_kept(8)) == (True, False)


def test_a_warning_that_is_late_names_the_day_that_is_still_to_come(warned: Workspace) -> None:
    """Nobody could be told for a week: she is not told of a day in the past, and has her 48 hours."""
    contact(warned, main_email="asha@example.in", last_contact_at=LONG_AGO)
    late = THREE_YEARS + timedelta(days=7)
    sweeping.run(warned.pk, at=late)
    [letter] = mail.outbox
    assert f"{late + timedelta(days=2):%-d %B %Y}" in letter.body and f"{THREE_YEARS:%-d %B %Y}" not in letter.body
