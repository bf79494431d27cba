"""The calls of a double to us: events in order, a queue for each account, tried again until they are taken.

What was not taken is in the record and goes out again after a restart.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from amanat.core import clock
from amanat.messaging.sandbox import http
from amanat.messaging.sandbox.record import Record

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0


class Called(Protocol):
    """Who is called: `callback` is the address, `host` the name under which it is asked where that is not its own."""

    @property
    def id(self) -> str: ...
    @property
    def callback(self) -> str: ...
    @property
    def host(self) -> str: ...


@dataclass
class Event:
    """One change of a webhook. `entry_time` stands in calls that are not about messages."""

    seq: int
    number_id: str
    field: str
    value: dict[str, Any]
    entry_time: int = 0


#: Headers and body of a call with these events.
type Written[N: Called] = Callable[[N, Sequence[Event]], tuple[Mapping[str, str], bytes]]


class Calls[N: Called]:
    """The events that wait, a queue for each number, and the tasks that carry them; `most` is of events in one call."""

    def __init__(self, record: Record, numbers: Mapping[str, N], written: Written[N], *, most: int) -> None:
        self._record, self._numbers, self._written, self._most = record, numbers, written, most
        self._waiting: dict[str, deque[Event]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._next = itertools.count(1)
        self.taken = 0
        self.failed = 0

    def restore(self, line: dict[str, Any]) -> None:
        """An "event" or "acked" line of the record."""
        if line["what"] == "event":
            event = Event(line["seq"], line["number"], line["field"], line["value"], line["time"])
            self._waiting.setdefault(event.number_id, deque()).append(event)
            self._next = itertools.count(event.seq + 1)
        else:
            gone = set(line["seqs"])
            for number_id, events in self._waiting.items():
                self._waiting[number_id] = deque(event for event in events if event.seq not in gone)

    def start(self) -> None:
        """Carry what an earlier run left."""
        for number_id in list(self._waiting):
            self._carry(number_id)

    def add(self, number: N, field: str, value: dict[str, Any], *, is_timed: bool = False) -> None:
        """Put an event in the queue; it goes out at once, or with those that follow within a moment."""
        entry_time = int(clock.now().timestamp()) if is_timed else 0
        event = Event(next(self._next), number.id, field, value, entry_time)
        facts = {"number": number.id, "field": field, "value": value, "time": entry_time}
        self._record.add("event", seq=event.seq, **facts)
        self._waiting.setdefault(number.id, deque()).append(event)
        self._carry(number.id)

    def waiting(self) -> int:
        return sum(len(events) for events in self._waiting.values())

    def clear(self) -> None:
        for events in self._waiting.values():
            events.clear()

    def _carry(self, number_id: str) -> None:
        task = self._tasks.get(number_id)
        if task is None or task.done():
            self._tasks[number_id] = asyncio.get_running_loop().create_task(self._carried(number_id))

    async def _carried(self, number_id: str) -> None:
        """Take events from the front, call, and go on; a call that is not taken is made again later."""
        pause = _FIRST_PAUSE
        await asyncio.sleep(0.02)
        while events := self._waiting.get(number_id):
            number = self._numbers.get(number_id)
            batch = [events[place] for place in range(min(len(events), self._most))]
            if number is None or not number.callback:
                return
            if await self._called(number, batch):
                gone = {event.seq for event in batch}
                self._waiting[number_id] = deque(event for event in self._waiting[number_id] if event.seq not in gone)
                self._record.add("acked", seqs=sorted(gone))
                self.taken += len(batch)
                pause = _FIRST_PAUSE
            else:
                self.failed += 1
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _called(self, number: N, batch: list[Event]) -> bool:
        headers, body = self._written(number, batch)
        if number.host:
            headers = {**headers, "host": number.host}
        try:
            reply = await http.ask("POST", number.callback, headers=headers, body=body)
        except (OSError, TimeoutError, ValueError):
            return False
        return reply.status == 200
