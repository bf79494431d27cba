"""A restored database and its folder of files take the place of the ones in use, together or not at all.

The note `restore-ready.json` is the moment from which on there is no way back: it is written when both stand beside the ones in use,
whole and compared. A kill after it is finished by the next start of the server (`postgres.start`); a kill before it leaves the site as
it was, and the next start clears away what was half built. The mark that keeps the site closed (`swapping.restored_mark`) is written
once the restored database is the one in use, never before: live data is not taken for restored data.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from amanat.core import database, wholefiles
from amanat.core.configuration import Configuration
from amanat.operations import swapping

LIVE, BESIDE, FORMER = database.NAME, "amanat_restore", "amanat_former"


def files(configuration: Configuration) -> Path:
    return configuration.data / "files"


def files_beside(configuration: Configuration) -> Path:
    """Where files are built; as long as it is there, something was begun and not brought to its end."""
    return configuration.data / "files.restore"


def begin(configuration: Configuration, *, made_at: str) -> None:
    """Both are whole. What they hold ends at `made_at`."""
    os.sync()
    wholefiles.write(_ready(configuration), json.dumps({"made_at": made_at}))


def is_ready(configuration: Configuration) -> bool:
    """Whether one waits to be brought to its end."""
    return _ready(configuration).exists()


def resume(configuration: Configuration) -> None:
    """What the start of the embedded server does first: bring to its end what was broken off. Nearly always there is nothing."""
    if any(
        path.exists() for path in (_ready(configuration), files_beside(configuration), _files_former(configuration))
    ):
        with _connected(configuration) as connection:
            finish(configuration, connection)


def finish(configuration: Configuration, connection: psycopg.Connection) -> None:
    """Exchange both when they are ready, else clear away; right at any point at which an earlier one was broken off.

    Where the database cannot be renamed this raises and nothing is exchanged: `give_up`, or try again.
    """
    beside, folder, former = files_beside(configuration), files(configuration), _files_former(configuration)
    if not is_ready(configuration):
        clear(configuration, connection)
        return
    if _is_there(connection, BESIDE):
        drop(connection, FORMER)
        with connection.transaction():
            if _is_there(connection, LIVE):
                _rename(connection, LIVE, FORMER)
            _rename(connection, BESIDE, LIVE)
    wholefiles.write(swapping.restored_mark(configuration), _ready(configuration).read_text())
    if beside.exists():
        if folder.exists():
            shutil.rmtree(former, ignore_errors=True)
            folder.rename(former)
        beside.rename(folder)
    drop(connection, FORMER)
    shutil.rmtree(former, ignore_errors=True)
    _ready(configuration).unlink()


def give_up(configuration: Configuration, connection: psycopg.Connection) -> None:
    """After an error: where the database in use is still the old one, everything is left as it was; else the next start finishes."""
    if _is_there(connection, BESIDE):
        _ready(configuration).unlink(missing_ok=True)
        clear(configuration, connection)


def clear(configuration: Configuration, connection: psycopg.Connection) -> None:
    """Remove what was built beside, and what was put aside. The folders go last: they say that there is something to clear away."""
    drop(connection, BESIDE)
    drop(connection, FORMER)
    shutil.rmtree(files_beside(configuration), ignore_errors=True)
    shutil.rmtree(_files_former(configuration), ignore_errors=True)


def drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _is_there(connection: psycopg.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _rename(connection: psycopg.Connection, old: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))


@contextlib.contextmanager
def _connected(configuration: Configuration) -> Iterator[psycopg.Connection]:
    address = database.address(configuration, "superuser", "postgres")
    with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
        yield connection


def _ready(configuration: Configuration) -> Path:
    return configuration.data / "restore-ready.json"


def _files_former(configuration: Configuration) -> Path:
    return configuration.data / "files.former"
