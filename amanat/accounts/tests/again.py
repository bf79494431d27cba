"""The workspace that nearly every test begins with: made by the rules once in a process, and said again for each test that follows.

What the rules told the database is kept as text. For a later test it goes there in one piece, with ids, times, an address and keys of its
own: a fifth of the work, and no test can find anything that a process remembers of a workspace before.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.core import clock, ids, keyring, rootkeys
from amanat.core.models_vault import Use

_ID = re.compile(r"'([0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12})'")
_TIME = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.\d]*[+-]\d\d:\d\d'")
_BYTES = re.compile(r"'\\x([0-9a-f]+)'")
_ADDRESS = re.compile(r"user\d+@example\.in")
_TRANSACTIONS = ("SAVEPOINT", "RELEASE")

_kept: dict[tuple[str, str, str], Telling] = {}


class Telling:
    """The text, cut where each telling has something of its own."""

    def __init__(self, text: str, workspace: Workspace) -> None:
        self.workspace, self._text = workspace, text
        self._ids = sorted(
            {UUID(found) for found in _ID.findall(text)}
        )  # in the order they were drawn, by which rows are listed

    def again(self) -> Workspace:
        drawn = {old: ids.new() for old in self._ids}
        made = copy.copy(self.workspace)
        made.pk = made.workspace_id = drawn[self.workspace.pk]
        made.created_at = clock.now()
        keys = _keys(made.pk)
        address = f"user{next(factories._number)}@example.in"
        text = _TIME.sub(f"'{made.created_at.isoformat(' ')}'", self._text)
        text = _ID.sub(lambda found: f"'{drawn[UUID(found[1])]}'", _ADDRESS.sub(address, text))
        with connection.cursor() as cursor:
            cursor.execute(_BYTES.sub(lambda _: f"'\\x{next(keys).hex()}'", text))
        return made


def make_workspace(name: str, owner: str) -> Workspace:
    """As `factories.make_workspace` makes it, inside the transaction of a test."""
    kept = (name, owner, rootkeys.newest()[0])
    if kept in _kept:
        return _kept[kept].again()
    told: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(_TRANSACTIONS):
            told.append(context["cursor"].mogrify(sql, params))
        return execute(sql, params, many, context)

    waiting = len(connection.run_on_commit)
    with connection.execute_wrapper(note):
        made = factories.make_workspace(name, owner=owner)
    assert len(connection.run_on_commit) == waiting, "what is done after the commit would not be done again"
    _kept[kept] = Telling(";\n".join(told), copy.copy(made))
    return made


def _keys(workspace_id: UUID) -> Iterator[bytes]:
    """New keys, wrapped, in the order in which the factory writes them; remembered at once, as it does."""
    for use in (Use.SEAL, Use.FINGERPRINT):
        key = AESGCM.generate_key(256)
        keyring._memory.keep((workspace_id, use, 0), 1, key)
        yield keyring._wrapped(key, workspace_id, use, 1)
