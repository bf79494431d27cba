"""Who brings the database up to date: one process at a time."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection, transaction

from amanat.core import configuration
from amanat.core.configuration import Configuration
from amanat.operations import migrate, roles

WAITING = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    " AND objid = (hashtext(%s)::bigint & 4294967295)::oid"
)
TRY = "SELECT pg_try_advisory_lock(hashtext('amanat.operations'), hashtext(%s))"
NAME = "a test of turns"


@pytest.fixture
def here(db: None) -> Configuration:
    return configuration.current()


@pytest.fixture
def beside(here: Configuration) -> Iterator[psycopg.Connection]:
    with roles.connect(migrate.meeting_place(here)) as connection:
        yield connection


def _is_held(beside: psycopg.Connection, what: str) -> bool:
    row = beside.execute(TRY, [what]).fetchone()
    assert row is not None
    if row[0]:
        beside.execute("SELECT pg_advisory_unlock_all()")
    return not row[0]


def test_the_second_waits_until_the_first_is_done(here: Configuration, beside: psycopg.Connection) -> None:
    done: list[str] = []

    def second() -> None:
        with migrate.one_at_a_time(here, NAME):
            done.append("second")

    thread = threading.Thread(target=second)
    with migrate.one_at_a_time(here, NAME):
        thread.start()
        while beside.execute(WAITING, [NAME]).fetchone() == (0,):
            assert thread.is_alive(), "the second did not wait"
        done.append("first")
    thread.join(timeout=30)
    assert done == ["first", "second"]


def test_one_that_fails_lets_go(here: Configuration, beside: psycopg.Connection) -> None:
    with pytest.raises(RuntimeError), migrate.one_at_a_time(here, NAME):
        assert _is_held(beside, NAME)
        raise RuntimeError
    beside.execute("SET lock_timeout = '20s'")  # the server may notice a moment later
    beside.execute("SELECT pg_advisory_lock(hashtext('amanat.operations'), hashtext(%s))", [NAME])


def test_different_work_does_not_wait(here: Configuration, beside: psycopg.Connection) -> None:
    with migrate.one_at_a_time(here, NAME):
        assert not _is_held(beside, f"{NAME}, another")


def test_roles_and_tables_are_made_within_the_turn(
    here: Configuration, beside: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the very first step: roles made by two at once fail too."""
    held: list[bool] = []

    def set_up(_: Configuration) -> None:
        held.append(_is_held(beside, "migrate"))
        raise RuntimeError

    monkeypatch.setattr(roles, "set_up", set_up)
    with pytest.raises(RuntimeError):
        migrate.run()
    assert held == [True]


@pytest.mark.slow
def test_what_a_deadlock_ended_is_done_again(db: None, superuser: psycopg.Connection) -> None:
    """The other one holds the second lock and asks for the first, and is not the one that the database ends."""
    superuser.execute("SET deadlock_timeout = '1h'")
    superuser.execute("SELECT pg_advisory_lock(2, 2)")
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(1, 1)")
            if len(tries) == 1:
                other.start()
            cursor.execute("SELECT pg_advisory_xact_lock(2, 2)")

    other = threading.Thread(
        target=lambda: superuser.execute("SELECT pg_advisory_lock(1, 1), pg_advisory_unlock_all()")
    )
    migrate.again_after_deadlock(work)
    other.join()
    assert len(tries) == 2
