"""SQL of this package that `core.schema` applies after each migration."""

#: Ids of the workspaces where something is to be checked, those waiting longest first; new ones have no round yet.
WORKSPACES_TO_PROBE = """
CREATE OR REPLACE FUNCTION workspaces_to_probe(moment timestamptz, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT w.id FROM public.accounts_workspace w LEFT JOIN public.proof_round r ON r.workspace_id = w.id
    WHERE r.due_at IS NULL OR r.due_at <= moment ORDER BY r.due_at NULLS FIRST, w.id LIMIT most
$$;
REVOKE ALL ON FUNCTION workspaces_to_probe(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workspaces_to_probe(timestamptz, integer) TO amanat_app;
"""
