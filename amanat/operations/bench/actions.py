"""The measured actions, each a whole page as a signed-in member asks for it."""

from __future__ import annotations

import csv
import http.client
import io
import os
import re
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from amanat.operations.bench import machine
from amanat.operations.bench.browser import Browser
from amanat.operations.bench.site import Running

Step = Callable[[int], None]
PATIENCE = 900.0  # seconds for an import
#: Actions of `promises`, which needs a database to be imported.
PROMISES = (
    "gate, one decision", "gate, 500 in one query", "opt-out to refused message", "list, first page, with the guard of purposes",
    "lint and render a policy", "retention sweep, nothing due", "somebody with 100 lines",
    "somebody with 2,000 lines and 200 files", "retention run", "probes of a workspace",
)  # fmt: skip
RETENTION_RUN = "retention run"
PART_OF_A_NAME = ("eshmuk", "ulkar", "unit", "hosal", "grawa", "aikwa")
TYPED = ("su", "sun", "suni", "sunit", "desh", "रमे", "ram pat", "9198")
PART_OF_A_NUMBER = ("041736", "550184", "903412", "273649", "118297", "667125")


def measure_all(
    site: Running, seeded: dict[str, Any], *, repeat: int, import_rows: int, rush: float, only: list[str]
) -> dict[str, dict[str, float]]:
    browser = Browser(site.port)
    browser.sign_in(seeded["email"], seeded["password"])
    figures: dict[str, dict[str, float]] = {}
    with quiet(site):
        pages = {} if only and set(only) <= set(PROMISES) else _pages(browser, site, seeded)
        for name, step in pages.items():
            if not only or name in only:
                figures[name] = measure(site, step, repeat=5 if name == "sign in" else repeat)
        if not only or "list, requests a second, 8 connections" in only:
            figures["list, requests a second, 8 connections"] = throughput(site, browser, seconds=rush)
    if not only or "import" in only:
        figures["import"] = measure_import(site, browser, import_rows)
    return figures


def measure_promises(
    site: Running, seeded: dict[str, Any], *, repeat: int, people: int, lines: int, ledger: int, only: list[str]
) -> dict[str, dict[str, float]]:
    """See `promises`: timed in a process of its own, on the site's core; the retention run has the cores that a night has."""
    words = ["amanat.operations.bench.promises", seeded["email"], *map(str, (repeat, people, lines, ledger))]
    wanted = [name for name in PROMISES if not only or name in only]
    told: dict[str, dict[str, float]] = {}
    if not wanted:
        return told
    with quiet(site):
        if on_one := [name for name in wanted if name != RETENTION_RUN]:
            told |= site.told(*words, *on_one)
        if RETENTION_RUN in wanted:
            with site.shared():
                told |= site.told(*words, RETENTION_RUN, is_shared=True)
    return told


@contextmanager
def quiet(site: Running) -> Iterator[None]:
    """Hold the worker still, so that its sweeps are not counted as a page's work. Never with a lock in its hand: the measured would wait for ever."""
    held, until = site.worker(), time.monotonic() + PATIENCE
    _signal(held, signal.SIGSTOP)
    try:
        while not _comes_to_rest(site):
            if time.monotonic() > until:
                raise TimeoutError("the worker is always in the middle of something")
            _signal(held, signal.SIGCONT)
            time.sleep(0.1)
            _signal(held, signal.SIGSTOP)
        yield
    finally:
        _signal(held, signal.SIGCONT)


def _signal(processes: Iterable[int], what: signal.Signals) -> None:
    for pid in processes:
        os.kill(pid, what)


def _comes_to_rest(site: Running) -> bool:
    """Whether the database has nothing open a moment after the worker was stopped; a statement may still end meanwhile."""
    time.sleep(0.1)
    return site.is_asked_nothing()


def _pages(browser: Browser, site: Running, seeded: dict[str, Any]) -> dict[str, Step]:
    ready = _create_bodies(browser)
    hindi = Browser(site.port)
    hindi.cookies = browser.cookies | {"language": "hi"}

    def page(path: str, by: Browser = browser) -> Step:
        def step(_number: int) -> None:
            expect(by.get(path), 200)

        return step

    def search(words: tuple[str, ...], path: str = "/search/") -> Step:
        def step(number: int) -> None:
            expect(browser.get(f"{path}?{urlencode({'q': words[number % len(words)]})}"), 200)

        return step

    def create(number: int) -> None:
        expect(browser.send_ready("/contacts/new/", ready(number)), 302, 303)

    def sign_in(_number: int) -> None:
        # `post` fetches the form first, as a browser does.
        body = [("login", seeded["email"]), ("password", seeded["password"])]
        expect(visitor.post("/accounts/login/", body), 302, 303)
        visitor.cookies.clear()

    visitor = Browser(site.port)
    return {
        "list, first page": page("/contacts/"),
        "list, in Hindi": page("/contacts/", hindi),
        "list, 90 % down": page(seeded["deep"]),
        "search part of a name": search(PART_OF_A_NAME),
        "search phone digits": search(PART_OF_A_NUMBER),
        "palette, while a name is typed": search(TYPED, "/search/palette/"),
        "open a contact with 100 activities": page(f"/contacts/{seeded['busy_contact']}/"),
        "create a contact": create,
        "today": page("/"),
        "sign in": sign_in,
    }


def expect(answer: tuple[int, str], *statuses: int) -> None:
    if answer[0] not in statuses:
        raise RuntimeError(f"answered {answer[0]}: {answer[1][:300]}")


def _create_bodies(browser: Browser) -> Callable[[int], bytes]:
    token = browser.token("/contacts/new/")
    start = int(time.time()) % 10_000_000

    def body(number: int) -> bytes:
        fields = {
            "csrfmiddlewaretoken": token,
            "name": f"Bench Person {start + number}",
            "phones-0-number": f"97{(start * 97 + number * 131) % 100_000_000:08d}",
            "emails-0-address": f"bench.{start}.{number}@example.in",
        }
        return urlencode(fields).encode()

    return body


def measure(site: Running, step: Step, *, repeat: int) -> dict[str, float]:
    """Milliseconds of processor time (web, database, sum) and of waiting (median, 95th percentile) for one step."""
    for number in range(5):
        step(10_000 + number)
    web, database = site.web(), site.database()
    before = machine.precise_cpu_ms(web), machine.precise_cpu_ms(database)
    waits = []
    for number in range(repeat):
        begun = time.perf_counter()
        step(number)
        waits.append((time.perf_counter() - begun) * 1000)
    after = machine.precise_cpu_ms(web), machine.precise_cpu_ms(database)
    waits.sort()
    web_ms, database_ms = (after[0] - before[0]) / repeat, (after[1] - before[1]) / repeat
    return {
        "cpu_ms": round(web_ms + database_ms, 1),
        "web_ms": round(web_ms, 1),
        "database_ms": round(database_ms, 1),
        "p50_ms": round(statistics.median(waits), 1),
        "p95_ms": round(waits[min(len(waits) - 1, int(len(waits) * 0.95))], 1),
    }


def throughput(site: Running, signed_in: Browser, *, connections: int = 8, seconds: float) -> dict[str, float]:
    """Answers a second of the list's first page with some clients asking at once.

    `of_the_core` is how much of its core the site got, in percent: on a machine that does other things meanwhile, less.
    """
    done = [0] * connections
    stop_at = time.perf_counter() + seconds
    cookie = "; ".join(f"{name}={value}" for name, value in signed_in.cookies.items())

    def client(place: int) -> None:
        connection = http.client.HTTPConnection("localhost", site.port, timeout=60)
        while time.perf_counter() < stop_at:
            connection.request("GET", "/contacts/", headers={"Cookie": cookie, "Accept-Language": "en"})
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                done[place] += 1

    threads = [threading.Thread(target=client, args=(place,)) for place in range(connections)]
    processes = [*site.web(), *site.database()]
    before = machine.precise_cpu_ms(processes)
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    used = machine.precise_cpu_ms([*site.web(), *site.database()]) - before
    return {
        "per_second": round(sum(done) / took, 1),
        "request_ms": round(used / max(sum(done), 1), 1),
        "of_the_core": round(used / 10 / took),
    }


def measure_import(site: Running, browser: Browser, rows: int) -> dict[str, float]:
    """Seconds from the start button to "done" for a CSV file of `rows` new people, and the processor time of all."""
    expect(browser.upload("/imports/", "bench.csv", _csv(rows), [], page="/imports/"), 302, 303)
    run = browser.location
    text = browser.get(run)[1]
    fields = [*_form_fields(text), ("act", "start")]
    before = {pid: machine.precise_cpu_ms([pid]) for pid in machine.tree(site.supervisor)}
    begun = time.perf_counter()
    expect(browser.post(f"{run}start/", fields, page=run), 302, 303)
    while browser.get(f"{run}progress/")[
        1
    ].strip():  # the part that the page asks for, every two seconds; empty when all is over
        if time.perf_counter() - begun > PATIENCE:
            raise TimeoutError("the import did not end")
        time.sleep(0.2)
    took = time.perf_counter() - begun
    if 'tag-green">Done<' not in browser.get(run)[1]:
        raise RuntimeError("the import ended without being done")
    # Whoever began meanwhile counts too: a connection of the worker that opens at the first statement has a process of its own.
    used = sum(machine.precise_cpu_ms([pid]) - before.get(pid, 0) for pid in machine.tree(site.supervisor))
    return {
        "seconds": round(took, 2),
        "cpu_s": round(used / 1000, 2),
        "rows": rows,
    }


def _form_fields(page: str) -> list[tuple[str, str]]:
    """The values a browser would send for the selects, ticked boxes and hidden fields of the page's main form."""
    fields = []
    for select in re.finditer(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)"[^>]*selected', select.group(2))
        first = re.search(r'<option value="([^"]*)"', select.group(2))
        pick = chosen or first
        fields.append((select.group(1), pick.group(1) if pick else ""))
    for tag in re.finditer(r"<input[^>]+>", page):
        kind = re.search(r'type="([^"]+)"', tag.group(0))
        name = re.search(r'name="([^"]+)"', tag.group(0))
        value = re.search(r'value="([^"]*)"', tag.group(0))
        if not name or name.group(1) in {"csrfmiddlewaretoken", "q"}:
            continue
        if kind and kind.group(1) in {"radio", "checkbox"} and "checked" not in tag.group(0):
            continue
        fields.append((name.group(1), value.group(1) if value else ""))
    return fields


def _csv(rows: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Name", "Mobile", "Email", "Company", "City", "Notes"])
    salt = int(time.time()) % 1_000_000
    for number in range(rows):
        mobile = f"96{(salt * 37 + number) % 100_000_000:08d}"
        company = f"Import Traders {number % 500}" if number % 3 == 0 else ""
        writer.writerow(
            [
                f"Imported {number} Person",
                mobile,
                f"import{salt}.{number}@example.in",
                company,
                "Nashik",
                "From the bench",
            ]
        )
    return text.getvalue().encode()
