"""Contacts for tests, written by the rule that writes them in life."""

from __future__ import annotations

import json
import re
from datetime import datetime
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Workspace
from amanat.basis import passcodes
from amanat.core import clock
from amanat.people.models import Contact, Email, Phone


def mark_on(page: str, wanted: str = "") -> str:
    """The mark of the notice that a page shows, which its form brings back; the one for a choice where there are several."""
    before = f'name="wanted" value="{re.escape(wanted)}"><input type="hidden" ' if wanted else ""
    found = re.search(f'{before}name="shown" value="([^"]+)"', page)
    assert found
    return found[1]


def send_codes(at: datetime | None = None) -> list[bool]:
    """Send the codes that were asked for, as the worker would; whether anybody had the address."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = %s RETURNING args::text", [passcodes.SEND])
        waiting = [json.loads(row[0]) for row in cursor.fetchall()]
    return [
        passcodes.deliver(
            UUID(one["workspace_id"]), UUID(one["passcode"]), language=one["language"], at=at or clock.now()
        )
        for one in waiting
    ]


def make_contact(workspace: Workspace, name: str, *, phone: str = "", email: str = "", **fields: object) -> Contact:
    contact = Contact.objects.create(workspace_id=workspace.pk, name=name, main_phone=phone, main_email=email, **fields)
    if phone:
        Phone.objects.create(workspace_id=workspace.pk, contact=contact, number=phone)
    if email:
        Email.objects.create(workspace_id=workspace.pk, contact=contact, address=email)
    return contact
