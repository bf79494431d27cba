"""Rows for tests, made by the rules that make them in life."""

from __future__ import annotations

import time
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import UUID

from allauth.account.models import EmailAddress
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.test import Client

from amanat.accounts import workspaces
from amanat.accounts.models import Member, User, Workspace
from amanat.accounts.permissions import Role
from amanat.core import clock, keyring, rootkeys, tenancy, vault
from amanat.core.models_vault import Use, WorkspaceKey

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
    with patch.object(vault, "make_keys", _make_keys_at_once):
        return workspaces.create(name=name, owner=user, at=clock.now(), **details).workspace


def _make_keys_at_once(workspace_id: UUID) -> None:
    """The keys of a new workspace in one statement instead of six, and remembered at once, as by a process that serves a workspace which
    is there already.

    In life they are remembered only when their transaction has committed, which a test's never does: it would ask for them at every use.
    Nothing is spoilt by a rollback, because no other workspace gets their id.
    """
    rows = []
    for use in (Use.SEAL, Use.FINGERPRINT):
        key = AESGCM.generate_key(256)
        wrapped = keyring._wrapped(key, workspace_id, use, 1)
        rows.append(
            WorkspaceKey(workspace_id=workspace_id, use=use, version=1, root_id=rootkeys.newest()[0], wrapped=wrapped)
        )
        keyring._memory.keep((workspace_id, use, 0), 1, key)
    WorkspaceKey.objects.bulk_create(rows)


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
