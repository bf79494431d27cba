"""Made-up people for the bench, set-based and the same every time: `python -m amanat.operations.bench.seed N M K`.

Written straight into the tables as the owner, because a million forms would take a day; the rows are what the rules
would write. Workspaces and members are made by the rules.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amanat.settings")

import django

django.setup()

from allauth.account.models import EmailAddress
from django.db import connections

from amanat.accounts import workspaces
from amanat.accounts.models import Member, User
from amanat.core import clock, ids
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


def main(contacts: int, others: int, each: int) -> dict[str, Any]:
    started = time.monotonic()
    owner = connections["owner"]
    with owner.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_workspace")
        is_filled = cursor.fetchone()[0] > 0
    email = "bench@example.in"
    if not is_filled:
        for number in range(others):
            fill(make(f"Other shop {number}", f"bench{number}@example.in", password=None), each, salt=number + 1)
        fill(make("Bench shop", email, password=PASSWORD), contacts, salt=0)
        with owner.cursor() as cursor:
            cursor.execute("ANALYZE")
    member = Member.objects.using("owner").unscoped(because="the bench looks for its own").get(user__email=email)
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
        "email": email, "password": PASSWORD, "busy_contact": str(busy), "seconds": time.monotonic() - started,
        "database_mb": size, "contacts": contacts, "deep": f"/contacts/?{deep}",
    }  # fmt: skip


def make(name: str, email: str, *, password: str | None) -> Member:
    user = User.objects.create_user(email, password, name="Bench Member")
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return workspaces.create(name=name, owner=user, at=clock.now(), kind="csc", is_demo=True)


def fill(member: Member, count: int, *, salt: int) -> None:
    """Write `count` contacts with phone, mostly an e-mail, company for one in twenty, search entry and two interactions."""
    workspace = member.workspace_id
    with connections["owner"].cursor() as cursor:
        _names(cursor)
        stages = []
        for position, key in enumerate(("lead", "customer", "supplier")):
            stages.append(ids.new())
            cursor.execute(
                "INSERT INTO people_stage (workspace_id, id, key, name, position, is_closed) VALUES (%s, %s, %s, %s, %s, false) "
                "ON CONFLICT DO NOTHING",
                [workspace, stages[-1], f"bench-{key}", key.title(), position],
            )
        for start in range(0, count, BATCH):
            values: dict[str, Any] = {
                "w": workspace, "m": member.id, "a": start, "b": min(start + BATCH, count) - 1, "salt": salt,
                "stages": stages, "first": len(FIRST), "last": len(LAST), "towns": TOWNS, "n_towns": len(TOWNS),
                "base": int(clock.now().timestamp() * 1000) - 86_400_000 * 400, "step": max(1, 86_400_000 * 390 // max(count, 1)),
            }  # fmt: skip
            for statement in STATEMENTS:
                cursor.execute(statement, values)
            print(f"{member.workspace.name}: {values['b'] + 1} of {count}", file=sys.stderr)
        cursor.execute(
            "INSERT INTO core_tally (workspace_id, id, what, change) VALUES (%s, %s, 'contacts', %s)",
            [workspace, ids.new(), count],
        )


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
        now(), now(), %(m)s {PICK} WHERE g %% 20 = 0""",
    f"""INSERT INTO people_contact (workspace_id, id, name, sort_name, owner_id, stage_id, company_id, source, created_at,
        updated_at, created_by_id, main_phone, main_email, last_contact_at)
        SELECT %(w)s, {ID.format(kind="'contact'")}, f.name || ' ' || l.name, lower(f.name || ' ' || l.name), %(m)s,
        (%(stages)s::uuid[])[1 + g %% 3], CASE WHEN g %% 20 = 0 THEN {ID.format(kind="'company'")} END, 'demo',
        to_timestamp((%(base)s + g::bigint * %(step)s) / 1000.0), now(), %(m)s,
        '+9198' || lpad(((g::bigint * 7919 + %(salt)s) %% 100000000)::text, 8, '0'),
        CASE WHEN g %% 3 > 0 THEN lower(f.name || '.' || l.name || g) || '@example.in' ELSE '' END,
        now() - make_interval(mins => (g::bigint * 7919 %% 500000)::int) {PICK}""",
    f"""INSERT INTO people_phone (workspace_id, id, contact_id, number, source, created_at)
        SELECT %(w)s, {ID.format(kind="'phone'")}, {ID.format(kind="'contact'")},
        '+9198' || lpad(((g::bigint * 7919 + %(salt)s) %% 100000000)::text, 8, '0'), 'demo', now() {PICK}""",
    f"""INSERT INTO people_email (workspace_id, id, contact_id, address, source, created_at)
        SELECT %(w)s, {ID.format(kind="'email'")}, {ID.format(kind="'contact'")},
        lower(f.name || '.' || l.name || g) || '@example.in', 'demo', now() {PICK} WHERE g %% 3 > 0""",
    f"""INSERT INTO people_address (workspace_id, id, contact_id, city, source, created_at)
        SELECT %(w)s, {ID.format(kind="'address'")}, {ID.format(kind="'contact'")},
        (%(towns)s::text[])[1 + g %% %(n_towns)s], 'demo', now() {PICK} WHERE g %% 4 = 0""",
    f"""INSERT INTO people_searchentry (workspace_id, id, kind, text, digits, owner_id)
        SELECT %(w)s, {ID.format(kind="'contact'")}, 'contact',
        ' ' || f.found || ' ' || l.found || CASE WHEN g %% 3 > 0 THEN ' ' || lower(l.name) || g || CASE WHEN l.sound <> lower(l.name)
        THEN ' ' || l.sound || g ELSE '' END || ' example iksmpli in .in.' ELSE '' END || ' ',
        ' 9198' || lpad(((g::bigint * 7919 + %(salt)s) %% 100000000)::text, 8, '0') || ' ', %(m)s {PICK}""",
    f"""INSERT INTO people_interaction (workspace_id, id, contact_id, happened_at, kind, actor_id, summary)
        SELECT %(w)s, gen_random_uuid(), {ID.format(kind="'contact'")}, now() - make_interval(mins => (g::bigint * 7919 %% 500000)::int),
        'note', %(m)s, 'Asked about the form' {PICK}""",
)

if __name__ == "__main__":
    print(json.dumps(main(*(int(word) for word in sys.argv[1:4]))))
