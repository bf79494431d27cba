"""Jobs of messaging: imported here, where the worker looks, each defined in its part."""

from __future__ import annotations

from amanat.messaging.channels import tasks as channels
from amanat.messaging.inbox import tasks as inbox
from amanat.messaging.outbox import tasks as outbox
from amanat.messaging.push import tasks as push
from amanat.messaging.reminders import tasks as reminders

__all__ = ["channels", "inbox", "outbox", "push", "reminders"]
