"""The live process: server-sent events for open pages. A small ASGI application without Django's request machinery.

It holds no transaction: a sign-in is checked once when a page connects and every five seconds after, on a thread; what
happens is heard on one LISTEN connection. `GET /live/events` streams `event: <topic>` with the row's id to members of
the workspace concerned; `GET /live/healthz` says 200 while the LISTEN connection stands. Without a proxy in front the
site's own pages, which come from another port, may read the stream; nobody else's may.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from typing import Any
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amanat.settings")

import django

django.setup()

import psycopg
from django.conf import settings
from django.db import close_old_connections
from psycopg.conninfo import make_conninfo

from amanat.accounts import access
from amanat.accounts.session_store import SessionStore
from amanat.core import announcements, tenancy

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

CHECK_SECONDS = 5  #: how often an open stream's sign-in is checked again, and a comment keeps the line open
WAITING = 100  #: events a slow page may fall behind before it is cut off, to reconnect


class Hub:
    """The open pages by workspace, fed by one listener that reconnects when the database went away."""

    def __init__(self) -> None:
        self.pages: dict[UUID, set[asyncio.Queue[tuple[str, str] | None]]] = {}
        self.is_listening = False
        self.listener: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self.listener is None or self.listener.done():
            self.listener = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(_address(), autocommit=True) as connection:
                    await connection.execute(f"LISTEN {announcements.CHANNEL}")
                    self.is_listening = True
                    async for notice in connection.notifies():
                        self._pass_on(notice.payload)
            except psycopg.Error:
                pass
            self.is_listening = False
            await asyncio.sleep(1)

    def _pass_on(self, payload: str) -> None:
        try:
            news = json.loads(payload)
            workspace, said = UUID(str(news["workspace"])), (str(news["topic"]), str(news["id"]))
        except (ValueError, KeyError, TypeError):
            return  # not ours; the listener must outlive it
        for page in list(self.pages.get(workspace, ())):
            try:
                page.put_nowait(said)
            except asyncio.QueueFull:
                self.leave(workspace, page)
                page.get_nowait()
                page.put_nowait(None)  # ends its stream: the page connects again and looks at everything anew

    def join(self, workspace: UUID) -> asyncio.Queue[tuple[str, str] | None]:
        page: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue(WAITING)
        self.pages.setdefault(workspace, set()).add(page)
        return page

    def leave(self, workspace: UUID, page: asyncio.Queue[tuple[str, str] | None]) -> None:
        self.pages.get(workspace, set()).discard(page)
        if not self.pages.get(workspace):
            self.pages.pop(workspace, None)


def _address() -> str:
    entry = settings.DATABASES["default"]
    return make_conninfo(
        host=entry["HOST"], port=entry["PORT"], dbname=entry["NAME"], user=entry["USER"], password=entry["PASSWORD"]
    )


def _workspace_of(session_key: str) -> UUID | None:
    """The workspace of a signed-in browser whose user still sits in it. Runs on a thread."""
    close_old_connections()
    try:
        session = SessionStore(session_key)
        session.load()
        row = session.row
        if row is None or row.user is None or not row.user.is_active or row.workspace_id is None:
            return None
        with tenancy.inside(row.workspace_id):
            return row.workspace_id if access.seat_of(row.user, row.workspace_id) else None
    finally:
        close_old_connections()


hub = Hub()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] != "http":
        return
    hub.start()
    if scope["path"] == "/live/healthz":
        await _answer(send, 200 if hub.is_listening else 503)
    elif scope["path"] == "/live/events" and scope["method"] == "GET":
        await _events(scope, receive, send)
    else:
        await _answer(send, 404)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            hub.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            if hub.listener is not None:
                hub.listener.cancel()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _answer(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n" if status == 200 else b"no\n"})


def _session_key(scope: Scope) -> str:
    cookies: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            cookies.load(value.decode("latin-1"))
    found = cookies.get(settings.SESSION_COOKIE_NAME)
    return found.value if found else ""


def _for_our_pages(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Without a proxy in front the site's pages come from the port below, another origin: they alone may read what is sent."""
    origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
    if not settings.CONFIGURATION.live_url or origin.decode("latin-1") != settings.BASE_URL:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"origin"),
    ]


async def _events(scope: Scope, receive: Receive, send: Send) -> None:
    key = _session_key(scope)
    workspace = await asyncio.to_thread(_workspace_of, key) if key else None
    if workspace is None:
        await _answer(send, 401)
        return
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        *_for_our_pages(scope),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    page = hub.join(workspace)
    gone = asyncio.create_task(_until_gone(receive))
    try:
        await _stream(key, workspace, page, gone, send)
    finally:
        gone.cancel()
        hub.leave(workspace, page)


async def _stream(
    key: str,
    workspace: UUID,
    page: asyncio.Queue[tuple[str, str] | None],
    gone: asyncio.Task[None],
    send: Send,
) -> None:
    """Pass on what happens until the page is gone or may not hear it any more; a busy workspace delays no check."""
    due = time.monotonic() + CHECK_SECONDS
    while not gone.done():
        text = ": still here\n\n"
        try:
            news = await asyncio.wait_for(page.get(), max(due - time.monotonic(), 0))
        except TimeoutError:
            pass
        else:
            if news is None:
                break
            text = f"event: {news[0]}\ndata: {news[1]}\n\n"
        if time.monotonic() >= due:
            if await asyncio.to_thread(_workspace_of, key) != workspace:
                break
            due = time.monotonic() + CHECK_SECONDS
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
