"""Roles and extensions of the database, made by a role that may; the same in the embedded and in an external server.

| role | may sign in | what it is for |
|---|---|---|
| `amanat_owner` | yes | owns the tables, runs migrations |
| `amanat_app` | yes | serves pages and runs jobs; owns nothing, so row-level security binds it |
| `amanat_search` | no | owns the search functions; `amanat_owner` is a member, so that it can make functions for it |
"""

import psycopg
from psycopg import sql

from amanat.core import configuration as settings
from amanat.core import database
from amanat.core.configuration import Configuration, ConfigurationError

OWNER, APP, SEARCH = database.ROLE_NAMES["owner"], database.ROLE_NAMES["app"], "amanat_search"
EXTENSIONS = ("pg_trgm", "btree_gin", "btree_gist", "unaccent")
WISHED_EXTENSIONS = ("fuzzystrmatch",)
OLDEST_VERSION = 150000
#: `{0}` is the database. Each can be repeated.
GRANTS = (
    "GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {0} TO amanat_owner",
    "REVOKE TEMPORARY ON DATABASE {0} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {0} TO amanat_app",
    "GRANT USAGE, CREATE ON SCHEMA public TO amanat_owner, amanat_search",
    "GRANT USAGE ON SCHEMA public TO amanat_app",
)


def set_up(configuration: Configuration) -> None:
    """Make whatever is missing; quick when nothing is. Raises ConfigurationError when the role of DATABASE_URL may not."""
    if configuration.is_embedded:
        with connect(database.address(configuration, "superuser", "postgres")) as connection:
            make_roles(connection, configuration)
            make_database(connection, database.NAME)
        with connect(database.address(configuration, "superuser")) as connection:
            prepare_database(connection)
    elif not configuration.app_database_url:
        _set_up_external(configuration)


def connect(address: str) -> psycopg.Connection:
    """A connection where each statement is a transaction. Raises ConfigurationError when the server cannot be reached."""
    try:
        return psycopg.connect(address, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ConfigurationError(
            f"The database cannot be reached: {reason}. Check DATABASE_URL and the server."
        ) from None


def _set_up_external(configuration: Configuration) -> None:
    with connect(database.address(configuration, "setup")) as connection:
        if connection.info.server_version < OLDEST_VERSION:
            raise ConfigurationError("The database server is older than PostgreSQL 15: use a newer one.")
        try:
            make_roles(connection, configuration)
            prepare_database(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"The role of DATABASE_URL may not set up the database ({str(error).splitlines()[0]}). Let a superuser run this "
                f"in the database, then set AMANAT_APP_DATABASE_URL and DATABASE_URL to the two roles:\n{by_hand(connection)}"
            ) from None


def make_roles(connection: psycopg.Connection, configuration: Configuration) -> None:
    for role, name in (("owner", OWNER), ("app", APP)):
        password = settings.password(configuration, role)
        if not _exists(connection, name):
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
            )
        elif not _signs_in(configuration, role):
            _take_over(connection, configuration, name, password)
    if not _exists(connection, SEARCH):
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(SEARCH)))
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(SEARCH), sql.Identifier(OWNER)))


def _take_over(connection: psycopg.Connection, configuration: Configuration, name: str, password: str) -> None:
    """The role is there with another password. In our own server we set ours; elsewhere it may be another installation's."""
    if not configuration.is_embedded:
        raise ConfigurationError(
            f"The role {name} exists on this server with a password that is not in {configuration.secrets}: put back the "
            "secrets folder of this installation, or give another installation a database server of its own."
        )
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))


def _exists(connection: psycopg.Connection, role: str) -> bool:
    return connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None


def _signs_in(configuration: Configuration, role: str) -> bool:
    try:
        name = "postgres" if configuration.is_embedded else ""
        psycopg.connect(database.address(configuration, role, name), connect_timeout=10).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" not in str(error)  # it may lack the right to connect as yet
    return True


def make_database(connection: psycopg.Connection, name: str) -> None:
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                sql.Identifier(name), sql.Identifier(OWNER)
            )
        )


def prepare_database(connection: psycopg.Connection) -> None:
    """Extensions and grants within the connection's database."""
    have = {row[0] for row in connection.execute("SELECT extname FROM pg_extension")}
    offered = {row[0] for row in connection.execute("SELECT name FROM pg_available_extensions")}
    missing = [name for name in EXTENSIONS if name not in offered]
    if missing:
        raise ConfigurationError(
            f"The database server lacks {', '.join(missing)}: install its contrib package (postgresql-contrib) and start again."
        )
    for name in (*EXTENSIONS, *WISHED_EXTENSIONS):
        if name in offered - have:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA public").format(sql.Identifier(name)))
    for grant in GRANTS:
        connection.execute(sql.SQL(grant).format(sql.Identifier(connection.info.dbname)))


def by_hand(connection: psycopg.Connection) -> str:
    """The SQL that does what `set_up` does, for someone who may run it."""
    name = sql.Identifier(connection.info.dbname)
    statements = [
        f"CREATE ROLE {OWNER} LOGIN PASSWORD '...'",
        f"CREATE ROLE {APP} LOGIN PASSWORD '...'",
        f"CREATE ROLE {SEARCH} NOLOGIN",
        f"GRANT {SEARCH} TO {OWNER}",
        *(
            f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public"
            for extension in (*EXTENSIONS, *WISHED_EXTENSIONS)
        ),
        *(sql.SQL(grant).format(name).as_string(connection) for grant in GRANTS),
    ]
    return "\n".join(f"  {statement};" for statement in statements)
