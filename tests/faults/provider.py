"""A provider that speaks HTTP on loopback: it accepts, fails, limits, swallows and loses answers as told, and remembers what it accepted.

In the drill's own process (`Provider`), or in one of its own (`Apart`), so that what it needs of the processor is not taken for ours:

    python -m tests.faults.provider --latency 0.1    (started by the drills; says its port)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.faults.plan import ROOT, Wanted

type _Reader = asyncio.StreamReader
type _Writer = asyncio.StreamWriter
_WORDS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class Provider:
    """One thread answers everybody. What it remembers may be read from any."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted, self.random, self.lock = wanted, random.Random(wanted.seed), threading.Lock()
        self.accepted: Counter[str] = Counter()
        self.came: dict[
            str, float
        ] = {}  #: when the last request for a message came, on the clock that all processes share
        self.swallows: set[str] = set()  #: accounts whose requests are never answered
        self.held: Counter[str] = Counter()  #: of those, by account: how many wait now
        self.held_at_most: Counter[str] = Counter()
        self.unreported: list[
            tuple[float, str, str]
        ] = []  #: when its report is due, the account it came from, the message
        self.counts: Counter[str] = Counter()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        is_open = threading.Event()
        threading.Thread(target=self._serve, args=(is_open,), daemon=True).start()
        is_open.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def to_report(self) -> list[tuple[str, str]]:
        """Accounts and their messages whose report is due; some twice, and in no order, as providers do."""
        now = time.monotonic()
        with self.lock:
            due = [(account, reference) for at, account, reference in self.unreported if at <= now]
            self.unreported = [each for each in self.unreported if each[0] > now]
            again = [each for each in due if self.random.random() < 0.1]
            self.random.shuffle(due)
        return due + again

    def forget_held(self) -> None:
        with self.lock:
            self.held_at_most.clear()

    def _serve(self, is_open: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._attend, "127.0.0.1", 0, backlog=512))
        self.port = server.sockets[0].getsockname()[1]
        is_open.set()
        self._loop.run_forever()
        server.close()

    async def _attend(self, reader: _Reader, writer: _Writer) -> None:
        """One connection, request after request. Its client may be killed at any moment."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = await reader.readexactly(_length(head))
                answer = await self._answer(head.split(b" ", 2)[1].decode(), body, reader)
                if answer is None:
                    break
                writer.write(answer)
        writer.close()

    async def _answer(self, path: str, body: bytes, reader: _Reader) -> bytes | None:
        """The answer as it is written; None: the line ends without one."""
        if path.startswith("/control/"):
            return _written(200, getattr(self, f"_told_{path.removeprefix('/control/')}")(json.loads(body or b"null")))
        said = json.loads(body)
        if said["from"] in self.swallows:
            await self._swallow(said["from"], reader)
            return None
        what, is_lost = self._decided(said["from"], said["reference"])
        await asyncio.sleep(self.wanted.latency)
        if is_lost:
            return None
        status = {"failed": 500, "limited": 429, "accepted": 200}[what]
        return _written(status, {"id": f"post.{said['reference']}"}, "retry-after: 1\r\n" if what == "limited" else "")

    def _decided(self, account: str, reference: str) -> tuple[str, bool]:
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
                self.unreported.append((time.monotonic() + self.random.uniform(0.2, 1.0), account, reference))
            is_lost = what == "accepted" and lose
            self.counts[what] += 1
            self.counts["lost"] += is_lost
        return what, is_lost

    async def _swallow(self, account: str, reader: _Reader) -> None:
        """Take the request and say nothing, until the other side goes away."""
        with self.lock:
            self.held[account] += 1
            self.held_at_most[account] = max(self.held_at_most[account], self.held[account])
        with contextlib.suppress(OSError):
            await reader.read(1)
        with self.lock:
            self.held[account] -= 1

    # What the drill asks when the provider is a process of its own.

    def _told_came(self, _said: Any) -> dict[str, float]:
        return self.came

    def _told_held(self, _said: Any) -> dict[str, int]:
        return dict(self.held_at_most)

    def _told_swallow(self, accounts: list[str]) -> None:
        self.swallows = set(accounts)
        self.forget_held()

    def _told_reports(self, _said: Any) -> list[tuple[str, str]]:
        return self.to_report()


class Apart:
    """A provider in a process of its own, on one core where `core` says so."""

    def __init__(self, *, latency: float, core: int | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.provider", "--latency", str(latency)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        if core is not None:
            for thread in Path(f"/proc/{self._process.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {core})

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def came(self) -> dict[str, float]:
        """When each message came, on this machine's clock that only goes forward."""
        return dict(self._ask("came"))

    @property
    def held_at_most(self) -> Counter[str]:
        return Counter(self._ask("held"))

    def swallow(self, accounts: set[str]) -> None:
        """Answer these accounts nothing from now on, and count anew how many requests they leave waiting."""
        self._ask("swallow", sorted(accounts))

    def to_report(self) -> list[tuple[str, str]]:
        return [(account, reference) for account, reference in self._ask("reports")]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)

    def _ask(self, what: str, said: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", f"/control/{what}", json.dumps(said))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def _length(head: bytes) -> int:
    return next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )  # fmt: skip


def _written(status: int, said: Any, headers: str = "") -> bytes:
    body = json.dumps(said).encode()
    return f"HTTP/1.1 {status} {_WORDS[status]}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.1)
    options = parser.parse_args()
    provider = Provider(Wanted(failing=0.0, limiting=0.0, losing=0.0, latency=options.latency))
    print(provider.port, flush=True)
    sys.stdin.read()  # until the drill ends
    return 0


if __name__ == "__main__":
    sys.exit(main())
