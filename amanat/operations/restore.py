"""`amanat restore`: bring back what `backup` saved. It can destroy data, so this is its order:

1. read the whole file: key, every piece, sums, version. Nothing has been touched yet.
2. refuse while a site runs on the data, and when there is data, unless told to replace it.
3. build a second database and a second folder of files beside the ones in use; compare all counts.
4. only then exchange both (`exchanging`), and bring the schema up to this version.
5. end again what was ended since the backup was made (`replay`); until that is done, the site refuses to open.

What fails before 4 leaves everything as it was. An external server must offer an empty database instead: nothing is
replaced there, because its owner cannot swap databases.
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

from amanat.core import configuration as settings
from amanat.core import database, rootkeys, wholefiles
from amanat.core.configuration import Configuration
from amanat.operations import Refused, backup, dumps, exchanging, migrate, postgres, roles, sealing, swapping

TRIAL = "amanat_trial"
NOTHING_REMEMBERED = (
    " There is no tombstones.jsonl in {}: if you have one of this installation, put it there and restore again; "
    "otherwise what was erased since the backup has come back."
)


def bring_back(configuration: Configuration, source: Path, *, replace: bool) -> str:
    """Restore `source`; returns a sentence. Raises Refused, ConfigurationError: then nothing has changed."""
    found = backup.opened(configuration, source)
    check_tombstones(configuration)
    settings.ensure_secrets(configuration)  # the root key is there: the file was opened with it
    check_version(found.header["amanat"], found.header["migrations"])
    if not configuration.is_embedded:
        return _into_external(configuration, source, found)
    server = postgres.start(configuration, purpose="command")
    try:
        roles.set_up(configuration)
        _check_empty(configuration, replace=replace)
        _build_and_swap(configuration, source, found)
        return finished(configuration, _told(found.summary))
    finally:
        server.stop()


def check(configuration: Configuration, source: Path) -> str:
    """Read a backup and restore it into a database of its own, compare all counts, and drop that again; a sentence.

    The server runs. Raises Refused for whatever would keep the backup from being restored.
    """
    found = backup.opened(configuration, source)
    check_version(found.header["amanat"], found.header["migrations"])
    if not configuration.is_embedded:
        return (
            f"{source} was read completely and is sound. It was not restored for a trial, which needs a database of its own: "
            "do that with DATABASE_URL set to an empty one."
        )
    room = shutil.disk_usage(configuration.data).free
    need = 4 * source.stat().st_size + (1 << 29)  # a dump is compressed, and indexes are not in it
    if room < need:
        raise Refused(f"A trial restore needs {need >> 20} MB and {room >> 20} MB are free in {configuration.data}.")
    with dumps.connect(configuration, "postgres") as connection:
        exchanging.drop(connection, TRIAL)
        roles.make_database(connection, TRIAL)
        try:
            _fill(configuration, TRIAL, source, found, None)
            _compare(configuration, TRIAL, found.summary)
        finally:
            exchanging.drop(connection, TRIAL)
    return f"{source} was restored for a trial: {_told(found.summary)}."


def finished(configuration: Configuration, told: str) -> str:
    """Bring the schema up to date and do again what was ended since; the mark keeps the site closed until then."""
    migrate.run()
    done = migrate.finish_restore(configuration)
    remembered = "" if done.is_remembered else NOTHING_REMEMBERED.format(configuration.secrets)
    return f"Restored {told}. {done}{remembered}"


def _told(summary: dict[str, Any]) -> str:
    rows = sum(summary["counts"].values())
    return (
        f"{rows} rows in {len(summary['counts'])} tables and {summary['files']} files; all counts agree with the backup"
    )


def check_version(version: str, migrations: list[str]) -> None:
    from amanat.operations import services

    services.set_up_django()
    from django.db.migrations.loader import MigrationLoader

    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or {}}
    unknown = sorted(set(migrations) - known)
    if unknown:
        raise Refused(
            f"The backup was made by Amanat {version}, whose tables this version does not know ({unknown[0]}): "
            "restore it with that version or a newer one."
        )


def _check_empty(configuration: Configuration, *, replace: bool) -> None:
    with dumps.connect(configuration) as connection:
        if not replace and (dumps.counts(connection) or any(dumps.files(configuration))):
            raise Refused("There is data here already: give --replace to replace it, or --data with another folder.")


def check_tombstones(configuration: Configuration) -> None:
    """A key made anew would find nothing of what was erased, and nobody would notice."""
    if (configuration.secrets / "tombstones.jsonl").exists() and not configuration.tombstone_key_file.exists():
        raise Refused(
            f"{configuration.tombstone_key_file} is gone: without it nobody knows what was erased since the backup. "
            "Put it back from where you keep it, or, to let erased records come back, move tombstones.jsonl away."
        )


def carry_over_tombstones(configuration: Configuration) -> None:
    """Out of the database that is about to be replaced: what a killed process had ended for good and not written down. The server runs."""
    from amanat.operations import services

    services.set_up_django()
    from amanat.core import tombstones

    with dumps.connect(configuration) as connection:
        if connection.execute("SELECT to_regclass('public.core_tombstonedue')").fetchone() == (None,):
            return
        left = [
            str(row[0]) for row in connection.execute("SELECT lines FROM core_tombstonedue ORDER BY created_at, id")
        ]
    if left:
        tombstones.append(left)


def bring_back_root_keys(configuration: Configuration, key_tables: dict[str, str]) -> None:
    """Restored keys may be wrapped with a root key that was replaced since: put it after the one in use."""
    present, known = dumps.root_keys(configuration), backup.known_root_keys(configuration)
    rows = [row for table in key_tables.values() for row in json.loads(table)]
    needed = {row["root_id"] for row in rows if row["retired_at"] is None} - present.keys()
    for root_id in sorted(needed & known.keys()):
        rootkeys.put_back(configuration.root_key_file, root_id, known[root_id])


def _build_and_swap(configuration: Configuration, source: Path, found: backup.Opened) -> None:
    beside = exchanging.files_beside(configuration)
    with dumps.connect(configuration, "postgres") as connection:
        exchanging.clear(configuration, connection)
        beside.mkdir()  # first: it says to the next start that there may be something to clear away
        roles.make_database(connection, exchanging.BESIDE)
        try:
            _fill(configuration, exchanging.BESIDE, source, found, beside)
            _compare(configuration, exchanging.BESIDE, found.summary)
            carry_over_tombstones(configuration)
            bring_back_root_keys(configuration, found.key_tables)
            exchanging.begin(configuration, made_at=found.header["made_at"])
            exchanging.finish(configuration, connection)
        except BaseException:
            exchanging.give_up(configuration, connection)
            raise


def _into_external(configuration: Configuration, source: Path, found: backup.Opened) -> str:
    roles.set_up(configuration)
    with dumps.connect(configuration) as connection:
        if dumps.counts(connection) or any(dumps.files(configuration)):
            raise Refused(
                "The database or the files folder is not empty: make an empty database, set DATABASE_URL to it, restore there."
            )
    folder = dumps.files_folder(configuration)
    folder.mkdir(parents=True, exist_ok=True)
    bring_back_root_keys(configuration, found.key_tables)
    settings.make_enterable(configuration.data)
    wholefiles.write(swapping.restored_mark(configuration), json.dumps({"made_at": found.header["made_at"]}))
    _fill(configuration, "", source, found, folder)
    _compare(configuration, "", found.summary)
    return finished(configuration, _told(found.summary))


def _fill(configuration: Configuration, name: str, source: Path, found: backup.Opened, folder: Path | None) -> None:
    """Rows, keys and files; without a `folder` the files are read and left."""
    with dumps.connect(configuration, name) as connection:
        tools = dumps.tools(configuration, connection)
    address = database.address(configuration, dumps.role(configuration), name)
    command = [
        *(str(tools.path("pg_restore")), "--exit-on-error", "--single-transaction", "--no-password", "--no-comments"),
        f"--dbname={dumps.without_password(address)}",
    ]
    with tempfile.TemporaryFile() as complaints, source.open("rb") as file:
        environment = dumps.tool_environment(address)
        with subprocess.Popen(command, cwd="/", stdin=subprocess.PIPE, stderr=complaints, env=environment) as process:
            assert process.stdin is not None
            try:
                with contextlib.suppress(BrokenPipeError):  # it complained and ended; its words are reported below
                    _pour(sealing.Reader(file), found.secret, process.stdin, folder)
            finally:
                _close(process.stdin)
        if process.returncode:
            complaints.seek(0)
            raise Refused(f"The backup could not be restored: {complaints.read().decode(errors='replace').strip()}")
    with dumps.connect(configuration, name) as connection:
        dumps.put_keys(connection, found.key_tables)


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def _pour(reader: sealing.Reader, secret: sealing.Secret, dump: IO[bytes], folder: Path | None) -> None:
    """The database's bytes into `dump`, each file into `folder`."""
    file: IO[bytes] | None = None
    opened = ""
    try:
        for name, data in reader.entries(secret):
            if name == backup.DATABASE:
                dump.write(data)
            elif folder and name.startswith(backup.FILES):
                if name != opened:
                    if file:
                        file.close()
                    file, opened = _create(folder, name.removeprefix(backup.FILES)), name
                assert file is not None
                file.write(data)
    finally:
        if file:
            file.close()


def _create(folder: Path, name: str) -> IO[bytes]:
    path = (folder / name).resolve()
    if folder.resolve() not in path.parents:
        raise Refused(f"The backup names a file outside its folder ({name}): it is not ours.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _compare(configuration: Configuration, name: str, summary: dict[str, Any]) -> None:
    with dumps.connect(configuration, name) as connection:
        found = dumps.counts(connection)
    wrong = sorted(table for table, rows in summary["counts"].items() if found.get(table) != rows)
    if wrong:
        told = ", ".join(f"{table}: {found.get(table, 0)} of {summary['counts'][table]}" for table in wrong)
        raise Refused(f"After restoring, rows are missing ({told}): the database was left as it was.")
