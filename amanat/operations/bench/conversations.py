"""Conversations, services and people to remind for the bench, and what is timed beside them where the rules run:
`python -m amanat.operations.bench.conversations ACT EMAIL [NUMBERS]` in the environment of the measured site; prints JSON.

The rows are what the rules would write: texts are sealed one by one with the workspace's key and found by the same keyed hashes. They are
copied into a table of the session and inserted from there, because a hundred thousand conversations by the rules would take hours.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from amanat.operations import services

services.set_up_django()

from django.db import connections, transaction
from django.urls import reverse

from amanat.accounts.models import Member
from amanat.basis import notices, principals
from amanat.core import clock, ids, tenancy
from amanat.messaging.channels import accounts
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate
from amanat.messaging.inbox import bodies
from amanat.messaging.outbox.models import Dispatch, ProviderEvent
from amanat.messaging.reminders import carrying, setting
from amanat.messaging.reminders.models import ReminderRule
from amanat.operations.bench.promises import Figures, figures, timed
from amanat.operations.bench.seed import LAST, TOWNS
from amanat.operations.demo import conversations as demo
from amanat.people import script

#: Days before the day on which a service is due.
AHEAD = 3
PEOPLE_AT_ONCE, SERVICES_AT_ONCE = 10_000, 100_000
#: Messages of the person, and one of ours between them.
LINES = (True, False, True, True)
SENTENCES = (
    "Namaste, mera PAN card kab milega?", "Passport appointment ke liye kya kya lana hai?", "Can you send the receipt again?",
    "रेशन कार्ड आणि बँक पासबुक दोन्ही आणू का?", "Is the form still open for this year?", "Kal tak aa jayega, hum aapko batayenge.",
    "धन्यवाद, काम हो गया।", "Aadhaar update ka status bata dijiye", "Payment kar diya hai, please check", "हो, सोमवारी चालेल.",
    "Kitne baje aana hai aur kaun se paper?", "Insurance renewal ki last date kya hai?", "आधार कार्ड में पता बदलना है",
    "Driving licence ka online form bhar dijiye", "Please call me after five", "मेरा आवेदन अभी तक नहीं आया",
)  # fmt: skip
SEARCHED = ("passport", "insurance renewal", "आधार", "Deshmukh payment", "pan card", "सोमवारी")


def main(act: str, email: str, numbers: Sequence[int]) -> dict[str, Any]:
    member = Member.objects.using("owner").unscoped(because="the bench looks for its own").get(user__email=email)
    with tenancy.inside(member.workspace_id):
        member = Member.objects.of(member.workspace_id).select_related("user", "workspace").get(pk=member.pk)
    return ACTS[act](member, *numbers)


# --- seeding -------------------------------------------------------------------------------------------------------


def seed(member: Member, threads: int, services: int, reminded: int) -> dict[str, Any]:
    """Fill the workspace with what is not there yet; returns what calls of the provider need, and whom to write as."""
    begun, here = time.monotonic(), member.workspace_id
    account = _account(member)
    held = _conversations(member, account, threads)
    _services(member, services, reminded)
    _consents(member, reminded)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    with tenancy.inside(here):
        access = accounts.access(account)
        told = Dispatch.objects.of(here).filter(source="reply", provider_id__startswith="bench.")
        known = [(str(key), phone) for key, phone in told.order_by("id").values_list("id", "address")[:20_000]]
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT last_at, id, addresses ->> 'whatsapp' FROM messaging_thread WHERE workspace_id = %s "
            "ORDER BY last_at DESC, id DESC OFFSET %s LIMIT 1",
            [here, held * 9 // 10],
        )
        at, deep, phone = cursor.fetchone()
    return {
        "hook": reverse("messaging:channel_hook", args=[here, account.pk]), "number": access.settings["phone_number_id"],
        "waba": access.settings["waba_id"], "app_secret": access.secrets["app_secret"], "address": access.address,
        "known": known, "deep": f"{at.isoformat()}~{deep}", "thread": str(deep), "phone": phone,
        "seconds": round(time.monotonic() - begun, 1),
    }  # fmt: skip


def _account(member: Member) -> ChannelAccount:
    """The number of the sandbox, with an approved text for services that are due."""
    with tenancy.inside(member.workspace_id):
        found = ChannelAccount.objects.of(member.workspace_id).filter(is_sandbox=True, channel="whatsapp").first()
        if found is None:
            found = demo._number(member.workspace, member, clock.now())
            demo._about_the_date(found, None, member, clock.now())
        return found


def _conversations(member: Member, account: ChannelAccount, wanted: int) -> int:
    """How many there are then: one for each person at most."""
    here = member.workspace_id
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_thread WHERE workspace_id = %s", [here])
        held: int = cursor.fetchone()[0]
        cursor.execute(
            "SELECT id, main_phone FROM people_contact c WHERE workspace_id = %s AND NOT EXISTS (SELECT 1 FROM messaging_thread t "
            "WHERE t.workspace_id = c.workspace_id AND t.contact_id = c.id) ORDER BY id LIMIT %s",
            [here, max(wanted - held, 0)],
        )
        people = cursor.fetchall()
    now = clock.now()
    step = timedelta(days=390) / max(len(people), 1)
    for start in range(0, len(people), PEOPLE_AT_ONCE):
        part = people[start : start + PEOPLE_AT_ONCE]
        writer = _Writer(member, account, random.Random(start))
        with tenancy.inside(here):
            for number, (contact, phone) in enumerate(part, start):
                # The oldest first, so that ids climb with time as they do in life.
                writer.conversation(number, contact, phone, now - timedelta(days=1) - step * (len(people) - number))
        with transaction.atomic(using="owner"):
            writer.write()
        print(f"Conversations: {start + len(part)} of {len(people)}", file=sys.stderr)
    return held + len(people)


class _Writer:
    """Rows of some conversations, collected and then written by a few statements."""

    def __init__(self, member: Member, account: ChannelAccount, chance: random.Random) -> None:
        self._member, self._account, self._chance = member, account, chance
        self._rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
        self._forms: dict[str, list[int]] = {}

    def conversation(self, number: int, contact: UUID, phone: str, at: datetime) -> None:
        here, thread = self._member.workspace_id, ids.new()
        message = thread
        for place, is_theirs in enumerate(LINES):
            message, moment = ids.new(), at - timedelta(minutes=7 * (len(LINES) - place))
            self._message(message, (thread, contact), moment, is_theirs=is_theirs)
            if not is_theirs:
                self._dispatch(message, (contact, phone), moment, is_failed=number % 200 == 0)
        is_unread = number % 10 == 0
        self._rows["messaging_thread"].append((
            thread, here, contact, self._member.pk if number % 4 == 0 else None, message, at, 2 if is_unread else 0,
            at if is_unread else None, json.dumps({"whatsapp": phone}),
        ))  # fmt: skip

    def _message(self, key: UUID, whose: tuple[UUID, UUID], at: datetime, *, is_theirs: bool) -> None:
        here, (thread, contact) = self._member.workspace_id, whose
        words = (
            self._chance.choice(SENTENCES),
            self._chance.choice(LAST),
            self._chance.choice(TOWNS),
            str(self._chance.randrange(10**6, 10**7)),
        )
        self._rows["messaging_message"].append((
            key, here, thread, contact, "whatsapp", self._account.pk, "in" if is_theirs else "out", "text",
            bodies.seal(" ".join(words), workspace_id=here, message_id=key), None if is_theirs else self._member.pk,
            f"bench.{key.hex}", at, at,
        ))  # fmt: skip
        found = sorted({each for word in words for each in self._hashed(word)})
        self._rows["messaging_messagewords"].append((key, here, key, contact, found))

    def _dispatch(self, message: UUID, whose: tuple[UUID, str], at: datetime, *, is_failed: bool) -> None:
        here, (contact, phone) = self._member.workspace_id, whose
        self._rows["messaging_dispatch"].append((
            ids.new(), here, message, contact, self._account.pk, "whatsapp", phone, "service", "done",
            "failed" if is_failed else "sent", 0, at, at, at, at, at, f"bench.{message.hex}", "ground", "purposes.service",
            "reply", 1, at,
        ))  # fmt: skip

    def _hashed(self, words: str) -> list[int]:
        """The keyed hashes of some words; those that come again and again are remembered."""
        if words not in self._forms:
            forms = bodies._hashes(script.search_text(words).split(), self._member.workspace_id)
            if words.isdigit():
                return forms
            self._forms[words] = forms
        return self._forms[words]

    def write(self) -> None:
        with connections["owner"].cursor() as cursor:
            for table, rows in self._rows.items():
                _insert(cursor, table, rows)


#: In an order in which deferred foreign keys need no second look; the names stand as they are copied.
COLUMNS = {
    "messaging_thread": "id workspace_id contact_id assigned_to_id last_message_id last_at unread waiting_since addresses",
    "messaging_message": "id workspace_id thread_id contact_id channel account_id direction kind body by_id provider_id happened_at created_at",
    "messaging_messagewords": "id workspace_id message_id contact_id words",
    "messaging_dispatch": "id workspace_id message_id contact_id account_id channel address purpose state delivery urgency due_at "
    "begun_at sent_at ended_at decided_at provider_id reason rule source tries created_at",
}  # fmt: skip


def _insert(cursor: Any, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Copy into a table of the session, for COPY may not write behind the wall, and insert from there."""
    columns = ", ".join(COLUMNS[table].split())
    cursor.execute(f"CREATE TEMP TABLE bench_rows AS SELECT {columns} FROM {table} WITH NO DATA")
    with cursor.copy(f"COPY bench_rows ({columns}) FROM STDIN") as copying:
        for row in rows:
            copying.write_row(row)
    cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM bench_rows")
    cursor.execute("DROP TABLE bench_rows")


_PEOPLE = """
CREATE TEMP TABLE bench_people AS
SELECT (row_number() OVER (ORDER BY id DESC) - 1)::int AS i, id FROM people_contact WHERE workspace_id = %(here)s AND deleted_at IS NULL
"""
#: The first of them are due soon and belong to different people; the others lie in the past.
_SERVICES = """
INSERT INTO desk_servicerecord (workspace_id, id, number, contact_id, title, status, fee_paise, paid_paise, quantity, due_on, steps,
    documents, steps_done, documents_seen, owner_id, papers_vanish, created_at, created_by_id, updated_at, delivered_at)
SELECT %(here)s, gen_random_uuid(), g, p.id, (%(titles)s::text[])[1 + g %% cardinality(%(titles)s::text[])],
    CASE WHEN g <= %(reminded)s OR g %% 5 = 0 THEN 'open' ELSE 'delivered' END, 25000, CASE WHEN g %% 7 = 0 THEN 10000 ELSE 25000 END, 1,
    %(today)s::date - 2 - g %% 700, '{}', '{}', '{}', '{}', %(member)s, false, %(at)s - make_interval(mins => g %% 500000), %(member)s, %(at)s,
    CASE WHEN g > %(reminded)s AND g %% 5 > 0 THEN %(at)s - make_interval(mins => g %% 400000) END
FROM generate_series(%(first)s, %(last)s) g
JOIN bench_people p ON p.i = CASE WHEN g <= %(reminded)s THEN g - 1 ELSE (g::bigint * 7919 %% %(people)s)::int END
"""
_TITLES = ["PAN correction", "Passport", "Driving licence", "Ration card", "Insurance renewal", "Aadhaar update"]


def _services(member: Member, count: int, reminded: int) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(_PEOPLE, {"here": member.workspace_id})
        cursor.execute("CREATE UNIQUE INDEX bench_people_i ON bench_people (i)")
        cursor.execute("ANALYZE bench_people")
        cursor.execute("SELECT count(*) FROM bench_people")
        values: dict[str, Any] = {
            "here": member.workspace_id, "member": member.pk, "people": cursor.fetchone()[0], "reminded": reminded,
            "today": clock.today(member.workspace.time_zone), "at": clock.now() - timedelta(days=2), "titles": _TITLES,
        }  # fmt: skip
        cursor.execute(
            "SELECT coalesce(max(number), 0) FROM desk_servicerecord WHERE workspace_id = %s", [member.workspace_id]
        )
        for first in range(cursor.fetchone()[0] + 1, count + 1, SERVICES_AT_ONCE):
            last = min(first + SERVICES_AT_ONCE - 1, count)
            cursor.execute(_SERVICES, {**values, "first": first, "last": last})
            print(f"Services: {last} of {count}", file=sys.stderr)


def _consents(member: Member, reminded: int) -> None:
    """Those who are reminded have agreed to it, two days ago."""
    here, at = member.workspace_id, clock.now() - timedelta(days=2)
    with tenancy.inside(here):
        notice = notices.show(
            workspace=member.workspace, purposes=["reminders"], language="en", at=clock.now() - timedelta(days=3)
        )
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "SELECT r.contact_id FROM desk_servicerecord r WHERE r.workspace_id = %(here)s AND r.number <= %(reminded)s "
                "AND r.contact_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM basis_consentrecord c WHERE c.workspace_id = %(here)s "
                "AND c.contact_id = r.contact_id AND c.purpose = 'reminders') ORDER BY r.number",
                {"here": here, "reminded": reminded},
            )
            people = [row[0] for row in cursor.fetchall()]
        digests = [principals.digest(contact, workspace_id=here) for contact in people]
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO basis_consentrecord (workspace_id, id, contact_id, principal, at, method, purpose, channel, what, notice_id) "
            "SELECT %s, v.id, v.contact, v.principal, %s, 'counter', 'reminders', 'whatsapp', 'given', %s "
            "FROM unnest(%s::uuid[], %s::uuid[], %s::bytea[]) v(id, contact, principal)",
            [here, at, notice.pk, [ids.new() for _ in people], people, digests],
        )


# --- what is timed here --------------------------------------------------------------------------------------------


def remind(member: Member, reminded: int) -> dict[str, Any]:
    """Work out and order the reminders of a day by a new rule: occasions, people, gate, texts, messages, the outbox."""
    here, now = member.workspace_id, clock.now()
    today = clock.today(member.workspace.time_zone)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE desk_servicerecord SET due_on = %s WHERE workspace_id = %s AND number <= %s",
            [today + timedelta(days=AHEAD), here, reminded],
        )
    with tenancy.inside(here):
        template = MessageTemplate.objects.of(here).get(name="service_due")
        rule = setting.make(by=member, at=now, values={
            "name": "Due soon", "on": ReminderRule.On.SERVICE_DUE, "days": -AHEAD, "field": "", "service": None, "at": now.time(),
            "channels": ["whatsapp"], "templates": [template.pk], "fallback_hours": 6, "most_a_day": 1000, "quiet_days": [],
            "purpose": "reminders", "needs_approval": False,
        })  # fmt: skip
    begun, cpu = time.perf_counter(), time.process_time()
    carrying.work_out(rule, today, at=now)
    took, used = time.perf_counter() - begun, time.process_time() - cpu
    with tenancy.inside(here):
        ordered = Dispatch.objects.of(here).filter(source="reminder", state="todo", created_at__gte=now).count()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM desk_servicerecord WHERE workspace_id = %s", [here])
        services = cursor.fetchone()[0]
    return {"seconds": round(took, 2), "cpu_s": round(used, 2), "reminders": ordered, "services": services}


def search(member: Member, times: int) -> dict[str, Any]:
    """The search itself, without its page: words that many messages have, pairs of words, and numbers that one has."""
    with tenancy.inside(member.workspace_id):
        found = [timed(lambda query=query: bodies.find(query, member=member)) for query in _queries(times)]  # type: ignore[misc]
    first: Figures = figures(found[len(SEARCHED) :])
    return dict(first)


def _queries(times: int) -> list[str]:
    chance = random.Random(3)
    rare = [str(chance.randrange(10**6, 10**7)) for _ in range(times)]
    return [*SEARCHED, *(SEARCHED[place % len(SEARCHED)] if place % 2 else rare[place] for place in range(times))]


def left(member: Member) -> dict[str, Any]:
    """What is not worked off yet: events of the provider, and messages that wait or are under way."""
    here = member.workspace_id
    with tenancy.inside(here):
        events = ProviderEvent.objects.of(here).filter(done_at__isnull=True).count()
        waiting = Dispatch.objects.of(here).filter(state__in=("todo", "sending", "unknown"))
        return {"events": events, "messages": waiting.count()}


def states(member: Member) -> dict[str, Any]:
    """How the reminders stand, for a run that did not end as it should."""
    with tenancy.inside(member.workspace_id):
        rows = Dispatch.objects.of(member.workspace_id).filter(source="reminder").values_list("state", "reason")
        found: dict[str, int] = {}
        for state, reason in rows:
            found[f"{state} {reason}"] = found.get(f"{state} {reason}", 0) + 1
    return found


ACTS: dict[str, Callable[..., dict[str, Any]]] = {
    "seed": seed, "remind": remind, "search": search, "left": left, "states": states,
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], [int(word) for word in sys.argv[3:]])))
