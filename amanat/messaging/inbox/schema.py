"""SQL of the inbox that `core.schema` applies after each migration: the search of messages.

The words of a message are keyed hashes in an array. The operator that compares arrays is not leakproof, so underneath row-level
security no index may answer it; hence a function of another owner that carries the wall itself, as `people.schema` has one.

What a question costs must not depend on how common its words are. The newest `NEWEST` messages are looked through by key first: a
common word has its answers there. Only what is rare among them is put to the index, which then finds few.
"""

from __future__ import annotations

NEWEST = 6_000
#: Of rare words no more are looked at, from the newest on.
CANDIDATES = 3_000

FIND_MESSAGES = """
ALTER INDEX message_words_by_word SET (gin_pending_list_limit = 256);
CREATE OR REPLACE FUNCTION find_messages(
    wanted jsonb, of_owner uuid, of_teams uuid[], of_contact uuid, before uuid, most integer
) RETURNS TABLE (id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public SET jit = off AS $$
DECLARE
    here uuid := nullif(current_setting('app.workspace', true), '')::uuid;
    tests text;
    scope text := '';
    edge uuid;
    found uuid[];
    older uuid[];
BEGIN
    IF here IS NULL OR jsonb_array_length(wanted) = 0 OR most < 1 THEN
        RETURN;
    END IF;
    -- Each word of the question is a list of its forms; a message has the word when it has any of them.
    SELECT string_agg(format('w.words && %L::bigint[]', (SELECT array_agg(form::bigint) FROM jsonb_array_elements_text(word) AS form)), ' AND ')
        INTO tests FROM jsonb_array_elements(wanted) AS word;
    IF of_contact IS NOT NULL THEN
        scope := format(' AND w.contact_id = %L', of_contact);
    END IF;
    scope := scope || ' AND EXISTS (SELECT 1 FROM people_searchentry e WHERE e.workspace_id = w.workspace_id AND e.id = w.contact_id';
    IF of_owner IS NOT NULL THEN
        scope := scope || format(' AND (e.owner_id = %L OR e.team_id = ANY (%L::uuid[]))', of_owner, coalesce(of_teams, '{}'));
    END IF;
    scope := scope || ')';
    before := coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    SELECT w.id INTO edge FROM messaging_messagewords w WHERE w.workspace_id = here AND w.id < before
        ORDER BY w.id DESC OFFSET {newest} LIMIT 1;
    PERFORM set_config('enable_bitmapscan', 'off', true);
    EXECUTE 'SELECT array(SELECT w.id FROM (SELECT * FROM messaging_messagewords WHERE workspace_id = $1 AND id < $2 '
        || 'AND ($3 IS NULL OR id > $3) ORDER BY id DESC LIMIT {newest}) w WHERE ' || tests || scope || ' ORDER BY w.id DESC LIMIT $4)'
        INTO found USING here, before, edge, most;
    PERFORM set_config('enable_bitmapscan', 'on', true);
    IF edge IS NOT NULL AND cardinality(found) < most THEN
        PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true);
        -- The inner rows are fenced, so that the index of words is the way in, whatever the planner believes.
        EXECUTE 'WITH w AS MATERIALIZED (SELECT id, workspace_id FROM messaging_messagewords w WHERE ' || tests
            || ') SELECT array(SELECT w.id FROM w WHERE w.workspace_id = $1 AND w.id <= $2 ORDER BY w.id DESC LIMIT {candidates})'
            INTO older USING here, edge;
        PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'on', true);
        -- Whether the member may see the person is asked only of as many as are wanted.
        EXECUTE 'SELECT array(SELECT w.id FROM (SELECT m.* FROM unnest($2) WITH ORDINALITY AS f(one, place) '
            || 'CROSS JOIN LATERAL (SELECT * FROM messaging_messagewords WHERE workspace_id = $1 AND id = f.one OFFSET 0) m '
            || 'ORDER BY f.place) w WHERE true' || scope || ' LIMIT $3)'
            INTO older USING here, older, most - cardinality(found);
        found := found || older;
    END IF;
    RETURN QUERY SELECT f.one FROM unnest(found) WITH ORDINALITY AS f(one, place) ORDER BY f.place;
END
$$;
REVOKE ALL ON FUNCTION find_messages(jsonb, uuid, uuid[], uuid, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_messages(jsonb, uuid, uuid[], uuid, uuid, integer) TO amanat_app;
ALTER FUNCTION find_messages(jsonb, uuid, uuid[], uuid, uuid, integer) OWNER TO amanat_search;
""".replace("{newest}", str(NEWEST)).replace("{candidates}", str(CANDIDATES))

#: Who is not here any more takes care of nobody: whatever ends the seat, her conversations are nobody's again, and what people write
#: there is told to those who want to hear of that.
FREE_WITH_SEAT = """
CREATE OR REPLACE FUNCTION inbox_free_with_seat() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    UPDATE messaging_thread SET assigned_to_id = NULL WHERE workspace_id = NEW.workspace_id AND assigned_to_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER inbox_free_with_seat AFTER UPDATE OF ended_at ON accounts_member
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION inbox_free_with_seat();
"""
