"""SQL of the short links, which `core.schema` applies after each migration."""

#: Where the workspace of a short link is found, for the page has no other way to know it.
WORKSPACE_OF_DISPATCH = """
CREATE INDEX IF NOT EXISTS dispatch_of_short_link ON messaging_dispatch (id) WHERE channel = 'sms';
CREATE OR REPLACE FUNCTION workspace_of_dispatch(wanted uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT workspace_id FROM public.messaging_dispatch WHERE id = wanted AND channel = 'sms'
$$;
REVOKE ALL ON FUNCTION workspace_of_dispatch(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workspace_of_dispatch(uuid) TO amanat_app;
"""
