"""System checks that stop the start: what is not declared does not run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core import checks
from django.db import models

from amanat.core import routes
from amanat.core.schema import SYSTEM_TABLES, workspace_models
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


@checks.register(checks.Tags.urls)
def every_route_is_declared(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(
            f"The route {pattern!r} is not declared.",
            hint="Make it with core.routes.route(...), which says who may call it.",
            id="amanat.E001",
        )
        for pattern in routes.undeclared()
    ]


@checks.register(checks.Tags.models)
def references_carry_the_workspace(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """A row of a workspace refers to rows of workspaces only by WorkspaceForeignKey, and to nothing many-to-many."""
    found: list[checks.CheckMessage] = []
    for model in workspace_models():
        for field in model._meta.local_fields:
            if getattr(field, "from_fields", ()) == ["workspace_id"]:
                continue  # the workspace itself
            target = field.related_model
            if (
                isinstance(target, type)
                and issubclass(target, WorkspaceRow)
                and not isinstance(field, WorkspaceForeignKey)
            ):
                found.append(
                    checks.Error(
                        f"{model.__name__}.{field.name} points at a row of a workspace without carrying the workspace.",
                        hint="Use core.tenancy.WorkspaceForeignKey.",
                        obj=model,
                        id="amanat.E002",
                    )
                )
        if model._meta.local_many_to_many:
            found.append(checks.Error(f"{model.__name__} has a many-to-many field.", obj=model, id="amanat.E003"))
        for constraint in model._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint) and "workspace_id" not in constraint.fields:
                found.append(
                    checks.Error(
                        f"{constraint.name} is unique across workspaces.",
                        hint="Begin its fields with workspace_id; otherwise one workspace learns what another holds.",
                        obj=model,
                        id="amanat.E004",
                    )
                )
    return found


@checks.register(checks.Tags.models)
def tables_with_a_workspace_are_rows_of_it(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    from django.apps import apps

    return [
        checks.Error(f"{model.__name__} names a workspace but is not a WorkspaceRow.", obj=model, id="amanat.E005")
        for model in apps.get_models()
        if not issubclass(model, WorkspaceRow)
        and model._meta.db_table not in SYSTEM_TABLES
        and any(field.column == "workspace_id" for field in model._meta.local_fields)
    ]
