"""SQL of this package that `core.schema` applies after each migration."""

#: Each word is {"starts": [...], "parts": [...], "digits": "..."}; a record has a word when any of its forms fits.
#: The forms hold no wildcard of LIKE (people.search sees to it); all values are quoted by format('%L').
FIND_RECORDS = """
CREATE OR REPLACE FUNCTION find_records(
    words jsonb, of_kinds text[], of_owner uuid, of_teams uuid[], most integer, at_least integer
) RETURNS TABLE (kind varchar, id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public SET jit = off AS $$
DECLARE
    here uuid := nullif(current_setting('app.workspace', true), '')::uuid;
    word jsonb;
    scope text;
    starts text[] := '{}';
    parts text[] := '{}';
    likes text[] := '{}';
    whole text[] := '{}';
    found uuid[] := '{}';
    these uuid[];
BEGIN
    IF here IS NULL OR jsonb_array_length(words) = 0 OR most < 1 THEN
        RETURN;
    END IF;
    scope := format('workspace_id = %L', here);
    IF of_kinds IS NOT NULL THEN
        scope := scope || format(' AND kind = ANY (%L::text[])', of_kinds);
    END IF;
    IF of_owner IS NOT NULL THEN
        scope := scope || format(' AND (owner_id = %L OR team_id = ANY (%L::uuid[]))', of_owner, coalesce(of_teams, '{}'));
    END IF;
    FOR word IN SELECT value FROM jsonb_array_elements(words) LOOP
        starts := starts || (SELECT format('(%s)', string_agg(test, ' OR ')) FROM (
            SELECT format('text LIKE %L', '% ' || value || '%') AS test FROM jsonb_array_elements_text(word -> 'starts')
            UNION ALL SELECT format('digits LIKE %L', '% ' || (word ->> 'digits') || '%')
            WHERE length(word ->> 'digits') > 0) AS tests);
        parts := parts || (SELECT format('(%s)', string_agg(test, ' OR ')) FROM (
            SELECT format('text LIKE %L', CASE WHEN length(value) < 3 THEN '% ' ELSE '%' END || value || '%') AS test
            FROM jsonb_array_elements_text(word -> 'starts')
            UNION ALL SELECT format('digits LIKE %L', CASE WHEN length(word ->> 'digits') < 3 THEN '% ' ELSE '%' END
                || (word ->> 'digits') || '%') WHERE length(word ->> 'digits') > 0) AS tests);
        likes := likes || (SELECT coalesce(max(format('(text LIKE %L AND text %%> %L)', '% ' || left(value, 2) || '%', value)),
            'false') FROM jsonb_array_elements_text(word -> 'fuzzy'));
        whole := whole || (SELECT coalesce(max(format('(text LIKE %L)::int', '% ' || value || ' %')), '0')
            FROM (SELECT value FROM jsonb_array_elements_text(word -> 'starts') LIMIT 1) AS firsts);
    END LOOP;
    -- The planner may not use statistics here (row-level security), so it cannot know a common word from a rare one.
    -- A common one shows itself among the newest rows, and looking at those costs the same however many there are.
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM (SELECT id, text, digits FROM people_searchentry WHERE %s
        ORDER BY id DESC LIMIT 2000) AS newest WHERE %s ORDER BY %s DESC, length(text), id DESC LIMIT %s) AS ranked',
        scope, array_to_string(starts, ' AND '), array_to_string(whole, ' + '), most) INTO these;
    found := coalesce(these, '{}');
    IF cardinality(found) < most THEN
        EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM (SELECT id, text FROM people_searchentry WHERE %s AND %s
            LIMIT 200) AS candidates ORDER BY %s DESC, length(text), id DESC LIMIT %s) AS ranked',
            scope, array_to_string(starts, ' AND '), array_to_string(whole, ' + '), most) INTO these;
        found := coalesce(these, '{}');
    END IF;
    IF cardinality(found) < most AND starts <> parts THEN
        EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM (SELECT id, text FROM people_searchentry WHERE %s AND %s
            AND id <> ALL (%L::uuid[]) LIMIT 200) AS candidates ORDER BY length(text), id DESC LIMIT %s) AS ranked',
            scope, array_to_string(parts, ' AND '), found, most - cardinality(found)) INTO these;
        found := found || coalesce(these, '{}');
    END IF;
    IF cardinality(found) < least(at_least, most) AND NOT ('false' = ANY (likes)) THEN
        -- Materialized: with the LIMIT inside, the planner would rather read the whole table than this index.
        EXECUTE format('WITH alike AS MATERIALIZED (SELECT id FROM people_searchentry WHERE %s AND %s)
            SELECT array_agg(id) FROM (SELECT id FROM alike WHERE id <> ALL (%L::uuid[]) LIMIT %s) AS candidates',
            scope, array_to_string(likes, ' AND '), found, least(at_least, most) - cardinality(found)) INTO these;
        found := found || coalesce(these, '{}');
    END IF;
    RETURN QUERY SELECT e.kind, e.id FROM unnest(found) WITH ORDINALITY AS f(id, place)
        JOIN people_searchentry e ON e.workspace_id = here AND e.id = f.id ORDER BY f.place;
END
$$;
REVOKE ALL ON FUNCTION find_records(jsonb, text[], uuid, uuid[], integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_records(jsonb, text[], uuid, uuid[], integer, integer) TO amanat_app;
ALTER FUNCTION find_records(jsonb, text[], uuid, uuid[], integer, integer) OWNER TO amanat_search;
"""
