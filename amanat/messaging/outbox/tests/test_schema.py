"""What the ledger is told of changed dispatches: the same as its general trigger tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON
from amanat.people.models import Contact


@pytest.fixture
def rows(account: ChannelAccount, asha: Contact) -> list[Dispatch]:
    with tenancy.inside(account.workspace_id):
        return [provider.order(asha, account) for _ in range(3)]


def told(account: ChannelAccount) -> list[dict[str, Any]]:
    """The facts of lines about updated dispatches, the newest last."""
    with tenancy.inside(account.workspace_id):
        found = LedgerEntry.objects.of(account.workspace_id).filter(event="row.updated").order_by("at")
        return [row.facts for row in found if row.facts["table"] == "messaging_dispatch"]


def test_a_statement_is_one_line_with_the_rows_and_the_columns_that_differ_in_any(
    rows: list[Dispatch], account: ChannelAccount
) -> None:
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).filter(pk__in=[row.pk for row in rows[:2]]).update(
            state="dead", reason="unreadable", ended_at=NOON, purpose=rows[0].purpose
        )
    (facts,) = told(account)
    assert (facts["count"], sorted(facts["ids"])) == (2, sorted(str(row.pk) for row in rows[:2]))
    assert facts["columns"] == ["ended_at", "reason", "state"]


def test_what_changes_nothing_is_not_told(rows: list[Dispatch], account: ChannelAccount) -> None:
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).update(state="todo", ended_at=None)
        Dispatch.objects.of(account.workspace_id).filter(address="nobody").update(state="dead")
    assert told(account) == []


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "state": st.sampled_from(["todo", "unknown", "done"]),
    "reason": st.sampled_from(["", "consent"]),
    "tries": st.integers(0, 2),
    "sent_at": st.sampled_from([None, NOON, NOON + timedelta(seconds=1)]),
    "extra": st.sampled_from([None, b"sealed"]),
    "source_id": st.sampled_from([None, "01a20469-e530-7186-b659-bf5ed0229f66"]),
}


@pytest.mark.slow
@given(first=st.fixed_dictionaries(VALUES), then=st.fixed_dictionaries(VALUES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_changes_is_named(
    rows: list[Dispatch], account: ChannelAccount, first: dict[str, Any], then: dict[str, Any]
) -> None:
    with tenancy.inside(account.workspace_id):
        of_one = Dispatch.objects.of(account.workspace_id).filter(pk=rows[0].pk)
        of_one.update(**first)
        before = len(told(account))
        of_one.update(**then)
    changed = sorted(name for name in VALUES if first[name] != then[name])
    assert [facts["columns"] for facts in told(account)[before:]] == ([changed] if changed else [])


@pytest.mark.django_db
def test_every_column_is_compared() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('dispatch_watch'::regproc)")
        said = cursor.fetchone()[0]
        cursor.execute(
            "SELECT tgfoid::regproc::text FROM pg_trigger WHERE tgrelid = 'messaging_dispatch'::regclass AND tgname = 'watch_update'"
        )
        assert cursor.fetchall() == [("dispatch_watch",)]
    missing = [
        field.column for field in Dispatch._meta.local_concrete_fields if f"o.{field.column} IS DISTINCT" not in said
    ]
    assert missing == []
