"""A small HTTP/1.1 server for the doubles: many kept connections at once, answers that may come late or never.

Only for this machine: it listens on 127.0.0.1 and refuses requests that were addressed to another name, which a page in
a browser could otherwise be led to make.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_MOST_HEAD, _MOST_BODY = 32_768, 40_000_000
HERE = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class Request:
    """Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises ValueError."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """`is_lost` closes the connection instead of answering."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_lost: bool = False


def as_json(data: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(data).encode(), {"content-type": "application/json; charset=UTF-8", **headers})


Handler = Callable[[Request], Awaitable[Reply]]


async def start(handler: Handler, port: int) -> asyncio.Server:
    """Listen on 127.0.0.1; port 0 takes any that is free."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _one(handler, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", port, limit=_MOST_HEAD, backlog=512)


async def _one(handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; False when the connection ends with it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head[:-4].split("\r\n")
    method, target, _version = line.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    size = int(headers.get("content-length", 0))
    if not 0 <= size <= _MOST_BODY or "transfer-encoding" in headers:
        raise ValueError("a body without a usable length")
    body = await reader.readexactly(size) if size else b""
    parts = urlsplit(target)
    if headers.get("host", "").rpartition(":")[0] not in HERE and headers.get("host") not in HERE:
        reply = Reply(421)
    else:
        reply = await handler(Request(method, parts.path, dict(parse_qsl(parts.query)), headers, body))
    if reply.is_lost:
        return False
    keeps = headers.get("connection", "").lower() != "close"
    writer.write(_written(reply, keeps=keeps))
    await writer.drain()
    return keeps


def _written(reply: Reply, *, keeps: bool) -> bytes:
    fields = {**reply.headers, "content-length": str(len(reply.body)), "connection": "keep-alive" if keeps else "close"}
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", *(f"{k}: {v}" for k, v in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + reply.body


async def ask(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", within: float = 20.0) -> Reply:
    """One request to a server of this machine, on a connection of its own. Raises OSError, TimeoutError, ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError("the doubles call this machine only")
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            fields = {"host": parts.netloc, "content-length": str(len(body)), "connection": "close", **headers}
            lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
            await writer.drain()
            status = int((await reader.readline()).split(b" ")[1])
            while (await reader.readline()).strip():
                pass
            return Reply(status, await reader.read(_MOST_HEAD))
        except IndexError:
            raise ValueError("no answer of HTTP") from None
        finally:
            writer.close()
