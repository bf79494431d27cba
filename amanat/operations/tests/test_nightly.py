"""When the nightly backup is due, what it keeps, what it tells. And one of them, made by the command."""

import dataclasses
import json
import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from amanat.core import clock, safekeeping
from amanat.core.configuration import Configuration
from amanat.operations import Refused, backup, doctor, dumps, nightly
from amanat.operations.tests import places

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
def here(place: Path) -> Configuration:
    """Nightly backups began at NOW."""
    found = places.install(place, AMANAT_BACKUP_AT="02:30")
    with clock.standing_at(NOW):
        nightly.begin(found)
    return found


def after(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def local(at: datetime, hour: int) -> datetime:
    """The first moment after `at` at which this machine's clock says `hour`:30."""
    found = at.astimezone().replace(hour=hour, minute=30, second=0, microsecond=0)
    return found if found > at else found + timedelta(days=1)


def test_the_first_is_due_at_the_next_hour_and_not_at_once(here: Configuration) -> None:
    due = local(NOW, 2)
    assert not nightly.is_due(here, NOW)
    assert not nightly.is_due(here, due - timedelta(seconds=1))
    assert nightly.is_due(here, due)


def test_a_night_that_was_missed_is_made_up_for(here: Configuration) -> None:
    assert nightly.is_due(here, local(NOW, 2) + timedelta(hours=9))


def test_one_a_night(here: Configuration) -> None:
    at = local(NOW, 2)
    nightly._store(here, nightly.State(since=NOW.isoformat(), tried_at=at.isoformat(), made_at=at.isoformat()))
    assert not nightly.is_due(here, at + timedelta(hours=23))
    assert nightly.is_due(here, at + timedelta(hours=24))


def test_a_failed_one_is_tried_again_in_an_hour_and_told(here: Configuration) -> None:
    at = local(NOW, 2)
    with pytest.raises(Refused, match="nightly backup failed"):
        nightly.run(here, at)  # there is no database
    assert not nightly.is_due(here, at + timedelta(minutes=59))
    assert nightly.is_due(here, at + timedelta(minutes=60))
    [finding] = doctor._backups(here)
    assert (finding.state, finding.sentence[:30]) == ("fail", "The last nightly backup failed")


def test_switched_off_it_is_never_due(here: Configuration) -> None:
    off = dataclasses.replace(here, backup=False)
    assert not nightly.is_due(off, after(100))
    assert [finding.state for finding in doctor._backups(off)] == ["warn"]


def test_an_unreadable_state_is_begun_anew(here: Configuration) -> None:
    safekeeping.nightly_file(here).write_text("{")
    assert nightly.state(here) == nightly.State()
    nightly.begin(here)
    assert nightly.state(here).since


def make(here: Configuration, *days: int) -> None:
    for day in days:
        name = f"amanat-{NOW - timedelta(days=day):%Y-%m-%dT%H%M%SZ}.amanat"
        for path in (here.backup_folder / name, here.backup_folder / "keys" / (name + backup.KEYS)):
            path.parent.mkdir(exist_ok=True)
            path.touch()


def kept(here: Configuration) -> list[tuple[int, bool]]:
    """Age in days of the backups that are left, and whether their keys are."""
    found = []
    for path in here.backup_folder.glob("amanat-*.amanat"):
        keys = here.backup_folder / "keys" / (path.name + backup.KEYS)
        found.append(((NOW - nightly._made(path)).days, keys.exists()))
    return sorted(found)


def test_the_newest_are_kept_with_their_keys(here: Configuration) -> None:
    few = dataclasses.replace(here, backup_keep=3)
    make(few, 1, 2, 3, 4, 5)
    nightly.prune(few, NOW)
    assert kept(few) == [(1, True), (2, True), (3, True)]
    assert len(list((few.backup_folder / "keys").iterdir())) == 3


def test_nothing_is_older_than_30_days_even_when_little_was_made(here: Configuration) -> None:
    make(here, 2, 29, 30, 40)
    (here.backup_folder / "holiday.jpg").touch()
    nightly.prune(here, NOW)
    assert kept(here) == [(2, True), (29, True)]
    assert (here.backup_folder / "holiday.jpg").exists()


def test_keys_whose_backup_is_gone_go_too_and_former_root_keys_after_30_days(here: Configuration) -> None:
    make(here, 1)
    orphan = here.backup_folder / "keys" / "amanat-2026-11-01T023000Z.amanat.keys"
    orphan.touch()
    former = dumps.former_root_keys(here)
    former.touch()
    os.utime(former, (after(-29 * 24).timestamp(),) * 2)
    nightly.prune(here, NOW)
    assert (orphan.exists(), former.exists(), kept(here)) == (False, True, [(1, True)])
    nightly.prune(here, after(24))
    assert not former.exists()


@pytest.mark.parametrize(("hours", "state"), [(1, "ok"), (25, "ok"), (27, "warn")])
def test_the_doctor_tells_how_old_the_newest_is(here: Configuration, hours: int, state: str) -> None:
    make(here, 0)
    [path] = here.backup_folder.glob("amanat-*.amanat")
    nightly._store(here, nightly.State(since=NOW.isoformat(), made_at=NOW.isoformat(), file=path.name))
    with clock.standing_at(after(hours)):
        assert [finding.state for finding in doctor._backups(here)] == [state]
        path.unlink()
        assert [finding.state for finding in doctor._backups(here)] == ["fail"]


def test_the_hour_is_a_setting(here: Configuration) -> None:
    evening = dataclasses.replace(here, backup_at=time(21, 30))
    assert nightly.is_due(evening, local(NOW, 21))
    assert not nightly.is_due(evening, local(NOW, 21) - timedelta(minutes=1))


@pytest.mark.slow
def test_the_command_makes_one_tries_it_out_and_the_doctor_is_content(place: Path) -> None:
    here = places.migrated(place)
    code, output = places.run(here.data, "backup", "--nightly", by_itself=True)
    assert code == 0, output
    assert "was restored for a trial" in output
    [path] = here.backup_folder.glob("*.amanat")
    assert backup.keys_of(path) == here.backup_folder / "keys" / (path.name + backup.KEYS)
    assert backup.opened(here, path).summary["counts"]["accounts_workspace"] == 0
    known = nightly.state(here)
    assert (known.file, known.problem, bool(known.made_at), bool(known.trial_at)) == (path.name, "", True, True)
    code, output = places.run(here.data, "doctor", "--json")
    assert {check["name"]: check["state"] for check in json.loads(output)["checks"]}["backups"] == "ok"
    for words in (["backup"], ["backup", "--nightly", "x"]):
        assert places.run(here.data, *words)[0] == 2


def test_keys_of_the_archive_are_not_taken_for_keys_without_a_backup(here: Configuration) -> None:
    make(here, 1)
    key = here.backup_folder / "keys/archive/2026-11-22T023000Z.keys"
    key.parent.mkdir()
    key.touch()
    (here.backup_folder / "archive/2026-11-22T023000Z").mkdir(parents=True)
    nightly.prune(here, after(24 * 40))
    assert (key.exists(), kept(here)) == (True, [])
    assert (here.backup_folder / "archive/2026-11-22T023000Z").exists()
