"""Live events: who hears what, and that nobody hears any more once her rights have ended (P5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection, connections

from amanat import live
from amanat.accounts.models import Member, Session, User, Workspace
from amanat.accounts.tests import factories
from amanat.core import announcements, clock, ids, tenancy

pytestmark = pytest.mark.usefixtures("committed_db")
Message = dict[str, Any]


def cookie_of(member: Member) -> bytes:
    client = factories.signed_in(member)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}".encode()


class Page:
    """One request to the live process, as its server would hand it over."""

    def __init__(
        self, path: str = "/live/events", *, method: str = "GET", cookie: bytes | None = None, origin: str = ""
    ) -> None:
        headers = [(b"host", b"localhost")] + ([(b"cookie", cookie)] if cookie is not None else [])
        headers += [(b"origin", origin.encode())] if origin else []
        self.scope = {"type": "http", "path": path, "method": method, "headers": headers}
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.task = asyncio.create_task(live.application(self.scope, self._receive, self.sent.put))

    async def _receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def next(self, seconds: float = 3.0) -> Message:
        return await asyncio.wait_for(self.sent.get(), seconds)

    async def status(self) -> int:
        return int((await self.next())["status"])

    async def heard(self) -> str:
        """The next event; comments that keep the line open are passed over."""
        while True:
            message = await self.next()
            if not message["body"].startswith(b":"):
                return str(message["body"].decode())

    async def ends(self) -> None:
        while (await self.next()).get("more_body"):
            pass
        await asyncio.wait_for(self.task, 3)


async def until(fact: Callable[[], bool]) -> None:
    for _ in range(600):
        if fact():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen in time")


@asynccontextmanager
async def listening() -> AsyncIterator[live.Hub]:
    """A hub of this test alone, which hears."""
    hub = live.hub = live.Hub()
    hub.start()
    try:
        await until(lambda: hub.is_listening)
        yield hub
    finally:
        assert hub.listener is not None
        hub.listener.cancel()


def run(check: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(check())


async def tell(workspace: Workspace, topic: str = "people.import", about: UUID | None = None) -> None:
    def announce() -> None:
        announcements.announce(topic, workspace=workspace, about=about or UUID(int=1))
        connections.close_all()

    await asyncio.to_thread(announce)


async def do(work: Callable[[], object]) -> None:
    def and_close() -> None:
        work()
        connections.close_all()

    await asyncio.to_thread(and_close)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.05)


def test_a_member_hears_of_her_workspace_and_of_no_other(shree: Workspace, other: Workspace) -> None:
    mine, theirs, about = cookie_of(factories.owner_of(shree)), cookie_of(factories.owner_of(other)), ids.new()

    async def check() -> None:
        async with listening():
            here, there = Page(cookie=mine), Page(cookie=theirs)
            assert [await here.status(), await there.status()] == [200, 200]
            await tell(shree, about=about)
            await tell(other, "desk.other", about)
            assert await here.heard() == f"event: people.import\ndata: {about}\n\n"
            assert await there.heard() == f"event: desk.other\ndata: {about}\n\n"
            assert here.sent.empty() and there.sent.empty()

    run(check)


@pytest.mark.parametrize(
    ("origin", "may_read"),
    [
        (settings.BASE_URL, True),
        ("https://evil.example", False),
        ("null", False),
        (f"{settings.BASE_URL}.evil.example", False),
    ],
)
def test_without_a_proxy_only_our_own_pages_may_read_it(shree: Workspace, origin: str, may_read: bool) -> None:
    cookie = cookie_of(factories.owner_of(shree))

    async def check() -> None:
        async with listening():
            page = Page(cookie=cookie, origin=origin)
            headers = dict((await page.next())["headers"])
            assert (headers.get(b"access-control-allow-origin") == origin.encode()) is may_read
            assert (b"access-control-allow-credentials" in headers) is may_read
            page.gone.set()
            await tell(shree)
            await page.ends()

    run(check)


def test_every_page_of_a_workspace_hears_and_one_that_left_is_forgotten(shree: Workspace) -> None:
    mine = cookie_of(factories.owner_of(shree))

    async def check() -> None:
        async with listening() as hub:
            pages = [Page(cookie=mine) for _ in range(3)]
            for page in pages:
                assert await page.status() == 200
            pages[0].gone.set()
            await tell(shree)
            for page in pages[1:]:
                assert "people.import" in await page.heard()
            await pages[0].ends()
            assert len(hub.pages[shree.pk]) == 2
            for page in pages[1:]:
                page.gone.set()
            await tell(shree)
            for page in pages[1:]:
                await page.ends()
            assert hub.pages == {}

    run(check)


def test_the_stream_says_that_nobody_may_keep_it(shree: Workspace) -> None:
    mine = cookie_of(factories.owner_of(shree))

    async def check() -> None:
        async with listening():
            headers = dict((await Page(cookie=mine).next())["headers"])
            assert headers[b"content-type"] == b"text/event-stream"
            assert headers[b"cache-control"] == b"no-store"
            assert headers[b"x-accel-buffering"] == b"no"

    run(check)


@pytest.mark.parametrize(
    "cookie",
    [
        None, b"", b"amanat=", b"other=1", b"SESSION=x; SESSION=", b"\xff\xfe", b"=;=;=", b"a" * 10_000, b'"', b"x=\"unended", b"[]=1; {}",
        b"sessionid=" + b"a" * 32, b"NAME=" + b"a" * 32, b"NAME=" + b"%00" * 11, b"NAME=../../etc/passwd", b"NAME=' OR 1=1 --",
    ],
)  # fmt: skip
def test_who_is_not_signed_in_hears_nothing(cookie: bytes | None, shree: Workspace) -> None:
    if cookie is not None:
        cookie = cookie.replace(b"NAME", settings.SESSION_COOKIE_NAME.encode())

    async def check() -> None:
        async with listening() as hub:
            page = Page(cookie=cookie)
            assert await page.status() == 401
            await page.ends()
            assert hub.pages == {}

    run(check)


def _ended_seat(member: Member) -> None:
    with tenancy.inside(member.workspace_id):
        Member.objects.of(member.workspace_id).filter(pk=member.pk).update(ended_at=clock.now())


def _disabled(member: Member) -> None:
    User.objects.filter(pk=member.user_id).update(is_active=False)


def _signed_out(member: Member) -> None:
    Session.objects.filter(user_id=member.user_id).delete()


def _expired(member: Member) -> None:
    Session.objects.filter(user_id=member.user_id).update(expire_date=clock.now())


def _elsewhere(member: Member) -> None:
    Session.objects.filter(user_id=member.user_id).update(workspace_id=None)


ENDINGS = [_ended_seat, _disabled, _signed_out, _expired, _elsewhere]


@pytest.mark.parametrize("end", ENDINGS)
def test_whose_rights_have_ended_is_not_let_in(end: Callable[[Member], None], shree: Workspace) -> None:
    member = factories.make_member(shree)
    mine = cookie_of(member)
    end(member)

    async def check() -> None:
        async with listening():
            assert await Page(cookie=mine).status() == 401

    run(check)


@pytest.mark.parametrize("end", ENDINGS)
def test_an_open_stream_ends_with_the_rights(end: Callable[[Member], None], quick: None, shree: Workspace) -> None:
    member = factories.make_member(shree)
    mine, owners = cookie_of(member), cookie_of(factories.owner_of(shree))

    async def check() -> None:
        async with listening() as hub:
            page, stays = Page(cookie=mine), Page(cookie=owners)
            assert [await page.status(), await stays.status()] == [200, 200]
            assert (await page.next())["body"].startswith(b":")
            await do(lambda: end(member))
            await page.ends()
            assert len(hub.pages[shree.pk]) == 1
            await tell(shree)
            assert "people.import" in await stays.heard()

    run(check)


def test_a_workspace_that_never_rests_delays_no_check(quick: None, shree: Workspace) -> None:
    """News without a pause between: the sign-in is asked again all the same."""
    member = factories.make_member(shree)
    mine = cookie_of(member)

    async def check() -> None:
        async with listening() as hub:
            page = Page(cookie=mine)
            assert await page.status() == 200
            news = json.dumps({"workspace": str(shree.pk), "topic": "desk.busy", "id": "1"})

            async def never_rest() -> None:
                while True:
                    hub._pass_on(news)
                    await asyncio.sleep(0.005)

            noise = asyncio.create_task(never_rest())
            await do(lambda: _disabled(member))
            await page.ends()
            noise.cancel()

    run(check)


def test_the_check_comes_within_five_seconds() -> None:
    assert live.CHECK_SECONDS <= 5


def test_a_page_too_slow_is_ended_and_the_others_hear_on(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WAITING", 5)

    async def check() -> None:
        hub = live.Hub()
        slow, quick = hub.join(shree.pk), hub.join(shree.pk)
        for number in range(6):
            hub._pass_on(json.dumps({"workspace": str(shree.pk), "topic": "desk.busy", "id": str(number)}))
            assert await quick.get() == ("desk.busy", str(number))
        assert hub.pages[shree.pk] == {quick}
        assert [slow.get_nowait() for _ in range(slow.qsize())][-1] is None  # which ends its stream

    run(check)


@pytest.mark.parametrize(
    "payload",
    ["", "x", "{}", "[]", "7", "null", '{"workspace": "x", "topic": "a", "id": "b"}', '{"workspace": 7, "topic": "a", "id": "b"}',
     '{"workspace": "00000000-0000-0000-0000-000000000001"}'],
)  # fmt: skip
def test_news_that_is_not_ours_ends_nothing(payload: str, shree: Workspace) -> None:
    mine = cookie_of(factories.owner_of(shree))

    async def check() -> None:
        async with listening() as hub:
            page = Page(cookie=mine)
            assert await page.status() == 200

            def noise() -> None:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_notify(%s, %s)", [announcements.CHANNEL, payload])

            await do(noise)
            await tell(shree)
            assert "people.import" in await page.heard()
            assert hub.is_listening

    run(check)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/live/healthz", "GET", 200), ("/live/events", "POST", 404), ("/live/events/", "GET", 404), ("/", "GET", 404),
        ("/live/../healthz", "GET", 404), ("/live/events?x", "GET", 404), ("/live/EVENTS", "GET", 404),
    ],
)  # fmt: skip
def test_other_addresses_say_nothing(path: str, method: str, status: int, shree: Workspace) -> None:
    mine = cookie_of(factories.owner_of(shree))

    async def check() -> None:
        async with listening():
            page = Page(path, method=method, cookie=mine)
            assert await page.status() == status
            assert (await page.next())["body"] == (b"ok\n" if status == 200 else b"no\n")

    run(check)


def test_the_health_is_that_of_the_listener() -> None:
    async def check() -> None:
        async with listening() as hub:
            hub.is_listening = False
            assert await Page("/live/healthz").status() == 503
            hub.is_listening = True
            assert await Page("/live/healthz").status() == 200

    run(check)


def test_the_listener_comes_back_when_its_connection_is_cut(shree: Workspace, superuser: Any) -> None:
    mine = cookie_of(factories.owner_of(shree))

    async def check() -> None:
        async with listening() as hub:
            page = Page(cookie=mine)
            assert await page.status() == 200
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
            )
            await until(lambda: not hub.is_listening)
            await until(lambda: hub.is_listening)
            await tell(shree)
            assert "people.import" in await page.heard()

    run(check)


def test_starting_and_stopping_are_answered() -> None:
    async def check() -> None:
        live.hub = live.Hub()
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        outgoing: asyncio.Queue[Message] = asyncio.Queue()
        for step in ("startup", "shutdown"):
            incoming.put_nowait({"type": f"lifespan.{step}"})
        await live.application({"type": "lifespan"}, incoming.get, outgoing.put)
        answers = [outgoing.get_nowait()["type"] for _ in range(2)]
        assert answers == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    run(check)
