"""The wall between workspaces, seen from the code; `core.schema` builds the same wall in the database.

Every row of a workspace is a `WorkspaceRow`. Reads start with `Model.objects.of(workspace)`; a query that was not
narrowed to a workspace raises `Unscoped` before it reaches the database. Every transaction names its workspace once,
by `SET LOCAL app.workspace`; where it is unset, row-level security shows no row (never `set_config`: Citus does not
forward it to its workers).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, Self, cast
from uuid import UUID

from django.db import connections, models, transaction
from django.db.models.sql.where import WhereNode

from amanat.core import ids, lookups


class Unscoped(RuntimeError):
    """A query on rows of a workspace was not narrowed to one."""


class HasId(Protocol):
    @property
    def pk(self) -> Any: ...


def workspace_id_of(workspace: HasId | UUID) -> UUID:
    return workspace if isinstance(workspace, UUID) else cast(UUID, workspace.pk)


class WorkspaceQuerySet[Row: models.Model](models.QuerySet[Row]):
    """A queryset that refuses to run until `of()` or a relation has narrowed it to one workspace."""

    _scoped = False

    def of(self, workspace: HasId | UUID) -> Self:
        """The rows of one workspace."""
        scoped = self.filter(workspace_id=workspace_id_of(workspace))
        scoped._scoped = True
        return scoped

    def unscoped(self, *, because: str) -> Self:
        """All rows the database lets us see; `because` is for the reader of the call. Row-level security still holds."""
        clone = self._chain()  # type: ignore[attr-defined]
        clone._scoped = True
        return cast(Self, clone)

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._scoped = self._scoped
        return cast(Self, clone)

    def _add_hints(self, **hints: Any) -> None:
        # Related managers and prefetches say here from which row they start: its workspace is ours.
        super()._add_hints(**hints)  # type: ignore[misc]
        row = hints.get("instance")
        if isinstance(row, WorkspaceRow) and not self._scoped:
            self.query.add_q(models.Q(workspace_id=row.workspace_id))
            self._scoped = True

    def _require_scope(self) -> None:
        if not self._scoped:
            raise Unscoped(f"{self.model.__name__} was read without a workspace: begin with .of(workspace)")

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._require_scope()
        super()._fetch_all()

    def iterator(self, chunk_size: int | None = None) -> Iterator[Row]:
        self._require_scope()
        return super().iterator(chunk_size)

    def count(self) -> int:
        self._require_scope()
        return super().count()

    def exists(self) -> bool:
        self._require_scope()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._require_scope()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._require_scope()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._require_scope()
        return super().delete()


WorkspaceManager = models.Manager.from_queryset(WorkspaceQuerySet)


class WorkspaceRow(models.Model):
    """A row that belongs to one workspace. In the database its key is (workspace_id, id): see `core.schema`."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    workspace_id = models.UUIDField(editable=False)

    objects = WorkspaceManager()

    class Meta:
        abstract = True

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        if self.workspace_id is None:
            raise Unscoped(f"{type(self).__name__} was saved without a workspace")
        super().save_base(*args, **kwargs)


class WorkspaceForeignKey(models.ForeignKey):  # type: ignore[type-arg]
    """A reference to a row of the same workspace.

    The database's foreign key is (workspace_id, x_id), made by `core.schema`, NO ACTION and deferrable, so that the
    database itself refuses a row that points across; hence no constraint and no index of Django's own. Joins compare
    the workspace too, which lets them use the primary key.
    """

    def __init__(self, to: Any, on_delete: Any = models.DO_NOTHING, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        kwargs.setdefault("db_index", False)
        super().__init__(to, on_delete, **kwargs)

    def get_extra_restriction(self, alias: str | None, related_alias: str) -> WhereNode | None:
        if alias is None:
            return None
        here = cast("models.Field[Any, Any]", self.model._meta.get_field("workspace_id"))
        there = cast("models.Field[Any, Any]", cast(Any, self.related_model)._meta.get_field("workspace_id"))
        lookup = here.get_lookup("exact")
        assert lookup is not None
        return WhereNode([cast(Any, lookup(there.get_col(related_alias), here.get_col(alias)))])


lookups.register(WorkspaceForeignKey)


def same_workspace(*rows: WorkspaceRow) -> bool:
    return len({row.workspace_id for row in rows}) <= 1


def name_workspace(workspace_id: UUID | None, *, actor: UUID | None = None, using: str = "default") -> None:
    """Say which workspace the current transaction is about, and who acts; None takes it back. Needs an open transaction."""
    connection = connections[using]
    if not connection.in_atomic_block:
        raise Unscoped("a workspace can only be named inside a transaction")
    with connection.cursor() as cursor:
        # One round trip: psycopg binds on the client side, so two statements may travel together.
        cursor.execute(
            "SET LOCAL app.workspace = %s; SET LOCAL app.actor = %s",
            [str(workspace_id) if workspace_id else "", str(actor) if actor else ""],
        )
    connection.amanat_workspace = workspace_id  # type: ignore[attr-defined]


@contextmanager
def inside(workspace: HasId | UUID, *, actor: UUID | None = None) -> Iterator[UUID]:
    """One transaction about one workspace: the rows of no other exist inside it.

    `actor` is the member who acts, for the ledger. May be nested for the same workspace (a savepoint);
    another workspace inside is a mistake and raises `Unscoped`.
    """
    wanted = workspace_id_of(workspace)
    outer = current()
    if outer is not None and outer != wanted:
        raise Unscoped("already inside another workspace")
    if outer is not None:
        with transaction.atomic():
            yield wanted
        return
    connection = connections["default"]
    try:
        with transaction.atomic():
            name_workspace(wanted, actor=actor)
            yield wanted
    finally:
        connection.amanat_workspace = None  # type: ignore[attr-defined]
        if connection.in_atomic_block and not connection.needs_rollback:
            name_workspace(None)  # a surrounding transaction goes on, and must not keep this workspace's rights


def current() -> UUID | None:
    """The workspace the open transaction is about, if one was named."""
    connection = connections["default"]
    return getattr(connection, "amanat_workspace", None) if connection.in_atomic_block else None


__all__ = [
    "Unscoped",
    "WorkspaceForeignKey",
    "WorkspaceManager",
    "WorkspaceQuerySet",
    "WorkspaceRow",
    "current",
    "inside",
    "name_workspace",
    "same_workspace",
    "workspace_id_of",
]
