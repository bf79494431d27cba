"""What belongs to no workspace: users, their sessions and sign-ins, copies of messages. Swept by what all workspaces promise together.

Each workspace has its own policy; a user may sit in several. The shortest promise of them all counts, and every floor that one of them
names holds. Addresses of devices are shortened to their network (24 bits, 48 of IPv6), which still tells countries apart and no household.
Who has not signed in for as long as `keep.account` says is told first, and closed when the warning was handed over and its time is
over; signing in takes it back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from amanat.accounts import access
from amanat.accounts.models import User
from amanat.core import tenancy
from amanat.policy import ready
from amanat.policy.format import Policy
from amanat.privacy.closing import users
from amanat.privacy.retention import reckoning, tables, telling
from amanat.privacy.retention.due import AHEAD
from amanat.privacy.retention.models import HouseRun, UserDue
from amanat.privacy.retention.reckoning import Term
from amanat.publishing import versions

log = logging.getLogger(__name__)

LAST_LOGIN = "coalesce(u.last_login, u.created_at)"
_SHORTENED = "host(network(set_masklen(address, CASE family(address) WHEN 4 THEN 24 ELSE 48 END)))::inet"
_MOST = 500


def policies(*, at: datetime) -> list[Policy]:
    """The policies in force in this installation, each once."""
    found: dict[str, Policy] = {}
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            held = versions.in_force(workspace_id, at)
        found[held.digest if held.number else "0"] = held.policy
    return list(found.values()) or [ready.policy("default")]


def sweep(*, at: datetime) -> HouseRun:
    """Do all of it. Call it outside of any transaction."""
    run = HouseRun.objects.create(started_at=at)
    promised = policies(at=at)
    counts: dict[str, int] = {}
    for one in tables.counted():
        term = reckoning.strictest(promised, one.keep, one.trigger)
        if not one.is_of_a_workspace and term is not None and (count := _delete(one, term, at)):
            counts[one.label] = count
    counts["shortened"] = shorten(promised, at=at)
    counts["users"] = idle_users(promised, at=at)
    counts["closed"] = users.close_due(at=at)
    run.counts = {name: count for name, count in counts.items() if count}
    run.ended_at = max(at, run.started_at)
    run.save(update_fields=["counts", "ended_at"])
    return run


def _delete(one: tables.Counted, term: Term, at: datetime) -> int:
    done = 0
    while gone := tables.due_ids(one, term, at=at):
        done += one.model._default_manager.filter(pk__in=gone).delete()[0]
    return done


def shorten(promised: Iterable[Policy], *, at: datetime) -> int:
    """Shorten the addresses of devices that were seen longer ago than `ip_truncate` of the rule for use; returns how many."""
    done = 0
    for table, said, values in _whole_for_too_long(promised, at):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET address = {_SHORTENED} WHERE {said}", values)  # noqa: S608
            done += cursor.rowcount
    return done


def count_long(promised: Iterable[Policy], *, at: datetime) -> int:
    """How many whole addresses are older than promised."""
    found = 0
    for table, said, values in _whole_for_too_long(promised, at):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {said}", values)  # noqa: S608
            found += cursor.fetchone()[0]
    return found


def _whole_for_too_long(promised: Iterable[Policy], at: datetime) -> Iterator[tuple[str, str, list[Any]]]:
    """Each table with addresses, and the condition of those that were to be shortened by now."""
    periods = [keep.ip_truncate for policy in promised for keep in policy.keep.values() if keep.ip_truncate]
    if not periods:
        return
    for table, moment in (("accounts_session", "last_seen_at"), ("accounts_signin", "at")):
        conditions = [Term("usage", "seen", period.alone).due(moment, at) for period in periods]
        late = " OR ".join(said for said, _values in conditions)
        values = [value for _said, values in conditions for value in values]
        yield table, f"address IS NOT NULL AND address <> {_SHORTENED} AND ({late})", values


def account_term(promised: Iterable[Policy]) -> Term | None:
    """How long an account stays after the last sign-in."""
    return reckoning.strictest(promised, "account", "last_login")


def idle_users(promised: Iterable[Policy], *, at: datetime) -> int:
    """Warn users who will have been away too long, and close those who were warned in time; returns how many were closed."""
    term = account_term(promised)
    if term is None:
        return 0
    ahead = timedelta(seconds=term.warn.bounds[1]) + AHEAD if term.warn else timedelta()
    away = _away(term, at + ahead)
    UserDue.objects.exclude(user__in=list(away)).delete()  # signed in again, or promised otherwise
    closed = 0
    for user_id, due_at in away.items():
        with transaction.atomic():
            user = User.objects.select_for_update(of=("self",)).get(pk=user_id)
            row, _ = UserDue.objects.get_or_create(user=user, defaults={"due_at": due_at})
            if row.due_at != due_at:
                row.due_at, row.told_at = due_at, None
            if term.warn and row.told_at is None:
                _tell(row, user, at, not_before=term.warn.after(at))
            elif due_at <= at and (term.warn is None or (row.told_at and term.warn.after(row.told_at) <= at)):
                closed += users.erase(user, at=at, because="idle")
    return closed


def _away(term: Term, at: datetime) -> dict[UUID, datetime]:
    condition, values = term.due(LAST_LOGIN, at)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT u.id, {term.ends(LAST_LOGIN)} FROM accounts_user u WHERE u.is_active AND {condition} ORDER BY 2 LIMIT {_MOST}",  # noqa: S608
            values,
        )
        return dict(cursor.fetchall())


def _tell(row: UserDue, user: User, at: datetime, *, not_before: datetime) -> None:
    try:
        telling.tell_user(user, max(row.due_at, not_before))
        row.told_at = at
    except Exception:
        # Not told, so nothing is closed; the next run tries again.
        log.exception("a user could not be warned", extra={"user": str(user.pk)})
        row.tries += 1
    row.save(update_fields=["due_at", "told_at", "tries"])


# --- for probes ----------------------------------------------------------------------------------------------------


def late_users(promised: Iterable[Policy], *, at: datetime) -> int:
    """How many users had been away too long at `at` and are still here, though they were told in time."""
    term = account_term(promised)
    if term is None:
        return 0
    away = _away(term, at)
    told = dict(UserDue.objects.filter(user__in=list(away)).values_list("user_id", "told_at"))
    late = 0
    for user in User.objects.filter(pk__in=list(away)):
        when = told.get(user.pk)
        if term.warn is None or when is None or term.warn.after(when) <= at:
            late += not users.only_owner_of(user)
    return late


def count_late(promised: Iterable[Policy], *, at: datetime) -> int:
    """How many rows of tables that belong to no workspace are older than promised."""
    promised, late = list(promised), 0
    for one in tables.counted():
        term = reckoning.strictest(promised, one.keep, one.trigger)
        if not one.is_of_a_workspace and term is not None:
            late += tables.count(one, term, at=at)
    return late


def left_of_erased() -> tuple[int, int]:
    """Of how many deleted accounts something is left, and how many there are."""
    gone = User.objects.filter(email__endswith="@" + users.GONE)
    left = gone.exclude(name="", phone=None, last_login=None, is_active=False)
    return left.count(), gone.count()
