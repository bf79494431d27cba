"""What a restore does last: everything that was ended for good since the backup is ended again (`core.tombstones`).

A file in the data folder (`swapping.restored_mark`), written before the restored data takes its place and removed when this is done, keeps the site
from opening in between: after a kill, the next start does it first. Doing it twice changes nothing.

- Contacts that were purged are erased again with all that holds them, and what a law keeps of them is sealed again; companies
  are purged again, papers destroyed are destroyed again; tokens revoked and seats ended are ended again.
- Orders of erasure that the backup caught before their end go on, search everything, and forget whom they looked for.
- Workspaces that were closed and accounts that were deleted go again, with files and keys.
- Users who changed their password since the backup have none until they set a new one: the old one may be known to others.
- Ways in that were closed and rights that were taken since stay closed and taken (`replay_access`).
- All sessions end. Jobs that waited in the backup do not run: they are parked, for somebody to look at, because the
  message of last week must not go out again. For the same reason messages that waited are held until somebody releases them,
  and today's reminders, which may have gone since the backup, wait for approval.
- The file of ledger heads is told which entries were lost, and each ledger gets an entry that says so.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, connections, transaction

from amanat.accounts import access, members
from amanat.accounts.models import ApiToken, Member, Session, User
from amanat.accounts.permissions import Role
from amanat.basis import restoring
from amanat.core import clock, ledger, tenancy, tombstones
from amanat.core.configuration import Configuration
from amanat.core.models import LedgerHead
from amanat.core.tombstones import Kind, Tombstones
from amanat.desk import papers
from amanat.messaging.outbox import ordering
from amanat.messaging.reminders import restoring as restoring_reminders
from amanat.operations import Refused, replay_access, swapping
from amanat.people import bin as deleted
from amanat.people.models import Company, Contact
from amanat.privacy.closing import users as closing_users
from amanat.privacy.closing import workspaces as closing
from amanat.privacy.closing.models import ClosedWorkspace
from amanat.privacy.erasure import erasing

_PIECE = 1000
_OF_A_WORKSPACE = (
    "contacts",
    "companies",
    "papers",
    "tokens",
    "seats",
    "owners",
    "rights",
    "opt_outs",
    "messages",
    "reminders",
)
#: Clocks of one machine that was set meanwhile, and the moment between the snapshot and its note.
_DOUBT = timedelta(minutes=5)
_PARK = """
UPDATE procrastinate_jobs SET status = CASE WHEN args ? 'workspace_id' THEN 'failed' ELSE 'aborted' END::procrastinate_job_status
WHERE status IN ('todo', 'doing')
"""


@dataclass(slots=True)
class Replayed:
    """How many of each were ended again."""

    contacts: int = 0
    companies: int = 0
    papers: int = 0
    tokens: int = 0
    seats: int = 0
    rights: int = 0  #: members whose role, sight or team is that of later
    passwords: int = 0
    factors: int = 0  #: ways to sign in that were removed, or used up
    addresses: int = 0  #: e-mail addresses that were left for others
    sessions: int = 0
    jobs: int = 0
    ledgers: int = 0  #: that lost entries
    is_remembered: bool = True  #: whether anything at all is known to have ended here
    closed: int = 0  #: workspaces that were closed
    users: int = 0  #: accounts that were deleted
    opt_outs: int = 0  #: addresses and people that nothing may be sent to since the backup
    messages: int = 0  #: that waited to be sent, and are held until somebody releases them
    reminders: int = 0  #: of today, which may have gone since the backup: they wait for a member's approval
    searching: int = 0  #: orders of erasure that found something, and know whom they look for until it is dealt with
    owners: int = 0  #: seats that were ended but are the only owner's in the backup: left, for somebody to look at

    def __str__(self) -> str:
        words = {
            "contacts": "contacts purged",
            "companies": "companies purged",
            "papers": "papers destroyed",
            "tokens": "tokens revoked",
            "seats": "seats ended",
            "passwords": "passwords to be set anew",
            "sessions": "sessions ended",
            "closed": "closed workspaces deleted",
            "users": "deleted accounts emptied",
            "opt_outs": "opt-outs, withdrawals, objections, restrictions and ends of guardianship that stand again",
            "jobs": "waiting jobs parked",
            "rights": "roles, sights and teams set as they were last",
            "factors": "removed ways to sign in removed",
            "addresses": "former e-mail addresses made void: see docs/operators.md",
            "messages": "waiting messages held until somebody releases them",
            "reminders": "reminders of today that wait for approval, because they may have gone out before",
            "ledgers": "ledgers marked as shortened",
            "searching": "erasures that found something, and search on: see Privacy, Erasures",
            "owners": "ended seats left because they are their workspace's only owner: look at them",
        }
        told = [f"{value} {words[name]}" for name, value in asdict(self).items() if value and name in words]
        return f"Done again since the backup: {', '.join(told) or 'nothing was needed'}."


def finish(configuration: Configuration) -> Replayed:
    """Do what is still to be done after a restore. Django must be set up, the schema up to date."""
    path = swapping.restored_mark(configuration)
    try:
        made_at = datetime.fromisoformat(json.loads(path.read_text())["made_at"])
    except (OSError, ValueError, KeyError):
        raise Refused(f"{path} is damaged: restore the backup once more.") from None
    try:
        done = _all_again(tombstones.read(), made_at=made_at, at=clock.now())
    except tombstones.KeyMissing as missing:
        raise Refused(str(missing)) from None
    path.unlink()
    return done


def _all_again(ended: Tombstones, *, made_at: datetime, at: datetime) -> Replayed:
    done = Replayed(is_remembered=len(ended) > 0, ledgers=ledger.mark_restored(made_at=made_at, at=at, heads=_heads()))
    with transaction.atomic(), connection.cursor() as cursor:
        done.sessions = Session.objects.all().delete()[0]
        cursor.execute(_PARK)
        done.jobs = cursor.rowcount
        done.passwords = _forget_passwords(ended, since=made_at - _DOUBT)
        done.factors = replay_access.factors(ended, since=made_at - _DOUBT)
        done.addresses = replay_access.addresses(ended, since=made_at - _DOUBT)
    done.closed = _close(ended, at)
    done.users = _empty_accounts(ended, at)
    for workspace in access.workspace_ids():
        with tenancy.inside(workspace):
            here = Replayed(
                contacts=erasing.again(_people_back(ended, workspace), workspace_id=workspace, at=at),
                companies=_purge(Company, Kind.COMPANY, ended, workspace, at),
                papers=papers.destroy_again(ended, workspace=workspace, at=at),
                tokens=_revoke(ended, workspace, at),
                opt_outs=restoring.again(ended, workspace_id=workspace),
                messages=ordering.hold_after_restore(workspace, at=at),
                reminders=restoring_reminders.hold(workspace, made_at=made_at, at=at),
            )
            here.seats, here.owners = _end_seats(ended, workspace, at)
            here.rights = replay_access.seats(ended, workspace, since=made_at - _DOUBT, at=at)
            counts = {name: getattr(here, name) for name in _OF_A_WORKSPACE}
            ledger.write(
                "operations.backup.restored", workspace=workspace, at=at, made_at=made_at.isoformat(), again=counts
            )
        for name, count in counts.items():
            setattr(done, name, getattr(done, name) + count)
        done.searching += erasing.settle(workspace)
    return done


def _heads() -> dict[UUID, tuple[int, str]]:
    with connections["owner"].cursor() as cursor:  # the owner's policy shows the rows of all workspaces
        cursor.execute(f"SELECT workspace_id, number, hash FROM {LedgerHead._meta.db_table}")  # noqa: S608 (ours)
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}


def _came_back(model: deleted.Kind, kind: Kind, ended: Tombstones, workspace: UUID) -> list[UUID]:
    """Those of the backup's records that were ended since; they may be alive in it."""
    ids = model.objects.of(workspace).values_list("pk", flat=True).iterator(chunk_size=_PIECE)
    return ended.among(kind, ids, workspace_id=workspace)


def _people_back(ended: Tombstones, workspace: UUID) -> dict[UUID, datetime]:
    """The people among them, each with the moment of the erasure: what a law keeps of them lies sealed from then on, not from today."""
    back = _came_back(Contact, Kind.CONTACT, ended, workspace)
    moments = ((one, ended.ended_at(Kind.CONTACT, one, workspace_id=workspace)) for one in back)
    return {one: moment for one, moment in moments if moment is not None}


def _purge(model: deleted.Kind, kind: Kind, ended: Tombstones, workspace: UUID, at: datetime) -> int:
    gone = _came_back(model, kind, ended, workspace)
    for piece in _pieces(gone):
        deleted.purge(model=model, workspace=workspace, by=None, at=at, ids=piece, also_alive=True)
    return len(gone)


def _close(ended: Tombstones, at: datetime) -> int:
    """Workspaces that the backup brought back: straight, their grace was over long ago."""
    back = [one for one in access.workspace_ids() if ended.ended_at(Kind.WORKSPACE, one)]
    for workspace in back:
        ClosedWorkspace.objects.get_or_create(was=workspace, defaults={"asked_at": at, "gone_at": at})
        closing.delete(workspace, asked_at=at, at=at)
    return len(back)


def _empty_accounts(ended: Tombstones, at: datetime) -> int:
    """Accounts that the backup brought back; one that owns a workspace alone stays for somebody to look at."""
    back = [user for user in User.objects.filter(is_active=True) if ended.ended_at(Kind.USER, user.pk)]
    return sum(closing_users.erase(user, at=at, because="restored") for user in back)


def _pieces(ids: list[UUID]) -> Iterable[list[UUID]]:
    return (ids[start : start + _PIECE] for start in range(0, len(ids), _PIECE))


def _revoke(ended: Tombstones, workspace: UUID, at: datetime) -> int:
    open_ones = ApiToken.objects.of(workspace).filter(revoked_at__isnull=True)
    gone = ended.among(Kind.TOKEN, open_ones.values_list("pk", flat=True), workspace_id=workspace)
    return ApiToken.objects.of(workspace).filter(pk__in=gone).update(revoked_at=at)


def _end_seats(ended: Tombstones, workspace: UUID, at: datetime) -> tuple[int, int]:
    """How many were ended, and how many were left: a workspace without an owner could never have one again."""
    seats = list(Member.objects.of(workspace).filter(ended_at__isnull=True))
    gone = set(ended.among(Kind.SEAT, [seat.pk for seat in seats], workspace_id=workspace))
    others = [seat for seat in seats if seat.role == Role.OWNER and seat.pk not in gone]
    done = left = 0
    for seat in (seat for seat in seats if seat.pk in gone):
        if seat.role == Role.OWNER and not others:
            left += 1
            continue
        members.end(member=seat, by=None, at=at)
        done += 1
    return done, left


def _forget_passwords(ended: Tombstones, *, since: datetime) -> int:
    count = 0
    for user in User.objects.only("pk", "password").iterator(chunk_size=_PIECE) if len(ended) else ():
        changed_at = ended.ended_at(Kind.PASSWORD, user.pk)
        if changed_at is not None and changed_at >= since:
            user.set_unusable_password()
            user.save(update_fields=["password"])
            count += 1
    return count
