"""Closing a workspace: the owner ends it, everything can still be read and exported for a while, then all of it is gone.

**Design of the part that destroys.** `order` writes the day on which it goes (`keep.content`) into the workspace; from then on the route table
refuses every act that would change something, except those named in `accounts.access.stays_open`. `cancel` takes it back. On the day,
unless a legal hold stands:

1. What a law makes us keep of its people goes into the sealed store (`vault`), which outlives the workspace under its own keys.
2. One function of the database's owner deletes the rows of all tables of the workspace, ledger and policies among them, in one transaction.
   It refuses a workspace whose closing is not due. With the rows of keys everything sealed becomes
   noise; the keys that older backups hold end with these, within 30 days (docs/decisions/0006).
3. A note stays (`ClosedWorkspace`): an id, times, counts. A tombstone makes a restore do it again.
4. The objects of its files are removed; killed in between, the next run goes on.

The books: the business answers for them and takes them along (docs/decisions/0014-closing-and-the-books.md).
"""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from amanat.accounts import access
from amanat.accounts.models import Member, Session, Workspace
from amanat.core import clock, ledger, sealedobjects, tenancy, tombstones
from amanat.desk.models import Payment
from amanat.people.models import Contact
from amanat.privacy.closing.models import ClosedWorkspace, WorkspaceClosure
from amanat.privacy.retention import holds, reckoning
from amanat.privacy.vault import sealing
from amanat.publishing import versions

_PIECE = 500


class BooksNotTaken(Exception):
    """There are payments, and the owner has not said that she has the books the law makes her keep."""


class AlreadyClosing(Exception):
    """The workspace is being closed."""


def has_books(workspace_id: UUID) -> bool:
    """Whether money was taken here."""
    return Payment.objects.of(workspace_id).exists()


def current(workspace_id: UUID) -> WorkspaceClosure | None:
    """The closing under way."""
    rows = WorkspaceClosure.objects.of(workspace_id).select_related("asked_by")
    return rows.filter(cancelled_at__isnull=True).first()


def order(*, workspace: Workspace, by: Member, at: datetime, books_taken: bool) -> WorkspaceClosure:
    """Close the workspace at the end of its grace. Raises BooksNotTaken, AlreadyClosing."""
    if has_books(workspace.pk) and not books_taken:
        raise BooksNotTaken
    with transaction.atomic():
        kept = Workspace.objects.of(workspace).select_for_update().get()
        if kept.closing_at is not None:
            raise AlreadyClosing
        rule = reckoning.rule(versions.in_force(workspace, at).policy, "content")
        due_at = rule.until["closure"].after(at)
        closure = WorkspaceClosure.objects.create(
            workspace_id=workspace.pk, asked_at=at, due_at=due_at, asked_by=by, books_taken=books_taken
        )
        kept.closing_at = due_at
        kept.save(update_fields=["closing_at"])
        ledger.write(
            "workspaces.workspace.closing",
            workspace=workspace,
            by=by,
            about=workspace,
            at=at,
            due_at=due_at.isoformat(),
        )
    workspace.closing_at = due_at
    return closure


def cancel(*, workspace: Workspace, by: Member, at: datetime) -> None:
    """Take it back; nothing happens when nothing was closing."""
    with transaction.atomic():
        kept = Workspace.objects.of(workspace).select_for_update().get()
        if kept.closing_at is None:
            return
        WorkspaceClosure.objects.of(workspace).filter(cancelled_at__isnull=True).update(
            cancelled_at=at, cancelled_by=by
        )
        kept.closing_at = None
        kept.save(update_fields=["closing_at"])
        ledger.write("workspaces.workspace.kept", workspace=workspace, by=by, about=workspace, at=at)
    workspace.closing_at = None


def close_due(*, at: datetime) -> int:
    """Close the workspaces whose day has come, and finish what a killed run left; returns how many went."""
    done = 0
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            closure = current(workspace_id)
            held = holds.in_force(workspace_id, at).exists()
        if closure is not None and closure.due_at <= at and not held:
            _seal_people(workspace_id, at)
            delete(workspace_id, asked_at=closure.asked_at, at=at)
            done += 1
    for note in ClosedWorkspace.objects.filter(files_gone_at__isnull=True):
        _remove_files(note)
    destroy_sealed(at=at)
    return done


def _seal_people(workspace_id: UUID, at: datetime) -> None:
    last = None
    while True:
        with tenancy.inside(workspace_id):
            people = Contact.objects.of(workspace_id).order_by("id")
            ids = list((people.filter(pk__gt=last) if last else people).values_list("pk", flat=True)[:_PIECE])
            if not ids:
                return
            sealing.seal_before_erasure(ids, workspace_id=workspace_id, at=at, erasure_id=None)
            last = ids[-1]


def delete(workspace_id: UUID, *, asked_at: datetime, at: datetime) -> ClosedWorkspace:
    """Delete everything of a workspace. Call it outside of any transaction; may be done twice."""
    with tenancy.inside(workspace_id), connection.cursor() as cursor:
        cursor.execute("SELECT close_workspace(%s, %s)", [workspace_id, at])
        counted = cursor.fetchone()[0]
        counts: dict[str, int] = json.loads(counted) if isinstance(counted, str) else counted
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND args->>'workspace_id' = %s", [str(workspace_id)]
        )
        Session.objects.filter(workspace_id=workspace_id).update(workspace_id=None)
        note, _made = ClosedWorkspace.objects.get_or_create(
            was=workspace_id,
            defaults={"asked_at": asked_at, "gone_at": at, "counts": {k: n for k, n in counts.items() if n}},
        )
        tombstones.record(tombstones.Kind.WORKSPACE, [workspace_id], at=at)
    _remove_files(note)
    return note


def _remove_files(note: ClosedWorkspace) -> None:
    """Without their keys they are noise already; the disk shall not keep noise either."""
    now = clock.now()
    sealedobjects.delete(sealedobjects.names_of(note.was, older_than=now))
    sealedobjects.remove_unfinished(note.was, older_than=now)
    ClosedWorkspace.objects.filter(pk=note.pk).update(files_gone_at=now)


def destroy_sealed(*, at: datetime) -> int:
    """The sealed store of closed workspaces empties on its days as well; returns how many records went."""
    done = 0
    for was in ClosedWorkspace.objects.values_list("was", flat=True):
        with tenancy.inside(was), connection.cursor() as cursor:
            # Not through `sealing`, which writes to a ledger that is not there any more.
            cursor.execute(
                "DELETE FROM privacy_sealedrecord WHERE workspace_id = %s AND ends_on <= %s", [was, at.date()]
            )
            done += cursor.rowcount
            cursor.execute(
                "DELETE FROM core_workspacekey WHERE workspace_id = %s AND version <= %s", [was, at.date().toordinal()]
            )
    return done
