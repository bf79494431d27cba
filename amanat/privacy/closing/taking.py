"""Taking along the papers and files of a workspace, which no export holds: one archive, written as it is read.

Nothing is kept on a disk on its way. A list inside says of each file whose it is. Copies for people and exports are left out: they are made of
the rest, and end by themselves.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.utils.timezone import localtime

from amanat.accounts.models import Member
from amanat.core import files, ledger, spreadsheets
from amanat.core.models import StoredFile
from amanat.desk.models import Paper
from amanat.people import exporting
from amanat.people.models import Attachment
from amanat.privacy.copies import making

#: What is made of the rest.
_MADE = frozenset({exporting.PURPOSE, making.KIND, "import"})
LIST = "files.csv"


def all_files(*, by: Member, at: datetime) -> Iterator[bytes]:
    """The archive, piece by piece; who took it is written down. A file whose bytes are damaged is told in the list and left out."""
    here = by.workspace_id
    kept = list(StoredFile.objects.of(here).exclude(kind__in=_MADE).order_by("created_at", "id"))
    whose = _whose(here)
    ledger.write(
        "workspaces.files.taken", workspace=here, by=by, at=at, count=len(kept), bytes=sum(file.size for file in kept)
    )
    # The keys are found inside of the workspace, now; the pieces are read when they are wanted.
    return _zipped([(file, whose.get(file.pk, ("", "")), _pieces(file)) for file in kept])


def _pieces(file: StoredFile) -> Iterator[bytes] | None:
    """None where it cannot be opened at all."""
    try:
        return files.read(file)
    except files.FileDamaged:
        return None


def _whose(here: UUID) -> dict[UUID, tuple[str, str]]:
    """The number and name of the person whose file it is."""
    found: dict[UUID, tuple[str, str]] = {}
    for model in (Paper, Attachment):
        rows = model.objects.of(here).filter(file__isnull=False, contact__isnull=False)
        for file, contact, name in rows.values_list("file", "contact", "contact__name"):
            found[file] = (str(contact), name)
    return found


def _zipped(opened: list[tuple[StoredFile, tuple[str, str], Iterator[bytes] | None]]) -> Iterator[bytes]:
    sink, told = _Sink(), list[list[str]]()
    with zipfile.ZipFile(sink, "w") as archive:
        for number, (file, (contact, name), pieces) in enumerate(opened, start=1):
            inside = f"files/{number:06}-{file.name}"
            problem = "damaged" if pieces is None else ""
            entry = zipfile.ZipInfo(inside, date_time=localtime(file.created_at).timetuple()[:6])
            with archive.open(entry, "w", force_zip64=True) as member:
                try:
                    for piece in pieces or ():
                        member.write(piece)
                        yield from sink.take()
                except files.FileDamaged:
                    problem = "damaged"
            told.append([inside, file.kind, file.content_type, str(file.size), file.sha256, contact, name, problem])
            yield from sink.take()
        columns = ["file", "kind", "type", "size", "sha256", "contact", "name", "problem"]
        archive.writestr(LIST, b"".join(spreadsheets.write_csv(columns, told)))
    yield from sink.take()


class _Sink(io.RawIOBase):
    """Takes what the archive writes until it is taken on."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: object, /) -> int:
        data = bytes(piece)  # type: ignore[call-overload]
        self._pieces.append(data)
        return len(data)

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces


__all__ = ["LIST", "all_files"]
