"""Made-up people for the bench, set-based and the same every time: `python -m amanat.operations.bench.seed N M K`.

Written straight into the tables as the owner, because a million forms would take a day; the rows are what the rules
would write. Workspaces and members are made by the rules. While rows are written their foreign keys are not checked one by one, nor is
each statement told to the ledger: the role may switch triggers off for as long. Killed, it goes on where it was: how far each workspace
has come lies in a file beside the database.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amanat.settings")

import django

django.setup()

import psycopg
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import connections

from amanat.accounts import workspaces
from amanat.accounts.models import Member, User
from amanat.core import clock, database, ids
from amanat.people import script

FIRST = (
    "Sunita Ramesh Farhana Vishal Lakshmi Gurpreet Tanvi Mohammed Kavita Suresh Arjun Asha Prakash Neha Iqbal Meena Anil "
    "Pooja Rahul Sneha Vijay Anjali Sanjay Deepa Manoj Rekha Ganesh Usha Nilesh Swati Kiran Jyoti Amit Shubham Priya "
    "Dattatray Savita Imran Harpreet Radha"
).split()
LAST = (
    "Deshmukh Shaikh Gupta Shinde Nair Pannu Desai Iqbal Jadhav Naik Mehta Patil Bhosale Khan Kulkarni Joshi Ansari Yadav "
    "Menon Iyer Pawar More Gaikwad Chavan Kale Sawant Rathod Thakur Verma Sharma Singh Reddy Rao Das Ghosh Banerjee Bose "
    "Fernandes Dsouza Pinto Kamble Salunkhe Wagh Borse Ahire Pagare Mishra Pandey Tiwari Dubey Chaudhary Solanki Parmar "
    "Trivedi Bhatt Modi Jain Agarwal Bansal Zaveri"
).split()
TOWNS = "Nashik Sinnar Pune Jaipur Noida Kolkata Malegaon Igatpuri Niphad Yeola Dindori Satana".split()
PASSWORD = "seven quiet lanterns"
BATCH = 50_000


EMAIL = "bench@example.in"


def main(contacts: int, others: int, each: int) -> dict[str, Any]:
    started = time.monotonic()
    owner = connections["owner"]
    with without_triggers():
        is_new = False
        for number in range(others):
            is_new |= fill(member_of(f"Other shop {number}", f"bench{number}@example.in"), each, salt=number + 1)
        is_new |= fill(member_of("Bench shop", EMAIL, password=PASSWORD), contacts, salt=0)
    if is_new:
        with owner.cursor() as cursor:
            cursor.execute("ANALYZE")
    member = Member.objects.using("owner").unscoped(because="the bench looks for its own").get(user__email=EMAIL)
    with owner.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM people_contact WHERE workspace_id = %s ORDER BY id DESC OFFSET %s LIMIT 1",
            [member.workspace_id, max(0, min(contacts - 1, 777))],
        )
        busy = cursor.fetchone()[0]
        cursor.execute(
            "SELECT sort_name, id FROM people_contact WHERE workspace_id = %s ORDER BY sort_name, id OFFSET %s LIMIT 1",
            [member.workspace_id, contacts * 9 // 10],
        )
        deep = urlencode({"sort": "name", "after": "~".join(str(part) for part in cursor.fetchone())})
        cursor.execute(
            "SELECT count(*) FROM people_interaction WHERE workspace_id = %s AND contact_id = %s",
            [member.workspace_id, busy],
        )
        missing = 100 - cursor.fetchone()[0]
        _interactions(cursor, member.workspace_id, busy, member.id, missing)
        cursor.execute("SELECT pg_database_size(current_database())")
        size = cursor.fetchone()[0] // 1024**2
    return {
        "email": EMAIL, "password": PASSWORD, "busy_contact": str(busy), "seconds": time.monotonic() - started,
        "database_mb": size, "contacts": contacts, "deep": f"/contacts/?{deep}",
    }  # fmt: skip


def member_of(name: str, email: str, *, password: str | None = None) -> Member:
    """The owner of a workspace of the bench, which is made when it is not there."""
    known = Member.objects.using("owner").unscoped(because="the bench looks for its own").filter(user__email=email)
    return known.select_related("workspace").first() or make(name, email, password=password)


def make(name: str, email: str, *, password: str | None) -> Member:
    user = User.objects.create_user(email, password, name="Bench Member")
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return workspaces.create(name=name, owner=user, at=clock.now(), kind="csc", is_demo=True)


@contextmanager
def without_triggers() -> Iterator[None]:
    """Let the owner write rows as a replica does, triggers and foreign keys asleep: a third of the time. For invented rows that fit."""
    allowed = "SET ON PARAMETER session_replication_role {} amanat_owner"
    superuser = database.address(settings.CONFIGURATION, "superuser")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(f"GRANT {allowed.format('TO')}")
    try:
        with connections["owner"].cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        yield
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("RESET session_replication_role")
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute(f"REVOKE {allowed.format('FROM')}")


def _marks() -> Path:
    return Path(settings.CONFIGURATION.data) / "bench-filled.json"


def _filled() -> dict[str, int]:
    """How many contacts were written into each workspace."""
    try:
        known: dict[str, int] = json.loads(_marks().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return known


def fill(member: Member, count: int, *, salt: int) -> bool:
    """Write what is missing of `count` contacts with phone, mostly an e-mail, company for one in twenty, search entry and an interaction.
    Returns whether there was anything to write."""
    workspace, filled = member.workspace_id, _filled()
    begin = filled.get(str(workspace), 0)
    if begin >= count:
        return False
    with connections["owner"].cursor() as cursor:
        _names(cursor)
        stages = _stages(cursor, workspace)
        for start in range(begin, count, BATCH):
            values: dict[str, Any] = {
                "w": workspace, "m": member.id, "a": start, "b": min(start + BATCH, count) - 1, "salt": salt,
                "stages": stages, "first": len(FIRST), "last": len(LAST), "towns": TOWNS, "n_towns": len(TOWNS),
                "base": int(member.workspace.created_at.timestamp() * 1000) - 86_400_000 * 400,
                "step": max(1, 86_400_000 * 390 // max(count, 1)),
            }  # fmt: skip
            for statement in STATEMENTS:
                cursor.execute(statement, values)
            filled[str(workspace)] = values["b"] + 1
            _marks().write_text(json.dumps(filled), encoding="utf-8")
            print(f"{member.workspace.name}: {values['b'] + 1} of {count}", file=sys.stderr)
        cursor.execute(
            "INSERT INTO core_tally (workspace_id, id, what, change) SELECT %(w)s, %(id)s, 'contacts', "
            "(SELECT count(*) FROM people_contact WHERE workspace_id = %(w)s AND deleted_at IS NULL) - "
            "(SELECT coalesce(sum(change), 0) FROM core_tally WHERE workspace_id = %(w)s AND what = 'contacts')",
            {"w": workspace, "id": ids.new()},
        )
    return True


def _stages(cursor: Any, workspace: UUID) -> list[UUID]:
    """The three stages of the bench; made once."""
    for position, key in enumerate(("lead", "customer", "supplier")):
        cursor.execute(
            "INSERT INTO people_stage (workspace_id, id, key, name, position, is_closed) VALUES (%s, %s, %s, %s, %s, false) "
            "ON CONFLICT DO NOTHING",
            [workspace, ids.new(), f"bench-{key}", key.title(), position],
        )
    cursor.execute(
        "SELECT id FROM people_stage WHERE workspace_id = %s AND key LIKE 'bench-%%' ORDER BY position", [workspace]
    )
    return [row[0] for row in cursor.fetchall()]


def _names(cursor: Any) -> None:
    cursor.execute("DROP TABLE IF EXISTS bench_first, bench_last")
    for table, words in (("bench_first", FIRST), ("bench_last", LAST)):
        cursor.execute(f"CREATE TEMP TABLE {table} (i int PRIMARY KEY, name text, found text, sound text)")
        cursor.executemany(
            f"INSERT INTO {table} VALUES (%s, %s, %s, %s)",
            [
                (number, word, script.search_text(word), script.search_text(f"{word}1").split()[-1].rstrip("1"))
                for number, word in enumerate(words)
            ],
        )


def _interactions(cursor: Any, workspace: UUID, contact: UUID, member: UUID, count: int) -> None:
    if count > 0:
        cursor.execute(
            "INSERT INTO people_interaction (workspace_id, id, contact_id, happened_at, kind, actor_id, summary, body, "
            "reference_kind, data) SELECT %s, gen_random_uuid(), %s, now() - make_interval(hours => g), 'note', %s, "
            "'Called about the papers, will come on ' || g, 'Asked to bring the ration card.', '', '{}' "
            "FROM generate_series(1, %s) g",
            [workspace, contact, member, count],
        )


#: A UUIDv7 for row g: its time climbs with g, so that "newest first" is the order of making.
ID = (
    "(lpad(to_hex(%(base)s + g::bigint * %(step)s), 12, '0') || '7' || lpad(to_hex(g %% 4096), 3, '0') || '8' || "
    "substr(md5({kind} || %(salt)s || '-' || g), 1, 15))::uuid"
)
PICK = "FROM generate_series(%(a)s, %(b)s) g JOIN bench_first f ON f.i = (g * 7 + g / 40) %% %(first)s JOIN bench_last l ON l.i = (g * 11 + g / 60) %% %(last)s"
STATEMENTS = (
    f"""INSERT INTO people_company (workspace_id, id, name, sort_name, source, created_at, updated_at, created_by_id)
        SELECT %(w)s, {ID.format(kind="'company'")}, l.name || ' Traders ' || g, lower(l.name) || ' traders ' || g, 'demo',
        now(), now(), %(m)s {PICK} WHERE g %% 20 = 0 ON CONFLICT DO NOTHING""",
    f"""INSERT INTO people_contact (workspace_id, id, name, sort_name, owner_id, stage_id, company_id, source, created_at,
        updated_at, created_by_id, main_phone, main_email, last_contact_at)
        SELECT %(w)s, {ID.format(kind="'contact'")}, f.name || ' ' || l.name, lower(f.name || ' ' || l.name), %(m)s,
        (%(stages)s::uuid[])[1 + g %% 3], CASE WHEN g %% 20 = 0 THEN {ID.format(kind="'company'")} END, 'demo',
        to_timestamp((%(base)s + g::bigint * %(step)s) / 1000.0), now(), %(m)s,
        '+9198' || lpad(((g::bigint * 7919 + %(salt)s) %% 100000000)::text, 8, '0'),
        CASE WHEN g %% 3 > 0 THEN lower(f.name || '.' || l.name || g) || '@example.in' ELSE '' END,
        now() - make_interval(mins => (g::bigint * 7919 %% 500000)::int) {PICK} ON CONFLICT DO NOTHING""",
    f"""INSERT INTO people_phone (workspace_id, id, contact_id, number, source, created_at)
        SELECT %(w)s, {ID.format(kind="'phone'")}, {ID.format(kind="'contact'")},
        '+9198' || lpad(((g::bigint * 7919 + %(salt)s) %% 100000000)::text, 8, '0'), 'demo', now() {PICK} ON CONFLICT DO NOTHING""",
    f"""INSERT INTO people_email (workspace_id, id, contact_id, address, source, created_at)
        SELECT %(w)s, {ID.format(kind="'email'")}, {ID.format(kind="'contact'")},
        lower(f.name || '.' || l.name || g) || '@example.in', 'demo', now() {PICK} WHERE g %% 3 > 0 ON CONFLICT DO NOTHING""",
    f"""INSERT INTO people_address (workspace_id, id, contact_id, city, source, created_at)
        SELECT %(w)s, {ID.format(kind="'address'")}, {ID.format(kind="'contact'")},
        (%(towns)s::text[])[1 + g %% %(n_towns)s], 'demo', now() {PICK} WHERE g %% 4 = 0 ON CONFLICT DO NOTHING""",
    f"""INSERT INTO people_searchentry (workspace_id, id, kind, text, digits, owner_id)
        SELECT %(w)s, {ID.format(kind="'contact'")}, 'contact',
        ' ' || f.found || ' ' || l.found || CASE WHEN g %% 3 > 0 THEN ' ' || lower(l.name) || g || CASE WHEN l.sound <> lower(l.name)
        THEN ' ' || l.sound || g ELSE '' END || ' example iksmpli in .in.' ELSE '' END || ' ',
        ' 9198' || lpad(((g::bigint * 7919 + %(salt)s) %% 100000000)::text, 8, '0') || ' ', %(m)s {PICK} ON CONFLICT DO NOTHING""",
    f"""INSERT INTO people_interaction (workspace_id, id, contact_id, happened_at, kind, actor_id, summary)
        SELECT %(w)s, {ID.format(kind="'line'")}, {ID.format(kind="'contact'")}, now() - make_interval(mins => (g::bigint * 7919 %% 500000)::int),
        'note', %(m)s, 'Asked about the form' {PICK} ON CONFLICT DO NOTHING""",
)

if __name__ == "__main__":
    print(json.dumps(main(*(int(word) for word in sys.argv[1:4]))))
