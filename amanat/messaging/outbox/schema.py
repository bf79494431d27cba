"""SQL of this part that `core.schema` applies after each migration: who has work, asked before a workspace is entered."""

#: Accounts that may send and have something due, those that were told something, and workspaces with claims or unclear rows.
OUTBOX_TO_DO = """
CREATE OR REPLACE FUNCTION outbox_to_do(moment timestamptz) RETURNS TABLE (what text, workspace uuid, account uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT 'send', a.workspace_id, a.id FROM public.messaging_channelaccount a
    WHERE a.state = 'ready' AND (a.resumes_at IS NULL OR a.resumes_at <= moment) AND EXISTS (
        SELECT 1 FROM generate_series(0, 9) AS level CROSS JOIN LATERAL (
            SELECT 1 FROM public.messaging_dispatch d WHERE d.workspace_id = a.workspace_id AND d.account_id = a.id
                AND d.state = 'todo' AND d.urgency = level AND d.due_at <= moment LIMIT 1) due)
    UNION ALL
    SELECT 'events', a.workspace_id, a.id FROM public.messaging_channelaccount a WHERE EXISTS (
        SELECT 1 FROM public.messaging_providerevent e WHERE e.workspace_id = a.workspace_id AND e.account_id = a.id
            AND e.done_at IS NULL AND (e.next_at IS NULL OR e.next_at <= moment))
    UNION ALL
    SELECT 'settle', w.id, NULL FROM public.accounts_workspace w WHERE EXISTS (
        SELECT 1 FROM public.messaging_dispatch d WHERE d.workspace_id = w.id AND d.state = 'sending'
            AND d.lease_until < clock_timestamp())
        OR EXISTS (SELECT 1 FROM public.messaging_dispatch d WHERE d.workspace_id = w.id AND d.state = 'unknown')
$$;
REVOKE ALL ON FUNCTION outbox_to_do(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_to_do(timestamptz) TO amanat_app;
"""
