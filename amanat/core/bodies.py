"""How much a caller may send, how slowly, and how many at once.

A thread that reads a body does nothing else, and a stranger who sends one byte a second would hold it for hours: with as many
connections as there are threads the whole site would stand still. So a body is read before anything else is done with the request, in
one of few places kept for strangers, fewer still for one address, and within a time that a slow line keeps easily.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import RawIOBase
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest

#: A stranger may send a form, and with a public one a proof of 10 MB; who is signed in an import of 100 MB.
MOST_OF_STRANGERS = 12_000_000
MOST_OF_MEMBERS = 110_000_000
#: What is read whole into memory; more is taken apart as it comes (files of forms).
SMALL = 2_621_440
#: Seconds that every body has, and the line that is slow enough for anybody: bytes a second.
PATIENCE, SLOWEST = 30.0, 10_000
#: Seconds that a stranger, and somebody known, waits for a place.
WAITS = (0.5, 2.0)
_PIECE = 64 * 1024


class TooSlow(OSError):
    """A body that would take for ever."""


class NoPlace(Exception):
    """As many bodies are being read as may be."""


class Places:
    """Places in which bodies are read, `most` of them in all and `each` for one caller. Threads of one process share them."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = max(1, most), max(1, each)
        self._taken: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def one(self, whose: str, *, wait: float) -> Iterator[None]:
        """Hold a place, waiting up to `wait` seconds for it. Raises NoPlace."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(whose), wait):
                raise NoPlace
            self._taken[whose] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken[whose] -= 1
                if not self._taken[whose]:
                    del self._taken[whose]
                self._changed.notify_all()

    def _is_free(self, whose: str) -> bool:
        return self._taken[whose] < self._each and self._taken.total() < self._most


class _Timed(RawIOBase):
    """A request's stream that is read in pieces and gives up when its time is over."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self._until = time.monotonic() + PATIENCE + length / SLOWEST

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and 0 <= size <= _PIECE:
            return self._piece(size)
        pieces: list[bytes] = []
        left = -1 if size is None or size < 0 else size
        while left and (piece := self._piece(_PIECE if left < 0 else min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        if time.monotonic() > self._until:
            raise TooSlow("the body of the request came too slowly")
        return cast(bytes, self._stream.read(size))

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self._stream.close()


def length_of(request: HttpRequest) -> int:
    """How long the body is said to be; 0 where nothing sensible is said."""
    try:
        return max(0, int(request.META.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


@cache
def places(*, known: bool) -> Places:
    """The places of this process, for strangers or for those who are known; half of the threads stay free of either."""
    threads = settings.CONFIGURATION.web_threads
    return Places(threads // 4 if known else threads // 2, threads // 8 if known else threads // 4)


def receive(request: HttpRequest, *, whose: str, known: bool) -> int:
    """Read the body of a request of `whose`. Returns 0, or the status of the refusal: 413, 429, 408."""
    length = length_of(request)
    if length > (MOST_OF_MEMBERS if known else MOST_OF_STRANGERS):
        return 413
    try:
        with places(known=known).one(whose, wait=WAITS[known]):
            take_in(request)
    except NoPlace:
        return 429
    except TooSlow:
        return 408
    return 0


def take_in(request: HttpRequest) -> None:
    """Read the body now: into memory where it is small, else as the files of a form. Raises TooSlow."""
    length = length_of(request)
    request._stream = cast(Any, _Timed(request._stream, length))
    try:
        if length <= SMALL:
            request.body  # noqa: B018 (it is kept)
        elif request.content_type == "multipart/form-data":
            request.POST  # noqa: B018 (likewise)
    except OSError as problem:
        raise TooSlow(str(problem)) from problem
