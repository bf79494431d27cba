"""Who an act is about, when the contact it was about is gone: a keyed hash of the contact's id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from amanat.basis.models import (
    Act,
    Asking,
    ConsentRecord,
    Decision,
    Guardianship,
    Objection,
    Opening,
    Restriction,
)
from amanat.core import vault
from amanat.people.bin import Kind
from amanat.people.models import Contact

_ABOUT_CONTACTS: tuple[type[Act] | type[Asking] | type[Decision] | type[Opening], ...] = (
    ConsentRecord, Objection, Restriction, Guardianship, Asking, Decision, Opening,
)  # fmt: skip


def digest(contact_id: UUID, *, workspace_id: UUID) -> bytes:
    """32 bytes that stand for a contact and name nobody without the workspace's key."""
    return vault.fingerprint(str(contact_id), workspace_id=workspace_id, purpose="data_principal")


def let_go(model: Kind, workspace: UUID, ids: Sequence[UUID], at: datetime) -> None:
    """Before contacts are purged: their acts stay as proof, without the contact."""
    if model is Contact:
        for kind in _ABOUT_CONTACTS:
            kind.objects.of(workspace).filter(contact__in=list(ids)).update(contact=None)
        Guardianship.objects.of(workspace).filter(guardian__in=list(ids)).update(guardian=None)
