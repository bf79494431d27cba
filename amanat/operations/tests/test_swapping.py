"""A built cluster takes the place of the one in use, wherever a kill may fall."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from amanat.core import wholefiles
from amanat.core.configuration import Configuration
from amanat.operations import swapping
from amanat.operations.tests import places

MADE_AT = "2026-11-22T04:45:00+00:00"


@pytest.fixture
def here(place: Path) -> Configuration:
    found = places.install(place)
    cluster(found.data / "postgres", "old")
    cluster(swapping.beside(found.data) / "postgres", "new")
    return found


def cluster(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text(name)


def holds(here: Configuration) -> str:
    return (here.data / "postgres/PG_VERSION").read_text()


def names(here: Configuration) -> set[str]:
    return {path.name for path in here.data.iterdir()}


def test_nothing_is_swapped_before_it_is_ready_and_what_was_half_built_goes(here: Configuration) -> None:
    swapping.finish(here, here.data)
    assert holds(here) == "old"
    assert names(here) == {"postgres"}


def test_a_ready_one_takes_the_place_and_the_site_stays_closed(here: Configuration) -> None:
    swapping.begin(here.data, made_at=MADE_AT)
    swapping.finish(here, here.data)
    assert holds(here) == "new"
    assert names(here) == {"postgres", "restored.json"}
    assert json.loads(swapping.restored_mark(here).read_text()) == {"made_at": MADE_AT}
    swapping.finish(here, here.data)  # and doing it again changes nothing
    assert (holds(here), names(here)) == ("new", {"postgres", "restored.json"})


def test_on_a_new_machine_there_is_nothing_to_put_aside(place: Path) -> None:
    here = places.install(place)
    cluster(swapping.beside(here.data) / "postgres", "new")
    swapping.begin(here.data, made_at=MADE_AT)
    swapping.finish(here, here.data)
    assert (holds(here), names(here)) == ("new", {"postgres", "restored.json"})


class Killed(Exception):
    pass


@pytest.mark.parametrize("step", range(6))
def test_killed_at_any_step_the_next_start_finishes_it(
    here: Configuration, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call that changes the disk may be the last one."""
    swapping.begin(here.data, made_at=MADE_AT)
    left = [step]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*words: object, **more: object) -> object:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*words, **more)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(Path, "unlink", counted(Path.unlink))
        patch.setattr(swapping.shutil, "rmtree", counted(swapping.shutil.rmtree))
        patch.setattr(swapping.wholefiles, "write", counted(wholefiles.write))
        with pytest.raises(Killed):
            swapping.finish(here, here.data)
    if step:
        assert swapping.restored_mark(here).exists()
    swapping.finish(here, here.data)
    assert (holds(here), names(here)) == ("new", {"postgres", "restored.json"})


def test_a_former_one_left_from_an_earlier_time_is_not_taken_for_the_one_in_use(here: Configuration) -> None:
    cluster(here.data / "postgres.former", "older")
    swapping.begin(here.data, made_at=MADE_AT)
    swapping.finish(here, here.data)
    assert (holds(here), names(here)) == ("new", {"postgres", "restored.json"})
