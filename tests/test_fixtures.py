from __future__ import annotations

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import conftest
from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.core import tenancy, vault


def _filled(superuser: psycopg.Connection) -> set[str]:
    tables = superuser.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {
        name for (name,) in tables if superuser.execute(f'SELECT EXISTS (SELECT FROM "{name}")').fetchone() == (True,)
    }


def test_all_that_was_committed_is_taken_away(committed_db: None, superuser: psycopg.Connection) -> None:
    factories.make_member(factories.make_workspace())
    new = set(conftest.KEPT)
    assert {"accounts_workspace", "accounts_member", "accounts_user", "core_ledgerentry"} <= _filled(superuser) - new
    superuser.rollback()
    conftest.empty(superuser)
    superuser.commit()
    assert _filled(superuser) == new
    superuser.rollback()


@pytest.mark.usefixtures("db")
def test_the_keys_of_a_test_s_workspace_are_remembered(shree: Workspace) -> None:
    with tenancy.inside(shree), CaptureQueriesContext(connection) as asked:
        vault.seal(b"x", workspace_id=shree.pk, context="c")
        vault.fingerprint("x", workspace_id=shree.pk, purpose="p")
    assert len(asked) == 0
