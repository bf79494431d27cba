"""The doubles on their port: as a program of their own, or in a thread for a test."""

from __future__ import annotations

import asyncio
import errno
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amanat.core import clock
from amanat.messaging.sandbox import http
from amanat.messaging.sandbox.graph import Graph
from amanat.messaging.sandbox.http import Reply, Request
from amanat.messaging.sandbox.mail import MailSandbox
from amanat.messaging.sandbox.mail import serve as mail_servers
from amanat.messaging.sandbox.mail_api import MailApis
from amanat.messaging.sandbox.mailbox import Mailboxes
from amanat.messaging.sandbox.push import PushSandbox
from amanat.messaging.sandbox.sign_in import SignIn
from amanat.messaging.sandbox.sms import SmsSandbox

#: Paths that belong to the double of SMS providers.
_OF_SMS = ("/api/", "/send", "/control/sms/")
#: And those of the doubles of mail providers.
_OF_MAIL = "/mail/"
#: And that of mailboxes, beside their own servers.
_OF_MAILBOXES = "/control/mail/"
#: And that of the sign-in at a mail provider.
_OF_SIGN_IN = ("/sign-in/", "/control/sign-in/")
#: And those of the double of push services.
_OF_PUSH = "/push/"


class Doubles:
    """Every provider that speaks HTTP, on one port."""

    def __init__(self, folder: Path) -> None:
        self.graph = Graph(folder)
        self.sms = SmsSandbox(folder=folder)
        self.mail = MailApis()
        self.sign_in = SignIn()
        # Mailboxes live in memory, and each start numbers their mails anew.
        self.servers = MailSandbox(takes=self.sign_in.takes, validity=int(clock.now().timestamp()))
        self.mailboxes = Mailboxes(self.servers)
        self.push = PushSandbox()

    async def answer(self, request: Request) -> Reply:
        if request.path.startswith(_OF_PUSH):
            given = self.push.answer(request.method, request.path, request.headers, request.body)
            return Reply(given.status, given.body, given.headers, given.is_lost)
        if request.path.startswith(_OF_SIGN_IN):
            return self.sign_in.answer(request.method, request.path, request.query, request.body)
        if request.path.startswith(_OF_MAILBOXES):
            return self.mailboxes.answer(request.path, request.headers, request.body)
        if request.path.startswith((*_OF_SMS, _OF_MAIL)):
            double = self.mail if request.path.startswith(_OF_MAIL) else self.sms
            return double.answer(request.method, request.path, request.query, request.headers, request.body)
        return await self.graph.answer(request)

    def start(self) -> None:
        """Carry what an earlier run left to say; in the loop."""
        self.graph.calls.start()
        if self.sms.calls is not None:
            self.sms.calls.start()


def run(*, port: int, folder: Path) -> None:
    """Serve until the process is ended. Ends it with 3 where another program has one of its three ports."""
    try:
        _run(port, folder)
    except OSError as problem:
        if problem.errno != errno.EADDRINUSE:
            raise
        print(
            f"Another program uses one of the ports {port} to {port + 2}, which the sandbox needs: "
            "end it, or start the site with another --port.", file=sys.stderr,
        )  # fmt: skip
        raise SystemExit(3) from None


def _run(port: int, folder: Path) -> None:
    doubles = Doubles(folder)

    async def serve() -> None:
        server = await http.start(doubles.answer, port)
        doubles.start()
        await server.serve_forever()

    with mail_servers(doubles.servers, smtp_port=port + 1, imap_port=port + 2):
        asyncio.run(serve())


@dataclass(frozen=True, slots=True)
class Running:
    """Doubles in a thread. Only what needs no loop may be asked of them directly; the rest by HTTP."""

    port: int
    doubles: Doubles

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(folder: Path, *, port: int = 0) -> Iterator[Running]:
    """The doubles in a thread of this process."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    found: list[Running] = []

    async def serve() -> None:
        doubles = Doubles(folder)
        server = await http.start(doubles.answer, port)
        found.append(Running(server.sockets[0].getsockname()[1], doubles))
        doubles.start()
        ready.set()

    def work() -> None:
        starting = loop.create_task(serve())
        loop.run_forever()
        starting.cancel()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("the doubles did not start")
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
