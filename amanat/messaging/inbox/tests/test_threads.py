"""Conversations: given, put away, noted in, counted, and joined when two people turn out to be one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member
from amanat.core import clock, tally, tenancy
from amanat.messaging.inbox import bodies, listing, threads
from amanat.messaging.inbox.models import CannedReply, Mention, Message, MessageWords, ReplyDraft, Thread
from amanat.messaging.inbox.tests.factories import SUNITA, came, make_account
from amanat.messaging.inbox.threads import ThreadRefused
from amanat.people import bin as bins
from amanat.people import merging
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact, make_team, narrow_member

SECOND = "+919822041737"


@pytest.fixture
def thread(shree: Workspace) -> Thread:
    message = came(shree, make_account(shree))
    with tenancy.inside(shree):
        return Thread.objects.of(shree).select_related("contact").get(pk=message.thread_id)


def test_views_show_what_they_say(shree: Workspace, rekha: Member, thread: Thread) -> None:
    now = clock.now()

    def shown() -> list[str]:
        return [view for view in listing.VIEWS if listing.page(view, member=rekha, at=now).lines]

    with tenancy.inside(shree):
        assert shown() == ["unassigned", "all"]
        threads.assign(thread=thread, to=rekha, by=rekha, at=now)
        assert shown() == ["mine", "all"]
        threads.snooze(thread=thread, until=now + timedelta(hours=3), by=rekha, at=now)
        assert shown() == ["snoozed"]
        assert listing.page("mine", member=rekha, at=now + timedelta(hours=4)).lines
        threads.close(thread=thread, by=rekha, at=now)
        assert shown() == ["closed"]
        threads.reopen(thread=thread, by=rekha, at=now)
        assert shown() == ["mine", "all"]


def test_only_who_may_see_the_person_gets_the_conversation(shree: Workspace, rekha: Member, thread: Thread) -> None:
    team = make_team(shree, "Counter")
    prakash = narrow_member(shree, "Prakash Jadhav", team)
    with tenancy.inside(shree):
        with pytest.raises(ThreadRefused, match="Prakash Jadhav may not see"):
            threads.assign(thread=thread, to=prakash, by=rekha, at=clock.now())
        assert not threads.visible(prakash).exists()
        Contact.objects.of(shree).update(team=team)
        threads.assign(thread=thread, to=prakash, by=rekha, at=clock.now())
        assert list(threads.visible(prakash)) == [thread]


@pytest.mark.parametrize("hours", [-1, 0, 24 * 400])
def test_a_time_that_makes_no_sense_is_refused(shree: Workspace, rekha: Member, thread: Thread, hours: int) -> None:
    now = clock.now()
    with tenancy.inside(shree), pytest.raises(ThreadRefused):
        threads.snooze(thread=thread, until=now + timedelta(hours=hours), by=rekha, at=now)


def test_a_note_tells_whom_it_names(shree: Workspace, rekha: Member, thread: Thread) -> None:
    prakash = make_member(shree, name="Prakash Jadhav")
    make_member(shree, name="Anil Pawar"), make_member(shree, name="Anil Shinde")
    with tenancy.inside(shree):
        threads.note(
            thread=thread, text="@Prakash, please call. @Anil is ambiguous, @Rekha herself.", by=rekha, at=clock.now()
        )
        assert [one.member_id for one in Mention.objects.of(shree)] == [prakash.pk]
        assert len(listing.page("mentions", member=prakash, at=clock.now()).lines) == 1
        assert Thread.objects.of(shree).get().last_message_id == thread.last_message_id
        threads.mark_read(thread=thread, by=prakash, at=clock.now())
        assert not listing.page("mentions", member=prakash, at=clock.now()).lines


def test_a_whole_name_is_meant_where_a_first_name_is_not_enough(shree: Workspace) -> None:
    anils = [make_member(shree, name=name) for name in ("Anil Pawar", "Anil Shinde")]
    assert threads.mentioned("Ask @Anil Shinde, not @Nobody", anils) == [anils[1]]


def test_a_draft_is_kept_sealed_and_shows_who_writes(shree: Workspace, rekha: Member, thread: Thread) -> None:
    with tenancy.inside(shree):
        for text in ("Mon", "Monday 11:30?"):
            threads.keep_draft(thread=thread, by=rekha, text=text, subject="Re", channel="sms", at=clock.now())
        draft = ReplyDraft.objects.of(shree).get()
        assert b"Monday" not in bytes(draft.body or b"")
        assert bodies.open_draft(draft.body, workspace_id=shree.pk, draft_id=draft.pk) == ("Monday 11:30?", "Re", {})
        threads.keep_draft(thread=thread, by=rekha, text="  ", at=clock.now())
        assert not ReplyDraft.objects.of(shree).exists()


def test_ready_replies_have_one_shortcut_each(shree: Workspace, rekha: Member) -> None:
    with tenancy.inside(shree):
        now = clock.now()
        first = threads.keep_canned(
            canned=CannedReply(workspace_id=shree.pk, shortcut="/Thanks", body="Thank you"), by=rekha, at=now
        )
        assert first.shortcut == "thanks"
        with pytest.raises(ThreadRefused, match="shortcut"):
            threads.keep_canned(
                canned=CannedReply(workspace_id=shree.pk, shortcut="thanks", body="x"), by=rekha, at=now
            )
        threads.remove_canned(canned=first, by=rekha, at=now)
        assert not CannedReply.objects.of(shree).exists()


# --- search --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["monday", "MONDAY aati", "मंडे", "haan", "Hàan"])
def test_a_word_is_found_in_any_script(shree: Workspace, rekha: Member, query: str) -> None:
    message = came(shree, make_account(shree), "Haan, Monday ko aati hoon मंडे")
    with tenancy.inside(shree):
        assert bodies.find(query, member=rekha) == [message.pk]


def test_every_word_must_be_there(shree: Workspace, rekha: Member, thread: Thread) -> None:
    with tenancy.inside(shree):
        for query in ("monday friday", "mond", "", "?!"):
            assert bodies.find(query, member=rekha) == []


def test_search_sees_what_the_member_may_see_and_no_other_workspace(
    shree: Workspace, other: Workspace, rekha: Member, thread: Thread
) -> None:  # fmt: skip
    came(other, make_account(other))
    prakash = narrow_member(shree, "Prakash Jadhav", make_team(shree, "Counter"))
    with tenancy.inside(shree):
        assert len(bodies.find("monday", member=rekha)) == 1
        assert bodies.find("monday", member=prakash) == []
        hashes = {tuple(row.words) for row in MessageWords.objects.of(shree)}
    with tenancy.inside(other):
        assert hashes.isdisjoint({tuple(row.words) for row in MessageWords.objects.of(other)})


def test_common_and_rare_words_are_found_beyond_the_newest(
    shree: Workspace, rekha: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_account(shree)
    rare = came(shree, account, "passbook")
    said = [came(shree, account, f"haan {number}") for number in range(3)]
    with tenancy.inside(shree):
        assert bodies.find("passbook", member=rekha) == [rare.pk]
        assert bodies.find("haan", member=rekha, limit=2) == [said[2].pk, said[1].pk]
        assert bodies.find("haan", member=rekha, before=said[1].pk) == [said[0].pk]
        assert bodies.find("haan", member=rekha, contact_id=rekha.pk) == []


# --- two people made one -------------------------------------------------------------------------------------------


def two(shree: Workspace) -> tuple[Contact, Contact]:
    account = make_account(shree)
    keep, gone = make_contact(shree, "Sunita Deshmukh", phone=SUNITA), make_contact(shree, "Sunita D", phone=SECOND)
    for sender in (SUNITA, SECOND, SECOND):
        came(shree, account, "from " + sender, sender=sender)
    return keep, gone


@pytest.mark.slow
def test_merging_makes_one_conversation_and_undoing_makes_two(shree: Workspace, rekha: Member) -> None:
    keep, gone = two(shree)
    with tenancy.inside(shree):
        for thread in Thread.objects.of(shree):
            threads.keep_draft(thread=thread, by=rekha, text="draft", at=clock.now())
        merged = merging.merge(keep=keep, gone=gone, choices={}, by=rekha, at=clock.now())
        thread = Thread.objects.of(shree).get()
        assert (thread.contact_id, thread.unread) == (keep.pk, 3)
        assert Message.objects.of(shree).filter(thread=thread.pk, contact=keep.pk).count() == 3
        assert tally.count(threads.UNREAD, workspace=shree) == 1
        merging.undo(merge=merged, by=rekha, at=clock.now())
        assert {one.contact_id: one for one in Thread.objects.of(shree)}.keys() == {keep.pk, gone.pk}
        for contact, count in ((keep, 1), (gone, 2)):
            mine = Message.objects.of(shree).filter(contact=contact.pk)
            assert mine.count() == count
            assert {message.thread_id for message in mine} == set(
                Thread.objects.of(shree).filter(contact=contact.pk).values_list("pk", flat=True)
            )


def test_a_conversation_that_only_one_of_them_has_moves(shree: Workspace, rekha: Member) -> None:
    gone = make_contact(shree, "Sunita D", phone=SECOND)
    keep = make_contact(shree, "Sunita Deshmukh", phone=SUNITA)
    came(shree, make_account(shree), sender=SECOND)
    with tenancy.inside(shree):
        merging.merge(keep=keep, gone=gone, choices={}, by=rekha, at=clock.now())
        assert Thread.objects.of(shree).get().contact_id == keep.pk


def test_what_was_said_goes_with_the_person(shree: Workspace, rekha: Member, thread: Thread) -> None:
    prakash = make_member(shree, Role.MANAGER)
    with tenancy.inside(shree):
        threads.note(thread=thread, text="@Prakash see", by=rekha, at=clock.now())
        threads.keep_draft(thread=thread, by=prakash, text="draft", at=clock.now())
        bins.delete(model=Contact, workspace=shree, by=rekha, at=clock.now(), ids=[thread.contact_id])
        assert not threads.visible(rekha).exists()
        assert bodies.find("monday", member=rekha) == []
        bins.purge(model=Contact, workspace=shree, by=rekha, at=clock.now(), ids=[thread.contact_id])
        for model in (Thread, Message, MessageWords, Mention, ReplyDraft):
            assert not model.objects.of(shree).exists()
        threads.recount(shree.pk)
        assert tally.count(threads.UNREAD, workspace=shree) == 0
