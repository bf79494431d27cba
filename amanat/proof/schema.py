"""SQL of this package that `core.schema` applies after each migration."""

#: Takes out of a workspace's old evidence what repeats the row before it: kept, as that one was, by the same probe under the same
#: policy within the same day (or month, when it is older than a year). The first of each day (month) and every change stay.
#: The bounds stand here, not with the caller: the application itself may delete no evidence, young or telling.
THIN_EVIDENCE = """
CREATE OR REPLACE FUNCTION thin_evidence(here uuid, made timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE taken bigint;
BEGIN
    IF here IS DISTINCT FROM nullif(current_setting('app.workspace', true), '')::uuid THEN
        RAISE EXCEPTION 'evidence is thinned inside its workspace';
    END IF;
    WITH old AS (
        SELECT number, outcome, policy_number, probe, previous, digest, CASE WHEN at < now() - interval '13 months'
            THEN date_trunc('month', at AT TIME ZONE 'UTC') ELSE date_trunc('day', at AT TIME ZONE 'UTC') END AS span
        FROM public.proof_evidence WHERE workspace_id = here AND at < now() - interval '30 days'
    ), compared AS (
        SELECT old.*, lag(outcome) OVER w AS was, lag(policy_number) OVER w AS was_under
        FROM old WINDOW w AS (PARTITION BY probe, span ORDER BY number)
    ), repeating AS (
        SELECT number, previous, digest, number - row_number() OVER (ORDER BY number) AS island
        FROM compared WHERE outcome = 'kept' AND was = 'kept' AND was_under = policy_number
    ), gaps AS (
        INSERT INTO public.proof_evidencegap (id, workspace_id, first, last, previous, digest, made_at)
        SELECT gen_random_uuid(), here, min(number), max(number), (array_agg(previous ORDER BY number))[1],
            (array_agg(digest ORDER BY number DESC))[1], made
        FROM repeating GROUP BY island
    )
    DELETE FROM public.proof_evidence e USING repeating r WHERE e.workspace_id = here AND e.number = r.number;
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END $$;
REVOKE ALL ON FUNCTION thin_evidence(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION thin_evidence(uuid, timestamptz) TO amanat_app;
"""

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
