"""The process that keeps the archive: `amanat archive`, started and started again by the supervisor.

One thread takes the log from the server and writes it down every few seconds; another copies the cluster each night, follows
the store of papers and deletes what is too old. Killed at any point, it goes on where the files on the disk end. Where that
is impossible (the server kept too little, the data was restored), a new chapter begins, and with it a new copy.
"""

import contextlib
import os
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from amanat.core import clock, safekeeping, wholefiles
from amanat.core.configuration import Configuration, ConfigurationError
from amanat.operations import Refused, dumps, locks, nightly, processes
from amanat.operations.archive import bases, chapters, papers, states, streaming, walfiles
from amanat.operations.archive.chapters import Chapter
from amanat.operations.archive.streaming import Piece, Stream, StreamEnded

FLUSH_EVERY = 10.0  # seconds; what a lost disk takes along at most
MOST_WAITING = 1 << 20  # bytes that are written down at once
FIRST_LOOK = 60.0  # seconds after the start in which no copy is made: the site is starting
LOOK_EVERY = 60.0
NICE = 10  # on a single core, people at work come first; the server keeps the log until it is taken
PAPERS_EVERY = 300.0
COPY_AGAIN = 1800.0  # seconds after a copy failed
_LONG_AGO = datetime.fromtimestamp(0, UTC)


def run(configuration: Configuration) -> None:
    """Keep the archive until told to stop. Raises Refused, ConfigurationError when it cannot go on."""
    if not safekeeping.archive_is_on(configuration):
        raise Refused("The archive is off: set AMANAT_ARCHIVE_DAYS (and AMANAT_BACKUP), and use the embedded database.")
    processes.watch_parent()
    os.nice(NICE)
    folder = chapters.place(configuration)
    folder.mkdir(parents=True, exist_ok=True)
    lock = locks.Lock(folder / "lock")
    if not lock.take({}):
        raise Refused(f"Another process keeps the archive in {folder}.")
    wholefiles.clear(folder)
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    try:
        with dumps.connect(configuration, "postgres") as connection, Stream(configuration) as stream:
            Keeper(configuration, stream, connection, stop).run()
    except StreamEnded as reason:
        raise Refused(f"The database server no longer sends its log: {reason}.") from None
    except psycopg.Error as error:  # such as a server that was told to write too little into its log
        told = f"The database server refuses the archive: {str(error).splitlines()[0]}"
        states.note(configuration, problem=told)
        raise Refused(told) from None
    except OSError as error:
        with contextlib.suppress(OSError):  # the disk may be what fails
            states.note(configuration, problem=f"The archive cannot be written: {error}")
        raise Refused(f"The archive cannot be written: {error}") from None
    finally:
        lock.release()


def tidy(configuration: Configuration) -> None:
    """What is due whether the archive runs or not: nothing too old stays, and a server that nobody listens to keeps nothing."""
    chapters.prune(configuration, clock.now())
    if not chapters.all_of(configuration):
        papers.forget_all(configuration)
    if configuration.is_embedded and not safekeeping.archive_is_on(configuration):
        with dumps.connect(configuration, "postgres") as connection:
            streaming.drop_slot(connection)


class Keeper:
    """Takes the log from the server and writes it down."""

    def __init__(
        self, configuration: Configuration, stream: Stream, connection: psycopg.Connection, stop: threading.Event
    ) -> None:
        self._configuration = configuration
        self._stream = stream
        self._stop = stop
        self._keys = chapters.Keyring(configuration)
        self._writer: walfiles.Writer | None = None
        self._waiting = bytearray()
        self._moment = _LONG_AGO
        self._flushed = time.monotonic()
        self.chapter: Chapter
        self.line, end = stream.identify()
        self._place = self._resumed(connection, end) or self._anew(connection)

    def run(self) -> None:
        copying = threading.Thread(target=Copying(self._configuration, self, self._stop).run, daemon=True)
        copying.start()
        self._stream.begin(self._place, self.line)
        try:
            while not self._stop.is_set():
                piece = self._stream.receive(0.5)
                if piece:
                    self._take(piece)
                if time.monotonic() - self._flushed >= FLUSH_EVERY:
                    self._write_down()
            self._write_down()
        finally:
            self._stop.set()
            if self._writer:
                self._writer.close()

    def renew(self) -> Chapter:
        """A chapter for the next copy, into which all segments go that begin from now on."""
        if self.chapter.made_at is not None:
            self.chapter = chapters.open_new(
                self._configuration, line=self.line, segment_size=self.chapter.segment_size, at=clock.now()
            )
        return self.chapter

    def _resumed(self, connection: psycopg.Connection, end: int) -> int | None:
        """Where the files on the disk end, when the server can go on from there."""
        known = [chapter for chapter in chapters.all_of(self._configuration) if chapter.line == self.line]
        segments = chapters.parts(known, self.line)
        if not segments:
            return None
        name, parts = list(segments.items())[-1]
        try:
            secrets = [(path, self._keys.of(chapter), chapter) for _, path, chapter in parts]
        except Refused as reason:
            say(f"A new chapter of the archive begins: {reason}")
            return None
        found = walfiles.assemble([(path, secret, part_header(chapter, path)) for path, secret, chapter in secrets])
        self.chapter = known[-1]
        place = chapters.segment_number(name, self.chapter.segment_size) * self.chapter.segment_size + len(found.data)
        kept_from = streaming.ensure_slot(connection, anew=False)
        if not kept_from or not kept_from <= place <= end:
            return None
        self._moment = found.moment or _LONG_AGO
        return place

    def _anew(self, connection: psycopg.Connection) -> int:
        row = connection.execute("SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'").fetchone()
        assert row is not None
        size = int(row[0])
        self.chapter = self._unused() or chapters.open_new(
            self._configuration, line=self.line, segment_size=size, at=clock.now()
        )
        if not safekeeping.archive(self._configuration).since:
            states.note(self._configuration, since=clock.now().isoformat())
        start = streaming.ensure_slot(connection, anew=True)
        return start - start % size

    def _unused(self) -> Chapter | None:
        """A chapter that was opened by a process that was killed before it had anything to write."""
        for chapter in reversed(chapters.all_of(self._configuration)):
            if chapter.line == self.line and chapter.made_at is None and not any(chapter.wal.glob("*")):
                with contextlib.suppress(Refused):
                    self._keys.of(chapter)
                    return chapter
        return None

    def _take(self, piece: Piece) -> None:
        data, size = piece.data, self.chapter.segment_size
        if data and piece.start != self._place + len(self._waiting):
            raise StreamEnded("it left out a piece")
        while data:
            room = size - (self._place + len(self._waiting)) % size
            self._waiting += data[:room]
            data = data[room:]
            if len(self._waiting) >= MOST_WAITING or (self._place + len(self._waiting)) % size == 0:
                self._write_down()
        if self._place + len(self._waiting) >= piece.server_end:
            self._moment = max(self._moment, piece.sent_at)

    def _write_down(self) -> None:
        size = self.chapter.segment_size
        if self._writer is None:
            self._writer = self._open(chapters.segment_name(self.line, self._place // size, size))
        self._writer.append(bytes(self._waiting), offset=self._place % size, moment=self._moment)
        self._place += len(self._waiting)
        if self._waiting and self._place % size == 0:
            self._writer.close()
            self._writer = None
        self._waiting.clear()
        self._flushed = time.monotonic()
        self._stream.confirm(self._place)
        states.note(self._configuration, newest=self._moment.isoformat(), problem="")

    def _open(self, segment: str) -> walfiles.Writer:
        known = chapters.parts(chapters.all_of(self._configuration), self.line).get(segment, [])
        path = self.chapter.wal / f"{segment}.{known[-1][0] + 1 if known else 0}"
        secret = self._keys.of(self.chapter)
        return walfiles.Writer(path, header=part_header(self.chapter, path), secret=secret)


class Copying:
    """Copies, papers and pruning, beside the log."""

    def __init__(self, configuration: Configuration, keeper: Keeper, stop: threading.Event) -> None:
        self._configuration = configuration
        self._keeper = keeper
        self._stop = stop
        self._papers = papers.Mirror(configuration)
        self._not_before = time.monotonic() + FIRST_LOOK
        self._papers_next = time.monotonic()

    def run(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self._look()
            except (Refused, ConfigurationError, OSError, psycopg.Error) as error:
                if self._stop.is_set():
                    return
                self._not_before = time.monotonic() + COPY_AGAIN
                with contextlib.suppress(OSError):
                    states.note(self._configuration, copy_problem=str(error))
                say(f"The archive could not copy the database: {error}")

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._papers_next and not self._configuration.s3_url:
            self._papers_next = now + PAPERS_EVERY
            self._papers.follow(clock.now())
        if now < self._not_before:
            return
        self._not_before = now + LOOK_EVERY
        if is_copy_due(self._configuration, self._keeper.chapter, clock.now()):
            done = bases.make(self._configuration, self._keeper.renew())
            self._keeper.chapter = done
            states.note(self._configuration, copied_at=clock.now().isoformat(), copy_problem="")
            gone = chapters.prune(self._configuration, clock.now())
            if done.name in gone:
                raise Refused("The clock was set forward by a month: start again.")


def is_copy_due(configuration: Configuration, chapter: Chapter, at: datetime) -> bool:
    """At once for a chapter without one, and then with each night's backup."""
    return chapter.made_at is None or chapter.made_at < nightly.last_hour(configuration, at)


def part_header(chapter: Chapter, path: Path) -> dict[str, Any]:
    """What a file of the log says of itself: it cannot be taken for another."""
    return {"chapter": chapter.name, "file": path.name, "system": chapter.line.system}


def say(sentence: str) -> None:
    print(sentence, flush=True)
