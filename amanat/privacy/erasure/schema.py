"""SQL of this part: what makes a search of every table quick, and deleting of people quick, however many others there are.

`trace_tokens` takes the numbers, addresses and codes out of a text. Each table that holds free text about people has an index of the
tokens in it, and of the rows that may have any: most have none, so the index is small, whoever writes one of those does not touch it, and
a number somebody once wrote into a note is found at once. The indexes are made from the declarations, so a new table has its own. `find_traces` asks them all; it runs as the owner of the search functions,
since an index of this kind may not be used underneath row-level security, and carries the wall itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from django.db import models

from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey
from amanat.privacy.erasure import belongings
from amanat.privacy.erasure.belongings import Model

#: Indexed by their own, or the same again.
_FOUND_OTHERWISE = {"main_phone", "main_email", "sort_name"}
_LOOKED_UP = {"people.Phone", "people.Email", "people.SearchEntry", "core.LedgerEntry"}
#: Kinds of values in which nobody writes about people.
_PLAIN_KINDS = {"pd:UID", "pd:WorkHistory", "pd:PrivacyPreference", "pd:Authenticating"}

#: What a text with any token in it fulfils; the function and the indexes say it in the same words.
MAY_HAVE_TOKENS = "~ '[0-9०-९]{3}|@'"

TRACE_TOKENS = r"""
CREATE OR REPLACE FUNCTION trace_tokens(said text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN said !~ '[0-9०-९]{3}|@' THEN '{}'::text[] ELSE coalesce((SELECT array_agg(DISTINCT token) FROM (
        SELECT m[1] AS token FROM regexp_matches(lower(said), '([a-z0-9._%+''-]+@[a-z0-9.-]+[a-z0-9])', 'g') m
        UNION ALL
        SELECT right(regexp_replace(m[1], '[^0-9]', '', 'g'), 10)
        FROM regexp_matches(translate(said, '०१२३४५६७८९', '0123456789'), '([0-9](?:[ ().-]{0,2}[0-9]){5,})', 'g') m
        UNION ALL
        SELECT upper(m[1]) FROM regexp_matches(said, '([A-Za-z0-9/-]{5,})', 'g') m WHERE m[1] ~ '[0-9]{2}' AND m[1] ~ '[A-Za-z]'
    ) AS found), '{}'::text[]) END
$$
"""


def texts(model: Model) -> list[str]:
    """The columns of a table in which somebody may have written about people, as its declaration says."""
    declared = belongings.held(model)
    if declared is None or declared.whose != "contact" or model._meta.label in _LOOKED_UP:
        return []
    found = []
    for each in model._meta.local_concrete_fields:
        said = declared.personal.get(each.name)
        if said is None or said.sealed or said.kind in _PLAIN_KINDS or each.name in _FOUND_OTHERWISE:
            continue
        if isinstance(each, models.TextField | models.JSONField | models.BinaryField) or _is_free(each):
            found.append(str(each.column))
    return found


def _is_free(each: models.Field) -> bool:  # type: ignore[type-arg]
    return isinstance(each, models.CharField) and not each.choices and (each.max_length or 0) >= 30


def as_text(model: Model, columns: list[str]) -> str:
    """The columns as one text, in words that an index may hold."""
    kinds = {each.column: each for each in model._meta.local_concrete_fields}
    return " || ' ' || ".join(
        f"coalesce(encode(t.\"{column}\", 'escape'), '')"
        if isinstance(kinds[column], models.BinaryField)
        else f"coalesce(t.\"{column}\"::text, '')"
        for column in columns
    )


def traced() -> dict[Model, list[str]]:
    """The tables that have an index of tokens, with its columns."""
    return {model: columns for model in workspace_models() if (columns := texts(model))}


def statements() -> Iterator[tuple[str, str]]:
    """Name and SQL of each piece, in order."""
    yield "trace_tokens", TRACE_TOKENS
    for model, columns in traced().items():
        yield f"trace_{model._meta.label}", _token_index(model, columns)
    yield "find_traces", _find_traces()
    yield "erasure_references", "; ".join(_reference_indexes())


def _token_index(model: Model, columns: list[str]) -> str:
    table = model._meta.db_table
    text = as_text(model, columns).replace('t."', '"')
    what, which = f"(trace_tokens({text}))", f"({text}) {MAY_HAVE_TOKENS}"
    stem = f"trace_of_{table}"[:48]
    # Without the workspace: a token is rare, but every row would stand in the one list of its workspace.
    name = f"{stem}_{hashlib.sha256(f'of tokens alone {what} where {which}'.encode()).hexdigest()[:8]}"
    return f"""
DO $do$ DECLARE old text; BEGIN
    FOR old IN SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND tablename = '{table}'
        AND indexname LIKE 'trace\\_of\\_%' AND indexname <> '{name}' LOOP
        EXECUTE format('DROP INDEX %I', old);
    END LOOP;
    IF NOT EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = '"{table}"'::regclass AND polname = 'search_reads') THEN
        CREATE POLICY search_reads ON "{table}" FOR SELECT TO amanat_search USING (true);
    END IF;
    IF NOT has_table_privilege('amanat_search', '"{table}"', 'SELECT') THEN
        GRANT SELECT ON "{table}" TO amanat_search;
    END IF;
END $do$;
CREATE INDEX IF NOT EXISTS "{name}" ON "{table}" USING gin ({what}) WITH (gin_pending_list_limit = 256) WHERE {which};
"""  # noqa: S608 - our own tables


def _find_traces() -> str:
    # The planner takes many tokens for many rows and would read the whole workspace; compared as texts, its key is no help to that.
    parts = [
        f"SELECT '{model._meta.label}'::text, t.id FROM \"{model._meta.db_table}\" t "  # noqa: S608 - our own tables
        f"WHERE '{model._meta.label}' = ANY (places) AND t.workspace_id::text = here::text "
        f"AND ({as_text(model, columns)}) {MAY_HAVE_TOKENS} AND trace_tokens({as_text(model, columns)}) && tokens"
        for model, columns in traced().items()
    ]
    parts.append(
        "SELECT 'people.SearchEntry'::text, t.id FROM people_searchentry t "
        "WHERE 'people.SearchEntry' = ANY (places) AND t.workspace_id = here AND t.digits LIKE ANY (numbers)"
    )
    body = "\n    UNION ALL ".join(parts)
    return f"""
CREATE OR REPLACE FUNCTION find_traces(places text[], tokens text[], numbers text[]) RETURNS TABLE (place text, id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public SET jit = off SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE here uuid := nullif(current_setting('app.workspace', true), '')::uuid;
BEGIN
    IF here IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY {body};
END
$$;
REVOKE ALL ON FUNCTION find_traces(text[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_traces(text[], text[], text[]) TO amanat_app;
ALTER FUNCTION find_traces(text[], text[], text[]) OWNER TO amanat_search;
"""


def _reference_indexes() -> Iterator[str]:
    """Deleting a row asks every table that may point at it: without an index each time a whole table is read."""
    wanted = {(model, each.column) for model in workspace_models() for each in _keys(model) if _may_go(each)}
    wanted |= {(model, column) for model, column in belongings.naming() if column != "id"}
    for model, column in sorted(wanted, key=lambda pair: (pair[0]._meta.db_table, pair[1])):
        if not _has_index(model, column):
            name = f"by_{column}_of_{model._meta.db_table}"[:60]
            yield (
                f'CREATE INDEX IF NOT EXISTS "{name}" ON "{model._meta.db_table}" (workspace_id, "{column}") '
                f'WHERE "{column}" IS NOT NULL'
            )


def _keys(model: Model) -> Iterator[WorkspaceForeignKey]:
    return (each for each in model._meta.local_fields if isinstance(each, WorkspaceForeignKey))


def _may_go(key: WorkspaceForeignKey) -> bool:
    """Whether rows of the table it points at are deleted when people go."""
    declared = belongings.held(key.related_model)  # type: ignore[arg-type]  # never "self" once the models are loaded
    return declared is not None and declared.whose == "contact"


def _has_index(model: Model, column: str) -> bool:
    """Whether an index of the model begins with the workspace and the column, and holds every row that has a value there."""
    name = next(each.name for each in model._meta.local_fields if each.column == column)
    enough = (None, models.Q(**{f"{name}__isnull": False}))
    lists = [index.fields for index in model._meta.indexes if index.condition in enough]
    lists += [
        list(one.fields)
        for one in model._meta.constraints
        if isinstance(one, models.UniqueConstraint) and one.condition in enough
    ]
    return any([field.lstrip("-") for field in fields[:2]] == ["workspace_id", name] for fields in lists)
