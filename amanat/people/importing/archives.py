"""ZIP archives: checked for bombs before anything is unpacked, and unpacked one member at a time into a nameless file.

Names inside the archive are only shown and compared by their ending; nothing is ever written under them.
"""

import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from typing import IO

from django.utils.translation import gettext as _

from amanat.people.importing.tables import FileRefused, Limits, Source, path_of

# What zipfile raises on damaged archives, found by feeding it damaged archives.
BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError,
    RuntimeError, LookupError, OverflowError,
)  # fmt: skip
_SMALL = 1_000_000
READABLE = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xls", ".ods", ".vcf", ".vcard")
_ARCHIVES = (".zip", ".7z", ".rar", ".gz", ".tar", ".tgz", ".bz2", ".xz")


def members(source: Source, limits: Limits, *, unpacked: int) -> list[zipfile.ZipInfo]:
    """The archive's files, after its counts and sizes were found bearable. Raises FileRefused."""
    with source.open() as file:
        try:
            with zipfile.ZipFile(file) as archive:
                found = [info for info in archive.infolist() if not info.is_dir()]
        except BROKEN as error:
            raise FileRefused(_("The archive is damaged.")) from error
    if len(found) > limits.archive_members:
        raise FileRefused(_("The archive holds more than %(count)s files.") % {"count": limits.archive_members})
    if any(info.flag_bits & 1 for info in found):
        raise FileRefused(_("The archive has a password. Unpack it and import the file inside."))
    total = sum(info.file_size for info in found)
    packed = sum(info.compress_size for info in found)
    if total > unpacked or (total > _SMALL and total > limits.archive_ratio * max(packed, 1)):
        raise FileRefused(_("The archive is too large when unpacked."))
    return found


def choose(found: Iterable[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The members that can be imported, in their order. Raises FileRefused when there are none."""
    visible = [
        info for info in found if not info.filename.split("/")[-1].startswith(".") and "__MACOSX" not in info.filename
    ]
    readable = [info for info in visible if info.filename.lower().endswith(READABLE)]
    if readable:
        return readable
    if any(info.filename.lower().endswith(_ARCHIVES) for info in visible):
        raise FileRefused(_("The archive holds another archive. Unpack it and import the file inside."))
    raise FileRefused(_("The archive holds no CSV, XLSX, XLS, ODS or VCF file."))


def unpacked(source: Source, chosen: list[zipfile.ZipInfo], limit: int) -> Source:
    """The bytes of the chosen members, one after the other, in a file that vanishes with the returned source."""
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the Source keeps it; without a name, so that a kill leaves nothing of it
    with source.open() as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for info in chosen:
                    with archive.open(info) as member:
                        _copy(member, target, limit)
                    target.write(b"\r\n" if len(chosen) > 1 else b"")
        except BROKEN as error:
            raise FileRefused(_("The archive is damaged.")) from error
    target.flush()
    size = target.tell()
    if not size:
        raise FileRefused(_("The file is empty."))
    return Source(path_of(target), b"", size, keeper=target)


def _copy(member: IO[bytes], target: IO[bytes], limit: int) -> None:
    while chunk := member.read(1 << 16):
        target.write(chunk)
        if target.tell() > limit:  # the sizes in the directory may lie
            raise FileRefused(_("The archive is too large when unpacked."))
