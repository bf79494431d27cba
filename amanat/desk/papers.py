"""Papers of people: taken in with distrust, kept encrypted, opened only with a reason, gone when they have served.

The file lies in `core.files` under its own key; the number is sealed by `core.vault`, and only its last four characters
stand in the open, for lists. Nobody opens a paper by following a link that turned up: `open_file` first writes down who,
when and why (`PaperOpening`, and the ledger), then gives a link good for one download within minutes. When the service
is delivered, papers that were promised to vanish do: file, key and number are destroyed, and the row says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from stdnum.exceptions import ValidationError as NumberInvalid
from stdnum.in_ import aadhaar, pan

from amanat.accounts import access
from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import filelinks, files, filetypes, ids, ledger, tombstones, vault
from amanat.core.filelinks import FileLink, LinkRefused
from amanat.core.files import FileRefused, Readable
from amanat.core.models import StoredFile
from amanat.core.tombstones import Kind, Tombstones
from amanat.desk.models import Paper, PaperOpening, ServiceRecord
from amanat.people import timeline
from amanat.people.drafts import plain
from amanat.people.models import Contact
from amanat.web import formatting

NUMBER_COLUMN = "desk.Paper.number_sealed"
MOST_BYTES = 10 * filetypes.MEGABYTE
_TAIL = 4
_NUMBER = re.compile(r"[A-Z0-9/-]{3,30}")
#: Types that can carry a watermark.
MARKABLE = {*(kind.value for kind in filetypes.PICTURES), filetypes.FileType.PDF.value}


class PaperRefused(ValueError):
    """The paper is not taken or not shown; the text says why."""


@dataclass(frozen=True)
class Opened:
    """What an opening gave: a link token for a file, or the number itself."""

    opening: PaperOpening
    token: str = ""
    number: str = ""


def attach(
    *,
    kind: str,
    by: Member,
    at: datetime,
    contact: Contact | None = None,
    record: ServiceRecord | None = None,
    source: Readable | None = None,
    name: str = "",
    number: str = "",
    note: str = "",
    vanishes_on_delivery: bool = False,
) -> Paper:
    """Keep a paper's file, its number, or both. Raises PaperRefused with words for the person; nothing is kept then."""
    if record is not None and contact is None:
        contact = record.contact
    if contact is None and record is None:
        raise PaperRefused(_("A paper belongs to a person or to a service."))
    cleaned = clean_number(kind, number)
    if source is None and not cleaned:
        raise PaperRefused(_("Choose a file, or write the number."))
    workspace_id = by.workspace_id
    paper = Paper(
        id=ids.new(),
        workspace_id=workspace_id,
        kind=kind,
        contact=contact,
        record=record,
        note=note.strip()[:200],
        vanishes_on_delivery=vanishes_on_delivery,
        added_by=by,
        added_at=at,
    )
    with transaction.atomic():
        if record is not None:
            _hold(record)
        if source is not None:
            paper.file = _stored(source, name, by)
        if cleaned:
            paper.number_sealed = vault.seal_text(cleaned, workspace_id=workspace_id, context=number_context(paper))
            paper.number_tail = cleaned[-_TAIL:]
        paper.save(force_insert=True)
        _tell(paper, "attached", by, at)
        ledger.write("desk.paper.attached", workspace=workspace_id, by=by, about=paper, at=at, kind=kind)
    return paper


def _hold(record: ServiceRecord) -> None:
    """Nobody erases the person of the record while the paper is written. Raises PaperRefused when that is done already."""
    rows = ServiceRecord.objects.of(record.workspace_id).filter(pk=record.pk, erased_at__isnull=True)
    if rows.select_for_update(of=("self",), no_key=True).values_list("pk").first() is None:
        raise PaperRefused(_("The person of this service is erased; no paper can be kept for it."))


def clean_number(kind: str, number: str) -> str:
    """The number in its compact form, "" for none. Aadhaar and PAN must be valid. Raises PaperRefused."""
    compact = re.sub(r"[\s·.]", "", number).upper()
    if not compact:
        return ""
    try:
        if kind == Paper.Kind.AADHAAR:
            return str(aadhaar.validate(compact.replace("-", "")))
        if kind == Paper.Kind.PAN:
            return str(pan.validate(compact.replace("-", "")))
    except NumberInvalid:
        if kind == Paper.Kind.AADHAAR:
            raise PaperRefused(
                _("This is not an Aadhaar number: 12 digits, and the last one checks the others.")
            ) from None
        raise PaperRefused(_("This is not a PAN: five letters, four digits, one letter.")) from None
    if not _NUMBER.fullmatch(compact):
        raise PaperRefused(_("A number has 3 to 30 letters and digits."))
    return compact


def _stored(source: Readable, name: str, by: Member) -> StoredFile:
    try:
        return files.store(
            source, workspace_id=by.workspace_id, name=name, by=by.pk, kind="paper", most_bytes=MOST_BYTES
        )
    except FileRefused as refused:
        raise PaperRefused(str(refused)) from refused


def open_file(*, paper: Paper, by: Member, at: datetime, reason: str, marked: bool = False) -> Opened:
    """Write the opening down and give a link for one download. Raises PaperRefused without a reason or a file."""
    if paper.gone_at or paper.file_id is None:
        raise PaperRefused(_("This paper is gone."))
    opening = _opening(paper, by, at, reason, what="marked copy" if marked else "file")
    token = filelinks.link_token(
        paper.file_id, workspace_id=paper.workspace_id, member_id=by.pk, purpose=_purpose(opening.pk)
    )
    return Opened(opening, token=token)


def open_number(*, paper: Paper, by: Member, at: datetime, reason: str) -> Opened:
    """Write the opening down and give the number. Raises PaperRefused."""
    if paper.gone_at or paper.number_sealed is None:
        raise PaperRefused(_("No number is kept."))
    opening = _opening(paper, by, at, reason, what="number")
    number = vault.open_text(paper.number_sealed, workspace_id=paper.workspace_id, context=number_context(paper))
    return Opened(opening, number=number)


def _opening(paper: Paper, by: Member, at: datetime, reason: str, *, what: str) -> PaperOpening:
    if not reason.strip():
        raise PaperRefused(_("Write what you open the paper for."))
    with transaction.atomic():
        opening = PaperOpening(
            workspace_id=paper.workspace_id, paper_id=paper.pk, member=by, at=at, reason=reason.strip()[:120], what=what
        )
        opening.save(force_insert=True)
        ledger.write("desk.paper.opened", workspace=paper.workspace_id, by=by, about=paper, at=at, what=what)
    return opening


def read_link(opening_id: UUID, token: str) -> FileLink:
    """What a download link says, before any row is read. Raises LinkRefused."""
    return filelinks.read_link_token(token, purpose=_purpose(opening_id))


def download(*, opening_id: UUID, link: FileLink, workspace_name: str) -> HttpResponseBase:
    """The file of an opening; uses the link up. Call inside the link's workspace. Raises LinkRefused.

    The member's rights are those of this moment: a seat, role or team that ended since the opening ends the link too.
    """
    openings = PaperOpening.objects.of(link.workspace_id).select_related("member__user")
    opening = openings.filter(pk=opening_id, member_id=link.member_id).first()
    member = _present(opening.member) if opening is not None else None
    if opening is None or member is None or not member.may(May.OPEN_PAPERS):
        raise LinkRefused
    seen = Paper.objects.of(link.workspace_id).visible_to(member).kept()
    paper = seen.select_related("file").filter(pk=opening.paper_id).first()
    if paper is None or paper.file is None or paper.file_id != link.file_id:
        raise LinkRefused
    filelinks.consume(link)
    if opening.what != "marked copy":
        return files.serve(paper.file)
    return _marked(paper.file, watermark_text(opening, workspace_name))


def _present(member: Member) -> Member | None:
    """The member as of now, with teams; None when the seat ended or the account is switched off."""
    return access.seat_of(member.user, member.workspace_id) if member.user.is_active else None


def watermark_text(opening: PaperOpening, workspace_name: str) -> str:
    """For PAN correction, Shree CSC Kendra, 21 Nov 2026."""
    return _("For %(reason)s, %(shop)s, %(day)s") % {
        "reason": opening.reason,
        "shop": workspace_name,
        "day": formatting.day(opening.at),
    }


def _marked(file: StoredFile, text: str) -> HttpResponse:
    try:
        content = files.watermarked(file, text)
    except FileRefused as refused:
        raise LinkRefused from refused
    plain = files.serve(file)
    response = HttpResponse(content, content_type=file.content_type)
    for name, value in plain.items():
        if name.lower() not in ("content-length", "content-type"):
            response[name] = value
    plain.close()
    return response


def remove(*, paper: Paper, by: Member, at: datetime, reason: str) -> None:
    """Destroy a paper: its file, its key and its number. The row stays and says who, when and why."""
    if paper.gone_at is None:
        _destroy([paper], by=by, at=at, because=plain(reason)[:60] or _("removed"))


def vanish(*, record: ServiceRecord, by: Member, at: datetime) -> int:
    """Destroy the papers of a delivered record that were promised to vanish. Returns how many."""
    kept = Paper.objects.of(record.workspace_id).kept().filter(record=record).select_related("file")
    due = [paper for paper in kept if record.papers_vanish or paper.vanishes_on_delivery]
    _destroy(due, by=by, at=at, because=_("the service was delivered"))
    return len(due)


def delete_all(records: Iterable[UUID], *, workspace: UUID, at: datetime) -> None:
    """Delete papers of records that are purged, rows and all. That they were opened stays written down."""
    held = list(Paper.objects.of(workspace).filter(record__in=list(records)).select_related("file"))
    for paper in held:
        if paper.file is not None:
            files.delete(paper.file)
    ids = [paper.pk for paper in held]
    Paper.objects.of(workspace).filter(pk__in=ids).delete()
    tombstones.record(Kind.PAPER, ids, workspace_id=workspace, at=at)


def destroy_again(ended: Tombstones, *, workspace: UUID, at: datetime) -> int:
    """After a restore: destroy what the backup brought back of papers that were destroyed since. Returns how many."""
    alive = Paper.objects.of(workspace).kept()
    ids = ended.among(Kind.PAPER, alive.values_list("pk", flat=True).iterator(), workspace_id=workspace)
    back = list(Paper.objects.of(workspace).filter(pk__in=ids).select_related("file", "record"))
    _destroy(back, by=None, at=at, because=_("deleted before the backup was restored"))
    return len(back)


def _destroy(gone: Sequence[Paper], *, by: Member | None, at: datetime, because: str) -> None:
    with transaction.atomic():
        for paper in gone:
            file = paper.file
            paper.file = paper.number_sealed = None
            paper.number_tail, paper.gone_at, paper.gone_because = "", at, because
            paper.save(update_fields=["file", "number_sealed", "number_tail", "gone_at", "gone_because"])
            if file is not None:
                files.delete(file)
            _tell(paper, "deleted", by, at)
            ledger.write("desk.paper.deleted", workspace=paper.workspace_id, by=by, about=paper, at=at, why=because)
            tombstones.record(Kind.PAPER, [paper.pk], workspace_id=paper.workspace_id, at=at)


def _tell(paper: Paper, what: str, by: Member | None, at: datetime) -> None:
    if paper.contact_id is None and (paper.record is None or paper.record.company_id is None):
        return
    company = paper.record.company_id if paper.record is not None and paper.contact_id is None else None
    timeline.record(
        workspace=paper.workspace_id, kind="paper", summary=timeline.say(what, kind=paper.kind),
        body=paper.gone_because, happened_at=at, contact=paper.contact_id, company=company, actor=by, reference=paper,
    )  # fmt: skip


def number_context(paper: Paper) -> str:
    return vault.context(NUMBER_COLUMN, paper.pk)


def _purpose(opening_id: UUID) -> str:
    return f"paper:{opening_id.hex}"
