"""What stands in the tables, so that a test can say that nothing was changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps

from amanat.accounts.models import OwnerLink, User, Workspace
from amanat.core import tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.core.tenancy import WorkspaceRow

_GLOBAL: tuple[Any, ...] = (User, EmailAddress, Authenticator, OwnerLink, LocalMessage)
#: Noted by every request with a token, refused or not.
_PASSING = {"last_used_at"}


def rows(*workspaces: Workspace) -> dict[str, list[dict[str, Any]]]:
    """Every row of this package's tables: users and what is theirs, and all that stands behind the walls of `workspaces`."""
    found = {model._meta.label: list(model.objects.order_by("pk").values()) for model in _GLOBAL}
    walled = [model for model in apps.get_app_config("accounts").get_models() if issubclass(model, WorkspaceRow)]
    for workspace in workspaces:
        with tenancy.inside(workspace):
            for model in (*walled, LedgerEntry):
                kept = model.objects.of(workspace).order_by("pk").values()
                found[f"{model._meta.label} {workspace.pk}"] = [
                    {name: value for name, value in row.items() if name not in _PASSING} for row in kept
                ]
    return found


@contextmanager
def nothing_changes(*workspaces: Workspace) -> Iterator[None]:
    before = rows(*workspaces)
    yield
    assert rows(*workspaces) == before
