"""The jobs: what is ordered has one waiting at once, the sweep finds what is due, told, or left behind."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from amanat.core import clock, tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import claiming, events, tasks
from amanat.messaging.outbox.journal import Journal
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, Post
from amanat.people.models import Contact


def waiting() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name, args->>'account' FROM procrastinate_jobs WHERE task_name LIKE 'messages.%' ORDER BY id"
        )
        return list(cursor.fetchall())


def forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def test_an_order_that_is_due_wakes_a_worker_once_and_a_later_one_is_found_when_it_is(
    account: ChannelAccount, asha: Contact
) -> None:
    with tenancy.inside(account.workspace_id):
        provider.order(asha, account, due_at=NOON + timedelta(hours=1))
        assert waiting() == []
        provider.order(asha, account)
        provider.order(asha, account)
    assert waiting() == [("messages.send", str(account.pk))]
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).filter(due_at=NOON).update(state="done")
    forget()
    tasks.sweep()
    assert waiting() == []
    with clock.standing_at(NOON + timedelta(hours=1)):
        tasks.sweep()
    assert waiting() == [("messages.send", str(account.pk))]


def test_the_sweep_leaves_paused_accounts_alone_and_finds_what_providers_told(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    with tenancy.inside(account.workspace_id):
        provider.order(asha, account)
        ChannelAccount.objects.of(account.workspace_id).update(state="paused")
        events.keep(account, [(b"one", {})], NOON)
    forget()
    tasks.sweep()
    assert waiting() == [("messages.events", str(account.pk))]


def test_the_sweep_puts_back_what_a_dead_worker_left(post: Post, account: ChannelAccount, asha: Contact) -> None:
    with tenancy.inside(account.workspace_id):
        row = provider.order(asha, account)
    with Journal(account.workspace_id) as dead, tenancy.inside(account.workspace_id):
        claiming.claim(account, dead.token, most=1)
    forget()
    tasks.sweep()
    assert waiting() == [("messages.send", str(account.pk))]
    tasks.send(account.workspace_id, account=str(account.pk))
    assert [taken.reference for taken in post.taken] == [row.pk]
