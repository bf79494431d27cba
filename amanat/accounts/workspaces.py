"""Making a workspace with its owner, and changing its details."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum.exceptions import ValidationError as NumberInvalid
from stdnum.in_ import gstin

from amanat.accounts.models import Member, User, Workspace
from amanat.accounts.permissions import Role
from amanat.core import ids, ledger, tenancy, vault

#: The details an owner may change, in the order of the form.
DETAILS = (
    "name", "kind", "place", "time_zone", "language", "csc_id", "registration_number", "vle_name", "legal_name", "gstin",
    "address", "phone", "email", "requires_mfa",
)  # fmt: skip


def create(*, name: str, owner: User, at: datetime, kind: str = Workspace.Kind.OTHER, **details: Any) -> Member:
    """Make a workspace and its first member, who owns it. Returns that member, with `workspace` loaded."""
    workspace_id = ids.new()
    with tenancy.inside(workspace_id):
        workspace = Workspace.objects.create(
            id=workspace_id, workspace_id=workspace_id, name=name, kind=kind, created_at=at, **details
        )
        member = Member.objects.create(
            workspace_id=workspace_id, user=owner, role=Role.OWNER, name=owner.name, joined_at=at, feed_secret=""
        )
        vault.make_keys(workspace_id)
        ledger.write("workspaces.workspace.created", workspace=workspace_id, by=member, about=workspace_id, at=at)
        member.workspace = workspace
    return member


def change(*, workspace: Workspace, by: Member, at: datetime, **details: Any) -> Workspace:
    """Change details of the workspace; names of the changed fields go to the ledger."""
    changed = sorted(name for name, value in details.items() if getattr(workspace, name) != value)
    unknown = set(details) - set(DETAILS)
    if unknown:
        raise ValueError(f"not details of a workspace: {', '.join(sorted(unknown))}")
    for name in changed:
        setattr(workspace, name, details[name])
    if changed:
        workspace.save(update_fields=changed)
        ledger.write("workspaces.workspace.changed", workspace=workspace, by=by, about=workspace, at=at, fields=changed)
    return workspace


def clean_gstin(text: str) -> str:
    """The GSTIN in its compact form; raises ValidationError when its check digit does not fit."""
    if not text.strip():
        return ""
    try:
        return str(gstin.validate(text))
    except NumberInvalid:
        raise ValidationError(
            _("This is not a valid GSTIN: 15 characters, and the last one checks the others.")
        ) from None


def time_zones() -> list[tuple[str, str]]:
    """IANA names for the form, India first."""
    names = sorted(
        name
        for name in zoneinfo.available_timezones()
        if "/" in name and not name.startswith(("Etc/", "posix", "right"))
    )
    return [
        ("Asia/Kolkata", _("India (Asia/Kolkata)")),
        *((name, name.replace("_", " ")) for name in names if name != "Asia/Kolkata"),
    ]


def by_id(workspace_id: UUID) -> Workspace:
    return Workspace.objects.of(workspace_id).get()
