"""Fixtures that every test may use: a real PostgreSQL with the real roles, a workspace, its members.

Tests run as the role that owns nothing, behind row-level security, like the site. The database is made once per run as a
template (migrated and protected by the owner) and copied for each test process.
"""

from __future__ import annotations

import fcntl
import gc
import hashlib
import itertools
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from _pytest.runner import runtestprotocol
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker, blocking_manager_key

from amanat.core import configuration
from amanat.operations import testing
from tests import sharing

# Until the tests begin nearly nothing becomes garbage, and to look for it among all that is loaded takes long.
gc.disable()

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
FOLDER = Path(tempfile.gettempdir()) / f"amanat-tests-{os.getuid()}"
NAME = f"amanat_{WORKER}_{os.getpid()}"

# What Python and pytest make of the sources is kept, outside the tree, even where the environment forbids to keep it in the tree:
# otherwise each process of each run translates all files of tests again, which is half of the work before its first test.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(FOLDER / "bytecode")
sys.dont_write_bytecode, sys.pycache_prefix = False, os.environ["PYTHONPYCACHEPREFIX"]

SERVER = testing.ensure_test_server(FOLDER)
FILES = tempfile.TemporaryDirectory(prefix="amanat-files-")
os.environ.update(SERVER.environment(NAME))
os.environ["DJANGO_SETTINGS_MODULE"] = "amanat.settings"
os.environ["AMANAT_LOG_LEVEL"] = "error"

import hypothesis  # noqa: E402
from django.conf import settings  # noqa: E402

# A busy machine is no fault of an example. The quick part tries fewer of them where a test does not say how many it needs.
hypothesis.settings.register_profile("amanat", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)
hypothesis.settings.load_profile("amanat")

# Reading one setting configures Django, which the test plugin waits for. Tests serve static files as they lie in the tree.
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# A test process inherits the environment of the one that started it, and may have read the settings before this file.
configuration.current.cache_clear()
for alias in settings.DATABASES:
    settings.DATABASES[alias]["NAME"] = NAME


def make_template(blocker: DjangoDbBlocker) -> None:
    """For the process that only shares tests out: the database that those of all others are copies of, while they collect."""
    with blocker.unblock():
        make_own_database()
    SERVER.drop_database(NAME)


class _Turns:
    """Those that take long begin first, so that no process is left with them at the end."""

    @pytest.hookimpl(
        wrapper=True, tryfirst=True
    )  # before words of the command line choose; others put tests with a database first
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        for item in sharing.left_to_the_whole_run(items):
            item.add_marker(pytest.mark.slow)
        yield
        items.sort(key=sharing.turn)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        """Whatever comes of it: also in the process that only shares tests out, and collects none."""
        try:
            return (yield)
        finally:
            gc.freeze()
            gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Turns())
    if getattr(config.option, "dist", "no") != "no" and WORKER == "main":
        blocker = config.stash[blocking_manager_key]
        multiprocessing.get_context("fork").Process(target=make_template, args=(blocker,)).start()
    if "not slow" in config.option.markexpr:
        hypothesis.settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> object:
    """In one process of several: what went well before and after a test is not told to the one that counts.

    It would only drop it, and telling takes as long as a small test. With --durations all is told.
    """
    if WORKER == "main" or item.config.option.durations:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(optionalhook=True)  # only where tests run in several processes
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    return sharing.Sharing(config, log)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One database for this process."""
    from django.db import connections

    with django_db_blocker.unblock():
        make_own_database()
    yield
    with django_db_blocker.unblock():
        for connection in connections.all():
            connection.close()
    SERVER.drop_database(NAME)


def make_own_database() -> None:
    """A copy of the template of today's code, which the first to need it makes."""
    with (FOLDER / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        template = f"amanat_template_{_digest_of_code()}"
        if not _copy(template, NAME):
            _make(NAME)
            _copy(NAME, template)
            _drop_all_but_the_newest(3)


#: What stands in every module that may shape a table.
_SHAPES_TABLES = (b"add_sql", b"add_definer_function", b"models.Model", b"WorkspaceRow", b"CREATE ", b"schema")


def _digest_of_code() -> str:
    """Of everything that may shape a table: migrations, models, what `core.schema` is told anywhere."""
    package = Path(configuration.__file__).parents[1]
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if "tests" not in path.parts:
            text = path.read_bytes()
            if "migrations" in path.parts or any(mark in text for mark in _SHAPES_TABLES):
                found.update(text)
    return found.hexdigest()[:16]


def _make(name: str) -> None:
    """An empty database brought to today's schema by the owner."""
    from django.core.management import call_command
    from django.db import connections

    from amanat.core import schema

    SERVER.make_database(name)
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    schema.protect(using="owner")
    for connection in connections.all():
        connection.close()


def _copy(source: str, target: str) -> bool:
    """Make `target` a copy of the database `source`; False when there is no such database."""
    with psycopg.connect(SERVER.url("superuser", "postgres"), autocommit=True) as superuser:
        owner = superuser.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [source]
        ).fetchone()
        if owner is None:
            return False
        names = [sql.Identifier(name) for name in (target, source, owner[0])]
        superuser.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*names))
    return True


def _drop_all_but_the_newest(kept: int) -> None:
    with psycopg.connect(SERVER.url("superuser", "postgres"), autocommit=True) as superuser:
        templates = superuser.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'amanat\\_template\\_%' ORDER BY oid DESC"
        ).fetchall()
        for (name,) in templates[kept:]:
            superuser.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


@pytest.fixture
def superuser(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """A connection of the database's superuser, to plant what the application could not."""
    with psycopg.connect(SERVER.url("superuser", NAME)) as connection:
        yield connection


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database without a surrounding transaction, for threads and processes; emptied afterwards."""
    from django.db import connections

    with django_db_blocker.unblock():
        yield
        for connection in connections.all():
            connection.close()
        with psycopg.connect(SERVER.url("superuser", NAME)) as superuser:
            empty(superuser)


#: Rows that stand in a new database.
KEPT = ("django_migrations", "django_content_type", "auth_permission")


def empty(superuser: psycopg.Connection) -> None:
    """Take everything out of the tables that hold something; to truncate all of them takes as long as many tests.

    The application's role may not do this, so the superuser does; triggers and keys are switched off for it. Whoever still writes
    is waited for.
    """
    tables = [
        sql.Identifier(table)
        for (table,) in superuser.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT tablename = ANY(%s)", [list(KEPT)]
        )
    ]
    superuser.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(tables)))
    is_filled = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    asked = [is_filled.format(sql.Literal(number), table) for number, table in enumerate(tables)]
    filled = [tables[number] for (number,) in superuser.execute(sql.SQL(" UNION ALL ").join(asked))]
    superuser.execute("SET LOCAL session_replication_role = replica")
    for table in filled:
        superuser.execute(sql.SQL("DELETE FROM {}").format(table))


@pytest.fixture(scope="session", autouse=True)
def _session_places() -> None:
    """The folder of collected static files, which a site has and the middleware would miss aloud at every request.

    It is empty and this process's own: every browser of a test reads it, and some other program may fill the one of the server.
    """
    settings.STATIC_ROOT = Path(FILES.name) / "static"
    settings.STATIC_ROOT.mkdir()


#: How much a password's hash costs in life: passes and bytes.
_cost: list[int] = []


@pytest.fixture(scope="session", autouse=True)
def _passwords() -> None:
    """Hashes that take no time, but where a test says `@pytest.mark.usefixtures("real_hashes")`.

    They are of the same kind, made with the least memory and one pass: everything about them is as in life but their cost.
    """
    from amanat.accounts.passwords import Argon2id

    _cost[:] = Argon2id.passes, Argon2id.memory_bytes
    Argon2id.passes, Argon2id.memory_bytes = 1, 8192


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed at their full cost."""
    from amanat.accounts.passwords import Argon2id

    passes, memory_bytes = _cost
    monkeypatch.setattr(Argon2id, "passes", passes)
    monkeypatch.setattr(Argon2id, "memory_bytes", memory_bytes)


_tests = itertools.count(1)


@pytest.fixture(autouse=True)
def _own() -> Iterator[None]:
    """Files and published heads of a test go to a folder of its own, and what it adds to the providers of messages is forgotten.

    One fixture for all of it, and settings without pytest's wrapper and its signals: each thing done here is done 15,000 times.
    """
    own = Path(FILES.name) / str(next(_tests))
    own.mkdir()
    settings.FILES_ROOT = own / "files"
    settings.LEDGER_HEADS_FILE = own / "heads.jsonl"
    adapters = sys.modules.get("amanat.messaging.channels.adapters")
    known = dict(adapters._adapters) if adapters is not None else {}
    yield
    if adapters is not None and adapters._adapters != known:
        adapters._adapters = known


@pytest.fixture
def shree(request: pytest.FixtureRequest) -> object:
    """A CSC centre's workspace with one owner, Rekha; committed where the test asks for `committed_db`."""
    return _workspace(request, "Shree CSC Kendra", owner="Rekha Kulkarni")


@pytest.fixture
def other(request: pytest.FixtureRequest) -> object:
    """Another workspace, whose rows must never be seen from the first."""
    return _workspace(request, "Other Traders", owner="Om Other")


def _workspace(request: pytest.FixtureRequest, name: str, owner: str) -> object:
    is_committed = "committed_db" in request.fixturenames
    request.getfixturevalue("committed_db" if is_committed else "db")
    from amanat.accounts.tests import again, factories

    return factories.make_workspace(name, owner=owner) if is_committed else again.make_workspace(name, owner)
