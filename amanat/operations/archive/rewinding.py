"""`amanat restore --to MOMENT`: the whole installation as it was then. It can destroy data, so this is its order:

1. find the chapter, read its copy and every segment of the log up to the moment. Nothing has been touched yet.
2. refuse while a site runs on the data, and when there is data, unless told to replace it.
3. build another cluster beside: unpack, compare with the list of checksums that came with the copy, let the server play the log
   up to the moment; read every row once, look for the papers that the rows name, and for the keys that open them.
4. only then swap the clusters (`swapping`), and go on as every restore does: schema, what was ended since, parked jobs.

Papers deleted since come back from the archive; those stored since belong to no row and are swept by the site's own sweep.
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import contextlib
import os
import pwd
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from amanat.core import configuration as settings
from amanat.core import database
from amanat.core.configuration import Configuration
from amanat.operations import (
    Refused,
    dumps,
    exchanging,
    locks,
    postgres,
    processes,
    programs,
    restore,
    roles,
    sealing,
    swapping,
)
from amanat.operations.archive import bases, chapters, papers, walfiles
from amanat.operations.archive.chapters import Chapter, Keyring
from amanat.operations.archive.keeping import part_header
from amanat.operations.programs import Programs

NOT_REACHED = "recovery ended before configured recovery target was reached"
ROOM = 1 << 29
LAST_MINUTE = ". The database that was replaced could not be opened ({}): what was ended for good in its very last minute may have come back"
_STORED = "SELECT object_name FROM core_storedfile ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Window:
    """Any moment from `begins` to `ends`, both included, can be restored."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What brings one moment back; all of it was read and is sound."""

    chapter: Chapter
    secret: sealing.Secret
    header: dict[str, Any]
    summary: dict[str, Any]
    segments: tuple[str, ...]  #: names, in order
    timelines: int  #: the highest that is known of this cluster


def parse_moment(text: str) -> datetime:
    """A moment as ISO 8601 says it, by this machine's clock where it names no zone. Raises Refused."""
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError, OSError):
        raise Refused(f"The moment {text!r} is not understood: give one such as 2026-11-22T10:15+05:30.") from None


def bring_back(configuration: Configuration, moment: datetime, *, replace: bool) -> str:
    """Restore `moment`; returns sentences. Raises Refused, ConfigurationError: then nothing has changed."""
    if not configuration.is_embedded:
        raise Refused(
            "With DATABASE_URL the database server is your own, and so is its log: restore a point in time with its tools "
            "(pgBackRest, WAL-G, or your provider's console)."
        )
    found = find(configuration, moment)
    restore.check_tombstones(configuration)
    settings.ensure_secrets(configuration)  # the root key is there: it opened the keys of the archive
    settings.make_enterable(configuration.data)
    lock = postgres.lock_of(configuration)
    postgres.take(lock, "command", configuration.data, again=False)
    try:
        told = _build(configuration, found, moment, lock, replace=replace)
    finally:
        lock.release()
    server = postgres.start(configuration, purpose="command")  # which swaps
    try:
        roles.set_up(configuration)
        return restore.finished(configuration, told)
    finally:
        server.stop()


def windows(configuration: Configuration) -> list[Window]:
    """What can be restored, oldest first. A chapter whose keys are not here does not count."""
    keys, known = Keyring(configuration), chapters.all_of(configuration)
    found: list[Window] = []
    for chapter in known:
        with contextlib.suppress(Refused):
            ends = _end_of(chapter, known, keys)
            if chapter.made_at and ends and chapter.made_at <= ends:
                found.append(Window(chapter.made_at, ends))
    joined: list[Window] = []
    for window in sorted(found, key=lambda window: window.begins):
        if joined and window.begins <= joined[-1].ends:
            joined[-1] = Window(joined[-1].begins, max(joined[-1].ends, window.ends))
        else:
            joined.append(window)
    return joined


def find(configuration: Configuration, moment: datetime) -> Found:
    """What brings `moment` back, read completely. Raises Refused: outside the windows, damaged, or without its keys."""
    known, keys = chapters.all_of(configuration), Keyring(configuration)
    fit = [chapter for chapter in known if chapter.made_at and chapter.made_at <= moment]
    if not fit:
        raise _outside(configuration, moment)
    chapter = max(fit, key=lambda chapter: cast(datetime, chapter.made_at))
    names = _walk(configuration, chapter, known, keys, moment)
    if not chapter.base.is_file():
        raise Refused(f"{chapter.base} is missing: put it back, or move {chapter.folder} away to use an earlier copy.")
    try:
        header, summary = bases.verify(chapter.base, keys.of(chapter))
    except Refused as reason:
        raise Refused(f"{reason} It is {chapter.base}; to use an earlier copy, move {chapter.folder} away.") from None
    said = (header.get("chapter"), header.get("system"), header.get("timeline"), summary.get("first_segment"))
    if said != (chapter.name, chapter.line.system, chapter.line.timeline, chapter.first_segment):
        raise Refused(f"{chapter.base} belongs to another chapter of the archive: put the right file there.")
    timelines = max(other.line.timeline for other in known if other.line.system == chapter.line.system)
    return Found(chapter, keys.of(chapter), header, summary, tuple(names), timelines)


def _walk(
    configuration: Configuration, chapter: Chapter, known: list[Chapter], keys: Keyring, moment: datetime
) -> list[str]:
    """The segments from the chapter's first up to the one in which `moment` is passed, each read."""
    parts, size = chapters.parts(known, chapter.line), chapter.segment_size
    number, names = chapters.segment_number(chapter.first_segment, size), list[str]()
    reached = cast(datetime, chapter.made_at) - timedelta(days=1)
    while reached < moment:
        name = chapters.segment_name(chapter.line, number, size)
        is_last = not any(other > name for other in parts)
        if name not in parts:
            if is_last:
                raise _outside(configuration, moment)
            raise Refused(
                f"The archive lacks the segment {name}: nothing after {_told(reached, moment)} can be restored from the copy "
                f"of {chapter.name}. Put its files back."
            )
        found = _segment(parts[name], keys)
        names.append(name)
        reached = max(reached, found.moment or reached)
        if reached < moment and not found.is_whole(size):
            if found.damage or not is_last:
                damage = found.damage or f"the segment {name} ends too early"
                raise Refused(
                    f"The archive is damaged ({damage}): nothing after {_told(reached, moment)} can be restored."
                )
            raise _outside(configuration, moment)
        number += 1
    return names


def _segment(parts: list[tuple[int, Path, Chapter]], keys: Keyring) -> walfiles.Segment:
    return walfiles.assemble([(path, keys.of(chapter), part_header(chapter, path)) for _, path, chapter in parts])


def _end_of(chapter: Chapter, known: list[Chapter], keys: Keyring) -> datetime | None:
    """The newest moment to which the log reaches without a gap from the chapter's copy on."""
    if not chapter.made_at:
        return None
    parts, size = chapters.parts(known, chapter.line), chapter.segment_size
    number = chapters.segment_number(chapter.first_segment, size)
    names = []
    while (name := chapters.segment_name(chapter.line, number, size)) in parts:
        names.append(name)
        number += 1
    for name in reversed(names):
        found = _segment(parts[name], keys)
        if found.moment:
            return found.moment
    return None


def _outside(configuration: Configuration, moment: datetime) -> Refused:
    known = [
        f"from {_told(window.begins + timedelta(seconds=1), moment)} to {_told(window.ends, moment)}"
        for window in windows(configuration)
    ]
    folder = chapters.place(configuration)
    if not known:
        return Refused(f"There is nothing in {folder} from which a moment could be restored: use `restore FILE`.")
    return Refused(f"The archive does not hold {_told(moment, moment)}. It holds every moment {'; '.join(known)}.")


def _told(at: datetime, like: datetime) -> str:
    """In the zone in which the operator asked."""
    return at.astimezone(like.tzinfo).isoformat(timespec="seconds")


# --- building ----------------------------------------------------------------------------------------------------


def _build(configuration: Configuration, found: Found, moment: datetime, lock: locks.Lock, *, replace: bool) -> str:
    user = processes.server_user()
    place = postgres.find_place(configuration, user)
    swapping.finish(configuration, place.base)
    if exchanging.is_ready(configuration):
        raise Refused("A restore was broken off near its end: start with ./run, which finishes it first.")
    if not replace and (place.cluster.exists() or any(dumps.files(configuration))):
        raise Refused("There is data here already: give --replace to replace it, or --data with another folder.")
    tools = programs.find(configuration, user=user, major=found.header["postgres"], copies=postgres.copies(place))
    need = found.summary["bytes"] + (len(found.segments) + 4) * found.chapter.segment_size + ROOM
    room = shutil.disk_usage(place.base).free
    if room < need:
        raise Refused(f"This needs {need >> 20} MB, and {room >> 20} MB are free in {place.base}.")
    beside = postgres.Place(swapping.beside(place.base), place.socket)
    shutil.rmtree(beside.base, ignore_errors=True)
    beside.base.mkdir(mode=0o700)
    try:
        _unpack(found, beside.cluster)
        _add_log(configuration, found, beside)
        if user:
            _give(beside.base, user)
        _compare(tools, beside, user)
        told = _play(configuration, moment, tools=tools, beside=beside, user=user, lock=lock)
        told += _carry_over(configuration, place, user, lock)
        swapping.begin(place.base, made_at=moment.astimezone(UTC).isoformat())
    except BaseException:
        shutil.rmtree(beside.base, ignore_errors=True)
        raise
    return f"the moment {_told(moment, moment)}: {told}"


def _carry_over(
    configuration: Configuration, place: postgres.Place, user: pwd.struct_passwd | None, lock: locks.Lock
) -> str:
    """What the cluster about to be replaced had ended for good and not written down yet. One that does not start any more may be why this is
    done at all: then it goes on, and says so."""
    major = postgres.cluster_major(place)
    if major is None:
        return ""
    try:
        tools = programs.find(configuration, user=user, major=major, copies=postgres.copies(place))
        with postgres.opened(configuration, place, tools, user, lock):
            restore.carry_over_tombstones(configuration)
    except (settings.ConfigurationError, Refused, psycopg.Error) as error:
        return LAST_MINUTE.format(str(error).rstrip("."))
    return ""


class _Feed:
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._waiting = pieces, bytearray()

    def read(self, size: int) -> bytes:
        while len(self._waiting) < size and (piece := next(self._pieces, None)) is not None:
            self._waiting += piece
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken


def _unpack(found: Found, cluster: Path) -> None:
    cluster.mkdir(mode=0o700)
    feed = cast(IO[bytes], _Feed(bases.unpacked(found.chapter.base, found.secret)))
    with tarfile.open(fileobj=feed, mode="r|") as tar:
        tar.extractall(cluster, filter="tar")


def _add_log(configuration: Configuration, found: Found, beside: postgres.Place) -> None:
    """The log goes where the server looks, and nowhere else."""
    keys, known = Keyring(configuration), chapters.all_of(configuration)
    parts, folder = chapters.parts(known, found.chapter.line), beside.cluster / "pg_wal"
    for name in found.segments:
        data = _segment(parts[name], keys).data
        with (folder / name).open("wb") as file:
            file.write(data)
            file.truncate(found.chapter.segment_size)
    for timeline in range(found.chapter.line.timeline + 1, found.timelines + 1):
        (
            folder / f"{timeline:08X}.history"
        ).touch()  # so that the new line gets a number that the archive does not know
    (beside.cluster / "recovery.signal").touch()
    (beside.base / "hba.conf").write_text("local all postgres trust\n")  # the folder of the socket is closed to others


def _give(folder: Path, user: pwd.struct_passwd) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _compare(tools: Programs, beside: postgres.Place, user: pwd.struct_passwd | None) -> None:
    """Every file with the checksums the server gave along with the copy."""
    done = subprocess.run(
        [
            tools.path("pg_verifybackup"),
            "--no-parse-wal",
            "--exit-on-error",
            "--ignore=recovery.signal",
            beside.cluster,
        ],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **processes.run_as(user),
    )
    if done.returncode:
        raise Refused(
            f"The copy of the cluster does not agree with its checksums: {done.stderr.strip().splitlines()[-1]}"
        )
    (beside.cluster / "backup_manifest").unlink()


def _play(
    configuration: Configuration,
    moment: datetime,
    *,
    tools: Programs,
    beside: postgres.Place,
    user: pwd.struct_passwd | None,
    lock: locks.Lock,
) -> str:
    """Let the server play the log up to `moment`, and look at what there is then."""
    more = {
        "hba_file": str(beside.base / "hba.conf"),
        "restore_command": "false",
        "recovery_target_timeline": "current",
        "hot_standby": "off",
    }
    target = {
        "recovery_target_time": moment.astimezone(UTC).isoformat(sep=" "),
        "recovery_target_inclusive": "on",
        "recovery_target_action": "promote",
    }
    for settings_ in (more | target, more):
        process = postgres.launch(beside, tools, user, lock, more=settings_)
        server = postgres.Server(beside, tools, process, lock)
        try:
            if _is_ready(server):
                return _examine(configuration, beside)
        finally:
            server.end()
        # Nothing was committed between the moment and the end of the log that was read: all of it is wanted.
    raise Refused(f"The log could not be played: {postgres.last_log_line(beside)}")


def _is_ready(server: postgres.Server) -> bool:
    """Wait as long as it plays; False when it ended because the log ends before the moment."""
    while server.is_running():
        with contextlib.suppress(psycopg.OperationalError), _connected(server.place, "postgres"):
            return True
        time.sleep(0.1)
    said = server.place.log.read_text(errors="replace")
    if NOT_REACHED not in said:
        raise Refused(f"The log could not be played: {postgres.last_log_line(server.place)}")
    return False


def _connected(place: postgres.Place, name: str) -> psycopg.Connection:
    address = make_conninfo(host=str(place.socket), port=database.PORT, user="postgres", dbname=name)
    return psycopg.connect(address, autocommit=True, connect_timeout=10)


def _examine(configuration: Configuration, beside: postgres.Place) -> str:
    """Read every row, compare versions, keys and papers; the server's password becomes the one in the secrets folder."""
    with _connected(beside, database.NAME) as connection:
        counts = dumps.counts(connection)
        restore.check_version("another version", dumps.migrations(connection))
        keys = dumps.keys(connection)
        has_papers = connection.execute("SELECT to_regclass('public.core_storedfile')").fetchone() != (None,)
        names = [row[0] for row in connection.execute(_STORED)] if has_papers else []
        password = sql.Literal(settings.password(configuration, "superuser"))
        connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(password))
    restore.bring_back_root_keys(configuration, keys)
    told = f"{sum(counts.values())} rows in {len(counts)} tables"
    if configuration.s3_url:
        return told + "; files are as the object store has them"
    back, missing = papers.bring_back(configuration, names)
    told += f" and {len(names) - len(missing)} files, {back} of them from the archive"
    return told + (f"; {len(missing)} FILES ARE NOWHERE, look for them in the nightly backups" if missing else "")
