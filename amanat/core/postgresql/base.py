"""The key of a workspace's table is (workspace_id, id), which Django does not know.

Django shortens GROUP BY to the model's own key; PostgreSQL accepts that only for the true key. So grouping by all
selected columns is switched back on for such tables.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.postgresql import base, features


class DatabaseFeatures(features.DatabaseFeatures):
    def allows_group_by_selected_pks_on_model(self, model: type[models.Model]) -> bool:
        # Recognised by its column: importing WorkspaceRow here would need the models, which need this backend.
        has_workspace = any(field.column == "workspace_id" for field in model._meta.local_concrete_fields)
        return not has_workspace and bool(super().allows_group_by_selected_pks_on_model(model))


class DatabaseWrapper(base.DatabaseWrapper):
    features_class: Any = DatabaseFeatures
