"""What backup and restore share: the programs of PostgreSQL for it, counts of rows, the state of the schema."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from amanat.core import database, rootkeys
from amanat.core.configuration import Configuration
from amanat.operations import Refused, postgres, processes, programs
from amanat.operations.programs import Programs
from amanat.operations.sealing import Secret

#: Tables of wrapped keys: never in the dump of the data, so that destroying a key reaches the backups too.
KEY_TABLES = ("core_systemkey", "core_workspacekey")
TABLES = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') "
    "AND NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1"
)


def role(configuration: Configuration) -> str:
    """Who reads and writes everything: the superuser of our own server; elsewhere the owner, whose policy shows all rows."""
    return "superuser" if configuration.is_embedded else "owner"


def tools(configuration: Configuration, connection: psycopg.Connection) -> Programs:
    """pg_dump and pg_restore that know the server's version."""
    major = connection.info.server_version // 10000
    user = processes.server_user() if configuration.is_embedded else None
    place = postgres.find_place(configuration, user) if configuration.is_embedded else None
    found = programs.find(configuration, user=None, major=major if place else None, copies=Path("/nonexistent"))
    if found.major < major or not found.path("pg_dump").exists():
        raise Refused(
            f"The database server is PostgreSQL {major} and pg_dump here is {found.version}: install a newer client."
        )
    return found


def counts(connection: psycopg.Connection) -> dict[str, int]:
    """Rows of each table."""
    names = [row[0] for row in connection.execute(TABLES).fetchall()]
    statement = sql.SQL("SELECT count(*) FROM public.{}")
    found = {}
    for name in names:
        row = connection.execute(statement.format(sql.Identifier(name))).fetchone()
        found[name] = int(row[0]) if row else 0
    return found


def keys(connection: psycopg.Connection) -> dict[str, str]:
    """The rows of the tables of keys, as JSON."""
    found = {}
    statement = sql.SQL("SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')::text FROM public.{} AS t")
    for name in KEY_TABLES:
        if connection.execute("SELECT to_regclass(%s)", [f"public.{name}"]).fetchone() != (None,):
            row = connection.execute(statement.format(sql.Identifier(name))).fetchone()
            found[name] = str(row[0]) if row else "[]"
    return found


def put_keys(connection: psycopg.Connection, tables: dict[str, str]) -> None:
    """Write what `keys` read. By INSERT, as COPY is refused where row-level security holds."""
    statement = sql.SQL("INSERT INTO public.{0} SELECT * FROM jsonb_populate_recordset(NULL::public.{0}, %s::jsonb)")
    with connection.transaction():
        for name in KEY_TABLES:
            if name in tables:
                connection.execute(statement.format(sql.Identifier(name)), [tables[name]])


def migrations(connection: psycopg.Connection) -> list[str]:
    """The migrations that were applied, as app.name: the version of the schema."""
    if connection.execute("SELECT to_regclass('public.django_migrations')").fetchone() == (None,):
        return []
    return [
        f"{app}.{name}" for app, name in connection.execute("SELECT app, name FROM django_migrations ORDER BY 1, 2")
    ]


def files_folder(configuration: Configuration) -> Path:
    return configuration.data / "files"


def files(configuration: Configuration) -> Iterator[tuple[str, Path]]:
    """Stored files by name; files of unfinished uploads come along, they do no harm."""
    folder = files_folder(configuration)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def secret(configuration: Configuration) -> Secret:
    """The passphrase when there is one, else the newest root key."""
    if configuration.backup_passphrase:
        return Secret(passphrase=configuration.backup_passphrase)
    return Secret(root_key=next(iter(root_keys(configuration).values())))


def root_keys(configuration: Configuration) -> dict[str, bytes]:
    try:
        return rootkeys.read(configuration.root_key_file)
    except rootkeys.RootKeyMissing as error:
        raise Refused(str(error)) from None


def former_root_keys(configuration: Configuration) -> Path:
    """The file of root keys that were replaced, newest first: for as long as backups need them."""
    return configuration.root_key_file.with_name(configuration.root_key_file.name + ".former")


def tool_environment(address: str) -> dict[str, str]:
    """For a program that connects: the password is in its environment, never in its arguments, which others can list."""
    parts = psycopg.conninfo.conninfo_to_dict(address)
    return {"PATH": "/usr/bin:/bin", "PGPASSWORD": str(parts.get("password", ""))}


def without_password(address: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(address)
    parts.pop("password", None)
    return psycopg.conninfo.make_conninfo(**{name: str(value) for name, value in parts.items()})


def connect(configuration: Configuration, name: str = "") -> psycopg.Connection:
    address = database.address(configuration, role(configuration), name)
    try:
        return psycopg.connect(address, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Refused(f"The database cannot be reached: {str(error).strip().splitlines()[-1]}") from None
