"""Files of a workspace: taken in with distrust, kept encrypted under our own names, given out as downloads.

The object comes first, on the disk itself, and then its row, which holds the key: without the row, or with a
transaction that did not commit, an object is noise, and `sweep` removes it. Deleting takes the row, and with it the key,
inside the transaction, and the object after the commit: what a sweep has yet to remove can no longer be read by anybody.

`store` takes what people send: small enough to be looked through as a whole. `writing` and `store_stream` take what we
make ourselves, exports say, of any length with the memory of a few pieces; `read` gives any part of either back.
"""

import hashlib
import io
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import BinaryIO, Protocol, cast
from uuid import UUID

from django.db import transaction
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext

from amanat.core import clock, filetypes, ids, pictures, sealedobjects, vault
from amanat.core.filetypes import MEGABYTE, FileRefused, FileType, register_kind
from amanat.core.models_files import StoredFile
from amanat.core.sealedobjects import FileDamaged

__all__ = [
    "MEGABYTE",
    "FileDamaged",
    "FileRefused",
    "FileType",
    "FileWriter",
    "delete",
    "read",
    "read_all",
    "register_kind",
    "serve",
    "store",
    "store_stream",
    "sweep",
    "watermarked",
    "writing",
]

_KEY_COLUMN = "core.StoredFile.wrapped_key"
_READ = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


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
        from amanat.core import pdfs  # here: its library is much to load for a command that meets no paper

        pdfs.check(content)
    with writing(
        workspace_id=workspace_id, name=name, by=by, kind=kind, found=found, most_bytes=len(content)
    ) as target:
        target.write(content)
    return target.file


class FileWriter(io.RawIOBase):
    """An open file of ours: takes bytes, from a ZipFile or an XLSX writer too; cannot be read or wound back.

    `file` is its row, complete once the block of `writing` has ended well.
    """

    def __init__(self, file: StoredFile, *, key: bytes, most_bytes: int) -> None:
        self.file = file
        self._object = sealedobjects.Writer(file.object_name, key=key, workspace_id=file.workspace_id)
        self._sha256 = hashlib.sha256()
        self._most_bytes = most_bytes

    def writable(self) -> bool:
        return True

    def write(self, part: object, /) -> int:
        """Always takes all of `part`. Raises FileRefused beyond the limit."""
        view = memoryview(cast(bytes, part)).cast("B")
        self.file.size += len(view)
        _refuse_too_large(self.file.size, self._most_bytes)
        self._sha256.update(view)
        self._object.write(view)
        return len(view)

    def finish(self) -> None:
        """Make the object and then its row; `writing` calls it."""
        if not self.file.size:
            raise FileRefused(gettext("The file is empty."))
        self._object.finish()
        self.file.sha256 = self._sha256.hexdigest()
        self.file.save(force_insert=True)

    def close(self) -> None:
        """Let go of the object; what was not finished is gone."""
        self.__dict__.pop("_object", None)
        super().close()


@contextmanager
def writing(
    *, workspace_id: UUID, name: str, by: UUID | None, kind: str, found: FileType, most_bytes: int | None = None
) -> Iterator[FileWriter]:
    """A new file to write into, for contents that we make ourselves: `found` is believed, not looked for.

    Needs the transaction of the workspace around all of it. Only a few megabytes are held in memory, and nothing of the
    plaintext touches a disk. When the block raises, there is neither file nor row; `sweep` removes what a killed process
    leaves.
    Raises FileRefused beyond `most_bytes` (default: that of the kind) and for a file of no bytes.
    """
    declared = filetypes.kind(kind)
    if found not in declared.allowed:
        raise FileRefused(gettext("This type of file is not allowed here."))
    key = sealedobjects.new_key()
    file = StoredFile(
        id=ids.new(),
        workspace_id=workspace_id,
        kind=kind,
        name=filetypes.safe_name(name, found),
        object_name=f"{workspace_id}/{secrets.token_hex(16)}",
        content_type=found.value,
        size=0,
        sha256="",
        made_by=by,
    )
    file.wrapped_key = vault.seal(key, workspace_id=workspace_id, context=key_context(file))
    target = FileWriter(file, key=key, most_bytes=most_bytes or declared.most_bytes)
    try:
        yield target
        target.finish()
    finally:
        target.close()


def store_stream(
    pieces: Iterable[bytes],
    *,
    workspace_id: UUID,
    name: str,
    by: UUID | None,
    kind: str,
    found: FileType,
    most_bytes: int | None = None,
) -> StoredFile:
    """Keep what `pieces` gives, one after the other: see `writing`, whose promises and refusals these are."""
    with writing(workspace_id=workspace_id, name=name, by=by, kind=kind, found=found, most_bytes=most_bytes) as target:
        target.writelines(pieces)
    return target.file


def read(file: StoredFile, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The plaintext from byte `start` to `end` (excluded), piece by piece; what lies before is not read or opened.

    Key and object are found at the call, so the pieces may be read after the transaction. Raises FileDamaged, for some
    damage not before the piece it is in, when the bytes are not the ones stored.
    """
    key = vault.open(file.wrapped_key, workspace_id=file.workspace_id, context=key_context(file))
    return sealedobjects.read(
        file.object_name, key=key, workspace_id=file.workspace_id, size=file.size, start=start, end=end
    )


def read_all(file: StoredFile) -> bytes:
    return b"".join(read(file))


def delete(file: StoredFile) -> None:
    """Remove a file for good. Needs an open transaction only if the caller's other changes must share its fate."""
    StoredFile.objects.of(file.workspace_id).filter(pk=file.pk).delete()
    transaction.on_commit(partial(sealedobjects.delete, [file.object_name]))


def sweep(workspace_id: UUID, *, older_than: timedelta = timedelta(hours=6)) -> int:
    """Remove what crashes left in a workspace: objects no row knows, or half written. Returns how many.

    `older_than` must be longer than any transaction, or it would take an object whose row is not committed yet.
    """
    before = clock.now() - older_than
    known = set(StoredFile.objects.of(workspace_id).values_list("object_name", flat=True))
    orphans = [name for name in sealedobjects.names_of(workspace_id, older_than=before) if name not in known]
    transaction.on_commit(partial(sealedobjects.delete, orphans))
    return len(orphans) + sealedobjects.remove_unfinished(workspace_id, older_than=before)


def watermarked(file: StoredFile, text: str) -> bytes:
    """The picture or PDF with `text` across it, for copies that leave the house. Raises FileRefused for other types."""
    from amanat.core import watermarks  # here: as above

    return watermarks.across(read_all(file), FileType(file.content_type), text)


def serve(
    file: StoredFile, *, as_attachment: bool = True, name: str | None = None, wanted: str | None = None
) -> StreamingHttpResponse:
    """The file as a download that no browser runs, frames, guesses at or keeps. Call inside the transaction.

    `wanted` is the Range header of the request (RFC 9110, 14), "" without one: players of sound and film ask for parts, to
    wind forward and back. None: always the whole.
    """
    part = _part(wanted or "", file.size)
    start, end = part or (0, 0)
    is_whole = (start, end) == (0, file.size)
    response = StreamingHttpResponse(
        read(file, start=start, end=end) if part else [],
        content_type=file.content_type,
        status=200 if is_whole else 206 if part else 416,
    )
    if wanted is not None:
        response["Accept-Ranges"] = "bytes"
    if not is_whole:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}" if part else f"bytes */{file.size}"
    shown = filetypes.safe_name(name, FileType(file.content_type)) if name else file.name
    disposition = content_disposition_header(as_attachment, shown)
    assert disposition is not None  # there is always a name
    response["Content-Disposition"] = disposition
    response["Content-Length"] = str(end - start)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-site"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store, private"
    return response


def _part(wanted: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last; everything where no single range is asked for, None where none of it exists."""
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or match[1] == match[2] == "":
        return 0, size
    first, last = match[1], match[2]
    if not first:
        return (max(0, size - int(last)), size) if int(last) else None
    if last and int(last) < int(first):
        return 0, size
    return (int(first), min(int(last) + 1 if last else size, size)) if int(first) < size else None


def key_context(file: StoredFile) -> str:
    return vault.context(_KEY_COLUMN, file.pk)


def declare_sealed() -> None:
    """Tell the vault where the keys of files lie; called when the app is ready."""
    vault.register_sealed(StoredFile, "wrapped_key", key_context)


def _taken(source: Readable | BinaryIO | bytes, most_bytes: int) -> bytes:
    """All of `source`, reading no further than the limit."""
    if isinstance(source, bytes):
        content = source
    else:
        taken = bytearray()
        while len(taken) <= most_bytes and (part := source.read(_READ)):
            taken += part
        content = bytes(taken)
    _refuse_too_large(len(content), most_bytes)
    if not content:
        raise FileRefused(gettext("The file is empty."))
    return content


def _refuse_too_large(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise FileRefused(
            gettext("The file is too large: at most %(size)s MB.") % {"size": max(most_bytes // MEGABYTE, 1)}
        )
