"""Copies of the cluster's files: one begins each chapter."""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import json
import os
import re
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from amanat import __version__
from amanat.core import clock, database
from amanat.core.configuration import Configuration
from amanat.operations import Refused, backup, dumps, sealing
from amanat.operations.archive import chapters
from amanat.operations.archive.chapters import Chapter

CLUSTER = "cluster"
_BEGINS = re.compile(rb"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)")


def make(configuration: Configuration, chapter: Chapter) -> Chapter:
    """Copy the running cluster into `chapter`, read it back, and only then give it its name. Raises Refused, OSError."""
    secret = chapters.Keyring(configuration).of(chapter)
    target = chapter.folder / "base.new"
    target.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            first_segment, written = _write(configuration, chapter, file, secret)
            backup.sync(file)
        if verify(target, secret)[1] != written:
            raise Refused("The archive's copy of the database read back differs: the disk is not sound; try another.")
        target.rename(chapter.base)
        backup.sync_folder(chapter.folder)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return chapters.complete(chapter, first_segment=first_segment, made_at=clock.now())


def verify(path: Path, secret: sealing.Secret) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read all of a copy; its header and summary. Raises Refused when anything is wrong."""
    length = 0
    with path.open("rb") as file:
        reader = sealing.Reader(file)
        for name, data in reader.entries(secret):
            if name == sealing.END.decode():
                summary: dict[str, Any] = json.loads(data)
            else:
                length += len(data)
    if length != summary["packed"]:
        raise Refused("The archive's copy of the database is damaged (its parts do not add up).")
    return reader.header, summary


def unpacked(path: Path, secret: sealing.Secret) -> Iterator[bytes]:
    """The copy as a tar file, piece by piece."""
    opener = zlib.decompressobj()
    with path.open("rb") as file:
        for name, data in sealing.Reader(file).entries(secret):
            if name == CLUSTER and data:
                yield opener.decompress(data)
    yield opener.flush()


def _write(
    configuration: Configuration, chapter: Chapter, file: IO[bytes], secret: sealing.Secret
) -> tuple[str, dict[str, Any]]:
    """The first segment the copy needs, and the summary."""
    with dumps.connect(configuration, "postgres") as connection:
        program = dumps.tools(configuration, connection).path("pg_basebackup")
        major = connection.info.server_version // 10000
    header = {
        "amanat": __version__,
        "chapter": chapter.name,
        "system": chapter.line.system,
        "timeline": chapter.line.timeline,
        "postgres": major,
        "root_keys": list(dumps.root_keys(configuration)),
    }
    writer = sealing.Writer(file, header=header, secret=secret)
    writer.entry(CLUSTER)
    packer, size, packed, head = zlib.compressobj(1), 0, 0, b""
    for piece in _copied(configuration, program):
        head = head or piece
        size += len(piece)
        small = packer.compress(piece)
        writer.write(small)
        packed += len(small)
    small = packer.flush()
    writer.write(small)
    begins = _BEGINS.search(head)
    if not begins:
        raise Refused("The copy of the cluster does not say where it begins: another version of PostgreSQL?")
    summary = {"bytes": size, "packed": packed + len(small), "first_segment": begins[1].decode()}
    writer.close(summary)
    return begins[1].decode(), summary


def _copied(configuration: Configuration, program: Path) -> Iterator[bytes]:
    """The running cluster as a tar file, piece by piece. Raises Refused when the copy fails."""
    address = database.address(configuration, "superuser", "postgres")
    command = [
        *(str(program), "--pgdata=-", "--format=tar", "--wal-method=none", "--checkpoint=fast", "--no-password"),
        f"--dbname={dumps.without_password(address)}",
    ]
    with tempfile.TemporaryFile() as complaints:
        environment = dumps.tool_environment(address)
        # When we are killed, it ends with the pipe.
        with subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, stderr=complaints, env=environment) as process:
            assert process.stdout is not None
            while piece := process.stdout.read(backup.PIECE):
                yield piece
        if process.returncode:
            complaints.seek(0)
            told = complaints.read().decode(errors="replace").strip().splitlines()
            raise Refused(f"The cluster could not be copied: {told[-1] if told else 'pg_basebackup was killed'}")
