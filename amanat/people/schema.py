"""SQL of this package that `core.schema` applies after each migration."""

#: Each word is {"starts": [...], "digits": "...", "fuzzy": [...]}; a record has a word when any of its forms fits.
#: The forms hold no wildcard of LIKE (people.search sees to it); all values are quoted by format('%L').
#:
#: What a question costs must not depend on how common its words are. The planner cannot know that (no statistics behind
#: row-level security), and a trigram index gathers every row that fits before it gives the first. So each question is
#: put to a sample first: `SAMPLE` records read by key, a quarter of them the newest, the others from three earlier times.
#: A common word has its answers there. Only what is rare in the sample is put to the index, which then finds few.
#: A workspace that fits into the sample never needs the index. Who wants fewer answers gets a smaller sample, and a
#: number of five digits or more is rare without asking.
#:
#: Of one to three letters nearly everything has some part. A word that short is had, at first, only by what begins with it as it is
#: written, or sounds like the whole of it; people and companies come before services, and those whose name begins with it before
#: the others. What merely sounds so at its beginning, or has it in the middle, comes after, and not at all where enough was found.
SAMPLE = 8000
FIND_RECORDS = """
-- New entries wait in a list that every search reads from end to end: 10 ms at the usual 4 MB, below 1 ms at this.
ALTER INDEX search_by_text SET (gin_pending_list_limit = 256);
ALTER INDEX search_by_digits SET (gin_pending_list_limit = 256);
CREATE OR REPLACE FUNCTION find_by_rarest(tests text[], counts integer[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    -- All tests; every one but that of the smallest count written so that no index fits it.
    SELECT string_agg(CASE WHEN place = (SELECT c.place FROM unnest(counts) WITH ORDINALITY AS c(count, place)
            ORDER BY c.count, c.place LIMIT 1) THEN test
        ELSE replace(replace(test, 'text LIKE', '(text || '''') LIKE'), 'digits LIKE', '(digits || '''') LIKE') END, ' AND ')
    FROM unnest(tests) WITH ORDINALITY AS t(test, place)
$$;
CREATE OR REPLACE FUNCTION find_records(
    words jsonb, of_kinds text[], of_owner uuid, of_teams uuid[], most integer, at_least integer
) RETURNS TABLE (kind varchar, id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public SET jit = off SET enable_seqscan = off SET enable_indexscan = on AS $$
DECLARE
    here uuid := nullif(current_setting('app.workspace', true), '')::uuid;
    word jsonb;
    scope text := 'true';
    starts text[] := '{}';
    parts text[] := '{}';
    begins text[] := '{}';
    holds text[] := '{}';
    national text;
    edges text[] := '{}';
    halves text[] := '{}';
    anywhere text[] := '{}';
    alike text[] := '{}';
    whole text[] := '{}';
    sample text;
    indexed text;
    best text;
    quarter integer := greatest({pinch}, least({quarter}, most * 40));
    is_small boolean;
    is_short boolean;
    is_number boolean;
    found uuid[] := '{}';
    middles uuid[] := '{}';
    these uuid[];
    begun integer[];
    held integer[];
    halved integer[];
BEGIN
    IF here IS NULL OR jsonb_array_length(words) = 0 OR most < 1 THEN
        RETURN;
    END IF;
    IF of_kinds IS NOT NULL THEN
        scope := format('kind = ANY (%L::text[])', of_kinds);
    END IF;
    IF of_owner IS NOT NULL THEN
        scope := scope || format(' AND (owner_id = %L OR team_id = ANY (%L::uuid[]))', of_owner, coalesce(of_teams, '{}'));
    END IF;
    FOR word IN SELECT value FROM jsonb_array_elements(words) LOOP
        starts := starts || (SELECT format('(%s)', string_agg(test, ' OR ')) FROM (
            SELECT format('text LIKE %L', '% ' || value || '%') AS test
                FROM jsonb_array_elements_text(word -> 'starts') WITH ORDINALITY AS s(value, place)
                WHERE place = 1 OR value LIKE '.%' OR NOT word @> '{"short": true}'
            UNION ALL SELECT format('digits LIKE %L', '% ' || (word ->> 'digits') || '%')
            WHERE length(word ->> 'digits') > 0) AS tests);
        parts := parts || (SELECT format('(%s)', string_agg(test, ' OR ')) FROM (
            -- A fenced form (".rj.") is a whole word and cannot be in the middle of one.
            SELECT format('text LIKE %L', CASE WHEN length(value) < 3 OR value LIKE '.%' THEN '% ' ELSE '%' END || value || '%')
                AS test FROM jsonb_array_elements_text(word -> 'starts')
            UNION ALL SELECT format('digits LIKE %L', CASE WHEN length(word ->> 'digits') < 3 THEN '% ' ELSE '%' END
                || (word ->> 'digits') || '%') WHERE length(word ->> 'digits') > 0) AS tests);
        -- The first digits of a number are typed without its country, and nearly all are of this one: so the index is not asked for it.
        national := CASE WHEN length(word ->> 'digits') BETWEEN 1 AND 4
            THEN format(' OR digits LIKE %L', '% 91' || (word ->> 'digits') || '%') ELSE '' END;
        begins := begins || format('(%s%s)', starts[cardinality(starts)], national);
        holds := holds || format('(%s%s)', parts[cardinality(parts)], national);
        -- The index knows three letters at a time, in any order, and takes a fence for a space.
        edges := edges || (SELECT format('(%s)', string_agg(format('(text LIKE %L AND text LIKE %L)',
            '%' || sign || left(value, 2) || '%', '%' || value || '%'), ' OR '))
            FROM jsonb_array_elements_text(word -> 'starts'), unnest(ARRAY[' ', '.']) AS sign);
        whole := whole || (SELECT coalesce(max(format('(text LIKE %L)::int', '% ' || value || ' %')), '0')
            FROM (SELECT value FROM jsonb_array_elements_text(word -> 'starts') LIMIT 1) AS firsts);
        IF word @> '{"short": true}' THEN
            whole := whole || format('2 * (kind <> %L)::int + (text LIKE %L)::int', 'service', ' ' || (word -> 'starts' ->> 0) || '%');
        END IF;
        alike := alike || (SELECT coalesce(max(format('(text LIKE %L AND text %%> %L)', '% ' || left(value, 2) || '%', value)),
            'false') FROM jsonb_array_elements_text(word -> 'fuzzy'));
        -- One slip of the finger leaves one half of the word as it was.
        halves := halves || (SELECT coalesce(max(format('(text LIKE %L OR text LIKE %L)',
            '% ' || left(value, greatest(3, (length(value) + 1) / 2)) || '%',
            '%' || right(value, greatest(3, length(value) / 2)) || ' %')), 'false') FROM jsonb_array_elements_text(word -> 'fuzzy'));
        anywhere := anywhere || (SELECT coalesce(max(format('(text LIKE %L OR text LIKE %L)',
            '%' || left(value, greatest(3, (length(value) + 1) / 2)) || '%',
            '%' || right(value, greatest(3, length(value) / 2)) || '%')), 'false') FROM jsonb_array_elements_text(word -> 'fuzzy'));
    END LOOP;

    SELECT count(*) = 0 INTO is_small FROM (SELECT FROM people_searchentry e WHERE e.workspace_id = here
        ORDER BY e.id DESC OFFSET 4 * quarter LIMIT 1) AS beyond;
    SELECT array_agg((length(digits) < 5)::integer ORDER BY place), bool_or(length(digits) >= 5)
        INTO begun, is_number FROM (SELECT coalesce(value ->> 'digits', '') AS digits, place
            FROM jsonb_array_elements(words) WITH ORDINALITY AS w(value, place)) AS numbers;
    held := begun;
    sample := format('SELECT id, kind, owner_id, team_id, text, digits FROM people_searchentry WHERE workspace_id = %L', here);
    IF is_small THEN
        sample := '(' || sample || ' ORDER BY id DESC) AS sample';
    ELSE
        -- Ids begin with the time of their making in 48 bits (UUIDv7): four equal spans of time, the newest of each.
        SELECT format('(%s) AS sample', string_agg(format('(%s AND id BETWEEN %L AND %L ORDER BY id DESC LIMIT %s)', sample,
            CASE WHEN span = 0 THEN '00000000-0000-0000-0000-000000000000' ELSE lpad(to_hex(first + (latest - first) * span / 4 + 1), 12, '0')
                || '00000000000000000000' END::uuid,
            CASE WHEN span = 3 THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE lpad(to_hex(first + (latest - first) * (span + 1) / 4), 12, '0')
                || 'ffffffffffffffffffff' END::uuid, quarter), ' UNION ALL ' ORDER BY span DESC))
        INTO sample
        FROM generate_series(0, 3) AS span, (SELECT
            (SELECT ('x' || left(replace(e.id::text, '-', ''), 12))::bit(48)::bigint FROM people_searchentry e
                WHERE e.workspace_id = here ORDER BY e.id LIMIT 1) AS first,
            (SELECT ('x' || left(replace(e.id::text, '-', ''), 12))::bit(48)::bigint FROM people_searchentry e
                WHERE e.workspace_id = here ORDER BY e.id DESC LIMIT 1) AS latest) AS reach;
    END IF;
    indexed := format('people_searchentry WHERE workspace_id = %L AND ', here) || scope || ' AND id <> ALL ($1) AND ';
    is_short := jsonb_array_length(words) = 1 AND words -> 0 @> '{"short": true}';
    best := ' ORDER BY ' || array_to_string(whole, ' + ') || ' DESC, length(text), id DESC LIMIT ';

    IF is_small OR NOT is_number THEN
        EXECUTE 'WITH hits AS MATERIALIZED (SELECT id, kind, text, (' || array_to_string(begins, ' AND ') || ') AS begins FROM ' || sample
            || ' WHERE ' || scope || ' AND ' || array_to_string(holds, ' AND ') || ') SELECT array(SELECT id FROM hits WHERE begins'
            || best || '$1), array(SELECT id FROM hits WHERE NOT begins' || best || '$1)' INTO found, middles USING most;
    END IF;
    IF cardinality(found) < most AND NOT is_small THEN
        IF NOT is_number THEN
            -- How often each word is met, in the index's eyes: it is asked for the rarest alone, the rest is compared.
            EXECUTE (SELECT 'SELECT ' || string_agg(counts, ', ') || ' FROM ' || replace(sample, format('LIMIT %s)', quarter), 'LIMIT {pinch})') FROM (
                SELECT 'ARRAY[' || string_agg('count(*) FILTER (WHERE ' || test || ')', ', ') || ']' AS counts
                FROM (SELECT 1 AS list, test FROM unnest(edges) AS test UNION ALL SELECT 2, test FROM unnest(parts) AS test
                    UNION ALL SELECT 3, test FROM unnest(anywhere) AS test) AS tests GROUP BY list ORDER BY list) AS lists)
                INTO begun, held, halved;
        END IF;
        PERFORM set_config('enable_indexscan', 'off', true);
        best := ' LIMIT 200) AS candidates' || best || '$2)';
        IF {common} >= ANY (begun) THEN
            EXECUTE 'SELECT array(SELECT id FROM (SELECT id, kind, text FROM ' || indexed || find_by_rarest(starts, begun) || best
                INTO these USING found, most - cardinality(found);
            found := found || these;
        END IF;
        IF is_short AND cardinality(found) >= at_least THEN
            middles := '{}';
        END IF;
        found := found || middles[1:most - cardinality(found)];
        IF cardinality(found) < (CASE WHEN is_short THEN at_least ELSE most END) AND starts <> parts AND {common} >= ANY (held) THEN
            EXECUTE 'SELECT array(SELECT id FROM (SELECT id, kind, text FROM ' || indexed || find_by_rarest(parts, held) || best
                INTO these USING found, most - cardinality(found);
            found := found || these;
        END IF;
        PERFORM set_config('enable_indexscan', 'on', true);
    ELSIF NOT is_short OR cardinality(found) < at_least THEN
        found := found || middles[1:most - cardinality(found)];
    END IF;
    at_least := least(at_least, most);
    IF cardinality(found) < at_least AND NOT ('false' = ANY (alike)) THEN
        best := ' AND id <> ALL ($1) AND ' || array_to_string(alike, ' AND ') || ' LIMIT $2)';
        EXECUTE 'SELECT array(SELECT id FROM ' || sample || ' WHERE ' || scope || best INTO these
            USING found, at_least - cardinality(found);
        found := found || these;
        IF cardinality(found) < at_least AND {rare} >= ANY (halved) THEN
            PERFORM set_config('enable_indexscan', 'off', true);
            EXECUTE 'SELECT array(SELECT id FROM (SELECT id, text FROM ' || indexed || find_by_rarest(halves, halved)
                || ' LIMIT 1000) AS candidates WHERE true' || best INTO these USING found, at_least - cardinality(found);
            PERFORM set_config('enable_indexscan', 'on', true);
            found := found || these;
        END IF;
    END IF;
    RETURN QUERY SELECT e.kind, e.id FROM unnest(found) WITH ORDINALITY AS f(id, place)
        JOIN people_searchentry e ON e.workspace_id = here AND e.id = f.id ORDER BY f.place;
END
$$;
REVOKE ALL ON FUNCTION find_records(jsonb, text[], uuid, uuid[], integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_records(jsonb, text[], uuid, uuid[], integer, integer) TO amanat_app;
ALTER FUNCTION find_records(jsonb, text[], uuid, uuid[], integer, integer) OWNER TO amanat_search;
"""
for _name, _rows in {"quarter": 4, "pinch": 16, "common": 80, "rare": 400}.items():
    FIND_RECORDS = FIND_RECORDS.replace(f"{{{_name}}}", str(SAMPLE // _rows))
