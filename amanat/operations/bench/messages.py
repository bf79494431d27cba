"""What conversations cost: messages sent by the real worker to our double of the provider, calls of the provider taken in, the inbox.

The double runs in a process of its own and answers after 100 ms. Pages are measured like all others (`actions`); for what is sent and
taken in, site, worker, database and double share two cores, as the goals say.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from amanat.core.configuration import CHECKOUT
from amanat.operations.bench import machine
from amanat.operations.bench.actions import PATIENCE, expect, measure, quiet
from amanat.operations.bench.browser import Browser
from amanat.operations.bench.site import Running

type Figures = dict[str, float]
LATENCY = 0.1
CONNECTIONS = 16
SEARCHED = ("passport", "insurance renewal", "deshmukh payment", "pan card", "nashik receipt", "आधार")
_MODULE = "amanat.operations.bench.conversations"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is: conversations of four messages, services, people to remind, calls of the provider."""

    threads: int
    services: int
    reminded: int
    events: int


class Conversations:
    """The measured workspace with its conversations."""

    def __init__(self, site: Running, seeded: dict[str, Any], sizes: Sizes, repeat: int) -> None:
        self.site, self.sizes, self.repeat = site, sizes, repeat
        self.email = str(seeded["email"])
        self.seeded = self.told("seed", sizes.threads, sizes.services, sizes.reminded, is_pinned=False)
        print(f"Conversations are there after {self.seeded['seconds']} s.", file=sys.stderr)
        self.browser = Browser(site.port)
        self.browser.sign_in(seeded["email"], seeded["password"])
        expect(self.browser.get("/inbox/"), 200)  # the first page chooses the workspace

    def told(self, act: str, *numbers: int, is_pinned: bool = True) -> Any:
        return self.site.told(_MODULE, act, self.email, *(str(number) for number in numbers), is_pinned=is_pinned)


def measure_messages(
    site: Running, seeded: dict[str, Any], sizes: Sizes, *, repeat: int, only: list[str]
) -> dict[str, Figures]:
    """The figures of these actions; the conversations are written first, where they are not there yet."""
    if only and not set(only) & set(ACTIONS):
        return {}
    bench = Conversations(site, seeded, sizes, repeat)
    found: dict[str, Figures] = {}
    for name, measured in ACTIONS.items():
        if not only or name in only:
            print(f"Measuring: {name}", file=sys.stderr)
            found |= (new := measured(bench, name))
            print(json.dumps(new), file=sys.stderr)
    return found


# --- pages ---------------------------------------------------------------------------------------------------------


def _page(path: Callable[[Conversations, int], str]) -> Callable[[Conversations, str], dict[str, Figures]]:
    def measured(bench: Conversations, name: str) -> dict[str, Figures]:
        with quiet(bench.site):
            return {
                name: measure(
                    bench.site, lambda number: expect(bench.browser.get(path(bench, number)), 200), repeat=bench.repeat
                )
            }

    return measured


def _searched(_bench: Conversations, number: int) -> str:
    return f"/inbox/?{urlencode({'q': SEARCHED[number % len(SEARCHED)]})}"


def search(bench: Conversations, name: str) -> dict[str, Figures]:
    with quiet(bench.site):
        return {name: bench.told("search", bench.repeat)}


# --- reminders and sending -----------------------------------------------------------------------------------------


def reminders(bench: Conversations, name: str) -> dict[str, Figures]:
    """Worked out and ordered; what is ordered is sent right after, so that nothing is left to the next action."""
    with _double(bench.site):  # before the worker goes on: a provider that is not there gets longer and longer pauses
        with quiet(bench.site):
            found: Figures = bench.told("remind", bench.sizes.reminded)
        _wait_for(lambda: not bench.told("left")["messages"], "the reminders to be sent", every=5.0)
    return {name: found}


def sending(bench: Conversations, name: str) -> dict[str, Figures]:
    """From the first message the double took to the last; everything that sending asks for is inside: gate, decision, ledger."""
    site = bench.site
    with _double(site) as double, quiet(site):
        before = double.counts()["accepted"]
        ordered = int(bench.told("remind", bench.sizes.reminded)["reminders"])
        with site.shared():
            used = _Used(worker=site.worker, database=site.database, double=lambda: [double.pid])
            for pid in site.worker():
                os.kill(pid, signal.SIGCONT)
            _wait_for(lambda: double.counts()["accepted"] >= before + ordered, "the messages to be taken", every=0.5)
            each = used.each(ordered)
        moments = sorted(line["at"] for line in double.record(after=before))
    took = moments[-1] - moments[0]
    return {
        name: {"per_second": round(len(moments) / took, 1), "messages": len(moments), "seconds": round(took, 2), **each}
    }


class _Used:
    """Processor time of groups of processes from now on, those that end meanwhile included."""

    def __init__(self, **groups: Callable[[], list[int]]) -> None:
        self._groups = groups
        self._before = {name: machine.cpu_ms(pids()) for name, pids in groups.items()}

    def each(self, count: int) -> Figures:
        """Milliseconds for each of `count`."""
        now = {name: machine.cpu_ms(pids()) - self._before[name] for name, pids in self._groups.items()}
        return {f"{name}_ms": round(ms / max(count, 1), 2) for name, ms in now.items()}


class Double:
    """Our double of the providers in its own process."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = json.dumps(data).encode() if data is not None else None
        connection.request(method, f"/control/{path}", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the double answered {answer.status}: {content[:200]!r}")
        return json.loads(content)

    def counts(self) -> dict[str, int]:
        return dict(self.ask("GET", "counts"))

    def record(self, *, after: int) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"record?after={after}"))


@contextmanager
def _double(site: Running) -> Iterator[Double]:
    """The double, with its latency, that takes every template and reports nothing by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "amanat", "sandbox", "--port", str(site.port)],
        cwd=CHECKOUT, env=site.environment, stdout=sys.stderr, start_new_session=True,
    )  # fmt: skip
    double = Double(site.port + 2, process.pid)
    try:
        for _ in range(240):
            try:
                double.counts()
                break
            except OSError:
                time.sleep(0.25)
        double.ask("POST", "settings", {"any_template": True, "reports": [], "window": False})
        double.ask("POST", "faults", {"delay": LATENCY})
        yield double
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(is_done: Callable[[], bool], what: str, *, every: float) -> None:
    until = time.monotonic() + PATIENCE
    while not is_done():
        if time.monotonic() > until:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(every)


# --- calls of the provider -----------------------------------------------------------------------------------------


def intake(bench: Conversations, name: str) -> dict[str, Figures]:
    """Calls of one event each on kept connections while no worker works; then the time until all is worked off."""
    calls = [_signed(bench, value) for value in _values(bench, bench.sizes.events)]
    with bench.site.shared():
        with quiet(bench.site):
            used = _Used(web=bench.site.web, database=bench.site.database)
            begun = time.perf_counter()
            waits = _called(bench, calls)
            took = time.perf_counter() - begun
            each = used.each(len(calls))
        begun = time.perf_counter()
        _wait_for(lambda: not bench.told("left", is_pinned=False)["events"], "the events to be worked off", every=1.0)
        worked = time.perf_counter() - begun
    waits.sort()
    found: Figures = {
        "per_second": round(len(calls) / took, 1), "events": len(calls), "waited_ms": round(statistics.median(waits), 1),
        "p99_ms": round(waits[int(len(waits) * 0.99)], 1), "most_ms": round(waits[-1], 1), "worked_off_s": round(worked, 1), **each,
    }  # fmt: skip
    return {name: found}


def _values(bench: Conversations, count: int) -> Iterator[dict[str, Any]]:
    """Four reports about messages of ours for each thing that somebody writes."""
    known, salt = bench.seeded["known"], f"{time.time_ns():x}"
    for number in range(count):
        reference, phone = known[number % len(known)]
        if number % 5:
            yield {"statuses": [{
                "id": f"wamid.{salt}.{number}", "status": ("delivered", "read")[number // len(known) % 2],
                "timestamp": str(_now(bench)), "recipient_id": phone.lstrip("+"), "biz_opaque_callback_data": reference,
            }]}  # fmt: skip
        else:
            yield _written(bench, phone, f"wamid.{salt}.{number}", "Haan, Monday ko aati hoon")


def _written(bench: Conversations, phone: str, key: str, text: str) -> dict[str, Any]:
    sender = phone.lstrip("+")
    return {
        "contacts": [{"wa_id": sender, "profile": {"name": "Somebody"}}],
        "messages": [{"id": key, "from": sender, "timestamp": str(_now(bench)), "type": "text", "text": {"body": text}}],
    }  # fmt: skip


def _now(bench: Conversations) -> int:
    return int(time.time()) + int(bench.site.environment.get("AMANAT_TIME_OFFSET", "0"))


def _signed(bench: Conversations, value: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    about = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": bench.seeded["address"].lstrip("+"), "phone_number_id": bench.seeded["number"],
        },
    }  # fmt: skip
    change = {"field": "messages", "value": {**about, **value}}
    body = json.dumps({
        "object": "whatsapp_business_account", "entry": [{"id": bench.seeded["waba"], "changes": [change]}],
    }).encode()  # fmt: skip
    signature = hmac.new(bench.seeded["app_secret"].encode(), body, hashlib.sha256).hexdigest()
    return body, {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}


def _called(bench: Conversations, calls: Sequence[tuple[bytes, dict[str, str]]]) -> list[float]:
    """Make the calls from several connections at once; how long each waited, in milliseconds."""
    waits: list[float] = []
    waiting, problems = iter(calls), list[str]()
    lock = threading.Lock()

    def call() -> None:
        connection = http.client.HTTPConnection("localhost", bench.site.port, timeout=60)
        while not problems:
            with lock:
                found = next(waiting, None)
            if found is None:
                break
            begun = time.perf_counter()
            connection.request("POST", bench.seeded["hook"], *found)
            answer = connection.getresponse()
            answer.read()
            waits.append((time.perf_counter() - begun) * 1000)
            if answer.status != 200:
                problems.append(f"a call was answered {answer.status}")

    threads = [threading.Thread(target=call) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise RuntimeError(problems[0])
    return waits


def to_the_page(bench: Conversations, name: str) -> dict[str, Figures]:
    """From the first byte of a call to the conversation's page that shows what was written, told by the live process."""
    waits = []
    page, phone = f"/inbox/{bench.seeded['thread']}/", str(bench.seeded["phone"])
    with _listening(bench) as stream, bench.site.shared():
        for number in range(max(bench.repeat // 4, 5) + 2):
            text = f"bench {time.time_ns()}"
            body, headers = _signed(bench, _written(bench, phone, f"wamid.live.{time.time_ns()}", text))
            begun = time.perf_counter()
            caller = http.client.HTTPConnection("localhost", bench.site.port, timeout=60)
            caller.request("POST", bench.seeded["hook"], body, headers)
            if caller.getresponse().status != 200:
                raise RuntimeError("the call was not taken")
            while True:
                _heard(stream, bench.seeded["thread"])
                answer = bench.browser.get(page)
                expect(answer, 200)
                if text in answer[1]:
                    break
            waits.append((time.perf_counter() - begun) * 1000)
            time.sleep(0.3 + 0.1 * (number % 5))  # people do not write in step with our clocks
    waits = sorted(waits[2:])
    return {
        name: {
            "waited_ms": round(statistics.median(waits), 1),
            "p95_ms": round(waits[min(len(waits) - 1, int(len(waits) * 0.95))], 1),
            "times": len(waits),
        }
    }


@contextmanager
def _listening(bench: Conversations) -> Iterator[Any]:
    """The stream of events of a signed-in page."""
    connection = http.client.HTTPConnection("localhost", bench.site.port + 1, timeout=60)
    cookie = "; ".join(f"{name}={value}" for name, value in bench.browser.cookies.items())
    connection.request("GET", "/live/events", headers={"Cookie": cookie, "Accept": "text/event-stream"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"the live process answered {answer.status}")
    try:
        yield answer
    finally:
        connection.close()


def _heard(stream: Any, thread: str) -> None:
    """Read until the stream says that the conversation changed."""
    topic = ""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        line = stream.readline().decode().strip()
        if line.startswith("event: "):
            topic = line.removeprefix("event: ")
        elif line == f"data: {thread}" and topic == "messaging.thread":
            return
    raise TimeoutError("nobody told the page")


ACTIONS: dict[str, Callable[[Conversations, str], dict[str, Figures]]] = {
    "inbox, all": _page(lambda _bench, _number: "/inbox/?view=all"),
    "inbox, 90 % down": _page(lambda bench, _number: f"/inbox/?{urlencode({'view': 'all', 'after': bench.seeded['deep']})}"),
    "inbox, could not be sent": _page(lambda _bench, _number: "/inbox/?view=failed"),
    "a conversation": _page(lambda bench, _number: f"/inbox/{bench.seeded['thread']}/"),
    "search in messages, page": _page(_searched),
    "search in messages": search,
    "reminders of a day": reminders,
    "messages sent": sending,
    "calls of the provider": intake,
    "from the provider's call to the open page": to_the_page,
}  # fmt: skip
