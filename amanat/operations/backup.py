"""`amanat backup`: database and files in one encrypted file that was read back before it gets its name.

The rows are counted in the very snapshot that is dumped, so a restore can compare. The dump is taken before the files:
a file is written before the row that names it, so every row's file is there. The root key is not in the backup: keep it
elsewhere, or the backup opens nothing, which is what a thief of it should find.
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

import psycopg

from amanat import __version__
from amanat.core import clock, database
from amanat.core.configuration import Configuration
from amanat.operations import Refused, dumps, sealing

PIECE = 1 << 20
DATABASE, FILES = "database", "files/"


def save(configuration: Configuration, target: Path) -> str:
    """Write the backup `target`; returns a sentence with what is in it. Raises Refused, and then leaves no file."""
    if target.exists():
        raise Refused(f"{target} exists already: give another name, a backup never replaces one.")
    secret = dumps.secret(configuration)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            summary = _write(configuration, file, secret)
            file.flush()
            os.fsync(file.fileno())
        found = verify(temporary, secret)[1]
        if found != summary:
            raise Refused("The backup read back differs from what was written: the disk is not sound; try another.")
        os.link(temporary, target)  # refuses to replace, where a rename would not
    except FileExistsError:
        raise Refused(f"{target} exists already: give another name, a backup never replaces one.") from None
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)
    size = target.stat().st_size
    rows = sum(summary["counts"].values())
    return f"Saved {rows} rows and {summary['files']} files in {target} ({size} bytes, verified)."


def verify(path: Path, secret: sealing.Secret) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read all of a backup and compare its lengths; header and summary. Raises Refused when anything is wrong."""
    lengths: dict[str, int] = {}
    summary: dict[str, Any] = {}
    with path.open("rb") as file:
        reader = sealing.Reader(file)
        for name, data in reader.entries(secret):
            if name == sealing.END.decode():
                summary = json.loads(data)
            else:
                lengths[name] = lengths.get(name, 0) + len(data)
    if sum(lengths.values()) != summary["bytes"] or len(lengths) != summary["files"] + 1:
        raise Refused("The backup is damaged (its parts do not add up): nothing was changed; use another copy.")
    return reader.header, summary


def _write(configuration: Configuration, file: IO[bytes], secret: sealing.Secret) -> dict[str, Any]:
    with dumps.connect(configuration) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        header = {
            "amanat": __version__,
            "made_at": clock.now().isoformat(timespec="seconds"),
            "migrations": dumps.migrations(connection),
            "root_keys": list(dumps.root_keys(configuration)),
            "files_elsewhere": bool(configuration.s3_url),
        }
        writer = sealing.Writer(file, header=header, secret=secret)
        counts = dumps.counts(connection)
        written = _write_database(configuration, connection, str(row[0]), writer)
        connection.execute("COMMIT")
    number, size = _write_files(configuration, writer)
    summary = {"counts": counts, "files": number, "bytes": written + size}
    writer.close(summary)
    return summary


def _write_database(
    configuration: Configuration, connection: psycopg.Connection, snapshot: str, writer: sealing.Writer
) -> int:
    address = database.address(configuration, dumps.role(configuration))
    command = [
        *(
            str(dumps.tools(configuration, connection).path("pg_dump")),
            "--format=custom",
            "--no-password",
            "--no-comments",
        ),
        *([] if configuration.is_embedded else ["--enable-row-security"]),  # the owner's policy shows every row
        *(f"--snapshot={snapshot}", f"--dbname={dumps.without_password(address)}"),
    ]
    writer.entry(DATABASE)
    written = 0
    with tempfile.TemporaryFile() as complaints:
        environment = dumps.tool_environment(address)
        with subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, stderr=complaints, env=environment) as process:
            assert process.stdout is not None
            while piece := process.stdout.read(PIECE):
                writer.write(piece)
                written += len(piece)
        if process.returncode:
            complaints.seek(0)
            raise Refused(f"The database could not be read: {complaints.read().decode(errors='replace').strip()}")
    return written


def _write_files(configuration: Configuration, writer: sealing.Writer) -> tuple[int, int]:
    number = size = 0
    if configuration.s3_url:
        return number, size
    for name, path in dumps.files(configuration):
        try:
            with path.open("rb") as file:
                writer.entry(FILES + name)
                while piece := file.read(PIECE):
                    writer.write(piece)
                    size += len(piece)
        except FileNotFoundError:  # erased meanwhile, and so it should stay
            continue
        number += 1
    return number, size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
