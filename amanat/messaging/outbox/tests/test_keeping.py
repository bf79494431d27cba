"""Calls of providers kept in one exchange with the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.core import keyring, tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import events
from amanat.messaging.outbox.models import ProviderEvent
from amanat.messaging.outbox.tests.post import NOON, Post

pytestmark = pytest.mark.usefixtures("committed_db")
CALL = [(b"a", {"n": "a"}), (b"b", {"n": "b"}), (b"a", {"n": "a"})]


def kept(account: ChannelAccount) -> int:
    with tenancy.inside(account.workspace_id):
        return ProviderEvent.objects.of(account.workspace_id).filter(account=account.pk).count()


def jobs_waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo'", [events.WORK]
        )
        return int(cursor.fetchone()[0])


def test_a_call_is_one_exchange_and_what_it_repeats_is_kept_once(post: Post, account: ChannelAccount) -> None:
    before = jobs_waiting()
    assert events.keep_at_once(account, CALL, NOON) == 2
    assert (kept(account), jobs_waiting()) == (2, before + 1)
    with CaptureQueriesContext(connection) as seen:
        assert events.keep_at_once(account, [*CALL, (b"c", {})], NOON + timedelta(seconds=1)) == 1
    assert len(seen) == 1, [each["sql"] for each in seen]
    assert (kept(account), jobs_waiting()) == (3, before + 1)
    assert events.keep_at_once(account, [], NOON) == 0
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = %s", [events.WORK])
    assert (events.keep_at_once(account, CALL, NOON), jobs_waiting()) == (0, 0), "nothing is new"


def test_nothing_of_it_stays_named_in_the_connection(post: Post, account: ChannelAccount) -> None:
    events.keep_at_once(account, CALL, NOON)
    events.keep_at_once(account, CALL, NOON)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.workspace', true)")
        assert not cursor.fetchone()[0]
    assert ProviderEvent.objects.of(account.workspace_id).count() == 0, "outside its workspace no row exists"


def test_without_the_keys_in_memory_it_is_kept_all_the_same(post: Post, account: ChannelAccount) -> None:
    for number in range(3):
        keyring.forget_all()
        assert events.keep_at_once(account, [(b"%d" % number, {"n": number})], NOON) == 1
    assert kept(account) == 3 and events.keep_at_once(account, [(b"0", {"n": 0})], NOON) == 0


def test_within_a_transaction_it_is_a_part_of_it(post: Post, account: ChannelAccount, other: Workspace) -> None:
    with pytest.raises(RuntimeError, match="as it must"), tenancy.inside(account.workspace_id):
        assert events.keep_at_once(account, CALL, NOON) == 2
        raise RuntimeError("as it must")
    assert kept(account) == 0
    with tenancy.inside(other), pytest.raises(tenancy.Unscoped):
        events.keep_at_once(account, CALL, NOON)
