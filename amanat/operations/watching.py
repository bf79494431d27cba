"""Finds a service that lives but does not answer. Nothing here ever waits: the supervisor has more to look after."""

import select
import socket
import time

PATIENCE = 20.0  # seconds a question may stay unanswered: a machine with too much to do answers late, a service that hangs never
PAUSE = 5.0  # seconds between questions
FIRST_PAUSE = 1.0  # the same, until it has answered once
MOST_UNANSWERED = 2
FIRST_ANSWER = 180.0  # seconds a service may take to answer for the first time


class Watch:
    """Asks one HTTP service the same small question again and again. Any answer is a sign of life, a refusal too."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self._address = (host, port)
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        self._socket: socket.socket | None = None
        self.begin()

    def begin(self) -> None:
        """The service was started just now."""
        self._close()
        self._has_answered = self._is_asked = False
        self._unanswered = 0
        self._began = self._next = self._asked = time.monotonic()

    def has_hung(self) -> bool:
        """Go one step on. True once enough questions in a row stayed without any answer."""
        now = time.monotonic()
        if self._socket is None:
            if now >= self._next:
                self._ask(now)
        elif self._is_over():
            self._close()
        elif now - self._asked > PATIENCE:
            self._close()
            if self._has_answered or now - self._began > FIRST_ANSWER:
                self._unanswered += 1
        return self._unanswered >= MOST_UNANSWERED

    def _ask(self, now: float) -> None:
        self._asked, self._is_asked = now, False
        self._next = now + (PAUSE if self._has_answered else FIRST_PAUSE)
        self._socket = socket.socket(socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET)
        self._socket.setblocking(False)
        self._socket.connect_ex(self._address)

    def _is_over(self) -> bool:
        """Whether this question has come to an end: answered, or refused because nobody listens as yet."""
        assert self._socket is not None
        readable, writable, _ = select.select([self._socket], [self._socket], [], 0)
        try:
            if not self._is_asked and writable:
                self._socket.sendall(self._request)
                self._is_asked = True
            elif self._is_asked and readable and self._socket.recv(1):
                self._has_answered, self._unanswered = True, 0
                return True
        except BlockingIOError:
            return False
        except OSError:
            return True
        return self._is_asked and bool(readable)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
