"""Search everything for people who were erased: every column of text of every table, the files, what waits to be sent or done.

Two searches, and the certificate says which one was made when:

- **Indexed**, at once: tables in which the workspace has few rows are read whole; large ones are asked through their indexes (tokens of
  free text, numbers, addresses, external ids, acknowledgements, digits of the search). Names in the free text of large tables wait.
- **Whole**, at night: every row of every table is read to its end, and every file that is text.

Sealed texts (messages, drafts) are asked by the hashes of their words, or opened (`sealed`).

A finding names table, column, count and ids of rows, never the value. Tables come from the database's own catalogue, so one that nobody
declared is searched too. What is left alone is said aloud in `LEFT_ALONE`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection, models

from amanat.core import files
from amanat.core.filetypes import FileType
from amanat.core.models_files import StoredFile
from amanat.core.schema import workspace_models
from amanat.messaging.sandbox import record as sandbox
from amanat.privacy.erasure import belongings, schema, sealed
from amanat.privacy.erasure.wanted import FEW, Wanted

#: Rows of the workspace up to which a table is read whole at once.
SMALL = 5_000
#: Text files that are read at once: so many, so large together.
FILES_AT_ONCE, BYTES_AT_ONCE = 50, 5_000_000
#: A table of fewer bytes has fewer rows than that; larger ones are counted.
_SMALL_BYTES = 262_144
#: Holds ids and counts by its own rule, and more rows than any other table: beyond so many it waits for the night.
_LEDGER, _LEDGER_ROWS = "core_ledgerentry", 1_000
_WANTED = "WITH wanted AS MATERIALIZED (SELECT unnest(%(tokens)s::text[]) AS token) "
_LONGEST_FILE = 20_000_000
_SHOWN = 20

#: Tables that are not searched, each with its reason. The catalogue test holds this list to the tables there are.
LEFT_ALONE: dict[str, str] = {
    "accounts_user": "people who sign in have an account of their own, with rights of their own",
    "accounts_session": "holds ids of users and of the browser's workspace",
    "accounts_signin": "the history of sign-ins of users",
    "accounts_ownerlink": "a hash of a link",
    "account_emailaddress": "addresses of users",
    "account_emailconfirmation": "keys of users",
    "mfa_authenticator": "second factors of users, sealed",
    "django_session": "no session is kept there",
    "django_migrations": "names of migrations",
    "django_content_type": "names of models",
    "auth_permission": "names of permissions",
    "auth_group": "not used",
    "auth_group_permissions": "not used",
    "core_workspacekey": "wrapped keys",
    "core_systemkey": "wrapped keys",
    "core_limitcount": "keyed hashes, gone within a day",
    "core_usedlink": "random words of links",
    "messaging_messagewords": "keyed hashes as numbers: by them the sealed texts of messages are asked",
    "procrastinate_events": "numbers of jobs and times",
    "procrastinate_workers": "numbers of workers and times",
    "procrastinate_periodic_defers": "names of scheduled jobs",
    "privacy_erasure": "holds, sealed, what this search looks for",
    "privacy_erasurecertificate": "ids and counts of erasures",
}
#: Types of a column that may hold words, alone or as an array.
_WORDS = ("text", "varchar", "bpchar", "json", "jsonb", "bytea", "name", "citext")
#: Types of files that are read as text.
TEXT_FILES = (FileType.CSV.value, FileType.TXT.value, FileType.VCF.value)


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows of a table in which something wanted stands; `place` is "label.column", or the kind of files."""

    place: str
    count: int
    rows: tuple[UUID, ...] = ()
    is_file: bool = False


@dataclass(slots=True)
class Searched:
    """What was looked at. `read` says how many rows of a table were read whole; `asked` names tables asked by their indexes."""

    findings: list[Finding] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    files_read: int = 0
    #: files by type that cannot be read as text; their names are searched
    files_closed: dict[str, int] = field(default_factory=dict)
    #: readable files that wait for the whole search
    files_waiting: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left for the night."""
        return not self.asked and not self.files_waiting


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the catalogue. `label` is that of its model, else its name."""

    name: str
    label: str
    has_workspace: bool
    is_large: bool
    columns: tuple[tuple[str, str], ...]  #: name and type
    is_of_members: bool = False

    def text(self) -> str:
        return "concat_ws(' ', " + ", ".join(_said(name, kind) for name, kind in self.columns) + ")"

    @property
    def rows(self) -> str:
        """The rows to search: those of the workspace, or all that belong to none."""
        only = " WHERE status IN ('todo', 'doing')" if self.name == "procrastinate_jobs" else ""
        return f'FROM "{self.name}" t' + (" WHERE t.workspace_id = %(here)s" if self.has_workspace else only)


def _said(column: str, kind: str) -> str:
    return f"encode(t.\"{column}\", 'escape')" if kind == "bytea" else f't."{column}"::text'


def search(wanted: Wanted, *, workspace_id: UUID, is_whole: bool = False) -> Searched:
    """Look for everything wanted, everywhere. Needs the workspace's transaction; call it after the people are erased."""
    found = Searched()
    patterns = _Patterns(wanted)
    small, large = _by_size(workspace_id, is_whole=is_whole)
    _read(found, small, patterns, workspace_id)
    if large:
        found.asked = [table.label for table in large]
        _ask(found, large, wanted, workspace_id)
    _look_into_files(found, patterns, workspace_id, is_whole=is_whole)
    _look_into_sealed(found, patterns, wanted, workspace_id, is_whole=is_whole)
    return found


class _Patterns:
    """What the tests of a row are given. For few people: every way of writing; for many: tokens."""

    def __init__(self, wanted: Wanted) -> None:
        self.is_few = len(wanted.ids) <= FEW
        self.tokens = wanted.tokens
        self.names = [f"%{_literal(name)}%" for name in wanted.names]
        #: whatever fulfils one of `names` fulfils one of these, which are tried first: they need no text made anew
        self.words_of_names = ["%" + "%".join(_literal(word) for word in name.split()) + "%" for name in wanted.names]
        self.words = [f"%{_literal(word.lower())}%" for word in (*wanted.addresses, *wanted.codes)]
        self.digits = [f"%{number}%" for number in wanted.numbers]
        self.plain = [*wanted.names, *(word.lower() for word in (*wanted.addresses, *wanted.codes))]
        self.numbers = wanted.numbers

    @property
    def is_empty(self) -> bool:
        return not (self.tokens or self.names)

    def given(self, workspace_id: UUID) -> dict[str, Any]:
        return {
            "here": workspace_id, "tokens": self.tokens, "names": self.names, "words_of_names": self.words_of_names,
            "words": self.words, "digits": self.digits,
        }  # fmt: skip

    def test(self, text: str, *, with_names: bool) -> str:
        """SQL that is true where a text holds something wanted."""
        tests = []
        if self.is_few:
            if self.words:
                tests.append(f"lower({text}) LIKE ANY (%(words)s)")
            if self.digits:
                tests.append(f"{_without_gaps(text)} LIKE ANY (%(digits)s)")
        elif self.tokens:
            # Against a table of its own, which is hashed once: a list this long would stand in the statement once for each table,
            # and without IS TRUE the planner makes a join of it, which reads the whole list for each row.
            tests.append(
                f"EXISTS (SELECT 1 FROM unnest(trace_tokens({text})) AS found(token) "  # noqa: S608 - columns of the catalogue
                "WHERE (found.token IN (SELECT token FROM wanted)) IS TRUE)"
            )
        if with_names and self.names:
            spaced = rf"regexp_replace(lower({text}), '\s+', ' ', 'g')"
            tests.append(f"(lower({text}) LIKE ANY (%(words_of_names)s) AND {spaced} LIKE ANY (%(names)s))")
        return " OR ".join(tests) or "false"

    def are_in(self, text: str) -> bool:
        """Whether a text of a file holds something wanted."""
        lowered = " ".join(text.lower().split())
        if any(word in lowered for word in self.plain):
            return True
        digits = "".join(character for character in text if character not in " ().-")
        return any(number in digits for number in self.numbers)


def _without_gaps(text: str) -> str:
    """A text with figures as 0 to 9 and without what people write between them. `translate` alone would do, at seven times the cost."""
    plain = text
    for gap in " ().-":
        plain = f"replace({plain}, '{gap}', '')"
    return f"CASE WHEN {text} ~ '[०-९]' THEN translate({text}, '०१२३४५६७८९ ().-', '0123456789') ELSE {plain} END"


def test_of_texts(wanted: Wanted) -> Callable[[str], bool]:
    """Whether a text that lies in no table holds something wanted."""
    return _Patterns(wanted).are_in


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _by_size(workspace_id: UUID, *, is_whole: bool) -> tuple[list[_Table], list[_Table]]:
    """Tables to be read whole, and those to be asked by their indexes."""
    tables = list(catalogue())
    large = [table for table in tables if table.is_large and table.has_workspace]
    if is_whole or not large:
        return tables, []
    most = {table.name: _LEDGER_ROWS if table.name == _LEDGER else SMALL for table in large}
    parts = ", ".join(
        f'(SELECT count(*) FROM (SELECT 1 FROM "{name}" WHERE workspace_id = %(here)s LIMIT {rows + 1}) AS few)'  # noqa: S608
        for name, rows in most.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {parts}", {"here": workspace_id})
        counts = cursor.fetchone()
    many = [table for table, count in zip(large, counts, strict=True) if count > most[table.name]]
    return [table for table in tables if table not in many], many


_CATALOGUE = """
SELECT c.relname, pg_relation_size(c.oid) > %s, array_agg(a.attname ORDER BY a.attnum), array_agg(t.typname ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') GROUP BY c.oid, c.relname ORDER BY c.relname
"""


def catalogue() -> Iterator[_Table]:
    """Every table of the database with its columns of words, but those left alone."""
    labels = {model._meta.db_table: model for model in apps.get_models()}
    tenants = {model._meta.db_table for model in workspace_models()}
    with connection.cursor() as cursor:
        cursor.execute(_CATALOGUE, [_SMALL_BYTES])
        rows = cursor.fetchall()
    for name, is_large, columns, kinds in rows:
        if name in LEFT_ALONE:
            continue
        words = tuple(
            (column, kind) for column, kind in zip(columns, kinds, strict=True) if kind.removeprefix("_") in _WORDS
        )
        if words:
            model = labels.get(name)
            declared = belongings.held(model) if model is not None else None  # type: ignore[arg-type]
            yield _Table(
                name, model._meta.label if model else name, name in tenants, is_large, words,
                is_of_members=declared is not None and declared.whose in {"member", "user"} and name in tenants,
            )  # fmt: skip


def _read(found: Searched, tables: Collection[_Table], patterns: _Patterns, workspace_id: UUID) -> None:
    """One statement: how many rows each table has, and how many hold something; then one for each table that has any."""
    if patterns.is_empty:
        found.read |= {table.label: 0 for table in tables}
        return
    parts = " UNION ALL ".join(
        f"SELECT '{table.name}', count(*), count(*) FILTER (WHERE {patterns.test('said', with_names=not table.is_of_members)}) "  # noqa: S608
        f"FROM (SELECT {table.text()} AS said {table.rows} OFFSET 0) AS everything"  # the fence: each text is put together once
        for table in tables
    )
    by_name = {table.name: table for table in tables}
    with connection.cursor() as cursor:
        cursor.execute(_WANTED + parts, patterns.given(workspace_id))
        counted = cursor.fetchall()
    for name, rows, hits in counted:
        found.read[by_name[name].label] = rows
        if hits:
            found.findings += _where(by_name[name], patterns, workspace_id)


def _where(table: _Table, patterns: _Patterns, workspace_id: UUID) -> Iterator[Finding]:
    """Column by column, where it stands."""
    joint = " AND " if " WHERE " in table.rows else " WHERE "
    key = "t.id" if table.has_workspace else "NULL::uuid"
    for column, kind in table.columns:
        test = patterns.test(_said(column, kind), with_names=not table.is_of_members)
        with connection.cursor() as cursor:
            cursor.execute(
                f"{_WANTED} SELECT count(*), (array_agg({key}))[1:{_SHOWN}] {table.rows}{joint}({test})",
                patterns.given(workspace_id),
            )
            count, rows = cursor.fetchone()
        if count:
            yield Finding(f"{table.label}.{column}", count, tuple(pk for pk in rows if pk is not None))


#: Columns with an index of their own that identifiers are looked up in: table, column, what of `Wanted`.
_LOOK_UPS = (
    ("people_phone", "number", "reach", "true"),
    ("people_email", "address", "reach", "true"),
    # The index of external ids holds the living; the few in the bin are found by the day they came there.
    ("people_contact", "external_id", "codes", "external_id <> '' AND deleted_at IS NULL"),
    ("people_contact", "external_id", "codes", "external_id <> '' AND deleted_at IS NOT NULL"),
    ("desk_servicerecord", "acknowledgement", "codes", "acknowledgement <> ''"),
)


def look_ups(labels: Mapping[str, str], wanted: Wanted, *, workspace_id: UUID) -> tuple[str, list[Any]]:
    """One statement: places and ids of rows whose column is one of the identifiers; "" when there is none to look for.

    `labels` are those of the tables. The values stand in a query of their own, so that the planner does not weigh each of ten thousand,
    which costs more than finding them.
    """
    asked = [one for one in _LOOK_UPS if one[0] in labels and getattr(wanted, one[2])]
    sql = " UNION ALL ".join(
        f"SELECT '{labels[name]}.{column}', id FROM \"{name}\" WHERE workspace_id = %s AND {which} "  # noqa: S608 - our own tables
        f'AND "{column}" = ANY((SELECT %s::text[])::text[])'
        for name, column, _kind, which in asked
    )
    return sql, [value for _name, _column, kind, _which in asked for value in (workspace_id, getattr(wanted, kind))]


def _ask(found: Searched, tables: Collection[_Table], wanted: Wanted, workspace_id: UUID) -> None:
    """One statement for the tokens, one for the look-ups."""
    labels = {table.name: table.label for table in tables}
    digits = [f"%{number}%" for number in wanted.numbers] if len(wanted.ids) <= FEW else []
    hits: dict[str, list[UUID]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT place, id FROM find_traces(%s::text[], %s::text[], %s::text[])",
            [list(labels.values()), wanted.tokens, digits],
        )
        for place, pk in cursor.fetchall():
            hits.setdefault(f"{place}.{_column_of(place)}", []).append(pk)
        sql, values = look_ups(labels, wanted, workspace_id=workspace_id)
        if sql:
            cursor.execute(sql, values)
            for place, pk in cursor.fetchall():
                hits.setdefault(place, []).append(pk)
    found.findings += [Finding(place, len(rows), tuple(rows[:_SHOWN])) for place, rows in hits.items()]


def _column_of(label: str) -> str:
    """The column that an index of tokens stands for, or all of them together."""
    columns = next((each for model, each in schema.traced().items() if model._meta.label == label), ["digits"])
    return columns[0] if len(columns) == 1 else "*"


def _look_into_sealed(
    found: Searched, patterns: _Patterns, wanted: Wanted, workspace_id: UUID, *, is_whole: bool
) -> None:
    """Messages and drafts of others that may name them: somebody has to look."""
    if named := sealed.messages(wanted, workspace_id=workspace_id, is_whole=is_whole):
        found.findings.append(Finding("messaging.Message.body", len(named), tuple(named[:_SHOWN])))
    if named := sealed.drafts(patterns.are_in, workspace_id=workspace_id):
        found.findings.append(Finding("messaging.ReplyDraft.body", len(named), tuple(named[:_SHOWN])))
    of_requests, is_more = sealed.requests(patterns.are_in, workspace_id=workspace_id, is_whole=is_whole)
    found.findings += [Finding(place, len(rows), tuple(rows[:_SHOWN])) for place, rows in of_requests.items()]
    if is_more:
        found.asked.append("privacy.RightsRequest")


def _look_into_files(found: Searched, patterns: _Patterns, workspace_id: UUID, *, is_whole: bool) -> None:
    """Names of files stand in their table; here their contents are read, where they are text; and the sandbox's records."""
    if records := sandbox.holding(settings.CONFIGURATION.data / "sandbox", patterns.are_in):
        found.findings.append(Finding("sandbox", len(records), is_file=True))
    stored = StoredFile.objects.of(workspace_id)
    kinds = stored.exclude(content_type__in=TEXT_FILES).values("content_type").annotate(count=models.Count("id"))
    found.files_closed = {each["content_type"]: each["count"] for each in kinds.order_by("content_type")}
    readable = list(stored.filter(content_type__in=TEXT_FILES, size__lte=_LONGEST_FILE).order_by("id"))
    if not is_whole and (len(readable) > FILES_AT_ONCE or sum(each.size for each in readable) > BYTES_AT_ONCE):
        found.files_waiting = len(readable)
        return
    for each in readable:
        found.files_read += 1
        try:
            text = files.read_all(each).decode("utf-8", "replace")
        except files.FileDamaged:
            continue  # the probe of files says so
        if patterns.are_in(text):
            found.findings.append(Finding(each.kind, 1, (each.pk,), is_file=True))
