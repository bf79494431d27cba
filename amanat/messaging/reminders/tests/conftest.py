"""The provider in memory that the tests of the outbox send over, for what reminders have sent."""

from __future__ import annotations

from amanat.messaging.outbox.tests.conftest import account, noon, post

__all__ = ["account", "noon", "post"]
