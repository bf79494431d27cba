"""Roles on a server that is not ours: the embedded one plays it, reached through an address like any other."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from amanat.core import configuration, database
from amanat.core.configuration import Configuration, ConfigurationError
from amanat.operations import postgres, processes, programs, roles
from amanat.operations.tests import places


def _servers() -> list[str]:
    """Folders of programs: the ones that come along, and the oldest version we support where it is installed."""
    oldest = Path(f"/usr/lib/postgresql/{programs.OLDEST_MAJOR}/bin")
    return ["", *([str(oldest)] if (oldest / "postgres").exists() else [])]


@pytest.fixture(params=_servers(), scope="module")
def foreign(request: pytest.FixtureRequest) -> Iterator[Configuration]:
    """A running server without any role of ours."""
    with places.folder() as folder:
        found = places.install(folder, AMANAT_POSTGRES_BIN=request.param)
        server = postgres.start(found, purpose="tests", durable=False)
        yield found
        server.stop()


@pytest.fixture
def admin(foreign: Configuration) -> Iterator[psycopg.Connection]:
    address = database.address(foreign, "superuser", "postgres")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection
        connection.execute("DROP DATABASE IF EXISTS crm WITH (FORCE)")
        connection.execute("DROP DATABASE IF EXISTS crm2 WITH (FORCE)")
        for role in ("amanat_search", "amanat_owner", "amanat_app", "boss"):
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None:
                connection.execute(f"DROP OWNED BY {role} CASCADE")
                connection.execute(f"DROP ROLE {role}")


def installation(
    within: Path, foreign: Configuration, *, user: str = "boss", name: str = "crm", **more: str
) -> Configuration:
    """One whose DATABASE_URL is on the foreign server."""
    socket = database.socket_folder(foreign)
    password = configuration.password(foreign, "superuser") if user == "postgres" else "b"
    url = f"postgresql://{user}:{password}@/{name}?host={socket}"
    return places.install(within, DATABASE_URL=url, **more)


@pytest.mark.slow
def test_a_role_that_may_make_roles_sets_up_everything(
    tmp_path: Path, foreign: Configuration, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE ROLE boss LOGIN CREATEROLE PASSWORD 'b'")
    admin.execute("CREATE DATABASE crm OWNER boss")
    found = installation(tmp_path, foreign)
    roles.set_up(found)
    roles.set_up(found)  # again, as each start does
    with psycopg.connect(database.address(found, "owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE kept (id int)")
        owner.execute("CREATE FUNCTION found() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        owner.execute("ALTER FUNCTION found() OWNER TO amanat_search")
        owner.execute("GRANT SELECT ON kept TO amanat_app")
    with psycopg.connect(database.address(found, "app"), autocommit=True) as app:
        assert app.execute("SELECT count(*), current_user FROM kept").fetchone() == (0, "amanat_app")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("CREATE TABLE mine (id int)")
    extensions = {row[0] for row in admin.execute("SELECT name FROM pg_available_extensions")}
    assert set(roles.EXTENSIONS) <= extensions


def test_a_superuser_may_too(tmp_path: Path, foreign: Configuration, admin: psycopg.Connection) -> None:
    admin.execute("CREATE DATABASE crm")
    found = installation(tmp_path, foreign, user="postgres")
    roles.set_up(found)
    with psycopg.connect(database.address(found, "owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE kept (id int)")


def test_a_role_that_may_not_gets_the_sql_that_works(
    tmp_path: Path, foreign: Configuration, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE ROLE boss LOGIN PASSWORD 'b'")
    admin.execute("CREATE DATABASE crm OWNER boss")
    found = installation(tmp_path, foreign)
    with pytest.raises(ConfigurationError) as caught:
        roles.set_up(found)
    text = str(caught.value)
    assert "permission denied" in text
    assert "b@" not in text  # the password of the address stays out
    statements = [line.strip() for line in text.splitlines() if line.strip().endswith(";")]
    with psycopg.connect(database.address(foreign, "superuser", "crm"), autocommit=True) as superuser:
        for statement in statements:
            superuser.execute(statement.replace("'...'", "'b'"))
    socket = database.socket_folder(foreign)
    by_hand = dataclasses.replace(
        found,
        database_url=f"postgresql://amanat_owner:b@/crm?host={socket}",
        app_database_url=f"postgresql://amanat_app:b@/crm?host={socket}",
    )
    roles.set_up(by_hand)
    with psycopg.connect(database.address(by_hand, "owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE kept (id int)")
    psycopg.connect(database.address(by_hand, "app")).close()


def test_another_installations_roles_are_left_alone(
    tmp_path: Path, foreign: Configuration, admin: psycopg.Connection
) -> None:
    admin.execute("CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'b'")
    admin.execute("CREATE DATABASE crm")
    admin.execute("CREATE DATABASE crm2")
    first = installation(tmp_path / "first", foreign)
    roles.set_up(first)
    with pytest.raises(ConfigurationError, match="a database server of its own"):
        roles.set_up(installation(tmp_path / "second", foreign, name="crm2"))
    psycopg.connect(database.address(first, "app")).close()


def test_an_unreachable_server_is_told_without_the_password(tmp_path: Path) -> None:
    found = places.install(tmp_path, DATABASE_URL=f"postgresql://boss:hush@/crm?host={tmp_path}")
    with pytest.raises(ConfigurationError, match="cannot be reached") as caught:
        roles.set_up(found)
    assert "hush" not in str(caught.value)


@pytest.mark.slow
def test_the_servers_user_is_never_root() -> None:
    user = processes.server_user()
    assert user is None or user.pw_uid != 0
