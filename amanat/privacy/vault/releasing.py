"""The one way out of the sealed store: a request by law about a named person, allowed by a second member, opened once.

Who asks names the authority, the reason and an address of the person; a record is found only by that address. Another member with
the same right allows or refuses. Opening shows the body once, to one of the two, and every step is in the ledger.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from amanat.accounts.models import Member, Workspace
from amanat.core import ledger, phones
from amanat.privacy.vault import sealing
from amanat.privacy.vault.models import SealedRecord, VaultRelease


class NothingSealed(LookupError):
    """No record was sealed of somebody with this address."""


class ReleaseRefused(Exception):
    """The step is not open to this member, or not any more."""


def ask(
    *, workspace: Workspace, address: str, authority: str, reason: str, by: Member, at: datetime
) -> list[VaultRelease]:
    """Ask to have what is sealed of the person with `address` opened. Raises NothingSealed."""
    marks = [sealing.fingerprint(one, workspace_id=workspace.pk) for one in _spellings(address)]
    rows = SealedRecord.objects.of(workspace).filter(found_by__overlap=marks, ends_on__gt=at.date())
    found = list(rows.values_list("pk", flat=True))
    if not found:
        raise NothingSealed
    with transaction.atomic():
        made = [
            VaultRelease.objects.create(
                workspace_id=workspace.pk, record_id=pk, reason=reason, authority=authority, asked_at=at, asked_by=by
            )
            for pk in found
        ]
        for release in made:
            ledger.write(
                "privacy.vault.asked",
                workspace=workspace,
                by=by,
                about=release.record_id,
                at=at,
                release=str(release.pk),
            )
    return made


def _spellings(address: str) -> list[str]:
    plain = address.strip().lower()
    number = None if "@" in plain else phones.parse(plain, settings.DEFAULT_REGION)
    return [plain, str(number)] if number else [plain]


def allow(*, release: VaultRelease, by: Member, at: datetime) -> VaultRelease:
    """Allow it as the second of two. Raises ReleaseRefused for the one who asked, and when it was decided already."""
    return _decide(release, by, at, allowed=True)


def refuse(*, release: VaultRelease, by: Member, at: datetime) -> VaultRelease:
    """Refuse it for good. Raises ReleaseRefused as `allow`."""
    return _decide(release, by, at, allowed=False)


def _decide(release: VaultRelease, by: Member, at: datetime, *, allowed: bool) -> VaultRelease:
    with transaction.atomic():
        kept = _locked(release)
        if kept.asked_by_id == by.pk or kept.allowed_at or kept.refused_at:
            raise ReleaseRefused
        if allowed:
            kept.allowed_at, kept.allowed_by = at, by
        else:
            kept.refused_at = at
        kept.save()
        event = "privacy.vault.allowed" if allowed else "privacy.vault.refused"
        ledger.write(event, workspace=kept.workspace_id, by=by, about=kept.record_id, at=at, release=str(kept.pk))
    return kept


def open_once(*, release: VaultRelease, by: Member, at: datetime) -> dict[str, Any]:
    """What was sealed, for one of the two, once. Raises ReleaseRefused; NothingSealed when its day has come meanwhile."""
    with transaction.atomic():
        kept = _locked(release)
        if kept.allowed_at is None or kept.opened_at is not None or by.pk not in {kept.asked_by_id, kept.allowed_by_id}:
            raise ReleaseRefused
        record = SealedRecord.objects.of(kept.workspace_id).filter(pk=kept.record_id).first()
        if record is None:
            raise NothingSealed
        kept.opened_at, kept.opened_by = at, by
        kept.save()
        ledger.write(
            "privacy.vault.opened",
            workspace=kept.workspace_id,
            by=by,
            about=kept.record_id,
            at=at,
            release=str(kept.pk),
        )
        return sealing.opened(record)


def _locked(release: VaultRelease) -> VaultRelease:
    kept: VaultRelease = (
        VaultRelease.objects.of(release.workspace_id).select_for_update(of=("self",)).get(pk=release.pk)
    )
    return kept
