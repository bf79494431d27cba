"""Whose policy is the installation's own: the operator's workspace, named by a setting, else the first that was made."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import connection


def workspace_id() -> UUID | None:
    """None while there is no workspace at all."""
    named: str = settings.CONFIGURATION.operator_workspace
    if named:
        return UUID(named)
    with connection.cursor() as cursor:
        cursor.execute("SELECT first_workspace()")
        found: UUID | None = cursor.fetchone()[0]
    return found
