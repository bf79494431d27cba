"""SQL of this package that `core.schema` applies after each migration."""

WORKSPACES_WITH_POLICY_MAIL = """
CREATE OR REPLACE FUNCTION workspaces_with_policy_mail(moment timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT DISTINCT workspace_id FROM public.publishing_policymail
    WHERE sent_at IS NULL AND dropped_at IS NULL AND due_at <= moment
$$;
REVOKE ALL ON FUNCTION workspaces_with_policy_mail(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workspaces_with_policy_mail(timestamptz) TO amanat_app;
"""

#: The oldest workspace (ids grow with time): whose policy the installation shows when no other was named.
FIRST_WORKSPACE = """
CREATE OR REPLACE FUNCTION first_workspace() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT id FROM public.accounts_workspace ORDER BY workspace_id LIMIT 1
$$;
REVOKE ALL ON FUNCTION first_workspace() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION first_workspace() TO amanat_app;
"""

#: Which version holds in a workspace at a moment, with the workspace's own details, which make number 0. A function, because its plan is
#: then made once a connection: planning costs three times as much as finding the row. It runs with the rights of who asks.
POLICY_IN_FORCE = """
CREATE OR REPLACE FUNCTION policy_in_force(here uuid, moment timestamptz) RETURNS TABLE (
    name varchar, time_zone varchar, language varchar, legal_name varchar, place varchar, address text, email varchar, phone varchar,
    created_at timestamptz, version_id uuid, number integer, digest varchar, effective_at timestamptz, published_at timestamptz,
    is_material boolean, asks_anew text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN RETURN QUERY
    SELECT w.name, w.time_zone, w.language, w.legal_name, w.place, w.address, w.email, w.phone, w.created_at,
        v.id, v.number, v.digest, v.effective_at, v.published_at, v.is_material, v.asks_anew::text
    FROM accounts_workspace w
    LEFT JOIN LATERAL (
        SELECT p.id, p.number, p.digest, p.effective_at, p.published_at, p.is_material, p.asks_anew FROM publishing_policyversion p
        WHERE p.workspace_id = here AND p.effective_at <= moment ORDER BY p.number DESC LIMIT 1) v ON true
    WHERE w.workspace_id = here AND w.id = here;
END $$
"""
