"""Workers that are killed and frozen while they send, a database that goes down, a provider that fails and loses answers, people who opt out.

    python -m tests.faults.outbox --messages 10000 --kills 200 --restarts 6
    python -m tests.faults.outbox --messages 10000 --kills 200 --restarts 6 --real

Nothing may be lost, doubled, or sent to who opted out. The judge is the provider's own record of what it accepted. The driver is the
provider, has a PostgreSQL server of its own that it ends at once and starts again, orders the messages, reports what became of them,
takes consents back and kills; a second process, the nursery, forks the workers. They do what the jobs do, with times shorter than in life
(`FAST`), or, with `--real`, are the workers of an installation with all its jobs and times (some ten minutes).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from amanat.messaging.channels.models import ChannelAccount

ROOT = Path(__file__).parents[2]
#: Seconds: lease, freshness of a claim, a request, an empty journal, silence. A frozen worker sleeps longer than its lease.
FAST = {"lease": 5.0, "fresh": 1.0, "request": 2.0, "empty": 20.0, "silence": 6.0, "freeze": 7.0}
#: The first four are the product's own; WhatsApp surely reports within five minutes.
REAL = {"request": 20.0, "silence": 300.0, "freeze": 70.0}
#: Who may be written to until so many seconds after an opt-out was answered.
OPT_OUT = 5.0
#: What is unclear must be settled within ten minutes, but for one in a thousand.
SETTLED = 600.0
#: Ends the database at once and brings it back; returns after how many seconds it answered again.
type Cut = Callable[[], float]


@dataclass
class Wanted:
    """What is to happen: messages, kills one after the other, workers at once, and how the provider behaves."""

    messages: int = 10_000
    kills: int = 200
    workers: int = 3
    spread: float = 120.0  #: seconds over which the messages become due
    latency: float = 0.1
    failing: float = 0.05
    limiting: float = 0.05
    losing: float = 0.01
    freeze_every: int = 12  #: kills between two workers that are frozen instead
    restarts: int = 6  #: of the database, spread over the kills
    opting_out: int = 40  #: people who take their consent back while messages to them leave
    real: bool = False  #: the workers of an installation, with its times
    longest: float = 3600.0
    seed: int = 1


@dataclass
class Verdict:
    """What happened, by the provider's record. `rescued_in` is the longest time a message stayed claimed by a dead worker."""

    ordered: int = 0
    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    unknown: int = 0
    opted_out: int = 0
    after_opt_out: int = 0  #: accepted more than five seconds after the opt-out was answered
    refused: int = 0
    without_reason: int = 0
    states: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    freezes: int = 0
    answers_lost: int = 0
    failed: int = 0
    limited: int = 0
    unknown_at_most: int = 0
    rescued_in: float = 0.0
    restarts: int = 0
    database_back_in: float = 0.0
    settled_in: float = 0.0  #: seconds from the last fault until all was clear
    without_decision: int = 0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return (
            not (self.lost or self.doubled or self.after_opt_out or self.without_decision or self.without_reason)
            and self.unknown <= self.ordered / 1000
            and self.rescued_in <= 60
        )


class Provider:
    """Speaks HTTP on loopback; accepts, fails, limits and loses answers as told, and remembers what it accepted."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted, self.random, self.lock = wanted, random.Random(wanted.seed), threading.Lock()
        self.accepted: Counter[str] = Counter()
        self.came: dict[str, float] = {}  #: when the last request for a message came
        self.swallows: set[str] = set()  #: accounts whose requests are never answered
        self.held: Counter[str] = Counter()  #: of those, by account: how many wait now
        self.held_at_most: Counter[str] = Counter()
        self.unreported: list[tuple[float, str]] = []
        self.counts: Counter[str] = Counter()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                said = json.loads(body)
                if said["from"] in provider.swallows:
                    provider.swallow(self, said["from"])
                else:
                    provider.handle(self, said["reference"])

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # its client was killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, request: BaseHTTPRequestHandler, reference: str) -> None:
        with self.lock:
            chance, lose = self.random.random(), self.random.random() < self.wanted.losing
            if chance < self.wanted.failing:
                what = "failed"
            elif chance < self.wanted.failing + self.wanted.limiting:
                what = "limited"
            else:
                what = "accepted"
                self.accepted[reference] += 1
                self.came[reference] = time.monotonic()
                self.unreported.append((time.monotonic() + self.random.uniform(0.2, 1.0), reference))
            self.counts[what] += 1
            self.counts["lost"] += what == "accepted" and lose
        time.sleep(self.wanted.latency)
        if what == "accepted" and lose:
            request.close_connection = True
            request.connection.close()
            return
        answer = json.dumps({"id": f"post.{reference}"}).encode()
        request.send_response({"failed": 500, "limited": 429, "accepted": 200}[what])
        if what == "limited":
            request.send_header("retry-after", "1")
        request.send_header("content-length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def swallow(self, request: BaseHTTPRequestHandler, account: str) -> None:
        """Take the request and say nothing, until the other side goes away."""
        with self.lock:
            self.held[account] += 1
            self.held_at_most[account] = max(self.held_at_most[account], self.held[account])
        with contextlib.suppress(OSError):
            request.connection.recv(1)
        request.close_connection = True
        with self.lock:
            self.held[account] -= 1

    def to_report(self) -> list[str]:
        now = time.monotonic()
        with self.lock:
            due = [reference for at, reference in self.unreported if at <= now]
            self.unreported = [(at, reference) for at, reference in self.unreported if at > now]
            # Providers repeat themselves, and do not keep the order.
            again = [each for each in due if self.random.random() < 0.1]
            self.random.shuffle(due)
        return due + again


# --- the adapter and the workers -----------------------------------------------------------------------------------


def till_noon() -> timedelta:
    """By how much the clock is moved back so that it is noon in India. (Back: jobs for later then wait for nothing.)"""
    now = datetime.now(UTC)
    noon = now.replace(hour=6, minute=30)
    return noon - now if noon <= now else noon - now - timedelta(days=1)


def install(port: int, folder: Path, moved: timedelta, *, real: bool = False) -> None:
    """Make this process one of the drill: the adapter of the provider, its times, noon in India, a place for journals."""
    from django.conf import settings

    from amanat.core import clock, outgoing
    from amanat.messaging.channels import adapters
    from amanat.messaging.channels.contract import Access, Answer, Outcome, Outgoing, Progress, Report
    from amanat.messaging.outbox import claiming, sending, settling
    from amanat.messaging.outbox.tests.post import Post

    times = REAL if real else FAST

    class Faulty(Post):
        @contextlib.contextmanager
        def line(self, access: Access) -> Iterator[Way]:
            yield Way(access.address)

    class Way(NamedTuple):
        address: str

        def send(self, message: Outgoing) -> Answer:
            connection = HTTPConnection("127.0.0.1", port, timeout=times["request"])
            try:
                connection.connect()
            except OSError as error:
                raise outgoing.Unreachable("", reason=repr(error), may_have_arrived=False) from None
            try:
                connection.request(
                    "POST", "/", body=json.dumps({"reference": str(message.reference), "from": self.address})
                )
                answer = connection.getresponse()
                said = json.loads(answer.read())
            except (OSError, HTTPException, ValueError) as error:
                raise outgoing.Unreachable("", reason=repr(error), may_have_arrived=True) from None
            finally:
                connection.close()
            if answer.status == 200:
                return Answer(Outcome.ACCEPTED, provider_id=said["id"])
            wait = answer.headers.get("retry-after")
            return Answer(Outcome.LATER, code=str(answer.status), wait=timedelta(seconds=int(wait)) if wait else None)

    settings.FILES_ROOT = folder / "files"
    clock.shift(moved)
    if not real:
        claiming.FRESH, claiming.LEASE = times["fresh"], timedelta(seconds=times["lease"])
        settling._EMPTY_FOR = times["empty"]
        sending.MOST, sending.SLICE = 16, 1.0
    post = Faulty(reports_within=timedelta(seconds=times["silence"]))
    post.news = lambda payload: [
        Report(f"post.{payload['r']}", Progress.DELIVERED, clock.now(), reference=UUID(payload["r"]))
    ]
    adapters.register(post)


def work(nursery: int) -> None:
    """What the jobs do, in a loop: sweep, send, work off. Ends by a kill, or with the process that made it."""
    from django.db import Error, close_old_connections, connection

    from amanat.core import clock
    from amanat.messaging.outbox import events, sending, settling

    last_look = last_rescue = 0.0
    while os.getppid() == nursery:
        try:
            if time.monotonic() - last_rescue > 0.5:
                last_rescue = time.monotonic()
                settling.rescue_here()
            with connection.cursor() as cursor:
                cursor.execute("SELECT what, workspace, account FROM outbox_to_do(%s)", [clock.now()])
                found = cursor.fetchall()
            for what, workspace_id, account_id in found:
                if what == "send":
                    sending.send_waiting(workspace_id, account_id)
                elif what == "events":
                    events.work_off(workspace_id, account_id, seconds=1.0)
                else:
                    settling.rescue(workspace_id)
                    if time.monotonic() - last_look > 2.0:
                        last_look = time.monotonic()
                        settling.settle_by_silence(workspace_id)
        except Error:
            close_old_connections()
        time.sleep(0.05)


def work_for_real(nursery: int) -> None:
    """A worker of an installation: its jobs, its schedule, its threads."""
    from amanat.core import jobs

    def watch() -> None:
        while os.getppid() == nursery:
            time.sleep(0.5)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    while True:
        with contextlib.suppress(Exception):  # the database is away; a supervisor would start it again
            jobs.run_worker()
        time.sleep(0.5)


def nursery(port: int, folder: Path, moved: timedelta, *, real: bool) -> None:
    """Forks a worker for each line it reads and says its number; without a parent all end."""
    import django

    django.setup()
    install(port, folder, moved, real=real)
    from django.db import connections

    connections.close_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children, mine = list[int](), os.getpid()
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setsid()
            (work_for_real if real else work)(mine)
            os._exit(0)
        children.append(child)
        print(child, flush=True)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


class Workers:
    """The workers of a drill, by their process numbers."""

    def __init__(self, port: int, folder: Path, moved: timedelta, *, real: bool) -> None:
        command = [sys.executable, "-m", "tests.faults.outbox", "--nursery", str(port), "--folder", str(folder)]
        command += ["--moved", str(moved.total_seconds()), *(["--real"] if real else [])]
        self._freeze = (REAL if real else FAST)["freeze"]
        self._nursery = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "AMANAT_LOG_LEVEL": "error"},
        )
        self.alive: list[int] = []
        self.frozen: list[tuple[float, int]] = []

    def start(self) -> None:
        assert self._nursery.stdin is not None and self._nursery.stdout is not None
        self._nursery.stdin.write("\n")
        self._nursery.stdin.flush()
        self.alive.append(int(self._nursery.stdout.readline()))

    def kill(self, number: int) -> None:
        os.kill(self.alive.pop(number), signal.SIGKILL)

    def freeze(self, number: int) -> None:
        worker = self.alive.pop(number)
        os.kill(worker, signal.SIGSTOP)
        self.frozen.append((time.monotonic() + self._freeze, worker))

    def thaw(self, *, all_of_them: bool = False) -> None:
        """Let those go on whose time it is; they stay among the others."""
        for entry in list(self.frozen):
            if all_of_them or entry[0] <= time.monotonic():
                self.frozen.remove(entry)
                os.kill(entry[1], signal.SIGCONT)
                self.alive.append(entry[1])

    def end(self) -> None:
        self.thaw(all_of_them=True)
        for worker in self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        self._nursery.wait(timeout=20)


# --- the drill -----------------------------------------------------------------------------------------------------


def run(
    account: ChannelAccount, wanted: Wanted, folder: Path, *, cut: Cut | None = None, tell: bool = False
) -> Verdict:
    """Order, send, kill, cut, report, judge. The account's workspace is there and committed."""
    provider, moved = Provider(wanted), till_noon()
    install(provider.port, folder, moved, real=wanted.real)
    verdict, began = Verdict(), time.monotonic()
    ordered = order(account, wanted)
    leavers = Leavers(account, wanted)
    ordered |= leavers.order(wanted)
    mix(account, wanted)
    with reporting(provider, account):
        workers = Workers(provider.port, folder, moved, real=wanted.real)
        try:
            for _ in range(wanted.workers):
                workers.start()
            torment(workers, account, wanted, verdict, leavers=leavers, cut=cut, tell=tell)
            ordered |= drain(account, wanted, verdict, tell=tell)
        finally:
            workers.end()
    provider.server.shutdown()
    judge(provider, account, ordered, leavers, verdict)
    verdict.seconds = round(time.monotonic() - began, 1)
    return verdict


def mix(account: ChannelAccount, wanted: Wanted) -> None:
    """What was ordered becomes due from now on, in any order: to those who leave among all others."""
    from django.db import connection

    from amanat.core import clock, tenancy

    with tenancy.inside(account.workspace_id) as here, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_dispatch SET due_at = %s + random() * make_interval(secs => %s) WHERE workspace_id = %s",
            [clock.now(), wanted.spread, here],
        )


def patiently[T](act: Callable[[], T]) -> T:
    """Do something with the database, again and again while it is away."""
    from django.db import Error, connections

    until = time.monotonic() + 60
    while True:
        try:
            return act()
        except Error:
            if time.monotonic() > until:
                raise
            connections.close_all()
            time.sleep(0.1)


class Leavers:
    """People who agreed and take it back while messages to them leave: at the desk, where the answer is the end of the transaction."""

    def __init__(self, account: ChannelAccount, wanted: Wanted) -> None:
        from amanat.accounts.models import Workspace
        from amanat.core import tenancy
        from amanat.messaging.outbox.tests import post as provider

        self._account, self.left_at = account, dict[UUID, float]()
        with tenancy.inside(account.workspace_id) as here:
            workspace = Workspace.objects.of(here).get()
            self._waiting = [
                provider.make_person(workspace, f"Leaver {number}", f"+9198330{number:05d}")
                for number in range(wanted.opting_out)
            ]

    def order(self, wanted: Wanted) -> set[UUID]:
        """Five messages to each, spread like all others."""
        if not self._waiting:
            return set()
        few = Wanted(messages=5 * len(self._waiting), spread=wanted.spread, seed=wanted.seed + 2)
        return order(self._account, few, people=self._waiting)

    def leave(self) -> None:
        """The next one."""
        from amanat.basis import consent
        from amanat.basis.consent import How
        from amanat.basis.models import Method
        from amanat.core import clock, tenancy

        if not self._waiting:
            return
        person = self._waiting.pop()

        def withdraw() -> None:
            with tenancy.inside(self._account.workspace_id):
                consent.withdraw(
                    contact=person, purpose="reminders", channels=["whatsapp"], how=How(Method.COUNTER), at=clock.now()
                )

        patiently(withdraw)
        self.left_at[person.pk] = time.monotonic()


def order(account: ChannelAccount, wanted: Wanted, people: list[Any] | None = None) -> set[UUID]:
    """Reminders to people who agreed, due one after the other."""
    from amanat.core import clock, ids, tenancy
    from amanat.messaging.inbox import bodies
    from amanat.messaging.inbox.models import Message, Thread
    from amanat.messaging.outbox import ordering
    from amanat.messaging.outbox.models import Dispatch
    from amanat.messaging.outbox.tests import post as provider
    from amanat.people.models import Contact

    at, chance, made = clock.now(), random.Random(wanted.seed), set()
    with tenancy.inside(account.workspace_id) as here:
        from amanat.accounts.models import Workspace

        workspace = Workspace.objects.of(here).get()
        known = Contact.objects.of(here).filter(name__startswith="Person ")
        people = (
            people
            or list(known)
            or [provider.make_person(workspace, f"Person {number}", f"+9198220{number:05d}") for number in range(20)]
        )
        for begin in range(0, wanted.messages, 1000):
            rows, messages = [], []
            for number in range(begin, min(begin + 1000, wanted.messages)):
                person = people[number % len(people)]
                thread, _new = Thread.objects.of(here).get_or_create(
                    contact=person, defaults={"workspace_id": here, "last_at": at}
                )
                message = Message(
                    id=ids.new(), workspace_id=here, thread=thread, contact=person, channel="whatsapp", account=account,
                    direction="out", happened_at=at,
                )  # fmt: skip
                message.body = bodies.seal("Your insurance runs out.", workspace_id=here, message_id=message.pk)
                messages.append(message)
                rows.append(Dispatch(
                    id=ids.new(), workspace_id=here, message=message, contact=person, account=account, channel="whatsapp",
                    address=person.main_phone, purpose="reminders", source="reminder",
                    due_at=at + timedelta(seconds=chance.uniform(0, wanted.spread)),
                ))  # fmt: skip
            Message.objects.bulk_create(messages)
            ordering.order_many(rows)
            made |= {row.pk for row in rows}
    return made


@contextlib.contextmanager
def reporting(provider: Provider, account: ChannelAccount) -> Iterator[None]:
    """Hand the provider's reports in, as its calls would."""
    from django.db import Error, connections

    from amanat.core import clock, tenancy
    from amanat.messaging.outbox import events

    ended = threading.Event()

    def report() -> None:
        due: list[str] = []
        while not ended.wait(0.2):
            due += provider.to_report()
            try:
                with tenancy.inside(account.workspace_id):
                    events.keep(account, [(each.encode(), {"r": each}) for each in due], clock.now())
            except Error:
                connections.close_all()  # we are away: it calls again
            else:
                due = []
        connections.close_all()

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def torment(
    workers: Workers,
    account: ChannelAccount,
    wanted: Wanted,
    verdict: Verdict,
    *,
    leavers: Leavers,
    cut: Cut | None,
    tell: bool,
) -> None:
    """Kill a worker every 0.3 to 0.9 s, freeze some beyond their lease, start new ones; cut the database; let people opt out."""
    chance, until = random.Random(wanted.seed + 1), time.monotonic() + wanted.longest
    cut_at = {wanted.kills * number // (wanted.restarts + 1) for number in range(1, wanted.restarts + 1)}
    leave_every = max(1, wanted.kills // max(1, wanted.opting_out))
    while verdict.kills < wanted.kills and time.monotonic() < until:
        time.sleep(chance.uniform(0.3, 0.9))
        workers.thaw()
        if cut is not None and verdict.kills in cut_at:
            cut_at.remove(verdict.kills)
            verdict.database_back_in = max(verdict.database_back_in, round(cut(), 1))
            verdict.restarts += 1
        number = chance.randrange(len(workers.alive))
        if (
            wanted.freeze_every
            and verdict.kills % wanted.freeze_every == wanted.freeze_every - 1
            and not workers.frozen
        ):
            workers.freeze(number)
            verdict.freezes += 1
        else:
            workers.kill(number)
            verdict.kills += 1
            for _ in range(1 + wanted.opting_out // wanted.kills if verdict.kills % leave_every == 0 else 0):
                leavers.leave()
        while len(workers.alive) < wanted.workers:
            workers.start()
        watch(account, verdict, tell=tell and verdict.kills % 20 == 0)
    while workers.frozen:
        time.sleep(0.2)
        workers.thaw()


def drain(account: ChannelAccount, wanted: Wanted, verdict: Verdict, *, tell: bool) -> set[UUID]:
    """Nobody is killed any more: wait until all is sent and reported. Later traffic shows which reports are missing."""
    began, later = time.monotonic(), set[UUID]()
    while time.monotonic() < began + min(wanted.longest, SETTLED):
        states = watch(account, verdict, tell=tell)
        waits = states["todo"] + states["sending"] + states["unreported"]
        verdict.settled_in = round(time.monotonic() - began, 1)
        if not waits and not states["unknown"]:
            return later
        if not waits and len(later) < 40:
            later |= order(account, Wanted(messages=4, spread=0.0, seed=len(later)))
        time.sleep(0.5 if not tell else 2.0)
    return later


def watch(account: ChannelAccount, verdict: Verdict, *, tell: bool) -> Counter[str]:
    """Count states, and note how long a claim was over before somebody saw to it."""
    states = patiently(lambda: counted(account))
    verdict.unknown_at_most = max(verdict.unknown_at_most, states["unknown"])
    verdict.rescued_in = max(verdict.rescued_in, states["over"])
    if tell:
        print(f"kills {verdict.kills} freezes {verdict.freezes} {dict(states)}", file=sys.stderr)
    return states


def counted(account: ChannelAccount) -> Counter[str]:
    from django.db import connection

    from amanat.core import tenancy

    with tenancy.inside(account.workspace_id) as here, connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, count(*) FROM messaging_dispatch WHERE workspace_id = %s GROUP BY 1 UNION ALL "
            "SELECT 'unreported', count(*) FROM messaging_dispatch WHERE workspace_id = %s AND state = 'done' AND delivery = '' "
            "UNION ALL SELECT 'over', coalesce(max(extract(epoch FROM clock_timestamp() - begun_at)), 0)::int "
            "FROM messaging_dispatch WHERE workspace_id = %s AND state = 'sending'",
            [here, here, here],
        )
        return Counter({name: int(count) for name, count in cursor.fetchall()})


def judge(
    provider: Provider, account: ChannelAccount, ordered: set[UUID], leavers: Leavers, verdict: Verdict
) -> None:  # fmt: skip
    from amanat.basis.models import Decision
    from amanat.core import tenancy
    from amanat.messaging.outbox.models import Dispatch

    with tenancy.inside(account.workspace_id) as here:
        rows = Dispatch.objects.of(here).filter(pk__in=ordered)
        states = dict(rows.values_list("pk", "state"))
        to_leavers = dict(rows.filter(contact__in=list(leavers.left_at)).values_list("pk", "contact_id"))
        verdict.without_reason = rows.filter(state__in=["refused", "dropped"], reason="").count()
        refused = set(rows.filter(state="refused", reason="suppressed").values_list("pk", flat=True))
        undecided = rows.filter(state="done", decided_at__isnull=True).count()
        decisions = Decision.objects.of(here).filter(what="message", is_allowed=True).count()
    verdict.ordered = len(ordered)
    verdict.states = dict(Counter(states.values()))
    verdict.accepted = sum(provider.accepted[str(key)] > 0 for key in ordered)
    verdict.doubled = sum(provider.accepted[str(key)] > 1 for key in ordered)
    verdict.unknown = sum(state == "unknown" for state in states.values())
    verdict.opted_out, verdict.refused = len(leavers.left_at), len(refused)
    verdict.after_opt_out = sum(
        provider.came.get(str(key), 0.0) > leavers.left_at[person] + OPT_OUT for key, person in to_leavers.items()
    )
    #: Said to be sent and never accepted, or neither accepted nor shown to anybody nor refused to who opted out.
    rightly = refused & to_leavers.keys()
    verdict.lost = sum(not provider.accepted[str(key)] for key in ordered - rightly if states.get(key) != "unknown")
    verdict.without_decision = undecided + max(0, verdict.accepted - decisions)
    verdict.answers_lost, verdict.failed, verdict.limited = (
        provider.counts["lost"], provider.counts["failed"], provider.counts["limited"],
    )  # fmt: skip


# --- by hand -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def own_database(*, down: float = 1.0) -> Iterator[Cut]:
    """A PostgreSQL server of the drill's own, as an installation has it, with a migrated database; it can be ended at once."""
    import psycopg

    from amanat.core import configuration, database
    from amanat.operations import postgres, roles, testing

    with tempfile.TemporaryDirectory(prefix="amanat-faults-server-") as place:
        programs = os.environ.get("AMANAT_POSTGRES_BIN", "")
        wanted = {"AMANAT_DATA": f"{place}/data", "AMANAT_LOG_LEVEL": "error", "AMANAT_POSTGRES_BIN": programs}
        ours = configuration.load(wanted)
        configuration.make_enterable(ours.data)
        configuration.ensure_secrets(ours)
        servers = [postgres.start(ours, purpose="tests")]
        with psycopg.connect(database.address(ours, "superuser", "template1"), autocommit=True) as connection:
            roles.make_roles(connection, ours)
            connection.execute("ALTER ROLE amanat_owner CREATEDB")
            roles.prepare_database(connection)
        address = testing.ServerAddress(ours)
        address.make_database("faults")

        def cut() -> float:
            began = time.monotonic()
            servers[0].process.send_signal(signal.SIGQUIT)  # no farewell to anybody: as after a crash
            servers[0].process.wait()
            servers.pop().stop()
            time.sleep(down)
            servers.append(postgres.start(ours, purpose="tests", again=True))
            return time.monotonic() - began

        try:
            use(address.environment("faults"))
            yield cut
        finally:
            from django.db import connections

            connections.close_all()
            servers[0].stop()


def use(environment: dict[str, str]) -> None:
    """Set the site up on an empty database."""
    os.environ.update(environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "amanat.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from amanat.core import schema

    call_command("migrate", database="owner", verbosity=0, interactive=False)
    schema.protect(using="owner")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in asdict(Wanted()).items():
        if isinstance(value, bool):
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--nursery", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--moved", type=float, help=argparse.SUPPRESS)
    options = vars(parser.parse_args())
    port, folder, moved = options.pop("nursery"), options.pop("folder"), options.pop("moved")
    if port:
        nursery(port, folder, timedelta(seconds=moved), real=options["real"])
        return 0
    with own_database() as cut, tempfile.TemporaryDirectory(prefix="amanat-faults-") as place:
        from amanat.accounts.tests import factories
        from amanat.core import tenancy
        from amanat.messaging.outbox.tests import post

        workspace = factories.make_workspace("Shree CSC Kendra", owner="Rekha Kulkarni")
        install(0, Path(place), till_noon(), real=options["real"])
        with tenancy.inside(workspace):
            account = post.make_account(workspace)
        verdict = run(account, Wanted(**options), Path(place), cut=cut, tell=True)
    print(json.dumps(asdict(verdict) | {"is_good": verdict.is_good}, indent=2))
    return int(not verdict.is_good)


if __name__ == "__main__":
    sys.exit(main())
