"""Reading our own pages as a stranger would, through the whole site, without a network: for the probes."""

from __future__ import annotations

import io
from copy import copy
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponseBase

#: Attributes by which a page makes a browser fetch something of itself.
_FETCHING = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
}
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_FETCHING_LINKS = frozenset({"stylesheet", "icon", "preload", "modulepreload", "manifest", "apple-touch-icon"})


@cache
def _handler() -> BaseHandler:
    handler = BaseHandler()
    handler.load_middleware()
    return handler


def visit(address: str, **headers: str) -> Visited:
    """What a browser without any cookie is answered at `address` (a path and query of this site)."""
    parts = urlsplit(address)
    base = urlsplit(settings.BASE_URL)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": settings.CONFIGURATION.host_name,
        "SERVER_PORT": str(base.port or (443 if base.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": settings.CONFIGURATION.host_name,
        "wsgi.url_scheme": base.scheme,
        "wsgi.input": io.BytesIO(),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    return Visited(_handler().get_response(WSGIRequest(environ)))


class Visited:
    """An answer, and what stands in its page."""

    def __init__(self, answer: HttpResponseBase) -> None:
        self.status = answer.status_code
        self.cookies = tuple(answer.cookies)
        self.headers = dict(answer.items())
        #: whether every cookie of the answer is bound to encrypted connections
        self.is_bound = all(cookie["secure"] for cookie in answer.cookies.values())
        self._read(b"".join(answer).decode() if self.status == 200 else "")

    def _read(self, text: str) -> None:
        self.text = text
        reader = _Reader()
        reader.feed(self.text)
        self.ids, self.meta, self.links, self.scripts = reader.ids, reader.meta, reader.links, reader.scripts
        #: what a screen reader goes by: the page's language, its headings' levels in order, pictures without words
        self.language, self.headings, self.wordless = reader.language, tuple(reader.headings), reader.wordless
        self.elsewhere = tuple(url for url in reader.fetched if urlsplit(url).netloc)
        self.said = " ".join(" ".join(reader.texts).split())


def read(answered: Visited, text: str) -> Visited:
    """The same answer, had its page said `text`."""
    again = copy(answered)
    again._read(text)
    return again


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: set[str] = set()
        self.meta: dict[str, str] = {}
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.texts: list[str] = []
        self.scripts = 0
        self.language = ""
        self.headings: list[int] = []
        self.wordless = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        self.scripts += tag == "script"
        self.fetched += [value for name, value in held.items() if (tag, name) in _FETCHING]
        if "id" in held:
            self.ids.add(held["id"])
        if tag == "html":
            self.language = held.get("lang", "")
        if tag in _HEADINGS:
            self.headings.append(int(tag[1]))
        self.wordless += tag == "img" and "alt" not in held
        if tag == "meta" and "name" in held:
            self.meta[held["name"]] = held.get("content", "")
        if tag == "a":
            self.links.append(held.get("href", ""))
        if tag == "link" and _FETCHING_LINKS & set(held.get("rel", "").split()):
            self.fetched.append(held.get("href", ""))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
