"""SQL of this part that `core.schema` applies after each migration."""

from __future__ import annotations

from amanat.core.schema import workspace_models

#: What outlives a workspace: the sealed store and its keys, until their days.
_OUTLIVES = {"privacy_sealedrecord": "false", "core_workspacekey": "use <> 'vault'"}
#: Last, because the triggers of all other tables write there.
_LAST = ("core_ledgerentry", "core_ledgerhead")

_CLOSE = """
CREATE OR REPLACE FUNCTION close_workspace(closed uuid, moment timestamptz) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    counts jsonb := '{}';
    gone bigint;
BEGIN
    IF closed IS DISTINCT FROM nullif(current_setting('app.workspace', true), '')::uuid OR NOT EXISTS (
        SELECT 1 FROM public.privacy_workspaceclosure
        WHERE workspace_id = closed AND cancelled_at IS NULL AND due_at <= moment
        UNION ALL SELECT 1 FROM public.privacy_closedworkspace WHERE was = closed) THEN
        RAISE EXCEPTION 'the closing of this workspace is not due' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SET CONSTRAINTS ALL DEFERRED;
{deletes}
    RETURN counts;
END
$$;
REVOKE ALL ON FUNCTION close_workspace(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION close_workspace(uuid, timestamptz) TO amanat_app;
"""


def close_workspace() -> str:
    """The function that deletes all rows of a workspace: of every table there is, so that none can be forgotten."""
    tables = sorted(model._meta.db_table for model in workspace_models())
    ordered = [table for table in tables if table not in _LAST] + [table for table in _LAST if table in tables]
    return _CLOSE.replace("{deletes}", "\n".join(_delete(table) for table in ordered))


def _delete(table: str) -> str:
    condition = f" AND {_OUTLIVES[table]}" if table in _OUTLIVES else ""
    return (  # names of our own tables
        f"    DELETE FROM public.{table} WHERE workspace_id = closed{condition}; GET DIAGNOSTICS gone = ROW_COUNT; "  # noqa: S608
        f"counts := counts || jsonb_build_object('{table}', gone);"
    )
