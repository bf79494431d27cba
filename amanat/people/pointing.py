"""What points at a contact or company: every `WorkspaceForeignKey` of every package, found by walking the models.

Merging, undoing an import and emptying the bin use this, so a table that a later package adds is covered without being named.
"""

from __future__ import annotations

from functools import lru_cache

from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


@lru_cache(maxsize=64)
def at(target: type[WorkspaceRow]) -> tuple[tuple[type[WorkspaceRow], str], ...]:
    """The models and columns that refer to rows of `target`."""
    return tuple(
        (model, field.column)
        for model in workspace_models()
        for field in model._meta.local_fields
        if isinstance(field, WorkspaceForeignKey) and field.related_model is target
    )
