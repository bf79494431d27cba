"""What the database itself enforces about workspaces, derived from the models after every migration.

`protect()` walks all models and brings each table into the one allowed state; it is safe to repeat and does nothing
the second time. For each `WorkspaceRow`: primary key (workspace_id, id), row-level security enabled and forced, a
policy for the application role that turns an unset workspace into "no rows", composite deferrable foreign keys, and a
statement trigger that writes every change to the ledger. `problems()` is the other half: the catalogue checks that
find what drifted. Roles (made by `operations`): amanat_owner owns and migrates, amanat_app owns nothing and serves,
amanat_search owns the search functions, because LIKE and similarity are not leakproof and so cannot use an index
underneath row-level security (https://www.postgresql.org/docs/current/ddl-rowsecurity.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections, models, transaction
from django.db.backends.utils import CursorWrapper

from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow

OWNER, APP, SEARCH = "amanat_owner", "amanat_app", "amanat_search"
CURRENT = "nullif(current_setting('app.workspace', true), '')::uuid"

#: Functions that run with their owner's rights. Each was read for what it gives away; a new one needs the same.
DEFINER_FUNCTIONS: dict[str, str] = {
    "memberships": "the seats of one user, asked for at sign-in, before a workspace is chosen",
    "workspace_ids": "ids only, for sweeps that visit one workspace after the other",
    "ledger_watch": "trigger: writes the change of a statement to the ledger",
}

#: SQL that packages add: functions and indexes Django cannot express. Run in order after the tables are protected.
_extra: list[tuple[str, str]] = []


def add_sql(name: str, sql: str) -> None:
    """Register a repeatable piece of schema (CREATE OR REPLACE, IF NOT EXISTS), from an AppConfig.ready()."""
    if name not in (known for known, _ in _extra):
        _extra.append((name, sql))


def add_definer_function(name: str, because: str) -> None:
    DEFINER_FUNCTIONS.setdefault(name, because)


def workspace_models() -> list[type[WorkspaceRow]]:
    return [model for model in apps.get_models() if issubclass(model, WorkspaceRow)]


def protect(*, using: str = "owner") -> None:
    """Bring every table into the protected state. Runs as the owner, in one transaction, one process at a time."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('amanat.schema.protect'))")
        _grant_plain_tables(cursor)
        for model in workspace_models():
            _swap_primary_key(cursor, model)
        for model in workspace_models():
            _wall(cursor, model)
            _foreign_keys(cursor, model)
        for _, sql in _extra:
            cursor.execute(sql)
        for model in workspace_models():
            _watch(cursor, model)


def _grant_plain_tables(cursor: CursorWrapper) -> None:
    cursor.execute(f"GRANT USAGE ON SCHEMA public TO {APP}, {SEARCH}")
    cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {APP}")
    cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP}")
    cursor.execute(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('django_migrations') "
        "AND pg_get_userbyid(c.relowner) = current_user"
    )
    names = [row[0] for row in cursor.fetchall()]
    for name in names:
        cursor.execute(f'GRANT INSERT, UPDATE, DELETE ON "{name}" TO {APP}')


def _swap_primary_key(cursor: CursorWrapper, model: type[WorkspaceRow]) -> None:
    table = model._meta.db_table
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'",
        [table],
    )
    found = cursor.fetchone()
    if found and found[1] == "PRIMARY KEY (workspace_id, id)":
        return
    if found:
        cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{found[0]}"')
    cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_pkey" PRIMARY KEY (workspace_id, id)')


def _wall(cursor: CursorWrapper, model: type[WorkspaceRow]) -> None:
    table = model._meta.db_table
    cursor.execute("SELECT polname FROM pg_policy WHERE polrelid = %s::regclass", [table])
    policies = {row[0] for row in cursor.fetchall()}
    if "wall" not in policies:
        cursor.execute(
            f'CREATE POLICY wall ON "{table}" TO {APP} USING (workspace_id = {CURRENT}) WITH CHECK (workspace_id = {CURRENT})'
        )
    if "owner_sees_all" not in policies:
        cursor.execute(f'CREATE POLICY owner_sees_all ON "{table}" TO {OWNER} USING (true) WITH CHECK (true)')
    if getattr(model, "searched", False) and "search_reads" not in policies:
        cursor.execute(f'CREATE POLICY search_reads ON "{table}" FOR SELECT TO {SEARCH} USING (true)')
        cursor.execute(f'GRANT SELECT ON "{table}" TO {SEARCH}')
    cursor.execute("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [table])
    enabled, forced = cursor.fetchone()
    if not (enabled and forced):
        cursor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        cursor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
    if getattr(model, "append_only", False):
        cursor.execute(f'REVOKE UPDATE, DELETE, TRUNCATE ON "{table}" FROM {APP}')
        columns = ", ".join(getattr(model, "may_be_filled_later", ()))
        if columns:
            cursor.execute(f'GRANT UPDATE ({columns}) ON "{table}" TO {APP}')


def _foreign_keys(cursor: CursorWrapper, model: type[WorkspaceRow]) -> None:
    table = model._meta.db_table
    cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'", [table])
    existing = {row[0] for row in cursor.fetchall()}
    for name, column, target, target_column in _wanted_foreign_keys(model):
        if name in existing:
            continue
        columns = f'workspace_id, "{column}"' if target_column == "id" else f'"{column}"'
        target_columns = "(workspace_id, id)" if target_column == "id" else "(id)"
        cursor.execute(
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY ({columns}) '
            f'REFERENCES "{target}" {target_columns} DEFERRABLE INITIALLY DEFERRED'
        )


def _wanted_foreign_keys(model: type[WorkspaceRow]) -> Iterator[tuple[str, str, str, str]]:
    for field in _workspace_keys(model):
        target: Any = field.related_model
        yield f"fk_{field.column}"[:60], field.column, target._meta.db_table, "id"


def _workspace_keys(model: type[models.Model]) -> list[WorkspaceForeignKey]:
    return [field for field in model._meta.local_fields if isinstance(field, WorkspaceForeignKey)]


def _watch(cursor: CursorWrapper, model: type[WorkspaceRow]) -> None:
    """One ledger entry a statement, naming table, columns and rows but no value: it must outlive an erasure."""
    table = model._meta.db_table
    if not getattr(model, "watched", True):
        return
    cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table])
    existing = {row[0] for row in cursor.fetchall()}
    tables = {
        "INSERT": "REFERENCING NEW TABLE AS new_rows",
        "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "DELETE": "REFERENCING OLD TABLE AS old_rows",
    }
    for operation, referencing in tables.items():
        name = f"watch_{operation.lower()}"
        if name not in existing:
            cursor.execute(
                f'CREATE TRIGGER {name} AFTER {operation} ON "{table}" {referencing} '
                "FOR EACH STATEMENT EXECUTE FUNCTION ledger_watch()"
            )


def problems(*, using: str = "default") -> list[str]:
    """The catalogue checks: each sentence names something that breaks the wall. Empty when all is well."""
    with connections[using].cursor() as cursor:
        return [sentence for check in checks() for sentence in _run(cursor, *check)]


def unwatched(*, using: str = "default") -> list[str]:
    """Tables whose changes are not written into the ledger, though they should be: a trigger is missing or switched off."""
    wanted = [model._meta.db_table for model in workspace_models() if getattr(model, "watched", True)]
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS wanted (name) WHERE (SELECT count(*) FROM pg_trigger t "
            "WHERE t.tgrelid = name::regclass AND t.tgname = ANY(%s) AND t.tgenabled <> 'D') < 3",
            [wanted, ["watch_insert", "watch_update", "watch_delete"]],
        )
        return [row[0] for row in cursor.fetchall()]


def _run(cursor: CursorWrapper, sentence: str, sql: str, parameters: list[Any]) -> list[str]:
    cursor.execute(sql, parameters)
    return [sentence.format(*row) for row in cursor.fetchall()]


_TENANT_TABLES = (
    "SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped "
    "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
)

#: Tables that name a workspace but belong to the system: read before a workspace is known. Each with its reason.
SYSTEM_TABLES: dict[str, str] = {
    "accounts_session": "which workspace a signed-in browser last chose; read before the workspace is named",
}


def checks() -> list[tuple[str, str, list[Any]]]:
    """Each check: the sentence about a finding, the query that finds, its parameters."""
    return [
        (
            "table {0} has a workspace but no forced row-level security with a policy",
            f"""WITH t AS ({_TENANT_TABLES}) SELECT t.relname FROM t JOIN pg_class c ON c.oid = t.oid
                WHERE NOT (t.relname = ANY(%s)) AND (NOT c.relrowsecurity OR NOT c.relforcerowsecurity
                OR NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'wall'
                AND pg_get_expr(p.polqual, c.oid) LIKE '(workspace_id = %%'
                AND pg_get_expr(p.polwithcheck, c.oid) LIKE '(workspace_id = %%'))""",
            [list(SYSTEM_TABLES)],
        ),
        (
            "view {0} does not run with its reader's rights (security_invoker)",
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v'
               AND n.nspname = 'public' AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false)
               AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')""",
            [],
        ),
        (
            "materialized view {0} can be read by the application",
            f"""SELECT c.relname FROM pg_class c WHERE c.relkind = 'm' AND has_table_privilege('{APP}', c.oid, 'SELECT')""",
            [],
        ),
        (
            "function {0} runs with its owner's rights and is not on the reviewed list",
            """SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE p.prosecdef AND n.nspname = 'public' AND NOT (p.proname = ANY(%s))""",
            [list(DEFINER_FUNCTIONS)],
        ),
        (
            "the application's role {0} is an owner, a superuser or may bypass row-level security",
            f"""SELECT r.rolname FROM pg_roles r WHERE r.rolname = '{APP}' AND (r.rolsuper OR r.rolbypassrls
                OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid)
                OR pg_has_role(r.oid, '{OWNER}', 'MEMBER'))""",
            [],
        ),
        (
            "unique index {0} of table {1} does not include the workspace",
            f"""WITH t AS ({_TENANT_TABLES}) SELECT i.indexrelid::regclass::text, t.relname FROM t
                JOIN pg_index i ON i.indrelid = t.oid WHERE i.indisunique AND NOT (t.relname = ANY(%s)) AND NOT EXISTS
                (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY(i.indkey) AND a.attname = 'workspace_id')""",
            [list(SYSTEM_TABLES)],
        ),
        (
            "foreign key {0} of table {1} does not carry the workspace",
            f"""WITH t AS ({_TENANT_TABLES}) SELECT k.conname, t.relname FROM t JOIN pg_constraint k ON k.conrelid = t.oid
                JOIN t AS target ON target.oid = k.confrelid
                WHERE k.contype = 'f' AND NOT (t.relname = ANY(%s)) AND NOT EXISTS
                (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY(k.conkey) AND a.attname = 'workspace_id')""",
            [list(SYSTEM_TABLES)],
        ),
    ]
