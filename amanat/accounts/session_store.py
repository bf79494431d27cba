"""Sessions in the database, stored under the hash of their key, with what the list of devices shows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.utils.crypto import get_random_string

from amanat.accounts.models import Session, SignIn, User
from amanat.core import clock
from amanat.core.rows import Reader


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40]


@cache
def _readers() -> tuple[Reader[Session], Reader[User]]:
    return Reader(Session, "s"), Reader(User, "u")


def _read(key: str) -> Session | None:
    """The session of a hashed key that has not expired, with its user."""
    sessions, users = _readers()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {sessions.columns}, {users.columns} FROM accounts_session s LEFT JOIN accounts_user u ON u.id = s.user_id "  # noqa: S608
            "WHERE s.session_key = %s AND s.expire_date > %s",
            [key, clock.now()],
        )
        values = cursor.fetchone()
    if values is None:
        return None
    found = sessions.row(values[: sessions.width])
    found.user = users.row(values[sessions.width :]) if found.user_id else None
    return found


class SessionStore(DatabaseStore):
    """Django's store with three differences: hashed keys, our clock, and the row itself kept for the request (`row`)."""

    row: Session | None = None

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._described: dict[str, Any] = {}

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        if not self.session_key:
            return None
        found = _read(hashed(self.session_key))
        if found is None:
            self._session_key = None
        self.row = found
        return found

    def load(self) -> dict[str, Any]:
        found = self._get_session_from_db()
        return self.decode(found.session_data) if found else {}

    def create(self) -> None:
        self.row = None  # a new key has a new row, which nobody has read yet
        super().create()

    def choose_workspace(self, workspace_id: UUID | None) -> None:
        """Write which workspace this browser is in; nothing happens where no session is kept."""
        if not self.session_key:
            return
        Session.objects.filter(session_key=hashed(self.session_key)).update(workspace_id=workspace_id)
        if self.row is not None:
            self.row.workspace_id = workspace_id

    def describe(self, *, address: str | None, device: str, signed_in_at: datetime) -> None:
        """What the list of devices shows of this browser; written when the session is saved at the end of the request."""
        self._described = {"address": address, "device": device, "signed_in_at": signed_in_at}
        self.modified = True

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=hashed(session_key)).exists()

    def _get_new_session_key(self) -> str:
        """165 random bits. Whether the key is taken need not be asked before: writing it says so."""
        return get_random_string(32, VALID_KEY_CHARS)

    def save(self, must_create: bool = False) -> None:
        """One statement by hand: this runs with every sign-in and every message, and may be inside a transaction."""
        if self.session_key is None:
            return self.create()
        data: dict[str, Any] = cast(Any, self)._get_session(no_load=must_create)
        at = clock.now()
        values = {
            "session_data": self.encode(data),
            "expire_date": self.get_expiry_date(modification=at),
            "user_id": data.get("_auth_user_id"),
            "last_seen_at": at,
            **({"device": ""} if must_create else {}),
            **self._described,
        }
        if must_create:
            columns, places = ", ".join(values), ", ".join(["%s"] * len(values))
            statement = (
                f"INSERT INTO accounts_session ({columns}, session_key) VALUES ({places}, %s) ON CONFLICT DO NOTHING"  # noqa: S608
            )
        else:
            columns = ", ".join(f"{name} = %s" for name in values)
            statement = f"UPDATE accounts_session SET {columns} WHERE session_key = %s"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(statement, [*values.values(), hashed(self.session_key)])
            written = cursor.rowcount == 1
        if not written:
            raise CreateError if must_create else UpdateError  # the key was taken; or the session was ended elsewhere
        return None

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects.filter(session_key=hashed(key)).delete()

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        kwargs.setdefault("modification", clock.now())
        return super().get_expiry_date(**kwargs)

    @classmethod
    def clear_expired(cls) -> None:
        """Delete what has expired; the login history says until when each session could be used."""
        at = clock.now()
        expired = Session.objects.filter(expire_date__lt=at)
        until = expired.filter(session_key=OuterRef("session_key")).values("expire_date")
        SignIn.objects.filter(ended_at__isnull=True, session_key__in=expired.values("session_key")).update(
            ended_at=Subquery(until), ended_by="expired"
        )
        expired.delete()
