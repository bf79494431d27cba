from __future__ import annotations

import json
import re

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import conftest
from amanat.accounts.models import Workspace
from amanat.accounts.tests import again, factories
from amanat.core import keyring, tenancy, vault


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


def _rows(workspace: Workspace) -> dict[str, list[list[str]]]:
    """All that the database holds of it, and of its owner, with ids by their order and without what is drawn by lot."""
    told = {}
    with tenancy.inside(workspace), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'django\\_%'"
        )
        for (table,) in sorted(cursor.fetchall()):
            cursor.execute(f'SELECT row_to_json(one)::text FROM "{table}" one')
            told[table] = [text for (text,) in cursor.fetchall()]
    owner = factories.owner_of(workspace).user_id
    return {
        table: sorted(_plain(text) for text in rows if str(workspace.pk) in text or str(owner) in text)
        for table, rows in told.items()
    }


def _plain(text: str) -> list[str]:
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "an id", text)
    row = json.loads(re.sub(r"\d{4}-\d\d-\d\dT[0-9:.+]+", "a time", text))
    is_drawn = {"wrapped", "email", "password", *(("id",) if isinstance(row.get("id"), int) else ())}
    return [f"{name}: {value}" for name, value in row.items() if name not in is_drawn]


@pytest.mark.usefixtures("db")
def test_a_workspace_said_again_is_as_the_rules_make_it() -> None:
    first, second = (again.make_workspace("Again", "Rekha") for _ in range(2))
    plain = factories.make_workspace("Again", owner="Rekha")
    found = [_rows(each) for each in (first, second, plain)]
    assert found[0] == found[2]
    assert found[1] == found[2]
    assert sum(len(rows) for rows in found[0].values()) >= 7
    assert (
        len({first.pk, second.pk, plain.pk})
        == len({factories.owner_of(each).user_id for each in (first, second, plain)})
        == 3
    )
    with tenancy.inside(second):
        sealed = vault.seal(b"x", workspace_id=second.pk, context="c")
        keyring.forget_all()
        assert vault.open(sealed, workspace_id=second.pk, context="c") == b"x"
