"""One embedded server for a test run, shared by its processes, gone soon after the last of them.

A keeper process starts the server without waiting for the disk (fsync off) and ends it when no test process holds the
users' lock any more, however they ended.
"""
# ruff: noqa: S603 (programs of ours, given as lists: no shell takes part)

import fcntl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from amanat.core import configuration as settings
from amanat.core import database
from amanat.core.configuration import CHECKOUT, Configuration, ConfigurationError
from amanat.operations import locks, postgres, roles

LINGER = 2.0  # seconds without a user before the server ends: a second run soon after finds it
PATIENCE_START = 120.0
_holds: list[IO[str]] = []  # open files whose locks say that this process uses a server


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A running test server. Roles are those of an installation, and the owner may make databases; template1 has the
    extensions and grants, so that a new database needs nothing more."""

    configuration: Configuration

    def url(self, role: str, name: str) -> str:
        """DATABASE_URL of database `name` for `role` (superuser, owner, app)."""
        entry = database.connection_settings(self.configuration)[role]
        return f"postgresql://{entry['USER']}:{entry['PASSWORD']}@/{name}?host={entry['HOST']}&port={entry['PORT']}"

    def environment(self, name: str) -> dict[str, str]:
        """Settings of a process that uses database `name`, with keys of its own."""
        return {
            "AMANAT_DATA": str(self.configuration.data),
            "AMANAT_SECRETS": str(self.configuration.secrets),
            "DATABASE_URL": self.url("owner", name),
            "AMANAT_APP_DATABASE_URL": self.url("app", name),
        }

    def make_database(self, name: str) -> None:
        """An empty database of the owner's, replacing one of that name."""
        self.drop_database(name)
        with self._connect() as connection:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(roles.OWNER))
            connection.execute(statement)

    def drop_database(self, name: str) -> None:
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _connect(self) -> psycopg.Connection:
        address = make_conninfo(database.address(self.configuration, "superuser", "postgres"))
        return psycopg.connect(address, autocommit=True)


def ensure_test_server(folder: Path) -> ServerAddress:
    """Start the server of `folder`, or join the one that another process of the run started. Safe to call at once from many.

    It is ours until this process ends; nothing needs to be stopped.
    """
    configuration = _configuration(folder)
    settings.make_enterable(configuration.data)
    settings.ensure_secrets(configuration)
    hold = _users_file(configuration).open("a")
    fcntl.flock(hold, fcntl.LOCK_SH)
    _holds.append(hold)
    start_lock = _start_lock(configuration)
    start_lock.take({}, wait=True)
    try:
        if not _is_ready(configuration):
            _start_keeper(configuration, folder)
    finally:
        start_lock.release()
    return ServerAddress(configuration)


def _configuration(folder: Path) -> Configuration:
    """Nothing of the environment but AMANAT_POSTGRES_BIN: with it (and a TMPDIR of its own) the tests run on another PostgreSQL."""
    programs = settings.child_environment().get("AMANAT_POSTGRES_BIN", "")
    wanted = {"AMANAT_DATA": str(folder / "data"), "AMANAT_LOG_LEVEL": "error", "AMANAT_POSTGRES_BIN": programs}
    return settings.load(wanted)


def _users_file(configuration: Configuration) -> Path:
    return configuration.data / "test-users.lock"


def _start_lock(configuration: Configuration) -> locks.Lock:
    return locks.Lock(configuration.data / "test-start.lock")


def _ready_file(configuration: Configuration) -> Path:
    return configuration.data / "test-ready"


def _is_ready(configuration: Configuration) -> bool:
    if not _ready_file(configuration).exists():
        return False
    try:
        psycopg.connect(database.address(configuration, "superuser", "postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _start_keeper(configuration: Configuration, folder: Path) -> None:
    log = folder / "keeper.log"
    _ready_file(configuration).unlink(missing_ok=True)
    with log.open("w") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "amanat.operations.testing", str(folder)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    give_up = time.monotonic() + PATIENCE_START
    while not _ready_file(configuration).exists():
        if keeper.poll() is not None or time.monotonic() > give_up:
            raise ConfigurationError(f"The test database did not start: {log.read_text().strip()[-2000:]}")
        time.sleep(0.05)


def keep(folder: Path) -> None:
    """The keeper's work: a server for as long as somebody uses it."""
    configuration = _configuration(folder)
    server = postgres.start(configuration, purpose="tests", durable=False)
    start_lock = _start_lock(configuration)
    try:
        _prepare(configuration)
        _ready_file(configuration).touch()
        while server.is_running():
            _wait_while_used(configuration, server)
            start_lock.take({}, wait=True)  # nobody may join while we end
            if locks.nobody_shares(_users_file(configuration)):
                break
            start_lock.release()
    finally:
        _ready_file(configuration).unlink(missing_ok=True)
        server.stop()
        start_lock.release()


def _wait_while_used(configuration: Configuration, server: postgres.Server) -> None:
    unused_since = time.monotonic()
    while server.is_running() and time.monotonic() - unused_since < LINGER:
        if not locks.nobody_shares(_users_file(configuration)):
            unused_since = time.monotonic()
        time.sleep(0.25)


def _prepare(configuration: Configuration) -> None:
    with psycopg.connect(database.address(configuration, "superuser", "template1"), autocommit=True) as connection:
        roles.make_roles(connection, configuration)
        connection.execute("ALTER ROLE amanat_owner CREATEDB")
        roles.prepare_database(connection)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
