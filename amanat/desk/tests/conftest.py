"""A workspace whose transactions really commit, for tests with several connections at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any, superuser: psycopg.Connection) -> Iterator[Any]:
    """Shree CSC Kendra, committed; everything of it is taken away again at the end."""
    from amanat.accounts.tests.factories import make_workspace, owner_of  # not before the apps are loaded
    from amanat.core import keyring

    with django_db_blocker.unblock():
        workspace = make_workspace()
        user = owner_of(workspace).user_id
        yield workspace
        connections.close_all()
    keyring.forget_all()
    tables = superuser.execute(
        "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_name) "
        "WHERE c.column_name = 'workspace_id' AND c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
    ).fetchall()
    superuser.execute("SET session_replication_role = replica")
    for (table,) in tables:
        superuser.execute(f'DELETE FROM "{table}" WHERE workspace_id::text = %s', [str(workspace.pk)])
    superuser.execute("DELETE FROM account_emailaddress WHERE user_id = %s", [user])
    superuser.execute("DELETE FROM accounts_user WHERE id = %s", [user])
    superuser.commit()
