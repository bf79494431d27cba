"""Messages of people: each once, to whom it belongs, sealed, and counted as contact."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tally, tenancy
from amanat.core.models import StoredFile
from amanat.messaging.channels.contract import Attached
from amanat.messaging.inbox import arriving, bodies, fetching, threads
from amanat.messaging.inbox.models import Message, MessageFile, Thread
from amanat.messaging.inbox.tests.factories import SUNITA, arrive, came, make_account
from amanat.people.models import Contact, Interaction
from amanat.people.tests.factories import make_contact


def the_thread(workspace: Workspace) -> Thread:
    return Thread.objects.of(workspace).get()


def test_a_known_number_brings_its_contact(shree: Workspace) -> None:
    sunita = make_contact(shree, "Sunita Deshmukh", phone=SUNITA)
    message = came(shree, make_account(shree))
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).count() == 1
        assert (message.contact_id, bodies.open(message)) == (sunita.pk, "Haan, Monday ko aati hoon")
        thread = the_thread(shree)
        assert (thread.unread, thread.last_message_id, thread.addresses) == (1, message.pk, {"whatsapp": SUNITA})
        assert thread.waiting_since == message.happened_at


@pytest.mark.parametrize(
    ("channel", "sender", "name", "called", "reach"),
    [
        ("whatsapp", SUNITA, "Sunita  D.", "Sunita D.", SUNITA),
        ("whatsapp", SUNITA, "", "98220 41736", SUNITA),
        ("sms", "VK-BANKIN", "", "VK-BANKIN", ""),
        ("email", "Asha@Example.in", "Asha Menon", "Asha Menon", "asha@example.in"),
        ("email", "not an address", "", "not an address", ""),
    ],
)
def test_somebody_unknown_becomes_a_contact_with_its_source(  # noqa: PLR0917
    shree: Workspace, channel: str, sender: str, name: str, called: str, reach: str
) -> None:
    came(shree, make_account(shree, channel), sender=sender, name=name)
    with tenancy.inside(shree):
        made = Contact.objects.of(shree).get()
        assert (made.name, made.source, made.source_detail) == (called, channel, "Counter")
        assert (made.main_phone or made.main_email) == reach


def test_a_name_that_turns_letters_round_is_kept_without_that(shree: Workspace) -> None:
    came(shree, make_account(shree), sender="+919811122334", name="😈 \u202egnp.exe مرحبا\u2066")
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().name == "😈 gnp.exe مرحبا"


def test_the_second_message_of_somebody_new_finds_the_first(shree: Workspace) -> None:
    account = make_account(shree, "email")
    for sender in ("asha@example.in", "ASHA@example.in"):
        came(shree, account, sender=sender)
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).count() == 1
        assert the_thread(shree).unread == 2


def test_of_several_with_one_number_the_one_last_talked_to_is_meant(shree: Workspace) -> None:
    make_contact(shree, "Her brother", phone=SUNITA)
    talked = make_contact(shree, "Sunita Deshmukh", phone=SUNITA)
    with tenancy.inside(shree):
        threads.of_contact(talked.pk, workspace_id=shree.pk, at=clock.now())
    assert came(shree, make_account(shree)).contact_id == talked.pk


def test_a_message_arrives_once(shree: Workspace) -> None:
    account = make_account(shree)
    assert arrive(shree, account, provider_id="wamid.X") is not None
    assert arrive(shree, account, provider_id="wamid.X") is None
    with tenancy.inside(shree):
        assert (Message.objects.of(shree).count(), the_thread(shree).unread) == (1, 1)
        assert Interaction.objects.of(shree).filter(kind="message").count() == 1


def test_two_accounts_may_use_one_id(shree: Workspace) -> None:
    for account in (make_account(shree), make_account(shree, "sms")):
        assert arrive(shree, account, provider_id="1") is not None


def test_another_workspace_has_its_own_thread(shree: Workspace, other: Workspace) -> None:
    make_contact(shree, phone=SUNITA)
    came(other, make_account(other))
    with tenancy.inside(shree):
        assert not Thread.objects.of(shree).exists()
    with tenancy.inside(other):
        assert Contact.objects.of(other).get().source == "whatsapp"


def test_it_wakes_what_was_put_away_and_opens_the_window(shree: Workspace) -> None:
    account, now = make_account(shree), clock.now()
    came(shree, account, at=now - timedelta(days=3))
    with tenancy.inside(shree):
        thread, rekha = the_thread(shree), owner_of(shree)
        assert not thread.window_until or thread.window_until < now
        threads.snooze(thread=thread, until=now + timedelta(days=1), by=rekha, at=now)
        threads.close(thread=thread, by=rekha, at=now)
    message = came(shree, account, at=now)
    with tenancy.inside(shree):
        thread = the_thread(shree)
        assert (thread.closed_at, thread.snoozed_until, thread.unread) == (None, None, 1)
        assert thread.window_until == message.happened_at + arriving.WINDOW
        assert thread.window_account_id == account.pk


def test_a_late_message_moves_nothing_back(shree: Workspace) -> None:
    account, now = make_account(shree), clock.now()
    newest = came(shree, account, at=now - timedelta(minutes=5))
    late = came(shree, account, "earlier", at=now - timedelta(days=7))
    with tenancy.inside(shree):
        thread = the_thread(shree)
        assert (thread.last_message_id, thread.last_at) == (newest.pk, newest.happened_at)
        assert thread.window_until == newest.happened_at + arriving.WINDOW
        assert (thread.waiting_since, thread.unread) == (late.happened_at, 2)


def test_a_clock_ahead_of_ours_is_not_believed(shree: Workspace) -> None:
    assert came(shree, make_account(shree), at=clock.now() + timedelta(days=30)).happened_at <= clock.now()


def test_a_reaction_belongs_to_its_message_and_waits_for_nothing(shree: Workspace) -> None:
    account = make_account(shree)
    came(shree, account, "Thank you", provider_id="wamid.A")
    reaction = came(shree, account, "", reaction="🙏", answers="wamid.A")
    with tenancy.inside(shree):
        assert reaction.kind == Message.Kind.REACTION
        assert reaction.answers_id is not None
        assert (bodies.open(reaction), the_thread(shree).unread) == ("🙏", 1)


def test_an_unknown_kind_is_kept_as_something_else(shree: Workspace) -> None:
    account = make_account(shree)
    assert came(shree, account, kind="hologram").kind == Message.Kind.OTHER
    assert came(shree, account, "", choice="yes").kind == Message.Kind.CHOICE


def test_it_counts_as_contact_and_tells_no_words(shree: Workspace) -> None:
    message = came(shree, make_account(shree), "my secret")
    with tenancy.inside(shree):
        line = Interaction.objects.of(shree).get(kind="message")
        assert Contact.objects.of(shree).get().last_contact_at == message.happened_at
        assert "secret" not in line.summary + line.body + str(line.data)
        assert line.data["url"] == f"/inbox/{message.thread_id}/"


def test_nothing_readable_stands_in_the_database(shree: Workspace) -> None:
    came(
        shree,
        make_account(shree, "email"),
        "my secret",
        subject="secret too",
        html="<p>secret three</p>",
        sender="a@b.in",
    )
    with tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(m)::text FROM messaging_message m")
        (row,) = cursor.fetchone()
        assert "secret" not in row
        assert b"secret".hex() not in row
        cursor.execute("SELECT row_to_json(m)::text FROM messaging_messagewords m")
        assert "secret" not in cursor.fetchone()[0]


def test_hostile_html_is_inert(shree: Workspace) -> None:
    hostile = '<p onclick="x()">Hi<script>alert(1)</script><img src="https://t.example/p.gif"></p>'
    message = came(shree, make_account(shree, "email"), html=hostile, sender="a@b.in")
    with tenancy.inside(shree):
        assert bodies.open(message, "html") == "<p>Hi</p>"


def test_a_file_is_kept_and_a_bad_one_says_why(shree: Workspace) -> None:
    attached = [
        Attached("list.txt", "text/plain", b"ration card, passbook"),
        Attached("a.exe", "x", b"MZ" + b"\0" * 60),
    ]
    came(shree, make_account(shree), "", kind="media", files=attached)
    with tenancy.inside(shree):
        good, bad = MessageFile.objects.of(shree).order_by("position")
        assert (good.trouble, good.content_type) == ("", "text/plain")
        assert bad.file_id is None
        assert "Programs" in bad.trouble
        assert StoredFile.objects.of(shree).filter(kind=arriving.FILES).count() == 1


def test_a_file_the_provider_holds_is_fetched_once(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Holder:
        def fetch(self, access: Any, file: Attached) -> Attached:
            asked.append(file.provider_id)
            return Attached("photo.txt", "text/plain", b"what it holds")

    monkeypatch.setattr("amanat.messaging.channels.adapters.adapter_of", lambda account: Holder())
    came(shree, make_account(shree), "", kind="media", files=[Attached("", "image/jpeg", provider_id="media-1")])
    with tenancy.inside(shree):
        row = MessageFile.objects.of(shree).get()
    for _time in range(2):
        fetching.fetch(row.pk, workspace_id=shree.pk)
    with tenancy.inside(shree):
        row.refresh_from_db()
        assert (asked, row.name, row.file_id is not None) == (["media-1"], "photo.txt", True)


def test_the_count_of_unread_conversations_is_true(shree: Workspace) -> None:
    account = make_account(shree)
    for _time in range(3):
        came(shree, account)
    came(shree, account, sender="+919822041737")
    with tenancy.inside(shree):
        assert tally.count(threads.UNREAD, workspace=shree) == 2
        for thread in Thread.objects.of(shree):
            threads.mark_read(thread=thread, by=owner_of(shree), at=clock.now())
        assert tally.count(threads.UNREAD, workspace=shree) == 0
        assert threads.recount(shree.pk) == 0


@pytest.mark.parametrize("rows", [1, 3])
def test_taking_in_costs_the_same_however_much_was_said(
    shree: Workspace, rows: int, django_assert_max_num_queries: Any
) -> None:
    account = make_account(shree)
    for _time in range(rows):
        came(shree, account)
    with django_assert_max_num_queries(24):
        came(shree, account)


def test_what_arrives_costs_few_statements(shree: Workspace) -> None:
    """What came is worked off one by one, so each statement counts."""
    make_contact(shree, "Sunita Deshmukh", phone=SUNITA)
    account = make_account(shree)
    came(shree, account)  # whatever is made once
    with CaptureQueriesContext(connection) as said:
        came(shree, account, "Kab aana hai?")
    asked = [one["sql"] for one in said if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "SET LOCAL"))]
    assert len(asked) <= 12, asked
    assert sum(one["sql"].startswith("SAVEPOINT") for one in said) <= 2
