"""Workers that are killed and frozen while they send, a provider that fails and loses answers: nothing lost, nothing doubled.

    python -m tests.faults.outbox --messages 10000 --kills 200

The judge is the provider's own record of what it accepted. The driver is the provider, orders the messages, reports what became of them,
and kills; a second process, the nursery, forks workers that do what the jobs do. Times are shorter than in life (`FAST`).
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
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from amanat.messaging.channels.models import ChannelAccount

ROOT = Path(__file__).parents[2]
#: Seconds: lease, freshness of a claim, a request, an empty journal, silence. A frozen worker sleeps longer than its lease.
FAST = {"lease": 5.0, "fresh": 1.0, "request": 2.0, "empty": 3.0, "silence": 6.0, "freeze": 7.0}


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
    states: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    freezes: int = 0
    answers_lost: int = 0
    failed: int = 0
    limited: int = 0
    unknown_at_most: int = 0
    rescued_in: float = 0.0
    without_decision: int = 0
    seconds: float = 0.0


class Provider:
    """Speaks HTTP on loopback; accepts, fails, limits and loses answers as told, and remembers what it accepted."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted, self.random, self.lock = wanted, random.Random(wanted.seed), threading.Lock()
        self.accepted: Counter[str] = Counter()
        self.unreported: list[tuple[float, str]] = []
        self.counts: Counter[str] = Counter()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                provider.handle(self, json.loads(body)["reference"])

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


def install(port: int, folder: Path) -> None:
    """Make this process one of the drill: the adapter of the provider, short times, noon in India, a place for journals."""
    from django.conf import settings

    from amanat.core import clock, outgoing
    from amanat.messaging.channels import adapters
    from amanat.messaging.channels.contract import Answer, Outcome, Outgoing, Progress, Report
    from amanat.messaging.outbox import claiming, sending, settling
    from amanat.messaging.outbox.tests.post import Post

    class Faulty(Post):
        def send(self, message: Outgoing) -> Answer:
            connection = HTTPConnection("127.0.0.1", port, timeout=FAST["request"])
            try:
                connection.connect()
            except OSError as error:
                raise outgoing.Unreachable("", reason=repr(error), may_have_arrived=False) from None
            try:
                connection.request("POST", "/", body=json.dumps({"reference": str(message.reference)}))
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
    clock.shift(timedelta(0))
    clock.shift(clock.now().replace(hour=6, minute=30) - clock.now())
    claiming.FRESH, claiming.LEASE = FAST["fresh"], timedelta(seconds=FAST["lease"])
    settling._EMPTY_FOR = FAST["empty"]
    sending.MOST, sending.SLICE = 16, 1.0
    post = Faulty(reports_within=timedelta(seconds=FAST["silence"]))
    post.news = lambda payload: [
        Report(f"post.{payload['r']}", Progress.DELIVERED, clock.now(), reference=UUID(payload["r"]))
    ]
    adapters.register(post)


def work(nursery: int) -> None:
    """What the jobs do, in a loop: sweep, send, work off. Ends by a kill, or with the process that made it."""
    from django.db import Error, close_old_connections, connection

    from amanat.core import clock
    from amanat.messaging.outbox import events, sending, settling

    last_look = 0.0
    while os.getppid() == nursery:
        try:
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


def nursery(port: int, folder: Path) -> None:
    """Forks a worker for each line it reads and says its number; without a parent all end."""
    import django

    django.setup()
    install(port, folder)
    from django.db import connections

    connections.close_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children, mine = list[int](), os.getpid()
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setsid()
            work(mine)
            os._exit(0)
        children.append(child)
        print(child, flush=True)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


class Workers:
    """The workers of a drill, by their process numbers."""

    def __init__(self, port: int, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.faults.outbox", "--nursery", str(port), "--folder", str(folder)]
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
        self.frozen.append((time.monotonic() + FAST["freeze"], worker))

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


def run(account: ChannelAccount, wanted: Wanted, folder: Path, *, tell: bool = False) -> Verdict:
    """Order, send, kill, report, judge. The account's workspace is there and committed."""
    provider = Provider(wanted)
    install(provider.port, folder)
    verdict, began = Verdict(), time.monotonic()
    ordered = order(account, wanted)
    with reporting(provider, account):
        workers = Workers(provider.port, folder)
        try:
            for _ in range(wanted.workers):
                workers.start()
            torment(workers, account, wanted, verdict, tell=tell)
            ordered |= drain(account, wanted, verdict, tell=tell)
        finally:
            workers.end()
    provider.server.shutdown()
    judge(provider, account, ordered, verdict)
    verdict.seconds = round(time.monotonic() - began, 1)
    return verdict


def order(account: ChannelAccount, wanted: Wanted) -> set[UUID]:
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
        people = list(Contact.objects.of(here)) or [
            provider.make_person(workspace, f"Person {number}", f"+9198220{number:05d}") for number in range(20)
        ]
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
    from django.db import connections

    from amanat.core import clock, tenancy
    from amanat.messaging.outbox import events

    ended = threading.Event()

    def report() -> None:
        while not ended.wait(0.2):
            due = provider.to_report()
            if due:
                with tenancy.inside(account.workspace_id):
                    events.keep(account, [(each.encode(), {"r": each}) for each in due], clock.now())
        connections.close_all()

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def torment(workers: Workers, account: ChannelAccount, wanted: Wanted, verdict: Verdict, *, tell: bool) -> None:
    """Kill a worker every 0.3 to 0.9 s, freeze some beyond their lease, start new ones."""
    chance, until = random.Random(wanted.seed + 1), time.monotonic() + wanted.longest
    while verdict.kills < wanted.kills and time.monotonic() < until:
        time.sleep(chance.uniform(0.3, 0.9))
        workers.thaw()
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
        while len(workers.alive) < wanted.workers:
            workers.start()
        watch(account, verdict, tell=tell and verdict.kills % 20 == 0)
    while workers.frozen:
        time.sleep(0.2)
        workers.thaw()


def drain(account: ChannelAccount, wanted: Wanted, verdict: Verdict, *, tell: bool) -> set[UUID]:
    """Nobody is killed any more: wait until all is sent and reported. Later traffic shows which reports are missing."""
    until, later = time.monotonic() + wanted.longest, set[UUID]()
    while time.monotonic() < until:
        states = watch(account, verdict, tell=tell)
        waits = states["todo"] + states["sending"] + states["unreported"]
        if not waits and not states["unknown"]:
            return later
        if not waits and len(later) < 40:
            later |= order(account, Wanted(messages=4, spread=0.0, seed=len(later)))
        time.sleep(0.5 if not tell else 2.0)
    return later


def watch(account: ChannelAccount, verdict: Verdict, *, tell: bool) -> Counter[str]:
    """Count states, and note how long a claim was over before somebody saw to it."""
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
        states = Counter({name: int(count) for name, count in cursor.fetchall()})
    verdict.unknown_at_most = max(verdict.unknown_at_most, states["unknown"])
    verdict.rescued_in = max(verdict.rescued_in, states["over"])
    if tell:
        print(f"kills {verdict.kills} freezes {verdict.freezes} {dict(states)}", file=sys.stderr)
    return states


def judge(provider: Provider, account: ChannelAccount, ordered: set[UUID], verdict: Verdict) -> None:
    from amanat.basis.models import Decision
    from amanat.core import tenancy
    from amanat.messaging.outbox.models import Dispatch

    with tenancy.inside(account.workspace_id) as here:
        rows = Dispatch.objects.of(here).filter(pk__in=ordered)
        states = dict(rows.values_list("pk", "state"))
        undecided = rows.filter(state="done", decided_at__isnull=True).count()
        decisions = Decision.objects.of(here).filter(what="message", is_allowed=True).count()
    verdict.ordered = len(ordered)
    verdict.states = dict(Counter(states.values()))
    verdict.accepted = sum(provider.accepted[str(key)] > 0 for key in ordered)
    verdict.doubled = sum(provider.accepted[str(key)] > 1 for key in ordered)
    verdict.unknown = sum(state == "unknown" for state in states.values())
    #: Said to be sent and never accepted, or neither accepted nor shown to anybody.
    verdict.lost = sum(not provider.accepted[str(key)] for key in ordered if states.get(key) != "unknown")
    verdict.without_decision = undecided + max(0, verdict.accepted - decisions)
    verdict.answers_lost, verdict.failed, verdict.limited = (
        provider.counts["lost"], provider.counts["failed"], provider.counts["limited"],
    )  # fmt: skip


# --- by hand -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def own_database() -> Iterator[None]:
    """A migrated database of its own on the server of the tests."""
    from amanat.operations import testing

    server = testing.ensure_test_server(Path(tempfile.gettempdir()) / f"amanat-tests-{os.getuid()}")
    name = f"faults_{os.getpid()}"
    os.environ.update(server.environment(name))
    os.environ["DJANGO_SETTINGS_MODULE"] = "amanat.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    from amanat.core import schema

    for alias in settings.DATABASES:
        settings.DATABASES[alias]["NAME"] = name
    server.make_database(name)
    try:
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        schema.protect(using="owner")
        yield
    finally:
        connections.close_all()
        server.drop_database(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in asdict(Wanted()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--nursery", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = vars(parser.parse_args())
    port, folder = options.pop("nursery"), options.pop("folder")
    if port:
        nursery(port, folder)
        return 0
    with own_database(), tempfile.TemporaryDirectory(prefix="amanat-faults-") as place:
        from amanat.accounts.tests import factories
        from amanat.core import tenancy
        from amanat.messaging.outbox.tests import post

        workspace = factories.make_workspace("Shree CSC Kendra", owner="Rekha Kulkarni")
        install(0, Path(place))
        with tenancy.inside(workspace):
            account = post.make_account(workspace)
        verdict = run(account, Wanted(**options), Path(place), tell=True)
    print(json.dumps(asdict(verdict), indent=2))
    return int(bool(verdict.lost or verdict.doubled or verdict.unknown > verdict.ordered / 1000))


if __name__ == "__main__":
    sys.exit(main())
