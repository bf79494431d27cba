"""SQL of the ground: the ledger's triggers, the limits table."""

LEDGER_WATCH = """
CREATE OR REPLACE FUNCTION ledger_watch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    changed text[] := NULL;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- Names of the columns that differ in any row; the rows are matched by their key. Each row is made JSON once (the fence of
        -- OFFSET sees to that), not once for each of its columns.
        SELECT array_agg(DISTINCT n.key ORDER BY n.key) INTO changed
        FROM new_rows r JOIN old_rows o ON o.workspace_id = r.workspace_id AND o.id = r.id
        CROSS JOIN LATERAL (SELECT to_jsonb(o) AS was, to_jsonb(r) AS is OFFSET 0) j
        CROSS JOIN LATERAL jsonb_each(j.is) n
        WHERE j.was -> n.key IS DISTINCT FROM n.value;
        IF changed IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO public.core_ledgerentry (workspace_id, id, at, event, actor, facts)
        SELECT workspace_id, gen_random_uuid(), clock_timestamp(), 'row.' || lower(TG_OP) || 'd',
               nullif(current_setting('app.actor', true), '')::uuid,
               jsonb_build_object('table', TG_TABLE_NAME, 'count', count(*), 'ids', to_jsonb((array_agg(id))[1:20]))
        FROM old_rows GROUP BY workspace_id;
    ELSE
        INSERT INTO public.core_ledgerentry (workspace_id, id, at, event, actor, facts)
        SELECT workspace_id, gen_random_uuid(), clock_timestamp(),
               CASE TG_OP WHEN 'INSERT' THEN 'row.inserted' ELSE 'row.updated' END,
               nullif(current_setting('app.actor', true), '')::uuid,
               jsonb_strip_nulls(jsonb_build_object('table', TG_TABLE_NAME, 'count', count(*),
                   'ids', to_jsonb((array_agg(id))[1:20]), 'columns', to_jsonb(changed)))
        FROM new_rows GROUP BY workspace_id;
    END IF;
    RETURN NULL;
END
$$;
"""

LEDGER_KEEP = """
CREATE OR REPLACE FUNCTION ledger_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF OLD.number IS NOT NULL THEN
        RAISE EXCEPTION 'a sealed ledger entry cannot be changed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS ledger_keep ON core_ledgerentry;
CREATE TRIGGER ledger_keep BEFORE UPDATE ON core_ledgerentry FOR EACH ROW EXECUTE FUNCTION ledger_keep();
"""

#: Counts of tries need no durability; without it each try costs no write to the log.
LIMITS_UNLOGGED = """
DO $$ BEGIN
    IF (SELECT relpersistence FROM pg_class WHERE oid = 'core_limitcount'::regclass) <> 'u' THEN
        ALTER TABLE core_limitcount SET UNLOGGED;
    END IF;
END $$;
"""
