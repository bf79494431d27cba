"""Rows for tests, made by the rules that make them in life."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.test import Client

from amanat.accounts import workspaces
from amanat.accounts.models import Member, User, Workspace
from amanat.accounts.permissions import Role
from amanat.core import clock, keyring, tenancy

PASSWORD = "correct horse battery"
_number = count(1)


def make_user(name: str = "Asha Menon", *, email: str = "", password: str | None = None, **fields: Any) -> User:
    """A user with a verified e-mail. Without `password` none is set, which is quick."""
    email = email or f"user{next(_number)}@example.in"
    user = User.objects.create_user(email, password, name=name, **fields)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def make_workspace(
    name: str = "Shree CSC Kendra", *, owner: str | User = "Rekha Kulkarni", **details: Any
) -> Workspace:
    user = owner if isinstance(owner, User) else make_user(owner)
    with _keys_at_hand():
        return workspaces.create(name=name, owner=user, at=clock.now(), **details).workspace


@contextmanager
def _keys_at_hand() -> Iterator[None]:
    """Keys made inside are remembered at once, as by a process that serves a workspace which is there already.

    In life they are only when their transaction has committed, which a test's never does: it would ask for them at every use. Nothing
    is spoilt by a rollback, because no other workspace gets their id.
    """
    waiting = keyring._memory._uncommitted
    keyring._memory._uncommitted = _Nothing()
    try:
        yield
    finally:
        keyring._memory._uncommitted = waiting


class _Nothing(dict[tuple[UUID, str], list[Any]]):
    def setdefault(self, ring: tuple[UUID, str], default: Any = None, /) -> list[Any]:
        """Keep nothing."""
        return []


def owner_of(workspace: Workspace) -> Member:
    with tenancy.inside(workspace):
        return Member.objects.of(workspace).select_related("user", "workspace").filter(role=Role.OWNER).get()


def make_member(workspace: Workspace, role: str = Role.AGENT, *, name: str = "Prakash Jadhav", **fields: Any) -> Member:
    user = make_user(name)
    with tenancy.inside(workspace):
        member = Member.objects.create(workspace_id=workspace.id, user=user, role=role, name=name, **fields)
        member.workspace = workspace
        return member


def signed_in(member: Member, *, fresh: bool = True) -> Client:
    """A browser in which the member is signed in; `fresh` says whether it was within the last 15 minutes."""
    from amanat.accounts.models import Session
    from amanat.accounts.session_store import hashed

    client = Client()
    client.force_login(member.user)
    session = client.session
    when = time.time() - (0 if fresh else 3600)
    session["account_authentication_methods"] = [{"method": "password", "at": when, "email": member.user.email}]
    session["account_authentication_methods_user"] = str(member.user_id)
    session.save()
    Session.objects.filter(session_key=hashed(str(session.session_key))).update(
        workspace_id=member.workspace_id, signed_in_at=clock.now()
    )
    return client
