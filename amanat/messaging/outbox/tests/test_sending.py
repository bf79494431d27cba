"""What leaves and what does not: the gate, hours, times, accounts, answers of the provider."""

from __future__ import annotations

import threading
import time as time_module
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, suppression
from amanat.basis.consent import How
from amanat.basis.gate import Reason
from amanat.basis.models import Decision, Method, Suppression
from amanat.core import clock, files, ids, outgoing, sealedobjects, tenancy
from amanat.core.models import StoredFile
from amanat.messaging.channels import accounts
from amanat.messaging.channels.contract import Answer, Outcome, Outgoing
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.inbox.models import Message, MessageFile
from amanat.messaging.outbox import claiming, journal, luggage, ordering, recording, sending
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.ordering import Extra
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, Post
from amanat.people.models import Contact

State = Dispatch.State


def ordered(contact: Contact, account: ChannelAccount, **changes: object) -> Dispatch:
    with tenancy.inside(contact.workspace_id):
        return provider.order(contact, account, **changes)


def run(account: ChannelAccount) -> None:
    sending.send_waiting(account.workspace_id, account.pk)


def now_is(row: Dispatch) -> Dispatch:
    with tenancy.inside(row.workspace_id):
        return Dispatch.objects.of(row.workspace_id).get(pk=row.pk)


def test_a_message_that_is_due_and_allowed_leaves_once_with_its_decision(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    row = ordered(asha, account)
    run(account)
    run(account)
    (taken,) = post.taken
    assert (taken.reference, taken.to, taken.text) == (row.pk, asha.main_phone, "Your insurance runs out on Friday.")
    sent = now_is(row)
    assert (sent.state, sent.reason, sent.rule, sent.tries) == (State.DONE, "consent", "purposes.reminders", 1)
    assert sent.provider_id == f"post.{row.pk}" and sent.decided_at == NOON == sent.sent_at
    with tenancy.inside(asha.workspace_id):
        decision = Decision.objects.of(asha.workspace_id).get()
        assert (decision.what, decision.is_allowed, decision.channel) == ("message", True, "whatsapp")


def test_when_the_gate_says_no_nothing_leaves_at_all(
    post: Post, account: ChannelAccount, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, something sends without asking."""

    def no(contacts: list[object], **_asked: object) -> list[gate.Answer]:
        return [gate.Answer(contact, False, Reason.RESTRICTED, "rights.kinds") for contact in contacts]  # type: ignore[arg-type]

    rows = [ordered(asha, account, urgency=urgency) for urgency in (0, 5, 9)]
    monkeypatch.setattr(gate, "decide_many", no)
    run(account)
    assert post.taken == []
    assert {now_is(row).state for row in rows} == {State.REFUSED}
    assert now_is(rows[0]).reason == "restricted"


def test_who_did_not_agree_gets_nothing_and_the_reason_stands_there(
    post: Post, account: ChannelAccount, shree: Workspace
) -> None:
    with tenancy.inside(shree):
        stranger = provider.make_contact(shree, "Ravi", phone="+919822000001")
    row = now_is(ordered(stranger, account))
    run(account)
    assert post.taken == []
    refused = now_is(row)
    assert (refused.state, refused.reason, refused.ended_at) == (State.REFUSED, "no_consent", NOON)


def test_an_opt_out_after_the_order_stops_it(post: Post, account: ChannelAccount, asha: Contact) -> None:
    row = ordered(asha, account)
    with tenancy.inside(asha.workspace_id):
        consent.withdraw(contact=asha, purpose="reminders", channels=["whatsapp"], how=How(Method.LINK), at=NOON)
    run(account)
    assert post.taken == [] and now_is(row).reason == "suppressed"


def test_an_opt_out_of_another_address_of_hers_stops_what_goes_there(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    row = ordered(asha, account, address="+919822055555")
    with tenancy.inside(asha.workspace_id):
        suppression.add(
            ["+919822055555"], workspace=asha.workspace_id, reason=Suppression.Reason.OPT_OUT, at=NOON, channel="whatsapp"
        )  # fmt: skip
    run(account)
    assert post.taken == [] and now_is(row).reason == "suppressed"


def test_at_night_it_waits_for_the_morning(post: Post, account: ChannelAccount, asha: Contact) -> None:
    row = ordered(asha, account)
    with clock.standing_at(datetime(2026, 12, 1, 20, 0, tzinfo=UTC)):  # half past one in Kolkata
        run(account)
    waits = now_is(row)
    assert post.taken == [] and waits.state == State.TODO and waits.reason == "not_now"
    assert waits.due_at.astimezone(UTC).time() < time(6, 0) and waits.due_at > NOON
    with clock.standing_at(waits.due_at):
        run(account)
    assert len(post.taken) == 1


def test_what_would_come_too_late_in_the_morning_is_dropped(post: Post, account: ChannelAccount, asha: Contact) -> None:
    night = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)
    row = ordered(asha, account, use_by=night + timedelta(hours=2))
    with clock.standing_at(night):
        run(account)
    assert post.taken == [] and (now_is(row).state, now_is(row).reason) == (State.DROPPED, "too_late")


def test_after_its_use_by_time_it_is_dropped_and_the_gate_is_not_asked(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    row = ordered(asha, account, use_by=NOON)
    run(account)
    assert post.taken == [] and (now_is(row).state, now_is(row).reason) == (State.DROPPED, "too_late")
    with tenancy.inside(asha.workspace_id):
        assert not Decision.objects.of(asha.workspace_id).exists()


def test_an_answer_to_somebody_who_waits_goes_at_night(post: Post, account: ChannelAccount, asha: Contact) -> None:
    night = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)
    row = ordered(asha, account, purpose="service", source="reply", urgency=0)
    with clock.standing_at(night):
        run(account)
    assert post.taken == [] and now_is(row).reason == "not_now"
    with tenancy.inside(asha.workspace_id):
        Dispatch.objects.of(asha.workspace_id).update(due_at=NOON)
        theirs = provider.write(asha, account)
        Message.objects.of(asha.workspace_id).filter(pk=theirs.pk).update(
            direction="in", happened_at=night - timedelta(hours=1)
        )
    with clock.standing_at(night):
        run(account)
    assert len(post.taken) == 1


def test_what_is_not_due_yet_waits_and_urgent_things_go_first(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    later = ordered(asha, account, due_at=NOON + timedelta(minutes=1))
    bulk, normal, first = (ordered(asha, account, urgency=urgency) for urgency in (9, 5, 0))
    with tenancy.inside(account.workspace_id):
        claimed = claiming.claim(account, "somebody", most=10)
    assert [each.claim[0] for each in claimed.tries] == [first.pk, normal.pk, bulk.pk]
    assert now_is(later).state == State.TODO


def test_a_paused_a_broken_and_a_waiting_account_send_nothing(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    row = ordered(asha, account)
    for change in ({"state": "paused"}, {"state": "broken"}, {"resumes_at": NOON + timedelta(seconds=1)}):
        with tenancy.inside(account.workspace_id):
            ChannelAccount.objects.of(account.workspace_id).update(**{"state": "ready", "resumes_at": None, **change})
        run(account)
    assert post.taken == [] and now_is(row).state == State.TODO
    with clock.standing_at(NOON + timedelta(seconds=1)):
        run(account)
    assert len(post.taken) == 1


def test_a_provider_that_turns_it_away_is_asked_again_later_and_never_sooner_than_it_wishes(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    row = ordered(asha, account)
    post.answer = lambda message: Answer(Outcome.LATER, code="busy", wait=timedelta(minutes=7))
    run(account)
    waits = now_is(row)
    assert (waits.state, waits.failures, waits.error_code) == (State.TODO, 1, "busy")
    assert waits.due_at >= NOON + timedelta(minutes=7)
    post.answer = None
    with clock.standing_at(waits.due_at):
        run(account)
    assert len(post.taken) == 1 and now_is(row).state == State.DONE and now_is(row).error_code == ""


def test_waits_grow_are_spread_and_end(post: Post, account: ChannelAccount, asha: Contact) -> None:
    waits = [recording.wait_after(failures).total_seconds() for failures in range(12)]
    assert all(2.5 * 2**number <= wait <= 7.5 * 2**number for number, wait in enumerate(waits[:7]))
    assert min(waits[7:]) >= 300 and max(waits) <= 900 and len({recording.wait_after(5) for _ in range(20)}) > 10
    row = ordered(asha, account)
    post.answer = lambda message: Answer(Outcome.LATER)
    with tenancy.inside(asha.workspace_id):
        Dispatch.objects.of(asha.workspace_id).update(failures=recording.MOST_FAILURES - 1)
    run(account)
    assert (now_is(row).state, now_is(row).reason) == (State.DEAD, "gave_up")


def test_what_the_provider_refuses_is_dead_and_says_why(post: Post, account: ChannelAccount, asha: Contact) -> None:
    row = ordered(asha, account)
    post.answer = lambda message: Answer(Outcome.REFUSED, code="131026")
    run(account)
    run(account)
    dead = now_is(row)
    assert (dead.state, dead.reason, dead.error_code, dead.tries) == (State.DEAD, "provider", "131026", 1)


@pytest.mark.parametrize(
    ("raised", "state"),
    [
        (outgoing.Unreachable("x", reason="x", may_have_arrived=False), State.TODO),
        (outgoing.Refused("x"), State.TODO),
        (outgoing.Unreachable("x", reason="x", may_have_arrived=True), State.UNKNOWN),
        (RuntimeError("a bug of the adapter"), State.UNKNOWN),
    ],
)
def test_what_may_have_left_is_never_tried_again_by_itself(
    post: Post, account: ChannelAccount, asha: Contact, raised: Exception, state: str
) -> None:
    row = ordered(asha, account)

    def broken(message: Outgoing) -> Answer:
        raise raised

    post.answer = broken
    run(account)
    assert now_is(row).state == state
    post.answer = None
    with clock.standing_at(NOON + timedelta(minutes=5)):
        run(account)
    assert len(post.taken) == (1 if state == State.TODO else 0)


@pytest.mark.slow
def test_a_provider_that_stops_the_account_stops_all_of_it(post: Post, account: ChannelAccount, asha: Contact) -> None:
    rows = [ordered(asha, account) for _ in range(12)]
    post.answer = lambda message: Answer(Outcome.LATER, code="limit", wait=timedelta(seconds=90), stops_account=True)
    run(account)
    with tenancy.inside(account.workspace_id):
        account.refresh_from_db()
    assert account.resumes_at == NOON + timedelta(seconds=90)
    assert sum(now_is(row).tries for row in rows) <= sending.FIRST
    assert all(now_is(row).failures == 0 for row in rows), "that says nothing about a message"
    post.answer = None
    with clock.standing_at(NOON + timedelta(seconds=600)):
        run(account)
    assert len(post.taken) == 12


def test_an_account_that_only_a_person_can_mend_is_broken_in_words(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    row = ordered(asha, account)
    post.answer = lambda message: Answer(Outcome.LATER, code="190", stops_account=True)
    run(account)
    with tenancy.inside(account.workspace_id):
        account.refresh_from_db()
    assert (account.state, account.trouble) == ("broken", "It said 190. Ask it.")
    assert now_is(row).state == State.TODO


def test_ten_failures_in_a_row_give_the_provider_a_pause_and_each_failed_trial_a_longer_one() -> None:
    health = sending.Health(pace=64)
    later, taken = Answer(Outcome.LATER), Answer(Outcome.ACCEPTED)
    assert health.saw([later] * 9) is None
    assert health.saw([later]) == 15 and health.pace == 1
    assert [health.saw([later]) for _ in range(6)] == [30, 60, 120, 240, 300, 300]
    assert health.saw([Answer(Outcome.LATER, stops_account=True)]) is None, "that is the account's own affair"
    assert health.saw([taken]) is None and health.pace > 1
    assert health.saw([later] * 9) is None and health.saw([later]) == 15, "a success makes it whole again"
    assert health.saw([later, taken] * 20) is None


def test_a_run_begins_small_and_grows() -> None:
    health = sending.Health()
    paces = []
    for _ in range(6):
        paces.append(health.pace)
        health.saw([Answer(Outcome.ACCEPTED)])
    assert paces == [8, 16, 32, 64, 128, 128]


def test_what_was_claimed_and_could_not_begin_in_time_goes_back(
    post: Post, account: ChannelAccount, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "FRESH", -1.0)
    row = ordered(asha, account)
    monkeypatch.setattr(sending, "SLICE", 0.2)
    sending.send_waiting(account.workspace_id, account.pk, seconds=0.1)
    back = now_is(row)
    assert post.taken == [] and back.state == State.TODO and back.tries >= 1 and back.failures == 0


def test_the_longest_request_ends_before_the_lease() -> None:
    assert claiming.FRESH <= 5 and claiming.LEASE.total_seconds() > claiming.FRESH + 45


def test_variables_and_buttons_reach_the_adapter_and_are_forgotten_afterwards(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    extra = Extra(values=("Asha", "Friday"), buttons=(("confirm", "Yes"),), headers={"X-One": "1"})
    row = ordered(asha, account, extra=extra)
    assert now_is(row).extra is not None and b"Friday" not in bytes(now_is(row).extra or b"")
    run(account)
    (taken,) = post.taken
    assert (taken.values, taken.buttons, taken.headers) == (
        ("Asha", "Friday"), (("confirm", "Yes"),), {"X-One": "1"},
    )  # fmt: skip
    assert now_is(row).extra is None


def test_a_message_that_cannot_be_opened_is_dead_and_the_next_one_goes(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    bad, good = ordered(asha, account), ordered(asha, account)
    with tenancy.inside(asha.workspace_id):
        Message.objects.of(asha.workspace_id).filter(pk=bad.message_id).update(body=b"\x01" * 60)
    run(account)
    assert (now_is(bad).state, now_is(bad).reason) == (State.DEAD, "unreadable")
    assert [taken.reference for taken in post.taken] == [good.pk]


def test_a_purpose_that_the_policy_no_longer_has_is_refused_alone(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    bad, good = ordered(asha, account, purpose="selling"), ordered(asha, account)
    run(account)
    assert (now_is(bad).state, now_is(bad).reason) == (State.REFUSED, "unknown_purpose")
    assert now_is(good).state == State.DONE


@pytest.mark.slow
def test_one_and_twenty_messages_take_the_same_number_of_statements(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    def statements(count: int) -> int:
        for _ in range(count):
            ordered(asha, account)
        with tenancy.inside(account.workspace_id), CaptureQueriesContext(connection) as seen:
            claiming.claim(account, "one", most=50)
        # A workspace's key is remembered once it is committed, which it is not in a test.
        return sum("core_workspacekey" not in each["sql"] for each in seen)

    statements(1)  # the zone of the workspace is read once a minute
    assert statements(1) == statements(20) <= 11


def test_what_is_taken_back_does_not_leave(post: Post, account: ChannelAccount, asha: Contact) -> None:
    source = ids.new()
    rows = [ordered(asha, account, source_id=source), ordered(asha, account, source_id=source), ordered(asha, account)]
    with tenancy.inside(asha.workspace_id):
        assert ordering.take_back(workspace=asha.workspace_id, at=NOON, source_ids=[source]) == 2
        assert ordering.take_back(workspace=asha.workspace_id, at=NOON, source_ids=[source]) == 0
    run(account)
    assert [taken.reference for taken in post.taken] == [rows[2].pk]
    assert (now_is(rows[0]).state, now_is(rows[0]).reason) == (State.DROPPED, "taken_back")


def test_a_finished_run_leaves_no_journal(post: Post, account: ChannelAccount, asha: Contact) -> None:
    ordered(asha, account)
    seen: list[int] = []
    post.answer = lambda message: (seen.append(len(journal.tokens())), Answer(Outcome.ACCEPTED))[1]  # type: ignore[func-returns-value]
    run(account)
    assert seen == [1] and journal.tokens() == []


def test_the_provider_says_that_she_does_not_want_it_and_that_holds(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    ordered(asha, account)
    post.answer = lambda message: Answer(Outcome.REFUSED, code="131050", opts_out=True)
    run(account)
    post.answer = None
    again = ordered(asha, account)
    run(account)
    assert post.taken == [] and now_is(again).reason == "suppressed"


def test_pausing_by_hand_outlives_what_the_provider_says(post: Post, account: ChannelAccount, shree: Workspace) -> None:
    with tenancy.inside(shree):
        account.state = ChannelAccount.State.PAUSED
        account.save()
        accounts.stop(account=account, code="190", at=NOON)
        account.refresh_from_db()
    assert account.state == "paused" and not sending.is_open(account)


# --- what the provider calls it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["whatsapp", "email"])
def test_only_letters_bear_the_providers_name_themselves(
    post: Post, account: ChannelAccount, asha: Contact, channel: str
) -> None:
    row = ordered(asha, account)
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).update(channel=channel)
        Dispatch.objects.of(account.workspace_id).update(
            state="sending", claimed_by="run", tries=1, lease_until=clock.now()
        )
        answer = Answer(Outcome.ACCEPTED, provider_id="<1@carrier>")
        recording.record(account.workspace_id, "run", [recording.Result((row.pk, 1), answer)], at=clock.now())
        named = Message.objects.of(account.workspace_id).get(pk=row.message_id).provider_id
    assert now_is(row).provider_id == "<1@carrier>"
    assert named == ("<1@carrier>" if channel == "email" else "")


def test_an_answer_to_a_message_of_ours_names_it_as_the_provider_does(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    first = ordered(asha, account)
    run(account)
    second = ordered(asha, account)
    with tenancy.inside(account.workspace_id):
        Message.objects.of(account.workspace_id).filter(pk=second.message_id).update(answers=first.message_id)
    run(account)
    assert [each.answers for each in post.taken] == ["", f"post.{first.pk}"]


# --- a template leaves for its own purpose ---------------------------------------------------------------------------


def make_offer(account: ChannelAccount, purpose: str = "marketing") -> TemplateText:
    here = account.workspace_id
    template = MessageTemplate.objects.create(
        workspace_id=here, name="diwali_offer", title="Diwali offer", channel=account.channel, purpose=purpose, category="marketing"
    )  # fmt: skip
    return TemplateText.objects.create(
        workspace_id=here, template=template, language="en", body="Half the price.", state=TemplateText.State.APPROVED
    )


def carries(row: Dispatch, text: TemplateText) -> None:
    with tenancy.inside(row.workspace_id):
        Message.objects.of(row.workspace_id).filter(pk=row.message_id).update(text_of=text, kind="template")


def test_an_offer_disguised_as_service_is_refused_and_the_next_one_goes(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    """If this fails, who opted out of offers gets them as answers."""
    with tenancy.inside(asha.workspace_id):
        offer = make_offer(account)
    bad, good = ordered(asha, account, purpose="service", source="reply"), ordered(asha, account)
    carries(bad, offer)
    run(account)
    assert (now_is(bad).state, now_is(bad).reason) == (State.REFUSED, "other_purpose")
    assert [taken.reference for taken in post.taken] == [good.pk]


def test_a_template_keeps_its_hours_also_while_somebody_waits_for_an_answer(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    night = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)  # half past one in Kolkata
    row = ordered(asha, account, source="reply")
    with tenancy.inside(asha.workspace_id):
        text = make_offer(account, purpose="reminders")
    carries(row, text)
    with clock.standing_at(night):
        with tenancy.inside(asha.workspace_id):
            wrote = Message.objects.of(asha.workspace_id).get(pk=row.message_id)
            Message.objects.create(
                workspace_id=asha.workspace_id, thread=wrote.thread, contact=asha, channel="whatsapp", account=account,
                direction="in", happened_at=night - timedelta(minutes=5),
            )  # fmt: skip
        run(account)
    assert post.taken == [] and (now_is(row).state, now_is(row).reason) == (State.TODO, "not_now")


# --- files -----------------------------------------------------------------------------------------------------------


def with_file(row: Dispatch, content: bytes = b"a receipt for the fee") -> StoredFile:
    here = row.workspace_id
    with tenancy.inside(here):
        kept = files.store(content, workspace_id=here, name="receipt.txt", by=None, kind="attachment")
        MessageFile.objects.create(
            workspace_id=here, message_id=row.message_id, file=kept, name="receipt.txt", content_type="text/plain"
        )
        Message.objects.of(here).filter(pk=row.message_id).update(kind="media")
    return kept


def test_a_damaged_file_ends_its_message_without_a_request_and_the_others_go(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    """If this fails, one file that is gone stops an account for ever."""
    gone, sound, other = ordered(asha, account), ordered(asha, account), ordered(asha, account)
    lost, _kept = with_file(gone), with_file(sound)
    sealedobjects.delete([lost.object_name])
    run(account)
    assert (now_is(gone).state, now_is(gone).reason, now_is(gone).error_code) == (State.DEAD, "unreadable", "")
    assert [taken.reference for taken in post.taken] == [sound.pk, other.pk]
    assert [each.content for each in post.taken[0].files] == [b"a receipt for the fee"]


def test_files_of_messages_under_way_are_not_all_in_memory_at_once(
    post: Post, account: ChannelAccount, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a hundred films that are sent at once are gigabytes of memory."""
    monkeypatch.setattr(luggage, "MOST", 60)
    here, peaks, lock = list[int](), list[int](), threading.Lock()

    def taking(message: Outgoing) -> Answer:
        size = sum(len(file.content) for file in message.files)
        with lock:
            here.append(size)
            peaks.append(sum(here))
        time_module.sleep(0.02)
        with lock:
            here.remove(size)
        return Answer(Outcome.ACCEPTED, provider_id=str(message.reference))

    with tenancy.inside(shree):
        rows = provider.order_each(account, 6)
    for row in rows:
        with_file(row)
    post.answer = taking
    run(account)
    assert len(post.taken) == 6 and max(peaks) == 42  # two of 21 bytes, where all six might go


def test_a_key_of_a_file_that_does_not_open_ends_one_message_alone(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    bad, good = ordered(asha, account), ordered(asha, account)
    kept = with_file(bad)
    with tenancy.inside(asha.workspace_id):
        StoredFile.objects.of(asha.workspace_id).filter(pk=kept.pk).update(wrapped_key=b"\x01" * 60)
    run(account)
    assert (now_is(bad).state, now_is(bad).reason, now_is(good).state) == (State.DEAD, "unreadable", State.DONE)


def test_no_file_is_read_while_rows_are_locked(
    post: Post, account: ChannelAccount, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_file(ordered(asha, account))
    monkeypatch.setattr(sealedobjects, "read", lambda *args, **options: pytest.fail("read while claiming"))
    assert len(claiming.claim(account, "a token", most=10).tries) == 1


def test_a_store_that_is_away_puts_the_message_off_and_blames_no_provider(
    post: Post, account: ChannelAccount, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ordered(asha, account)
    with_file(row)

    def away(*args: object, **options: object) -> object:
        raise OSError("no route to the store")

    monkeypatch.setattr(sealedobjects, "read", away)
    run(account)
    waits = now_is(row)
    assert post.taken == [] and (waits.state, waits.error_code) == (State.TODO, "no_store") and waits.due_at > NOON
    assert sending._health[account.pk].failures == 0


# --- order -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_one_person_is_told_arrives_in_the_order_it_was_written(
    post: Post, account: ChannelAccount, asha: Contact, shree: Workspace
) -> None:
    """The earlier message is the slower one; another person's does not wait for it."""
    with tenancy.inside(shree):
        ravi = provider.make_person(shree, "Ravi", phone="+919822000001")
    rows = [ordered(asha, account, urgency=0) for _ in range(4)]
    beside = ordered(ravi, account, urgency=0)
    slowness = {row.pk: delay for row, delay in zip(rows, (0.06, 0.04, 0.02, 0.0), strict=True)}
    under_way, most = set[object](), 0
    guard = threading.Lock()

    def slowly(message: Outgoing) -> Answer:
        nonlocal most
        with guard:
            if message.reference in slowness:
                under_way.add(message.reference)
            most = max(most, len(under_way))
        time_module.sleep(slowness.get(message.reference, 0.0))
        with guard:
            under_way.discard(message.reference)
        return Answer(Outcome.ACCEPTED)

    post.answer = slowly
    run(account)
    taken = [each.reference for each in post.taken]
    assert [each for each in taken if each in slowness] == [row.pk for row in rows]
    assert taken[0] == beside.pk and most == 1


def test_two_runs_never_have_two_messages_of_one_person_under_way(account: ChannelAccount, asha: Contact) -> None:
    first, second = ordered(asha, account), ordered(asha, account)
    (claimed,) = claiming.claim(account, "one", most=10).tries
    assert claimed.claim[0] == first.pk and claiming.claim(account, "two", most=10).looked_at == 0
    with tenancy.inside(asha.workspace_id):
        recording.record(asha.workspace_id, "one", [recording.Result(claimed.claim, Answer(Outcome.ACCEPTED))], at=NOON)
    (claimed,) = claiming.claim(account, "two", most=10).tries
    assert claimed.claim[0] == second.pk


def test_an_answer_does_not_wait_for_what_was_written_to_many(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    ordered(asha, account, urgency=9)
    answer = ordered(asha, account, urgency=0)
    (claimed,) = claiming.claim(account, "one", most=1).tries
    assert claimed.claim[0] == answer.pk
