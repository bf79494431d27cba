"""SQL of this part that `core.schema` applies after each migration: who has work, asked before a workspace is entered; what the ledger is told
of dispatches.
"""

from collections.abc import Iterable

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

#: A dispatch changes five times on its way, and what the ledger's general trigger costs (each row made JSON, twice) was two fifths of what a
#: message costs the database. This one writes the same line: table, count, rows, and the columns that differ in any of them.
_WATCH = """
CREATE OR REPLACE FUNCTION dispatch_watch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.core_ledgerentry (workspace_id, id, at, event, actor, facts)
    SELECT found.workspace_id, gen_random_uuid(), clock_timestamp(), 'row.updated', nullif(current_setting('app.actor', true), '')::uuid,
        jsonb_build_object('table', TG_TABLE_NAME, 'count', found.count, 'ids', to_jsonb(found.ids[1:20]), 'columns', to_jsonb(found.columns))
    FROM (SELECT n.workspace_id, count(*) AS count, array_agg(n.id) AS ids, array_remove(ARRAY[{columns}], NULL) AS columns
        FROM new_rows n JOIN old_rows o ON o.workspace_id = n.workspace_id AND o.id = n.id GROUP BY n.workspace_id) found
    WHERE found.columns <> '{}';
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER watch_update AFTER UPDATE ON messaging_dispatch REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION dispatch_watch();
"""


def watching(columns: Iterable[str]) -> str:
    """The trigger for a table of these columns."""
    compared = ",\n        ".join(
        f"CASE WHEN bool_or(o.{column} IS DISTINCT FROM n.{column}) THEN '{column}' END" for column in sorted(columns)
    )
    return _WATCH.replace("{columns}", compared)
