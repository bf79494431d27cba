"""Files of a workspace: taken in with distrust, kept encrypted under our own names, given out as downloads.

A row in the state "writing" comes first, then the object, then "stored"; when anything ends early, `sweep` finds what
was left, a row without its object or an object without its row. Deleting takes the row, and with it the key, inside
the transaction, and the object after the commit: what a sweep has yet to remove can no longer be read by anybody.
"""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import BinaryIO, Protocol
from uuid import UUID

from django.db import transaction
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext

from amanat.core import clock, filetypes, ids, pdfs, pictures, sealedobjects, vault, watermarks
from amanat.core.filetypes import MEGABYTE, FileRefused, FileType, register_kind
from amanat.core.models_files import FileState, StoredFile
from amanat.core.sealedobjects import FileDamaged

__all__ = [
    "MEGABYTE",
    "FileDamaged",
    "FileRefused",
    "FileType",
    "delete",
    "read",
    "read_all",
    "register_kind",
    "serve",
    "store",
    "sweep",
    "watermarked",
]

_KEY_COLUMN = "core.StoredFile.wrapped_key"
_READ = 256 * 1024


class Readable(Protocol):
    """Anything bytes can be read from: an upload, an open file."""

    def read(self, size: int = -1, /) -> bytes: ...


def store(
    source: Readable | BinaryIO | bytes,
    *,
    workspace_id: UUID,
    name: str,
    by: UUID | None,
    kind: str,
    most_bytes: int | None = None,
) -> StoredFile:
    """Check `source` and keep it; `by` is the member. Pictures are encoded anew; everything else is kept byte for byte.

    Raises FileRefused with words for the person; nothing is kept then. The plaintext is held in memory and never
    touches a disk.
    """
    declared = filetypes.kind(kind)
    content = _taken(source, most_bytes or declared.most_bytes)
    found = filetypes.sniff(content, name)
    if found not in declared.allowed:
        raise FileRefused(gettext("This type of file is not allowed here."))
    if found in filetypes.PICTURES:
        content, found = pictures.renewed(content, found)
    elif found is FileType.PDF:
        pdfs.check(content)
    return _kept(content, found, workspace_id=workspace_id, name=name, by=by, kind=kind)


def read(file: StoredFile) -> Iterator[bytes]:
    """The plaintext, piece by piece. The key is taken at the call, so the pieces may be read after the transaction.

    Raises FileDamaged, at the latest on the last piece, when the bytes are not the ones stored.
    """
    if file.state != FileState.STORED:
        raise FileDamaged("The file was never completely stored.")
    key = vault.open(file.wrapped_key, workspace_id=file.workspace_id, context=key_context(file))
    return sealedobjects.read(file.object_name, key=key, workspace_id=file.workspace_id)


def read_all(file: StoredFile) -> bytes:
    return b"".join(read(file))


def delete(file: StoredFile) -> None:
    """Remove a file for good. Needs an open transaction only if the caller's other changes must share its fate."""
    StoredFile.objects.of(file.workspace_id).filter(pk=file.pk).delete()
    transaction.on_commit(partial(sealedobjects.delete, [file.object_name]))


def sweep(workspace_id: UUID, *, older_than: timedelta = timedelta(hours=6)) -> tuple[int, int]:
    """Remove what crashes left in a workspace: rows never finished, objects no row knows. Returns how many of each.

    `older_than` must be longer than any transaction, or it would take an object whose row is not committed yet.
    """
    before = clock.now() - older_than
    unfinished = StoredFile.objects.of(workspace_id).filter(state=FileState.WRITING, created_at__lt=before)
    rows = unfinished.delete()[0]
    known = set(StoredFile.objects.of(workspace_id).values_list("object_name", flat=True))
    orphans = [name for name in sealedobjects.names_of(workspace_id, older_than=before) if name not in known]
    transaction.on_commit(partial(sealedobjects.delete, orphans))
    return rows, len(orphans)


def watermarked(file: StoredFile, text: str) -> bytes:
    """The picture or PDF with `text` across it, for copies that leave the house. Raises FileRefused for other types."""
    return watermarks.across(read_all(file), FileType(file.content_type), text)


def serve(file: StoredFile, *, as_attachment: bool = True, name: str | None = None) -> StreamingHttpResponse:
    """The file as a download that no browser runs, frames, guesses at or keeps. Call inside the transaction."""
    response = StreamingHttpResponse(read(file), content_type=file.content_type)
    shown = filetypes.safe_name(name, FileType(file.content_type)) if name else file.name
    disposition = content_disposition_header(as_attachment, shown)
    assert disposition is not None  # there is always a name
    response["Content-Disposition"] = disposition
    response["Content-Length"] = str(file.size)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-site"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store, private"
    return response


def key_context(file: StoredFile) -> str:
    return vault.context(_KEY_COLUMN, file.pk)


def declare_sealed() -> None:
    """Tell the vault where the keys of files lie; called when the app is ready."""
    vault.register_sealed(StoredFile, "wrapped_key", key_context)


def _taken(source: Readable | BinaryIO | bytes, most_bytes: int) -> bytes:
    """All of `source`, reading no further than the limit."""
    too_large = gettext("The file is too large: at most %(size)s MB.") % {"size": max(most_bytes // MEGABYTE, 1)}
    if isinstance(source, bytes):
        content = source
    else:
        taken = bytearray()
        while len(taken) <= most_bytes and (part := source.read(_READ)):
            taken += part
        content = bytes(taken)
    if len(content) > most_bytes:
        raise FileRefused(too_large)
    if not content:
        raise FileRefused(gettext("The file is empty."))
    return content


def _kept(content: bytes, found: FileType, *, workspace_id: UUID, name: str, by: UUID | None, kind: str) -> StoredFile:
    key = sealedobjects.new_key()
    file = StoredFile(
        id=ids.new(),
        workspace_id=workspace_id,
        kind=kind,
        name=filetypes.safe_name(name, found),
        object_name=f"{workspace_id}/{secrets.token_hex(16)}",
        content_type=found.value,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        made_by=by,
    )
    file.wrapped_key = vault.seal(key, workspace_id=workspace_id, context=key_context(file))
    file.save(force_insert=True)
    view = memoryview(content)
    pieces = (bytes(view[start : start + _READ]) for start in range(0, len(view), _READ))
    sealedobjects.write(file.object_name, pieces, key=key, workspace_id=workspace_id)
    file.state = FileState.STORED
    StoredFile.objects.of(workspace_id).filter(pk=file.pk).update(state=FileState.STORED)
    return file
