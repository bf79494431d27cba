"""Fixtures that every test may use: a real PostgreSQL with the real roles, a workspace, its members.

Tests run as the role that owns nothing, behind row-level security, like the site. The database is made once per run as a
template (migrated and protected by the owner) and copied for each test process.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from amanat.core import configuration
from amanat.operations import testing

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", "") or f"p{os.getpid()}"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
FOLDER = Path(tempfile.gettempdir()) / f"amanat-tests-{os.getuid()}"
NAME = f"amanat_{WORKER}_{os.getpid()}"

SERVER = testing.ensure_test_server(FOLDER)
FILES = tempfile.TemporaryDirectory(prefix="amanat-files-")
os.environ.update(SERVER.environment(NAME))
os.environ["DJANGO_SETTINGS_MODULE"] = "amanat.settings"
os.environ["AMANAT_LOG_LEVEL"] = "error"

from django.conf import settings  # noqa: E402

# Reading one setting configures Django, which the test plugin waits for. Tests serve static files as they lie in the tree.
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# A test process inherits the environment of the one that started it, and may have read the settings before this file.
configuration.current.cache_clear()
for alias in settings.DATABASES:
    settings.DATABASES[alias]["NAME"] = NAME


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.Fixture) -> Iterator[None]:  # type: ignore[type-arg]
    """One database for this process, brought to today's schema by the owner; dropped at the end."""
    from django.core.management import call_command
    from django.db import connections

    from amanat.core import schema

    SERVER.make_database(NAME)
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        schema.protect(using="owner")
    yield
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        for connection in connections.all():
            connection.close()
    SERVER.drop_database(NAME)


@pytest.fixture
def superuser(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """A connection of the database's superuser, to plant what the application could not."""
    with psycopg.connect(SERVER.url("superuser", NAME)) as connection:
        yield connection


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """The database without a surrounding transaction, for threads and processes; emptied afterwards.

    The application's role may not truncate, so the superuser does; triggers and keys are switched off for it.
    """
    from django.db import connections

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield
        for connection in connections.all():
            connection.close()
        with psycopg.connect(SERVER.url("superuser", NAME), autocommit=True) as superuser:
            kept = ("django_migrations", "django_content_type", "auth_permission")
            tables = superuser.execute(
                "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' "
                "AND NOT tablename = ANY(%s)",
                [list(kept)],
            ).fetchall()
            superuser.execute("TRUNCATE " + ", ".join(table for (table,) in tables) + " CASCADE")


@pytest.fixture(autouse=True)
def _places(settings: object, tmp_path: Path) -> None:
    """Files and published heads of a test go to its own folder."""
    settings.FILES_ROOT = tmp_path / "files"  # type: ignore[attr-defined]
    settings.LEDGER_HEADS_FILE = tmp_path / "heads.jsonl"  # type: ignore[attr-defined]


@pytest.fixture
def shree(request: pytest.FixtureRequest) -> object:
    """A CSC centre's workspace with one owner, Rekha; committed where the test asks for `committed_db`."""
    request.getfixturevalue("committed_db" if "committed_db" in request.fixturenames else "db")
    from amanat.accounts.tests import factories

    return factories.make_workspace("Shree CSC Kendra", owner="Rekha Kulkarni")


@pytest.fixture
def other(request: pytest.FixtureRequest) -> object:
    """Another workspace, whose rows must never be seen from the first."""
    request.getfixturevalue("committed_db" if "committed_db" in request.fixturenames else "db")
    from amanat.accounts.tests import factories

    return factories.make_workspace("Other Traders", owner="Om Other")
