"""Notes on the timeline, with or without a file."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

from django.db import transaction

from amanat.accounts.models import Member
from amanat.core import files, ids, ledger
from amanat.core.files import FileType, Readable
from amanat.core.filetypes import PICTURES
from amanat.people import rows, timeline
from amanat.people.models import Attachment, Company, Contact, Interaction

#: The kinds a person may write herself.
KINDS = ("note", "call", "message")
MOST_BYTES = 25 * files.MEGABYTE


def declare_files() -> None:
    """Tell core which files may hang on a timeline; called when the app is ready."""
    documents = {FileType.PDF, FileType.DOCX, FileType.XLSX, FileType.TXT, FileType.CSV}
    files.register_kind("attachment", allowed=PICTURES | documents, most_bytes=MOST_BYTES)


def write(
    *,
    record: Contact | Company,
    by: Member,
    at: datetime,
    text: str = "",
    kind: str = "note",
    file: Readable | BinaryIO | bytes | None = None,
    file_name: str = "",
) -> Interaction:
    """Write a note. Its first line is the summary. Raises files.FileRefused; nothing is kept then."""
    if kind not in KINDS:
        raise ValueError(f"not a kind of note: {kind}")
    text = text.strip().replace("\x00", "")
    on = {"contact": record} if isinstance(record, Contact) else {"company": record}
    with transaction.atomic():
        data: dict[str, str] = {}
        reference: Attachment | None = None
        if file is not None:
            reference = _attach(file, file_name, record=record, by=by, at=at)
            data = {"attachment": str(reference.pk), "file": reference.name}
        summary, body = _split(text)
        return timeline.record(
            workspace=record.workspace_id,
            kind=kind if text else "file",
            summary=summary or timeline.say("added"),
            body=body,
            happened_at=at,
            actor=by,
            reference=reference,
            data=data,
            **on,
        )


def _attach(
    file: Readable | BinaryIO | bytes, name: str, *, record: Contact | Company, by: Member, at: datetime
) -> Attachment:
    stored = files.store(file, workspace_id=record.workspace_id, name=name, by=by.pk, kind="attachment")
    attachment = Attachment(
        id=ids.new(), workspace_id=record.workspace_id, file=stored, name=stored.name, added_by=by, added_at=at,
        **({"contact": record} if isinstance(record, Contact) else {"company": record}),
    )  # fmt: skip
    rows.insert([attachment])
    ledger.write("people.file.attached", workspace=record.workspace_id, by=by, about=record, at=at)
    return attachment


def _split(text: str) -> tuple[str, str]:
    """Summary and body: a short text is its own summary, a long one keeps its beginning twice."""
    first, _line_end, rest = text.partition("\n")
    if len(first) <= 120:
        return first.strip(), rest.strip()
    return first[:117].rstrip() + "…", text
