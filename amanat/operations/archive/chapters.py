"""Chapters of the archive: their names, keys and ages. Each begins with a copy of the cluster and has a key of its own.

What the database wrote between two copies may lie in either chapter (the next is opened before its copy is begun), so a
restore walks the segments through all of them.
"""

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from amanat.core import wholefiles
from amanat.core.configuration import Configuration
from amanat.operations import Refused, backup, sealing

#: Nothing is kept longer, so that what was erased is gone from the archive too (docs/decisions/0006).
LONGEST = timedelta(days=30)
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
_PART = re.compile(r"([0-9A-F]{24})\.(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Line:
    """One history of one cluster; a restore begins another."""

    system: str
    timeline: int


@dataclass(frozen=True, slots=True)
class Chapter:
    folder: Path
    line: Line
    segment_size: int
    first_segment: str  #: the first that its copy needs; empty while there is no copy
    made_at: datetime | None  #: from when on it can be restored by itself; None while there is no copy

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def opened_at(self) -> datetime:
        return datetime.strptime(self.name, "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC)

    @property
    def base(self) -> Path:
        return self.folder / "base"

    @property
    def wal(self) -> Path:
        return self.folder / "wal"


def place(configuration: Configuration) -> Path:
    return configuration.backup_folder / "archive"


def keys_folder(configuration: Configuration) -> Path:
    """Within the folder of keys, so that whoever keeps those apart keeps these apart."""
    return configuration.backup_folder / "keys" / "archive"


def all_of(configuration: Configuration) -> list[Chapter]:
    """Oldest first; a folder whose description cannot be read is no chapter."""
    found = []
    for folder in sorted(place(configuration).glob("*Z")):
        chapter = _read(folder)
        if chapter:
            found.append(chapter)
    return found


def open_new(configuration: Configuration, *, line: Line, segment_size: int, at: datetime) -> Chapter:
    """A chapter without a copy as yet, and its key. Raises Refused, OSError."""
    folder = place(configuration) / f"{at.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"
    chapter = Chapter(folder, line, segment_size, "", None)
    keys = _keys_file(configuration, chapter)
    keys.parent.mkdir(parents=True, exist_ok=True)
    backup.write_keys(configuration, keys, name=chapter.name, content={backup.OWN_KEY: secrets.token_bytes(32).hex()})
    chapter.wal.mkdir(parents=True)
    _store(chapter)
    return chapter


def complete(chapter: Chapter, *, first_segment: str, made_at: datetime) -> Chapter:
    """Its copy is there."""
    done = Chapter(chapter.folder, chapter.line, chapter.segment_size, first_segment, made_at)
    _store(done)
    return done


class Keyring:
    """What opens the files of chapters. A passphrase is slow on purpose, so each is opened once."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._known: dict[str, sealing.Secret] = {}

    def of(self, chapter: Chapter) -> sealing.Secret:
        """Raises Refused when its keys are gone or locked otherwise."""
        if chapter.name not in self._known:
            path = _keys_file(self._configuration, chapter)
            if not path.is_file():
                raise Refused(
                    f"The keys of the archive's chapter {chapter.name} are not here: put them back as {path}."
                )
            content = backup.read_keys(self._configuration, path, name=chapter.name)
            self._known[chapter.name] = sealing.Secret(own_key=bytes.fromhex(content[backup.OWN_KEY]))
        return self._known[chapter.name]


def parts(chapters: list[Chapter], line: Line) -> dict[str, list[tuple[int, Path, Chapter]]]:
    """The files of each segment of that line in order, by the segment's name; segments in order."""
    found: dict[str, list[tuple[int, Path, Chapter]]] = {}
    for chapter in chapters:
        if chapter.line == line:
            for number, segment, path in _parts_of(chapter):
                found.setdefault(segment, []).append((number, path, chapter))
    return {segment: sorted(found[segment], key=lambda part: part[0]) for segment in sorted(found)}


def prune(configuration: Configuration, at: datetime) -> list[str]:
    """Delete chapters that no wanted moment needs, and whatever is too old, with their keys; returns the names."""
    chapters = all_of(configuration)
    days = timedelta(days=configuration.archive_days)
    gone = []
    for chapter in chapters:
        later = [
            other for other in chapters if other.name > chapter.name and other.made_at and other.line == chapter.line
        ]
        is_unneeded = any(other.made_at and at - other.made_at >= days for other in later)
        newer_lines = [other for other in chapters if other.name > chapter.name and other.line != chapter.line]
        is_left = any(at - other.opened_at >= days for other in newer_lines)
        if not days or is_unneeded or is_left or at - chapter.opened_at >= LONGEST:
            gone.append(chapter)
    names = [chapter.name for chapter in gone]
    staying = {_keys_file(configuration, chapter).name for chapter in chapters if chapter not in gone}
    for path in keys_folder(configuration).glob("*" + backup.KEYS):
        if path.name not in staying and at.timestamp() - path.stat().st_mtime > 3600:  # one may be about to be used
            path.unlink(missing_ok=True)
    for chapter in gone:
        _keys_file(configuration, chapter).unlink(missing_ok=True)  # first: without it the rest is noise
        shutil.rmtree(chapter.folder, ignore_errors=True)
    return names


def segment_name(line: Line, number: int, size: int) -> str:
    """The server's name of the segment of that number."""
    a_log = 0x1_0000_0000 // size
    return f"{line.timeline:08X}{number // a_log:08X}{number % a_log:08X}"


def segment_number(name: str, size: int) -> int:
    return int(name[8:16], 16) * (0x1_0000_0000 // size) + int(name[16:], 16)


def _parts_of(chapter: Chapter) -> Iterator[tuple[int, str, Path]]:
    if not chapter.wal.is_dir():
        return
    for path in chapter.wal.iterdir():
        found = _PART.fullmatch(path.name)
        if found:
            yield int(found[2]), found[1], path


def _keys_file(configuration: Configuration, chapter: Chapter) -> Path:
    return keys_folder(configuration) / (chapter.name + backup.KEYS)


def _read(folder: Path) -> Chapter | None:
    if not _NAME.fullmatch(folder.name):
        return None
    try:
        known = json.loads((folder / "chapter.json").read_text())
        line = Line(str(known["line"]["system"]), int(known["line"]["timeline"]))
        made_at = datetime.fromisoformat(known["made_at"]) if known["made_at"] else None
        return Chapter(folder, line, int(known["segment_size"]), str(known["first_segment"]), made_at)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _store(chapter: Chapter) -> None:
    described = {
        "line": asdict(chapter.line),
        "segment_size": chapter.segment_size,
        "first_segment": chapter.first_segment,
        "made_at": chapter.made_at.isoformat() if chapter.made_at else "",
    }
    wholefiles.write(chapter.folder / "chapter.json", json.dumps(described))
