"""What the copies say of themselves, and what of it is trouble."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from amanat.core import configuration, safekeeping
from amanat.core.configuration import Configuration
from amanat.core.safekeeping import Archive, Nightly, Trouble

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def here(tmp_path: Path) -> Configuration:
    return configuration.load({"AMANAT_DATA": str(tmp_path / "data")})


def ago(**length: float) -> str:
    return (NOW - timedelta(**length)).isoformat()


def say(here: Configuration, *states: Nightly | Archive) -> None:
    for state in states:
        path = safekeeping.nightly_file(here) if isinstance(state, Nightly) else safekeeping.archive_file(here)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(safekeeping.as_text(state))


GOOD = (Nightly(since=ago(days=9), made_at=ago(hours=7)), Archive(since=ago(days=9), newest=ago(seconds=8)))


@pytest.mark.parametrize(
    ("nightly", "archive", "troubles"),
    [
        ({}, {}, []),
        ({"made_at": ago(hours=26)}, {}, []),
        ({"made_at": ago(hours=26, seconds=1)}, {}, [Trouble.BACKUP_STALE]),
        ({"made_at": "", "since": ago(hours=20)}, {}, []),
        ({"made_at": "", "since": ago(hours=27)}, {}, [Trouble.BACKUP_STALE]),
        ({"problem": "no room"}, {}, [Trouble.BACKUP_FAILED]),
        ({"problem": "no room", "made_at": ago(days=3)}, {}, [Trouble.BACKUP_FAILED]),
        ({}, {"newest": ago(minutes=15)}, []),
        ({}, {"newest": ago(minutes=16)}, [Trouble.ARCHIVE_STALE]),
        ({}, {"newest": "", "since": ago(minutes=2)}, []),
        ({}, {"newest": "", "since": ago(minutes=20)}, [Trouble.ARCHIVE_STALE]),
        ({}, {"problem": "read-only"}, [Trouble.ARCHIVE_FAILED]),
        ({}, {"copy_problem": "no room", "newest": ago(days=2)}, [Trouble.ARCHIVE_FAILED]),
        ({"problem": "a"}, {"problem": "b"}, [Trouble.BACKUP_FAILED, Trouble.ARCHIVE_FAILED]),
        ({"since": "", "problem": "a"}, {"since": "", "problem": "b"}, []),
    ],
)
def test_what_is_trouble_and_what_is_not(
    here: Configuration, nightly: dict[str, str], archive: dict[str, str], troubles: list[Trouble]
) -> None:
    say(here, dataclasses.replace(GOOD[0], **nightly), dataclasses.replace(GOOD[1], **archive))
    assert safekeeping.troubles(here, NOW) == troubles


@pytest.mark.parametrize(
    ("changes", "troubles"),
    [
        ({"backup": False}, []),
        ({"archive_days": 0}, [Trouble.BACKUP_FAILED]),
        ({"database_url": "postgresql://a:b@c/d"}, [Trouble.BACKUP_FAILED]),
        ({}, [Trouble.BACKUP_FAILED, Trouble.ARCHIVE_FAILED]),
    ],
)
def test_what_is_switched_off_is_no_trouble(
    here: Configuration, changes: dict[str, object], troubles: list[Trouble]
) -> None:
    bad = [dataclasses.replace(state, problem="no room") for state in GOOD]
    say(here, *bad)
    assert safekeeping.troubles(dataclasses.replace(here, **changes), NOW) == troubles


def test_where_nothing_was_ever_begun_there_is_nothing_to_tell(here: Configuration) -> None:
    assert safekeeping.troubles(here, NOW) == []
    assert (safekeeping.nightly(here), safekeeping.archive(here)) == (Nightly(), Archive())


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"x"', "7", '{"other": 1}'])
def test_a_file_that_cannot_be_understood_says_nothing(here: Configuration, content: str) -> None:
    say(here, Nightly())
    safekeeping.nightly_file(here).write_text(content)
    assert safekeeping.nightly(here) == Nightly()
    assert safekeeping.troubles(here, NOW) == []


def test_fields_of_a_later_version_are_passed_over_and_those_lacking_are_empty(here: Configuration) -> None:
    say(here, Archive())
    safekeeping.archive_file(here).write_text(json.dumps({"since": "s", "later": "x", "newest": 5}))
    assert safekeeping.archive(here) == Archive(since="s", newest="5")


def test_what_is_written_is_read(here: Configuration) -> None:
    state = Nightly(since="a", tried_at="b", made_at="c", file="d", trial_at="e", problem="f")
    say(here, state)
    assert safekeeping.nightly(here) == state
