"""Who listens is told once of each change, in order, and of nothing that is none."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.core import tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import changes
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import Post


def test_changes_are_told_once_in_order_and_read_only_for_who_listens(
    post: Post, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[UUID]] = []

    def hook(here: UUID, found: Sequence[Change]) -> None:
        assert here == account.workspace_id
        heard.append([one.dispatch_id for one in found])

    monkeypatch.setattr(changes, "_hooks", [])
    with tenancy.inside(account.workspace_id) as here:
        rows = provider.order_each(account, 3)
        Dispatch.objects.of(here).filter(pk=rows[0].pk).update(tries=1)  # it stands behind the others in the table now
        keys = {row.pk for row in rows}
        with CaptureQueriesContext(connection) as seen:
            changes.tell_of(here, keys)
        assert len(seen) == 0
        for _time in range(2):
            changes.on_change(hook)
        changes.tell_of(here, keys)
        changes.tell_of(here, set())
        changes.tell(here, [])
        changes.pass_on(here, [])
    assert heard == [sorted(keys)]
