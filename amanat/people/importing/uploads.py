"""The file of an import: taken in, kept encrypted, and read again as a table."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, cast

from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import files
from amanat.core.filetypes import FileType, register_kind
from amanat.core.models_files import StoredFile
from amanat.people.importing import jsonfiles, ourtables, readers
from amanat.people.importing.tables import FileRefused, Limits, Table, path_of
from amanat.people.models import ImportRun

MOST_BYTES = 100 * files.MEGABYTE
LIMITS = Limits(file_bytes=MOST_BYTES)

_MEMBER = "import"
register_kind("import", allowed=frozenset({FileType.ZIP}), most_bytes=MOST_BYTES + files.MEGABYTE)


def keep(source: IO[bytes], *, name: str, by: Member) -> StoredFile:
    """Keep an upload, inside a ZIP that is not compressed. Raises FileRefused (of `core.files` or of the readers) in words.

    What a file is, the readers find out; it is never given out again, so the store need not know.
    """
    with (
        files.writing(
            workspace_id=by.workspace_id, name=f"{name}.zip", by=by.pk, kind="import", found=FileType.ZIP
        ) as target,
        zipfile.ZipFile(cast(IO[bytes], target), "w") as archive,
        archive.open(_MEMBER, "w", force_zip64=True) as member,
    ):
        _copy(source, member)
    return target.file


def _copy(source: IO[bytes], member: IO[bytes]) -> None:
    size = 0
    while piece := source.read(1 << 18):
        if not size:
            _refuse_programs(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise FileRefused(
                _("The file is larger than %(size)s MB. Split it and import the parts.")
                % {"size": MOST_BYTES // files.MEGABYTE}
            )
        member.write(piece)


def _refuse_programs(start: bytes) -> None:
    """A program read as Windows-1252 is a table of rubbish; NUL stands in no text but UTF-16."""
    if start.startswith((b"PK", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b"\xfe\xff")):
        return
    odd, even = start[:4096:2].count(0), start[1:4096:2].count(0)
    is_wide = max(odd, even) > 200 or (odd == 0) != (even == 0)
    has_many = odd + even > max(len(start[:4096]) / 100, 3)
    if start.startswith((b"MZ", b"\x7fELF", b"#!", b"%PDF")) or (has_many and not is_wide):
        raise FileRefused(_("This is not a list: programs and documents cannot be imported."))


@contextmanager
def opened(run: ImportRun) -> Iterator[Table]:
    """The file as a table. Raises FileRefused, in words also when the file is gone or damaged."""
    with unpacked(run) as path:
        part = run.options.get("part", "")
        inner = jsonfiles.inside_archive(path, LIMITS)
        if inner is not None or jsonfiles.looks_like(path):
            yield jsonfiles.open_table(inner.path if inner and inner.path else path, part, LIMITS)
        elif (whole := ourtables.open_table(path, part, LIMITS)) is not None:
            yield whole
        else:
            yield _one_table(path, run.file_name, part)


def _one_table(path: str, name: str, part: str) -> Table:
    """One table; where it is one of an export of ours, the whole can still be chosen."""
    table = readers.open_table(path, name, part=part, limits=LIMITS)
    whole = ourtables.open_table(path, "", LIMITS) if part and len(table.parts) > 1 else None
    return replace(table, parts=[*whole.parts, *table.parts]) if whole is not None else table


@contextmanager
def unpacked(run: ImportRun) -> Iterator[str]:
    """A path under which the file can be read inside the block; entering needs the transaction. Raises FileRefused."""
    file = file_of(run)
    if file is None:
        raise FileRefused(_("The file is not here any more. Upload it again."))
    with tempfile.TemporaryFile() as copy:  # without a name: a kill leaves nothing of it
        try:
            with tempfile.TemporaryFile() as wrapped:
                wrapped.writelines(files.read(file))
                wrapped.seek(0)
                with zipfile.ZipFile(wrapped) as archive, archive.open(_MEMBER) as member:
                    shutil.copyfileobj(member, copy, 1 << 18)
        except (files.FileDamaged, zipfile.BadZipFile, KeyError) as damage:
            raise FileRefused(_("The file was damaged in our store. Upload it again.")) from damage
        copy.flush()
        yield path_of(copy)


def file_of(run: ImportRun) -> StoredFile | None:
    return StoredFile.objects.of(run.workspace_id).filter(pk=run.file_id).first() if run.file_id else None
