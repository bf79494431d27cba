"""`amanat restore`: bring back what `backup` saved. It can destroy data, so this is its order:

1. read the whole file: key, every piece, sums, version. Nothing has been touched yet.
2. refuse while a site runs on the data, and when there is data, unless told to replace it.
3. build a second database and a second folder of files beside the ones in use; compare all counts.
4. only then swap both, and bring the schema up to this version.

What fails before 4 leaves everything as it was. An external server must offer an empty database instead: nothing is
replaced there, because its owner cannot swap databases.
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from amanat.core import configuration as settings
from amanat.core import database
from amanat.core.configuration import Configuration
from amanat.operations import Refused, backup, dumps, migrate, postgres, roles, sealing

BESIDE = "amanat_restore"
FORMER = "amanat_former"


def bring_back(configuration: Configuration, source: Path, *, replace: bool) -> str:
    """Restore `source`; returns a sentence. Raises Refused, ConfigurationError: then nothing has changed."""
    if not source.is_file():
        raise Refused(f"There is no file {source}.")
    secret = _secret_for(configuration, source)
    header, summary = backup.verify(source, secret)
    settings.ensure_secrets(configuration)  # the root key is there: the file was opened with it
    _check_version(header)
    if not configuration.is_embedded:
        return _into_external(configuration, source, secret, summary)
    server = postgres.start(configuration, purpose="command")
    try:
        roles.set_up(configuration)
        _check_empty(configuration, replace=replace)
        _build_and_swap(configuration, source, secret, summary)
        migrate.run()
    finally:
        server.stop()
    return _sentence(summary)


def _sentence(summary: dict[str, Any]) -> str:
    rows = sum(summary["counts"].values())
    return f"Restored {rows} rows in {len(summary['counts'])} tables and {summary['files']} files; all counts agree with the backup."


def _secret_for(configuration: Configuration, source: Path) -> sealing.Secret:
    """The secret this backup was locked with, and proof that the root key of its data is here."""
    with source.open("rb") as file:
        header = sealing.Reader(file).header
    if not configuration.root_key_file.exists():
        raise Refused(
            f"Put the root key of the installation that made the backup in {configuration.root_key_file} first."
        )
    have = dumps.root_keys(configuration)
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


def _check_version(header: dict[str, Any]) -> None:
    from amanat.operations import services

    services.set_up_django()
    from django.db.migrations.loader import MigrationLoader

    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or {}}
    unknown = sorted(set(header["migrations"]) - known)
    if unknown:
        raise Refused(
            f"The backup was made by Amanat {header['amanat']}, whose tables this version does not know ({unknown[0]}): "
            "restore it with that version or a newer one."
        )


def _check_empty(configuration: Configuration, *, replace: bool) -> None:
    with dumps.connect(configuration) as connection:
        if not replace and (dumps.counts(connection) or any(dumps.files(configuration))):
            raise Refused("There is data here already: give --replace to replace it, or --data with another folder.")


def _build_and_swap(
    configuration: Configuration, source: Path, secret: sealing.Secret, summary: dict[str, Any]
) -> None:
    folder = dumps.files_folder(configuration)
    beside = folder.with_name("files.restore")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    with dumps.connect(configuration, "postgres") as connection:
        _drop(connection, BESIDE)
        roles.make_database(connection, BESIDE)
        try:
            _fill(configuration, BESIDE, source, secret, beside)
            _compare(configuration, BESIDE, summary)
        except BaseException:
            _drop(connection, BESIDE)
            shutil.rmtree(beside, ignore_errors=True)
            raise
        _drop(connection, FORMER)
        with connection.transaction():
            _rename(connection, database.NAME, FORMER)
            _rename(connection, BESIDE, database.NAME)
        former = folder.with_name("files.former")
        shutil.rmtree(former, ignore_errors=True)
        if folder.exists():
            folder.rename(former)
        beside.rename(folder)
        shutil.rmtree(former, ignore_errors=True)
        _drop(connection, FORMER)


def _into_external(configuration: Configuration, source: Path, secret: sealing.Secret, summary: dict[str, Any]) -> str:
    roles.set_up(configuration)
    with dumps.connect(configuration) as connection:
        if dumps.counts(connection) or any(dumps.files(configuration)):
            raise Refused(
                "The database or the files folder is not empty: make an empty database, set DATABASE_URL to it, restore there."
            )
    folder = dumps.files_folder(configuration)
    folder.mkdir(parents=True, exist_ok=True)
    _fill(configuration, "", source, secret, folder)
    _compare(configuration, "", summary)
    migrate.run()
    return _sentence(summary)


def _fill(configuration: Configuration, name: str, source: Path, secret: sealing.Secret, folder: Path) -> None:
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
                    _pour(sealing.Reader(file), secret, process.stdin, folder)
            finally:
                _close(process.stdin)
        if process.returncode:
            complaints.seek(0)
            raise Refused(f"The backup could not be restored: {complaints.read().decode(errors='replace').strip()}")


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def _pour(reader: sealing.Reader, secret: sealing.Secret, dump: IO[bytes], folder: Path) -> None:
    """The database's bytes into `dump`, each file into `folder`."""
    file: IO[bytes] | None = None
    opened = ""
    try:
        for name, data in reader.entries(secret):
            if name == backup.DATABASE:
                dump.write(data)
            elif name.startswith(backup.FILES):
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


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _rename(connection: psycopg.Connection, old: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))
