"""Where a user is signed in, and how she ends it: one device or all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from amanat.accounts import history
from amanat.accounts.models import Session, SignIn, User


@dataclass(frozen=True)
class Device:
    """One signed-in browser as its owner sees it. `id` is the hash under which the session is stored."""

    id: str
    name: str
    address: str
    signed_in_at: datetime
    last_seen_at: datetime
    is_this: bool

    @property
    def duration(self) -> timedelta:
        return self.last_seen_at - self.signed_in_at


def of(user: User, *, this: str, at: datetime) -> list[Device]:
    """The devices in which the user is signed in, this one first, then the newest. `this` is the hash of this session's key."""
    rows = _signed_in(user).filter(expire_date__gt=at).order_by(F("last_seen_at").desc())
    devices = [
        Device(
            id=row.session_key,
            name=row.device,
            address=row.address or "",
            signed_in_at=row.signed_in_at or row.last_seen_at,
            last_seen_at=row.last_seen_at,
            is_this=row.session_key == this,
        )
        for row in rows
    ]
    return sorted(devices, key=lambda device: not device.is_this)


def end(user: User, device_id: str, *, by: str = "revoked") -> bool:
    """End one session of the user; false when it is not hers or has ended already."""
    return _end(_signed_in(user).filter(session_key=device_id), by=by) > 0


def end_all(user: User, *, but: str = "", by: str = "revoked") -> int:
    """End all sessions of the user except the one whose hash is `but`; returns how many."""
    return _end(_signed_in(user).exclude(session_key=but), by=by)


def _signed_in(user: User) -> QuerySet[Session]:
    return Session.objects.filter(user=user)


def _end(rows: QuerySet[Session], *, by: str) -> int:
    with transaction.atomic():
        keys = list(rows.values_list("session_key", flat=True))
        for key in keys:
            history.ended(key, by=by)
        return Session.objects.filter(session_key__in=keys).delete()[0]


def past(user: User, *, before: SignIn | None = None, count: int) -> list[SignIn]:
    """Lines of the login history, newest first, older than `before`."""
    rows = SignIn.objects.filter(user=user).order_by("-at", "-id")
    if before is not None:
        rows = rows.filter(at__lte=before.at).exclude(at=before.at, id__gte=before.id)
    return list(rows[:count])
