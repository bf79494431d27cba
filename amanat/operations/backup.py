"""`amanat backup`: database and files in one encrypted file that was read back before it gets its name.

The rows are counted in the very snapshot that is dumped, so a restore can compare. The dump is taken before the files:
a file is written before the row that names it, so every row's file is there. The root key is not in the backup: keep it
elsewhere, or the backup opens nothing, which is what a thief of it should find.

**Two files.** FILE is encrypted with a key made for it alone. FILE.keys holds that key and the tables of wrapped keys, and
is itself encrypted with the root key or the passphrase. Whoever deletes FILE.keys has deleted what was in FILE, wherever
copies of it went; so what was erased is gone from backups when their keys are (docs/decisions/0006).
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg

from amanat import __version__
from amanat.core import clock, database, rootkeys
from amanat.core.configuration import Configuration
from amanat.operations import Refused, dumps, sealing

PIECE = 1 << 20
DATABASE, FILES = "database", "files/"
KEYS = ".keys"
OWN_KEY, TABLES = "key", "tables"


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup whose two files were read completely and belong together."""

    header: dict[str, Any]
    summary: dict[str, Any]
    secret: sealing.Secret  #: opens the file of the data
    key_tables: dict[str, str]  #: rows of the tables of keys, as JSON


def save(configuration: Configuration, target: Path, *, keys: Path | None = None) -> str:
    """Write the backup `target` and its keys (beside it, unless told where); returns a sentence with what is in it.

    Raises Refused, and then leaves no file.
    """
    keys = keys or keys_of(target)
    for path in (target, keys):
        if path.exists():
            raise Refused(f"{path} exists already: give another name, a backup never replaces one.")
    lock = dumps.secret(configuration)
    own_key, name = secrets.token_bytes(32), secrets.token_hex(8)
    secret = sealing.Secret(own_key=own_key)
    made: dict[str, Any] = {}

    def write_data(file: IO[bytes]) -> None:
        made["summary"], made["tables"] = _write(configuration, file, secret, name)

    def read_data(path: Path) -> None:
        if verify(path, secret)[1] != made["summary"]:
            raise Refused("The backup read back differs from what was written: the disk is not sound; try another.")

    def write_keys(file: IO[bytes]) -> None:
        _write_keys(configuration, file, lock, name, {OWN_KEY: own_key.hex(), TABLES: made["tables"]})

    def read_keys(path: Path) -> None:
        if _read_keys(path, lock)[1] != {OWN_KEY: own_key.hex(), TABLES: made["tables"]}:
            raise Refused("The keys read back differ from what was written: the disk is not sound; try another.")

    with tempfile.TemporaryDirectory(dir=_made(target.parent), prefix=f".{target.name}-") as folder:
        data = _written(Path(folder) / "data", write_data, read_data)
        _place(_written(Path(folder) / "keys", write_keys, read_keys), keys)
        try:
            _place(data, target)
        except BaseException:
            keys.unlink()
            raise
    rows = sum(made["summary"]["counts"].values())
    size = target.stat().st_size
    return (
        f"Saved {rows} rows and {made['summary']['files']} files in {target} ({size} bytes, verified); "
        f"the keys to it are in {keys}."
    )


def write_keys(configuration: Configuration, path: Path, *, name: str, content: dict[str, Any]) -> None:
    """A file of keys by itself, locked as those of backups are. Raises FileExistsError, Refused."""
    lock = dumps.secret(configuration)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        _write_keys(configuration, file, lock, name, content)
        sync(file)
    sync_folder(path.parent)


def read_keys(configuration: Configuration, path: Path, *, name: str) -> dict[str, Any]:
    """What such a file holds. Raises Refused when it is damaged, of another name, or locked otherwise."""
    with path.open("rb") as file:
        header = sealing.Reader(file).header
    if header.get("name") != name:
        raise Refused(f"{path} belongs to something else: put the right file there.")
    return _read_keys(path, _lock_of(configuration, header))[1]


def keys_of(target: Path) -> Path:
    """Where the keys of a backup lie: beside it, or in the folder `keys` beside it, as nightly ones do."""
    beside = target.with_name(target.name + KEYS)
    apart = target.parent / "keys" / beside.name
    return apart if apart.exists() and not beside.exists() else beside


def opened(configuration: Configuration, source: Path) -> Opened:
    """Read all of a backup. Raises Refused when either file is missing, damaged, of another backup, or locked otherwise."""
    if not source.is_file():
        raise Refused(f"There is no file {source}.")
    with source.open("rb") as file:
        header = sealing.Reader(file).header
    keys = keys_of(source)
    if not keys.is_file():
        raise Refused(
            f"The keys of this backup are not here: put {keys.name} beside it. Without them nobody can open it, "
            "which is meant: keys are deleted after 30 days, so that what was erased is gone from backups."
        )
    with keys.open("rb") as file:
        keys_header = sealing.Reader(file).header
    if keys_header.get("name") != header.get("name"):
        raise Refused(f"{keys} belongs to another backup: put the one that was made with {source.name} there.")
    content = _read_keys(keys, _lock_of(configuration, keys_header))[1]
    secret = sealing.Secret(own_key=bytes.fromhex(content[OWN_KEY]))
    header, summary = verify(source, secret)
    return Opened(header, summary, secret, content[TABLES])


def known_root_keys(configuration: Configuration) -> dict[str, bytes]:
    """The root keys in use and, after them, those that were replaced but may still be needed."""
    former = dumps.former_root_keys(configuration)
    return dumps.root_keys(configuration) | (rootkeys.read(former) if former.exists() else {})


def _lock_of(configuration: Configuration, header: dict[str, Any]) -> sealing.Secret:
    """The secret these keys were locked with, and proof that the root key of the data is here."""
    if not configuration.root_key_file.exists():
        raise Refused(
            f"Put the root key of the installation that made the backup in {configuration.root_key_file} first."
        )
    have = known_root_keys(configuration)
    missing = [known for known in header["root_keys"] if known not in have]
    if missing:
        raise Refused(
            f"The root key in {configuration.root_key_file} is not the one this backup's data is encrypted with "
            f"({', '.join(missing)}): put that one there first."
        )
    if header["key"] == "passphrase":
        if not configuration.backup_passphrase:
            raise Refused("This backup is locked with a passphrase: set AMANAT_BACKUP_PASSPHRASE.")
        return sealing.Secret(passphrase=configuration.backup_passphrase)
    return sealing.Secret(root_key=have[header["root_keys"][0]])


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _written(path: Path, write: Callable[[IO[bytes]], None], read_back: Callable[[Path], None]) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        write(file)
        sync(file)
    read_back(path)
    return path


def _place(path: Path, target: Path) -> None:
    """Give a finished file its name."""
    _made(target.parent)
    try:
        os.link(path, target)  # refuses to replace, where a rename would not
    except FileExistsError:
        raise Refused(f"{target} exists already: give another name, a backup never replaces one.") from None
    sync_folder(target.parent)


def _write_keys(
    configuration: Configuration, file: IO[bytes], lock: sealing.Secret, name: str, content: dict[str, Any]
) -> None:
    header = {
        "amanat": __version__,
        "name": name,
        "made_at": clock.now().isoformat(timespec="seconds"),
        "root_keys": list(dumps.root_keys(configuration)),
    }
    writer = sealing.Writer(file, header=header, secret=lock)
    writer.entry(TABLES)
    writer.write(json.dumps(content).encode())
    writer.close({})


def _read_keys(path: Path, lock: sealing.Secret) -> tuple[dict[str, Any], dict[str, Any]]:
    with path.open("rb") as file:
        reader = sealing.Reader(file)
        content = b"".join(data for name, data in reader.entries(lock) if name == TABLES)
    return reader.header, json.loads(content)


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


def _write(
    configuration: Configuration, file: IO[bytes], secret: sealing.Secret, name: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Write the data; returns the summary, and the rows of the tables of keys in the same snapshot."""
    with dumps.connect(configuration) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        header = {
            "amanat": __version__,
            "name": name,
            "made_at": clock.now().isoformat(timespec="seconds"),
            "migrations": dumps.migrations(connection),
            "root_keys": list(dumps.root_keys(configuration)),
            "files_elsewhere": bool(configuration.s3_url),
        }
        writer = sealing.Writer(file, header=header, secret=secret)
        counts, tables = dumps.counts(connection), dumps.keys(connection)
        written = _write_database(configuration, connection, str(row[0]), writer)
        connection.execute("COMMIT")
    number, size = _write_files(configuration, writer)
    summary = {"counts": counts, "files": number, "bytes": written + size}
    writer.close(summary)
    return summary, tables


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
            *(f"--exclude-table-data=public.{name}" for name in dumps.KEY_TABLES),
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


def sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
