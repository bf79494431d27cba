"""Noon in India, an account of the fake provider, and a person who agreed to reminders.

Models are imported inside: this file is read before the site is set up.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from amanat.core import clock

if TYPE_CHECKING:
    from amanat.accounts.models import Workspace
    from amanat.messaging.channels.models import ChannelAccount
    from amanat.messaging.outbox.tests.post import Post
    from amanat.people.models import Contact


@pytest.fixture
def noon() -> Iterator[datetime]:
    from amanat.messaging.outbox.tests.post import NOON

    with clock.standing_at(NOON):
        yield NOON


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    from amanat.messaging.outbox import sending, turns
    from amanat.messaging.outbox.tests import post as provider

    monkeypatch.setattr(sending, "_health", {})
    monkeypatch.setattr(turns, "_failing", {})
    monkeypatch.setattr(turns, "_seen", {})
    monkeypatch.setattr(sending, "_LINGER", 0.0)
    return provider.open_post()


@pytest.fixture
def account(noon: datetime, post: Post, shree: Workspace) -> ChannelAccount:
    from amanat.core import tenancy
    from amanat.messaging.outbox.tests import post as provider

    with tenancy.inside(shree):
        return provider.make_account(shree)


@pytest.fixture
def asha(noon: datetime, shree: Workspace) -> Contact:
    from amanat.core import tenancy
    from amanat.messaging.outbox.tests import post as provider

    with tenancy.inside(shree):
        return provider.make_person(shree)
