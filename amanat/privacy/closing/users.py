"""Closing an account: a user goes when she likes, or after years away.

**Design of the part that destroys.** Closing signs her out everywhere, tells her by mail and writes down the day on which the account goes
(`keep.account`, the shortest of what her workspaces promise). Signing in before that day takes it back. On the day her seats end, her tokens and feeds with them,
and the user's row is emptied: e-mail, name, number, password, second factors, sessions and sign-in history are gone, what is left is a
key that old records point at. Her name stays in a workspace beside what she wrote there, as its records must say who took money.

The only owner of a workspace hands it over or closes it first; nobody may be left in a shop that no one can open or close.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial, reduce
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts import access, members, sessions
from amanat.accounts.access import Seat
from amanat.accounts.models import Member, Session, SignIn, User
from amanat.accounts.permissions import Role
from amanat.core import ledger, tenancy, tombstones
from amanat.policy import ready
from amanat.policy.durations import Duration, shorter
from amanat.privacy.closing import letters, workspaces
from amanat.privacy.closing.models import AccountClosure
from amanat.privacy.retention import reckoning
from amanat.publishing import versions

log = logging.getLogger(__name__)

GONE = "erased.invalid"  #: RFC 2606: no such address can exist


class OnlyOwner(Exception):
    """The user is the only owner of a workspace: `seats` names them."""

    def __init__(self, seats: list[Seat]) -> None:
        self.seats = seats
        super().__init__(
            _("You are the only owner of %(names)s. Make somebody else an owner, or close it first.")
            % {"names": ", ".join(seat.name for seat in seats)}
        )


def grace(user: User, *, at: datetime) -> Duration:
    """How long the account of a user stays after she closed it."""
    found: list[Duration] = []
    for seat in access.seats_of(user):
        with tenancy.inside(seat.workspace_id):
            found.append(reckoning.rule(versions.in_force(seat.workspace_id, at).policy, "account").until["closure"])
    return reduce(shorter, found or [ready.policy("default").keep["account"].until["closure"]])


def only_owner_of(user: User) -> list[Seat]:
    """The workspaces that nobody else owns."""
    found = []
    for seat in access.seats_of(user):
        if seat.role == Role.OWNER:
            with tenancy.inside(seat.workspace_id):
                owners = Member.objects.of(seat.workspace_id).filter(
                    role=Role.OWNER, ended_at__isnull=True, user__is_active=True, workspace__closing_at__isnull=True
                )
                if owners.exists() and not owners.exclude(pk=seat.member_id).exists():
                    found.append(seat)
    return found


def close(*, user: User, at: datetime) -> AccountClosure:
    """Write down that the account goes, and sign the user out everywhere. Raises OnlyOwner."""
    if seats := only_owner_of(user):
        raise OnlyOwner(seats)
    with transaction.atomic():
        closure, _made = AccountClosure.objects.update_or_create(
            user=user, defaults={"asked_at": at, "due_at": grace(user, at=at).after(at)}
        )
        sessions.end_all(user, by="closed")
        transaction.on_commit(partial(letters.closed, user, closure.due_at))
    return closure


def closing(user: User) -> AccountClosure | None:
    """The closure under way; one that a later sign-in took back is none."""
    closure = AccountClosure.objects.filter(user=user).first()
    return None if closure is None or _is_taken_back(user, closure) else closure


def _is_taken_back(user: User, closure: AccountClosure) -> bool:
    return user.last_login is not None and user.last_login > closure.asked_at


def welcome(user: User) -> str:
    """Said at the sign-in that takes a closing back; "" at any other."""
    return _("Your account is not closed: you signed in again, so everything stays.") if closing(user) else ""


def close_due(*, at: datetime) -> int:
    """Empty the accounts whose day has come; forget the closures that were taken back. Returns how many accounts went."""
    done = 0
    for closure in AccountClosure.objects.select_related("user").order_by("due_at"):
        if _is_taken_back(closure.user, closure):
            letters.stays(closure.user)
            closure.delete()
        elif closure.due_at <= at:
            done += erase(closure.user, at=at, because="closed")
    return done


def erase(user: User, *, at: datetime, because: str) -> int:
    """Empty an account for good; returns 1, or 0 when the user is the only owner of a workspace. May be done twice."""
    if _left_alone(user, at):
        log.warning("an account stays, because nobody else owns its workspace", extra={"user": str(user.pk)})
        return 0
    with transaction.atomic():
        for seat in access.seats_of(user):
            _end(seat, at, because)
        for model in (EmailAddress, Authenticator, SignIn, Session, AccountClosure):
            rows: Any = model._default_manager
            rows.filter(user=user).delete()
        User.objects.filter(pk=user.pk).update(
            email=f"{user.pk}@{GONE}", name="", phone=None, phone_verified_at=None, password="!", last_login=None,  # noqa: S106 (none)
            language="en", theme="", is_active=False,
        )  # fmt: skip
        tombstones.record(tombstones.Kind.USER, [user.pk], at=at)
    return 1


def _left_alone(user: User, at: datetime) -> bool:
    """Whether members would be left without an owner. Where she is alone, her workspace closes after its own grace."""
    stays = False
    for seat in only_owner_of(user):
        with tenancy.inside(seat.workspace_id):
            others = Member.objects.of(seat.workspace_id).filter(ended_at__isnull=True, user__is_active=True)
            if others.exclude(pk=seat.member_id).exists():
                stays = True
                continue
            member = Member.objects.of(seat.workspace_id).select_related("workspace").get(pk=seat.member_id)
            workspaces.order(workspace=member.workspace, by=member, at=at, books_taken=True)
    return stays


def _end(seat: Seat, at: datetime, because: str) -> None:
    # One transaction holds all of it, so the workspaces take turns inside of it.
    tenancy.name_workspace(seat.workspace_id)
    try:
        member = Member.objects.of(seat.workspace_id).get(pk=seat.member_id)
        if not member.is_owner or not _closes(seat):
            members.end(member=member, by=None, at=at)
        else:
            Member.objects.of(seat.workspace_id).filter(pk=member.pk).update(ended_at=at, feed_secret="")
        ledger.write("accounts.user.erased", workspace=seat.workspace_id, about=member, at=at, because=because)
    finally:
        tenancy.name_workspace(None)


def _closes(seat: Seat) -> bool:
    """Whether the workspace is closing itself, so that it needs no owner any more."""
    member = Member.objects.of(seat.workspace_id).select_related("workspace").get(pk=seat.member_id)
    return member.workspace.closing_at is not None
