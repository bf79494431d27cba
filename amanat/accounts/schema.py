"""SQL of this package that `core.schema` applies after each migration."""

MEMBERSHIPS = """
CREATE OR REPLACE FUNCTION memberships(of_user uuid)
RETURNS TABLE (workspace_id uuid, member_id uuid, name varchar, place varchar, role varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT w.id, m.id, w.name, w.place, m.role
    FROM public.accounts_member m JOIN public.accounts_workspace w ON w.id = m.workspace_id
    WHERE m.user_id = of_user AND m.ended_at IS NULL ORDER BY w.name, w.id
$$;
REVOKE ALL ON FUNCTION memberships(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memberships(uuid) TO amanat_app;
"""

WORKSPACE_IDS = """
CREATE OR REPLACE FUNCTION workspace_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT id FROM public.accounts_workspace ORDER BY id
$$;
REVOKE ALL ON FUNCTION workspace_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workspace_ids() TO amanat_app;
"""

WORKSPACES_TO_SEAL = """
CREATE OR REPLACE FUNCTION workspaces_to_seal() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT workspace_id FROM public.core_ledgerentry WHERE number IS NULL
$$;
REVOKE ALL ON FUNCTION workspaces_to_seal() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workspaces_to_seal() TO amanat_app;
"""
