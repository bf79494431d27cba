"""A restored database and its files take the place of the ones in use together, wherever a kill may fall."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from amanat.core import wholefiles
from amanat.core.configuration import Configuration
from amanat.operations import exchanging, swapping
from amanat.operations.tests import places

MADE_AT = "2026-11-22T04:45:00+00:00"
NAMES = ("exchange_live", "exchange_restore", "exchange_former")
#: Calls of a finish that change something: three of the database, the mark, two folders, and three to tidy up.
STEPS = 9


class Killed(BaseException):
    pass


@pytest.fixture
def server(superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """Of the tests' own server, with databases of other names. A database's comment says which one it is."""
    for constant, name in zip(("LIVE", "BESIDE", "FORMER"), NAMES, strict=True):
        monkeypatch.setattr(exchanging, constant, name)
    superuser.commit()
    superuser.autocommit = True
    yield superuser
    for name in NAMES:
        exchanging.drop(superuser, name)


@pytest.fixture
def here(place: Path, server: psycopg.Connection) -> Configuration:
    found = places.install(place)
    build(found, server)
    return found


def build(here: Configuration, server: psycopg.Connection) -> None:
    for name, what in zip(NAMES, ("old", "new"), strict=False):
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        server.execute(f"COMMENT ON DATABASE {name} IS '{what}'")
    for folder, what in ((exchanging.files(here), "old"), (exchanging.files_beside(here), "new")):
        folder.mkdir(parents=True)
        (folder / "which").write_text(what)


def state(here: Configuration, server: psycopg.Connection) -> tuple[dict[str, str], str, set[str]]:
    """Databases with what they are, what the files are, and what lies in the data folder."""
    databases = dict(
        server.execute(
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = ANY(%s)",
            [list(NAMES)],
        ).fetchall()
    )
    return (
        databases,
        (exchanging.files(here) / "which").read_text(),
        {path.name for path in here.data.iterdir()} - {"postgres"},
    )


OLD = ({"exchange_live": "old"}, "old", {"files"})
NEW = ({"exchange_live": "new"}, "new", {"files", "restored.json"})


def test_before_the_note_everything_stays_and_what_was_built_goes(
    here: Configuration, server: psycopg.Connection
) -> None:
    exchanging.finish(here, server)
    assert state(here, server) == OLD


def test_both_take_their_places_and_the_site_stays_closed(here: Configuration, server: psycopg.Connection) -> None:
    exchanging.begin(here, made_at=MADE_AT)
    exchanging.finish(here, server)
    assert state(here, server) == NEW
    assert json.loads(swapping.restored_mark(here).read_text()) == {"made_at": MADE_AT}
    exchanging.finish(here, server)  # and doing it again changes nothing
    assert state(here, server) == NEW


@pytest.mark.slow  # a database is made for each step
def test_killed_at_any_step_the_next_start_finishes_it(place: Path, server: psycopg.Connection) -> None:
    """Each call that changes something may be the last one; the site is marked as soon as the database in use is the restored one."""
    for step in range(STEPS):
        here = places.install(place / str(step))
        build(here, server)
        exchanging.begin(here, made_at=MADE_AT)
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            _dies_at(patch, step)
            exchanging.finish(here, server)
        exchanging.finish(here, server)
        assert state(here, server) == NEW, step


def _dies_at(patch: pytest.MonkeyPatch, step: int) -> None:
    left = [step]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*words: object, **more: object) -> object:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*words, **more)

        return call

    for owner, name in (
        (exchanging, "drop"),
        (exchanging, "_rename"),
        (wholefiles, "write"),
        (exchanging.shutil, "rmtree"),
        (Path, "rename"),
        (Path, "unlink"),
    ):
        patch.setattr(owner, name, counted(getattr(owner, name)))


def test_a_database_that_cannot_be_renamed_leaves_live_data_unmarked(
    here: Configuration, server: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the next start would park the jobs of live data and void its newer passwords."""

    def refuse(*words: object) -> None:
        raise psycopg.errors.ObjectInUse("database is being accessed by other users")

    exchanging.begin(here, made_at=MADE_AT)
    with monkeypatch.context() as patch:
        patch.setattr(exchanging, "_rename", refuse)
        with pytest.raises(psycopg.errors.ObjectInUse):
            exchanging.finish(here, server)
        assert not swapping.restored_mark(here).exists()
        exchanging.give_up(here, server)
    assert state(here, server) == OLD
    exchanging.finish(here, server)
    assert state(here, server) == OLD


def test_giving_up_after_the_exchange_of_the_database_goes_on_at_the_next_start(
    here: Configuration, server: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: object) -> None:
        raise OSError("No space left on device")

    exchanging.begin(here, made_at=MADE_AT)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        with pytest.raises(OSError, match="No space"):
            exchanging.finish(here, server)
        exchanging.give_up(here, server)
    exchanging.finish(here, server)
    assert state(here, server) == NEW
