"""Copies of everything about a person: ordered, made by a job, handed out until their day, then destroyed.

An archive is sealed as it is written and is never in the clear on a disk. It is given out over the same TLS as every page: to a member who
may answer requests and signed in a moment ago, or to the person by a link that needs a one-time code (`handing`).
The period for which it lies ready is the policy's for working data, `keep.working`.
A worker that dies over a copy leaves neither row nor file half made: the next one begins again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.basis import rules
from amanat.core import clock, files, jobs, ledger, tenancy
from amanat.core.filetypes import FileType
from amanat.core.models import StoredFile
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.people import bin as deleted
from amanat.people.models import Contact
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.privacy.copies import archive, chapters, gathering, telling
from amanat.privacy.copies.models import PersonCopy

KIND = gathering.ARCHIVE
JOB = "privacy.copy"
State = PersonCopy.State
files.register_kind(KIND, allowed=frozenset({FileType.ZIP}), most_bytes=4_000 * files.MEGABYTE)


class NoSuchCopy(LookupError):
    """There is no such copy here, or it is not made yet, or its time is over."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A copy on its way out."""

    name: str
    size: int
    pieces: Iterator[bytes]


def order(
    *,
    workspace: HasId,
    contact_id: UUID,
    language: str,
    by: Member | None,
    at: datetime,
    request_id: UUID | None = None,
) -> PersonCopy:
    """Ask for a copy; a job makes it. The same request is not answered twice: a copy that waits for it is given back."""
    here = workspace_id_of(workspace)
    with transaction.atomic():
        waiting = (
            PersonCopy.objects.of(here)
            .filter(contact_id=contact_id, state=State.ORDERED, request_id=request_id)
            .first()
        )
        if waiting is not None:
            return waiting
        copy = PersonCopy.objects.create(
            workspace_id=here, contact_id=contact_id, language=chapters.language_of(language), ordered_at=at, ordered_by=by,
            request_id=request_id,
        )  # fmt: skip
        ledger.write("privacy.copy.ordered", workspace=here, by=by, about=contact_id, at=at, copy=str(copy.pk))
        jobs.enqueue(JOB, workspace=here, copy=str(copy.pk))
    return copy


def make(copy_id: UUID, *, workspace_id: UUID) -> PersonCopy | None:
    """Write the archive of an ordered copy. Safe to repeat: what is made, over or gone is left alone."""
    with tenancy.inside(workspace_id):
        copy = PersonCopy.objects.of(workspace_id).select_for_update().filter(pk=copy_id).first()
        if copy is None or copy.state != State.ORDERED or copy.contact_id is None:
            return copy
        workspace = Workspace.objects.of(workspace_id).get(pk=workspace_id)
        at = clock.now()
        with translation.override(copy.language), timezone.override(ZoneInfo(workspace.time_zone)):
            gathered = gathering.of([copy.contact_id], workspace_id=workspace_id)
            if not gathered.contact_ids:
                return _failed(copy, _("There is no such person any more."))
            try:
                copy.file = _written(copy, gathered, workspace, at)
            except (files.FileRefused, files.FileDamaged) as refusal:
                return _failed(copy, str(refusal))
        copy.state, copy.made_at, copy.counts = State.DONE, at, gathered.counts()
        copy.expires_at = expiry(rules.of(workspace_id).policy, at)
        copy.save(update_fields=["file", "state", "made_at", "counts", "expires_at"])
        ledger.write(
            "privacy.copy.made", workspace=workspace_id, by=copy.ordered_by_id, about=copy.contact_id, at=at,
            copy=str(copy.pk), count=sum(copy.counts.values()), files=len(gathered.files),
        )  # fmt: skip
    return copy


def _written(copy: PersonCopy, gathered: gathering.Gathered, workspace: Workspace, at: datetime) -> StoredFile:
    teller = telling.of(gathered)
    document = chapters.document(gathered, teller, workspace=workspace, at=at)
    name = f"copy-{at:%Y-%m-%d}.zip"
    with files.writing(
        workspace_id=workspace.pk, name=name, by=copy.ordered_by_id, kind=KIND, found=FileType.ZIP
    ) as target:
        archive.write(
            cast(IO[bytes], target), gathered=gathered, teller=teller, document=document, workspace=workspace, at=at
        )
    return target.file


def _failed(copy: PersonCopy, problem: str) -> PersonCopy:
    copy.state, copy.problem = State.FAILED, problem[:300]
    copy.save(update_fields=["state", "problem"])
    return copy


def expiry(policy: Policy, at: datetime) -> datetime:
    """Until when a copy made at `at` lies ready: the policy's period for working data, at most that for an answer."""
    working = policy.keep.get("working")
    periods: list[Duration] = [policy.rights.due.alone, *(working.until.values() if working else ())]
    return min(period.after(at) for period in periods)


def open_for_person(
    copy_id: UUID, workspace_id: UUID, *, by: Member | None = None, at: datetime | None = None
) -> Handed:
    """The archive, piece by piece, for the person (or a member who hands it to her); the taking is written down.

    The caller has made sure who asks. Raises NoSuchCopy. Call inside the transaction of the workspace; the pieces may be read after it.
    """
    moment = at or clock.now()
    copy = (
        PersonCopy.objects.of(workspace_id)
        .select_for_update(of=("self",))
        .filter(pk=copy_id, state=State.DONE, expires_at__gt=moment)
        .first()
    )
    file = StoredFile.objects.of(workspace_id).filter(pk=copy.file_id).first() if copy and copy.file_id else None
    if copy is None or file is None:
        raise NoSuchCopy
    copy.opened_at = copy.opened_at or moment
    copy.openings += 1
    copy.save(update_fields=["opened_at", "openings"])
    ledger.write(
        "privacy.copy.taken", workspace=workspace_id, by=by, about=copy.contact_id, at=moment, copy=str(copy.pk)
    )
    return Handed(file.name, file.size, files.read(file))


def expire_due(workspace_id: UUID, *, at: datetime) -> int:
    """Destroy the archives whose day has come; returns how many."""
    with tenancy.inside(workspace_id):
        due = list(PersonCopy.objects.of(workspace_id).filter(state=State.DONE, expires_at__lte=at))
        for copy in due:
            destroy(copy)
            ledger.write(
                "privacy.copy.expired", workspace=workspace_id, about=copy.contact_id, at=at, copy=str(copy.pk)
            )
    return len(due)


def destroy(copy: PersonCopy) -> None:
    """Take the archive and its key away; that there was a copy stays known."""
    file = StoredFile.objects.of(copy.workspace_id).filter(pk=copy.file_id).first() if copy.file_id else None
    PersonCopy.objects.of(copy.workspace_id).filter(pk=copy.pk).update(state=State.EXPIRED, file=None, code=None)
    if file is not None:
        files.delete(file)


def let_go(model: deleted.Kind, workspace: UUID, ids: Sequence[UUID], at: datetime) -> None:
    """Before people go: their archives go with their keys, and what was not made yet never will be."""
    if model is not Contact:
        return
    theirs = PersonCopy.objects.of(workspace).filter(contact__in=list(ids))
    for copy in theirs.filter(state=State.DONE):
        destroy(copy)
    theirs.filter(state=State.ORDERED).update(state=State.FAILED, problem=_("There is no such person any more."))


#: Jobs that were lost are ordered again after this.
LOST_AFTER = timedelta(hours=1)


def order_lost_again(workspace_id: UUID, *, at: datetime) -> int:
    """Copies that wait though no job for them does: put the job back. Returns how many."""
    with tenancy.inside(workspace_id):
        waiting = PersonCopy.objects.of(workspace_id).filter(state=State.ORDERED, ordered_at__lte=at - LOST_AFTER)
        lost = [str(pk) for pk in waiting.values_list("pk", flat=True)]
        known = jobs.under_way([JOB], argument="copy", among=lost) if lost else set()
        for pk in set(lost) - known:
            jobs.enqueue(JOB, workspace=workspace_id, copy=pk)
    return len(set(lost) - known)
