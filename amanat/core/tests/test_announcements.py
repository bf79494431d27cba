"""News for open pages: heard after the commit, never after a rollback, and never with a value in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import transaction
from psycopg.conninfo import make_conninfo

from amanat.core import announcements, ids

pytestmark = pytest.mark.usefixtures("committed_db")
HERE = UUID(int=0xA2)


@pytest.fixture
def ear() -> Iterator[psycopg.Connection]:
    entry = settings.DATABASES["default"]
    address = make_conninfo(
        host=entry["HOST"], port=entry["PORT"], dbname=entry["NAME"], user=entry["USER"], password=entry["PASSWORD"]
    )
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"LISTEN {announcements.CHANNEL}")
        yield connection


def heard(ear: psycopg.Connection) -> list[dict[str, str]]:
    """All that was told until now: what the ear itself says last comes behind it."""
    ear.execute("SELECT pg_notify(%s, 'until now')", [announcements.CHANNEL])
    found = []
    for notice in ear.notifies(timeout=30):
        if notice.payload == "until now":
            break
        found.append(json.loads(notice.payload))
    return found


def test_news_is_heard_after_the_commit_and_holds_ids_only(ear: psycopg.Connection) -> None:
    about = ids.new()
    with transaction.atomic():
        announcements.announce("people.import", workspace=HERE, about=about)
        assert heard(ear) == []
    assert heard(ear) == [{"workspace": str(HERE), "topic": "people.import", "id": str(about)}]


def test_what_did_not_happen_is_not_told(ear: psycopg.Connection) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        announcements.announce("people.import", workspace=HERE, about=ids.new())
        raise ZeroDivisionError
    assert heard(ear) == []


def test_the_same_news_twice_in_one_transaction_is_told_once(ear: psycopg.Connection) -> None:
    about = ids.new()
    with transaction.atomic():
        for _ in range(3):
            announcements.announce("people.import", workspace=HERE, about=about)
    assert len(heard(ear)) == 1


def test_news_comes_in_order(ear: psycopg.Connection) -> None:
    wanted = [f"subject.thing{number}" for number in range(20)]
    for topic in wanted:
        announcements.announce(topic, workspace=HERE, about=HERE)
    assert [news["topic"] for news in heard(ear)] == wanted
