"""Browsers of members that switched notifications on, and the jobs worked off at once."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.test import Client

from amanat.accounts.models import Member
from amanat.accounts.session_store import hashed
from amanat.accounts.tests.factories import signed_in
from amanat.core import clock, tenancy
from amanat.messaging.push import devices, telling
from amanat.messaging.push.devices import Subscription
from amanat.messaging.push.models import PushDevice
from amanat.messaging.push.telling import What
from amanat.messaging.sandbox.running import Running


def subscription(double: Running) -> Subscription:
    made = double.doubles.push.subscribe(double.url)
    return Subscription(made["endpoint"], made["keys"]["p256dh"], made["keys"]["auth"])


def switched_on(double: Running, member: Member, wants: str = "all", browser: Client | None = None) -> PushDevice:
    """A browser in which the member is signed in and is told."""
    browser = browser or signed_in(member)
    with tenancy.inside(member.workspace_id):
        return devices.switch_on(
            by=member, subscription=subscription(double), session_key=hashed(str(browser.session.session_key)),
            name="Chrome on Android", wants=wants, at=clock.now(),
        )  # fmt: skip


def work_off() -> list[str]:
    """Do what waits, as the worker would, until nothing is left that is due; returns the outcomes of what was handed over."""
    done: list[str] = []
    while (found := _next()) is not None:
        name, arguments = found
        use_by = datetime.fromisoformat(arguments["use_by"])
        workspace_id, what, thread = UUID(arguments["workspace_id"]), What(arguments["what"]), UUID(arguments["thread"])
        if name == telling.TELL:
            whom = UUID(arguments["member"]) if arguments["member"] else None
            telling.tell(workspace_id, what=what, thread_id=thread, member_id=whom, use_by=use_by)
        else:
            outcome = telling.deliver(
                workspace_id, device_id=UUID(arguments["device"]), what=what, thread_id=thread, use_by=use_by,
                tries=arguments["tries"],
            )  # fmt: skip
            done.append(outcome.value if outcome else "nothing")
    return done


def _next() -> tuple[str, dict[str, Any]] | None:
    """The first push job that is due, taken out of the queue."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE id = (SELECT min(id) FROM procrastinate_jobs WHERE task_name LIKE "
            "'messaging.push.%%' AND (scheduled_at IS NULL OR scheduled_at <= %s)) RETURNING task_name, args::text",
            [clock.now()],
        )
        row = cursor.fetchone()
    return (row[0], json.loads(row[1])) if row else None


def waiting() -> list[datetime | None]:
    """When what still waits is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name LIKE 'messaging.push.%' ORDER BY id"
        )
        return [row[0] for row in cursor.fetchall()]
